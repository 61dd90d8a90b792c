package server_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"connectrpc.com/connect/v2"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/action/event"
	"github.com/sallyport-rpc/sallyport/authn"
	demov1 "github.com/sallyport-rpc/sallyport/gen/demo/v1"
	"github.com/sallyport-rpc/sallyport/server"
)

// shedCalls counts the calls that a server had no room for.
type shedCalls struct{ atomic.Int64 }

func (s *shedCalls) Observe(_ context.Context, of event.Observation) {
	if of.Shed {
		s.Add(1)
	}
}

// When as many calls run as may, one more is refused before it is read, with a hint when
// to come again, and there is room again when they have ended.
func TestOneCallTooMany(t *testing.T) {
	t.Parallel()
	const most = 2
	held := hold(false)
	registry, kept := newRegistry(t)
	shed := &shedCalls{}
	registry.Observe(shed)
	served := registerAndStart(t, registry, &held.directory, server.WithMaxRunningCalls(most), server.WithReadTimeout(long))
	served.records = kept
	client := served.client(t, 1)

	// Those who send slowly, or whom nobody knows, are no calls that run.
	for range 2 * most {
		busy(t, served.dial(t))
		begun(t, served.dial(t))
	}
	var calls sync.WaitGroup
	for range most {
		calls.Go(func() {
			if got, code, err := curlPost(client, served.url, "Bearer admin", &demov1.ListUsersRequest{}); got != "Ada" || err != nil {
				t.Errorf("a call that ran: %q, code %v, %v", got, code, err)
			}
		})
		<-held.entered
	}
	served.take()
	served.takeRefused()
	for _, way := range waysIn() {
		request := way.make(served.url+listUsers, "proto", false, nil)
		request.Header.Set("Authorization", "Bearer admin")
		call := served.refusal(t, way, request)
		if call.code != connect.CodeResourceExhausted || call.headers.Get("Retry-After") != "1" {
			t.Errorf("%s: code %v, Retry-After %q: %s", way.name, call.code, call.headers.Get("Retry-After"), call.text)
		}
		if refused := served.takeRefused(); len(refused) != 1 || refused[0].Code != connect.CodeResourceExhausted || len(served.take()) > 0 {
			t.Errorf("%s: recorded %+v", way.name, refused)
		}
	}
	if got := served.handled.Load(); got != most {
		t.Errorf("the handler ran %d times", got)
	}
	if got := shed.Load(); got != 0 {
		t.Errorf("observers were told of %d calls that came to their gates", got)
	}
	close(held.leave)
	calls.Wait()
	if got, code, err := curlPost(client, served.url, "Bearer admin", &demov1.ListUsersRequest{}); got != "Ada" || err != nil {
		t.Errorf("after they had ended: %q, code %v, %v", got, code, err)
	}
}

// begun begins a call on a connection. When it returns the server reads the message, of
// which half is missing. What is only written may come after the calls that follow.
func begun(t *testing.T, conn net.Conn) {
	t.Helper()
	if _, err := fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n", listUsers); err != nil {
		t.Fatal(err)
	}
	const goOn = "HTTP/1.1 100 Continue\r\n\r\n"
	answer := make([]byte, len(goOn))
	if _, err := io.ReadFull(conn, answer); err != nil || string(answer) != goOn {
		t.Fatalf("the server answered %q, %v", answer, err)
	}
	if _, err := io.WriteString(conn, "{"); err != nil {
		t.Fatal(err)
	}
}

// Calls that come in while there is room, and are authenticated when there is none, are
// refused then.
func TestCallsThatComeTogether(t *testing.T) {
	t.Parallel()
	const most, together = 2, 6
	held := hold(false)
	var arrived sync.WaitGroup
	arrived.Add(together)
	slow := fresh{func(ctx context.Context, call *connect.CallInfo) (*authn.Principal, error) {
		arrived.Done()
		arrived.Wait()
		return byRole(ctx, call)
	}}
	absent := fresh{func(context.Context, *connect.CallInfo) (*authn.Principal, error) { return nil, authn.ErrNoCredential }}
	records := &records{}
	registry, err := action.NewRegistry(authn.Schemes{"session": slow, "bearer": absent, "apikey": absent}, action.WithRecorder(records))
	if err != nil {
		t.Fatal(err)
	}
	shed := &shedCalls{}
	registry.Observe(shed)
	served := registerAndStart(t, registry, &held.directory, server.WithMaxRunningCalls(most))
	codes := make(chan connect.Code, together)
	for range together {
		go func() {
			_, code, err := curlPost(served.client(t, 1), served.url, "Bearer admin", &demov1.ListUsersRequest{})
			if err != nil {
				t.Error(err)
			}
			codes <- code
		}()
	}
	for range together - most {
		if code := <-codes; code != connect.CodeResourceExhausted {
			t.Errorf("code %v", code)
		}
	}
	close(held.leave)
	for range most {
		if code := <-codes; code != 0 {
			t.Errorf("a call that ran: code %v", code)
		}
	}
	if got := served.handled.Load(); got != most {
		t.Errorf("the handler ran %d times", got)
	}
	denied := 0
	for _, decision := range records.take() {
		if decision.Code == connect.CodeResourceExhausted {
			denied++
		}
	}
	if denied != together-most {
		t.Errorf("%d denials are recorded", denied)
	}
	if err := served.stop(); err != nil { // all calls have ended
		t.Error(err)
	}
	if got := shed.Load(); got != together-most {
		t.Errorf("observers were told of %d calls without room", got)
	}
}

// A client that does not read its answer takes no turn from others: the call has run.
func TestUnreadAnswersDoNotRun(t *testing.T) {
	t.Parallel()
	served := serve(t, &directory{name: string(make([]byte, 16<<20))}, server.WithMaxRunningCalls(1), server.WithWriteTimeout(long))
	unread := served.dial(t)
	if _, err := fmt.Fprintf(unread, "POST %s HTTP/1.1\r\nHost: x\r\nContent-Type: application/proto\r\n"+
		"Authorization: Bearer admin\r\nContent-Length: 0\r\n\r\n", listUsers); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(unread, make([]byte, 1)); err != nil { // the answer begins
		t.Fatal(err)
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, served.url+listUsers, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/proto")
	request.Header.Set("Authorization", "Bearer admin")
	response, err := served.client(t, 1).Do(request)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode != http.StatusOK {
		t.Errorf("status %d", response.StatusCode)
	}
}

// Streams do not take the turns of unary calls, nor wait for one.
func TestStreamsTakeNoTurn(t *testing.T) {
	t.Parallel()
	served, _ := serveStreams(t, 0, server.WithMaxRunningCalls(1))
	var streams sync.WaitGroup
	for _, major := range []int{1, 2} {
		for _, name := range []string{"Down", "Up"} {
			streams.Go(func() {
				if _, err := converse(served.client(t, major), served.url, name, 10*time.Millisecond, []string{"a", "b", "c"}); err != nil && !errors.Is(err, io.EOF) {
					t.Errorf("%s on HTTP/%d: %v", name, major, err)
				}
			})
		}
	}
	streams.Wait()
}
