package cache

import (
	"errors"
	"fmt"
	"time"

	"github.com/sallyport-rpc/sallyport/authn/revocation"
)

// longest is the longest that an answer may be remembered. Whoever needs longer needs
// no cache but other credentials.
const longest = time.Hour

// An Option changes how a [Cache] works.
type Option interface{ apply(*settings) }

type optionFunc func(*settings)

func (f optionFunc) apply(s *settings) { f(s) }

// WithTTL sets how long an answer is remembered, at most an hour. The default is one
// minute. It bounds how long a process that hears of no revocation goes on with what
// it remembers.
func WithTTL(ttl time.Duration) Option {
	return optionFunc(func(s *settings) { s.ttl = ttl })
}

// WithNegativeTTL sets how long it is remembered that a credential is not good, at
// most an hour. The default is five seconds. It bounds how long a credential is
// refused that has become good meanwhile, such as a token by a key that is being
// published.
func WithNegativeTTL(ttl time.Duration) Option {
	return optionFunc(func(s *settings) { s.negative = ttl })
}

// WithSize sets how many principals are remembered, and how many credentials that are
// not good, at most. The default is 10,000 of each. Where there is no room, what is
// not used goes first.
func WithSize(size int) Option {
	return optionFunc(func(s *settings) { s.size = size })
}

// WithBus tells the other processes of the service what is to be forgotten, and hears
// of it from them, see package revocation. By default a revocation is of this process
// alone. The caller closes the bus.
func WithBus(bus *revocation.Bus) Option {
	return optionFunc(func(s *settings) { s.bus, s.joins = bus, true })
}

// WithClock sets the clock by which answers expire. It is for tests; the default is
// [time.Now].
func WithClock(now func() time.Time) Option {
	return optionFunc(func(s *settings) { s.now = now })
}

var defaults = settings{ttl: time.Minute, negative: 5 * time.Second, size: 10_000, now: time.Now}

type settings struct {
	ttl, negative time.Duration
	size          int
	bus           *revocation.Bus
	joins         bool // a bus was asked for
	now           func() time.Time
}

func (s *settings) check() error {
	var errs []error
	if s.ttl <= 0 || s.ttl > longest {
		errs = append(errs, fmt.Errorf("cache: a TTL of %v is not between 0 and %v", s.ttl, longest))
	}
	if s.negative <= 0 || s.negative > longest {
		errs = append(errs, fmt.Errorf("cache: a negative TTL of %v is not between 0 and %v", s.negative, longest))
	}
	if s.size < 1 {
		errs = append(errs, fmt.Errorf("cache: a size of %d leaves no room", s.size))
	}
	if s.joins && s.bus == nil {
		errs = append(errs, errors.New("cache: the bus is nil"))
	}
	if s.now == nil {
		errs = append(errs, errors.New("cache: the clock is nil"))
	}
	return errors.Join(errs...)
}
