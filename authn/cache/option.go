package cache

import (
	"errors"
	"fmt"
	"time"

	"github.com/sallyport-rpc/sallyport/authn/revocation"
	"github.com/sallyport-rpc/sallyport/internal/option"
)

// longest is the longest that an answer may be remembered. An application that needs
// longer needs other credentials and not a cache.
const longest = time.Hour

// An Option changes how a [Cache] works.
type Option interface{ option.Option[settings] }

// WithTTL sets how long an answer is remembered, at most an hour. The default is one
// minute. It bounds how long a process that learns of no revocation uses what it
// remembers.
func WithTTL(ttl time.Duration) Option {
	return option.Func[settings](func(s *settings) error {
		if ttl <= 0 || ttl > longest {
			return fmt.Errorf("cache: a TTL of %v is not between 0 and %v", ttl, longest)
		}
		s.ttl = ttl
		return nil
	})
}

// WithNegativeTTL sets how long an invalid credential is remembered as such, at most
// an hour. The default is five seconds. It bounds how long a credential is refused
// that has become valid meanwhile.
func WithNegativeTTL(ttl time.Duration) Option {
	return option.Func[settings](func(s *settings) error {
		if ttl <= 0 || ttl > longest {
			return fmt.Errorf("cache: a negative TTL of %v is not between 0 and %v", ttl, longest)
		}
		s.negative = ttl
		return nil
	})
}

// WithSize sets how many principals are remembered, and how many invalid credentials,
// at most. The default is 10,000 of each. Where there is no room, what is not used
// goes first.
func WithSize(size int) Option {
	return option.Func[settings](func(s *settings) error {
		if size < 1 {
			return fmt.Errorf("cache: a size of %d leaves no room", size)
		}
		s.size = size
		return nil
	})
}

// WithBus connects the cache to the other processes of the service, so that what is
// revoked in one is forgotten in all, see package revocation. By default a revocation
// is of this process alone. The caller closes the bus.
func WithBus(bus *revocation.Bus) Option {
	return option.Func[settings](func(s *settings) error {
		if bus == nil {
			return errors.New("cache: the bus is nil")
		}
		s.bus = bus
		return nil
	})
}

var defaults = settings{ttl: time.Minute, negative: 5 * time.Second, size: 10_000}

type settings struct {
	ttl, negative time.Duration
	size          int
	bus           *revocation.Bus // nil for none
}
