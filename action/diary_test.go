package action_test

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sallyport-rpc/sallyport/action"
)

// A diary notes what the steps of calls did, in the order in which they did it, and
// keeps the decisions on them. It is a recorder.
type diary struct {
	mu        sync.Mutex
	events    []string
	decisions []action.Decision
}

func (d *diary) note(event string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.events = append(d.events, event)
}

func (d *diary) Enabled(context.Context, action.Outcome) bool { return true }

func (d *diary) Record(_ context.Context, decision action.Decision) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.events = append(d.events, fmt.Sprintf("%s at %s", decision.Outcome, decision.Stage))
	d.decisions = append(d.decisions, decision)
}

// take returns what was noted since it was last asked.
func (d *diary) take() (events []string, decisions []action.Decision) {
	d.mu.Lock()
	defer d.mu.Unlock()
	events, decisions = d.events, d.decisions
	d.events, d.decisions = nil, nil
	return events, decisions
}

// peek returns what take would.
func (d *diary) peek() (events []string, decisions []action.Decision) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.events), slices.Clone(d.decisions)
}

// await waits until an event was noted.
func (d *diary) await(tb testing.TB, event string) {
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
func (d *diary) expect(tb testing.TB, want ...string) []action.Decision {
	tb.Helper()
	events, decisions := d.take()
	if diff := cmp.Diff(want, events); diff != "" {
		tb.Errorf("what happened (-want +got):\n%s", diff)
	}
	return decisions
}
