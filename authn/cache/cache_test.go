package cache_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"connectrpc.com/connect/v2"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/authn"
	"github.com/sallyport-rpc/sallyport/authn/cache"
)

// The tests of time run in bubbles, where time moves on only when all goroutines wait.

func TestRemembers(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		respond func(now time.Time) (*authn.Principal, error)
		want    string
		lasts   time.Duration
	}{
		"a principal": {
			func(time.Time) (*authn.Principal, error) {
				return authn.NewPrincipal("ada", authn.Details{Unscoped: true}), nil
			},
			"ada", time.Minute,
		},
		"one that expires later": {
			func(now time.Time) (*authn.Principal, error) {
				return authn.NewPrincipal("ada", authn.Details{Unscoped: true, ExpiresAt: now.Add(time.Minute + 1)}), nil
			},
			"ada", time.Minute,
		},
		"one that expires before": {
			func(now time.Time) (*authn.Principal, error) {
				return authn.NewPrincipal("ada", authn.Details{Unscoped: true, ExpiresAt: now.Add(20 * time.Second)}), nil
			},
			"ada", 20 * time.Second,
		},
		"one that has expired": {
			func(now time.Time) (*authn.Principal, error) {
				return authn.NewPrincipal("ada", authn.Details{Unscoped: true, ExpiresAt: now}), nil
			},
			"ada", 0,
		},
		"a bad credential": {
			func(time.Time) (*authn.Principal, error) { return nil, authn.InvalidCredential("expired") },
			"invalid", 5 * time.Second,
		},
		"a bad one, wrapped": {
			func(time.Time) (*authn.Principal, error) {
				return nil, fmt.Errorf("x: %w", authn.InvalidCredential("expired"))
			},
			"invalid", 5 * time.Second,
		},
		"unavailable": {
			func(time.Time) (*authn.Principal, error) { return nil, authn.Unavailable(errors.New("down")) },
			"unavailable", 0,
		},
		"bad, and unavailable": {
			func(time.Time) (*authn.Principal, error) {
				return nil, errors.Join(authn.InvalidCredential("x"), authn.Unavailable(errors.New("down")))
			},
			"invalid", 0,
		},
		"a fault":   {func(time.Time) (*authn.Principal, error) { return nil, errors.New("bug") }, "fault", 0},
		"a context": {func(time.Time) (*authn.Principal, error) { return nil, context.DeadlineExceeded }, "late", 0},
		"a panic":   {func(time.Time) (*authn.Principal, error) { panic("bug") }, "fault", 0},
		"an exit":   {func(time.Time) (*authn.Principal, error) { runtime.Goexit(); return nil, nil }, "fault", 0}, //nolint:nilnil // not reached
		"nothing":   {func(time.Time) (*authn.Principal, error) { return nil, nil }, "fault", 0},                   //nolint:nilnil // on purpose
		"no id":     {func(time.Time) (*authn.Principal, error) { return new(authn.Principal), nil }, "fault", 0},
		"no credential": {
			func(time.Time) (*authn.Principal, error) { return nil, fmt.Errorf("x: %w", authn.ErrNoCredential) },
			"fault", 0,
		},
		"a principal beside an error": {
			func(time.Time) (*authn.Principal, error) {
				return authn.NewPrincipal("ada", authn.Details{Unscoped: true}), authn.InvalidCredential("x")
			},
			"invalid", 5 * time.Second,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				verifier := &verifier{respond: func(context.Context, string) (*authn.Principal, error) { return test.respond(time.Now()) }}
				wrapped := newCache(t).Wrap(verifier)
				see := func(when string, asked int64) {
					t.Helper()
					if got := authenticate(t, wrapped, "x"); got != test.want {
						t.Errorf("%s: got %s, want %s", when, got, test.want)
					}
					if got := verifier.asked.Load(); got != asked {
						t.Errorf("%s: asked %d times, want %d", when, got, asked)
					}
				}
				see("at first", 1)
				if test.lasts == 0 {
					see("at once", 2)
					return
				}
				see("at once", 1)
				time.Sleep(test.lasts - 1)
				see("at the last", 1)
				time.Sleep(time.Nanosecond)
				see("after that", 2)
				see("again", 2)
			})
		})
	}
}

// TestTimeCountsFromTheQuestion has a verifier that takes its time.
func TestTimeCountsFromTheQuestion(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		verifier := &verifier{respond: func(_ context.Context, credential string) (*authn.Principal, error) {
			time.Sleep(10 * time.Second)
			return authn.NewPrincipal(credential, authn.Details{Unscoped: true}), nil
		}}
		wrapped := newCache(t).Wrap(verifier)
		authenticate(t, wrapped, "ada")
		time.Sleep(50 * time.Second)
		if authenticate(t, wrapped, "ada"); verifier.asked.Load() != 2 {
			t.Error("the minute began with the answer")
		}
	})
}

// TestChanges has a credential become bad, and good.
func TestChanges(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		good := true
		verifier := &verifier{respond: func(_ context.Context, credential string) (*authn.Principal, error) {
			if good {
				return authn.NewPrincipal(credential, authn.Details{Unscoped: true}), nil
			}
			return nil, authn.InvalidCredential("expired")
		}}
		wrapped := newCache(t).Wrap(verifier)
		for _, want := range []string{"ada", "invalid", "ada", "invalid"} {
			if got := authenticate(t, wrapped, "ada"); got != want {
				t.Errorf("got %s, want %s", got, want)
			}
			good = !good
			time.Sleep(5*time.Second - 1)
			if got := authenticate(t, wrapped, "ada"); got != want {
				t.Errorf("got %s, want %s still", got, want)
			}
			time.Sleep(time.Minute)
		}
	})
}

func TestNoCredential(t *testing.T) {
	t.Parallel()
	verifier := new(verifier)
	wrapped := newCache(t).Wrap(verifier)
	if got := outcome(wrapped.Authenticate(t.Context(), new(connect.CallInfo))); got != "none" {
		t.Errorf("got %s", got)
	}
	if got := authenticate(t, wrapped, "nameless"); got != "fault" {
		t.Errorf("an empty one: %s", got)
	}
	if got := verifier.asked.Load(); got != 0 {
		t.Errorf("asked %d times", got)
	}
}

// TestApart has two authenticators that know one credential under different names,
// and credentials that would be alike if anything were joined or cut.
func TestApart(t *testing.T) {
	t.Parallel()
	shared := newCache(t)
	var wrapped []*cache.Authenticator
	for i := range 3 {
		wrapped = append(wrapped, shared.Wrap(&verifier{respond: func(_ context.Context, credential string) (*authn.Principal, error) {
			return authn.NewPrincipal(strconv.Itoa(i)+":"+credential, authn.Details{Unscoped: true}), nil
		}}))
	}
	long := strings.Repeat("a", 4096)
	for range 2 {
		for i, authenticator := range wrapped {
			for _, credential := range []string{
				"a", "b", "ab", "a b", "a.b", "a\x00", "a\x00b", "A", "1:a", "1a", "a1", " a", "a ", "é", "e\u0301", "\xff", "\xfe", long, long + "a", long[1:] + "b",
			} {
				if got, want := authenticate(t, authenticator, credential), strconv.Itoa(i)+":"+credential; got != want {
					t.Errorf("got %.20s, want %.20s", got, want)
				}
			}
		}
	}
}

// TestFloods has room for a hundred, and sends many more, bad ones and good ones.
func TestFloods(t *testing.T) {
	t.Parallel()
	verifier := new(verifier)
	wrapped := newCache(t, cache.WithSize(100)).Wrap(verifier)
	asked := func(credential string) bool {
		before := verifier.asked.Load()
		authenticate(t, wrapped, credential)
		return verifier.asked.Load() != before
	}
	for i := range 50 {
		authenticate(t, wrapped, "regular-"+strconv.Itoa(i))
	}
	for i := range 10_000 {
		if got := authenticate(t, wrapped, "bad-"+strconv.Itoa(i)); got != "invalid" {
			t.Fatal(got)
		}
	}
	for i := range 50 {
		if asked("regular-" + strconv.Itoa(i)) {
			t.Errorf("bad credentials drove out regular-%d", i)
		}
	}
	// Those who come once and never again leave those who come often alone.
	again := 0
	for i := range 10_000 {
		authenticate(t, wrapped, "once-"+strconv.Itoa(i))
		if asked("regular-" + strconv.Itoa(i%50)) {
			again++
		}
	}
	if again > 50 {
		t.Errorf("regular callers were verified again %d times of 10000", again)
	}
	if !asked("bad-0") || !asked("once-0") {
		t.Error("there was room for all of them")
	}
}

func TestFirstSightsVerifyOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		verifier := &verifier{respond: func(_ context.Context, credential string) (*authn.Principal, error) {
			time.Sleep(time.Second)
			return authn.NewPrincipal(credential, authn.Details{Unscoped: true}), nil
		}}
		wrapped := newCache(t).Wrap(verifier)
		var group sync.WaitGroup
		for i := range 1000 {
			group.Go(func() {
				credential := strconv.Itoa(i % 10)
				if got := authenticate(t, wrapped, credential); got != credential {
					t.Errorf("got %s, want %s", got, credential)
				}
			})
		}
		group.Wait()
		if got := verifier.asked.Load(); got != 10 {
			t.Errorf("10 credentials were verified %d times", got)
		}
	})
}

// TestCallersGoAway has callers of one verification leave, all but one, and then all.
func TestCallersGoAway(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		stay  bool
		asked int64
	}{"one stays": {true, 1}, "all leave": {false, 2}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				canceled := false
				verifier := &verifier{respond: func(ctx context.Context, credential string) (*authn.Principal, error) {
					select {
					case <-ctx.Done():
						canceled = true
						return nil, ctx.Err()
					case <-time.After(time.Second):
						return authn.NewPrincipal(credential, authn.Details{Unscoped: true}), nil
					}
				}}
				wrapped := newCache(t).Wrap(verifier)
				gone, leave := context.WithCancel(t.Context())
				var group sync.WaitGroup
				for range 10 {
					group.Go(func() {
						if got := outcome(wrapped.Authenticate(gone, calling("ada"))); got != "canceled" {
							t.Errorf("who left: %s", got)
						}
					})
				}
				if test.stay {
					group.Go(func() {
						if got := authenticate(t, wrapped, "ada"); got != "ada" {
							t.Errorf("who stayed: %s", got)
						}
					})
				}
				synctest.Wait()
				leave()
				group.Wait()
				// A call that comes now does not join a verification that was given up.
				if got := authenticate(t, wrapped, "ada"); got != "ada" {
					t.Errorf("who came later: %s", got)
				}
				if canceled == test.stay || verifier.asked.Load() != test.asked {
					t.Errorf("canceled: %v, verified %d times", canceled, verifier.asked.Load())
				}
			})
		})
	}
}

// TestVerificationsEnd has a verifier that returns when its context ends, as it should.
func TestVerificationsEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		wrapped := newCache(t).Wrap(&verifier{respond: func(ctx context.Context, _ string) (*authn.Principal, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}})
		began := time.Now()
		if got := authenticate(t, wrapped, "ada"); got != "late" || time.Since(began) != 30*time.Second {
			t.Errorf("%s after %v", got, time.Since(began))
		}
	})
}

type callerKey struct{}

func TestVerifierSeesNoCaller(t *testing.T) {
	t.Parallel()
	wrapped := newCache(t).Wrap(&verifier{respond: func(ctx context.Context, credential string) (*authn.Principal, error) {
		if ctx.Value(callerKey{}) != nil {
			t.Error("a caller's context came through")
		}
		return authn.NewPrincipal(credential, authn.Details{Unscoped: true}), nil
	}})
	ctx := context.WithValue(t.Context(), callerKey{}, "ada")
	if got := outcome(wrapped.Authenticate(ctx, calling("ada"))); got != "ada" {
		t.Error(got)
	}
}

func TestClose(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ended := false
		verifier := &verifier{respond: func(ctx context.Context, credential string) (*authn.Principal, error) {
			if credential == "slow" {
				<-ctx.Done()
				time.Sleep(time.Second)
				ended = true
				return nil, ctx.Err()
			}
			return authn.NewPrincipal(credential, authn.Details{Unscoped: true}), nil
		}}
		closing := newCache(t, cache.WithBus(newBus(t, newLink())))
		synctest.Wait() // until the bus listens, which voids what was remembered before
		wrapped := closing.Wrap(verifier)
		authenticate(t, wrapped, "ada")
		waited := make(chan string)
		go func() { waited <- authenticate(t, wrapped, "slow") }()
		synctest.Wait()
		if err := closing.Close(); err != nil || !ended {
			t.Errorf("closed before the verification had ended: %v", err)
		}
		if got := <-waited; got != "unavailable" {
			t.Errorf("what was under way: %s", got)
		}
		if got := authenticate(t, wrapped, "ada"); got != "ada" {
			t.Errorf("what is remembered: %s", got)
		}
		if got := authenticate(t, wrapped, "cyd"); got != "unavailable" {
			t.Errorf("what is not: %s", got)
		}
		time.Sleep(time.Minute)
		if got := authenticate(t, wrapped, "ada"); got != "unavailable" {
			t.Errorf("what is too old: %s", got)
		}
		if err := closing.Close(); err != nil {
			t.Error(err)
		}
	})
}

// TestNeverCrossed has many principals, a cache with no room for them, revocations
// all the time, and callers who go away. Each caller gets its own principal, or none.
func TestNeverCrossed(t *testing.T) {
	t.Parallel()
	shared := newCache(t, cache.WithSize(20), cache.WithTTL(time.Millisecond), cache.WithNegativeTTL(time.Millisecond))
	wrapped := []*cache.Authenticator{shared.Wrap(new(verifier)), shared.Wrap(&verifier{respond: func(_ context.Context, credential string) (*authn.Principal, error) {
		return authn.NewPrincipal("other:"+credential, authn.Details{Unscoped: true}), nil
	}})}
	var group sync.WaitGroup
	for worker := range 16 {
		group.Go(func() {
			for i := range 500 {
				who := fmt.Sprint("user-", (worker*7+i)%50)
				ctx, cancel := context.WithCancel(t.Context())
				switch i % 7 {
				case 0:
					shared.Revoke(who)
				case 1:
					shared.RevokeCredential(who)
				case 2:
					who = "bad-" + who
				case 3:
					go cancel()
				}
				which := i % 2
				want := []string{who, "other:" + who}[which]
				if which == 0 && i%7 == 2 {
					want = "invalid"
				}
				if got := outcome(wrapped[which].Authenticate(ctx, calling(who))); got != want && got != "unavailable" && (got != "canceled" || i%7 != 3) {
					t.Errorf("got %s, want %s", got, want)
				}
				cancel()
			}
		})
	}
	group.Wait()
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		option cache.Option
		want   string
	}{
		"no TTL":            {cache.WithTTL(0), "TTL"},
		"a negative TTL":    {cache.WithTTL(-1), "TTL"},
		"an endless TTL":    {cache.WithTTL(time.Hour + 1), "TTL"},
		"no negative TTL":   {cache.WithNegativeTTL(0), "negative TTL"},
		"an endless one":    {cache.WithNegativeTTL(time.Hour + 1), "negative TTL"},
		"no room":           {cache.WithSize(0), "size"},
		"less than no room": {cache.WithSize(-1), "size"},
		"no bus":            {cache.WithBus(nil), "bus"},
	} {
		made, err := cache.New(test.option)
		if made != nil || err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: New = %v, %v", name, made, err)
		}
	}
	_, err := cache.New(cache.WithTTL(0), cache.WithNegativeTTL(0), cache.WithSize(0), cache.WithBus(nil))
	if err == nil || len(strings.Split(err.Error(), "\n")) != 4 {
		t.Errorf("not everything is named: %v", err)
	}
}

func TestNewTakesTheExtremes(t *testing.T) {
	t.Parallel()
	newCache(t, cache.WithTTL(1), cache.WithNegativeTTL(1), cache.WithSize(1))
	newCache(t, cache.WithTTL(time.Hour), cache.WithNegativeTTL(time.Hour))
}

// What is remembered is remembered as long as the options say, and counted.
func TestTTL(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		made := newCache(t, cache.WithTTL(3*time.Second), cache.WithNegativeTTL(20*time.Second))
		asked := &verifier{}
		authenticator := made.Wrap(asked)
		expect := func(when string, verified int64, hits, misses uint64) {
			t.Helper()
			gotHits, gotMisses := made.Lookups()
			if asked.asked.Load() != verified || gotHits != hits || gotMisses != misses {
				t.Errorf("%s: %d verified, %d hits and %d misses, want %d, %d and %d", when, asked.asked.Load(), gotHits, gotMisses, verified, hits, misses)
			}
		}
		for range 3 {
			authenticate(t, authenticator, "ada")
			authenticate(t, authenticator, "bad")
		}
		expect("at first", 2, 4, 2)
		time.Sleep(3 * time.Second)
		authenticate(t, authenticator, "ada")
		authenticate(t, authenticator, "bad")
		expect("after the TTL", 3, 5, 3)
		time.Sleep(17 * time.Second)
		authenticate(t, authenticator, "bad")
		expect("after the negative TTL", 4, 5, 4)
	})
}

// reporting is a verifier that challenges, and knows of authentication times or not.
type reporting struct {
	*verifier

	reports bool
}

func (r reporting) Challenge(denial authn.Denial) string {
	return "Test reason=" + denial.Reason.String()
}
func (r reporting) ReportsAuthenticationTime() bool { return r.reports }

// A wrapped verifier challenges as it did, and knows of authentication times what it knew.
func TestWrapKeepsWhatAVerifierSays(t *testing.T) {
	t.Parallel()
	made := newCache(t)
	denial := authn.Denial{Reason: authn.Expired}
	for name, test := range map[string]struct {
		verifier  cache.Verifier
		challenge string
		reports   bool
	}{
		"silent":       {&verifier{}, "", false},
		"reporting":    {reporting{&verifier{}, true}, "Test reason=expired", true},
		"reporting no": {reporting{&verifier{}, false}, "Test reason=expired", false},
	} {
		wrapped := made.Wrap(test.verifier)
		if got := wrapped.Challenge(denial); got != test.challenge {
			t.Errorf("%s: Challenge = %q, want %q", name, got, test.challenge)
		}
		if got := wrapped.ReportsAuthenticationTime(); got != test.reports {
			t.Errorf("%s: ReportsAuthenticationTime = %t", name, got)
		}
	}
}

// spelled is a verifier whose credentials count in upper and in lower case.
type spelled struct{ *verifier }

func (spelled) CredentialName(credential string) string { return strings.ToLower(credential) }

// A credential is revoked in every spelling that its verifier takes, and others are not.
func TestRevokeEverySpelling(t *testing.T) {
	t.Parallel()
	made := newCache(t)
	asked := &verifier{}
	authenticator := made.Wrap(spelled{asked})
	for _, credential := range []string{"ADA", "Ada", "bob"} {
		authenticate(t, authenticator, credential)
	}
	made.RevokeCredential("aDA")
	for credential, verified := range map[string]int64{"ADA": 1, "Ada": 1, "bob": 0} {
		asked.asked.Store(0)
		authenticate(t, authenticator, credential)
		if got := asked.asked.Load(); got != verified {
			t.Errorf("%s was verified %d times, want %d", credential, got, verified)
		}
	}
}

// A verifier that panics is named to operators, and its context ends with it.
func TestVerificationLeavesNothing(t *testing.T) {
	t.Parallel()
	contexts := make(chan context.Context, 2)
	authenticator := newCache(t).Wrap(&verifier{respond: func(ctx context.Context, credential string) (*authn.Principal, error) {
		contexts <- ctx
		if credential == "panic" {
			panic("not for operators")
		}
		return authn.NewPrincipal(credential, authn.Details{}), nil
	}})
	if got := authenticate(t, authenticator, "ada"); got != "ada" {
		t.Error(got)
	}
	principal, err := authenticator.Authenticate(t.Context(), calling("panic"))
	if principal != nil || err == nil || !strings.Contains(err.Error(), "panic in the verifier of the cache") {
		t.Errorf("a panic: %v, %v", principal, err)
	}
	for range 2 {
		ctx := <-contexts
		select {
		case <-ctx.Done():
		case <-time.After(time.Minute):
			t.Error("the context of a verification outlives it")
		}
	}
}

func TestWrapNothing(t *testing.T) {
	t.Parallel()
	made := newCache(t)
	for _, nothing := range []cache.Verifier{nil, (*verifier)(nil)} {
		if made.Wrap(nothing) != nil {
			t.Error("nothing was wrapped")
		}
		if _, err := action.NewRegistry(authn.Schemes{"session": made.Wrap(nothing)}); err == nil {
			t.Error("a registry took it")
		}
	}
}
