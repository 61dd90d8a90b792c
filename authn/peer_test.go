package authn_test

import (
	"context"
	"net/netip"
	"testing"

	"connectrpc.com/connect/v2"
	"connectrpc.com/connect/v2/connectinprocess"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/sallyport-rpc/sallyport/authn"
)

func TestNetwork(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"192.0.2.1":                  "192.0.2.1/32",
		"::ffff:192.0.2.1":           "192.0.2.1/32",
		"2001:db8:1:2:3:4:5:6":       "2001:db8:1:2::/64",
		"2001:db8:1:2::":             "2001:db8:1:2::/64",
		"2001:db8:1:3::1":            "2001:db8:1:3::/64",
		"::1":                        "::/64",
		"fe80::1%eth0":               "fe80::/64",
		"::ffff:0:192.0.2.1":         "::/64",
		"2001:db8:1:2:ffff:ffff::%x": "2001:db8:1:2::/64",
	} {
		peer := &authn.Peer{Address: netip.MustParseAddr(address)}
		if got := peer.Network().String(); got != want {
			t.Errorf("%s: %s", address, got)
		}
	}
	for name, peer := range map[string]*authn.Peer{"nil": nil, "zero": {}} {
		if got := peer.Network(); got != (netip.Prefix{}) {
			t.Errorf("%s: %s", name, got)
		}
	}
}

// A peer belongs to one call: a call in process that is made with the context of
// another one has none.
func TestPeerOfCall(t *testing.T) {
	t.Parallel()
	peer := &authn.Peer{Address: netip.MustParseAddr("192.0.2.1")}
	spec := connect.Spec{Procedure: "/a.v1.Service/Method"}
	found := map[string]bool{}
	inner := connect.NewServer()
	inner.Register(connect.Method{Spec: spec, Handler: func(ctx context.Context, _ connect.Spec, stream connect.ServerStream) error {
		_, found["inner"] = authn.PeerFrom(ctx)
		return stream.Send(&emptypb.Empty{})
	}})
	client := connect.NewClient(connectinprocess.New(inner))
	outer := connect.NewServer()
	outer.Register(connect.Method{Spec: spec, Handler: func(ctx context.Context, _ connect.Spec, stream connect.ServerStream) error {
		_, found["before"] = authn.PeerFrom(ctx)
		ctx = authn.WithPeer(ctx, peer)
		got, ok := authn.PeerFrom(context.WithValue(ctx, t, 1))
		found["outer"] = ok && got == peer
		if err := client.CallUnary(ctx, spec, &emptypb.Empty{}, &emptypb.Empty{}); err != nil {
			return err
		}
		return stream.Send(&emptypb.Empty{})
	}})
	if err := connect.NewClient(connectinprocess.New(outer)).CallUnary(t.Context(), spec, &emptypb.Empty{}, &emptypb.Empty{}); err != nil {
		t.Fatal(err)
	}
	if found["before"] || !found["outer"] || found["inner"] {
		t.Errorf("found %v", found)
	}
	if _, ok := authn.PeerFrom(t.Context()); ok {
		t.Error("a peer of no call")
	}
	if got, ok := authn.PeerFrom(authn.WithPeer(t.Context(), peer)); !ok || got != peer {
		t.Error("outside a call it is not found")
	}
	if _, ok := authn.PeerFrom(authn.WithPeer(t.Context(), nil)); ok {
		t.Error("a nil peer is found")
	}
}
