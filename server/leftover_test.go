package server_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"connectrpc.com/connect/v2"

	"github.com/sallyport-rpc/sallyport/action/event"
	"github.com/sallyport-rpc/sallyport/server"
)

// What is left of a message on the connection is not taken for the next request.
func TestNothingIsSmuggled(t *testing.T) {
	t.Parallel()
	const limit = 64
	next := "POST " + listUsers + " HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n" +
		"Authorization: Bearer admin\r\nContent-Length: 2\r\n\r\n{}"
	served := serve(t, &directory{}, server.WithReadTimeout(short), server.WithMaxMessageBytes(limit), server.WithIdleTimeout(short))
	// smuggle sends one request and, after its answer if that is to come first, what
	// looks like the next.
	smuggle := func(t *testing.T, path, kind, body string, first bool) {
		t.Helper()
		conn := served.dial(t)
		if _, err := fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: x\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n%s",
			path, kind, len(body)+len(next), body); err != nil {
			t.Fatal(err)
		}
		reader := bufio.NewReader(conn)
		if first {
			if _, err := reader.Peek(1); err != nil {
				t.Fatal(err)
			}
		}
		_, _ = io.WriteString(conn, next) // it may have hung up
		_ = conn.SetReadDeadline(time.Now().Add(soon))
		answers, _ := io.ReadAll(reader)
		if got := bytes.Count(answers, []byte("HTTP/1.1 ")); got > 1 || served.handled.Load() != 0 {
			t.Errorf("%s as %s with %d bytes first: answered %d times, and the handler ran %d times",
				path, kind, len(body), got, served.handled.Load())
		}
	}
	for _, kind := range []string{"application/json", "application/grpc", "text/plain"} {
		for _, path := range []string{listUsers, "/nowhere"} {
			t.Run(kind+path, func(t *testing.T) {
				t.Parallel()
				smuggle(t, path, kind, "x", true)
				for filler := limit - 1; filler < limit+2*envelopeBytes; filler++ {
					smuggle(t, path, kind, strings.Repeat("x", filler), false)
				}
				smuggle(t, path, kind, strings.Repeat("x", 1<<20), false)
			})
		}
	}
}

// A refusal does not wait for a body that does not come, however long that may take.
func TestRefusalsDoNotWait(t *testing.T) {
	t.Parallel()
	served := serve(t, &directory{}, server.WithReadTimeout(long))
	for head, want := range map[string]int{
		"POST /nowhere HTTP/1.1\r\nContent-Length: 9":                                                       404,
		"POST " + listUsers + " HTTP/1.1\r\nContent-Type: text/plain\r\nContent-Length: 9":                  415,
		"PUT " + listUsers + " HTTP/1.1\r\nContent-Length: 9":                                               405,
		"POST " + listUsers + " HTTP/1.1\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked":         415,
		"POST " + listUsers + " HTTP/1.1\r\nContent-Type: text/plain\r\nContent-Length: " + "9000000000000": 415,
	} {
		conn := served.dial(t)
		if _, err := fmt.Fprintf(conn, "%s\r\nHost: x\r\n\r\n", head); err != nil {
			t.Fatal(err)
		}
		if said := hungUp(t, conn); !strings.HasPrefix(said, fmt.Sprintf("HTTP/1.1 %d ", want)) {
			t.Errorf("%s: the server said %q", head, said)
		}
	}
	// Where the body is there, the connection can be used again.
	conn := served.dial(t)
	reader := bufio.NewReader(conn)
	for range 3 {
		if _, err := fmt.Fprintf(conn, "POST /nowhere HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n123456789"); err != nil {
			t.Fatal(err)
		}
		response, err := http.ReadResponse(reader, nil)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, response.Body)
		response.Body.Close()
		if response.StatusCode != http.StatusNotFound || response.Close {
			t.Errorf("status %d, and the connection is closed: %t", response.StatusCode, response.Close)
		}
	}
}

// endless is a body that does not end. It counts what was taken of it.
type endless struct {
	begin io.Reader
	taken atomic.Int64
}

func (e *endless) Read(data []byte) (int, error) {
	n, err := e.begin.Read(data)
	if err != nil {
		clear(data)
		n = len(data)
	}
	e.taken.Add(int64(n))
	return n, nil
}

// A message of endless size is not read to its end, be it on a stream or alone.
func TestEndlessMessage(t *testing.T) {
	t.Parallel()
	const most = 16 << 20 // besides the message, what lies in buffers on the way
	served, records := serveStreams(t, 0)
	for _, test := range []struct{ path, kind string }{
		{"/described.v1.StreamService/Up", "application/grpc"},
		{"/described.v1.StreamService/Up", "application/grpc-web"},
		{"/described.v1.StreamService/Up", "application/connect+proto"},
		{"/described.v1.StreamService/Both", "application/grpc"},
		{"/described.v1.StreamService/Down", "application/grpc"},
		{"/described.v1.StreamService/Nothing", "application/grpc"},
		{"/nowhere", "text/plain"},
	} {
		for _, major := range []int{1, 2} {
			name := fmt.Sprintf("%s as %s on HTTP/%d", test.path, test.kind, major)
			body := &endless{begin: strings.NewReader(envelope(0, 3, "\n\x01a") + envelope(0, 1<<32-1, ""))}
			request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, served.url+test.path, body)
			if err != nil {
				t.Fatal(err)
			}
			request.Header.Set("Content-Type", test.kind)
			response, err := served.client(t, major).Do(request)
			if err == nil { // otherwise it hung up
				_, _ = io.Copy(io.Discard, response.Body)
				response.Body.Close()
			}
			if taken := body.taken.Load(); taken > most {
				t.Errorf("%s: %d bytes were taken", name, taken)
			}
			for _, decision := range records.take() {
				if decision.Outcome == event.Deny && decision.Code != connect.CodeResourceExhausted && decision.Code != connect.CodeUnimplemented {
					t.Errorf("%s: decided %+v", name, decision)
				}
			}
		}
	}
}

// With a front door nothing is read for a stranger, and nothing else changes.
func TestFrontDoor(t *testing.T) {
	t.Parallel()
	served := serve(t, &directory{name: "Ada"}, server.WithFrontDoor())
	for _, major := range []int{1, 2} {
		client := served.client(t, major)
		for _, test := range []struct {
			name, credential string
			endless          bool
			want             int
			stage            event.Stage
		}{
			{"a stranger's endless message", "", true, http.StatusUnauthorized, event.StageAuthenticate},
			{"a known caller's endless message", "Bearer admin", true, http.StatusTooManyRequests, event.StageDecode},
			{"a stranger", "", false, http.StatusUnauthorized, event.StageAuthenticate},
			{"the wrong role", "Bearer member", false, http.StatusForbidden, event.StageAuthorize},
			{"the right role", "Bearer admin", false, http.StatusOK, event.StageHandle},
		} {
			var body io.Reader = strings.NewReader("{}")
			blanks := &endless{begin: strings.NewReader("{")}
			if test.endless {
				body = blanks
			}
			request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, served.url+listUsers, body)
			if err != nil {
				t.Fatal(err)
			}
			request.Header.Set("Content-Type", "application/json")
			request.Header.Set("Authorization", test.credential)
			if test.credential == "" {
				request.Header.Del("Authorization")
			}
			response, err := client.Do(request)
			if err == nil {
				response.Body.Close()
				if response.StatusCode != test.want {
					t.Errorf("%s on HTTP/%d: status %d, want %d", test.name, major, response.StatusCode, test.want)
				}
			} else if !test.endless { // otherwise it hung up
				t.Errorf("%s on HTTP/%d: %v", test.name, major, err)
			}
			if got := served.take(); len(got) != 1 || got[0].Stage != test.stage {
				t.Errorf("%s on HTTP/%d: decided %+v", test.name, major, got)
			}
			const most = 16 << 20 // what lies in buffers on the way
			if taken := blanks.taken.Load(); test.credential == "" && taken > most {
				t.Errorf("%s on HTTP/%d: %d bytes were taken", test.name, major, taken)
			}
		}
	}
	if got := served.handled.Load(); got != 2 {
		t.Errorf("the handler ran %d times, want 2", got)
	}
}
