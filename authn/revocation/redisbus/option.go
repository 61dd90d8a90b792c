package redisbus

import (
	"errors"
	"fmt"
	"time"

	"github.com/sallyport-rpc/sallyport/internal/option"
)

// An Option changes how a [Link] works.
type Option interface{ option.Option[settings] }

// WithChannel sets the channel. The default is "sallyport:revocations". Channels are
// common to all databases of a server: services that share one but no principals need
// two.
func WithChannel(channel string) Option {
	return option.Func[settings](func(s *settings) error {
		if channel == "" {
			return errors.New("redisbus: a channel is required")
		}
		s.channel = channel
		return nil
	})
}

// WithHeartbeat sets how long a silence may be before the server is asked whether it
// is still there, at most 15 seconds, and how long it may take to answer. The default
// is 10 seconds, so a link that breaks silently is noticed within 20.
func WithHeartbeat(heartbeat time.Duration) Option {
	return option.Func[settings](func(s *settings) error {
		if heartbeat <= 0 || heartbeat > 15*time.Second {
			return fmt.Errorf("redisbus: a heartbeat of %v is not between 0 and 15 seconds", heartbeat)
		}
		s.heartbeat = heartbeat
		return nil
	})
}

var defaults = settings{channel: "sallyport:revocations", heartbeat: 10 * time.Second}

type settings struct {
	channel   string
	heartbeat time.Duration
}
