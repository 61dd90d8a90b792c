package client_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"connectrpc.com/connect/v2"
	"connectrpc.com/connect/v2/connecthttp"

	"github.com/sallyport-rpc/sallyport/client"
	testv1 "github.com/sallyport-rpc/sallyport/gen/test/v1"
	"github.com/sallyport-rpc/sallyport/gen/test/v1/testv1client"
)

// Every call carries a token, by every protocol and in every shape, and each asks the
// source anew.
func TestTokenIsSent(t *testing.T) {
	t.Parallel()
	for name, options := range protocols {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := serve(t, &fixture{})
			var asked atomic.Int64
			type key struct{}
			connection, err := client.New(url, client.WithTransportOptions(options...), client.WithTokenSource(func(ctx context.Context) (string, error) {
				asked.Add(1)
				if ctx.Value(key{}) != true {
					return "", errors.New("another context")
				}
				return "alice", nil
			}))
			if err != nil {
				t.Fatal(err)
			}
			ctx := context.WithValue(t.Context(), key{}, true)
			unary, streams := testv1client.NewUnaryServiceClient(connection), testv1client.NewStreamServiceClient(connection)
			for call, caller := range map[string]func() (*testv1.Response, error){
				"unary": func() (*testv1.Response, error) { return unary.Read(ctx, &testv1.Request{Owner: "alice"}) },
				"server stream": func() (*testv1.Response, error) {
					stream, err := streams.WatchOpen(ctx, &testv1.Request{Owner: "alice"})
					if err != nil {
						return nil, err
					}
					defer stream.Close()
					return stream.Receive()
				},
				"client stream": func() (*testv1.Response, error) {
					stream, err := streams.CollectOpen(ctx)
					if err != nil {
						return nil, err
					}
					return stream.CloseAndReceive()
				},
				"bidi stream": func() (*testv1.Response, error) {
					stream, err := streams.ChatOpen(ctx)
					if err != nil {
						return nil, err
					}
					defer stream.Close()
					if err := stream.Send(&testv1.Request{Owner: "alice"}); err != nil {
						return nil, err
					}
					return stream.Receive()
				},
			} {
				response, err := caller()
				if err != nil || response.GetCaller() != "alice" {
					t.Errorf("%s: %v, %v", call, response, err)
				}
			}
			if asked.Load() != 4 {
				t.Errorf("the source was asked %d times", asked.Load())
			}
		})
	}
}

// A call that names its caller itself keeps that.
func TestTokenOfTheCall(t *testing.T) {
	t.Parallel()
	connection, err := client.New(serve(t, &fixture{}), client.WithToken("alice"))
	if err != nil {
		t.Fatal(err)
	}
	calls := testv1client.NewUnaryServiceClient(connection)
	ctx, info := connect.NewClientContext(t.Context())
	response, err := calls.Anyone(ctx, &testv1.Request{Owner: "alice"})
	if err != nil || response.GetCaller() != "alice" {
		t.Errorf("got %v, %v", response, err)
	}
	// The context can be used again: the first call left no token in it.
	if info.RequestHeader().Has("Authorization") {
		t.Error("the token is in the call's header")
	}
	info.RequestHeader().Set("Authorization", "Bearer bob")
	response, err = calls.Anyone(ctx, &testv1.Request{Owner: "alice"})
	if err != nil || response.GetCaller() != "bob" {
		t.Errorf("got %v, %v", response, err)
	}
}

// Where there is no token to send, nothing is sent.
func TestTokenSourceFails(t *testing.T) {
	t.Parallel()
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	tests := []struct {
		name   string
		ctx    context.Context
		source client.TokenSource
		want   connect.Code
	}{
		{"an error", t.Context(), func(context.Context) (string, error) { return "alice", errors.New("no key") }, connect.CodeUnauthenticated},
		{"an error with a code", t.Context(), func(context.Context) (string, error) {
			return "", connect.NewError(connect.CodeUnavailable, "the issuer is down")
		}, connect.CodeUnavailable},
		{"an empty token", t.Context(), func(context.Context) (string, error) { return "", nil }, connect.CodeUnauthenticated},
		{"a token of two lines", t.Context(), func(context.Context) (string, error) { return "a\nb", nil }, connect.CodeUnauthenticated},
		{"a cancelled call", canceled, func(ctx context.Context) (string, error) { return "", ctx.Err() }, connect.CodeCanceled},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var arrived atomic.Int64
			server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { arrived.Add(1) }))
			t.Cleanup(server.Close)
			connection, err := client.New(server.URL, client.WithTokenSource(test.source), client.WithHTTPClient(server.Client()))
			if err != nil {
				t.Fatal(err)
			}
			calls, streams := testv1client.NewUnaryServiceClient(connection), testv1client.NewStreamServiceClient(connection)
			if _, err := calls.Anyone(test.ctx, &testv1.Request{Owner: "alice"}); connect.CodeOf(err) != test.want {
				t.Errorf("unary: got %v, want %s", err, test.want)
			}
			stream, err := streams.WatchOpen(test.ctx, &testv1.Request{Owner: "alice"})
			if err == nil {
				_, err = stream.Receive()
				stream.Close()
			}
			if connect.CodeOf(err) != test.want {
				t.Errorf("stream: got %v, want %s", err, test.want)
			}
			if arrived.Load() != 0 {
				t.Errorf("%d requests arrived", arrived.Load())
			}
		})
	}
}

// A token does not follow a redirect, not even within its host; without one the HTTP
// client does what it always does.
func TestTokenFollowsNoRedirect(t *testing.T) {
	t.Parallel()
	var followed atomic.Int64
	mux := http.NewServeMux()
	mux.HandleFunc("/elsewhere/", func(http.ResponseWriter, *http.Request) { followed.Add(1) })
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/elsewhere/", http.StatusTemporaryRedirect)
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	for _, test := range []struct {
		name    string
		options []client.Option
		want    int64
	}{
		{"with a token", []client.Option{client.WithToken("alice")}, 0},
		{"without", nil, 1},
	} {
		followed.Store(0)
		connection, err := client.New(server.URL, append(test.options, client.WithHTTPClient(server.Client()))...)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := testv1client.NewUnaryServiceClient(connection).Anyone(t.Context(), &testv1.Request{Owner: "alice"}); err == nil {
			t.Errorf("%s: a redirect is no answer", test.name)
		}
		if followed.Load() != test.want {
			t.Errorf("%s: followed %d times", test.name, followed.Load())
		}
	}
	if server.Client().CheckRedirect != nil {
		t.Error("the caller's own HTTP client was changed")
	}
}

// An interceptor, which may log headers, does not see the token.
func TestTokenIsHiddenFromInterceptors(t *testing.T) {
	t.Parallel()
	var seen atomic.Int64
	look := func(next connect.ClientFunc) connect.ClientFunc {
		return func(ctx context.Context, spec connect.Spec) (connect.ClientStream, error) {
			stream, err := next(ctx, spec)
			info, _ := connect.CallInfoForClientContext(ctx)
			for name, values := range info.RequestHeader().All() {
				if strings.Contains(name+strings.Join(values, ""), "alice") {
					seen.Add(1)
				}
			}
			return stream, err
		}
	}
	connection, err := client.New(serve(t, &fixture{}), client.WithToken("alice"), client.WithInterceptors(look))
	if err != nil {
		t.Fatal(err)
	}
	response, err := testv1client.NewUnaryServiceClient(connection).Anyone(t.Context(), &testv1.Request{Owner: "alice"})
	if err != nil || response.GetCaller() != "alice" || seen.Load() != 0 {
		t.Errorf("got %v, %v; seen %d times", response, err, seen.Load())
	}
}

// protocols are the ways to call a server over one connection.
var protocols = map[string][]connecthttp.Option{
	"Connect":     nil,
	"JSON":        {connecthttp.WithProtoJSON()},
	"Connect GET": {connecthttp.WithHTTPGet()},
	"gRPC":        {connecthttp.WithGRPC()},
	"gRPC-Web":    {connecthttp.WithGRPCWeb()},
}
