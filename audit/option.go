package audit

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/sallyport-rpc/sallyport/internal/option"
)

// An Option changes what [Open] does.
type Option interface{ option.Option[settings] }

type settings struct {
	every      int64
	interval   time.Duration
	timeout    time.Duration
	queue      int
	places     []*place
	pseudonyms bool
	logger     *slog.Logger
}

func defaults() settings {
	return settings{every: 1000, interval: 10 * time.Second, timeout: 5 * time.Second, queue: 8192}
}

// WithCheckpointEvery has the log sign a checkpoint when it has grown by so many
// events, and when some are as old as the interval and not covered yet. By default
// these are 1,000 events and 10 seconds. Less than 1 event or 10 ms is refused.
func WithCheckpointEvery(events int, interval time.Duration) Option {
	return option.Func[settings](func(s *settings) error {
		if events < 1 || interval < 10*time.Millisecond {
			return errors.New("audit: WithCheckpointEvery needs at least 1 event and 10 ms")
		}
		s.every, s.interval = int64(events), interval
		return nil
	})
}

// WithCheckpointsTo hands each signed checkpoint also to a place that those who can
// change the database cannot change: what is cut or rewritten behind a checkpoint that
// was kept elsewhere is found. The name is for errors. May be given more than once; by
// default checkpoints are in the database alone. A nil function is refused.
//
// The function runs in a goroutine of its own, one call at a time, and is not waited
// for: where it is slow, it is given the newest checkpoint next, which covers the ones
// before it. Its context ends after the time of [WithTimeout]; its errors are logged.
// See [CheckpointFile] and [Store.KeepCheckpoint].
func WithCheckpointsTo(name string, keep func(ctx context.Context, signed []byte) error) Option {
	return option.Func[settings](func(s *settings) error {
		if keep == nil {
			return errors.New("audit: WithCheckpointsTo was given nil")
		}
		s.places = append(s.places, &place{name: name, keep: keep})
		return nil
	})
}

// WithPseudonyms has entries name principals by an HMAC of their id, with a random key
// for each principal that the store holds in a table of its own. [Store.Erase] deletes
// the key, and nothing can then tell whose events these were. What the conditions read
// ([action.WithEventValues]) is left out of entries, since it may hold the id in any
// field. By default entries hold the ids.
func WithPseudonyms() Option {
	return option.Func[settings](func(s *settings) error { s.pseudonyms = true; return nil })
}

// WithTimeout is how long one write to the database, and to a place that checkpoints
// are handed to, may take. The default is 5 seconds. Less than 10 ms is refused.
func WithTimeout(timeout time.Duration) Option {
	return option.Func[settings](func(s *settings) error {
		if timeout < 10*time.Millisecond {
			return errors.New("audit: WithTimeout needs at least 10 ms")
		}
		s.timeout = timeout
		return nil
	})
}

// WithQueue is how many events may wait to be written. Beyond them an event is not
// kept: who asked is told, and the log says how many were lost. The default is 8,192,
// of a few KiB each. Less than 1 is refused.
func WithQueue(events int) Option {
	return option.Func[settings](func(s *settings) error {
		if events < 1 {
			return errors.New("audit: WithQueue needs at least 1 event")
		}
		s.queue = events
		return nil
	})
}

// WithLogger is where the log says that something failed that no caller is told of,
// such as a checkpoint that could not be written. The default, also of nil, is
// [slog.Default].
func WithLogger(logger *slog.Logger) Option {
	return option.Func[settings](func(s *settings) error { s.logger = logger; return nil })
}
