package password

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"
)

// ErrBusy says that a password had to wait for too long, or too many were waiting. It passes; the
// caller may try again.
var ErrBusy = errors.New("too many passwords are waiting to be checked")

// A Source says where a password comes from and which account it is for. It decides when
// the password has its turn.
type Source struct {
	// Address is the network address that it comes from. Addresses take turns, so that
	// one of them cannot keep the others waiting.
	Address string
	// Account is the account that it is for, such as an email in lower case. The account
	// need not exist. Accounts at one address take turns as well.
	Account string
	// Device identifies a device that the account's user has signed in from before, or is
	// empty. Its guesses are counted apart from those of strangers, who therefore cannot
	// slow it down.
	Device string
}

// guesser is whose guesses are counted together and take turns as one.
func (s Source) guesser() string { return s.Account + "\x00" + s.Device }

// patience is how long a password waits for its turn.
const patience = 30 * time.Second

// A Queue lets a limited number of passwords be hashed at once. Those that wait take
// turns: first by address, then by account, then in the order in which they came. A guess
// also waits until the pace of its account allows it. Make one with [NewQueue]. It is safe
// for concurrent use.
type Queue struct {
	limit int // of those that wait
	pace  pace

	mu      sync.Mutex
	free    int // how many more may run
	waiting int
	lanes   []*lane // in the order of their next turns; none is empty
	timer   *time.Timer
}

// A lane holds those that wait at one address.
type lane struct {
	name     string
	waiting  int
	accounts []*account // in the order of their next turns; none is empty
}

// An account holds those that wait for one account at one address, oldest first. A known
// device waits apart.
type account struct {
	name    string
	waiters []*waiter
}

type waiter struct {
	Source

	guess bool
	turn  chan error // receives nil, or ErrBusy
}

// NewQueue returns a Queue that gives up to parallel turns at once, while up to waiting
// passwords wait. Numbers below their least sensible value, 1 and 0, count as that value.
func NewQueue(parallel, waiting int) *Queue {
	parallel, waiting = max(parallel, 1), max(waiting, 0)
	return &Queue{limit: waiting, free: parallel, pace: newPace()}
}

// Enter waits for a turn. The caller ends the turn by [Queue.Leave]. It fails with [ErrBusy], or
// with ctx's error if ctx ends first.
func (q *Queue) Enter(ctx context.Context, source Source, guess bool) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, patience, ErrBusy)
	defer cancel()
	waiter := &waiter{Source: source, guess: guess, turn: make(chan error, 1)}
	q.mu.Lock()
	q.add(waiter)
	q.run()
	if q.waiting > q.limit {
		q.shed(waiter)
	}
	q.mu.Unlock()
	select {
	case err := <-waiter.turn:
		return err
	case <-ctx.Done():
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.remove(waiter) {
		if err := <-waiter.turn; err != nil {
			return err
		}
		q.end(source, guess, false) // its turn came too late
	}
	if cause := context.Cause(ctx); errors.Is(cause, ErrBusy) {
		return cause
	}
	return ctx.Err()
}

// Leave ends a turn, and says whether the password was right. A right password does not
// count as a guess.
func (q *Queue) Leave(source Source, guess, right bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.end(source, guess, !right)
}

// end ends a turn. A guess that does not count is taken back.
func (q *Queue) end(source Source, guess, counts bool) {
	q.free++
	if guess && !counts {
		q.pace.refund(source.guesser(), time.Now())
	}
	q.run()
}

// add puts a waiter behind all those that it takes turns with.
func (q *Queue) add(w *waiter) {
	at, found := q.find(w.Address)
	if !found {
		q.lanes = append(q.lanes, &lane{name: w.Address})
	}
	l := q.lanes[at]
	in, found := l.find(w.guesser())
	if !found {
		l.accounts = append(l.accounts, &account{name: w.guesser()})
	}
	l.accounts[in].waiters = append(l.accounts[in].waiters, w)
	l.waiting++
	q.waiting++
}

// find returns where a lane is, or would be added.
func (q *Queue) find(name string) (int, bool) {
	i := slices.IndexFunc(q.lanes, func(l *lane) bool { return l.name == name })
	if i < 0 {
		return len(q.lanes), false
	}
	return i, true
}

// find returns where an account is, or would be added.
func (l *lane) find(name string) (int, bool) {
	i := slices.IndexFunc(l.accounts, func(a *account) bool { return a.name == name })
	if i < 0 {
		return len(l.accounts), false
	}
	return i, true
}

// run gives turns while there are some to give, and otherwise sets the timer for when the
// next guess may be made.
func (q *Queue) run() {
	now := time.Now()
	for q.free > 0 {
		next, in := q.next(now)
		if next == nil {
			q.wake(in)
			return
		}
		q.remove(next)
		if next.guess {
			q.pace.take(next.guesser(), now)
		}
		q.free--
		next.turn <- nil
	}
}

// next returns the waiter whose turn it is, or how long it is until there is one.
func (q *Queue) next(now time.Time) (*waiter, time.Duration) {
	soonest := time.Duration(-1)
	for i, l := range q.lanes {
		for j, a := range l.accounts {
			first := a.waiters[0]
			if first.guess {
				if in := q.pace.until(first.guesser(), now); in > 0 {
					if soonest < 0 || in < soonest {
						soonest = in
					}
					continue
				}
			}
			// Both go behind the others of their kind.
			q.lanes = append(slices.Delete(q.lanes, i, i+1), l)
			l.accounts = append(slices.Delete(l.accounts, j, j+1), a)
			return first, 0
		}
	}
	return nil, soonest
}

// wake has run called in a while, if that is not negative.
func (q *Queue) wake(in time.Duration) {
	if q.timer != nil {
		q.timer.Stop()
	}
	if in < 0 {
		return
	}
	q.timer = time.AfterFunc(in, func() {
		q.mu.Lock()
		defer q.mu.Unlock()
		q.run()
	})
}

// remove takes a waiter out of the queue, and reports whether it was there.
func (q *Queue) remove(w *waiter) bool {
	i, found := q.find(w.Address)
	if !found {
		return false
	}
	l := q.lanes[i]
	j, found := l.find(w.guesser())
	if !found {
		return false
	}
	a := l.accounts[j]
	k := slices.Index(a.waiters, w)
	if k < 0 {
		return false
	}
	a.waiters = slices.Delete(a.waiters, k, k+1)
	if len(a.waiters) == 0 {
		l.accounts = slices.Delete(l.accounts, j, j+1)
	}
	if l.waiting--; l.waiting == 0 {
		q.lanes = slices.Delete(q.lanes, i, i+1)
	}
	q.waiting--
	return true
}

// shed turns one waiter away: at the address with the most, for the account with the
// most, the newest. Among equals it is where the newcomer is.
func (q *Queue) shed(newcomer *waiter) {
	busiest := q.lanes[0]
	for _, l := range q.lanes[1:] {
		if l.waiting > busiest.waiting || l.waiting == busiest.waiting && busiest.name != newcomer.Address {
			busiest = l
		}
	}
	fullest, here := busiest.accounts[0], busiest.name == newcomer.Address
	for _, a := range busiest.accounts[1:] {
		if len(a.waiters) > len(fullest.waiters) || len(a.waiters) == len(fullest.waiters) && (!here || fullest.name != newcomer.guesser()) {
			fullest = a
		}
	}
	last := fullest.waiters[len(fullest.waiters)-1]
	q.remove(last)
	last.turn <- ErrBusy
}
