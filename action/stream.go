package action

import (
	"google.golang.org/protobuf/proto"

	"github.com/sallyport-rpc/sallyport/authn"
)

// A ClientStream is a stream of requests that the gate let through, with who they
// are from. As with a [Call], nothing but the gate makes one that works, and no other
// kind of stream converts into it.
//
// Receive may be called by one goroutine at a time.
type ClientStream[Req any] struct {
	requests requests[Req]
}

// Receive returns the next request: decoded, validated and, where the declaration
// says EVERY_MESSAGE, authorized by itself. It returns [io.EOF] when the client has
// ended the stream. Any other error ends the stream with that answer, even if the
// handler returns another.
func (s *ClientStream[Req]) Receive() (*Req, error) { return s.requests.receive() }

// Principal returns who is calling. It is never nil.
func (s *ClientStream[Req]) Principal() *authn.Principal { return s.requests.caller() }

// Grant returns the name of the grant that lets the caller in: the one that held for the
// opening or, where the declaration says EVERY_MESSAGE, for the message that was received
// last. Where a recheck has let the caller in by another grant since, it is that one. It
// is empty where the grant has no name. It may be called by any goroutine.
func (s *ClientStream[Req]) Grant() string { return s.requests.stream.grantName() }

func (s *ClientStream[Req]) carry(stream *stream)           { s.requests.stream = stream }
func (s *ClientStream[Req]) drain(seen func(proto.Message)) { s.requests.drain(seen) }

// An AnonymousClientStream is a [ClientStream] of an action that anyone may call
// without signing in.
type AnonymousClientStream[Req any] struct {
	anonymous requests[Req]
}

// Receive returns the next request, as [ClientStream.Receive] does.
func (s *AnonymousClientStream[Req]) Receive() (*Req, error) { return s.anonymous.receive() }

func (s *AnonymousClientStream[Req]) carry(stream *stream)           { s.anonymous.stream = stream }
func (s *AnonymousClientStream[Req]) drain(seen func(proto.Message)) { s.anonymous.drain(seen) }

// A ServerStream is where the handler of a server stream sends its responses.
//
// Send may be called by one goroutine at a time.
type ServerStream[Res any] struct {
	responses responses[Res]
}

// Send sends one response. Once the gate has ended the stream it returns what the
// client was answered.
func (s *ServerStream[Res]) Send(response *Res) error { return s.responses.send(response) }

// SendHeaders sends the response headers ahead of the first response.
func (s *ServerStream[Res]) SendHeaders() error { return s.responses.sendHeaders() }

// Grant returns the name of the grant that lets the caller in: the one that held for the
// request or, where a recheck has let the caller in by another since, that one. It is
// empty where the grant has no name, and on an anonymous action. It may be called by any
// goroutine.
func (s *ServerStream[Res]) Grant() string { return s.responses.stream.grantName() }

func (s *ServerStream[Res]) carry(stream *stream)      { s.responses.stream = stream }
func (s *ServerStream[Res]) drain(func(proto.Message)) {}

// A BidiStream is a stream of requests that the gate let through, with who they are
// from, and of responses to them. As with a [Call], nothing but the gate makes one
// that works, and no other kind of stream converts into it.
//
// Receive and Send may be called by one goroutine each.
type BidiStream[Req, Res any] struct {
	requests  requests[Req]
	responses responses[Res]
}

// Receive returns the next request, as [ClientStream.Receive] does.
func (s *BidiStream[Req, Res]) Receive() (*Req, error) { return s.requests.receive() }

// Send sends one response, as [ServerStream.Send] does.
func (s *BidiStream[Req, Res]) Send(response *Res) error { return s.responses.send(response) }

// SendHeaders sends the response headers ahead of the first response.
func (s *BidiStream[Req, Res]) SendHeaders() error { return s.responses.sendHeaders() }

// Principal returns who is calling. It is never nil.
func (s *BidiStream[Req, Res]) Principal() *authn.Principal { return s.requests.caller() }

// Grant returns the name of the grant that lets the caller in, as [ClientStream.Grant]
// does.
func (s *BidiStream[Req, Res]) Grant() string { return s.requests.stream.grantName() }

func (s *BidiStream[Req, Res]) carry(stream *stream) {
	s.requests.stream, s.responses.stream = stream, stream
}
func (s *BidiStream[Req, Res]) drain(seen func(proto.Message)) { s.requests.drain(seen) }

// An AnonymousBidiStream is a [BidiStream] of an action that anyone may call
// without signing in.
type AnonymousBidiStream[Req, Res any] struct {
	anonymous requests[Req]
	responses responses[Res]
}

// Receive returns the next request, as [ClientStream.Receive] does.
func (s *AnonymousBidiStream[Req, Res]) Receive() (*Req, error) { return s.anonymous.receive() }

// Send sends one response, as [ServerStream.Send] does.
func (s *AnonymousBidiStream[Req, Res]) Send(response *Res) error {
	return s.responses.send(response)
}

// SendHeaders sends the response headers ahead of the first response.
func (s *AnonymousBidiStream[Req, Res]) SendHeaders() error { return s.responses.sendHeaders() }

func (s *AnonymousBidiStream[Req, Res]) carry(stream *stream) {
	s.anonymous.stream, s.responses.stream = stream, stream
}

func (s *AnonymousBidiStream[Req, Res]) drain(seen func(proto.Message)) { s.anonymous.drain(seen) }

// A kindOfStream is a pointer to any of the kinds of stream.
type kindOfStream interface {
	// carry gives the kind its stream.
	carry(stream *stream)
	// drain receives requests until the client or the gate has ended the stream, and calls
	// seen with each.
	drain(seen func(request proto.Message))
}

// requests are the requests of a stream, of one type.
type requests[Req any] struct{ stream *stream }

func (r requests[Req]) receive() (*Req, error) {
	request, err := r.stream.receive(any(new(Req)).(proto.Message)) //nolint:forcetypeassert // a method's type says so
	if err != nil {
		return nil, err
	}
	return any(request).(*Req), nil //nolint:forcetypeassert // it is the one above, or the maker's
}

func (r requests[Req]) drain(seen func(request proto.Message)) {
	for {
		request, err := r.receive()
		if err != nil {
			return
		}
		seen(any(request).(proto.Message)) //nolint:forcetypeassert // a method's type says so
	}
}

func (r requests[Req]) caller() *authn.Principal { return r.stream.openedBy() }

// responses are the responses of a stream, of one type.
type responses[Res any] struct{ stream *stream }

func (r responses[Res]) send(response *Res) error {
	return r.stream.send(any(response).(proto.Message)) //nolint:forcetypeassert // a method's type says so
}

func (r responses[Res]) sendHeaders() error { return r.stream.sendHeaders() }
