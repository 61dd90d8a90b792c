package server_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"connectrpc.com/connect/v2"
	"google.golang.org/protobuf/proto"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/action/event"
	"github.com/sallyport-rpc/sallyport/authn"
	testv1 "github.com/sallyport-rpc/sallyport/gen/test/v1"
	"github.com/sallyport-rpc/sallyport/gen/test/v1/testv1action"
	"github.com/sallyport-rpc/sallyport/server"
)

// flood sends a mebibyte after the other until it cannot.
type flood struct {
	testv1action.StreamServiceHandler

	opened chan struct{}
	ended  chan error
}

func (f *flood) WatchOpen(_ context.Context, _ *action.Call[testv1.Request], out *action.ServerStream[testv1.Response]) error {
	return f.fill(out.Send)
}

func (f *flood) WatchPublicOpen(_ context.Context, _ *action.AnonymousCall[testv1.Request], out *action.ServerStream[testv1.Response]) error {
	return f.fill(out.Send)
}

func (f *flood) fill(send func(*testv1.Response) error) error {
	f.opened <- struct{}{}
	for {
		if err := send(&testv1.Response{Caller: strings.Repeat("x", 1<<20)}); err != nil {
			f.ended <- err
			return err
		}
	}
}

// asks returns a request for a stream of the service.
func (s *served) asks(t *testing.T, name string) *http.Request {
	t.Helper()
	message, _ := proto.Marshal(&testv1.Request{Owner: "eve"})
	body := binary.BigEndian.AppendUint32([]byte{0}, uint32(len(message)))
	request, err := http.NewRequest(http.MethodPost, s.url+"/test.v1.StreamService/"+name, bytes.NewReader(append(body, message...)))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/connect+proto")
	return request
}

// watch opens a stream of the service and reads nothing of it.
func (s *served) watch(t *testing.T, client *http.Client, name string) *http.Response {
	t.Helper()
	response, err := client.Do(s.asks(t, name))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { response.Body.Close() })
	return response
}

func serveFlood(t *testing.T, options ...server.Option) (*served, *flood) {
	t.Helper()
	served, flood, _ := serveRecordedFlood(t, options...)
	return served, flood
}

func serveRecordedFlood(t *testing.T, options ...server.Option) (*served, *flood, *records) {
	t.Helper()
	flood, records := &flood{opened: make(chan struct{}, 1000), ended: make(chan error, 1000)}, &records{}
	registry, err := action.NewRegistry(authn.Schemes{"session": &fakeAuthenticator{details: authn.Details{Unscoped: true, Roles: []string{"editor"}}}},
		action.WithRecorder(records))
	if err != nil {
		t.Fatal(err)
	}
	if err := testv1action.RegisterStreamService(registry, flood); err != nil {
		t.Fatal(err)
	}
	return start(t, registry, options...), flood, records
}

// A client that reads nothing keeps no more than its principal may, or than an address
// may where there is no principal.
func TestUnread(t *testing.T) {
	t.Parallel()
	const most = 16
	for name, options := range map[string][]server.Option{
		"WatchOpen":       {server.WithMaxUnreadBytes(most << 20)},
		"WatchPublicOpen": {server.WithMaxPendingBytes(2 * most << 20), server.WithMaxMessageBytes(1 << 20)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			served, flood, records := serveRecordedFlood(t, options...)
			client := served.client(t, 2)
			// Its answer may never begin, and ends with the test.
			watch := func() {
				request := served.asks(t, name).WithContext(t.Context())
				go func() {
					if response, err := client.Do(request); err == nil {
						<-request.Context().Done()
						response.Body.Close()
					}
				}()
				<-flood.opened
			}
			for range most {
				watch()
			}
			// The connection takes some; what it does not take counts.
			refused := 0
			for range most {
				watch()
				select {
				case err := <-flood.ended:
					refused++
					if connect.CodeOf(err) != connect.CodeResourceExhausted {
						t.Errorf("a stream ended with %v", err)
					}
				case <-time.After(100 * time.Millisecond):
				}
			}
			if refused == 0 {
				t.Fatal("no stream was refused")
			}
			// It is the caller's doing, and no fault that an operator must look at.
			ended := records.awaitEnd(t)
			if ended.Outcome != event.Deny || ended.Code != connect.CodeResourceExhausted || ended.Err != nil ||
				!strings.HasPrefix(ended.Reason, "the response was not sent: ") {
				t.Errorf("the event of the end is %+v", ended)
			}
		})
	}
}

// A client that reads gets all of its messages.
func TestReadIsNotCounted(t *testing.T) {
	t.Parallel()
	served, _ := serveFlood(t, server.WithMaxUnreadBytes(3<<20))
	response := served.watch(t, served.client(t, 2), "WatchOpen") //nolint:bodyclose // watch closes it
	if n, err := io.CopyN(io.Discard, response.Body, 50<<20); err != nil {
		t.Errorf("after %d bytes: %v", n, err)
	}
}

// One principal has so many streams, and not one more, until one ends.
func TestPrincipalStreams(t *testing.T) {
	t.Parallel()
	const most = 3
	served, flood := serveFlood(t, server.WithMaxPrincipalStreams(most))
	client := served.client(t, 2)
	var last *http.Response
	for range most {
		last = served.watch(t, client, "WatchOpen")
		<-flood.opened
	}
	answer, err := io.ReadAll(served.watch(t, client, "WatchOpen").Body) //nolint:bodyclose // watch closes it
	if err != nil || !strings.Contains(string(answer), "resource_exhausted") {
		t.Errorf("one more: %q, %v", answer, err)
	}
	last.Body.Close()
	<-flood.ended
	for range 100 { // the stream ends a moment after its handler
		response := served.watch(t, client, "WatchOpen")
		select {
		case <-flood.opened:
			return
		case <-time.After(100 * time.Millisecond):
			response.Body.Close()
		}
	}
	t.Error("none may follow one that ended")
}
