package server_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"testing"

	"connectrpc.com/connect/v2"
	"connectrpc.com/connect/v2/connecthttp"

	"github.com/sallyport-rpc/sallyport/action"
	demov1 "github.com/sallyport-rpc/sallyport/gen/demo/v1"
	"github.com/sallyport-rpc/sallyport/gen/demo/v1/demov1action"
	"github.com/sallyport-rpc/sallyport/gen/demo/v1/demov1client"
)

// BenchmarkServe puts a call through this package beside the same call, through the
// same gate, over connect's transport and net/http as they come.
func BenchmarkServe(b *testing.B) {
	for _, major := range []int{1, 2} {
		for _, bounded := range []bool{false, true} {
			b.Run(fmt.Sprintf("HTTP-%d/bounded=%t", major, bounded), func(b *testing.B) {
				served := benchmarked(b, bounded)
				client := demov1client.NewAccountServiceClient(connect.NewClient(
					connecthttp.NewTransport(served.client(b, major), served.url, connecthttp.WithCompressors())))
				ctx, info := connect.NewClientContext(b.Context())
				info.RequestHeader().Set("Authorization", "Bearer admin")
				b.ReportAllocs()
				for b.Loop() {
					if _, err := client.ListUsers(ctx, &demov1.ListUsersRequest{PageSize: 10}); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

func benchmarked(b *testing.B, bounded bool) *served {
	b.Helper()
	registry, err := action.NewRegistry(schemes())
	if err != nil {
		b.Fatal(err)
	}
	if err := demov1action.RegisterAccountService(registry, &directory{}); err != nil {
		b.Fatal(err)
	}
	if bounded {
		return start(b, registry, quiet)
	}
	methods, err := registry.Methods()
	if err != nil {
		b.Fatal(err)
	}
	dispatch := connect.NewServer()
	dispatch.Register(methods...)
	mux := http.NewServeMux()
	connecthttp.Mount(mux, dispatch)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	plain := &http.Server{Handler: mux, Protocols: new(http.Protocols)}
	plain.Protocols.SetHTTP1(true)
	plain.Protocols.SetUnencryptedHTTP2(true)
	go func() { _ = plain.Serve(listener) }()
	b.Cleanup(func() { _ = plain.Shutdown(context.Background()) })
	return &served{address: listener.Addr().String(), url: "http://" + listener.Addr().String()}
}
