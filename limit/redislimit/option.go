package redislimit

import (
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/sallyport-rpc/sallyport/internal/option"
	"github.com/sallyport-rpc/sallyport/limit"
)

// An Option changes what [New] makes.
type Option interface{ option.Option[settings] }

type settings struct {
	prefix   string
	timeout  time.Duration
	fallback limit.Limiter // nil refuses
	logger   *slog.Logger  // nil is the default one
}

// WithPrefix sets what the keys begin with, after the "rate:" of redis_rate. The default is
// "sallyport:". Services that share a Redis and have actions of the same names need two.
func WithPrefix(prefix string) Option {
	return option.Func[settings](func(s *settings) error {
		if prefix == "" {
			return errors.New("redislimit: a prefix is required")
		}
		s.prefix = prefix
		return nil
	})
}

// WithTimeout sets how long Redis may take to count a call, before it counts as down: at
// most 10 seconds. The default is 250 milliseconds.
func WithTimeout(timeout time.Duration) Option {
	return option.Func[settings](func(s *settings) error {
		if timeout <= 0 || timeout > 10*time.Second {
			return fmt.Errorf("redislimit: a timeout of %v is not between 0 and 10 seconds", timeout)
		}
		s.timeout = timeout
		return nil
	})
}

// WithFallback sets what counts while Redis is down. The default is a [limit.Memory] with
// its defaults: each process then lets through as much as a limit says.
func WithFallback(fallback limit.Limiter) Option {
	return option.Func[settings](func(s *settings) error {
		if fallback == nil {
			return errors.New("redislimit: the fallback is nil")
		}
		s.fallback = fallback
		return nil
	})
}

// WithRefusalWhenDown refuses the calls that have limits as unavailable while Redis is
// down. The default is to count in the process, see [WithFallback].
func WithRefusalWhenDown() Option {
	return option.Func[settings](func(s *settings) error {
		s.fallback = nil
		return nil
	})
}

// WithLogger sets where it is said, once a second at most, that Redis is down. The default
// is the default logger of log/slog.
func WithLogger(logger *slog.Logger) Option {
	return option.Func[settings](func(s *settings) error {
		if logger == nil {
			return errors.New("redislimit: the logger is nil")
		}
		s.logger = logger
		return nil
	})
}
