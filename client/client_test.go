package client_test

import (
	"net/http"
	"strings"
	"testing"

	"connectrpc.com/connect/v2"
	"connectrpc.com/connect/v2/connecthttp"

	"github.com/sallyport-rpc/sallyport/client"
	testv1 "github.com/sallyport-rpc/sallyport/gen/test/v1"
	"github.com/sallyport-rpc/sallyport/gen/test/v1/testv1client"
)

func TestNew(t *testing.T) {
	t.Parallel()
	const plaintext = "would be sent to api.example.com in plain text: write https://api.example.com, or allow it by client.WithUnsafePlaintextToken"
	token := client.WithToken("abc")
	tests := []struct {
		name    string
		url     string
		options []client.Option
		want    []string // in the error, which has as many lines; none where there is no error
	}{
		{"https", "https://api.example.com", nil, nil},
		{"https with a path", "https://api.example.com/rpc/", nil, nil},
		{"http", "http://api.example.com", nil, nil},
		{"no scheme", "api.example.com", nil, []string{`"api.example.com" has no scheme and host: write https://HOST`}},
		{"another scheme", "ftp://api.example.com", nil, []string{"has no scheme and host"}},
		{"no host", "https:///rpc", nil, []string{"has no scheme and host"}},
		{"no URL", "https://a b", nil, []string{"cannot be parsed"}},
		{"a user", "https://me:secret@api.example.com", nil, []string{`"https://me:xxxxx@api.example.com" names a user`}},
		{"a query", "https://api.example.com?x=1", nil, []string{"has a query"}},
		{"a fragment", "https://api.example.com#x", nil, []string{"a fragment"}},

		{"token over TLS", "https://api.example.com", []client.Option{token}, nil},
		{"token in plain text", "http://api.example.com", []client.Option{token}, []string{plaintext}},
		{"token in plain text, to a name that only begins like this machine", "http://localhost.example.com", []client.Option{token}, []string{"in plain text"}},
		{"token in plain text, to a name that only ends like this machine", "http://notlocalhost", []client.Option{token}, []string{"in plain text"}},
		{"token in plain text, to another machine of the network", "http://10.0.0.1:8080", []client.Option{token}, []string{"in plain text"}},
		{"token in plain text, to all interfaces", "http://0.0.0.0:8080", []client.Option{token}, []string{"in plain text"}},
		{"token in plain text, to this machine", "http://127.0.0.1:8080", []client.Option{token}, nil},
		{"token in plain text, to this machine by IPv6", "http://[::1]:8080", []client.Option{token}, nil},
		{"token in plain text, to this machine by IPv4 in IPv6", "http://[::ffff:127.0.0.1]:8080", []client.Option{token}, nil},
		{"token in plain text, to this machine by name", "http://LOCALHOST:8080", []client.Option{token}, nil},
		{"token in plain text, allowed", "http://api.example.com", []client.Option{client.WithUnsafePlaintextToken(), token}, nil},

		{"empty token", "https://x", []client.Option{client.WithToken("")}, []string{"client.WithToken: the token is empty"}},
		{"token with a line", "https://x", []client.Option{client.WithToken("a\r\nb")}, []string{"holds a space, a control character"}},
		{"token with a space", "https://x", []client.Option{client.WithToken("a b")}, []string{"holds a space"}},
		{"token outside ASCII", "https://x", []client.Option{client.WithToken("é")}, []string{"outside ASCII"}},
		{"nil source", "https://x", []client.Option{client.WithTokenSource(nil)}, []string{"client.WithTokenSource: the source is nil"}},
		{"nil HTTP client", "https://x", []client.Option{client.WithHTTPClient(nil)}, []string{"client.WithHTTPClient: the HTTP client is nil"}},
		{"nil interceptor", "https://x", []client.Option{client.WithInterceptors(nil)}, []string{"client.WithInterceptors: an interceptor is nil"}},
		{"nil transport option", "https://x", []client.Option{client.WithTransportOptions(connecthttp.WithGRPC(), nil)}, []string{"client.WithTransportOptions: an option is nil"}},
		{"nil option", "https://x", []client.Option{nil}, []string{"client.New: option 1 is nil"}},
		{"everything at once", "x", []client.Option{client.WithToken(""), client.WithHTTPClient(nil)}, []string{"no scheme", "the token is empty", "the HTTP client is nil"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			connection, err := client.New(test.url, test.options...)
			if (connection == nil) == (err == nil) || (err == nil) != (len(test.want) == 0) {
				t.Fatalf("got %v, %v", connection, err)
			}
			if err == nil {
				return
			}
			lines := strings.Split(err.Error(), "\n")
			if len(lines) != len(test.want) {
				t.Fatalf("got %q", lines)
			}
			for i, want := range test.want {
				if !strings.Contains(lines[i], want) {
					t.Errorf("got %q, want %q", lines[i], want)
				}
			}
		})
	}
}

// What a caller gets who makes a client without a connection is an error, at the call.
func TestNoConnection(t *testing.T) {
	t.Parallel()
	calls := testv1client.NewUnaryServiceClient(nil)
	if _, err := calls.Public(t.Context(), &testv1.Request{Owner: "alice"}); connect.CodeOf(err) != connect.CodeInternal {
		t.Errorf("unary: %v", err)
	}
	streams := testv1client.NewStreamServiceClient(nil)
	if _, err := streams.WatchPublicOpen(t.Context(), &testv1.Request{Owner: "alice"}); connect.CodeOf(err) != connect.CodeInternal {
		t.Errorf("server stream: %v", err)
	}
	if _, err := streams.CollectPublicOpen(t.Context()); connect.CodeOf(err) != connect.CodeInternal {
		t.Errorf("client stream: %v", err)
	}
	if _, err := streams.ChatPublicOpen(t.Context()); connect.CodeOf(err) != connect.CodeInternal {
		t.Errorf("bidi stream: %v", err)
	}
}

// A connection with options of its own calls as they say.
func TestOptions(t *testing.T) {
	t.Parallel()
	url := serve(t, &fixture{})
	var order []string
	note := func(name string) connect.ClientInterceptor {
		return func(next connect.ClientFunc) connect.ClientFunc {
			order = append(order, name)
			return next
		}
	}
	connection, err := client.New(url+"/", client.WithTransportOptions(connecthttp.WithGRPC()),
		client.WithInterceptors(note("outer")), client.WithInterceptors(note("inner")))
	if err != nil {
		t.Fatal(err)
	}
	ctx, info := connect.NewClientContext(t.Context())
	if _, err := testv1client.NewUnaryServiceClient(connection).Public(ctx, &testv1.Request{Owner: "alice"}); err != nil {
		t.Fatal(err)
	}
	if info.Protocol != connect.ProtocolNameGRPC {
		t.Errorf("called by %s", info.Protocol)
	}
	// connect wraps the innermost first.
	if got := strings.Join(order, " "); got != "inner outer" {
		t.Errorf("wrapped %s", got)
	}
}

// transport is an HTTP transport of one version of HTTP, without TLS.
func transport(t *testing.T, major int) *http.Client {
	t.Helper()
	protocols := new(http.Protocols)
	protocols.SetHTTP1(major == 1)
	protocols.SetUnencryptedHTTP2(major == 2)
	made := &http.Transport{Protocols: protocols}
	t.Cleanup(made.CloseIdleConnections)
	return &http.Client{Transport: made}
}
