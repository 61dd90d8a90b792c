package server_test

import (
	"net/http/httptrace"
	"sync/atomic"
	"testing"

	"connectrpc.com/connect/v2"
	"connectrpc.com/connect/v2/connecthttp"

	"github.com/sallyport-rpc/sallyport/authn"
	testv1 "github.com/sallyport-rpc/sallyport/gen/test/v1"
	"github.com/sallyport-rpc/sallyport/gen/test/v1/testv1client"
)

// A stream that the gate ends leaves its connection as it was: the next calls on it are
// let through, over HTTP/1.1 too.
func TestEndedStreamLeavesItsConnection(t *testing.T) {
	t.Parallel()
	for major, name := range map[int]string{1: "HTTP/1.1", 2: "HTTP/2"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			authenticator, guarded := &fakeAuthenticator{}, &guarded{}
			served, _ := serveGuarded(t, authenticator, guarded)
			client := connect.NewClient(connecthttp.NewTransport(served.client(t, major), served.url))
			var reused atomic.Int64
			ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{GotConn: func(got httptrace.GotConnInfo) {
				if got.Reused {
					reused.Add(1)
				}
			}})
			spec := connect.Spec{Procedure: testv1client.StreamServiceWatchOpenProcedure, StreamType: connect.StreamTypeServer}
			for range 5 {
				authenticator.change(authn.Details{Unscoped: true, Roles: []string{"editor"}}, nil, false)
				stream, err := client.CallServerStream(ctx, spec, &testv1.Request{Owner: "eve"})
				if err != nil {
					t.Fatal(err)
				}
				await(t, guarded.began)
				authenticator.change(authn.Details{Unscoped: true}, authn.ErrInvalidCredential, true)
				if err := stream.Receive(&testv1.Response{}); connect.CodeOf(err) != connect.CodeUnauthenticated {
					t.Errorf("got %v", err)
				}
				await(t, guarded.ended)
			}
			if reused.Load() == 0 {
				t.Error("every call had a connection of its own, so nothing was tested")
			}
		})
	}
}
