package action_test

import (
	"context"
	"errors"
	"io"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"connectrpc.com/connect/v2"

	"github.com/sallyport-rpc/sallyport/action/actionserver"
	"github.com/sallyport-rpc/sallyport/authn"
	testv1 "github.com/sallyport-rpc/sallyport/gen/test/v1"
)

// TestFirstMessageOfAnEndedStream ends a stream before its handler has received the message
// that the gate read. The message is not received any more.
func TestFirstMessageOfAnEndedStream(t *testing.T) {
	t.Parallel()
	for _, method := range []string{"CollectFirst", "ChatFirst", "ChatEvery"} {
		t.Run(method, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				r := newRechecking(t)
				var received *testv1.Request
				var told error
				late := func(in receiver) error {
					time.Sleep(time.Second)
					received, told = in.Receive()
					return nil
				}
				r.collect = func(_ context.Context, in receiver) (*testv1.Response, error) { return nil, late(in) }
				r.chat = func(_ context.Context, in talker) error { return late(in) }
				s := r.serve(t, stream(method))
				s.in <- owned("alice")
				s.expectEnd(t, 0)
				r.authority.set(finds(nil))
				r.registry.Recheck("alice")
				time.Sleep(time.Second)
				s.expectEnd(t, connect.CodeUnauthenticated)
				if received != nil || connect.CodeOf(told) != connect.CodeUnauthenticated {
					t.Errorf("the handler received %v, %v", received, told)
				}
			})
		})
	}
}

// TestMessageThatARecheckRefuses lets a message come while the caller is looked at again.
// The handler gets it where the caller is let in as before, and else what the stream ended
// with.
func TestMessageThatARecheckRefuses(t *testing.T) {
	t.Parallel()
	for name, found := range map[string]*authn.Principal{"as good as ever": aliceTheEditor, "revoked": nil} {
		for _, method := range []string{"CollectOpen", "ChatEvery"} {
			t.Run(name+"/"+method, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					r := newRechecking(t)
					var owners []string
					var told error
					receive := func(in receiver) error {
						for {
							request, err := in.Receive()
							if err != nil {
								told = err
								return nil //nolint:nilerr // the gate's answer stands
							}
							owners = append(owners, request.GetOwner())
						}
					}
					r.collect = func(_ context.Context, in receiver) (*testv1.Response, error) {
						return &testv1.Response{}, receive(in)
					}
					r.chat = func(_ context.Context, in talker) error { return receive(in) }
					s := r.serve(t, stream(method))
					s.in <- owned("alice")
					s.expectEnd(t, 0)
					r.authority.set(func(ctx context.Context) (*authn.Principal, error) {
						time.Sleep(time.Second)
						return finds(found)(ctx)
					})
					r.registry.Recheck("alice")
					s.in <- owned("alice")
					time.Sleep(2 * time.Second)
					if found == nil {
						s.expectEnd(t, connect.CodeUnauthenticated)
						if len(owners) != 1 || connect.CodeOf(told) != connect.CodeUnauthenticated {
							t.Errorf("the handler received %q, %v", owners, told)
						}
						return
					}
					s.expectEnd(t, 0)
					close(s.in)
					synctest.Wait()
					if len(owners) != 2 || !errors.Is(told, io.EOF) {
						t.Errorf("the handler received %q, %v", owners, told)
					}
				})
			})
		}
	}
}

// A counting pipe counts what its stream asks of it.
type counting struct {
	*pipe

	received, headers atomic.Int64
}

func (c *counting) Receive(message any) error {
	c.received.Add(1)
	return c.pipe.Receive(message)
}

func (c *counting) SendHeaders() error {
	c.headers.Add(1)
	return nil
}

// TestTransportIsAskedOnceForTheEnd receives on after the client has ended its side. The
// transport is not asked again.
func TestTransportIsAskedOnceForTheEnd(t *testing.T) {
	t.Parallel()
	for _, method := range []string{"CollectOpen", "CollectFirst", "ChatEvery"} {
		t.Run(method, func(t *testing.T) {
			t.Parallel()
			r := newRechecking(t)
			receive := func(in receiver) error {
				for ends := 0; ends < 3; {
					if _, err := in.Receive(); errors.Is(err, io.EOF) {
						ends++
					} else if err != nil {
						return err
					}
				}
				return nil
			}
			r.collect = func(_ context.Context, in receiver) (*testv1.Response, error) { return &testv1.Response{}, receive(in) }
			r.chat = func(_ context.Context, in talker) error { return receive(in) }
			r.server.Register(must(r.registry.Methods())...)
			in := make(chan *testv1.Request, 1)
			in <- owned("alice")
			close(in)
			transport := &counting{pipe: &pipe{in: in}}
			if err := r.server.Call(t.Context(), stream(method), nil, transport); err != nil {
				t.Error(err)
			}
			if asked := transport.received.Load(); asked != 2 {
				t.Errorf("it was asked %d times, want once for the message and once for the end", asked)
			}
		})
	}
}

// TestHeadersOfAnEndedStream sends the headers of a stream that lives, and of one that the
// gate has ended: those do not go out.
func TestHeadersOfAnEndedStream(t *testing.T) {
	t.Parallel()
	for name, found := range map[string]*authn.Principal{"lives": aliceTheEditor, "ended": nil} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				r := newRechecking(t)
				var told error
				r.watch = func(_ context.Context, _ *testv1.Request, out *responses) error {
					time.Sleep(time.Second)
					told = out.SendHeaders()
					return nil
				}
				r.server.Register(must(r.registry.Methods())...)
				transport := &counting{pipe: &pipe{in: make(chan *testv1.Request, 1)}}
				transport.in <- owned("alice")
				ended := make(chan error, 1)
				go func() { ended <- r.server.Call(t.Context(), stream("WatchOpen"), nil, transport) }()
				synctest.Wait()
				r.authority.set(finds(found))
				r.registry.Recheck("alice")
				err := <-ended
				if found != nil {
					if err != nil || told != nil || transport.headers.Load() != 1 {
						t.Errorf("it ended with %v, SendHeaders returned %v, %d sent", err, told, transport.headers.Load())
					}
					return
				}
				if connect.CodeOf(err) != connect.CodeUnauthenticated || connect.CodeOf(told) != connect.CodeUnauthenticated || transport.headers.Load() != 0 {
					t.Errorf("it ended with %v, SendHeaders returned %v, %d sent", err, told, transport.headers.Load())
				}
			})
		})
	}
}

// TestRefusedResponseEndsItsStream has the server refuse to send a response of a stream. The
// stream ends with that, whatever its handler makes of it; where the transport fails for
// another reason, that is the handler's to say.
func TestRefusedResponseEndsItsStream(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		err  error
		want connect.Code // 0 for success
	}{
		"refused": {connect.NewError(connect.CodeResourceExhausted, "too many unread bytes"), connect.CodeResourceExhausted},
		"broken":  {connect.NewError(connect.CodeUnavailable, "no such connection"), 0},
	} {
		for _, method := range []string{"WatchOpen", "ChatOpen"} {
			t.Run(name+"/"+method, func(t *testing.T) {
				t.Parallel()
				r := newRechecking(t)
				var over bool
				r.watch = func(ctx context.Context, _ *testv1.Request, out *responses) error {
					if out.Send(&testv1.Response{}) == nil {
						t.Error("it was sent")
					}
					over = ctx.Err() != nil
					return nil
				}
				r.chat = func(ctx context.Context, in talker) error {
					if in.Send(&testv1.Response{}) == nil {
						t.Error("it was sent")
					}
					over = ctx.Err() != nil
					return nil
				}
				r.server.Register(must(r.registry.Methods())...)
				in := make(chan *testv1.Request, 1)
				in <- owned("alice")
				err := r.server.Call(t.Context(), stream(method), nil, stuffed{&pipe{in: in}, test.err})
				if (err == nil) != (test.want == 0) || err != nil && connect.CodeOf(err) != test.want {
					t.Errorf("it ended with %v, want %v", err, test.want)
				}
				if over != (test.want != 0) {
					t.Errorf("the handler's context is over: %t", over)
				}
			})
		}
	}
}

// A lingering transport takes a second to return from a Receive that was interrupted.
type lingering struct {
	*pipe

	inside atomic.Bool
}

func (l *lingering) Receive(message any) error {
	l.inside.Store(true)
	defer l.inside.Store(false)
	err := l.pipe.Receive(message)
	if errors.Is(err, io.ErrUnexpectedEOF) {
		time.Sleep(time.Second)
	}
	return err
}

// TestNothingIsInTheTransportAfterTheEnd ends a stream while its handler waits for a message,
// on a transport that can be interrupted. The call returns when the transport has let go of
// the message, and not before.
func TestNothingIsInTheTransportAfterTheEnd(t *testing.T) {
	t.Parallel()
	for _, method := range []string{"CollectOpen", "ChatFirst"} {
		t.Run(method, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				r := newRechecking(t)
				r.server.Register(must(r.registry.Methods())...)
				transport := &lingering{pipe: &pipe{in: make(chan *testv1.Request, 1), gone: make(chan struct{})}}
				transport.in <- owned("alice")
				control := &actionserver.StreamControl{InterruptReceive: func() { close(transport.gone) }}
				ended := make(chan error, 1)
				go func() {
					ended <- r.server.Call(actionserver.WithStreamControl(t.Context(), control), stream(method), nil, transport)
				}()
				synctest.Wait()
				r.authority.set(finds(nil))
				r.registry.Recheck("alice")
				began := time.Now()
				err := <-ended
				if connect.CodeOf(err) != connect.CodeUnauthenticated || transport.inside.Load() || time.Since(began) != time.Second {
					t.Errorf("after %v it ended with %v; the transport is in use: %t", time.Since(began), err, transport.inside.Load())
				}
			})
		})
	}
}

// TestSendIsNotCutAfterTheEnd has a Send return before it would be cut. The transport, which
// may serve another call by then, is not interrupted.
func TestSendIsNotCutAfterTheEnd(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		reads time.Duration // when the client reads, after the end
		cuts  int64
	}{
		"the client reads in time": {reads: time.Second},
		"the client does not":      {reads: 3 * time.Second, cuts: 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				r := newRechecking(t)
				r.server.Register(must(r.registry.Methods())...)
				s := &pipe{in: make(chan *testv1.Request, 1), out: make(chan any)}
				s.in <- owned("alice")
				var cuts atomic.Int64
				control := &actionserver.StreamControl{InterruptSend: func() { cuts.Add(1) }}
				ended := make(chan error, 1)
				go func() {
					ended <- r.server.Call(actionserver.WithStreamControl(t.Context(), control), stream("WatchOpen"), nil, s)
				}()
				synctest.Wait()
				r.authority.set(finds(nil))
				r.registry.Recheck("alice")
				time.Sleep(test.reads)
				<-s.out
				if err := <-ended; connect.CodeOf(err) != connect.CodeUnauthenticated {
					t.Errorf("it ended with %v", err)
				}
				time.Sleep(time.Minute)
				if cuts.Load() != test.cuts {
					t.Errorf("the transport was interrupted %d times, want %d", cuts.Load(), test.cuts)
				}
			})
		})
	}
}

// TestLeavesAsItIsLetIn has the caller leave while the gate reads its message. The handler
// does not run.
func TestLeavesAsItIsLetIn(t *testing.T) {
	t.Parallel()
	for _, method := range []string{"WatchPublicFirst", "CollectPublicFirst", "ChatPublicEvery"} {
		t.Run(method, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				r := newRechecking(t)
				r.server.Register(must(r.registry.Methods())...)
				ctx, cancel := context.WithCancel(t.Context())
				control := &actionserver.StreamControl{InterruptReceive: func() {}} // the message has come
				err := r.server.Call(actionserver.WithStreamControl(ctx, control), stream(method), nil, leaving{cancel})
				if connect.CodeOf(err) != connect.CodeCanceled {
					t.Errorf("it ended with %v", err)
				}
				events, decisions := r.take()
				if !slices.Equal(events, []string{"deny at authorize"}) || decisions[0].Code != connect.CodeCanceled {
					t.Errorf("%q: it left %+v", events, decisions)
				}
			})
		})
	}
}

// A leaving client sends a message and is gone.
type leaving struct{ leave func() }

func (l leaving) Receive(message any) error {
	message.(*testv1.Request).Owner = "alice"
	l.leave()
	return nil
}
func (leaving) SendHeaders() error { return nil }
func (leaving) Send(any) error     { return nil }
