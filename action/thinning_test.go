package action_test

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"strings"
	"testing"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/authn"
)

// kept is a recorder that counts.
type kept struct{ decisions []action.Decision }

func (*kept) Enabled(context.Context, action.Outcome) bool { return true }

func (k *kept) Record(_ context.Context, decision action.Decision) {
	k.decisions = append(k.decisions, decision)
}

// Of the denials of strangers from one network most are left out; nothing else is.
func TestThinningRecorder(t *testing.T) {
	t.Parallel()
	from := func(address string) context.Context {
		return authn.WithPeer(t.Context(), &authn.Peer{Address: netip.MustParseAddr(address)})
	}
	denial := action.Decision{Outcome: action.Deny}
	for name, test := range map[string]struct {
		ctx      func(i int) context.Context
		decision action.Decision
		want     int
	}{
		"strangers of one network": {func(int) context.Context { return from("10.0.0.1") }, denial, 20},
		"strangers of one /64": {func(i int) context.Context {
			return from(netip.AddrFrom16([16]byte{0x20, 1, 15: byte(i)}).String())
		}, denial, 20},
		"strangers of many networks": {func(i int) context.Context {
			return from(netip.AddrFrom4([4]byte{10, 0, 0, byte(i)}).String())
		}, denial, 100},
		"principals":     {func(int) context.Context { return from("10.0.0.1") }, action.Decision{PrincipalID: "alice"}, 100},
		"allows":         {func(int) context.Context { return from("10.0.0.1") }, action.Decision{Outcome: action.Allow}, 100},
		"in the process": {func(int) context.Context { return t.Context() }, denial, 100},
	} {
		kept := &kept{}
		recorder := action.ThinningRecorder(kept)
		for i := range 100 {
			recorder.Record(test.ctx(i), test.decision)
		}
		// A second may pass meanwhile, and then one more is handed on.
		if got := len(kept.decisions); got < test.want || got > test.want+5 {
			t.Errorf("%s: %d of 100 are recorded, want %d", name, got, test.want)
		}
	}
}

// A line of the log has a bounded length, whatever the decision holds.
func TestLogRecorderIsBrief(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("<\x00é", 1<<20)
	var log strings.Builder
	recorder := action.LogRecorder(slog.New(slog.NewJSONHandler(&log, nil)))
	recorder.Record(t.Context(), action.Decision{Procedure: "/a.B/C", Reason: "short", Err: errors.New(long), NotRecorded: 5})
	if log.Len() > 4<<10 {
		t.Errorf("the line has %d bytes", log.Len())
	}
	if !strings.Contains(log.String(), `"not_recorded":5`) {
		t.Errorf("the line does not say how many are left out: %.200s", log.String())
	}
}
