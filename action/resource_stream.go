package action

import (
	"google.golang.org/protobuf/proto"

	"github.com/sallyport-rpc/sallyport/authn"
)

// A ResourceClientStream is a [ClientStream] of an action whose declaration names a
// resource. It converts into no other kind of stream.
//
// Receive and Resource may be called by one goroutine at a time.
type ResourceClientStream[Req, Obj any] struct {
	about requests[Req]
}

// Receive returns the next request, as [ClientStream.Receive] does.
func (s *ResourceClientStream[Req, Obj]) Receive() (*Req, error) { return s.about.receive() }

// Resource returns what the action is about: the very object that was decided on. Where the
// declaration says EVERY_MESSAGE it is that of the request that was received last, and
// before any that of the first. It is never nil, and the handler's to change; a recheck
// loads the object anew and leaves this one as it is. It was not validated.
func (s *ResourceClientStream[Req, Obj]) Resource() *Obj {
	return resourceOf[Obj](s.about.stream.resourceNow())
}

// Principal returns who is calling. It is never nil.
func (s *ResourceClientStream[Req, Obj]) Principal() *authn.Principal { return s.about.caller() }

// Grant returns the name of the grant that lets the caller in, as [ClientStream.Grant]
// does.
func (s *ResourceClientStream[Req, Obj]) Grant() string { return s.about.stream.grantName() }

func (s *ResourceClientStream[Req, Obj]) carry(stream *stream)           { s.about.stream = stream }
func (s *ResourceClientStream[Req, Obj]) drain(seen func(proto.Message)) { s.about.drain(seen) }

// A ResourceBidiStream is a [BidiStream] of an action whose declaration names a resource.
// It converts into no other kind of stream.
//
// Receive and Send may be called by one goroutine each, and Resource by that which receives.
type ResourceBidiStream[Req, Obj, Res any] struct {
	about     requests[Req]
	responses responses[Res]
}

// Receive returns the next request, as [ClientStream.Receive] does.
func (s *ResourceBidiStream[Req, Obj, Res]) Receive() (*Req, error) { return s.about.receive() }

// Resource returns what the action is about, as [ResourceClientStream.Resource] does.
func (s *ResourceBidiStream[Req, Obj, Res]) Resource() *Obj {
	return resourceOf[Obj](s.about.stream.resourceNow())
}

// Send sends one response, as [ServerStream.Send] does.
func (s *ResourceBidiStream[Req, Obj, Res]) Send(response *Res) error {
	return s.responses.send(response)
}

// SendHeaders sends the response headers ahead of the first response.
func (s *ResourceBidiStream[Req, Obj, Res]) SendHeaders() error { return s.responses.sendHeaders() }

// Principal returns who is calling. It is never nil.
func (s *ResourceBidiStream[Req, Obj, Res]) Principal() *authn.Principal { return s.about.caller() }

// Grant returns the name of the grant that lets the caller in, as [ClientStream.Grant]
// does.
func (s *ResourceBidiStream[Req, Obj, Res]) Grant() string { return s.about.stream.grantName() }

func (s *ResourceBidiStream[Req, Obj, Res]) carry(stream *stream) {
	s.about.stream, s.responses.stream = stream, stream
}

func (s *ResourceBidiStream[Req, Obj, Res]) drain(seen func(proto.Message)) { s.about.drain(seen) }
