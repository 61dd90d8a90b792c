package bearer

import (
	"time"

	"github.com/sallyport-rpc/sallyport/internal/option"
)

// WithClock sets the clock by which tokens and keys expire, for tests over real
// connections. Other tests run in bubbles of testing/synctest.
func WithClock(now func() time.Time) Option {
	return option.Func[settings](func(s *settings) error {
		s.now = now
		return nil
	})
}
