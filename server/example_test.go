package server_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/action/event"
	"github.com/sallyport-rpc/sallyport/gen/demo/v1/demov1action"
	"github.com/sallyport-rpc/sallyport/server"
)

// A server needs a registry. The listener is the program's own here, because the
// port is of the system's choice; [server.Server.Run] makes one by itself.
func Example() {
	registry, err := action.NewRegistry(schemes(), action.WithRecorder(event.LogRecorder(slog.New(slog.DiscardHandler))))
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := demov1action.RegisterAccountService(registry, &directory{name: "Ada"}); err != nil {
		fmt.Println(err)
		return
	}
	srv, err := server.New(registry, server.WithLogger(slog.New(slog.DiscardHandler)))
	if err != nil {
		fmt.Println(err)
		return
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	ended := make(chan error)
	go func() { ended <- srv.Serve(ctx, listener) }()

	for _, credential := range []string{"Bearer admin", "Bearer member", ""} {
		request, err := http.NewRequestWithContext(ctx, http.MethodPost,
			"http://"+listener.Addr().String()+"/demo.v1.AccountService/ListUsers", strings.NewReader("{}"))
		if err != nil {
			fmt.Println(err)
			return
		}
		request.Header.Set("Content-Type", "application/json")
		request.Header.Set("Authorization", credential)
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			fmt.Println(err)
			return
		}
		_, _ = io.Copy(io.Discard, response.Body)
		response.Body.Close()
		fmt.Printf("%q: %s\n", credential, response.Status)
	}
	http.DefaultClient.CloseIdleConnections()

	stop()
	fmt.Println("stopped:", <-ended)
	// Output:
	// "Bearer admin": 200 OK
	// "Bearer member": 403 Forbidden
	// "": 401 Unauthorized
	// stopped: <nil>
}
