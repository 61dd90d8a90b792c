package action

import (
	"context"
	"errors"
	"io"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/sallyport-rpc/sallyport/action/event"
	"github.com/sallyport-rpc/sallyport/authn"
	"github.com/sallyport-rpc/sallyport/internal/recovered"
)

// claimReading waits until nothing else receives from the transport, and keeps the
// stream from returning until [stream.release].
func (s *stream) claimReading() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.ended == nil && s.reading {
		s.changed.Wait()
	}
	if s.ended != nil {
		return s.ended
	}
	s.reading = true
	return nil
}

// claimSending does the same for sending, and waits for a recheck as well.
func (s *stream) claimSending() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.ended == nil && (s.sending || s.rechecking) {
		s.changed.Wait()
	}
	if s.ended != nil {
		return s.ended
	}
	s.sending = true
	return nil
}

// release gives back a side of the transport that was claimed, after a message has
// come or gone. It returns what the stream ended with, and nil while it lives.
func (s *stream) release(side *bool) error {
	var now time.Time
	if s.control.IdleTimeout > 0 {
		now = s.gate.registry.now()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	*side, s.moved = false, now
	if side == &s.reading {
		s.arrived = now
	}
	s.changed.Broadcast()
	if s.ended == nil {
		return nil
	}
	return s.ended
}

// receive returns the next message: the given one, filled in, or the first, which the
// gate has read. What is refused ends the stream.
func (s *stream) receive(request proto.Message) (proto.Message, error) {
	s.mustBeAdmitted()
	caller, rechecks, err := s.await()
	if err != nil {
		return nil, err
	}
	if first := s.first; first != nil {
		s.first, s.resourceOfLast = nil, s.resource()
		return first, nil
	}
	if s.drained {
		return nil, io.EOF
	}
	s.message = passage{gate: s.gate, principal: caller, identity: &s.own, kind: event.Message}
	err = s.message.run(s.ctx, (*gate).admitNext, streamSource{s}, request)
	for {
		if err != nil && !s.drained {
			return nil, s.end(&s.message, s.because(err))
		}
		// The end of the requests waits as well: with it a handler may do what they ask for.
		caller, now, ended := s.settle(request, rechecks)
		switch {
		case ended != nil:
			return nil, ended
		case s.drained:
			return nil, io.EOF
		case now == rechecks || !s.gate.authorizesEvery() && s.gate.intake == nil:
			if s.gate.authorizesEvery() {
				s.resourceOfLast = s.message.resource()
			}
			if !s.gate.registry.messageEvents {
				return request, nil
			}
			if err := s.message.recordAllow(s.ctx, event.Message); err != nil {
				return nil, s.end(&s.message, err)
			}
			return request, nil
		}
		// It was authorized for a caller who has been looked at again since.
		s.message.principal, rechecks = caller, now
		err = s.message.run(s.ctx, (*gate).admitAnew, nil, request)
	}
}

// send sends a response. It returns what the stream ended with once it has.
func (s *stream) send(response proto.Message) (err error) {
	s.mustBeAdmitted()
	if err := s.claimSending(); err != nil {
		return err
	}
	defer func() {
		if ended := s.release(&s.sending); ended != nil && err != nil {
			err = ended // it ended meanwhile, and cut this response
		}
	}()
	err = s.gate.answer(s.ctx, s.source, response, s)
	if refused, ok := errors.AsType[*denial](err); ok {
		return s.end(s.outside(), refused)
	}
	return err
}

func (s *stream) sendHeaders() error {
	s.mustBeAdmitted()
	if err := s.claimSending(); err != nil {
		return err
	}
	defer func() { _ = s.release(&s.sending) }()
	return s.source.SendHeaders()
}

// openedBy returns who opened the stream.
func (s *stream) openedBy() *authn.Principal {
	s.mustBeAdmitted()
	if s.principal == nil {
		panic(notAdmitted)
	}
	return s.principal
}

// resourceNow returns what the request is about that was received last or, before any, that
// of the one that let the stream in.
func (s *stream) resourceNow() proto.Message {
	s.mustBeAdmitted()
	if s.resourceOfLast != nil {
		return s.resourceOfLast
	}
	return s.resource()
}

// grantName returns the name of the grant that lets the caller in.
func (s *stream) grantName() string {
	s.mustBeAdmitted()
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.gate.policy.GrantName(s.by)
}

func (s *stream) mustBeAdmitted() {
	if s == nil || !s.admitted {
		panic(notAdmitted)
	}
}

// streamSource is where the gate of a stream reads from: what the transport
// receives, within the stream's limits, until the stream ends.
type streamSource struct{ *stream }

// Receive implements [connect.ServerStream].
func (s streamSource) Receive(request any) error {
	err := s.receiveOrEnd(request)
	if err != nil {
		s.drained = errors.Is(err, io.EOF)
		return err
	}
	s.messages++
	if s.call != nil {
		s.bytes += int64(s.call.ReceiveStats.Size)
	}
	return exceeded(s.control, s.messages, s.bytes)
}

// SendHeaders implements [connect.ServerStream].
func (s streamSource) SendHeaders() error { return s.sendHeaders() }

// Send implements [connect.ServerStream]. Nothing sends through it.
func (streamSource) Send(any) error { return errors.New("action: a source of messages sends none") }

// receiveOrEnd receives a message and returns early when the stream ends meanwhile.
func (s streamSource) receiveOrEnd(request any) error {
	if s.control.InterruptReceive != nil {
		if ended := s.claimReading(); ended != nil {
			return ended
		}
		defer func() { _ = s.release(&s.reading) }()
		return s.source.Receive(request)
	}
	// The transport cannot be interrupted. It lets go of the message when the stream's
	// function has returned.
	received := make(chan error, 1)
	var panicked any // set before received is sent to
	go func() {
		defer func() {
			// Here a panic would end the process; the gate makes a denial of it.
			if thrown := recover(); thrown != nil {
				panicked = recovered.New(event.StageDecode.String(), thrown)
				received <- nil
			}
		}()
		received <- s.source.Receive(request)
	}()
	select {
	case err := <-received:
		_ = s.release(new(bool)) // nothing was claimed, and a message has come
		if panicked != nil {
			panic(panicked)
		}
		return err
	case <-s.ctx.Done():
		return context.Cause(s.ctx)
	}
}
