package server

import (
	"bytes"
	"io"
	"net"
	"net/netip"
	"strconv"
	"testing"
	"testing/synctest"
	"time"
)

// A new connection takes the place of an idle one whose client reads nothing, and neither
// the next to be accepted nor the memory of the idle one waits for that client.
func TestEvictionDoesNotWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		places := unlimited()
		places.most = 1
		accept := func() (server *gathered, client net.Conn) {
			client, accepted := net.Pipe()
			connection, err := gatherWrites(one{accepted}, places, time.Hour).Accept()
			if err != nil {
				t.Fatal(err)
			}
			return connection.(*gathered), client
		}
		idle, stuck := accept()
		go func() { _, _ = io.WriteString(stuck, http2Begins) }()
		if _, err := io.ReadFull(idle, make([]byte, len(http2Begins))); err != nil {
			t.Fatal(err)
		}
		_, _ = io.WriteString(idle, "being written")
		synctest.Wait()
		_, _ = idle.Write(bytes.Repeat([]byte("x"), mostGathered)) // so that a writer waits
		idle.top = idle
		idle.idleSince.Store(1)

		began := time.Now()
		next, client := accept()
		if waited := time.Since(began); waited > 0 {
			t.Errorf("the next connection was accepted after %v", waited)
		}
		time.Sleep(2*lingerTimeout + time.Millisecond)
		synctest.Wait()
		looked := time.Now()
		if _, err := stuck.Write([]byte("x")); err == nil || time.Since(looked) > 0 {
			t.Errorf("the idle connection was still open: %v, after %v", err, time.Since(looked))
		}
		if len(places.open) != 1 {
			t.Errorf("%d connections count", len(places.open))
		}
		_, _ = client.Close(), next.Close()
	})
}

// from returns a connection that counts for a network, the zero Prefix being none, and that
// has been idle since a time; 0 is in use.
func from(network netip.Prefix, since int64) *gathered {
	connection := &gathered{network: network}
	connection.idleSince.Store(since)
	return connection
}

// Where there is no room, the connection that has been idle for longest gives its place: of
// the network that asks if that has one, and else of any. One that is in use gives none.
func TestVictims(t *testing.T) {
	t.Parallel()
	ours, theirs, none := prefix("10.0.0.1:1"), prefix("10.0.0.2:1"), netip.Prefix{}
	for name, test := range map[string]struct {
		most     int
		open     []*gathered
		network  netip.Prefix
		victim   int // in open, or -1
		admitted bool
	}{
		"room":                              {5, []*gathered{from(theirs, 1)}, ours, -1, true},
		"none is idle":                      {2, []*gathered{from(theirs, 0), from(none, 0)}, none, -1, false},
		"the oldest":                        {3, []*gathered{from(theirs, 3), from(theirs, 1), from(theirs, 2)}, none, 1, true},
		"the oldest of the network":         {5, []*gathered{from(theirs, 1), from(ours, 4), from(ours, 3), from(theirs, 2)}, ours, 2, true},
		"of another, for one that has none": {3, []*gathered{from(none, 2), from(none, 1), from(none, 3)}, ours, 1, true},
		"its own is in use":                 {3, []*gathered{from(none, 2), from(ours, 0), from(none, 0)}, ours, 0, false},
		"its own share, in use":             {4, []*gathered{from(ours, 0), from(ours, 0)}, ours, -1, false},
		"its own share, of another":         {4, []*gathered{from(ours, 0), from(ours, 0), from(theirs, 1)}, ours, 2, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for range 20 { // maps begin anywhere
				places := unlimited()
				places.most = test.most
				counts := map[netip.Prefix]int{}
				for _, connection := range test.open {
					places.open[connection] = struct{}{}
					if connection.network.IsValid() {
						places.from[connection.network]++
						counts[connection.network]++
					}
				}
				asks := from(test.network, 0)
				victim, admitted := places.count(asks)
				var want *gathered
				left := len(test.open)
				if test.victim >= 0 {
					want = test.open[test.victim]
					left--
					counts[want.network]--
				}
				if victim != want || admitted != test.admitted {
					t.Fatalf("victim %s, admitted %t", told(test.open, victim), admitted)
				}
				if admitted {
					left++
					counts[asks.network]++
				}
				if _, counted := places.open[asks]; counted != admitted || len(places.open) != left {
					t.Errorf("of %d connections that count it is one: %t", len(places.open), counted)
				}
				for network, count := range counts {
					if network.IsValid() && places.from[network] != count {
						t.Errorf("%d count for %s, want %d", places.from[network], network, count)
					}
				}
				if _, counted := places.from[none]; counted {
					t.Error("what counts for no network counts for one")
				}
			}
		})
	}
}

// told says which of the connections one is.
func told(open []*gathered, one *gathered) string {
	for i, connection := range open {
		if connection == one {
			return strconv.Itoa(i)
		}
	}
	return "none"
}

// So many connections are looked at, and no more, while others wait for the lock.
func TestMostLooked(t *testing.T) {
	t.Parallel()
	const rounds = 5000 // a map begins anywhere
	places := unlimited()
	idle := from(netip.Prefix{}, 1)
	places.open[idle] = struct{}{}
	for range mostLooked - 1 {
		places.open[from(netip.Prefix{}, 0)] = struct{}{}
	}
	for range rounds {
		if places.idlest(netip.Prefix{}) != idle {
			t.Fatalf("one of %d was not looked at", mostLooked)
		}
	}
	for range 9 * mostLooked {
		places.open[from(netip.Prefix{}, 0)] = struct{}{}
	}
	missed := 0
	for range rounds / 100 {
		if places.idlest(netip.Prefix{}) == nil {
			missed++
		}
	}
	if missed == 0 {
		t.Errorf("all of %d were looked at, each time", len(places.open))
	}
}

// A connection is forgotten once, however often it is closed.
func TestForgottenOnce(t *testing.T) {
	t.Parallel()
	places, network := unlimited(), prefix("10.0.0.1:1")
	first, second := from(network, 0), from(network, 0)
	for _, connection := range []*gathered{first, second} {
		places.count(connection)
	}
	places.closed(first)
	places.closed(first)
	if len(places.open) != 1 || places.from[network] != 1 {
		t.Errorf("%d are open, %d of the network", len(places.open), places.from[network])
	}
	places.closed(second)
	if len(places.open) != 0 || len(places.from) != 0 {
		t.Errorf("%d are open, and %v count", len(places.open), places.from)
	}
}
