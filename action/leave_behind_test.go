package action_test

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"connectrpc.com/connect/v2"

	"github.com/sallyport-rpc/sallyport/action/event"
	"github.com/sallyport-rpc/sallyport/authn"
	testv1 "github.com/sallyport-rpc/sallyport/gen/test/v1"
	"github.com/sallyport-rpc/sallyport/internal/recovered"
)

// TestSilentAuthenticator has an authenticator take its time as a stream opens, and not
// look at its context. The stream ends when its time to open is over, and not before.
func TestSilentAuthenticator(t *testing.T) {
	t.Parallel()
	for _, method := range []string{"WatchOpen", "WatchFirst", "CollectOpen", "CollectFirst", "ChatOpen", "ChatEvery"} {
		t.Run(method, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				r := newRechecking(t)
				never := make(chan struct{})
				defer close(never)
				r.authority.set(func(context.Context) (*authn.Principal, error) { <-never; return aliceTheEditor, nil })
				s := r.serve(t, stream(method))
				s.in <- owned("alice")
				time.Sleep(openTimeout - time.Nanosecond)
				s.expectEnd(t, 0)
				time.Sleep(time.Nanosecond)
				s.expectEnd(t, connect.CodeDeadlineExceeded)
				notes, decisions := r.take()
				if len(decisions) != 1 || decisions[0].Outcome != event.Deny || decisions[0].Stage != event.StageAuthenticate ||
					decisions[0].Reason != "the first message did not come in time" || slices.Contains(notes, "handle") {
					t.Errorf("it left %+v, %q", decisions, notes)
				}
			})
			synctest.Test(t, func(t *testing.T) {
				r := newRechecking(t)
				r.watch = func(ctx context.Context, _ *testv1.Request, _ *responses) error { <-ctx.Done(); return nil }
				r.authority.set(func(context.Context) (*authn.Principal, error) {
					time.Sleep(openTimeout - time.Nanosecond)
					return aliceTheEditor, nil
				})
				s := r.serve(t, stream(method))
				s.in <- owned("alice")
				time.Sleep(2 * openTimeout)
				s.expectEnd(t, 0)
			})
		})
	}
}

// TestAuthenticatorPanicsAsStreamOpens has an authenticator panic in the goroutine of its
// own, and end it. Neither lets a caller in, or ends the process.
func TestAuthenticatorPanicsAsStreamOpens(t *testing.T) {
	t.Parallel()
	for name, thrown := range map[string]func(){
		"a panic": func() { panic("secret") },
		"an end":  runtime.Goexit,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				r := newRechecking(t)
				r.authority.set(func(context.Context) (*authn.Principal, error) { thrown(); return aliceTheEditor, nil })
				s := r.serve(t, stream("ChatOpen"))
				s.expectEnd(t, connect.CodeInternal)
				notes, decisions := r.take()
				if len(decisions) != 1 || decisions[0].Err == nil || slices.Contains(notes, "handle") {
					t.Fatalf("it left %+v, %q", decisions, notes)
				}
				if _, panicked := errors.AsType[*recovered.Panic](decisions[0].Err); panicked != (name == "a panic") {
					t.Errorf("a panic: %t: %v", panicked, decisions[0].Err)
				}
			})
		})
	}
}

// TestInProcessSend has a handler wait in Send for a client within the process that does
// not receive. When the gate ends the stream, Send returns and so does the handler.
func TestInProcessSend(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRechecking(t)
		sent := make(chan error, 1)
		r.chat = func(_ context.Context, in talker) error {
			err := in.Send(&testv1.Response{})
			sent <- err
			return err
		}
		client := connect.NewClient(must(r.registry.InProcess()))
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		chat, err := client.CallClientStream(ctx, connect.Spec{Procedure: stream("ChatOpen"), StreamType: connect.StreamTypeBidi})
		if err != nil {
			t.Fatal(err)
		}
		if err := chat.SendHeaders(); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		r.authority.set(func(context.Context) (*authn.Principal, error) { return nil, authn.InvalidCredential("signed out") })
		r.registry.Recheck("alice")
		time.Sleep(2*time.Second - time.Nanosecond)
		select {
		case err := <-sent:
			t.Fatalf("Send was cut at once: %v", err)
		default:
		}
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		select {
		case err := <-sent:
			if connect.CodeOf(err) != connect.CodeUnauthenticated {
				t.Errorf("Send returned %v", err)
			}
		default:
			t.Error("the handler waits in Send")
			cancel()
		}
	})
}
