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
// open. The first clients leave what the server needs for so many and uses again, such as
// goroutines that have ended; what counts is what those after them leave.
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
	left, first, err := leftBehind(server, address, connections, streams)
	if err != nil {
		return nil, err
	}
	others, _, err := leftBehind(plain, at, connections, streams)
	if err != nil {
		return nil, fmt.Errorf("net/http: %w", err)
	}
	return []figure{{fmt.Sprintf("%d connections with %d streams each leave %s of heap, at most %s (the first ones, %s; of net/http alone, %s)",
		connections, streams, size(left), size(mostLeft), size(first), size(others)), left <= mostLeft, false}}, nil
}

// leftBehind returns how much heap a server keeps of clients that are gone, and of the
// first ones.
func leftBehind(server *process, address string, connections, streams int) (left, first int64, err error) {
	var heap [3]int64
	for wave := range heap {
		if wave > 0 {
			if err := comeAndGo(address, connections, streams); err != nil {
				return 0, 0, err
			}
			time.Sleep(goneFor)
		}
		if heap[wave], err = server.heap(); err != nil {
			return 0, 0, err
		}
	}
	return heap[2] - heap[1], heap[1] - heap[0], nil
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
