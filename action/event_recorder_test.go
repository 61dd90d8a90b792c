package action_test

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sallyport-rpc/sallyport/action/event"
)

// A recorder is an [event.Recorder] that also notes what the steps of calls did, in their
// order, and keeps the decisions on them.
type recorder struct {
	mu        sync.Mutex
	events    []string
	decisions []event.Decision
	kept      []event.Event
	ends      atomic.Bool // it notes how calls ended too
}

func (d *recorder) note(event string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.events = append(d.events, event)
}

// Enabled leaves out how calls ended, unless the test looks at that.
func (d *recorder) Enabled(_ context.Context, kind event.Kind, _ event.Outcome) bool {
	return kind != event.Ended || d.ends.Load()
}

func (d *recorder) Record(_ context.Context, e *event.Event) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	note := fmt.Sprintf("%s at %s", e.Outcome, e.Stage)
	if e.Kind == event.Ended {
		note = "ended"
	}
	d.events = append(d.events, note)
	d.kept = append(d.kept, *e)
	d.decisions = append(d.decisions, e.Decision)
	return nil
}

// takeEvents returns the events that were recorded since it was last asked.
func (d *recorder) takeEvents() []event.Event {
	d.mu.Lock()
	defer d.mu.Unlock()
	kept := d.kept
	d.kept = nil
	return kept
}

// take returns what was noted since it was last asked.
func (d *recorder) take() (events []string, decisions []event.Decision) {
	d.mu.Lock()
	defer d.mu.Unlock()
	events, decisions = d.events, d.decisions
	d.events, d.decisions = nil, nil
	return events, decisions
}

// peek returns what take would.
func (d *recorder) peek() (events []string, decisions []event.Decision) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.events), slices.Clone(d.decisions)
}

// await waits until an event was noted.
func (d *recorder) await(tb testing.TB, event string) {
	tb.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; runtime.Gosched() {
		if events, _ := d.peek(); slices.Contains(events, event) {
			return
		}
		if time.Now().After(deadline) {
			tb.Fatalf("%q never happened", event)
		}
	}
}

// expect fails the test where anything else happened since it was last asked, and
// returns the decisions.
func (d *recorder) expect(tb testing.TB, want ...string) []event.Decision {
	tb.Helper()
	events, decisions := d.take()
	if diff := cmp.Diff(want, events); diff != "" {
		tb.Errorf("what happened (-want +got):\n%s", diff)
	}
	return decisions
}
