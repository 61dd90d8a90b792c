package server_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"

	"connectrpc.com/connect/v2"
	"connectrpc.com/connect/v2/connecthttp"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/action/event"
	"github.com/sallyport-rpc/sallyport/authn"
	demov1 "github.com/sallyport-rpc/sallyport/gen/demo/v1"
	"github.com/sallyport-rpc/sallyport/gen/demo/v1/demov1action"
	"github.com/sallyport-rpc/sallyport/server"
)

// newsroom implements the one action of the example.
type newsroom struct {
	demov1action.AccountServiceHandler

	news chan string
}

// WatchUsers sends what is new until the client goes or the server drains.
func (n *newsroom) WatchUsers(ctx context.Context, _ *action.Call[demov1.WatchUsersRequest], stream *action.ServerStream[demov1.WatchUsersResponse]) error {
	for {
		select {
		case name := <-n.news:
			if err := stream.Send(&demov1.WatchUsersResponse{User: &demov1.User{Name: name}}); err != nil {
				return err
			}
		case <-action.Draining(ctx):
			return nil // the client connects again, to another server
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func ExampleServer_Serve_draining() {
	registry, err := action.NewRegistry(authn.Schemes{"session": roles{}, "bearer": roles{}, "apikey": roles{}},
		action.WithRecorder(event.LogRecorder(slog.New(slog.DiscardHandler))))
	if err != nil {
		panic(err)
	}
	newsroom := &newsroom{news: make(chan string, 1)}
	newsroom.news <- "Ada"
	if err := demov1action.RegisterAccountService(registry, newsroom); err != nil {
		panic(err)
	}
	srv, err := server.New(registry, server.WithLogger(slog.New(slog.DiscardHandler)))
	if err != nil {
		panic(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- srv.Serve(ctx, listener) }()

	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	call, info := connect.NewClientContext(context.Background())
	info.RequestHeader().Set("Authorization", "Bearer admin")
	stream, err := connect.NewClient(connecthttp.NewTransport(client, "http://"+listener.Addr().String())).CallServerStream(call,
		connect.Spec{Procedure: "/demo.v1.AccountService/WatchUsers", StreamType: connect.StreamTypeServer}, &demov1.WatchUsersRequest{})
	if err != nil {
		panic(err)
	}
	defer stream.Close()

	var change demov1.WatchUsersResponse
	if err := stream.Receive(&change); err != nil {
		panic(err)
	}
	fmt.Println("received", change.GetUser().GetName())
	stop() // as a signal does by way of SignalContext
	err = stream.Receive(&change)
	fmt.Println("the stream ended by itself:", errors.Is(err, io.EOF))
	fmt.Println("Serve returned", <-ended)
	// Output:
	// received Ada
	// the stream ended by itself: true
	// Serve returned <nil>
}
