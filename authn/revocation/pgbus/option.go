package pgbus

import (
	"fmt"
	"strings"
	"time"

	"github.com/sallyport-rpc/sallyport/internal/option"
)

// An Option changes how a [Link] works.
type Option interface{ option.Option[settings] }

// WithChannel sets the channel to notify, a name of at most 63 bytes. The default is
// "sallyport_revocations". Services that share a database but no principals need two.
func WithChannel(channel string) Option {
	return option.Func[settings](func(s *settings) error {
		// PostgreSQL cuts a longer name in LISTEN, and refuses it in NOTIFY.
		if channel == "" || len(channel) > 63 || strings.ContainsRune(channel, 0) {
			return fmt.Errorf("pgbus: %q is no channel name", channel)
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
			return fmt.Errorf("pgbus: a heartbeat of %v is not between 0 and 15 seconds", heartbeat)
		}
		s.heartbeat = heartbeat
		return nil
	})
}

var defaults = settings{channel: "sallyport_revocations", heartbeat: 10 * time.Second}

type settings struct {
	channel   string
	heartbeat time.Duration
}
