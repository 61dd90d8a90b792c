package revocation_test

import (
	"context"
	"testing"
	"time"

	"connectrpc.com/connect/v2"
	"github.com/alexedwards/scs/v2"
	"github.com/alexedwards/scs/v2/memstore"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/authn"
	"github.com/sallyport-rpc/sallyport/authn/revocation"
	"github.com/sallyport-rpc/sallyport/authn/session"
	testv1 "github.com/sallyport-rpc/sallyport/gen/test/v1"
	"github.com/sallyport-rpc/sallyport/gen/test/v1/testv1action"
	"github.com/sallyport-rpc/sallyport/gen/test/v1/testv1client"
	"github.com/sallyport-rpc/sallyport/internal/testservices"
)

// A process is one of several that serve the same actions.
type process struct {
	testv1action.StreamServiceHandler

	sessions *session.Manager
	client   testv1client.StreamServiceClient
}

// WatchOpen lasts until it is ended.
func (p *process) WatchOpen(ctx context.Context, _ *action.Call[testv1.Request], out *action.ServerStream[testv1.Response]) error {
	if err := out.Send(&testv1.Response{}); err != nil {
		return err
	}
	<-ctx.Done()
	return ctx.Err()
}

func newProcess(t *testing.T, store scs.Store, link revocation.Link, recheck time.Duration) *process {
	t.Helper()
	bus, err := revocation.New(link)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { bus.Close() })
	lookup := func(context.Context, string) (authn.Details, error) {
		return authn.Details{Roles: []string{"editor"}}, nil
	}
	p := &process{}
	if p.sessions, err = session.New(store, lookup, session.WithBus(bus)); err != nil {
		t.Fatal(err)
	}
	registry, err := action.NewRegistry(authn.Schemes{"session": p.sessions}, action.WithRecheck(recheck))
	if err != nil {
		t.Fatal(err)
	}
	if err := testv1action.RegisterStreamService(registry, p); err != nil {
		t.Fatal(err)
	}
	transport, err := registry.InProcess()
	if err != nil {
		t.Fatal(err)
	}
	p.client = testv1client.NewStreamServiceClient(connect.NewClient(transport))
	return p
}

// watch opens a stream, and returns how it ended and when.
func (p *process) watch(t *testing.T, token string) (ended func() (connect.Code, time.Time)) {
	t.Helper()
	ctx, info := connect.NewClientContext(t.Context())
	info.RequestHeader().Set("Authorization", "Bearer "+token)
	stream, err := p.client.WatchOpen(ctx, &testv1.Request{Owner: "ada"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := stream.Receive(); err != nil {
		t.Fatal(err)
	}
	type end struct {
		err error
		at  time.Time
	}
	ends := make(chan end, 1)
	go func() {
		_, err := stream.Receive()
		stream.Close()
		ends <- end{err, time.Now()}
	}()
	return func() (connect.Code, time.Time) {
		t.Helper()
		select {
		case end := <-ends:
			return connect.CodeOf(end.err), end.at
		case <-time.After(testTimeout):
			t.Fatal("the stream lives on")
			return 0, time.Time{}
		}
	}
}

// begin returns two processes, how to reach them, and a session of ada's.
func begin(t *testing.T, service service, recheck time.Duration) (near, far *process, to *testservices.Proxy, token string) {
	t.Helper()
	to = testservices.NewProxy(t, service.address, 0)
	store := memstore.NewWithCleanupInterval(0)
	near = newProcess(t, store, service.dial(t, time.Second, nil), recheck)
	far = newProcess(t, store, service.dial(t, time.Second, to), recheck)
	far.await(t, near)
	token, err := near.sessions.Start(t.Context(), "ada")
	if err != nil {
		t.Fatal(err)
	}
	return near, far, to, token
}

// await returns when a process receives the other.
func (p *process) await(t *testing.T, other *process) {
	t.Helper()
	received := make(chan struct{}, 1)
	p.sessions.OnRevoke(func(userID string) {
		if userID == "probe" {
			select {
			case received <- struct{}{}:
			default:
			}
		}
	})
	for late := time.After(testTimeout); ; {
		other.sessions.Changed("probe")
		select {
		case <-received:
			return
		case <-time.After(20 * time.Millisecond):
		case <-late:
			t.Fatal("one process does not receive the other")
		}
	}
}

// TestAcrossProcesses ends all sessions in one process, and sees a live stream of
// another end.
func TestAcrossProcesses(t *testing.T) {
	t.Parallel()
	eachService(t, func(t *testing.T, service service) {
		near, far, _, token := begin(t, service, time.Hour)
		ended := far.watch(t, token)
		began := time.Now()
		if err := near.sessions.EndAll(t.Context(), "ada"); err != nil {
			t.Fatal(err)
		}
		code, at := ended()
		if code != connect.CodeUnauthenticated {
			t.Errorf("the stream ended as %v", code)
		}
		t.Logf("%s: signed out in one process, and the stream ended in another after %v", t.Name(), at.Sub(began).Round(time.Microsecond))
	})
}

// Where the link is down, a stream is looked at when its recheck is due, and a call
// needs no link.
func TestAcrossProcessesWithoutLink(t *testing.T) {
	t.Parallel()
	const recheck = 2 * time.Second
	eachService(t, func(t *testing.T, service service) {
		near, far, to, token := begin(t, service, recheck)
		ended := far.watch(t, token)
		to.Cut()
		began := time.Now()
		if err := near.sessions.EndAll(t.Context(), "ada"); err != nil {
			t.Fatal(err)
		}
		call := new(connect.CallInfo)
		call.RequestHeader().Set("Authorization", "Bearer "+token)
		if principal, err := far.sessions.Authenticate(t.Context(), call); err == nil {
			t.Errorf("a call of %s is let in", principal.ID())
		}
		code, at := ended()
		if took := at.Sub(began); code != connect.CodeUnauthenticated || took > recheck+2*time.Second {
			t.Errorf("the stream ended as %v after %v", code, took)
		}
		t.Logf("%s: recheck %v, no link: ended after %v", t.Name(), recheck, at.Sub(began).Round(time.Millisecond))
	})
}
