package server

import (
	"sync"

	"connectrpc.com/connect/v2"

	"github.com/sallyport-rpc/sallyport/internal/option"
)

// WithMaxPrincipalStreams sets how many streams one principal may have open at a time,
// over all connections. One more ends as resource_exhausted. By default it is 250.
// Streams of anonymous actions do not count.
func WithMaxPrincipalStreams(limit int) Option {
	return option.Func[settings](func(s *settings) error {
		s.principalStreams = limit
		return nil
	})
}

// WithMaxUnreadBytes sets how many bytes of answers one principal may leave unread, over
// all connections: a message counts from when it is encoded until the connection has
// taken it. A call whose message has no room ends as resource_exhausted. By default it
// is 64 MiB. A principal that has read everything gets one message of any size, and
// messages below 16 KiB do not count. What callers of anonymous actions
// leave unread counts as [WithMaxPendingBytes] says.
func WithMaxUnreadBytes(limit int64) Option {
	return option.Func[settings](func(s *settings) error {
		s.unreadBytes = limit
		return nil
	})
}

var (
	errManyStreams = connect.NewError(connect.CodeResourceExhausted, "too many streams of one principal")
	errUnread      = connect.NewError(connect.CodeResourceExhausted, "too many bytes of answers are not read")
)

// A holding is what one principal holds of a server.
type holding struct {
	streams int
	unread  int64
}

// Holdings are what the principals hold of a server, over all connections. They are
// safe for concurrent use, and keep nothing of a principal who holds nothing.
type holdings struct {
	streams int   // one principal's at most
	unread  int64 // one principal's at most

	mu sync.Mutex
	by map[string]holding
}

func newHoldings(streams int, unread int64) *holdings {
	return &holdings{streams: streams, unread: unread, by: map[string]holding{}}
}

// open counts a stream of a principal. It reports whether there may be one more.
func (h *holdings) open(principal string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	held := h.by[principal]
	if held.streams >= h.streams {
		return false
	}
	held.streams++
	h.by[principal] = held
	return true
}

// take counts bytes that a principal has not read. It reports whether there was room.
func (h *holdings) take(principal string, bytes int64) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	held := h.by[principal]
	if held.unread > 0 && bytes > h.unread-held.unread {
		return false
	}
	held.unread += bytes
	h.by[principal] = held
	return true
}

// give gives back streams and bytes.
func (h *holdings) give(principal string, streams int, bytes int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	held := h.by[principal]
	held.streams -= streams
	held.unread -= bytes
	if held == (holding{}) {
		delete(h.by, principal)
		return
	}
	h.by[principal] = held
}

// An account is what one call holds on its principal's behalf. It is safe for
// concurrent use.
type account struct {
	mu        sync.Mutex
	holdings  *holdings
	principal string // empty until the caller is authenticated, and on an anonymous action
	streams   int    // 1 where the call is a stream that was counted
	unread    int64
	ended     bool
	shed      bool // the principal held too much for this call
}

// isShed reports whether the principal held too much for this call.
func (a *account) isShed() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.shed
}

// authenticate says whose account it is, and counts a stream.
func (a *account) authenticate(holdings *holdings, principal string, stream bool) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.holdings, a.principal = holdings, principal
	if !stream || a.ended || a.streams > 0 {
		return nil
	}
	if !holdings.open(principal) {
		a.shed = true
		return errManyStreams
	}
	a.streams = 1
	return nil
}

// send counts bytes that are about to be sent.
func (a *account) send(bytes int64) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.principal == "" || a.ended {
		return nil
	}
	if !a.holdings.take(a.principal, bytes) {
		a.shed = true
		return errUnread
	}
	a.unread += bytes
	return nil
}

// sent says that what was sent is with the connection.
func (a *account) sent() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.unread > 0 {
		a.holdings.give(a.principal, 0, a.unread)
		a.unread = 0
	}
}

// took says that the connection has some of what was sent.
func (a *account) took(bytes int64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if bytes = min(bytes, a.unread); bytes > 0 {
		a.holdings.give(a.principal, 0, bytes)
		a.unread -= bytes
	}
}

// end gives everything back.
func (a *account) end() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.streams > 0 || a.unread > 0 {
		a.holdings.give(a.principal, a.streams, a.unread)
	}
	a.ended, a.streams, a.unread = true, 0, 0
}
