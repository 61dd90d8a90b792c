package apikey_test

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"connectrpc.com/connect/v2"
	"connectrpc.com/connect/v2/connecthttp"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/sallyport-rpc/sallyport/authn/apikey"
)

// who is a procedure without a schema of its own. It returns the caller's id.
var who = connect.Spec{Procedure: "/test.Wire/Who", IdempotencyLevel: connect.IdempotencyNoSideEffects}

// serveWire serves who, and counts the calls that were let in.
func serveWire(t *testing.T, manager *apikey.Manager, start func(*httptest.Server)) (*httptest.Server, *atomic.Int64) {
	t.Helper()
	var handled atomic.Int64
	server := connect.NewServer()
	server.Register(connect.Method{Spec: who, Handler: func(ctx context.Context, _ connect.Spec, stream connect.ServerStream) error {
		if err := stream.Receive(new(emptypb.Empty)); err != nil {
			return err
		}
		call, _ := connect.CallInfoForServerContext(ctx)
		principal, err := manager.Authenticate(ctx, call)
		if err != nil {
			return connect.NewError(connect.CodeUnauthenticated, "unauthenticated").WithCause(err)
		}
		handled.Add(1)
		return stream.Send(wrapperspb.String(principal.ID()))
	}})
	mux := http.NewServeMux()
	connecthttp.Mount(mux, server, connecthttp.WithHTTPGet())
	served := httptest.NewUnstartedServer(mux)
	served.EnableHTTP2 = true
	start(served)
	t.Cleanup(served.Close)
	return served, &handled
}

func TestProgramOverTheWire(t *testing.T) {
	t.Parallel()
	eachStore(t, func(t *testing.T, store apikey.Store) {
		manager := newManager(t, store)
		server, _ := serveWire(t, manager, (*httptest.Server).StartTLS)
		for name, options := range map[string][]connecthttp.Option{
			"connect":  nil,
			"GET":      {connecthttp.WithHTTPGet()},
			"grpc":     {connecthttp.WithGRPC()},
			"grpc-web": {connecthttp.WithGRPCWeb()},
		} {
			client := connect.NewClient(connecthttp.NewTransport(server.Client(), server.URL, options...))
			call := func(authorization ...string) (string, error) {
				ctx, info := connect.NewClientContext(t.Context())
				for _, value := range authorization {
					info.RequestHeader().Add("Authorization", value)
				}
				var got wrapperspb.StringValue
				err := client.CallUnary(ctx, who, new(emptypb.Empty), &got)
				return got.GetValue(), err
			}
			denied := func(why string, authorization ...string) {
				t.Helper()
				if got, err := call(authorization...); connect.CodeOf(err) != connect.CodeUnauthenticated {
					t.Errorf("%s, %s: %s, %v", name, why, got, err)
				}
			}

			denied("without a credential")
			key, text := issue(t, manager, "ada")
			if got, err := call("Bearer " + text); err != nil || got != "ada" {
				t.Errorf("%s, with the key: %s, %v", name, got, err)
			}
			denied("the key twice", "Bearer "+text, "Bearer "+text)
			denied("another first", "Basic eDp4", "Bearer "+text)
			denied("joined", "Bearer "+text+", Bearer "+text)
			denied("another secret", "Bearer "+reseal(text[:20]+strings.Repeat("a", 52)))
			if err := manager.Revoke(t.Context(), "ada", key.ID); err != nil {
				t.Error(err)
			}
			denied("after Revoke", "Bearer "+text)
		}
	})
}

// TestHeadersAsSent writes header lines that no well-behaved client would. However
// net/http reads them, the handler runs for the valid ones alone.
func TestHeadersAsSent(t *testing.T) {
	t.Parallel()
	manager := newManager(t, newMemory())
	server, handled := serveWire(t, manager, (*httptest.Server).Start)
	_, text := issue(t, manager, "ada")
	for lines, want := range map[string]int{
		"Authorization: Bearer " + text:          http.StatusOK,
		"authorization:bearer " + text:           http.StatusOK,
		"AUTHORIZATION: \t BEARER " + text + " ": http.StatusOK, // HTTP trims what is around a value

		"Authorization:":                                                            http.StatusUnauthorized,
		"Authorization: Bearer":                                                     http.StatusUnauthorized,
		"Authorization: Bearer\t" + text:                                            http.StatusUnauthorized,
		"Authorization: Bearer  " + text:                                            http.StatusUnauthorized,
		"Authorization: Bearer " + text + ",":                                       http.StatusUnauthorized,
		"Authorization: Bearer " + text + "\xff":                                    http.StatusUnauthorized,
		"Authorization: Bearer " + text + "\r\nAuthorization: Bearer " + text:       http.StatusUnauthorized,
		"Authorization:\r\nAuthorization: Bearer " + text:                           http.StatusUnauthorized,
		"Authorization: Bearer " + text + "\r\nauthorization:":                      http.StatusUnauthorized,
		"Authorization: Bearer " + text[:40] + "\r\n " + text[40:]:                  http.StatusUnauthorized, // folded
		"X-Authenticated-User: ada":                                                 http.StatusUnauthorized,
		"X-Api-Key: " + text:                                                        http.StatusUnauthorized,
		"Cookie: Authorization=Bearer " + text:                                      http.StatusUnauthorized,
		"Proxy-Authorization: Bearer " + text:                                       http.StatusUnauthorized,
		"Authorization: Bearer " + text + "\r\nProxy-Authorization: Bearer " + text: http.StatusOK,

		"Authorization: Bearer " + text + "\x00":                    http.StatusBadRequest,
		"Authorization : Bearer " + text:                            http.StatusBadRequest,
		"Authorization: Bearer " + strings.Repeat("a", 1<<20+8<<10): http.StatusRequestHeaderFieldsTooLarge,
	} {
		before := handled.Load()
		got := raw(t, server.Listener.Addr(), lines)
		if shown := lines[:min(len(lines), 120)]; got != want {
			t.Errorf("%q: %d, want %d", shown, got, want)
		} else if ran := handled.Load() > before; ran != (want == http.StatusOK) {
			t.Errorf("%q: the handler ran: %t", shown, ran)
		}
	}
}

// raw sends a request with the given header lines and returns the status.
func raw(t *testing.T, address net.Addr, lines string) int {
	t.Helper()
	conn, err := new(net.Dialer).DialContext(t.Context(), address.Network(), address.String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	// A server that has read enough may hang up before everything is sent.
	_, _ = fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nContent-Length: 2\r\n%s\r\n\r\n{}",
		who.Procedure, address, lines)
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	return response.StatusCode
}
