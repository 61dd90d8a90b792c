package action

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"connectrpc.com/connect/v2"

	"github.com/sallyport-rpc/sallyport/action/event"
	"github.com/sallyport-rpc/sallyport/authn"
)

// A keeping recorder keeps what it is given, and nothing where it has an error.
type keeping struct {
	err     error
	enabled bool
	kept    []event.Event
}

func (k *keeping) Enabled(context.Context, event.Kind, event.Outcome) bool { return k.enabled }

func (k *keeping) Record(_ context.Context, e *event.Event) error {
	k.kept = append(k.kept, *e)
	return k.err
}

// A noting observer keeps observations.
type noting struct{ seen []event.Observation }

func (n *noting) Observe(_ context.Context, of event.Observation) { n.seen = append(n.seen, of) }

// What a caller chose is cut, and what is no printable ASCII, as well as the backslash, is
// escaped.
func TestForeign(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":            "",
		"az 09~":      "az 09~",
		"a\x1f\x7f":   `a\x1f\x7f`,
		`a\b`:         `a\x5cb`,
		"ä":           `\xc3\xa4`,
		"123456789\n": "123456789", // which has no room for four more
		"12345678901": "1234567890",
		"123456\n":    `123456\x0a`,
	} {
		if got := foreign(text, 10); got != want {
			t.Errorf("%q becomes %q, want %q", text, got, want)
		}
	}
}

// A denial leaves one event, with who called and by which id, also where nothing of the
// call was recorded before.
func TestDenialSaysWhoCalled(t *testing.T) {
	t.Parallel()
	kept := &keeping{enabled: true}
	registry := &Registry{recorder: kept, now: time.Now}
	info := &connect.CallInfo{}
	info.RequestHeader().Set("X-Request-Id", "r-1")
	peer := &authn.Peer{Address: netip.MustParseAddr("192.0.2.7")}
	pass := &passage{gate: &gate{registry: registry, procedure: "/test.v1.Service/Call"}}
	pass.deny(authn.WithPeer(callContext(t, t.Context(), info), peer), errors.New("broken"))
	if len(kept.kept) != 1 {
		t.Fatalf("it left %+v", kept.kept)
	}
	if got := kept.kept[0]; got.Peer == nil || got.Peer.Address != peer.Address || got.RequestID != "r-1" || got.CallID == "" || got.Time.IsZero() {
		t.Errorf("it left %+v", got)
	}
}

// Observers are given a call that is let in once, whether its event is kept or
// not asked for.
func TestAllowIsObserved(t *testing.T) {
	t.Parallel()
	for name, kept := range map[string]*keeping{"kept": {enabled: true}, "not asked for": {}} {
		seen := &noting{}
		registry := &Registry{recorder: kept, now: time.Now}
		registry.Observe(seen)
		pass := &passage{gate: &gate{registry: registry}}
		if err := pass.recordAllow(t.Context(), event.Decided); err != nil {
			t.Error(err)
		}
		if len(seen.seen) != 1 || seen.seen[0].Kind != event.Decided || seen.seen[0].Outcome != event.Allow || (len(kept.kept) == 1) != kept.enabled {
			t.Errorf("%s: observed %+v, kept %d", name, seen.seen, len(kept.kept))
		}
	}
}

// Observers are given what was refused before a gate, without what the caller chose.
func TestRefusedIsObserved(t *testing.T) {
	t.Parallel()
	seen, kept := &noting{}, &keeping{enabled: true}
	registry := &Registry{recorder: kept, now: time.Now}
	registry.Observe(seen)
	refused := event.Event{}
	refused.Procedure, refused.Code = "/made.up/Name", connect.CodeUnimplemented
	registry.RecordRefused(t.Context(), refused)
	if len(seen.seen) != 1 || seen.seen[0] != (event.Observation{Kind: event.Refused, Code: connect.CodeUnimplemented}) {
		t.Errorf("observed %+v", seen.seen)
	}
	if len(kept.kept) != 0 {
		t.Errorf("a registry that is not sealed keeps %+v", kept.kept)
	}
}

// An event that the recorder does not keep goes elsewhere, with another one that says why.
func TestEventsThatAreNotKept(t *testing.T) {
	t.Parallel()
	full := errors.New("the disk is full")
	for name, required := range map[string]bool{"optional": false, "required": true} {
		elsewhere := &keeping{}
		registry := &Registry{recorder: &keeping{err: full}, elsewhere: elsewhere, recorderRequired: required}
		at := time.Unix(1, 0)
		mayRun := registry.record(t.Context(), &event.Event{
			Kind: event.Opened, CallID: "c-1", RequestID: "r-1", Contract: "f-1", Decision: event.Decision{Procedure: "/test.v1.Service/Call", Time: at},
		})
		if mayRun == required {
			t.Errorf("%s: the handler may run: %t", name, mayRun)
		}
		if len(elsewhere.kept) != 2 {
			t.Fatalf("%s: elsewhere has %+v", name, elsewhere.kept)
		}
		lost, fault := elsewhere.kept[0], elsewhere.kept[1]
		if lost.Kind != event.Opened || lost.CallID != "c-1" {
			t.Errorf("%s: the event is %+v", name, lost)
		}
		if fault.Kind != event.Fault || fault.CallID != "c-1" || fault.RequestID != "r-1" || fault.Contract != "f-1" ||
			fault.Procedure != "/test.v1.Service/Call" || !fault.Time.Equal(at) || !errors.Is(fault.Err, full) || !strings.Contains(fault.Reason, "kind opened") {
			t.Errorf("%s: the fault is %+v", name, fault)
		}
	}
}

// An observation says how long the call has taken since its gate looked at it, and of a
// decision alone which steps took how long.
func TestObservedDuration(t *testing.T) {
	t.Parallel()
	now := time.Unix(100, 0)
	registry := &Registry{now: func() time.Time { return now }}
	seen := &noting{}
	registry.Observe(nil)
	if registry.observers.Load() != nil {
		t.Error("a nil observer is one")
	}
	registry.Observe(seen)
	pass := &passage{gate: &gate{registry: registry}}
	pass.observed(t.Context(), event.Decided, event.Deny, connect.CodeInternal)
	pass.start = now.Add(-2 * time.Second)
	pass.observed(t.Context(), event.Decided, event.Deny, connect.CodeInternal)
	pass.more().watch = &stopwatch{steps: [event.StageHandle]time.Duration{event.StageDecode: time.Second}, stage: event.StageHandle}
	for _, kind := range []event.Kind{event.Decided, event.Opened, event.Message, event.Ended} {
		pass.observed(t.Context(), kind, event.Deny, connect.CodeInternal)
	}
	wants := []struct {
		duration time.Duration
		steps    bool
	}{{0, false}, {2 * time.Second, false}, {2 * time.Second, true}, {2 * time.Second, true}, {2 * time.Second, false}, {2 * time.Second, false}}
	for i, want := range wants {
		if got := seen.seen[i]; got.Duration != want.duration || (got.Steps[event.StageDecode] > 0) != want.steps {
			t.Errorf("%s: %v, %v", got.Kind, got.Duration, got.Steps)
		}
	}
}
