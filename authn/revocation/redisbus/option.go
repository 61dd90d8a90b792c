package redisbus

import (
	"errors"
	"fmt"
	"time"
)

// An Option changes how a [Link] works.
type Option interface{ apply(*settings) }

type optionFunc func(*settings)

func (f optionFunc) apply(s *settings) { f(s) }

// WithChannel sets the channel. The default is "sallyport:revocations". Channels are
// common to all databases of a server: services that share one but no principals need
// two.
func WithChannel(channel string) Option {
	return optionFunc(func(s *settings) { s.channel = channel })
}

// WithHeartbeat sets after how long a silence the server is asked whether it is still
// there, at most 15 seconds, and how long it may take to answer. The default is 10
// seconds, so that a link that is gone without a word is noticed within 20.
func WithHeartbeat(heartbeat time.Duration) Option {
	return optionFunc(func(s *settings) { s.heartbeat = heartbeat })
}

var defaults = settings{channel: "sallyport:revocations", heartbeat: 10 * time.Second}

type settings struct {
	channel   string
	heartbeat time.Duration
}

func (s *settings) check() error {
	var errs []error
	if s.channel == "" {
		errs = append(errs, errors.New("redisbus: a channel is required"))
	}
	if s.heartbeat <= 0 || s.heartbeat > 15*time.Second {
		errs = append(errs, fmt.Errorf("redisbus: a heartbeat of %v is not between 0 and 15 seconds", s.heartbeat))
	}
	return errors.Join(errs...)
}
