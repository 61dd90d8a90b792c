package server

import (
	"sync/atomic"

	"connectrpc.com/connect/v2"

	"github.com/sallyport-rpc/sallyport/internal/option"
)

// WithMaxRunningCalls sets how many unary calls run at a time, over all connections: from
// when the caller is authenticated until the answer begins. One more ends as
// resource_exhausted with a hint when to come again, before anything of it is read where
// that is known by then. By default it is 10,000.
//
// It keeps a server that is asked for more than it can do from doing everything late. Set
// it to a small multiple of what the handlers share: two or three times the connections of
// a database's pool, or the processors where they compute. A stranger who sends slowly, or
// does not read, takes none of it. Streams do not count; see [WithMaxPrincipalStreams].
func WithMaxRunningCalls(limit int) Option {
	return option.Func[settings](func(s *settings) error {
		s.runningCalls = limit
		return nil
	})
}

// errOverloaded answers a caller when too many calls run.
var errOverloaded = comeAgainLater("the server has too much to do; come again later")

// Running counts the unary calls that run. It is safe for concurrent use.
type running struct {
	most  int64
	calls atomic.Int64
}

func newRunning(most int) *running { return &running{most: int64(most)} }

// full reports whether no more calls may run now.
func (r *running) full() bool { return r.calls.Load() >= r.most }

// A turn is what one call has of the calls that may run. It is used by the goroutine of
// its call alone.
type turn struct {
	running *running
	held    bool
	refused bool // there was none for this call
}

// ask reports whether a call could get its turn now, without taking it.
func (t *turn) ask() *connect.Error {
	if t.refused = t.running.full(); t.refused {
		return errOverloaded
	}
	return nil
}

// take takes a turn.
func (t *turn) take() error {
	if t.held {
		return nil
	}
	if t.running.calls.Add(1) > t.running.most {
		t.running.calls.Add(-1)
		t.refused = true
		return errOverloaded
	}
	t.held = true
	return nil
}

// end gives the turn back, if there is one.
func (t *turn) end() {
	if t.held {
		t.held = false
		t.running.calls.Add(-1)
	}
}
