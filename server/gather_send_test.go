package server

import (
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// A scripted connection writes as it is told to.
type scripted struct {
	net.Conn

	deadline error
	writes   []written
	asked    []string // what it was to write
	halves   int      // how often its writing was closed
}

// written is what a connection says of one write.
type written struct {
	n   int
	err error
}

func (s *scripted) SetWriteDeadline(time.Time) error { return s.deadline }
func (s *scripted) Close() error                     { return nil }

func (s *scripted) CloseWrite() error {
	s.halves++
	return io.ErrShortWrite
}

func (s *scripted) Write(data []byte) (int, error) {
	s.asked = append(s.asked, string(data))
	next := s.writes[0]
	s.writes = s.writes[1:]
	return next.n, next.err
}

// A write goes on where a client has taken some of it in time, and ends where it took nothing,
// where the network fails, and where a closed connection has had its time.
func TestGatherSends(t *testing.T) {
	t.Parallel()
	late := os.ErrDeadlineExceeded
	for name, test := range map[string]struct {
		deadline error
		writes   []written
		closed   bool // and its time is over
		asked    string
		want     error
	}{
		"at once":                   {writes: []written{{4, nil}}, asked: "data"},
		"in pieces":                 {writes: []written{{1, late}, {2, late}, {1, nil}}, asked: "data ata a"},
		"the last piece late":       {writes: []written{{1, late}, {3, late}}, asked: "data ata", want: late},
		"nothing in time":           {writes: []written{{0, late}}, asked: "data", want: late},
		"nothing of the rest":       {writes: []written{{1, late}, {0, late}}, asked: "data ata", want: late},
		"a network that fails":      {writes: []written{{1, io.ErrClosedPipe}}, asked: "data", want: io.ErrClosedPipe},
		"no deadline to be had":     {deadline: io.ErrNoProgress, want: io.ErrNoProgress},
		"closed, and its time over": {writes: []written{{1, late}}, closed: true, asked: "data", want: late},
	} {
		below := &scripted{deadline: test.deadline, writes: test.writes}
		connection := &gathered{Conn: below, gatherer: &gatherer{timeout: time.Hour}, closed: test.closed}
		if err := connection.send([]byte("data")); !errors.Is(err, test.want) || (err == nil) != (test.want == nil) {
			t.Errorf("%s: %v, want %v", name, err, test.want)
		}
		if got := strings.Join(below.asked, " "); got != test.asked {
			t.Errorf("%s: the network was asked to write %q, want %q", name, got, test.asked)
		}
	}
}

// A connection that is closed counts no more, and who waits to write on it learns of it at
// once.
func TestGatherCloseEndsWriters(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		server, client := gather(t, http2Begins)
		connections := server.(*gathered).gatherer.connections
		if len(connections.open) != 1 {
			t.Errorf("%d connections count", len(connections.open))
		}
		_, _ = io.WriteString(server, "being written")
		synctest.Wait()
		_, _ = server.Write(make([]byte, mostGathered))
		ended := make(chan error, 1)
		go func() {
			_, err := io.WriteString(server, "waits")
			ended <- err
		}()
		synctest.Wait()
		_ = server.Close()
		began := time.Now()
		if err := <-ended; !errors.Is(err, net.ErrClosed) || time.Since(began) > 0 {
			t.Errorf("the writer got %v after %v", err, time.Since(began))
		}
		if len(connections.open) != 0 {
			t.Errorf("%d connections count after it was closed", len(connections.open))
		}
		_ = client.Close()
	})
}

// The writing side of a connection of HTTP/1 is closed by itself where the network can, and
// that of HTTP/2 never: there others write on it.
func TestGatherCloseWrite(t *testing.T) {
	t.Parallel()
	for _, http2 := range []bool{false, true} {
		below := &scripted{}
		connection := &gathered{Conn: below}
		connection.gathers.Store(http2)
		err := connection.CloseWrite()
		if want := map[bool]int{false: 1}[http2]; below.halves != want || errors.Is(err, io.ErrShortWrite) == http2 {
			t.Errorf("HTTP/2 %t: closed %d times: %v", http2, below.halves, err)
		}
		pipe, _ := net.Pipe()
		connection = &gathered{Conn: pipe}
		connection.gathers.Store(http2)
		if err := connection.CloseWrite(); err != nil {
			t.Errorf("HTTP/2 %t, where the network cannot: %v", http2, err)
		}
	}
}
