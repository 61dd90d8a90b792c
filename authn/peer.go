package authn

import (
	"context"
	"crypto/tls"
	"net/netip"

	"connectrpc.com/connect/v2"
)

// A Peer is the other end of the connection that a call came over, on every
// transport. Its zero value knows nothing.
type Peer struct {
	// Address is where the call came from, without a port and without a zone; an IPv4
	// address is never in its IPv6 form. Behind proxies that the server trusts it is
	// the client's address, as they report it. It is the zero Addr where there is none,
	// as on a Unix socket. It does not authenticate anyone.
	Address netip.Addr
	// TLS is the state of the connection itself, so behind a proxy that ends TLS it is
	// the proxy's. It is nil where the connection is not encrypted. It is shared and
	// must not be changed.
	TLS *tls.ConnectionState
	// Connection is the connection that the call came over. It is nil where the
	// transport has none, as in tests.
	Connection Connection
}

// A Connection is what an authenticator can do about the connection of a call.
type Connection interface {
	// CloseAfterAnswer asks the server to close the connection as soon as the call, and
	// others that are under way on it, are answered. It is for what was agreed on when
	// the connection was made and no longer holds, such as a client certificate that has
	// expired: over a new connection the client can do better. It does nothing where the
	// answer has begun. It may be called from any goroutine.
	CloseAfterAnswer()
}

// Network returns what counts as one place that calls come from: an IPv4 address by
// itself, and all of an IPv6 /64, since one subscriber has at least that. What counts
// calls by address, or keeps a record of one, uses it as the key. It is the zero
// Prefix where the address is not known, also of a nil Peer; all such calls count as
// one.
func (p *Peer) Network() netip.Prefix {
	if p == nil || !p.Address.IsValid() {
		return netip.Prefix{}
	}
	const subscriber = 64
	address := p.Address.Unmap()
	network, _ := address.Prefix(min(address.BitLen(), subscriber)) // which cannot fail
	return network
}

// A peerContext is a context of one call with its peer. A handler that makes a call in
// process passes its context on; that call comes from no peer.
type peerContext struct {
	context.Context //nolint:containedctx // it is a context

	peer *Peer
	call *connect.CallInfo
}

type peerKey struct{}

// Value implements [context.Context].
func (c *peerContext) Value(key any) any {
	if key == (peerKey{}) {
		return c
	}
	return c.Context.Value(key)
}

// WithPeer returns a context in which the peer is the one of ctx's call. It is for what
// serves calls, such as package server: an interceptor outside of all others. The
// peer must not change after that.
func WithPeer(ctx context.Context, peer *Peer) context.Context {
	call, _ := connect.CallInfoForServerContext(ctx)
	return &peerContext{ctx, peer, call}
}

// PeerFrom returns the peer of ctx's call. ok is false where there is none, as in a call
// within the process: also where that was made with the context of a call that has one.
func PeerFrom(ctx context.Context) (peer *Peer, ok bool) {
	found, _ := ctx.Value(peerKey{}).(*peerContext)
	if found == nil || found.peer == nil {
		return nil, false
	}
	if call, _ := connect.CallInfoForServerContext(ctx); call != found.call {
		return nil, false
	}
	return found.peer, true
}
