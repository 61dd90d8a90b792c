package event_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/sallyport-rpc/sallyport/action/event"
)

// sink counts what it is given, and answers err.
type sink struct {
	off   bool
	err   error
	panic bool
	kept  int
}

func (s *sink) Enabled(context.Context, event.Kind, event.Outcome) bool {
	if s.panic {
		panic("enabled")
	}
	return !s.off
}

func (s *sink) Record(context.Context, *event.Event) error {
	if s.panic {
		panic("record")
	}
	s.kept++
	return s.err
}

func TestSeveralRecorders(t *testing.T) {
	t.Parallel()
	down := errors.New("down")
	for name, test := range map[string]struct {
		one, two sink
		tee, any string // what the error says, or "" for none
	}{
		"both keep":         {sink{}, sink{}, "", ""},
		"the first fails":   {sink{err: down}, sink{}, "down", ""},
		"the second fails":  {sink{}, sink{err: down}, "", ""},
		"both fail":         {sink{err: down}, sink{err: down}, "down", "down\ndown"},
		"the first panics":  {sink{panic: true}, sink{}, "panic", ""},
		"the second panics": {sink{}, sink{panic: true}, "", ""},
		"both panic":        {sink{panic: true}, sink{panic: true}, "panic", "panic"},
	} {
		for combined, want := range map[string]string{"tee": test.tee, "any": test.any} {
			one, two := test.one, test.two
			recorder := event.AnyOf(&one, &two)
			if combined == "tee" {
				recorder = event.Tee(&one, &two)
			}
			err := recorder.Record(t.Context(), &event.Event{Kind: event.Decided, Decision: event.Decision{Outcome: event.Allow}})
			if (err != nil) != (want != "") || err != nil && !strings.Contains(err.Error(), want) {
				t.Errorf("%s, %s: %v, want %q", name, combined, err, want)
			}
			if !one.panic && one.kept != 1 || !two.panic && two.kept != 1 {
				t.Errorf("%s, %s: kept %d and %d times", name, combined, one.kept, two.kept)
			}
			if !recorder.Enabled(t.Context(), event.Ended, event.Allow) {
				t.Errorf("%s, %s: not enabled", name, combined)
			}
		}
	}
}

// A recorder that does not ask for a kind is not given it, unless it lets a handler run.
func TestSeveralRecordersAreAsked(t *testing.T) {
	t.Parallel()
	off, on := &sink{off: true}, &sink{}
	for _, recorder := range []event.Recorder{event.Tee(on, off), event.AnyOf(on, off)} {
		if err := recorder.Record(t.Context(), &event.Event{Kind: event.Ended}); err != nil || off.kept != 0 {
			t.Errorf("an end: %v, kept %d times where it is off", err, off.kept)
		}
	}
	if event.AnyOf(off, off).Enabled(t.Context(), event.Ended, event.Allow) {
		t.Error("enabled where both are off")
	}
	if err := event.AnyOf(on, off).Record(t.Context(), &event.Event{Kind: event.Opened, Decision: event.Decision{Outcome: event.Allow}}); err != nil || off.kept != 1 {
		t.Errorf("an opened stream: %v, kept %d times", err, off.kept)
	}
	if err := event.AnyOf().Record(t.Context(), &event.Event{}); err == nil {
		t.Error("no recorder kept an event")
	}
	if err := event.Tee(nil).Record(t.Context(), &event.Event{}); err == nil {
		t.Error("a nil recorder kept an event")
	}
}
