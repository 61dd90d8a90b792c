package main

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/sallyport-rpc/sallyport/gen/test/abuse/v1/abusev1client"
)

// mostLeft is how many bytes of heap may be left of clients that are gone, goneFor after
// they went.
const (
	mostLeft = 1 << 20
	goneFor  = time.Second
)

// measureGone measures what the server keeps of connections that end with their streams
// open, beside a server of net/http alone. The first clients leave what the server needs
// for so many and uses again, such as goroutines that have ended; what counts is what those
// after them leave.
func measureGone(long bool) ([]figure, error) {
	connections, streams := choose(long, 200, 40), choose(long, 200, 50)
	server, address, _, err := startServer("-quiet")
	if err != nil {
		return nil, err
	}
	defer server.stop()
	plain, at, err := startPlain()
	if err != nil {
		return nil, err
	}
	defer plain.stop()
	ours, err := leftBehind(server, address, connections, streams)
	if err != nil {
		return nil, err
	}
	others, err := leftBehind(plain, at, connections, streams)
	if err != nil {
		return nil, fmt.Errorf("net/http: %w", err)
	}
	return []figure{
		{fmt.Sprintf("%d connections with %d streams each leave %s of heap after %v, at most %s (of net/http alone, %s)",
			connections, streams, size(ours.soon), goneFor, size(mostLeft), size(others.soon)), ours.soon <= mostLeft, true},
		{fmt.Sprintf("in the end they leave %s, at most %s (the first ones, %s; of net/http alone, %s and %s)",
			size(ours.end), size(mostLeft), size(ours.first), size(others.end), size(others.first)), ours.end <= mostLeft, false},
	}, nil
}

// A rest is how much heap a server keeps of clients that are gone.
type rest struct {
	first int64 // of the first ones, in the end
	soon  int64 // of those after them, goneFor after they went
	end   int64 // of the same, in the end
}

// leftBehind lets clients come and go twice.
func leftBehind(server *process, address string, connections, streams int) (rest, error) {
	before, err := server.heap()
	if err != nil {
		return rest{}, err
	}
	if err := comeAndGo(address, connections, streams); err != nil {
		return rest{}, err
	}
	first, err := settled(server)
	if err != nil {
		return rest{}, err
	}
	if err := comeAndGo(address, connections, streams); err != nil {
		return rest{}, err
	}
	time.Sleep(goneFor)
	soon, err := server.heap()
	if err != nil {
		return rest{}, err
	}
	end, err := settled(server)
	return rest{first - before, soon - first, end - first}, err
}

// settled returns the server's heap once it has shrunk no more for two seconds, or after
// a while: on a busy machine the calls of many clients take some time to end.
func settled(server *process) (int64, error) {
	const looks, little = 20, mostLeft / 16
	last, err := server.heap()
	for look, still := 0, 0; look < looks && still < 2 && err == nil; look++ {
		time.Sleep(goneFor)
		var now int64
		if now, err = server.heap(); now > last-little {
			still++
		} else {
			still = 0
		}
		last = now
	}
	return last, err
}

// comeAndGo opens connections with streams, and closes them with all streams open.
func comeAndGo(address string, connections, streams int) error {
	failed := make(chan error, connections)
	var mu sync.Mutex
	var open []net.Conn
	var clients sync.WaitGroup
	for connection := range connections {
		clients.Go(func() {
			transport := &http.Transport{Protocols: new(http.Protocols)}
			transport.Protocols.SetUnencryptedHTTP2(true)
			transport.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
				conn, err := (&net.Dialer{LocalAddr: from(connection)}).DialContext(ctx, network, address)
				if err == nil {
					mu.Lock()
					open = append(open, conn)
					mu.Unlock()
				}
				return conn, err
			}
			for range streams {
				if err := openStream(transport, address, fmt.Sprintf("principal-%d", connection)); err != nil {
					failed <- err
					return
				}
			}
		})
	}
	clients.Wait()
	for _, conn := range open {
		_ = conn.Close()
	}
	select {
	case err := <-failed:
		return err
	default:
		return nil
	}
}

// openStream opens a stream that nothing is sent on.
func openStream(transport *http.Transport, address, principal string) error {
	empty := make([]byte, 5) // a message without content
	request, err := http.NewRequestWithContext(context.Background(), http.MethodPost,
		"http://"+address+abusev1client.AbuseServiceFloodProcedure, bytes.NewReader(empty))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/connect+proto")
	request.Header.Set("Authorization", "Bearer "+principal)
	response, err := transport.RoundTrip(request) //nolint:bodyclose // it ends with its connection
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("a stream was answered with status %d", response.StatusCode)
	}
	return err
}
