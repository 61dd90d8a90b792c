package actiontest

import (
	"io"
	"slices"
	"sync"
	"testing"

	"connectrpc.com/connect/v2"
	"google.golang.org/protobuf/proto"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/authn"
)

// A Script is what the client of a stream sends to a handler. The zero Script sends
// nothing. It does not change; make one with [Requests].
type Script[Req any] struct {
	requests []*Req
	end      *connect.Error
}

// Requests returns the script of a client that sends some requests and then ends its
// side of the stream.
func Requests[Req any](requests ...*Req) Script[Req] {
	return Script[Req]{requests: slices.Clone(requests)}
}

// EndWith returns the same script with another end: after its requests the gate ends the
// stream with err, as it does when a later message is not allowed, a credential expires
// or the client goes away. Receive and Send then return err.
func (s Script[Req]) EndWith(err *connect.Error) Script[Req] {
	s.end = err
	return s
}

// Responses are what a handler sent on a stream. They are safe for concurrent use.
type Responses[Res any] struct{ wire *wire }

// All returns copies of the responses, in the order in which they were sent, each as it
// was then.
func (r *Responses[Res]) All() []*Res {
	r.wire.mu.Lock()
	defer r.wire.mu.Unlock()
	all := make([]*Res, len(r.wire.responses))
	for i, response := range r.wire.responses {
		all[i] = any(proto.Clone(response)).(*Res) //nolint:forcetypeassert // Send takes no other type
	}
	return all
}

// SentHeaders reports whether the response headers were sent: by SendHeaders, or with the
// first response.
func (r *Responses[Res]) SentHeaders() bool {
	r.wire.mu.Lock()
	defer r.wire.mu.Unlock()
	return r.wire.headers
}

// FailAfter makes every Send fail with err once so many responses were sent, as Send does
// when the client is gone or the gate has ended the stream. Nil is the error of a client
// that is gone. Call it before the handler.
func (r *Responses[Res]) FailAfter(responses int, err *connect.Error) {
	if err == nil {
		err = connect.NewError(connect.CodeCanceled, "the client is gone")
	}
	r.wire.mu.Lock()
	defer r.wire.mu.Unlock()
	r.wire.most, r.wire.failure = responses, err
}

// NewClientStream returns a stream of requests as the gate would make it, for a test to
// hand to the handler of a client stream. Nothing is validated, authenticated or
// authorized: that is what [Matrix] is for. The principal's scheme is that of its
// details. It fails the test when the principal or a request is nil.
func NewClientStream[Req any](tb testing.TB, principal *authn.Principal, script Script[Req]) *action.ClientStream[Req] {
	tb.Helper()
	mustHavePrincipal(tb, principal, "NewClientStream")
	stream := new(action.ClientStream[Req])
	admit(tb, stream, principal, script)
	return stream
}

// NewAnonymousClientStream returns a stream of requests of an anonymous action, as
// [NewClientStream] does.
func NewAnonymousClientStream[Req any](tb testing.TB, script Script[Req]) *action.AnonymousClientStream[Req] {
	tb.Helper()
	stream := new(action.AnonymousClientStream[Req])
	admit(tb, stream, nil, script)
	return stream
}

// NewServerStream returns a stream of responses, for a test to hand to the handler of a
// server stream beside the call that [NewCall] or [NewAnonymousCall] makes, and what the
// handler sends on it.
func NewServerStream[Res any](tb testing.TB) (*action.ServerStream[Res], *Responses[Res]) {
	tb.Helper()
	stream := new(action.ServerStream[Res])
	return stream, &Responses[Res]{admit(tb, stream, nil, Requests[struct{}]())}
}

// NewBidiStream returns a stream of requests and responses as the gate would make it, and
// what the handler sends on it, as [NewClientStream] does.
func NewBidiStream[Req, Res any](
	tb testing.TB, principal *authn.Principal, script Script[Req],
) (*action.BidiStream[Req, Res], *Responses[Res]) {
	tb.Helper()
	mustHavePrincipal(tb, principal, "NewBidiStream")
	stream := new(action.BidiStream[Req, Res])
	return stream, &Responses[Res]{admit(tb, stream, principal, script)}
}

// NewAnonymousBidiStream returns a stream of an anonymous action, as [NewBidiStream] does.
func NewAnonymousBidiStream[Req, Res any](tb testing.TB, script Script[Req]) (*action.AnonymousBidiStream[Req, Res], *Responses[Res]) {
	tb.Helper()
	stream := new(action.AnonymousBidiStream[Req, Res])
	return stream, &Responses[Res]{admit(tb, stream, nil, script)}
}

func mustHavePrincipal(tb testing.TB, principal *authn.Principal, name string) {
	tb.Helper()
	if principal == nil {
		tb.Fatalf("actiontest.%s needs a principal, such as authn.NewPrincipal(\"ann\", authn.Details{Unscoped: true}); "+
			"for an anonymous action use NewAnonymous%s", name, name[len("New"):])
	}
}

// admit gives a stream what it carries until the test ends.
func admit[Req any](tb testing.TB, stream any, principal *authn.Principal, script Script[Req]) *wire {
	tb.Helper()
	wire := &wire{most: -1, end: io.EOF}
	for i, request := range script.requests {
		if request == nil {
			tb.Fatalf("actiontest.Requests: request %d is nil", i+1)
		}
		wire.requests = append(wire.requests, message(tb, request))
	}
	if script.end != nil {
		wire.end = script.end
	}
	tb.Cleanup(action.Unguarded(permit(tb)).AdmitStream(tb.Context(), stream, principal, wire))
	return wire
}

// A wire is the transport of a scripted stream.
type wire struct {
	mu        sync.Mutex
	requests  []proto.Message
	end       error // after the requests
	responses []proto.Message
	headers   bool
	most      int // responses that can be sent, or -1
	failure   error
}

// Receive implements [connect.ServerStream].
func (w *wire) Receive(request any) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.requests) == 0 {
		return w.end
	}
	next := w.requests[0]
	w.requests = w.requests[1:]
	proto.Merge(request.(proto.Message), next) //nolint:forcetypeassert // every kind of stream receives messages
	return nil
}

// SendHeaders implements [connect.ServerStream].
func (w *wire) SendHeaders() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.headers = true
	return nil
}

// Send implements [connect.ServerStream]. It keeps a copy, as the client gets one.
func (w *wire) Send(response any) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.most >= 0 && len(w.responses) >= w.most {
		return w.failure
	}
	w.headers = true
	w.responses = append(w.responses, proto.Clone(response.(proto.Message))) //nolint:forcetypeassert // every kind of stream sends messages
	return nil
}
