package account_test

import (
	"context"
	"io"
	"maps"
	"net/http"
	"strings"
	"testing"

	"connectrpc.com/connect/v2"
	"connectrpc.com/connect/v2/connecthttp"

	"github.com/sallyport-rpc/sallyport/gen/demo/v1/demov1client"
)

// client returns a generated client of a fixture that is served. It sends the token, if
// there is one.
func (f *fixture) client(t *testing.T, token string, options ...connecthttp.Option) demov1client.AccountServiceClient {
	t.Helper()
	return demov1client.NewAccountServiceClient(connect.NewClient(
		connecthttp.NewTransport(httpClient(t, true), f.url, options...), carrying(token)))
}

// carrying sends a token with every call.
func carrying(token string) connect.ClientInterceptor {
	return func(next connect.ClientFunc) connect.ClientFunc {
		return func(ctx context.Context, spec connect.Spec) (connect.ClientStream, error) {
			if call, ok := connect.CallInfoForClientContext(ctx); ok && token != "" {
				call.RequestHeader().Set("Authorization", "Bearer "+token)
			}
			return next(ctx, spec)
		}
	}
}

// httpClient returns a client of HTTP/1.1, or of cleartext HTTP/2.
func httpClient(t *testing.T, two bool) *http.Client {
	t.Helper()
	protocols := new(http.Protocols)
	protocols.SetHTTP1(!two)
	protocols.SetUnencryptedHTTP2(two)
	transport := &http.Transport{Protocols: protocols}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// reply is an HTTP response, read to its end; its trailers are with its headers.
type reply struct {
	status int
	header http.Header
	body   string
}

// failure is an error in Connect's JSON.
type failure struct {
	Code    connect.Code `json:"code"`
	Message string       `json:"message"`
	Details []struct {
		Type string `json:"type"`
	} `json:"details"`
}

// types returns the types of the details.
func (f failure) types() string {
	var types []string
	for _, detail := range f.Details {
		types = append(types, detail.Type)
	}
	return strings.Join(types, ",")
}

// send sends an HTTP request to a path of the fixture.
func (f *fixture) send(t *testing.T, method, path string, header map[string]string, body io.Reader) reply {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, f.url+path, body)
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range header {
		request.Header.Set(name, value)
	}
	response, err := httpClient(t, false).Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	read, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	maps.Copy(response.Header, response.Trailer)
	return reply{status: response.StatusCode, header: response.Header, body: string(read)}
}

// post sends a message in JSON, as curl would.
func (f *fixture) post(t *testing.T, procedure, token, message string) reply {
	t.Helper()
	header := map[string]string{"Content-Type": "application/json"}
	if token != "" {
		header["Authorization"] = "Bearer " + token
	}
	return f.send(t, http.MethodPost, procedure, header, strings.NewReader(message))
}
