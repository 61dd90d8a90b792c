package interop_test

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/encoding/gzip"
	"google.golang.org/grpc/interop"
	testgrpc "google.golang.org/grpc/interop/grpc_testing"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/action/event"
	grpc_testingaction "github.com/sallyport-rpc/sallyport/conformance/gen/grpc/testing/grpc_testingaction"
	v3action "github.com/sallyport-rpc/sallyport/conformance/gen/xds/service/orca/v3/v3action"
	"github.com/sallyport-rpc/sallyport/server"
	"github.com/sallyport-rpc/sallyport/server/grpcserver"
)

// cases are those of gRPC's interop client, by its own names, that need no special
// credentials and no proxy.
var cases = map[string]func(context.Context, *peer){
	"empty_unary":                func(ctx context.Context, p *peer) { interop.DoEmptyUnaryCall(ctx, p.client) },
	"large_unary":                func(ctx context.Context, p *peer) { interop.DoLargeUnaryCall(ctx, p.client) },
	"client_streaming":           func(ctx context.Context, p *peer) { interop.DoClientStreaming(ctx, p.client) },
	"server_streaming":           func(ctx context.Context, p *peer) { interop.DoServerStreaming(ctx, p.client) },
	"ping_pong":                  func(ctx context.Context, p *peer) { interop.DoPingPong(ctx, p.client) },
	"empty_stream":               func(ctx context.Context, p *peer) { interop.DoEmptyStream(ctx, p.client) },
	"timeout_on_sleeping_server": func(ctx context.Context, p *peer) { interop.DoTimeoutOnSleepingServer(ctx, p.client) },
	"cancel_after_begin":         func(ctx context.Context, p *peer) { interop.DoCancelAfterBegin(ctx, p.client) },
	"cancel_after_first_response": func(ctx context.Context, p *peer) {
		interop.DoCancelAfterFirstResponse(ctx, p.client)
	},
	"status_code_and_message": func(ctx context.Context, p *peer) { interop.DoStatusCodeAndMessage(ctx, p.client) },
	"special_status_message":  func(ctx context.Context, p *peer) { interop.DoSpecialStatusMessage(ctx, p.client) },
	"custom_metadata":         func(ctx context.Context, p *peer) { interop.DoCustomMetadata(ctx, p.client) },
	"unimplemented_method":    func(ctx context.Context, p *peer) { interop.DoUnimplementedMethod(ctx, p.conn) },
	"unimplemented_service": func(ctx context.Context, p *peer) {
		interop.DoUnimplementedService(ctx, testgrpc.NewUnimplementedServiceClient(p.conn))
	},
	"pick_first_unary": func(ctx context.Context, p *peer) { interop.DoPickFirstUnary(ctx, p.client) },
	"orca_per_rpc":     func(ctx context.Context, p *peer) { interop.DoORCAPerRPCTest(ctx, p.client) },
	"orca_oob":         func(ctx context.Context, p *peer) { interop.DoORCAOOBTest(ctx, p.client) },
	"rpc_soak": func(ctx context.Context, p *peer) {
		interop.DoSoakTest(ctx, soak(p, func() (*grpc.ClientConn, func()) { return p.conn, func() {} }))
	},
	"channel_soak": func(ctx context.Context, p *peer) {
		interop.DoSoakTest(ctx, soak(p, func() (*grpc.ClientConn, func()) {
			conn, err := grpc.NewClient(p.address, p.options...)
			if err != nil {
				panic(failed(err.Error()))
			}
			return conn, func() { _ = conn.Close() }
		}))
	},
}

// soak is how long and how large a soak test is: bounded, with what large_unary
// sends.
func soak(p *peer, channel func() (*grpc.ClientConn, func())) interop.SoakTestConfig {
	return interop.SoakTestConfig{
		RequestSize: 271828, ResponseSize: 314159, NumWorkers: 2, Iterations: 10,
		PerIterationMaxAcceptableLatency: 10 * time.Second, OverallTimeout: time.Minute,
		ServerAddr: p.address, ChannelForTest: channel,
	}
}

// TestInterop runs all cases against one server for each way to come to it.
func TestInterop(t *testing.T) {
	t.Parallel()
	certificate, roots := certify(t)
	encrypted := server.WithTLS(&tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12})
	trusting := credentials.NewTLS(&tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12})
	ways := map[string]struct {
		serve   []server.Option
		options []grpc.DialOption
	}{
		"cleartext":       {nil, []grpc.DialOption{grpc.WithTransportCredentials(insecure.NewCredentials())}},
		"TLS":             {[]server.Option{encrypted}, []grpc.DialOption{grpc.WithTransportCredentials(trusting)}},
		"cleartext, gzip": {nil, []grpc.DialOption{grpc.WithTransportCredentials(insecure.NewCredentials()), compressed}},
		"TLS, gzip":       {[]server.Option{encrypted}, []grpc.DialOption{grpc.WithTransportCredentials(trusting), compressed}},
	}
	for name, way := range ways {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			address, native := serve(t, way.serve...)
			for port, address := range map[string]string{"": address, ", its own port": native} {
				peer := dial(t, address, way.options...)
				for name, run := range cases {
					t.Run(name+port, func(t *testing.T) {
						defer judged(t)
						run(t.Context(), peer)
					})
				}
			}
		})
	}
}

var compressed = grpc.WithDefaultCallOptions(grpc.UseCompressor(gzip.Name))

// serve serves both services until the test ends, and returns where: on the server's own
// port, and on the one for gRPC.
func serve(t *testing.T, options ...server.Option) (address, native string) {
	t.Helper()
	quiet := slog.New(slog.DiscardHandler)
	registry, err := action.NewRegistry(nil, action.WithRecorder(event.LogRecorder(quiet)))
	if err != nil {
		t.Fatal(err)
	}
	load := newLoad()
	if err := grpc_testingaction.RegisterTestService(registry, service{load}); err != nil {
		t.Fatal(err)
	}
	if err := v3action.RegisterOpenRcaService(registry, load); err != nil {
		t.Fatal(err)
	}
	var listeners [2]net.Listener
	for i := range listeners {
		if listeners[i], err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
			t.Fatal(err)
		}
	}
	srv, err := server.New(registry, append([]server.Option{server.WithLogger(quiet), server.WithGRPC(grpcserver.On(listeners[1]))}, options...)...)
	if err != nil {
		t.Fatal(err)
	}
	// A test's own context ends before its clean-up.
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- srv.Serve(ctx, listeners[0]) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return listeners[0].Addr().String(), listeners[1].Addr().String()
}

// A peer is gRPC's client with its connection.
type peer struct {
	address string
	options []grpc.DialOption
	conn    *grpc.ClientConn
	client  testgrpc.TestServiceClient
}

func dial(t *testing.T, address string, options ...grpc.DialOption) *peer {
	t.Helper()
	// The balancer is the interop client's own, and what its cases about load look at.
	options = append(options, grpc.WithDefaultServiceConfig(`{"loadBalancingConfig": [{"test_backend_metrics_load_balancer": {}}]}`))
	conn, err := grpc.NewClient(address, options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return &peer{address: address, options: options, conn: conn, client: testgrpc.NewTestServiceClient(conn)}
}
