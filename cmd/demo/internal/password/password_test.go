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
	hasher := New(2, 10)
	for _, password := range []string{"correct horse battery staple", "", "pässwörd\x00\n", strings.Repeat("x", 1000)} {
		hash, err := hasher.Hash(t.Context(), password)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(hash, "$argon2id$v=19$m=19456,t=2,p=1$") {
			t.Errorf("hash of %q starts otherwise: %s", password, hash)
		}
		if ok, err := hasher.Verify(t.Context(), hash, password); !ok || err != nil {
			t.Errorf("Verify(own password %q) = %v, %v", password, ok, err)
		}
		if ok, err := hasher.Verify(t.Context(), hash, password+" "); ok || err != nil {
			t.Errorf("Verify(another password than %q) = %v, %v", password, ok, err)
		}
	}
}

func TestHashesOfOnePasswordDiffer(t *testing.T) {
	t.Parallel()
	hasher := New(2, 10)
	one, err1 := hasher.Hash(t.Context(), "same")
	two, err2 := hasher.Hash(t.Context(), "same")
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
	key, err := New(1, 0).derive(t.Context(), vector, 32, "password")
	if err != nil {
		t.Fatal(err)
	}
	vector.key = key
	if got := vector.String(); got != hash {
		t.Errorf("got %s, want %s", got, hash)
	}
}

func TestVerifyRefusesUnreadableHash(t *testing.T) {
	t.Parallel()
	ok, err := New(1, 0).Verify(t.Context(), "secret-looking nonsense", "password")
	if ok || err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("Verify = %v, %v", ok, err)
	}
}

func TestVerifyNoneCostsWhatVerifyCosts(t *testing.T) {
	t.Parallel()
	hasher := New(1, 10)
	if err := hasher.VerifyNone(t.Context(), "password"); err != nil {
		t.Fatal(err)
	}
	// The time is the same because the work is: same cost, same lengths.
	hash, err := hasher.Hash(t.Context(), "password")
	if err != nil {
		t.Fatal(err)
	}
	stored, err := parse(hash)
	if err != nil {
		t.Fatal(err)
	}
	nobody := hasher.nobody
	if nobody.cost != stored.cost || len(nobody.salt) != len(stored.salt) || len(nobody.key) != len(stored.key) {
		t.Errorf("a missing user costs %v, one that exists %v", nobody, stored)
	}
	if _, err := parse(nobody.String()); err != nil {
		t.Errorf("the hash for a missing user is unreadable: %v", err)
	}
}

func TestBounds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		hasher := New(1, 1)
		// One runs, for as long as the test likes, and one waits.
		hasher.admitted <- struct{}{}
		hasher.running <- struct{}{}
		ctx, cancel := context.WithCancel(t.Context())
		waiter := make(chan error, 1)
		go func() {
			_, err := hasher.Hash(ctx, "waits")
			waiter <- err
		}()
		synctest.Wait()

		if _, err := hasher.Hash(t.Context(), "too many"); !errors.Is(err, ErrBusy) {
			t.Errorf("Hash beyond the bound: %v, want ErrBusy", err)
		}
		if err := hasher.VerifyNone(t.Context(), "too many"); !errors.Is(err, ErrBusy) {
			t.Errorf("VerifyNone beyond the bound: %v, want ErrBusy", err)
		}
		cancel()
		if err := <-waiter; !errors.Is(err, context.Canceled) {
			t.Errorf("a waiter whose context ended: %v", err)
		}
		<-hasher.running
		<-hasher.admitted
		if _, err := hasher.Hash(t.Context(), "room again"); err != nil {
			t.Errorf("Hash once there is room again: %v", err)
		}
		if len(hasher.admitted) != 0 || len(hasher.running) != 0 {
			t.Errorf("%d admitted and %d running after all have ended", len(hasher.admitted), len(hasher.running))
		}
	})
}

func TestEndedContextHashesNothing(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := New(1, 0).Hash(ctx, "password"); !errors.Is(err, context.Canceled) {
		t.Errorf("Hash = %v", err)
	}
}

func TestConcurrentUse(t *testing.T) {
	t.Parallel()
	hasher := New(2, 16)
	hash, err := hasher.Hash(t.Context(), "password")
	if err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			if ok, err := hasher.Verify(t.Context(), hash, "password"); !ok || err != nil {
				t.Errorf("Verify = %v, %v", ok, err)
			}
		})
	}
	group.Wait()
}

func BenchmarkVerify(b *testing.B) {
	hasher := New(1, 0)
	hash, err := hasher.Hash(b.Context(), "password")
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if ok, err := hasher.Verify(b.Context(), hash, "password"); !ok || err != nil {
			b.Fatal(ok, err)
		}
	}
}
