package password

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
)

func TestHashAndVerify(t *testing.T) {
	t.Parallel()
	hasher := New(NewQueue(2, 10))
	for _, password := range []string{"correct horse battery staple", "", "pässwörd\x00\n", strings.Repeat("x", 1000)} {
		hash, err := hasher.Hash(t.Context(), Source{}, password)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(hash, "$argon2id$v=19$m=19456,t=2,p=1$") {
			t.Errorf("hash of %q starts otherwise: %s", password, hash)
		}
		if ok, err := hasher.Verify(t.Context(), Source{}, hash, password); !ok || err != nil {
			t.Errorf("Verify(own password %q) = %v, %v", password, ok, err)
		}
		if ok, err := hasher.Verify(t.Context(), Source{}, hash, password+" "); ok || err != nil {
			t.Errorf("Verify(another password than %q) = %v, %v", password, ok, err)
		}
	}
}

func TestHashesOfOnePasswordDiffer(t *testing.T) {
	t.Parallel()
	hasher := New(NewQueue(2, 10))
	one, err1 := hasher.Hash(t.Context(), Source{}, "same")
	two, err2 := hasher.Hash(t.Context(), Source{}, "same")
	if err1 != nil || err2 != nil || one == two {
		t.Errorf("hashes %q and %q, errors %v and %v", one, two, err1, err2)
	}
}

// The vector is the one that the reference implementation's test suite holds for
// argon2id, version 1.3, t=2, m=2^8, p=1.
func TestVerifyKnownVector(t *testing.T) {
	t.Parallel()
	const hash = "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4"
	// Its salt of 8 bytes is below what we store, so read it by hand.
	vector := encoded{
		cost: cost{memory: 256, time: 2, lanes: 1},
		salt: []byte("somesalt"),
	}
	vector.key = vector.derive(32, "password")
	if got := vector.String(); got != hash {
		t.Errorf("got %s, want %s", got, hash)
	}
}

func TestVerifyRefusesUnreadableHash(t *testing.T) {
	t.Parallel()
	ok, err := New(NewQueue(1, 0)).Verify(t.Context(), Source{}, "secret-looking nonsense", "password")
	if ok || err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("Verify = %v, %v", ok, err)
	}
}

func TestVerifyNoneCostsWhatVerifyCosts(t *testing.T) {
	t.Parallel()
	hasher := New(NewQueue(1, 10))
	if err := hasher.VerifyNone(t.Context(), Source{}, "password"); err != nil {
		t.Fatal(err)
	}
	// The time is the same because the work is: same cost, same lengths.
	hash, err := hasher.Hash(t.Context(), Source{}, "password")
	if err != nil {
		t.Fatal(err)
	}
	stored, err := parse(hash)
	if err != nil {
		t.Fatal(err)
	}
	decoy := hasher.decoy
	if decoy.cost != stored.cost || len(decoy.salt) != len(stored.salt) || len(decoy.key) != len(stored.key) {
		t.Errorf("a missing user costs %v, one that exists %v", decoy, stored)
	}
	if _, err := parse(decoy.String()); err != nil {
		t.Errorf("the hash for a missing user is unreadable: %v", err)
	}
}

func TestLimits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		hasher := New(NewQueue(1, 1))
		// One runs, for as long as the test likes, and one waits.
		if err := hasher.queue.Enter(t.Context(), Source{}, false); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		waiter := make(chan error, 1)
		go func() {
			_, err := hasher.Hash(ctx, Source{}, "waits")
			waiter <- err
		}()
		synctest.Wait()

		if _, err := hasher.Hash(t.Context(), Source{}, "too many"); !errors.Is(err, ErrBusy) {
			t.Errorf("Hash beyond the limit: %v, want ErrBusy", err)
		}
		if err := hasher.VerifyNone(t.Context(), Source{}, "too many"); !errors.Is(err, ErrBusy) {
			t.Errorf("VerifyNone beyond the limit: %v, want ErrBusy", err)
		}
		cancel()
		if err := <-waiter; !errors.Is(err, context.Canceled) {
			t.Errorf("a waiter whose context ended: %v", err)
		}
		hasher.queue.Leave(Source{}, false, true)
		if _, err := hasher.Hash(t.Context(), Source{}, "room again"); err != nil {
			t.Errorf("Hash once there is room again: %v", err)
		}
		if hasher.queue.free != 1 || hasher.queue.waiting != 0 {
			t.Errorf("%d may run and %d wait after all have ended", hasher.queue.free, hasher.queue.waiting)
		}
	})
}

func TestEndedContextHashesNothing(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := New(NewQueue(1, 0)).Hash(ctx, Source{}, "password"); !errors.Is(err, context.Canceled) {
		t.Errorf("Hash = %v", err)
	}
}

func TestConcurrentUse(t *testing.T) {
	t.Parallel()
	hasher := New(NewQueue(2, 16))
	hash, err := hasher.Hash(t.Context(), Source{}, "password")
	if err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			if ok, err := hasher.Verify(t.Context(), Source{}, hash, "password"); !ok || err != nil {
				t.Errorf("Verify = %v, %v", ok, err)
			}
		})
	}
	group.Wait()
}

func BenchmarkVerify(b *testing.B) {
	hasher := New(NewQueue(1, 0))
	hash, err := hasher.Hash(b.Context(), Source{}, "password")
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if ok, err := hasher.Verify(b.Context(), Source{}, hash, "password"); !ok || err != nil {
			b.Fatal(ok, err)
		}
	}
}
