package revocation_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"connectrpc.com/connect/v2"

	"github.com/sallyport-rpc/sallyport/authn"
	"github.com/sallyport-rpc/sallyport/authn/cache"
	"github.com/sallyport-rpc/sallyport/authn/revocation"
	"github.com/sallyport-rpc/sallyport/internal/testservices"
)

// A verifier knows one credential, until it is taken back everywhere.
type verifier struct{ gone *atomic.Bool }

func (v verifier) Authenticate(ctx context.Context, _ *connect.CallInfo) (*authn.Principal, error) {
	return v.Verify(ctx, "s3cr3t")
}

func (v verifier) Credential(*connect.CallInfo) (string, error) { return "s3cr3t", nil }

func (v verifier) Verify(context.Context, string) (*authn.Principal, error) {
	if v.gone.Load() {
		return nil, authn.InvalidCredential("it was taken back")
	}
	return authn.NewPrincipal("ada", authn.Details{}), nil
}

// A remembering process is one with a cache on a bus.
type remembering struct {
	*listener

	cache         *cache.Cache
	authenticator *cache.Authenticator
}

func newRemembering(t *testing.T, link revocation.Link, ttl time.Duration, gone *atomic.Bool) *remembering {
	t.Helper()
	listener := newListener(t, link)
	remembers, err := cache.New(cache.WithBus(listener.bus), cache.WithTTL(ttl))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { remembers.Close() })
	return &remembering{listener, remembers, remembers.Wrap(verifier{gone})}
}

func (r *remembering) letsIn(t *testing.T) bool {
	t.Helper()
	_, err := r.authenticator.Authenticate(t.Context(), new(connect.CallInfo))
	return err == nil
}

// forgets returns when a process no longer lets a caller in.
func (r *remembering) forgets(t *testing.T) time.Time {
	t.Helper()
	for late := time.Now().Add(testTimeout); r.letsIn(t); {
		if time.Now().After(late) {
			t.Fatal("it goes on to let the caller in")
		}
		time.Sleep(100 * time.Microsecond)
	}
	return time.Now()
}

// TestCachesAcrossProcesses takes a credential back in one process, and sees the
// cache of another forget it: by the bus; when the link is back after it was down;
// and while it is down, when the answer is too old.
func TestCachesAcrossProcesses(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		ttl time.Duration
		// within is how long it may take from the revocation on.
		within       time.Duration
		down, isBack bool
	}{
		"link up":                {ttl: time.Hour, within: 5 * time.Second},
		"link down and up again": {ttl: time.Hour, within: 10 * time.Second, down: true, isBack: true},
		"link down":              {ttl: 2 * time.Second, within: 4 * time.Second, down: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			eachService(t, func(t *testing.T, service service) {
				gone, to := &atomic.Bool{}, testservices.NewProxy(t, service.address, 0)
				near := newRemembering(t, service.dial(t, time.Second, nil), test.ttl, gone)
				far := newRemembering(t, service.dial(t, time.Second, to), test.ttl, gone)
				near.reach(t, far.listener)
				if test.down {
					to.Cut()
				}
				if !near.letsIn(t) || !far.letsIn(t) {
					t.Fatal("the caller is not let in")
				}
				gone.Store(true)
				if !far.letsIn(t) {
					t.Fatal("nothing was remembered")
				}
				began := time.Now()
				near.cache.Revoke("ada")
				if near.letsIn(t) {
					t.Error("it is let in where it was revoked")
				}
				if test.isBack {
					to.Open(t)
				}
				took := far.forgets(t).Sub(began)
				if took > test.within {
					t.Errorf("it took %v", took)
				}
				t.Logf("%s: refused in another process after %v", t.Name(), took.Round(time.Microsecond))
			})
		})
	}
}
