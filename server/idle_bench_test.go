package server_test

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"testing"
	"time"

	"connectrpc.com/connect/v2"
	"connectrpc.com/connect/v2/connecthttp"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/authn"
	testv1 "github.com/sallyport-rpc/sallyport/gen/test/v1"
	"github.com/sallyport-rpc/sallyport/gen/test/v1/testv1action"
	"github.com/sallyport-rpc/sallyport/gen/test/v1/testv1client"
	"github.com/sallyport-rpc/sallyport/server"
)

// idleWatchers is how many idle streams the benchmark holds, over so many connections.
const (
	idleWatchers    = 10_000
	idleConnections = 100
)

// BenchmarkIdleWatchers is the memory that an idle stream takes, of ten thousand over
// HTTP/2. Client and server are one process, so that both figures have the client's
// part in them; the difference of the two is the gate's.
func BenchmarkIdleWatchers(b *testing.B) {
	const procedure = testv1client.StreamServiceWatchOpenProcedure
	b.Run("unguarded", func(b *testing.B) {
		server := connect.NewServer()
		server.Register(connect.Method{
			Spec: connect.Spec{Procedure: procedure, StreamType: connect.StreamTypeServer},
			Handler: func(ctx context.Context, _ connect.Spec, stream connect.ServerStream) error {
				if err := stream.Receive(new(testv1.Request)); err != nil {
					return err
				}
				if err := stream.SendHeaders(); err != nil {
					return err
				}
				<-ctx.Done()
				return ctx.Err()
			},
		})
		mux := http.NewServeMux()
		connecthttp.Mount(mux, server)
		listener := httptest.NewUnstartedServer(mux)
		listener.Config.Protocols = new(http.Protocols)
		listener.Config.Protocols.SetUnencryptedHTTP2(true)
		listener.Config.HTTP2 = &http.HTTP2Config{MaxConcurrentStreams: 1000}
		listener.Start()
		defer listener.Close()
		benchmarkWatchers(b, listener.URL, procedure)
	})
	b.Run("guarded", func(b *testing.B) {
		registry, err := action.NewRegistry(authn.Schemes{"session": &fakeAuthenticator{details: authn.Details{Unscoped: true, Roles: []string{"editor"}}}},
			action.WithRecorder(&records{}))
		if err != nil {
			b.Fatal(err)
		}
		if err := testv1action.RegisterStreamService(registry, idler{}); err != nil {
			b.Fatal(err)
		}
		srv, err := server.New(registry, server.WithLogger(slog.New(slog.DiscardHandler)),
			server.WithMaxPrincipalStreams(2*idleWatchers))
		if err != nil {
			b.Fatal(err)
		}
		benchmarkWatchers(b, listen(b, srv), procedure)
	})
}

// idler is a handler that sends nothing.
type idler struct {
	testv1action.StreamServiceHandler
}

func (idler) WatchOpen(ctx context.Context, _ *action.Call[testv1.Request], out *action.ServerStream[testv1.Response]) error {
	if err := out.SendHeaders(); err != nil {
		return err
	}
	<-ctx.Done()
	return nil
}

func benchmarkWatchers(b *testing.B, url, procedure string) {
	b.Helper()
	var clients []*connect.Client
	for range idleConnections {
		transport := &http.Transport{Protocols: new(http.Protocols)}
		transport.Protocols.SetUnencryptedHTTP2(true)
		defer transport.CloseIdleConnections()
		clients = append(clients, connect.NewClient(connecthttp.NewTransport(&http.Client{Transport: transport}, url)))
	}
	spec := connect.Spec{Procedure: procedure, StreamType: connect.StreamTypeServer}
	for b.Loop() {
		ctx, cancel := context.WithCancel(b.Context())
		before := inUse()
		opened := make(chan error, idleConnections)
		for _, client := range clients {
			go func() {
				for range idleWatchers / idleConnections {
					if _, err := client.CallServerStream(ctx, spec, &testv1.Request{Owner: "eve"}); err != nil {
						opened <- err
						return
					}
				}
				opened <- nil
			}()
		}
		for range idleConnections {
			if err := <-opened; err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(inUse()-before)/idleWatchers, "B/stream")
		cancel()
		time.Sleep(time.Second) // until they have ended; nothing is measured meanwhile
	}
}

// inUse is how many bytes of heap and of stacks are in use.
func inUse() uint64 {
	runtime.GC()
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.HeapAlloc + stats.StackInuse
}

// listen serves until the benchmark ends, and returns where.
func listen(b *testing.B, srv *server.Server) string {
	b.Helper()
	listener, err := new(net.ListenConfig).Listen(b.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(b.Context()))
	ended := make(chan error, 1)
	go func() { ended <- srv.Serve(ctx, listener) }()
	b.Cleanup(func() {
		cancel()
		<-ended
	})
	return "http://" + listener.Addr().String()
}
