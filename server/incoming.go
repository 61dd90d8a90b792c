package server

import (
	"context"
	"errors"

	"connectrpc.com/connect/v2"

	"github.com/sallyport-rpc/sallyport/authn"
)

// An incoming is one call as it comes in, whichever listener it comes by: who calls, what
// the call holds of the server, and how far it came.
type incoming struct {
	peer    authn.Peer
	reached bool // the call came to a gate
	entered bool // and went in by the front door, where there is one
	// intercepted says that the call came to the interceptors, where there are any.
	intercepted bool
	charge      charge  // for what the call holds of the server's memory
	account     account // for what it holds on its principal's behalf
	turn        turn    // among the calls that run; a stream takes none
	holdings    *holdings
	stream      bool // more than one message may go in either direction
	call        *connect.CallInfo
	exchange    *exchange // nil where the call did not come by net/http
}

// begin prepares the call for its way through the server.
func (i *incoming) begin(s *settings, peer authn.Peer, procedure *procedure) {
	i.peer = peer
	i.turn.running = s.running
	i.holdings, i.stream = s.holdings, procedure.streams()
	i.charge.budget, i.charge.address = s.budget, i.peer.Network()
}

// askForRoom returns why the server has no room for the call, or nil. unread is what the
// transport may hold of it that is not read.
func (i *incoming) askForRoom(unread int64) *connect.Error {
	if !i.stream {
		if err := i.turn.ask(); err != nil {
			return err
		}
	}
	if i.charge.begin(unread) != nil {
		return errBusy
	}
	return nil
}

// end gives back what the call holds of the server. It may be called with a handler's
// goroutine still at it.
func (i *incoming) end() {
	i.charge.end()
	i.account.end()
}

// send counts a message that is about to be sent, until the connection has it.
func (i *incoming) send(bytes int) error {
	if i.exchange != nil {
		i.exchange.sending.Store(true)
	}
	if err := i.account.send(int64(bytes)); err != nil {
		return err
	}
	return i.charge.send(bytes)
}

// sent says that the connection has all that was sent.
func (i *incoming) sent() {
	i.account.sent()
	i.charge.sent()
}

// took says that the connection has so many bytes of what was sent.
func (i *incoming) took(bytes int) {
	i.account.took(int64(bytes))
	i.charge.took(int64(bytes))
}

// isToComeAgain reports whether the server had no room for the call among those of others.
func (i *incoming) isToComeAgain() bool { return i.charge.isShed() || i.turn.refused }

// isShed reports whether the server had no room for the call, or its principal held too
// much.
func (i *incoming) isShed() bool { return i.isToComeAgain() || i.account.isShed() }

// Authenticated implements [actionserver.Accountant].
func (i *incoming) Authenticated(ctx context.Context, principalID string) error {
	if call, ok := connect.CallInfoForServerContext(ctx); !ok || call != i.call {
		return nil // a handler called another action
	}
	if !i.stream {
		if err := i.turn.take(); err != nil {
			return err
		}
	}
	if principalID == "" {
		return nil // no one to hold to account but the address
	}
	i.charge.authenticate()
	return i.account.authenticate(i.holdings, principalID, i.stream)
}

// reach notes that a call came to its gate, which will leave a record of it. What the
// server says of a message that it does not encode, connect wraps as a fault of the
// message.
func reach(next connect.ServerFunc) connect.ServerFunc {
	return func(ctx context.Context, spec connect.Spec, stream connect.ServerStream) error {
		if incoming := incomingFrom(ctx); incoming != nil {
			incoming.reached = true
			incoming.call, _ = connect.CallInfoForServerContext(ctx)
		}
		err := next(ctx, spec, stream)
		switch {
		case err == nil:
			return nil
		case errors.Is(err, errUnread):
			return errUnread
		case errors.Is(err, errBusy):
			return errBusy
		default:
			return err
		}
	}
}
