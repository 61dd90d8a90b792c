package action

import (
	"cmp"
	"context"
	"errors"
	"io"
	"sync"
	"time"

	"connectrpc.com/connect/v2"
	"google.golang.org/protobuf/proto"

	"github.com/sallyport-rpc/sallyport/authn"
	"github.com/sallyport-rpc/sallyport/internal/recovered"
)

// A stream is a stream while it lives. It begins with [stream.open] and ends with
// [stream.end]; every message passes [stream.await].
//
// Its methods belong to the goroutines of its handler, but for those of [stream.end]
// and of a review, which any goroutine may call.
type stream struct {
	// passage is what let the stream in. It does not change after that.
	passage

	own     identity // of the stream, for events
	source  connect.ServerStream
	control *StreamControl
	call    *connect.CallInfo // nil where the transport has none
	ctx     context.Context   //nolint:containedctx // a stream's Receive and Send belong to its call
	cancel  context.CancelCauseFunc
	// revocations is how many there were before the gate began to look for the caller.
	revocations uint64
	// These take back that the end of the call, and of the server, stops the stream.
	forgetCall, forgetShutdown func() bool

	// These belong to the goroutine that receives.
	first    proto.Message // what the gate had to read, until it is received
	drained  bool          // the client has ended its side
	message  passage       // of the message that is received
	messages int64         // how many came
	bytes    int64         // and their size

	// mu guards what follows. It is held for moments only; changed is for those who wait
	// for the end, for a review, or for the transport.
	mu          sync.Mutex
	changed     sync.Cond
	reading     bool           // the transport receives
	sending     bool           // the transport sends
	opened      bool           // the gate has let the stream in
	ended       *connect.Error // what the stream ended with; nil while it lives
	why         *denial        // what it ended with, for operators
	returned    bool           // the transport must not be touched any more
	interrupted bool           // a Receive of the transport was interrupted
	moved       time.Time      // when a message last came or went
	timer       *time.Timer    // looks at what is due
	cut         *time.Timer    // cuts a Send that waits
	standing
}

// What ends a stream when its handler has returned: no denial.
var returned = &denial{public: connect.NewError(connect.CodeCanceled, "canceled")}

// sendGrace is how long a Send that waits for a client who does not read may wait on
// after its stream has ended, before it is cut. With it the client loses the answer.
const sendGrace = 2 * time.Second

// newStream makes the stream of a call. Its context ends with the call, or when the
// stream does.
func (g *gate) newStream(ctx context.Context, source connect.ServerStream) *stream {
	s := &stream{passage: passage{gate: g}, source: source, control: streamControl(ctx)}
	s.changed.L = &s.mu
	s.identity = &s.own
	s.revocations = g.registry.streams.revocations.Load()
	s.call, _ = connect.CallInfoForServerContext(ctx)
	within := ctx
	if s.control != &noControl {
		within = WithStreamControl(ctx, nil) // it is lent to this stream, and not to those that its handler calls
	}
	s.ctx, s.cancel = context.WithCancelCause(within)
	s.forgetCall = context.AfterFunc(ctx, func() { s.stop(interrupted(ctx.Err())) })
	if s.control.OnShutdown != nil {
		s.forgetShutdown = s.control.OnShutdown(func() {
			s.stop(&denial{public: errShuttingDown, reason: "the server shuts down"})
		})
	}
	return s
}

// open takes the stream through its gate, within the time that it may take to be let
// in. It returns what the caller is told when it is not.
func (s *stream) open(admit step, request proto.Message) error {
	defer s.limitOpening()()
	err := s.run(s.ctx, admit, streamSource{s}, request)
	if err == nil {
		s.admitted = true
		err = s.begin(request)
	}
	if err == nil {
		err = s.recordAllow(s.ctx, s.gate.admission())
	}
	if err != nil {
		s.admitted = false
		return s.end(&s.passage, s.because(err))
	}
	return nil
}

// because returns why the stream really ends where its context has ended: what
// interrupted it, and not what the interrupted one made of that.
func (s *stream) because(err error) error {
	if s.ctx.Err() == nil {
		return err
	}
	if reason, ok := errors.AsType[*denial](context.Cause(s.ctx)); ok {
		return reason
	}
	return interrupted(s.ctx.Err())
}

// limitOpening stops a stream that is not let in within the time that it may take.
// The function that it returns ends that.
func (s *stream) limitOpening() (stop func() bool) {
	limit, reason := s.control.OpenTimeout, &denial{public: errLate, reason: "the first message did not come in time"}
	if idle := s.control.IdleTimeout; limit <= 0 || (idle > 0 && idle < limit) {
		limit, reason = idle, idleFor(idle)
	}
	if limit <= 0 {
		return func() bool { return false }
	}
	return time.AfterFunc(limit, func() { s.stop(reason) }).Stop
}

// stop ends the stream for a reason that comes from outside. While it opens that is
// for the goroutine that opens it to say, and stop makes it return.
func (s *stream) stop(reason *denial) {
	s.mu.Lock()
	if opening := !s.opened && s.ended == nil; opening {
		defer s.mu.Unlock()
		s.cancel(reason)
		s.interruptReceive()
		return
	}
	s.mu.Unlock()
	_ = s.end(s.outside(), reason)
}

// outside returns a passage that describes the stream, for ends that come from
// outside of it.
func (s *stream) outside() *passage {
	s.mu.Lock()
	defer s.mu.Unlock()
	pass := &passage{gate: s.gate, stage: StageHandle, principal: s.caller, identity: &s.own, kind: EventEnded}
	pass.clock()
	return pass
}

// end ends the stream, unless it has ended already: from here on no message passes.
// It records why, unless the event of the end says that, ends the context, and gets
// those out of the transport who wait in it. It returns what the stream ended with.
func (s *stream) end(pass *passage, cause error) error {
	reason := denialOf(cause)
	s.mu.Lock()
	if s.ended != nil {
		defer s.mu.Unlock()
		return s.ended
	}
	s.ended, s.why = reason.public, reason
	s.changed.Broadcast()
	opened := s.opened
	if s.timer != nil {
		s.timer.Stop()
	}
	s.mu.Unlock()
	switch {
	case !opened:
		_ = s.deny(s.ctx, reason) // the headers have not gone, so the caller can be told more
	case reason != returned && !reason.gone && pass.kind != EventEnded:
		pass.recordDeny(s.ctx, cmp.Or(pass.kind, EventDecided), reason)
	}
	s.cancel(reason.public)
	s.interrupt(reason)
	return reason.public
}

// interrupt gets those out of the transport who wait in it.
func (s *stream) interrupt(reason *denial) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if reason != returned || s.reading {
		s.interruptReceive()
	}
	if s.control.InterruptSend == nil || s.returned || !s.sending {
		return
	}
	s.cut = time.AfterFunc(sendGrace, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if !s.returned {
			s.control.InterruptSend()
		}
	})
}

// interruptReceive interrupts a Receive of the transport, once. The caller holds mu.
func (s *stream) interruptReceive() {
	if s.control.InterruptReceive != nil && !s.interrupted && !s.returned {
		s.interrupted = true
		s.control.InterruptReceive()
	}
}

// finish ends the stream when its handler has returned or was never called, and makes
// the handler's result the stream's unless the stream had ended before. When it
// returns nothing uses the transport, even where the handler left goroutines behind.
// It is deferred.
func (s *stream) finish(err *error) {
	how := endingOf(*err)
	if ended := s.end(nil, returned); ended != error(returned.public) { //nolint:errorlint // the very same
		how = ending{public: ended, reason: s.why.reason, cause: s.why.err}
	}
	*err = how.public
	<-s.ctx.Done() // what ended it was recorded before
	s.forgetCall()
	if s.forgetShutdown != nil {
		s.forgetShutdown()
	}
	if s.principal != nil {
		s.gate.registry.streams.remove(s)
	}
	s.mu.Lock()
	for s.reading || s.sending {
		s.changed.Wait()
	}
	s.returned = true
	if s.cut != nil {
		s.cut.Stop()
	}
	s.mu.Unlock()
	if s.admitted {
		s.recordEnd(s.ctx, how)
	}
}

// endedWith returns what the stream ended with, and nil while it lives.
func (s *stream) endedWith() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended == nil {
		return nil
	}
	return s.ended
}

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

// claimSending does the same for sending, and waits for a review as well.
func (s *stream) claimSending() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.ended == nil && (s.sending || s.reviewing) {
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
	caller, reviews, err := s.await()
	if err != nil {
		return nil, err
	}
	if first := s.first; first != nil {
		s.first = nil
		return first, nil
	}
	if s.drained {
		return nil, io.EOF
	}
	s.message = passage{gate: s.gate, principal: caller, identity: &s.own, kind: EventMessage}
	err = s.message.run(s.ctx, (*gate).admitNext, streamSource{s}, request)
	for {
		if err != nil && !s.drained {
			return nil, s.end(&s.message, s.because(err))
		}
		// The end of the requests waits as well: with it a handler may do what they ask for.
		caller, now, ended := s.await()
		switch {
		case ended != nil:
			return nil, ended
		case s.drained:
			return nil, io.EOF
		case now == reviews || !s.gate.authorizesEvery():
			s.remember(request)
			if !s.gate.registry.messageEvents {
				return request, nil
			}
			if err := s.message.recordAllow(s.ctx, EventMessage); err != nil {
				return nil, s.end(&s.message, err)
			}
			return request, nil
		}
		// It was authorized for a caller who has been looked at again since.
		s.message.principal, reviews = caller, now
		err = s.message.run(s.ctx, func(g *gate, ctx context.Context, pass *passage, _ connect.ServerStream, request proto.Message) error {
			return g.authorize(ctx, pass, request)
		}, nil, request)
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
	return s.gate.answer(s.source, response)
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
	return s.control.exceeded(s.messages, s.bytes)
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
				panicked = recovered.New(StageDecode.String(), thrown)
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
