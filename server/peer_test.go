package server_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"net/netip"
	"testing"

	"connectrpc.com/connect/v2"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/authn"
	demov1 "github.com/sallyport-rpc/sallyport/gen/demo/v1"
	"github.com/sallyport-rpc/sallyport/server"
)

// Interceptors, authenticators, and handlers learn who is at the other end; so does a
// stream's authenticator. A call that a handler makes in process comes from no peer.
func TestPeer(t *testing.T) {
	t.Parallel()
	const inProcess = " in process"
	seen := map[string]*authn.Peer{}
	note := func(where string, ctx context.Context) {
		if call, _ := connect.CallInfoForServerContext(ctx); call.RequestHeader().Get("In-Process") != "" {
			where += inProcess
		}
		seen[where], _ = authn.PeerFrom(ctx)
	}
	bound := schemes()
	bound["session"] = fresh{func(ctx context.Context, call *connect.CallInfo) (*authn.Principal, error) {
		note("authenticator", ctx)
		return byRole(ctx, call)
	}}
	registry, err := action.NewRegistry(bound)
	if err != nil {
		t.Fatal(err)
	}
	directory := &directory{name: "Ada"}
	directory.hold = func(ctx context.Context) error {
		note("handler", ctx)
		if _, nested := seen["handler"+inProcess]; nested {
			return nil
		}
		transport, err := registry.InProcess()
		if err != nil {
			return err
		}
		ctx, info := connect.NewClientContext(ctx)
		info.RequestHeader().Set("Authorization", "Bearer admin")
		info.RequestHeader().Set("In-Process", "true")
		spec := connect.Spec{Procedure: listUsers}
		return connect.NewClient(transport).CallUnary(ctx, spec, &demov1.ListUsersRequest{}, &demov1.ListUsersResponse{})
	}
	certificate, roots := certify(t)
	served := registerAndStart(t, registry, directory,
		server.WithTLS(&tls.Config{Certificates: []tls.Certificate{certificate}}),
		server.WithInterceptors(around(func(ctx context.Context, spec connect.Spec, stream connect.ServerStream, next connect.ServerFunc) error {
			note("interceptor", ctx)
			return next(ctx, spec, stream)
		})))
	served.url, served.roots = "https://"+served.address, roots
	if got := <-served.call(t, curlPost, 2); got.name != "Ada" {
		t.Fatalf("%+v", got)
	}
	for _, where := range []string{"interceptor", "authenticator", "handler"} {
		if peer := seen[where]; peer == nil || peer.Address != netip.MustParseAddr("127.0.0.1") || peer.TLS == nil || !peer.TLS.HandshakeComplete {
			t.Errorf("%s: %+v", where, peer)
		}
	}
	for _, where := range []string{"authenticator", "handler"} {
		if peer, asked := seen[where+inProcess]; !asked || peer != nil {
			t.Errorf("%s in process: asked %t, %+v", where, asked, peer)
		}
	}
}

// Behind a trusted proxy the peer is the client, on the wire too.
func TestPeerBehindProxy(t *testing.T) {
	t.Parallel()
	for _, trusted := range []bool{true, false} {
		var got netip.Addr
		options := []server.Option{server.WithInterceptors(around(
			func(ctx context.Context, spec connect.Spec, stream connect.ServerStream, next connect.ServerFunc) error {
				peer, _ := authn.PeerFrom(ctx)
				got = peer.Address
				return next(ctx, spec, stream)
			}))}
		want := netip.MustParseAddr("127.0.0.1")
		if trusted {
			options = append(options, server.WithTrustedProxies(netip.MustParsePrefix("127.0.0.0/8")))
			want = netip.MustParseAddr("203.0.113.7")
		}
		served := serve(t, &directory{}, options...)
		reply := served.raw(t, fmt.Sprintf("POST %s HTTP/1.1\r\nContent-Type: application/json\r\nAuthorization: Bearer admin\r\n"+
			"X-Forwarded-For: 192.0.2.1, 192.0.2.2\r\nX-Forwarded-For: 203.0.113.7\r\nX-Forwarded-For: 127.0.0.2", listUsers), "{}")
		if reply.status != 200 || got != want {
			t.Errorf("trusted=%t: from %v, %+v", trusted, got, reply)
		}
	}
}
