package action_test

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"connectrpc.com/connect/v2"

	"github.com/sallyport-rpc/sallyport/action/actiongen"
	"github.com/sallyport-rpc/sallyport/action/event"
	"github.com/sallyport-rpc/sallyport/authn"
	sallyportv1 "github.com/sallyport-rpc/sallyport/gen/sallyport/v1"
	testv1 "github.com/sallyport-rpc/sallyport/gen/test/v1"
	"github.com/sallyport-rpc/sallyport/internal/declare/declaretest"
)

// A pondering has a check that takes as long as it is told, whatever its context says.
type pondering struct{ takes atomic.Int64 }

func (*pondering) watch(ctx context.Context, _ *call, _ *responses) error {
	<-ctx.Done()
	return ctx.Err()
}

func (p *pondering) isOpen(context.Context, *authn.Principal, *testv1.Request) (bool, error) {
	time.Sleep(time.Duration(p.takes.Load()))
	return true, nil
}

// TestStuckCheck has the check of a live stream's grant not answer: the stream ends when
// the recheck has waited its 15 s, and lives where the check answers before.
func TestStuckCheck(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		takes time.Duration
		want  connect.Code
	}{
		"late":    {takes: time.Hour, want: connect.CodeUnavailable},
		"in time": {takes: 15*time.Second - time.Nanosecond},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				r, by := newRechecking(t), &pondering{}
				check := "is_open"
				declared := bySession(allow(&sallyportv1.Grant{Check: &check}))
				declared.Stream = &sallyportv1.Stream{Authorize: sallyportv1.Stream_FIRST_MESSAGE}
				service := describe(t, "Stuck", rpc{name: "Watch", action: declared, sends: true})
				if err := actiongen.Register(r.registry, actiongen.Service[*pondering]{
					Descriptor:  service,
					Fingerprint: declaretest.Fingerprint(t, service),
					Methods:     []actiongen.Method[*pondering]{actiongen.ServerStreaming("Watch", (*pondering).watch)},
					Checks:      []actiongen.Check{actiongen.NewCheck(by, "Watch", check, (*pondering).isOpen)},
				}, by); err != nil {
					t.Fatal(err)
				}
				s := r.serve(t, "/"+string(service.FullName())+"/Watch")
				s.in <- owned("alice")
				s.expectEnd(t, 0)
				r.take()
				by.takes.Store(int64(test.takes))
				r.registry.Recheck("alice")
				time.Sleep(15*time.Second - time.Nanosecond)
				s.expectEnd(t, 0)
				time.Sleep(time.Nanosecond)
				s.expectEnd(t, test.want)
				if _, decisions := r.take(); test.want != 0 &&
					(len(decisions) != 1 || decisions[0].Stage != event.StageAuthenticate || decisions[0].Reason != "the caller could not be looked at again within 15s") {
					t.Errorf("it left %+v", decisions)
				}
				by.takes.Store(0)
				time.Sleep(time.Hour) // the check that was left behind ends
			})
		})
	}
}

// TestStuckCheckAsStreamOpens has the check not answer as a stream opens. The stream ends
// when its time to open is over.
func TestStuckCheckAsStreamOpens(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r, by := newRechecking(t), &pondering{}
		by.takes.Store(int64(time.Hour))
		declared := bySession(allow(&sallyportv1.Grant{Check: new("is_open")}))
		declared.Stream = &sallyportv1.Stream{Authorize: sallyportv1.Stream_FIRST_MESSAGE}
		if err := declaretest.Register(t, r.registry, actiongen.Service[*pondering]{
			Descriptor: describe(t, "Stuck", rpc{name: "Watch", action: declared, sends: true}),
			Methods:    []actiongen.Method[*pondering]{actiongen.ServerStreaming("Watch", (*pondering).watch)},
			Checks:     []actiongen.Check{actiongen.NewCheck(by, "Watch", "is_open", (*pondering).isOpen)},
		}, by); err != nil {
			t.Fatal(err)
		}
		s := r.serve(t, "/described.v1.Stuck/Watch")
		s.in <- owned("alice")
		time.Sleep(openTimeout - time.Nanosecond)
		s.expectEnd(t, 0)
		time.Sleep(time.Nanosecond)
		s.expectEnd(t, connect.CodeDeadlineExceeded)
		if decisions := r.expect(t, "deny at authorize"); len(decisions) != 1 || decisions[0].Reason != "the first message did not come in time" {
			t.Errorf("it left %+v", decisions)
		}
		time.Sleep(2 * time.Hour) // the check that was left behind ends
	})
}
