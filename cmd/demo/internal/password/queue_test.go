package password

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// order lets sources wait in a queue of one turn that is taken, in the order given, and
// returns the order in which they had their turns, or "busy" for those turned away.
func order(t *testing.T, limit int, sources ...Source) (turns, busy []string) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		q := NewQueue(1, limit)
		if err := q.Enter(t.Context(), Source{Address: "first"}, false); err != nil {
			t.Fatal(err)
		}
		var mu sync.Mutex
		for i, source := range sources {
			go func() {
				name := fmt.Sprintf("%s/%s#%d", source.Address, source.Account, i)
				err := q.Enter(t.Context(), source, false)
				mu.Lock()
				defer mu.Unlock()
				if errors.Is(err, ErrBusy) {
					busy = append(busy, name)
					return
				}
				turns = append(turns, name)
				q.Leave(source, false, true)
			}()
			synctest.Wait()
		}
		q.Leave(Source{Address: "first"}, false, true)
		synctest.Wait()
		if q.waiting != 0 || len(q.lanes) != 0 || q.free != 1 {
			t.Errorf("%d wait in %d lanes, %d may run", q.waiting, len(q.lanes), q.free)
		}
	})
	return turns, busy
}

func at(address, account string) Source { return Source{Address: address, Account: account} }

func TestTurns(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		limit   int
		sources []Source
		turns   []string
		busy    []string
	}{
		"addresses take turns": {
			limit:   9,
			sources: []Source{at("a", "1"), at("a", "2"), at("a", "3"), at("b", "4")},
			turns:   []string{"a/1#0", "b/4#3", "a/2#1", "a/3#2"},
		},
		"accounts at one address take turns": {
			limit:   9,
			sources: []Source{at("a", "1"), at("a", "1"), at("a", "1"), at("a", "2")},
			turns:   []string{"a/1#0", "a/2#3", "a/1#1", "a/1#2"},
		},
		"a known device takes turns with strangers": {
			limit:   9,
			sources: []Source{at("a", "1"), at("a", "1"), at("a", "1"), {Address: "a", Account: "1", Device: "d"}},
			turns:   []string{"a/1#0", "a/1#3", "a/1#1", "a/1#2"},
		},
		"the busiest address gives way": {
			limit:   3,
			sources: []Source{at("a", "1"), at("a", "2"), at("a", "3"), at("b", "1")},
			turns:   []string{"a/1#0", "b/1#3", "a/2#1"},
			busy:    []string{"a/3#2"},
		},
		"the busiest account gives way": {
			limit:   3,
			sources: []Source{at("a", "1"), at("a", "1"), at("a", "1"), at("a", "2")},
			turns:   []string{"a/1#0", "a/2#3", "a/1#1"},
			busy:    []string{"a/1#2"},
		},
		"among equals the newcomer gives way": {
			limit:   2,
			sources: []Source{at("a", "1"), at("b", "1"), at("b", "2"), at("a", "2")},
			turns:   []string{"a/1#0", "b/1#1"},
			busy:    []string{"b/2#2", "a/2#3"},
		},
		"nothing may wait": {sources: []Source{at("a", "1")}, busy: []string{"a/1#0"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			turns, busy := order(t, test.limit, test.sources...)
			if diff := cmp.Diff(test.turns, turns); diff != "" {
				t.Errorf("turns: %s", diff)
			}
			if diff := cmp.Diff(test.busy, busy); diff != "" {
				t.Errorf("turned away: %s", diff)
			}
		})
	}
}

// TestShareUnderAttack keeps a queue full from one address, with many accounts. A user at
// another address has a turn within two of the attacker's.
func TestShareUnderAttack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q := NewQueue(2, 64)
		ctx, cancel := context.WithCancel(t.Context())
		var group sync.WaitGroup
		turns := map[string]int{}
		var mu sync.Mutex
		visit := func(source Source) {
			if q.Enter(ctx, source, true) == nil {
				time.Sleep(40 * time.Millisecond) // a hash, on the test's own clock
				mu.Lock()
				turns[source.Address]++
				mu.Unlock()
				q.Leave(source, true, false)
			} else {
				time.Sleep(20 * time.Millisecond)
			}
		}
		for i := range 150 {
			group.Go(func() {
				for n := 0; ctx.Err() == nil; n++ {
					visit(at("attacker", fmt.Sprint(i, "-", n)))
				}
			})
		}
		group.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				visit(at("honest", strconv.Itoa(n)))
			}
		})
		time.Sleep(10 * time.Second)
		cancel()
		group.Wait()
		// Two at a time in 10 s are 500 turns. The honest one asks for one at a time, so it
		// has a turn, and waits for at most two of the attacker's.
		if all := turns["attacker"] + turns["honest"]; all < 490 || turns["honest"] < 120 {
			t.Errorf("the turns are %v", turns)
		}
	})
}

// wrong makes a guess that is wrong.
func wrong(ctx context.Context, q *Queue, source Source) error {
	if err := q.Enter(ctx, source, true); err != nil {
		return err
	}
	q.Leave(source, true, false)
	return nil
}

func TestPace(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q := NewQueue(4, 64)
		began := time.Now()
		source := at("a", "ada@example.com")
		for i := range burst + 5 {
			if err := wrong(t.Context(), q, source); err != nil {
				t.Fatal(err)
			}
			if took, want := time.Since(began), max(0, i-burst+1)*int(interval); took.Round(time.Millisecond) != time.Duration(want) {
				t.Errorf("guess %d was made after %s, want %s", i, took, time.Duration(want))
			}
		}
		// Others do not wait, nor does a known device of the user, nor what is no guess.
		began = time.Now()
		device := Source{Address: "a", Account: "ada@example.com", Device: "d"}
		for _, other := range []Source{at("a", "bob@example.com"), at("b", "cy@example.com"), device} {
			if err := wrong(t.Context(), q, other); err != nil || time.Since(began) > 0 {
				t.Errorf("%v waited for %s, %v", other, time.Since(began), err)
			}
		}
		if err := q.Enter(t.Context(), source, false); err != nil || time.Since(began) > 0 {
			t.Errorf("a new password waited for %s, %v", time.Since(began), err)
		}
		q.Leave(source, false, true)
		// The guesses are forgotten.
		time.Sleep(2 * burst * interval)
		began = time.Now()
		for range burst {
			if err := wrong(t.Context(), q, source); err != nil || time.Since(began) > 0 {
				t.Errorf("a guess after a while waited for %s, %v", time.Since(began), err)
			}
		}
		// From another address as well, guesses at the account wait.
		if err := wrong(t.Context(), q, at("b", source.Account)); err != nil || time.Since(began) != interval {
			t.Errorf("a guess from another address waited for %s, %v", time.Since(began), err)
		}
	})
}

// TestRightPasswordsAreNoGuesses signs in over and over.
func TestRightPasswordsAreNoGuesses(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q := NewQueue(1, 0)
		began := time.Now()
		for range 10 * burst {
			if err := q.Enter(t.Context(), at("a", "1"), true); err != nil {
				t.Fatal(err)
			}
			q.Leave(at("a", "1"), true, true)
		}
		if took := time.Since(began); took > 0 {
			t.Errorf("they waited for %s", took)
		}
	})
}

// TestUserAmongGuessers has strangers at several addresses guess at one account without a
// pause. Its user has a turn, within one guess of each address.
func TestUserAmongGuessers(t *testing.T) {
	t.Parallel()
	const addresses = 8
	synctest.Test(t, func(t *testing.T) {
		q := NewQueue(2, 64)
		ctx, cancel := context.WithCancel(t.Context())
		var group sync.WaitGroup
		for i := range 80 {
			group.Go(func() {
				for ctx.Err() == nil {
					if wrong(ctx, q, at(fmt.Sprint("attacker ", i%addresses), "ada")) != nil {
						time.Sleep(100 * time.Millisecond)
					}
				}
			})
		}
		time.Sleep(30 * time.Second)
		for range 5 {
			began := time.Now()
			err := q.Enter(ctx, at("home", "ada"), true)
			if took := time.Since(began); err != nil || took > (addresses+1)*interval {
				t.Errorf("the user waited for %s, %v", took, err)
			}
			if err == nil {
				q.Leave(at("home", "ada"), true, true)
			}
			time.Sleep(10 * time.Second)
		}
		cancel()
		group.Wait()
	})
}

func TestPatience(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q := NewQueue(1, 8)
		if err := q.Enter(t.Context(), at("a", "1"), false); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		if err := q.Enter(t.Context(), at("a", "2"), true); !errors.Is(err, ErrBusy) || time.Since(began) != patience {
			t.Errorf("after %s: %v", time.Since(began), err)
		}
		late, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := q.Enter(late, at("a", "2"), true); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("the caller's time is over: %v", err)
		}
		if q.waiting != 0 || len(q.lanes) != 0 {
			t.Errorf("%d wait in %d lanes", q.waiting, len(q.lanes))
		}
		if counted := q.pace.counter(at("a", "2").guesser(), time.Now()).guesses; counted != 0 {
			t.Errorf("%v guesses were counted that were never made", counted)
		}
	})
}
