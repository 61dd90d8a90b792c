package revocation_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"connectrpc.com/connect/v2"
	"github.com/alexedwards/scs/v2/memstore"

	"github.com/sallyport-rpc/sallyport/authn"
	"github.com/sallyport-rpc/sallyport/authn/cache"
)

// TestTakesEffect holds the table of the package and of docs/guides/sessions.md: a test
// for each row, over a link in memory. See TestAcrossProcesses and the tests after it for
// links by real servers.
func TestTakesEffect(t *testing.T) {
	t.Parallel()
	const soon = 5 * time.Second // a second, and what a busy machine needs
	for name, test := range map[string]struct {
		here    bool // watched in the process that revokes
		recheck time.Duration
		// down is from before the revocation on, and isBack after it.
		down, isBack bool
		atLeast      time.Duration
	}{
		"this process":                    {here: true, recheck: time.Hour},
		"this process, bus down":          {here: true, recheck: time.Hour, down: true},
		"another, bus up":                 {recheck: time.Hour},
		"another, bus down for a moment":  {recheck: time.Hour, down: true, isBack: true},
		"another, bus down, till recheck": {recheck: 2 * time.Second, down: true, atLeast: time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store, link := memstore.NewWithCleanupInterval(0), newHub()
			near, far := newProcess(t, store, link, test.recheck), newProcess(t, store, link, test.recheck)
			far.await(t, near)
			token, err := near.sessions.Start(t.Context(), "ada")
			if err != nil {
				t.Fatal(err)
			}
			watched := far
			if test.here {
				watched = near
			}
			ended := watched.watch(t, token)
			if test.down {
				link.turn(true)
			}
			began := time.Now()
			if err := near.sessions.EndAll(t.Context(), "ada"); err != nil {
				t.Fatal(err)
			}
			// A call needs no bus.
			for _, process := range []*process{near, far} {
				call := new(connect.CallInfo)
				call.RequestHeader().Set("Authorization", "Bearer "+token)
				if _, err := process.sessions.Authenticate(t.Context(), call); !errors.Is(err, authn.ErrInvalidCredential) {
					t.Errorf("a call: %v", err)
				}
			}
			if test.isBack {
				link.turn(false)
			}
			code, at := ended()
			if took := at.Sub(began); code != connect.CodeUnauthenticated || took > soon+test.atLeast || took < test.atLeast {
				t.Errorf("the stream ended as %v after %v", code, took)
			}
		})
	}
}

// TestCredentialRevoked revokes one credential in a cache: the streams that it opened
// are rechecked, as all others are, because a cache does not know which they are.
func TestCredentialRevoked(t *testing.T) {
	t.Parallel()
	remembers, err := cache.New(cache.WithTTL(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { remembers.Close() })
	var rechecked []string
	remembers.Wrap(named{}).OnRevoke(func(id string) { rechecked = append(rechecked, id) })
	remembers.RevokeCredential("s3cr3t")
	if len(rechecked) != 1 || rechecked[0] != "" {
		t.Errorf("rechecked: %q", rechecked)
	}
}

// named is a verifier of one credential.
type named struct{}

func (n named) Authenticate(ctx context.Context, _ *connect.CallInfo) (*authn.Principal, error) {
	return n.Verify(ctx, "s3cr3t")
}

func (named) Credential(*connect.CallInfo) (string, error) { return "s3cr3t", nil }

func (named) Verify(context.Context, string) (*authn.Principal, error) {
	return authn.NewPrincipal("ada", authn.Details{}), nil
}
