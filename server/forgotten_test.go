package server

import (
	"context"
	"net"
	"net/http"
	"runtime"
	"sync"
	"testing"
	"time"
	"weak"
)

// What a connection of HTTP/2 took is free soon after its client left in the middle of
// calls, not after the idle timeout.
func TestForgotten(t *testing.T) {
	t.Parallel()
	const connections, streams = 10, 20
	settings, err := newSettings([]Option{WithIdleTimeout(time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	server := &Server{settings: settings}
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	kept := server.newConnections()
	called := make(chan struct{})
	web := server.httpServer(context.Background())
	web.ConnState = kept.observe
	web.Handler = http.HandlerFunc(func(_ http.ResponseWriter, request *http.Request) {
		called <- struct{}{}
		<-request.Context().Done()
	})
	served := make(chan error, 1)
	go func() { served <- web.Serve(gatherWrites(listener, kept, time.Minute)) }()
	t.Cleanup(func() {
		_ = web.Close()
		<-served
	})

	var clients []net.Conn
	var dialed sync.Mutex // the transport may dial once more than it needs to
	for range connections {
		transport := &http.Transport{Protocols: new(http.Protocols)}
		transport.Protocols.SetUnencryptedHTTP2(true)
		transport.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
			connection, err := new(net.Dialer).DialContext(ctx, network, address)
			dialed.Lock()
			defer dialed.Unlock()
			clients = append(clients, connection)
			return connection, err
		}
		for range streams {
			request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+listener.Addr().String(), nil)
			if err != nil {
				t.Fatal(err)
			}
			go func() { _, _ = transport.RoundTrip(request) }() //nolint:bodyclose // there is no answer
			<-called
		}
	}
	dialed.Lock()
	defer dialed.Unlock()
	if len(clients) < connections {
		t.Fatalf("%d connections", len(clients))
	}
	var open []weak.Pointer[gathered]
	kept.mu.Lock()
	for connection := range kept.open {
		open = append(open, weak.Make(connection))
	}
	kept.mu.Unlock()
	for _, client := range clients {
		client.Close()
	}
	for begin := time.Now(); ; time.Sleep(10 * time.Millisecond) {
		runtime.GC()
		left := 0
		for _, connection := range open {
			if connection.Value() != nil {
				left++
			}
		}
		if left == 0 {
			return
		}
		if time.Since(begin) > 20*time.Second {
			t.Fatalf("%d of %d connections are still there", left, len(open))
		}
	}
}
