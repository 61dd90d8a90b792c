package server_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sallyport-rpc/sallyport/server"
)

// A header beyond the limit is refused without a gate, however it is sent.
func TestLargeHeader(t *testing.T) {
	t.Parallel()
	served := serve(t, &directory{}, server.WithMaxHeaderBytes(4<<10))
	served.others(t)
	for name, fields := range map[string]string{
		"one field":   "X-Y: " + strings.Repeat("x", 16<<10),
		"many fields": strings.Repeat("X-Y: x\r\n", 4<<10) + "X-Z: z",
		"endless":     "X-Y: " + strings.Repeat("x", 64<<20),
	} {
		conn := served.dial(t)
		go func() {
			_, _ = fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: x\r\n%s\r\n\r\n", listUsers, fields) // until it hangs up
		}()
		response, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			if name != "endless" { // hanging up is an answer, too
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		response.Body.Close()
		if response.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
			t.Errorf("%s: status %d", name, response.StatusCode)
		}
	}
	target := listUsers + "?encoding=json&message=%7B%7D" + strings.Repeat("%20", 8<<10)
	if got := served.raw(t, "GET "+target+" HTTP/1.1", ""); got.status != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("a large URL: status %d", got.status)
	}
	t.Run("HTTP/2, endless", func(t *testing.T) {
		t.Parallel()
		frames := served.dialFrames(t)
		frames.send(frame{kind: frameHeaders, stream: 1, payload: served.post(listUsers)})
		block := header("x-y", strings.Repeat("x", 8<<10))
		for begin := time.Now(); ; {
			if frames.try(frame{kind: frameContinue, stream: 1, payload: block}) != nil {
				break // it hung up
			}
			if time.Since(begin) > soon {
				t.Fatal("the server takes it all")
			}
		}
	})
}

// No more calls of a connection run at a time than the limit says, and one more is
// refused.
func TestConcurrentStreams(t *testing.T) {
	t.Parallel()
	const limit = 4
	held := hold(false)
	served := serve(t, &held.directory, server.WithMaxConcurrentStreams(limit))
	frames := served.dialFrames(t)
	open := func(stream uint32) {
		frames.send(frame{kind: frameHeaders, flags: flagEndHeaders, stream: stream, payload: served.post(listUsers)})
		frames.send(frame{kind: frameData, flags: flagEndStream, stream: stream, payload: make([]byte, envelopeBytes)})
	}
	for i := range limit {
		open(uint32(2*i + 1))
		<-held.entered
	}
	const oneMore = 2*limit + 1
	open(oneMore)
	if got, err := frames.next(frameReset, frameGoAway); err != nil || got.stream != oneMore || got.payload[3] != codeRefused {
		t.Errorf("got %+v and %v", got, err)
	}
	close(held.leave)
	if _, err := frames.next(frameData); err != nil {
		t.Error(err)
	}
	if got := served.handled.Load(); got != limit {
		t.Errorf("the handler ran %d times", got)
	}
}

// A client that opens calls and resets them at once does not get to run more of
// them than the limit, and loses its connection.
func TestRapidResets(t *testing.T) {
	t.Parallel()
	const limit = 4
	var running, most atomic.Int64
	// Others are served as well, over a connection of their own and one at a time.
	directory := &directory{hold: func(context.Context) error {
		now := running.Add(1)
		defer running.Add(-1)
		before := most.Load()
		for now > before && !most.CompareAndSwap(before, now) {
			before = most.Load()
		}
		time.Sleep(time.Millisecond) // as if the handler did something, and did not look at its context
		return nil
	}}
	served := serve(t, directory, server.WithMaxConcurrentStreams(limit))
	served.others(t)
	frames := served.dialFrames(t)
	ended := make(chan error, 1)
	go func() {
		_, err := frames.next(frameGoAway)
		ended <- err
	}()
	for stream := uint32(1); ; stream += 2 {
		err := errors.Join(
			frames.try(frame{kind: frameHeaders, flags: flagEndHeaders, stream: stream, payload: served.post(listUsers)}),
			frames.try(frame{kind: frameData, flags: flagEndStream, stream: stream, payload: make([]byte, envelopeBytes)}),
			frames.try(frame{kind: frameReset, stream: stream, payload: []byte{0, 0, 0, 8}}))
		if err != nil {
			break
		}
		if stream > 1<<20 {
			t.Fatal("the server takes it all")
		}
	}
	<-ended
	if got := most.Load(); got > limit+1 {
		t.Errorf("%d calls ran at a time", got)
	}
}

// A client that has gone without a word is noticed.
func TestLostPeer(t *testing.T) {
	t.Parallel()
	gone := make(chan struct{})
	directory := &directory{hold: func(ctx context.Context) error {
		<-ctx.Done()
		close(gone)
		return ctx.Err()
	}}
	served := serve(t, directory, server.WithPingInterval(fair))
	frames := served.dialFrames(t)
	frames.send(frame{kind: frameHeaders, flags: flagEndHeaders, stream: 1, payload: served.post(listUsers)})
	frames.send(frame{kind: frameData, flags: flagEndStream, stream: 1, payload: make([]byte, 5)})
	select {
	case <-gone: // though its connection stands, and it reads nothing
	case <-time.After(soon):
		t.Error("the call goes on")
	}
}
