package action_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"connectrpc.com/connect/v2"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/action/actionserver"
	"github.com/sallyport-rpc/sallyport/authn"
	"github.com/sallyport-rpc/sallyport/gen/test/v1/testv1action"
	"github.com/sallyport-rpc/sallyport/gen/test/v1/testv1client"
)

// mute is a stream on which nothing ever comes, until it is given up.
type mute struct{ gone chan struct{} }

func (s mute) Receive(any) error { <-s.gone; return context.Canceled }
func (mute) SendHeaders() error  { return nil }
func (mute) Send(any) error      { return nil }

// Until its first message has come, the server does not know who opened a stream, so that it must
// not wait for one for ever.
func TestStreamWithoutAFirstMessageIsIdle(t *testing.T) {
	t.Parallel()
	for _, method := range []string{"CollectFirst", "CollectEvery", "ChatFirst", "ChatEvery"} {
		for name, interrupts := range map[string]bool{"interrupted": true, "given up": false} {
			t.Run(method+"/"+name, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					recorder := &recorder{}
					handlers := &handlers{recorder: recorder}
					fakeAuthenticator := &fakeAuthenticator{recorder: recorder, scheme: "session"}
					registry := must(action.NewRegistry(authn.Schemes{"session": fakeAuthenticator, "bearer": fakeAuthenticator}, action.WithRecorder(recorder)))
					if err := testv1action.RegisterStreamService(registry, handlers); err != nil {
						t.Fatal(err)
					}
					server := connect.NewServer()
					server.Register(must(registry.Methods())...)

					stream := mute{make(chan struct{})}
					control := &actionserver.StreamControl{IdleTimeout: time.Minute}
					if interrupts {
						control.InterruptReceive = func() { close(stream.gone) }
					} else {
						defer close(stream.gone)
					}
					start := time.Now()
					err := server.Call(actionserver.WithStreamControl(t.Context(), control), "/"+testv1client.StreamServiceName+"/"+method, nil, stream)
					if connect.CodeOf(err) != connect.CodeDeadlineExceeded {
						t.Errorf("got %v", err)
					}
					if waited := time.Since(start); waited != time.Minute {
						t.Errorf("it waited for %s", waited)
					}
					recorder.expect(t, "deny at decode")
				})
			})
		}
	}
}
