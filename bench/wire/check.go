package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"

	"google.golang.org/protobuf/proto"

	benchv1 "github.com/sallyport-rpc/sallyport/gen/test/bench/v1"
)

// check calls a peer in each way that it must answer, before it is timed: allowed,
// denied, invalid, unauthenticated.
func (w way) check(p peer, address string) error {
	if w.messages > 0 {
		return w.checkStream(p, address)
	}
	allowed := proto.CloneOf(note)
	denied := proto.CloneOf(note)
	denied.UserId = other
	invalid := proto.CloneOf(note)
	invalid.Text = ""
	for _, test := range []struct {
		what       string
		request    *benchv1.WriteNoteRequest
		token      string
		grpc, http int
	}{
		{"allowed", allowed, token, 0, 200},
		{"denied", denied, token, 7, 403},
		{"invalid", invalid, token, 3, 400},
		{"unauthenticated", allowed, "Bearer wrong", 16, 401},
	} {
		want := test.http
		if w.grpc {
			want = test.grpc
		}
		if got, err := w.call(p, address, test.request, test.token); err != nil {
			return fmt.Errorf("%s: %w", test.what, err)
		} else if got != want {
			return fmt.Errorf("%s: answered with %d, want %d", test.what, got, want)
		}
	}
	return nil
}

// checkStream has each stream's first message looked at, as those after it are.
func (w way) checkStream(p peer, address string) error {
	one := w
	one.messages = 2
	for _, test := range []struct {
		what string
		user string
		code int
	}{{"allowed", owner, 0}, {"denied", other, 7}, {"invalid", "nobody", 3}} {
		request := w.request()
		request.UserId = test.user
		if got, err := one.call(p, address, request, token); err != nil {
			return fmt.Errorf("%s: %w", test.what, err)
		} else if got != test.code && !p.unchecked {
			return fmt.Errorf("%s: answered with %d, want %d", test.what, got, test.code)
		}
	}
	return nil
}

// call returns the status of an answer: gRPC's, or that of HTTP.
func (w way) call(p peer, address string, message *benchv1.WriteNoteRequest, token string) (int, error) {
	body, err := w.body(message)
	if err != nil {
		return 0, err
	}
	request, err := http.NewRequestWithContext(context.Background(), http.MethodPost, "http://"+address+w.procedure(p), bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	for _, header := range w.headers(p, token) {
		request.Header.Set(header[0], header[1])
	}
	transport := &http.Transport{Protocols: new(http.Protocols)}
	defer transport.CloseIdleConnections()
	transport.Protocols.SetHTTP1(w.http1)
	transport.Protocols.SetUnencryptedHTTP2(!w.http1)
	response, err := transport.RoundTrip(request)
	if err != nil {
		return 0, err
	}
	defer func() { _ = response.Body.Close() }()
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		return 0, err
	}
	if !w.grpc {
		return response.StatusCode, nil
	}
	status := response.Trailer.Get("Grpc-Status")
	if status == "" {
		status = response.Header.Get("Grpc-Status") // of an answer without a message
	}
	return strconv.Atoi(status)
}
