package action_test

import (
	"slices"
	"testing"
	"testing/synctest"

	"connectrpc.com/connect/v2"

	"github.com/sallyport-rpc/sallyport/action/actionserver"
	testv1 "github.com/sallyport-rpc/sallyport/gen/test/v1"
)

// A weighed pipe says how many bytes each message took, as a transport does.
type weighed struct {
	*pipe

	call  *connect.CallInfo
	bytes int
}

func (w weighed) Receive(message any) error {
	err := w.pipe.Receive(message)
	w.call.ReceiveStats.Size = w.bytes
	return err
}

// TestStreamLimits sends as many messages and bytes on one stream as it may take, and one
// more. The handler gets the former, and the stream ends with the other.
func TestStreamLimits(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		control actionserver.StreamControl
		admits  int // of messages of 10 bytes each; 0 for all
	}{
		"messages":             {actionserver.StreamControl{MaxMessages: 3}, 3},
		"bytes":                {actionserver.StreamControl{MaxBytes: 30}, 3},
		"bytes, in a message":  {actionserver.StreamControl{MaxBytes: 29}, 2},
		"messages are sooner":  {actionserver.StreamControl{MaxMessages: 2, MaxBytes: 30}, 2},
		"bytes are sooner":     {actionserver.StreamControl{MaxMessages: 3, MaxBytes: 20}, 2},
		"neither":              {actionserver.StreamControl{}, 0},
		"room for all of them": {actionserver.StreamControl{MaxMessages: 5, MaxBytes: 50}, 0},
	} {
		for _, method := range []string{"CollectOpen", "CollectFirst", "ChatPublicEvery"} {
			t.Run(name+"/"+method, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					const sent = 5
					r := newRechecking(t)
					server := connect.NewServer()
					server.Register(must(r.registry.Methods())...)
					in := &pipe{in: make(chan *testv1.Request, sent), gone: make(chan struct{})}
					for range sent {
						in.in <- owned("alice")
					}
					close(in.in)
					control := test.control
					control.InterruptReceive = func() { close(in.gone) }
					info := &connect.CallInfo{}
					err := server.Call(actionserver.WithStreamControl(t.Context(), &control), stream(method), info, weighed{in, info, 10})
					want, code := sent, connect.Code(0)
					if test.admits > 0 {
						want, code = test.admits, connect.CodeResourceExhausted
					}
					if (err == nil) != (code == 0) || err != nil && connect.CodeOf(err) != code {
						t.Errorf("it ended with %v, want %v", err, code)
					}
					events, _ := r.take()
					received := len(slices.DeleteFunc(events, func(event string) bool { return event != "receive alice" }))
					if received != want {
						t.Errorf("the handler received %d messages, want %d", received, want)
					}
				})
			})
		}
	}
}
