package pgbus

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// An Option changes how a [Link] works.
type Option interface{ apply(*settings) }

type optionFunc func(*settings)

func (f optionFunc) apply(s *settings) { f(s) }

// WithChannel sets the channel to notify, a name of at most 63 bytes. The default is
// "sallyport_revocations". Services that share a database but no principals need two.
func WithChannel(channel string) Option {
	return optionFunc(func(s *settings) { s.channel = channel })
}

// WithHeartbeat sets after how long a silence the server is asked whether it is still
// there, at most 15 seconds, and how long it may take to answer. The default is 10
// seconds, so that a link that is gone without a word is noticed within 20.
func WithHeartbeat(heartbeat time.Duration) Option {
	return optionFunc(func(s *settings) { s.heartbeat = heartbeat })
}

var defaults = settings{channel: "sallyport_revocations", heartbeat: 10 * time.Second}

type settings struct {
	channel   string
	heartbeat time.Duration
}

func (s *settings) check() error {
	var errs []error
	// PostgreSQL cuts a longer name where one listens, and refuses it where one notifies.
	if s.channel == "" || len(s.channel) > 63 || strings.ContainsRune(s.channel, 0) {
		errs = append(errs, fmt.Errorf("pgbus: %q is no channel name", s.channel))
	}
	if s.heartbeat <= 0 || s.heartbeat > 15*time.Second {
		errs = append(errs, fmt.Errorf("pgbus: a heartbeat of %v is not between 0 and 15 seconds", s.heartbeat))
	}
	return errors.Join(errs...)
}
