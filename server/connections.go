package server

import (
	"context"
	"crypto/tls"
	"encoding/binary"
	"math"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"connectrpc.com/connect/v2"

	"github.com/sallyport-rpc/sallyport/action/event"
	"github.com/sallyport-rpc/sallyport/authn"
	"github.com/sallyport-rpc/sallyport/internal/option"
)

// WithMaxConnections sets how many connections the server has open at a time. Where
// there is one more, a connection that has been without a call for long is closed for it;
// where all are in use, the new one is closed. By default it is 10,000.
//
// One address gets no more than what is left for others: alone it may have half of the
// connections, two may have a third each, and so on. An IPv6 /64 counts as one address.
// This does not hold for the proxies of [WithTrustedProxies], whose connections carry the
// calls of many.
func WithMaxConnections(limit int) Option {
	return option.Func[settings](func(s *settings) error {
		s.connections = limit
		return nil
	})
}

// WithIdleTimeout sets how long a connection without a call stays open. A client of
// HTTP/2 is told a second before, so that it begins no call meanwhile. By default it is
// two minutes.
func WithIdleTimeout(timeout time.Duration) Option {
	return option.Func[settings](func(s *settings) error {
		s.idle = timeout
		return nil
	})
}

// leaveTime is how long a client of HTTP/2 has between when it is told that its idle
// connection will be closed and when it is: a call that it began before it knew arrives.
const leaveTime = time.Second

// Connections are the open connections of a server. They close the ones that are idle
// for too long, and bound their number. The server of net/http could do the first, but
// keeps 45 KiB of an HTTP/2 connection for the whole idle timeout after its client left
// in the middle of a call: its timer is started again after it was stopped. They are
// safe for concurrent use.
type connections struct {
	idle   time.Duration
	most   int
	trusts func(netip.Addr) bool
	// refused has the addresses of connections that were closed because there are too
	// many, as many as are recorded in time.
	refused chan netip.Addr
	record  func(address netip.Addr)

	mu   sync.Mutex
	open map[*gathered]struct{}
	from map[netip.Prefix]int // how many there are from an address; trusted ones do not count
}

// mostRefused is how many connections that were refused wait to be recorded.
const mostRefused = 64

// newConnections returns the connections of a server, which has none yet.
func (s *Server) newConnections() *connections {
	return &connections{
		idle:    s.settings.idle,
		most:    s.settings.connections,
		trusts:  s.settings.trusts,
		refused: make(chan netip.Addr, mostRefused),
		record: func(address netip.Addr) {
			refused := event.Event{Peer: &authn.Peer{Address: address}}
			refused.Code, refused.Reason = connect.CodeResourceExhausted, "connection refused: there are too many"
			s.registry.RecordRefused(context.Background(), refused)
		},
		open: map[*gathered]struct{}{},
		from: map[netip.Prefix]int{},
	}
}

// admit counts a connection. It reports whether there is room for it; if not, it is
// closed.
func (c *connections) admit(connection *gathered) bool {
	connection.address = remoteAddress(connection.RemoteAddr().String())
	if !c.trusts(connection.address) {
		connection.network = (&authn.Peer{Address: connection.address}).Network()
	}
	victim, admitted := c.count(connection)
	if victim != nil {
		go victim.evict() // its client may take nothing, and others wait to be accepted
	}
	if !admitted {
		_ = connection.Conn.Close()
		select {
		case c.refused <- connection.address:
		default:
		}
	}
	return admitted
}

// count counts a connection if there is room. If there is none, it leaves out the
// connection that has been idle for longest, which the caller must close.
func (c *connections) count(connection *gathered) (victim *gathered, admitted bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.hasRoom(connection.network) {
		if victim = c.idlest(connection.network); victim == nil {
			return nil, false
		}
		c.remove(victim)
	}
	if !c.hasRoom(connection.network) {
		return victim, false
	}
	c.open[connection] = struct{}{}
	if connection.network.IsValid() {
		c.from[connection.network]++
	}
	return victim, true
}

// hasRoom reports whether there may be one more connection from a network. The caller
// holds mu.
func (c *connections) hasRoom(network netip.Prefix) bool {
	left := c.most - len(c.open)
	if network.IsValid() {
		return c.from[network] < left
	}
	return left > 0
}

// mostLooked is how many connections are looked at to find one that is idle for long.
const mostLooked = 256

// idlest returns the connection that has been idle for longest, of those it looks at: one
// of the network if that has one that is idle, because the network may have its share. It
// is nil where none is idle. The caller holds mu.
func (c *connections) idlest(network netip.Prefix) *gathered {
	var all, own *gathered
	looked := 0
	for connection := range c.open { // which begins anywhere
		if looked++; looked > mostLooked {
			break
		}
		since := connection.idleSince.Load()
		if since == 0 {
			continue
		}
		if all == nil || since < all.idleSince.Load() {
			all = connection
		}
		if connection.network == network && (own == nil || since < own.idleSince.Load()) {
			own = connection
		}
	}
	if own != nil {
		return own
	}
	return all
}

// closed is called when a connection is closed.
func (c *connections) closed(connection *gathered) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.remove(connection)
}

// remove forgets a connection. The caller holds mu.
func (c *connections) remove(connection *gathered) {
	if _, ok := c.open[connection]; !ok {
		return
	}
	delete(c.open, connection)
	if !connection.network.IsValid() {
		return
	}
	if c.from[connection.network]--; c.from[connection.network] == 0 {
		delete(c.from, connection.network)
	}
}

// observe is the ConnState of an [http.Server].
func (c *connections) observe(connection net.Conn, state http.ConnState) {
	under := connection
	secured, isTLS := connection.(*tls.Conn)
	if isTLS {
		under = secured.NetConn()
	}
	gathered, ok := under.(*gathered)
	if !ok {
		return
	}
	switch state {
	case http.StateNew:
		gathered.top = connection
	case http.StateActive:
		gathered.idleSince.Store(0)
		// HTTP/2 without TLS shows in the first bytes.
		if isTLS && !gathered.gathers.Load() && secured.ConnectionState().NegotiatedProtocol == "h2" {
			gathered.gathers.Store(true)
		}
	case http.StateIdle:
		gathered.idleSince.Store(time.Now().UnixNano())
	case http.StateHijacked, http.StateClosed:
		c.closed(gathered)
	}
}

// sweep closes connections that are idle for too long, and records those that were
// refused, until ctx ends.
func (c *connections) sweep(ctx context.Context) {
	const fewest, most = 10 * time.Millisecond, 5 * time.Second
	ticker := time.NewTicker(min(max(c.idle/10, fewest), most))
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case address := <-c.refused:
			c.record(address)
		case now := <-ticker.C:
			for _, connection := range c.overdue(now) {
				go connection.leave(now)
			}
		}
	}
}

// overdue returns the connections that are idle for too long.
func (c *connections) overdue(now time.Time) []*gathered {
	c.mu.Lock()
	defer c.mu.Unlock()
	var overdue []*gathered
	for connection := range c.open {
		if since := connection.idleSince.Load(); !connection.native && since != 0 && now.UnixNano()-since >= int64(c.idle) {
			overdue = append(overdue, connection)
		}
	}
	return overdue
}

// An idler is what a connection knows of its times without a call.
type idler struct {
	top       net.Conn     // the connection itself, or TLS on it; set before it is served
	idleSince atomic.Int64 // in nanoseconds of Unix time; 0 is in use, or not begun
	told      atomic.Int64 // likewise: when its client was told that it will be closed
}

// leave closes an idle connection, or tells its client that it will be.
func (c *gathered) leave(now time.Time) {
	switch told := c.told.Load(); {
	case !c.gathers.Load(): // HTTP/1 has no way to tell
	case told == 0:
		c.tellToLeave()
		return
	case now.UnixNano()-told < int64(leaveTime) || c.idleSince.Load() == 0:
		return
	}
	_ = c.top.Close()
}

// evict closes an idle connection for another one. A client that takes nothing does not
// keep it open.
func (c *gathered) evict() {
	defer time.AfterFunc(lingerTimeout, func() { _ = c.Close() }).Stop()
	c.tellToLeave()
	_ = c.Close()
}

// tellToLeave tells a client of HTTP/2 that its connection, which is idle, will be closed.
// Nothing is in the middle of a frame then.
func (c *gathered) tellToLeave() {
	if c.gathers.Load() && c.told.CompareAndSwap(0, time.Now().UnixNano()) {
		_, _ = c.top.Write(goAway)
	}
}

// goAway is a frame of HTTP/2 that tells a client to begin no more calls, and that those
// it began will be served (RFC 9113, section 6.8).
var goAway = func() []byte {
	const typeGoAway, payload = 7, 8
	frame := []byte{0, 0, payload, typeGoAway, 0, 0, 0, 0, 0}
	frame = binary.BigEndian.AppendUint32(frame, math.MaxInt32) // the last stream that will be served
	return binary.BigEndian.AppendUint32(frame, 0)              // no error
}()
