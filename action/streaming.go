package action

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"sync/atomic"

	"connectrpc.com/connect/v2"
	"google.golang.org/protobuf/proto"

	"github.com/sallyport-rpc/sallyport/authn"
)

// A stream is one that the gate watches for as long as it lives.
//
// It is embedded in the types that handlers get, so every method of it with an
// exported name would be theirs to call.
type stream struct {
	passage
	watch
	source  connect.ServerStream
	control *StreamControl
	call    *connect.CallInfo
	ctx     context.Context //nolint:containedctx // a stream's Receive and Send belong to its call
	cancel  context.CancelCauseFunc
	// first is the first message of a stream of requests, until it is received. It is
	// nil where the gate did not have to read it.
	first proto.Message
	// later is the passage of the messages after the first. It belongs to whoever
	// receives, as the embedded one is read by whoever sends.
	later    passage
	messages int64 // received so far, and
	bytes    int64 // their size; both belong to whoever receives
	// denial is what the gate ended the stream with. It stands, whatever the handler
	// returns.
	denial atomic.Pointer[connect.Error]
	// forgetShutdown takes back that a shutdown ends the stream.
	forgetShutdown func()
}

// stream begins a stream. Its context ends with the call, or when the gate ends
// the stream.
func (g *gate) stream(ctx context.Context, source connect.ServerStream) *stream {
	control := streamControl(ctx)
	call, _ := connect.CallInfoForServerContext(ctx)
	if control != &noControl {
		ctx = WithStreamControl(ctx, nil) // it is lent to this stream, and not to those that its handler calls
	}
	ctx, cancel := context.WithCancelCause(ctx)
	stream := &stream{passage: g.begin(), source: source, control: control, call: call, ctx: ctx, cancel: cancel}
	stream.revocations = g.registry.streams.revocations.Load()
	stream.forgetShutdown = stream.endAtShutdown()
	return stream
}

// close ends the stream's context and makes of the handler's result the stream's.
// It is deferred.
func (s *stream) close(err *error) {
	s.forgetShutdown()
	s.cancel(context.Canceled)
	s.unwatch()
	// From here on nothing moves, even if the handler left a goroutine behind.
	if !s.denial.CompareAndSwap(nil, errCanceled) {
		*err = s.denial.Load()
	}
}

// next takes the next message through the gate. What is refused ends the stream.
func (s *stream) next(request proto.Message) (err error) {
	if denial := s.denial.Load(); denial != nil {
		return denial
	}
	if s.ended || s.later.ended {
		return io.EOF
	}
	s.later = passage{gate: s.gate, principal: s.now.Load()}
	defer func() {
		if recovered := recover(); recovered != nil {
			err = s.end(&s.later, panicked(s.later.stage, recovered))
			s.cutLater()
		}
	}()
	err = s.gate.admitNext(s.ctx, &s.later, streamSource{s}, request)
	if denial := s.denial.Load(); denial != nil {
		return denial // it ended while the message was on its way
	}
	switch {
	case err == nil:
		s.remember(request)
		s.later.allow(s.ctx)
		return nil
	case s.later.stage == StageDecode && errors.Is(err, io.EOF):
		s.later.ended = true
		return io.EOF
	default:
		err = s.end(&s.later, err)
		s.cutLater()
		return err
	}
}

// end ends the stream for a reason of the gate's, unless it has ended already. Then,
// too, it returns what the client is told.
func (s *stream) end(pass *passage, cause error) error {
	reason, ok := errors.AsType[*denial](cause)
	if !ok {
		reason = fault(cause)
	}
	if !s.denial.CompareAndSwap(nil, reason.public) {
		return s.denial.Load()
	}
	pass.record(s.ctx, pass.denied(s.ctx, reason))
	s.cancel(reason.public)
	return reason.public
}

func (s *stream) send(response proto.Message) error {
	s.mustBeAdmitted()
	if denial := s.denial.Load(); denial != nil {
		return denial
	}
	err := s.gate.answer(s.source, response)
	s.touch()
	if denial := s.denial.Load(); denial != nil {
		return denial
	}
	return err
}

func (s *stream) sendHeaders() error {
	s.mustBeAdmitted()
	return s.source.SendHeaders()
}

func (s *stream) caller() *authn.Principal {
	s.mustBeAdmitted()
	if s.principal == nil {
		panic(notAdmitted)
	}
	return s.principal
}

func (s *stream) mustBeAdmitted() {
	if s == nil || !s.admitted {
		panic(notAdmitted)
	}
}

// open takes a stream of requests through the gate, at the time that its
// declaration says.
func (s *stream) open() error {
	if s.gate.authorizesOpen() {
		s.first = nil // it was not read
		if err := s.enter(s.ctx, (*gate).admitUnread, nil, nil); err != nil {
			return err
		}
		s.begin(nil)
		return nil
	}
	stop := s.awaitFirst()
	err := s.enter(s.ctx, (*gate).admitFirst, streamSource{s}, s.first)
	stop()
	if err != nil {
		return err
	}
	if s.ended {
		s.first = nil
	}
	s.begin(s.first)
	return nil
}

// takeFirst returns the first message, once, where the gate had to read it.
func (s *stream) takeFirst() proto.Message {
	s.mustBeAdmitted()
	first := s.first
	s.first = nil
	return first
}

// streamSource is where the gate of a stream reads from: what the transport
// receives, within the stream's limits, until the gate ends the stream.
type streamSource struct{ *stream }

// Receive implements [connect.ServerStream].
func (s streamSource) Receive(request any) error {
	err := s.receiveOrEnd(request)
	s.touch()
	if err != nil {
		return err
	}
	s.messages++
	if s.call != nil {
		s.bytes += int64(s.call.ReceiveStats.Size)
	}
	return s.control.exceeded(s.messages, s.bytes)
}

// SendHeaders implements [connect.ServerStream].
func (s streamSource) SendHeaders() error { return s.source.SendHeaders() }

// Send implements [connect.ServerStream].
func (s streamSource) Send(response any) error { return s.source.Send(response) }

// receiveOrEnd receives a message and returns early when the gate ends the stream
// meanwhile.
func (s streamSource) receiveOrEnd(request any) error {
	if s.control.InterruptReceive != nil {
		return s.source.Receive(request)
	}
	// The transport cannot be interrupted. It lets go of the message when the stream's
	// function has returned.
	received := make(chan error, 1)
	var panicked any // set before received is sent to
	go func() {
		defer func() {
			// Here a panic would end the process; the gate makes a denial of it.
			if recovered := recover(); recovered != nil {
				panicked = fmt.Sprintf("%v\n%s", recovered, debug.Stack())
				received <- nil
			}
		}()
		received <- s.source.Receive(request)
	}()
	select {
	case err := <-received:
		if panicked != nil {
			panic(panicked)
		}
		return err
	case <-s.ctx.Done():
		return context.Cause(s.ctx)
	}
}
