package server

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"
)

// A topped connection counts how often it is closed, and keeps what it is written.
type topped struct {
	net.Conn

	closed  int
	written []byte
}

func (c *topped) Close() error {
	c.closed++
	return nil
}

func (c *topped) Write(data []byte) (int, error) {
	c.written = append(c.written, data...)
	return len(data), nil
}

// A connection that is idle for too long is closed: on HTTP/1 at once, on HTTP/2 once its
// client was told and has had its time, unless a call has begun meanwhile.
func TestLeaving(t *testing.T) {
	t.Parallel()
	now := time.Now()
	ago := func(age time.Duration) int64 { return now.Add(-age).UnixNano() }
	for name, test := range map[string]struct {
		http2       bool
		told, since int64
		closed      int
		tells       bool
	}{
		"HTTP/1":                        {false, 0, ago(time.Hour), 1, false},
		"HTTP/2, not told":              {true, 0, ago(time.Hour), 0, true},
		"HTTP/2, told a moment ago":     {true, ago(leaveTime - 1), ago(time.Hour), 0, false},
		"HTTP/2, told in time":          {true, ago(leaveTime), ago(time.Hour), 1, false},
		"HTTP/2, told and in use again": {true, ago(time.Hour), 0, 0, false},
		"HTTP/2, just told and in use":  {true, ago(leaveTime - 1), 0, 0, false},
	} {
		top := &topped{}
		connection := &gathered{}
		connection.top = top
		connection.gathers.Store(test.http2)
		connection.told.Store(test.told)
		connection.idleSince.Store(test.since)
		for range 2 {
			connection.leave(now)
		}
		if top.closed != 2*test.closed || (string(top.written) == string(goAway)) != test.tells || !test.tells && len(top.written) > 0 {
			t.Errorf("%s: closed %d times, and its client was told %x", name, top.closed, top.written)
		}
	}
	places := unlimited()
	for since, want := range map[int64]int{0: 0, ago(places.idle - 1): 0, ago(places.idle): 1, ago(2 * places.idle): 1} {
		clear(places.open)
		places.open[from(netip.Prefix{}, since)] = struct{}{}
		if got := places.overdue(now); len(got) != want {
			t.Errorf("idle since %d of %d: %d are overdue", since, now.UnixNano(), len(got))
		}
	}
}

// The client of HTTP/2 whose connection is taken for another is told before it is closed.
func TestEvictedIsTold(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		server, client := gather(t, http2Begins)
		connection := server.(*gathered)
		connection.top = server
		go connection.evict()
		if got, err := io.ReadAll(client); !bytes.Equal(got, goAway) || err != nil {
			t.Errorf("the client was told %x, %v", got, err)
		}
	})
}

// A connection that a handler has taken over is no longer one of the server's.
func TestTakenOver(t *testing.T) {
	t.Parallel()
	places := unlimited()
	connection := from(prefix("10.0.0.1:1"), 0)
	places.count(connection)
	places.observe(connection, http.StateIdle)
	if len(places.open) != 1 || connection.idleSince.Load() == 0 {
		t.Errorf("%d count, idle since %d", len(places.open), connection.idleSince.Load())
	}
	places.observe(connection, http.StateActive)
	if len(places.open) != 1 || connection.idleSince.Load() != 0 {
		t.Errorf("%d count, idle since %d", len(places.open), connection.idleSince.Load())
	}
	other, _ := net.Pipe()
	places.observe(other, http.StateIdle) // which is none of the listener's
	places.observe(connection, http.StateHijacked)
	if len(places.open) != 0 || len(places.from) != 0 {
		t.Errorf("%d count", len(places.open))
	}
}
