package server

import (
	"errors"
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"
)

// A counted is a connection that counts what it is told of deadlines.
type counted struct {
	net.Conn

	reading, writing int
}

func (c *counted) SetReadDeadline(at time.Time) error {
	c.reading++
	return c.Conn.SetReadDeadline(at)
}

func (c *counted) SetWriteDeadline(at time.Time) error {
	c.writing++
	return c.Conn.SetWriteDeadline(at)
}

// connectHTTP1 returns a server's connection that speaks HTTP/1, what counts below it,
// and the client's end.
func connectHTTP1(t *testing.T) (server net.Conn, below *counted, client net.Conn) {
	t.Helper()
	client, accepted := net.Pipe()
	below = &counted{Conn: accepted}
	server, err := gatherWrites(one{below}, unlimited(), time.Minute).Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = server.Close(), client.Close() })
	return server, below, client
}

// in sets a deadline that is so far away; 0 is none.
func in(set func(time.Time) error, away time.Duration) {
	if away == 0 {
		_ = set(time.Time{})
		return
	}
	_ = set(time.Now().Add(away))
}

const never = time.Hour // when a test gives up

// A read and a write end at the deadline that was set last, whenever that was.
func TestDeadline(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		before []time.Duration // set one after the other
		during []time.Duration // set a second after it began
		want   time.Duration
	}{
		"none":             {want: never},
		"one":              {before: []time.Duration{3 * time.Second}, want: 3 * time.Second},
		"a later one":      {before: []time.Duration{3 * time.Second, 5 * time.Second}, want: 5 * time.Second},
		"an earlier one":   {before: []time.Duration{5 * time.Second, 3 * time.Second}, want: 3 * time.Second},
		"one taken back":   {before: []time.Duration{3 * time.Second, 0}, want: never},
		"one set again":    {before: []time.Duration{3 * time.Second, 0, 5 * time.Second}, want: 5 * time.Second},
		"one in the past":  {before: []time.Duration{3 * time.Second, -time.Second}, want: 0},
		"past and later":   {before: []time.Duration{-time.Second, 3 * time.Second}, want: 3 * time.Second},
		"first meanwhile":  {during: []time.Duration{3 * time.Second}, want: 4 * time.Second},
		"later meanwhile":  {before: []time.Duration{3 * time.Second}, during: []time.Duration{5 * time.Second}, want: 6 * time.Second},
		"sooner meanwhile": {before: []time.Duration{9 * time.Second}, during: []time.Duration{time.Second}, want: 2 * time.Second},
		"ended meanwhile":  {before: []time.Duration{9 * time.Second}, during: []time.Duration{-time.Second}, want: time.Second},
		"back meanwhile":   {before: []time.Duration{3 * time.Second}, during: []time.Duration{0}, want: never},
		"and set again":    {before: []time.Duration{3 * time.Second}, during: []time.Duration{0, 5 * time.Second}, want: 6 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				for what, direction := range map[string]struct {
					set func(net.Conn) func(time.Time) error
					do  func(net.Conn) (int, error)
				}{
					"Read": {
						func(conn net.Conn) func(time.Time) error { return conn.SetReadDeadline },
						func(conn net.Conn) (int, error) { return conn.Read(make([]byte, 1)) },
					},
					"Write": {
						func(conn net.Conn) func(time.Time) error { return conn.SetWriteDeadline },
						func(conn net.Conn) (int, error) { return conn.Write([]byte("an answer")) },
					},
				} {
					server, _, client := connectHTTP1(t)
					set := direction.set(server)
					for _, away := range test.before {
						in(set, away)
					}
					began := time.Now()
					give := time.AfterFunc(never, func() { _ = client.Close() })
					if len(test.during) > 0 {
						time.AfterFunc(time.Second, func() {
							for _, away := range test.during {
								in(set, away)
							}
						})
					}
					_, err := direction.do(server)
					give.Stop()
					if lasted := time.Since(began); lasted != test.want {
						t.Errorf("%s took %v, want %v", what, lasted, test.want)
					}
					if isTimeout(err) != (test.want != never) {
						t.Errorf("%s returned %v", what, err)
					}
				}
			})
		})
	}
}

// A failing connection cannot be told of deadlines.
type failing struct{ net.Conn }

func (failing) SetReadDeadline(time.Time) error  { return io.ErrClosedPipe }
func (failing) SetWriteDeadline(time.Time) error { return io.ErrNoProgress }

// What the network says of a deadline is said to who sets it, or to who reads; and a
// connection that is closed takes none.
func TestDeadlineThatFails(t *testing.T) {
	t.Parallel()
	client, accepted := net.Pipe()
	defer client.Close()
	server, err := gatherWrites(one{failing{accepted}}, unlimited(), time.Minute).Accept()
	if err != nil {
		t.Fatal(err)
	}
	soon := time.Now().Add(time.Hour)
	for range 2 {
		if err := server.SetReadDeadline(soon); err != nil {
			t.Errorf("that is not read by: %v", err)
		}
		if n, err := server.Read(make([]byte, 1)); n != 0 || !errors.Is(err, io.ErrClosedPipe) {
			t.Errorf("read %d, with %v", n, err)
		}
		server.(*gathered).reading.armed = time.Time{}
	}
	if reads := server.(*gathered).reads; reads != 0 {
		t.Errorf("%d reads are under way", reads)
	}
	if err := server.SetDeadline(soon); !errors.Is(err, io.ErrNoProgress) {
		t.Errorf("to write by: %v", err)
	}
	server.(*gathered).reads = 1 // it would learn of it at once
	if err := server.SetDeadline(soon.Add(time.Hour)); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("to read by: %v", err)
	}
	if err := server.Close(); err != nil {
		t.Fatal(err)
	}
	for name, set := range map[string]func(time.Time) error{
		"SetDeadline": server.SetDeadline, "SetReadDeadline": server.SetReadDeadline, "SetWriteDeadline": server.SetWriteDeadline,
	} {
		if err := set(soon); !errors.Is(err, net.ErrClosed) {
			t.Errorf("%s on a closed connection: %v", name, err)
		}
	}
}

// Of a deadline to write by, HTTP/2 tells the network nothing: what is written goes out
// together, each piece within the listener's timeout.
func TestDeadlineOfHTTP2(t *testing.T) {
	t.Parallel()
	server, below, client := connectHTTP1(t)
	go func() { _, _ = io.WriteString(client, http2Begins) }()
	if _, err := io.ReadFull(server, make([]byte, len(http2Begins))); err != nil {
		t.Fatal(err)
	}
	if err := server.SetWriteDeadline(time.Now().Add(-time.Second)); err != nil || below.writing != 0 {
		t.Errorf("the network was told %d times: %v", below.writing, err)
	}
	go func() { _, _ = io.ReadFull(client, make([]byte, len("answer"))) }()
	if _, err := io.WriteString(server, "answer"); err != nil {
		t.Error(err)
	}
}

// What goes out in pieces while deadlines pass that were put off is all there, once.
func TestDeadlinePutOff(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		server, _, client := connectHTTP1(t)
		const answer = "one answer"
		in(server.SetWriteDeadline, time.Second)
		in(server.SetWriteDeadline, time.Minute)
		received := make(chan string)
		go func() {
			var all []byte
			for piece := make([]byte, 1); ; {
				time.Sleep(700 * time.Millisecond)
				n, err := client.Read(piece)
				if err != nil {
					received <- string(all)
					return
				}
				all = append(all, piece[:n]...)
			}
		}()
		if n, err := io.WriteString(server, answer); n != len(answer) || err != nil {
			t.Errorf("Write returned %d, %v", n, err)
		}
		_ = server.Close()
		if got := <-received; got != answer {
			t.Errorf("the client read %q, want %q", got, answer)
		}
	})
}

// The network is not told of deadlines that make no difference: those of the calls of a
// connection that keep within theirs.
func TestDeadlineTold(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		server, below, client := connectHTTP1(t)
		go func() { _, _ = io.Copy(client, client) }()
		piece := make([]byte, 1)
		for range 10 {
			in(server.SetReadDeadline, 10*time.Second)
			in(server.SetReadDeadline, 0)
			in(server.SetReadDeadline, 30*time.Second)
			in(server.SetReadDeadline, 0)
			in(server.SetWriteDeadline, 30*time.Second)
			if _, err := server.Write(piece); err != nil {
				t.Fatal(err)
			}
			if _, err := server.Read(piece); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Second)
		}
		if below.reading != 0 || below.writing != 1 {
			t.Errorf("the network was told of %d read deadlines and %d write deadlines, want 0 and 1", below.reading, below.writing)
		}
	})
}
