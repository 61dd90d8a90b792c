package server

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// one is a listener of one connection.
type one struct{ connection net.Conn }

func (o one) Accept() (net.Conn, error) { return o.connection, nil }
func (o one) Close() error              { return nil }
func (o one) Addr() net.Addr            { return &net.TCPAddr{} }

// unlimited returns the connections of a server that may have as many as come.
func unlimited() *connections {
	return (&Server{settings: &settings{limits: limits{connections: math.MaxInt32, idle: time.Minute}}}).newConnections()
}

// gather returns a server's connection that has received begins, and the client's end.
func gather(t *testing.T, begins string) (server, client net.Conn) {
	t.Helper()
	client, accepted := net.Pipe()
	server, err := gatherWrites(one{accepted}, unlimited(), 10*time.Second).Accept()
	if err != nil {
		t.Fatal(err)
	}
	go func() { _, _ = io.WriteString(client, begins) }()
	received := make([]byte, len(begins))
	if _, err := io.ReadFull(server, received); err != nil || string(received) != begins {
		t.Fatalf("the server read %q, %v", received, err)
	}
	return server, client
}

const http2Begins = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

// pieces are what each read of a pipe got, which is what one write wrote.
func pieces(client net.Conn, most int) []string {
	var all []string
	buffer := make([]byte, 2*mostGathered)
	for range most {
		n, err := client.Read(buffer)
		if err != nil {
			break
		}
		all = append(all, string(buffer[:n]))
	}
	return all
}

// A connection speaks HTTP/2 where that is what it begins with, and not where it comes later,
// as in a body; a read that got nothing does not begin it.
func TestProtocolIsOfTheFirstBytes(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		pieces []string // "" is a read that ends at its deadline
		want   bool
	}{
		"HTTP/2":              {[]string{http2Begins}, true},
		"HTTP/1":              {[]string{"POST / HTTP/1.1\r\n"}, false},
		"in a body of HTTP/1": {[]string{"POST / HTTP/1.1\r\n\r\n", http2Begins}, false},
		"after a late start":  {[]string{"", http2Begins}, true},
		"HTTP/1, likewise":    {[]string{"", "GET / HTTP/1.1\r\n", http2Begins}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server, _, client := connectHTTP1(t)
			for _, piece := range test.pieces {
				deadline := time.Now().Add(time.Hour)
				if piece == "" {
					deadline = time.Now().Add(-time.Second)
				} else {
					go func() { _, _ = io.WriteString(client, piece) }()
				}
				_ = server.SetReadDeadline(deadline)
				if n, err := io.ReadFull(server, make([]byte, max(len(piece), 1))); n != len(piece) || (err == nil) != (piece != "") {
					t.Fatalf("read %d of %q: %v", n, piece, err)
				}
			}
			if got := server.(*gathered).gathers.Load(); got != test.want {
				t.Errorf("it speaks HTTP/2: %t", got)
			}
		})
	}
}

func TestGather(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		server, client := gather(t, http2Begins)
		for _, text := range []string{"first"} {
			if n, err := io.WriteString(server, text); n != len(text) || err != nil {
				t.Fatalf("Write returned %d, %v", n, err)
			}
		}
		synctest.Wait() // the first is being written, and the client does not read
		for _, text := range []string{"second", "third", "fourth"} {
			_, _ = io.WriteString(server, text)
		}
		if got := pieces(client, 2); len(got) != 2 || got[0] != "first" || got[1] != "secondthirdfourth" {
			t.Errorf("the writes were %q", got)
		}
		if err := server.Close(); err != nil {
			t.Error(err)
		}
		if got, err := io.ReadAll(client); len(got) > 0 || err != nil {
			t.Errorf("after the close the client read %q, %v", got, err)
		}
	})
}

// HTTP/1 writes go out one by one, each before Write returns.
func TestGatherHTTP1(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		server, client := gather(t, "GET / HTTP/1.1\r\n")
		returned := false
		go func() {
			_, _ = io.WriteString(server, "answer")
			returned = true
		}()
		synctest.Wait()
		if returned {
			t.Error("Write returned before the client read")
		}
		if got := pieces(client, 1); len(got) != 1 || got[0] != "answer" {
			t.Errorf("the writes were %q", got)
		}
		_ = server.SetWriteDeadline(time.Now().Add(time.Second))
		if _, err := io.WriteString(server, "unread"); !isTimeout(err) {
			t.Errorf("past its deadline Write returned %v", err)
		}
		_ = server.Close()
		synctest.Wait()
	})
}

// A client that never reads holds a bounded number of bytes, and loses its connection
// after the timeout.
func TestGatherUnread(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		server, client := gather(t, http2Begins)
		frame := bytes.Repeat([]byte("x"), 16<<10)
		began, written := time.Now(), 0
		var failure error
		for failure == nil {
			_, failure = server.Write(frame)
			written += len(frame)
		}
		if !isTimeout(failure) {
			t.Errorf("writing ended with %v", failure)
		}
		if lasted := time.Since(began); lasted != 10*time.Second {
			t.Errorf("it ended after %v", lasted)
		}
		if most := 2*mostGathered + 2*len(frame); written > most {
			t.Errorf("%d bytes were taken, want at most %d", written, most)
		}
		if _, err := client.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
			t.Errorf("the client's connection is open: %v", err)
		}
		if _, err := server.Write(frame); !isTimeout(err) {
			t.Errorf("a later Write returned %v", err)
		}
	})
}

// A client that takes a byte now and then is served: the timeout is for one byte.
func TestGatherSlow(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		server, client := gather(t, http2Begins)
		_, _ = io.WriteString(server, "slow answer")
		for _, want := range []byte("slow answer") {
			time.Sleep(9 * time.Second)
			got := make([]byte, 1)
			if _, err := client.Read(got); err != nil || got[0] != want {
				t.Fatalf("the client read %q, %v", got, err)
			}
		}
		_ = server.Close()
	})
}

// What was written before a close goes out, if the client takes it soon. The close
// itself does not wait.
func TestGatherClose(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		reads bool
		want  string
	}{
		"read":   {true, "goodbye, all"},
		"unread": {false, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				server, client := gather(t, http2Begins)
				reading := make(chan error, 1)
				go func() {
					_, err := server.Read(make([]byte, 1))
					reading <- err
				}()
				_, _ = io.WriteString(server, "goodbye")
				synctest.Wait()
				_, _ = io.WriteString(server, ", all")
				began := time.Now()
				if err := server.Close(); err != nil {
					t.Error(err)
				}
				if err := <-reading; err == nil {
					t.Error("the reader received something")
				}
				if waited := time.Since(began); waited > 0 {
					t.Errorf("Close took %v", waited)
				}
				if _, err := io.WriteString(server, "more"); !errors.Is(err, net.ErrClosed) {
					t.Errorf("Write returned %v", err)
				}
				if err := server.SetReadDeadline(time.Time{}); !errors.Is(err, net.ErrClosed) {
					t.Errorf("SetReadDeadline returned %v", err)
				}
				if !test.reads {
					time.Sleep(lingerTimeout)
					synctest.Wait()
				}
				if got, err := io.ReadAll(client); string(got) != test.want || err != nil {
					t.Errorf("the client read %q, %v", got, err)
				}
				if err := server.Close(); !errors.Is(err, net.ErrClosed) {
					t.Errorf("a second Close returned %v", err)
				}
			})
		})
	}
}

// Many writers at a time lose nothing, and each piece stays whole and in its writer's
// order.
func TestGatherConcurrently(t *testing.T) {
	t.Parallel()
	const writers, each = 20, 200
	server, client := gather(t, http2Begins)
	var group sync.WaitGroup
	for writer := range writers {
		group.Go(func() {
			for i := range each {
				if _, err := fmt.Fprintf(server, "%02d:%04d\n", writer, i); err != nil {
					t.Error(err)
				}
			}
		})
	}
	go func() {
		group.Wait()
		_ = server.Close()
	}()
	all, err := io.ReadAll(client)
	if err != nil {
		t.Fatal(err)
	}
	next := [writers]int{}
	for line := range bytes.Lines(all) {
		var writer, i int
		if _, err := fmt.Sscanf(string(line), "%02d:%04d\n", &writer, &i); err != nil || next[writer] != i {
			t.Fatalf("got %q, want %d of its writer: %v", line, next[writer], err)
		}
		next[writer]++
	}
	for writer, got := range next {
		if got != each {
			t.Errorf("%d of writer %d arrived, want %d", got, writer, each)
		}
	}
}

// recorded keeps the connections that it accepts.
type recorded struct {
	*gatherer

	accepted chan *gathered
}

func (r recorded) Accept() (net.Conn, error) {
	connection, err := r.gatherer.Accept()
	if gathered, ok := connection.(*gathered); ok {
		r.accepted <- gathered
	}
	return connection, err
}

// What net/http speaks on a connection decides whether it gathers, with TLS and without.
func TestGatherFindsHTTP2(t *testing.T) {
	t.Parallel()
	for _, secured := range []bool{false, true} {
		for _, major := range []int{1, 2} {
			t.Run(fmt.Sprintf("HTTP/%d, TLS %t", major, secured), func(t *testing.T) {
				t.Parallel()
				served := httptest.NewUnstartedServer(http.HandlerFunc(func(writer http.ResponseWriter, request *http.Request) {
					_, _ = io.Copy(writer, request.Body)
				}))
				listener := recorded{gatherWrites(served.Listener, unlimited(), time.Minute), make(chan *gathered, 1)}
				served.Listener = listener
				served.Config.ConnState = listener.connections.observe
				served.Config.Protocols = new(http.Protocols)
				served.Config.Protocols.SetHTTP1(true)
				served.Config.Protocols.SetHTTP2(true)
				served.Config.Protocols.SetUnencryptedHTTP2(true)
				transport := &http.Transport{Protocols: new(http.Protocols)}
				if served.EnableHTTP2 = true; secured {
					served.StartTLS()
					transport.TLSClientConfig = served.Client().Transport.(*http.Transport).TLSClientConfig
				} else {
					served.Start()
				}
				t.Cleanup(served.Close)
				t.Cleanup(transport.CloseIdleConnections)
				transport.Protocols.SetHTTP1(major == 1)
				transport.Protocols.SetHTTP2(major == 2)
				transport.Protocols.SetUnencryptedHTTP2(major == 2 && !secured)

				text := strings.Repeat("all of it ", 100_000)
				request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, served.URL, strings.NewReader(text))
				if err != nil {
					t.Fatal(err)
				}
				response, err := transport.RoundTrip(request)
				if err != nil {
					t.Fatal(err)
				}
				defer response.Body.Close()
				if got, err := io.ReadAll(response.Body); string(got) != text || err != nil {
					t.Errorf("the answer has %d bytes, want %d: %v", len(got), len(text), err)
				}
				if response.ProtoMajor != major {
					t.Errorf("it came by %s", response.Proto)
				}
				if got := (<-listener.accepted).gathers.Load(); got != (major == 2) {
					t.Errorf("gathers: %t", got)
				}
			})
		}
	}
}
