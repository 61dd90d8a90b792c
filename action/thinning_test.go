package action_test

import (
	"cmp"
	"context"
	"log/slog"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/authn"
)

// kept is a recorder that counts.
type kept struct{ events []*action.Event }

func (*kept) Enabled(context.Context, action.EventKind, action.Outcome) bool { return true }

func (k *kept) Record(_ context.Context, event *action.Event) error {
	k.events = append(k.events, event)
	return nil
}

// Of the denials of strangers from one network most are left out; nothing else is.
func TestThinningRecorder(t *testing.T) {
	t.Parallel()
	from := func(address string) *authn.Peer {
		return &authn.Peer{Address: netip.MustParseAddr(address)}
	}
	denial := action.Decision{Outcome: action.Deny}
	for name, test := range map[string]struct {
		peer     func(i int) *authn.Peer
		decision action.Decision
		want     int
		kind     action.EventKind // decided, where it is none
	}{
		"strangers of one network": {func(int) *authn.Peer { return from("10.0.0.1") }, denial, 20, 0},
		"strangers of one /64": {func(i int) *authn.Peer {
			return from(netip.AddrFrom16([16]byte{0x20, 1, 15: byte(i)}).String())
		}, denial, 20, 0},
		"strangers of many networks": {func(i int) *authn.Peer {
			return from(netip.AddrFrom4([4]byte{10, 0, 0, byte(i)}).String())
		}, denial, 100, 0},
		"principals":     {func(int) *authn.Peer { return from("10.0.0.1") }, action.Decision{PrincipalID: "alice"}, 100, 0},
		"allows":         {func(int) *authn.Peer { return from("10.0.0.1") }, action.Decision{Outcome: action.Allow}, 100, 0},
		"ends":           {func(int) *authn.Peer { return from("10.0.0.1") }, denial, 100, action.EventEnded},
		"refused calls":  {func(int) *authn.Peer { return from("10.0.0.1") }, denial, 20, action.EventRefused},
		"in the process": {func(int) *authn.Peer { return nil }, denial, 100, 0},
	} {
		kept := &kept{}
		recorder := action.ThinningRecorder(kept)
		for i := range 100 {
			if err := recorder.Record(t.Context(), &action.Event{Kind: cmp.Or(test.kind, action.EventDecided), Peer: test.peer(i), Decision: test.decision}); err != nil {
				t.Error(err)
			}
		}
		// A second may pass meanwhile, and then one more is handed on.
		if got := len(kept.events); got < test.want || got > test.want+5 {
			t.Errorf("%s: %d of 100 are recorded, want %d", name, got, test.want)
		}
	}
}

// What was left out is said by the next event that is handed on, and in the log.
func TestThinningIsCounted(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log strings.Builder
		recorder := action.LogRecorder(slog.New(slog.NewJSONHandler(&log, nil)))
		denial := &action.Event{Kind: action.EventDecided, Peer: &authn.Peer{Address: netip.MustParseAddr("10.0.0.1")}}
		for range 25 {
			_ = recorder.Record(t.Context(), denial)
		}
		time.Sleep(time.Second)
		_ = recorder.Record(t.Context(), denial)
		if got := strings.Count(log.String(), "\n"); got != 21 || strings.Count(log.String(), `"not_recorded":5`) != 1 || denial.NotRecorded != 0 {
			t.Errorf("%d lines: %s", got, log.String())
		}
	})
}
