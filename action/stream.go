package action

import "github.com/sallyport-rpc/sallyport/authn"

// A ClientStream is a stream of requests that the gate let through, with who they
// are from. As with a [Call], nothing but the gate makes one that works.
//
// Receive may be called by one goroutine at a time.
type ClientStream[Req any] intake[Req]

// Receive returns the next request: decoded, validated and, where the declaration
// says EVERY_MESSAGE, authorized by itself. It returns [io.EOF] when the client has
// ended the stream. Any other error ends the stream with that answer, whatever the
// handler returns.
func (s *ClientStream[Req]) Receive() (*Req, error) { return (*intake[Req])(s).receive() }

// Principal returns who is calling. It is never nil.
func (s *ClientStream[Req]) Principal() *authn.Principal { return s.caller() }

// An AnonymousClientStream is a [ClientStream] of an action that anyone may call
// without signing in.
type AnonymousClientStream[Req any] intake[Req]

// Receive returns the next request, as [ClientStream.Receive] does.
func (s *AnonymousClientStream[Req]) Receive() (*Req, error) { return (*intake[Req])(s).receive() }

// A ServerStream is where the handler of a server stream sends its responses.
//
// Send may be called by one goroutine at a time.
type ServerStream[Res any] struct{ *streaming }

// Send sends one response. Once the gate has ended the stream it returns what the
// client was answered.
func (s *ServerStream[Res]) Send(response *Res) error { return s.send(response) }

// SendHeaders sends the response headers ahead of the first response.
func (s *ServerStream[Res]) SendHeaders() error { return s.sendHeaders() }

// A BidiStream is a stream of requests that the gate let through, with who they are
// from, and of responses to them. As with a [Call], nothing but the gate makes one
// that works.
//
// Receive and Send may be called by one goroutine each.
type BidiStream[Req, Res any] intake[Req]

// Receive returns the next request, as [ClientStream.Receive] does.
func (s *BidiStream[Req, Res]) Receive() (*Req, error) { return (*intake[Req])(s).receive() }

// Send sends one response, as [ServerStream.Send] does.
func (s *BidiStream[Req, Res]) Send(response *Res) error { return s.send(response) }

// SendHeaders sends the response headers ahead of the first response.
func (s *BidiStream[Req, Res]) SendHeaders() error { return s.sendHeaders() }

// Principal returns who is calling. It is never nil.
func (s *BidiStream[Req, Res]) Principal() *authn.Principal { return s.caller() }

// An AnonymousBidiStream is a [BidiStream] of an action that anyone may call
// without signing in.
type AnonymousBidiStream[Req, Res any] intake[Req]

// Receive returns the next request, as [ClientStream.Receive] does.
func (s *AnonymousBidiStream[Req, Res]) Receive() (*Req, error) { return (*intake[Req])(s).receive() }

// Send sends one response, as [ServerStream.Send] does.
func (s *AnonymousBidiStream[Req, Res]) Send(response *Res) error { return s.send(response) }

// SendHeaders sends the response headers ahead of the first response.
func (s *AnonymousBidiStream[Req, Res]) SendHeaders() error { return s.sendHeaders() }
