package password

import (
	"hash/maphash"
	"math"
	"time"
)

// How fast the passwords of one account can be guessed: so many at once, and then one a
// second.
const (
	burst    = 10
	interval = time.Second
)

// paces is how many counters there are. Accounts share them by a hash that is secret, so
// strangers cannot make the memory grow, and cannot choose which accounts share one.
const paces = 1 << 14

// A pace counts wrong guesses. A guess is forgotten after a while.
type pace struct {
	seed     maphash.Seed
	counters []counter
}

// A counter is how many guesses were made and not forgotten at a time.
type counter struct {
	guesses float64
	at      time.Time
}

func newPace() pace { return pace{maphash.MakeSeed(), make([]counter, paces)} }

// counter returns the counter of a name, as it is now.
func (p *pace) counter(name string, now time.Time) *counter {
	c := &p.counters[maphash.String(p.seed, name)%paces]
	c.guesses = max(0, c.guesses-float64(now.Sub(c.at))/float64(interval))
	c.at = now
	return c
}

// until returns how long it is until a guess may be made: 0 or less is now.
func (p *pace) until(name string, now time.Time) time.Duration {
	over := p.counter(name, now).guesses - (burst - 1)
	return time.Duration(math.Ceil(over * float64(interval)))
}

// take counts a guess.
func (p *pace) take(name string, now time.Time) { p.counter(name, now).guesses++ }

// refund takes back a guess that was none, since the password was right or never checked.
func (p *pace) refund(name string, now time.Time) {
	c := p.counter(name, now)
	c.guesses = max(0, c.guesses-1)
}
