package action

import (
	"cmp"
	"context"
	"errors"
	"sync"
	"time"

	"connectrpc.com/connect/v2"
	"github.com/sallyport-rpc/sallyport/action/actionserver"
	"github.com/sallyport-rpc/sallyport/action/event"
	"github.com/sallyport-rpc/sallyport/internal/field"
	"google.golang.org/protobuf/proto"
)

// A stream is a stream while it lives. It begins with [stream.open] and ends with
// [stream.end]; every message passes [stream.await].
//
// Its methods belong to the goroutines of its handler, but for those of [stream.end]
// and of a recheck, which any goroutine may call.
type stream struct {
	// passage is what let the stream in. It does not change after that.
	passage

	own     identity // of the stream, for events
	source  connect.ServerStream
	control *actionserver.StreamControl
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
	// resourceOfLast is what the request is about that was received last.
	resourceOfLast proto.Message
	arrived        time.Time // when the last one did, where its idle time is watched

	// mu guards what follows. It is held for moments only; changed is for those who wait
	// for the end, for a recheck, or for the transport.
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
	cleared     *field.Cleared // of what was sent; nil for nothing
	sight       *sight         // what elements are looked at with; nil where the action has none
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
		within = actionserver.WithStreamControl(ctx, nil) // it is lent to this stream, and not to those that its handler calls
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
	s.passage.begin()
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
	pass := &passage{gate: s.gate, stage: event.StageHandle, principal: s.caller, identity: &s.own, kind: event.Ended}
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
	case reason != returned && !reason.gone && pass.kind != event.Ended:
		pass.recordDeny(s.ctx, cmp.Or(pass.kind, event.Decided), reason)
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
	time.AfterFunc(sendGrace, func() {
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
	if how.public != nil && s.admitted {
		how = s.withoutUnreadable(s.ctx, how, s.outside().principal)
	}
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
	s.mu.Unlock()
	if s.admitted {
		s.passage.clear(s.clearedSoFar())
		s.recordEnd(s.ctx, how)
	}
}
