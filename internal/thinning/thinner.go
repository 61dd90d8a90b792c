// Package thinning lets a log of strangers' refused calls grow no faster than a log
// should, with a count of what was left out.
package thinning

import (
	"net/netip"
	"sync"
	"time"
)

const (
	// burst is how many records of one network pass at once, and interval after how long
	// one more does.
	burst    = 20
	interval = time.Second
	// mostNetworks is how many networks are told apart at a time. The others count as
	// one, so that the memory does not grow with the number of addresses.
	mostNetworks = 4096
)

// A Thinner says which records of a network pass. It is safe for concurrent use. Make
// one with [New].
type Thinner struct {
	now func() time.Time

	mu       sync.Mutex
	networks map[netip.Prefix]*network
	others   network
	swept    time.Time
	// left is how many records of networks that were forgotten did not pass.
	left int
}

// A network is what is known of one network.
type network struct {
	spent int       // of the burst
	since time.Time // when spent was right
	left  int       // how many did not pass since one did
}

// New returns a Thinner that has seen nothing. The clock is [time.Now] where it is nil.
func New(now func() time.Time) *Thinner {
	if now == nil {
		now = time.Now
	}
	return &Thinner{now: now, networks: map[netip.Prefix]*network{}}
}

// Pass reports whether a record of a network passes, and how many did not since the
// last that did. The first 20 of a network pass, and then one a second.
func (t *Thinner) Pass(from netip.Prefix) (passes bool, left int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.now()
	network := t.find(from, now)
	network.refill(now)
	if network.spent >= burst {
		network.left++
		return false, 0
	}
	network.spent++
	left = network.left + t.left
	network.left, t.left = 0, 0
	return true, left
}

// refill gives a network what it did not use.
func (n *network) refill(now time.Time) {
	passed := int(now.Sub(n.since) / interval)
	if passed <= 0 {
		return
	}
	n.spent = max(n.spent-passed, 0)
	n.since = now
}

// find returns what is known of a network, and makes room for one that is new.
func (t *Thinner) find(from netip.Prefix, now time.Time) *network {
	if known, ok := t.networks[from]; ok {
		return known
	}
	if len(t.networks) >= mostNetworks {
		t.sweep(now)
	}
	if len(t.networks) >= mostNetworks {
		return &t.others
	}
	fresh := &network{since: now}
	t.networks[from] = fresh
	return fresh
}

// sweep forgets the networks that have been silent for long enough to begin anew. It
// does so once an interval at most.
func (t *Thinner) sweep(now time.Time) {
	if now.Sub(t.swept) < interval {
		return
	}
	t.swept = now
	for from, network := range t.networks {
		if now.Sub(network.since) >= burst*interval {
			t.left += network.left
			delete(t.networks, from)
		}
	}
}
