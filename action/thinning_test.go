package action_test

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sallyport-rpc/sallyport/action/event"
	"github.com/sallyport-rpc/sallyport/authn"
)

// kept is a recorder that counts.
type kept struct {
	mu     sync.Mutex
	events []*event.Event
}

func (*kept) Enabled(context.Context, event.Kind, event.Outcome) bool { return true }

func (k *kept) Record(_ context.Context, event *event.Event) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.events = append(k.events, event)
	return nil
}

// all returns the events.
func (k *kept) all() []*event.Event {
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.Clone(k.events)
}

// Of what one caller can cause at will most is left out; nothing else is.
func TestThinningRecorder(t *testing.T) {
	t.Parallel()
	from := func(address string) *authn.Peer {
		return &authn.Peer{Address: netip.MustParseAddr(address)}
	}
	one := func(int) *authn.Peer { return from("10.0.0.1") }
	many := func(i int) *authn.Peer {
		return from(netip.AddrFrom4([4]byte{10, 0, 0, byte(i)}).String())
	}
	denial := event.Decision{Outcome: event.Deny}
	fault := errors.New("fault")
	for name, test := range map[string]struct {
		peer     func(i int) *authn.Peer
		decision event.Decision
		want     int
		kind     event.Kind // decided, where it is none
	}{
		"strangers of one network": {one, denial, 20, 0},
		"strangers of one /64": {func(i int) *authn.Peer {
			return from(netip.AddrFrom16([16]byte{0x20, 1, 15: byte(i)}).String())
		}, denial, 20, 0},
		"strangers of many networks":     {many, denial, 100, 0},
		"strangers who run into a fault": {one, event.Decision{Outcome: event.Deny, Err: fault}, 20, 0},
		"a principal":                    {one, event.Decision{Outcome: event.Deny, PrincipalID: "alice"}, 20, 0},
		"a principal of many networks":   {many, event.Decision{Outcome: event.Deny, PrincipalID: "alice"}, 20, 0},
		"a principal's messages":         {one, event.Decision{Outcome: event.Deny, PrincipalID: "alice"}, 20, event.Message},
		"faults of a principal's calls":  {one, event.Decision{Outcome: event.Deny, PrincipalID: "alice", Err: fault}, 100, 0},
		"allows":                         {one, event.Decision{Outcome: event.Allow, PrincipalID: "alice"}, 100, 0},
		"strangers' calls cut short":     {one, denial, 20, event.Ended},
		"a principal's calls cut short":  {one, event.Decision{Outcome: event.Deny, PrincipalID: "alice"}, 20, event.Ended},
		"handlers that fail":             {one, event.Decision{Outcome: event.Deny, Err: fault}, 100, event.Ended},
		"ends":                           {one, event.Decision{Outcome: event.Allow}, 100, event.Ended},
		"refused calls":                  {one, denial, 20, event.Refused},
		"a principal's questions":        {many, event.Decision{Outcome: event.Allow, PrincipalID: "alice"}, 20, event.Question},
		"strangers' questions":           {one, event.Decision{Outcome: event.Allow}, 20, event.Question},
		"questions that are denied":      {one, denial, 20, event.Question},
		"the program's own questions":    {func(int) *authn.Peer { return nil }, event.Decision{Outcome: event.Allow}, 100, event.Question},
		"faults":                         {one, denial, 100, event.Fault},
		"in the process":                 {func(int) *authn.Peer { return nil }, denial, 100, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				kept := &kept{}
				recorder := event.ThinningRecorder(kept)
				for i := range 100 {
					if err := recorder.Record(t.Context(), &event.Event{Kind: cmp.Or(test.kind, event.Decided), Peer: test.peer(i), Decision: test.decision}); err != nil {
						t.Error(err)
					}
				}
				if got := len(kept.all()); got != test.want {
					t.Errorf("%d of 100 are recorded, want %d", got, test.want)
				}
				time.Sleep(2 * time.Second)
				synctest.Wait()
				counted := 0
				for _, event := range kept.all() {
					counted += 1 + event.NotRecorded
				}
				if counted != 100 {
					t.Errorf("%d of 100 are counted after a while", counted)
				}
			})
		})
	}
}

// What of an event is costly to make is made of those that are handed on at once, and of
// no others; each has an id all the same.
func TestKeepDraft(t *testing.T) {
	t.Parallel()
	peer := &authn.Peer{Address: netip.MustParseAddr("10.0.0.1")}
	for name, test := range map[string]struct {
		recorder func(event.Recorder) event.Recorder
		draft    event.Event
		want     int // how many of 100 are made whole
	}{
		"denials that are thinned": {event.ThinningRecorder, event.Event{Kind: event.Decided, Peer: peer}, 20},
		"denials in the process":   {event.ThinningRecorder, event.Event{Kind: event.Decided}, 100},
		"denials that are all kept": {
			func(recorder event.Recorder) event.Recorder { return event.Tee(recorder) }, event.Event{Kind: event.Decided, Peer: peer}, 100,
		},
		"allows": {
			event.ThinningRecorder, event.Event{Kind: event.Decided, Peer: peer, Decision: event.Decision{Outcome: event.Allow}}, 100,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				kept := &kept{}
				recorder := test.recorder(kept)
				for range 100 {
					draft := test.draft
					if err := event.KeepDraft(t.Context(), recorder, &draft, func(e *event.Event) {
						e.CallID, e.Grants = "made", []event.GrantOutcome{{Grant: "allow[0]"}}
					}); err != nil {
						t.Error(err)
					}
				}
				time.Sleep(2 * time.Second)
				synctest.Wait()
				whole, late := 0, 0
				for _, e := range kept.all() {
					switch {
					case e.CallID == "made" && len(e.Grants) == 1:
						whole++
					case len(e.CallID) == 26 && e.Grants == nil:
						late += 1 + e.NotRecorded
					default:
						t.Errorf("an event is %+v", e)
					}
				}
				if whole != test.want || late != 100-test.want {
					t.Errorf("%d are whole and %d are counted late, want %d and %d", whole, late, test.want, 100-test.want)
				}
			})
		})
	}
}

// Two principals are thinned apart, and apart from strangers of their network.
func TestThinnedApart(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		kept := &kept{}
		recorder := event.ThinningRecorder(kept)
		for _, id := range []string{"", "alice", "bob"} {
			for range 30 {
				_ = recorder.Record(t.Context(), &event.Event{
					Kind: event.Decided, Peer: &authn.Peer{Address: netip.MustParseAddr("10.0.0.1")},
					Decision: event.Decision{Outcome: event.Deny, PrincipalID: id},
				})
			}
		}
		if len(kept.all()) != 3*20 {
			t.Errorf("%d are recorded, want 20 of each", len(kept.all()))
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
	})
}

// What was left out is said by the next event that is handed on, or by the last one
// about a second later, and in the log.
func TestThinningIsCounted(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log strings.Builder // the handler locks
		recorder := event.LogRecorder(slog.New(slog.NewJSONHandler(&log, nil)))
		denial := &event.Event{Kind: event.Decided, Peer: &authn.Peer{Address: netip.MustParseAddr("10.0.0.1")}}
		for range 25 {
			_ = recorder.Record(t.Context(), denial)
		}
		time.Sleep(1100 * time.Millisecond)
		synctest.Wait()
		if got := strings.Count(log.String(), "\n"); got != 21 || strings.Count(log.String(), `"not_recorded":4`) != 1 || denial.NotRecorded != 0 {
			t.Errorf("%d lines: %s", got, log.String())
		}
	})
}

// A recorder that fails after the call does not lose the event, nor end the process.
func TestThinningFailsLate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var recorded atomic.Int64
		recorder := event.ThinningRecorder(panicsAfter{&recorded, 20})
		for range 25 {
			_ = recorder.Record(t.Context(), &event.Event{
				Kind: event.Decided, Peer: &authn.Peer{Address: netip.MustParseAddr("10.0.0.1")},
			})
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if got := recorded.Load(); got != 21 {
			t.Errorf("%d events were handed on, want the last one late", got)
		}
	})
}

// panicsAfter is a recorder that panics after so many events.
type panicsAfter struct {
	recorded *atomic.Int64
	most     int64
}

func (panicsAfter) Enabled(context.Context, event.Kind, event.Outcome) bool { return true }

func (p panicsAfter) Record(context.Context, *event.Event) error {
	if p.recorded.Add(1) > p.most {
		panic("the recorder is broken")
	}
	return nil
}
