package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/sallyport-rpc/sallyport/gen/test/abuse/v1/abusev1client"
)

// servePlain serves by net/http alone until standard input ends: a page, calls whose body
// it reads, and streams that it holds open. It prints its address on standard output, and
// for each line that it reads how many bytes of its heap are in use.
func servePlain() error {
	listener, err := new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	if _, err := fmt.Println(listener.Addr()); err != nil {
		return errors.Join(err, listener.Close())
	}
	server := &http.Server{
		Protocols: new(http.Protocols), ReadHeaderTimeout: time.Minute,
		Handler: http.HandlerFunc(answerPlain),
	}
	server.Protocols.SetHTTP1(true)
	server.Protocols.SetUnencryptedHTTP2(true)
	go func() {
		defer func() { _ = server.Close() }()
		printHeaps()
	}()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// answerPlain does for a request what the service of the attacked server does.
func answerPlain(writer http.ResponseWriter, request *http.Request) {
	switch request.URL.Path {
	case spend:
		if _, err := io.Copy(io.Discard, request.Body); err != nil {
			http.Error(writer, "the body did not come", http.StatusBadRequest)
			return
		}
	case abusev1client.AbuseServiceFloodProcedure:
		_ = http.NewResponseController(writer).Flush() // the context ends where that fails
		<-request.Context().Done()
		return
	}
	_, _ = io.WriteString(writer, "hello") // the client may be gone
}

// startPlain starts a server of net/http alone, and returns it with its address.
func startPlain() (server *process, address string, err error) {
	if server, err = start("-plain"); err != nil {
		return nil, "", err
	}
	if address, err = server.line(); err != nil {
		server.stop()
		return nil, "", err
	}
	return server, address, nil
}
