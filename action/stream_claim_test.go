package action

import (
	"context"
	"errors"
	"io"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sallyport-rpc/sallyport/action/actionserver"
	testv1 "github.com/sallyport-rpc/sallyport/gen/test/v1"
	"github.com/sallyport-rpc/sallyport/internal/validation"
)

// tickingRegistry counts how often its clock is read: the time is a second later each time.
func tickingRegistry() (registry *Registry, reads func() int) {
	var ticks atomic.Int64
	return &Registry{recorder: unrecorded{}, now: func() time.Time {
		return time.Unix(ticks.Add(1), 0)
	}}, func() int { return int(ticks.Load()) }
}

// deaf is a transport that must not be used.
type deaf struct{ t *testing.T }

func (d deaf) Receive(any) error  { d.t.Error("the transport receives"); return io.EOF }
func (d deaf) SendHeaders() error { d.t.Error("the transport sends headers"); return nil }
func (d deaf) Send(any) error     { d.t.Error("the transport sends"); return nil }

// TestClaimReading has two receive from a transport: the second waits for the first, and
// for the end where that comes sooner.
func TestClaimReading(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]bool{"the first is done": false, "the stream ends": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				registry, _ := tickingRegistry()
				s := (&gate{registry: registry}).newStream(t.Context(), deaf{t})
				if err := s.claimReading(); err != nil {
					t.Fatal(err)
				}
				second := make(chan error, 1)
				go func() { second <- s.claimReading() }()
				synctest.Wait()
				select {
				case err := <-second:
					t.Fatalf("both receive at once: %v", err)
				default:
				}
				if end {
					_ = s.end(s.outside(), returned)
				} else {
					_ = s.release(&s.reading)
				}
				if err := <-second; (err != nil) != end {
					t.Errorf("the second is told %v", err)
				}
				s.cancel(nil)
			})
		})
	}
}

// TestEndedStreamAsksNothing uses the source of messages of a stream that has ended. It
// returns what the stream ended with, and leaves the transport alone.
func TestEndedStreamAsksNothing(t *testing.T) {
	t.Parallel()
	registry, _ := tickingRegistry()
	ctx := actionserver.WithStreamControl(t.Context(), &actionserver.StreamControl{InterruptReceive: func() {}})
	s := (&gate{registry: registry}).newStream(ctx, deaf{t})
	s.opened, s.admitted = true, true
	ended := s.end(s.outside(), errShuttingDown)
	source := streamSource{s}
	for name, err := range map[string]error{
		"Receive":     source.Receive(&testv1.Request{}),
		"SendHeaders": source.SendHeaders(),
	} {
		if !errors.Is(err, ended) {
			t.Errorf("%s returned %v", name, err)
		}
	}
	if err := source.Send(&testv1.Response{}); err == nil {
		t.Error("a source of messages sends")
	}
}

// TestMessageTime receives a message of a stream whose idle time is watched. The clock is
// read once for it: the decision about the message is made at the time when it came. A
// response moves the stream, and is no arrival. Without an idle limit the transport's
// messages read no clock.
func TestMessageTime(t *testing.T) {
	t.Parallel()
	registry, reads := tickingRegistry()
	g := &gate{registry: registry, rules: validation.Unvalidated()}
	live := func(control *actionserver.StreamControl) *stream {
		control.InterruptReceive = func() {}
		return g.newStream(actionserver.WithStreamControl(t.Context(), control), silent{})
	}
	decide := func(s *stream) time.Time {
		pass := passage{gate: g}
		if err := pass.run(t.Context(), (*gate).admitNext, streamSource{s}, &testv1.Request{}); err != nil {
			t.Fatal(err)
		}
		return pass.start
	}
	watched := live(&actionserver.StreamControl{IdleTimeout: time.Hour})
	for range 2 {
		if start := decide(watched); !start.Equal(watched.moved) || reads() != int(start.Unix()) {
			t.Errorf("the message moved the stream at %v, is decided about at %v, and the clock is read %d times", watched.moved.Unix(), start.Unix(), reads())
		}
	}
	arrived := watched.arrived
	_ = watched.release(&watched.sending)
	if !watched.arrived.Equal(arrived) || !watched.moved.After(arrived) {
		t.Errorf("a response moved the stream at %v, and the last message came at %v, not %v", watched.moved, watched.arrived, arrived)
	}
	before := reads()
	unwatched := live(&actionserver.StreamControl{})
	if _ = unwatched.release(&unwatched.sending); reads() != before {
		t.Errorf("for a response without a limit the clock is read %d times", reads()-before)
	}
	if start := decide(unwatched); reads() != before+1 || !start.Equal(time.Unix(int64(before+1), 0)) {
		t.Errorf("without a limit the clock is read %d times, for %v", reads()-before, start.Unix())
	}
}

// TestBeginOfACallThatIsOver ends a call after the grants have let its stream in, and before
// the stream lives. It does not begin to.
func TestBeginOfACallThatIsOver(t *testing.T) {
	t.Parallel()
	registry, _ := tickingRegistry()
	for name, over := range map[string]bool{"over": true, "goes on": false} {
		ctx, cancel := context.WithCancel(t.Context())
		s := (&gate{registry: registry}).newStream(ctx, deaf{t})
		if over {
			cancel()
		}
		if err := s.begin(nil); errors.Is(err, context.Canceled) != over || s.opened == over {
			t.Errorf("%s: it has begun: %t, %v", name, s.opened, err)
		}
		cancel()
	}
}
