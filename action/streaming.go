package action

import (
	"context"
	"errors"
	"io"
	"sync/atomic"

	"connectrpc.com/connect/v2"
	"google.golang.org/protobuf/proto"
)

// streaming is a stream that the gate watches for as long as it lives.
type streaming struct {
	passage
	source connect.ServerStream
	ctx    context.Context //nolint:containedctx // a stream's Receive and Send belong to its call
	cancel context.CancelCauseFunc
	// later is the passage of the messages after the first. It belongs to whoever
	// receives, as the embedded one is read by whoever sends.
	later passage
	// denial is what the gate ended the stream with. It stands, whatever the handler
	// returns.
	denial atomic.Pointer[connect.Error]
}

// stream begins a stream. Its context ends with the call, or when the gate ends
// the stream.
func (g *gate) stream(ctx context.Context, source connect.ServerStream) *streaming {
	ctx, cancel := context.WithCancelCause(ctx)
	return &streaming{passage: g.begin(), source: source, ctx: ctx, cancel: cancel}
}

// close ends the stream's context and makes of the handler's result the stream's.
// It is deferred.
func (s *streaming) close(err *error) {
	if denial := s.denial.Load(); denial != nil {
		*err = denial
	}
	s.cancel(context.Canceled)
}

// next takes the next message through the gate. What is refused ends the stream.
func (s *streaming) next(request proto.Message) (err error) {
	if denial := s.denial.Load(); denial != nil {
		return denial
	}
	if s.ended || s.later.ended {
		return io.EOF
	}
	s.later = passage{gate: s.gate, start: s.gate.registry.now(), principal: s.principal}
	defer func() {
		if recovered := recover(); recovered != nil {
			err = s.end(&s.later, panicked(s.later.stage, recovered))
		}
	}()
	err = s.gate.admitNext(s.ctx, &s.later, s.source, request)
	switch {
	case err == nil:
		s.later.allow(s.ctx)
		return nil
	case s.later.stage == StageDecode && errors.Is(err, io.EOF):
		s.later.ended = true
		return io.EOF
	default:
		return s.end(&s.later, err)
	}
}

// end ends the stream for a reason of the gate's.
func (s *streaming) end(pass *passage, cause error) error {
	public := pass.deny(s.ctx, cause)
	s.denial.CompareAndSwap(nil, public)
	s.cancel(public)
	return public
}

func (s *streaming) send(response any) error {
	s.mustBeAdmitted()
	if denial := s.denial.Load(); denial != nil {
		return denial
	}
	return s.source.Send(response)
}

func (s *streaming) sendHeaders() error {
	s.mustBeAdmitted()
	return s.source.SendHeaders()
}

func (s *streaming) caller() *Principal {
	s.mustBeAdmitted()
	if s.principal == nil {
		panic(notAdmitted)
	}
	return s.principal.Principal
}

func (s *streaming) mustBeAdmitted() {
	if s == nil || !s.admitted {
		panic(notAdmitted)
	}
}

// An intake is what every stream of requests is made of: the stream, and its first
// message where the gate had to read it.
type intake[Req any] struct {
	*streaming
	first *Req
}

// open takes a stream of requests through the gate, at the time that its
// declaration says.
func (i *intake[Req]) open(first proto.Message) error {
	if i.gate.authorizesOpen() {
		i.first = nil // it was not read
		return i.enter(i.ctx, (*gate).admitUnread, i.source, nil)
	}
	err := i.enter(i.ctx, (*gate).admitFirst, i.source, first)
	if i.ended {
		i.first = nil
	}
	return err
}

func (i *intake[Req]) receive() (*Req, error) {
	i.mustBeAdmitted()
	if first := i.first; first != nil {
		i.first = nil
		return first, nil
	}
	request := new(Req)
	if err := i.next(any(request).(proto.Message)); err != nil { //nolint:forcetypeassert,errcheck // a method's type says so
		return nil, err
	}
	return request, nil
}
