package action_test

import (
	"context"
	"errors"
	"io"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"connectrpc.com/connect/v2"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/action/actiongen"
	"github.com/sallyport-rpc/sallyport/action/actionserver"
	"github.com/sallyport-rpc/sallyport/action/event"
	"github.com/sallyport-rpc/sallyport/authn"
	sallyportv1 "github.com/sallyport-rpc/sallyport/gen/sallyport/v1"
	testv1 "github.com/sallyport-rpc/sallyport/gen/test/v1"
	"github.com/sallyport-rpc/sallyport/gen/test/v1/testv1action"
	"github.com/sallyport-rpc/sallyport/internal/declare/declaretest"
)

// An authority authenticates every caller as it is told to at the moment, and tells
// the registry of revocations.
type authority struct {
	revoke func(principalID string)

	mu     sync.Mutex
	answer func(context.Context) (*authn.Principal, error)
	asked  int
}

func (a *authority) Authenticate(ctx context.Context, _ *connect.CallInfo) (*authn.Principal, error) {
	a.mu.Lock()
	a.asked++
	answer := a.answer
	a.mu.Unlock()
	return answer(ctx)
}

func (a *authority) ReportsAuthenticationTime() bool { return true }
func (a *authority) OnRevoke(revoke func(id string)) { a.revoke = revoke }

func (a *authority) set(answer func(context.Context) (*authn.Principal, error)) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.answer = answer
}

func (a *authority) askedTimes() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.asked
}

// finds answers that the caller is this principal, or with nil, that the credential
// is not good.
func finds(principal *authn.Principal) func(context.Context) (*authn.Principal, error) {
	return func(context.Context) (*authn.Principal, error) {
		if principal == nil {
			return nil, authn.InvalidCredential("revoked")
		}
		return principal, nil
	}
}

var (
	aliceTheEditor = authn.NewPrincipal("alice", authn.Details{Unscoped: true, Roles: []string{"editor"}})
	aliceAlone     = authn.NewPrincipal("alice", authn.Details{Unscoped: true})
)

// A pipe is the transport of one stream: a test puts in what the client sends, and
// sees what the client gets.
type pipe struct {
	in   chan *testv1.Request // closed when the client has no more to say
	gone chan struct{}        // closed when a Receive is interrupted
	out  chan any             // what the client gets; nil for a client that reads at once
}

func (p *pipe) Receive(message any) error {
	select {
	case request, ok := <-p.in:
		if !ok {
			return io.EOF
		}
		message.(*testv1.Request).Owner = request.GetOwner()
		return nil
	case <-p.gone:
		return io.ErrUnexpectedEOF
	}
}
func (*pipe) SendHeaders() error { return nil }
func (p *pipe) Send(message any) error {
	if p.out != nil {
		p.out <- message
	}
	return nil
}

// A rechecking is a registry whose streams a test looks at again, in synctest's time.
type rechecking struct {
	*recorder
	*handlers

	authority *authority
	registry  *action.Registry
	server    *connect.Server
}

func newRechecking(t *testing.T, options ...action.RegistryOption) *rechecking {
	t.Helper()
	recorder := &recorder{}
	r := &rechecking{recorder: recorder, handlers: &handlers{recorder: recorder}, authority: &authority{}, server: connect.NewServer()}
	r.authority.set(finds(aliceTheEditor))
	options = append([]action.RegistryOption{action.WithRecorder(recorder)}, options...)
	r.registry = must(action.NewRegistry(authn.Schemes{"session": r.authority, "bearer": freshnessReporter{knows(nil)}}, options...))
	if err := testv1action.RegisterStreamService(r.registry, r.handlers); err != nil {
		t.Fatal(err)
	}
	return r
}

// A running is a stream that is served.
type running struct {
	*pipe

	ended chan error
}

// openTimeout is how long the streams have to be let in.
const openTimeout = time.Minute

// serve serves a stream with a first message, if it takes one before its handler.
func (r *rechecking) serve(t *testing.T, procedure string, interceptors ...connect.ServerInterceptor) *running {
	t.Helper()
	server := connect.NewServer(interceptors...)
	server.Register(must(r.registry.Methods())...)
	s := &running{pipe: &pipe{in: make(chan *testv1.Request, 100), gone: make(chan struct{})}, ended: make(chan error, 1)}
	control := &actionserver.StreamControl{InterruptReceive: func() { close(s.gone) }, OpenTimeout: openTimeout}
	go func() {
		s.ended <- server.Call(actionserver.WithStreamControl(t.Context(), control), procedure, nil, s.pipe)
	}()
	return s
}

// expectEnd fails the test where the stream has not ended with a code, or, with 0,
// where it has.
func (s *running) expectEnd(t *testing.T, code connect.Code) {
	t.Helper()
	synctest.Wait()
	select {
	case err := <-s.ended:
		if code == 0 || connect.CodeOf(err) != code {
			t.Errorf("the stream has ended with %v, want %v", err, code)
		}
		s.ended <- err
	default:
		if code != 0 {
			t.Errorf("the stream lives, want its end with %v", code)
		}
	}
}

// TestNothingPassesARevocation revokes the caller of streams of every shape, on which
// messages move all the time, while the authenticator takes its time to say so. From
// the moment when the revocation is answered nothing moves; then the stream ends or
// goes on, as the authenticator says.
func TestNothingPassesARevocation(t *testing.T) {
	t.Parallel()
	for _, shape := range []string{"Watch", "Collect", "Chat"} {
		for _, when := range []string{"Open", "First", "Every"} {
			for name, found := range map[string]*authn.Principal{"revoked": nil, "as good as ever": aliceTheEditor} {
				t.Run(shape+when+"/"+name, func(t *testing.T) {
					t.Parallel()
					synctest.Test(t, func(t *testing.T) { revokeInMotion(t, shape, when, found) })
				})
			}
		}
	}
}

func revokeInMotion(t *testing.T, shape, when string, found *authn.Principal) {
	t.Helper()
	r := newRechecking(t)
	var mu sync.Mutex
	var received, sent int
	count := func(n *int) int {
		mu.Lock()
		defer mu.Unlock()
		return *n
	}
	add := func(n *int) {
		mu.Lock()
		defer mu.Unlock()
		*n++
	}
	receive := func(in receiver) error {
		for {
			if _, err := in.Receive(); err != nil {
				return err
			}
			add(&received)
		}
	}
	send := func(send func(*testv1.Response) error) error {
		for {
			if err := send(&testv1.Response{}); err != nil {
				return err
			}
			add(&sent)
			time.Sleep(time.Millisecond)
		}
	}
	r.watch = func(_ context.Context, _ *testv1.Request, out *responses) error { return send(out.Send) }
	r.collect = func(_ context.Context, in receiver) (*testv1.Response, error) { return nil, receive(in) }
	r.chat = func(_ context.Context, in talker) error {
		var both sync.WaitGroup
		defer both.Wait()
		both.Go(func() { _ = send(in.Send) })
		return receive(in)
	}
	s := r.serve(t, stream(shape+when))
	go func() {
		defer close(s.in)
		for range 2000 { // the client speaks all the time, and then has no more to say
			select {
			case s.in <- owned("alice"):
			case <-s.gone:
				return
			}
			time.Sleep(time.Millisecond)
		}
	}()
	time.Sleep(100 * time.Millisecond)
	synctest.Wait()
	if shape != "Watch" && count(&received) < 50 || shape != "Collect" && count(&sent) < 50 {
		t.Fatalf("nothing moves: %d received, %d sent", count(&received), count(&sent))
	}
	s.expectEnd(t, 0)

	answer := make(chan struct{})
	r.authority.set(func(ctx context.Context) (*authn.Principal, error) {
		<-answer
		return finds(found)(ctx)
	})
	r.take()
	r.authority.revoke("alice")
	receivedThen, sentThen := count(&received), count(&sent)
	time.Sleep(5 * time.Second) // the client's last message and its end are among what comes
	synctest.Wait()
	if count(&received) != receivedThen || count(&sent) != sentThen {
		t.Errorf("before the caller was looked at %d messages were received and %d sent", count(&received)-receivedThen, count(&sent)-sentThen)
	}
	s.expectEnd(t, 0)
	close(answer)
	time.Sleep(5 * time.Second)
	synctest.Wait()
	if found == nil {
		if count(&received) != receivedThen || count(&sent) != sentThen {
			t.Errorf("after the revocation %d messages were received and %d sent", count(&received)-receivedThen, count(&sent)-sentThen)
		}
		s.expectEnd(t, connect.CodeUnauthenticated)
		if events, _ := r.take(); !slices.Equal(events, []string{"deny at authenticate"}) {
			t.Errorf("it left %q", events)
		}
		return
	}
	if shape != "Watch" && count(&received) < receivedThen+50 || shape != "Collect" && count(&sent) < sentThen+50 {
		t.Errorf("after a recheck that changes nothing %d messages were received and %d sent", count(&received)-receivedThen, count(&sent)-sentThen)
	}
	r.authority.set(finds(nil))
	r.registry.Recheck("")
	<-s.ended
}

// TestRevokedWhileAuthenticating revokes a caller after the authenticator has looked,
// and before it answers. The handler is not reached.
func TestRevokedWhileAuthenticating(t *testing.T) {
	t.Parallel()
	for _, door := range []bool{false, true} {
		for _, method := range []string{"WatchOpen", "WatchFirst", "CollectOpen", "CollectFirst", "ChatOpen", "ChatEvery"} {
			t.Run(method, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					r := newRechecking(t)
					looks, last := 0, 1
					if door {
						last = 2 // the gate looks once more
					}
					r.authority.set(func(context.Context) (*authn.Principal, error) {
						if looks++; looks == last {
							defer r.authority.revoke("alice")
							return aliceTheEditor, nil
						}
						if looks > last {
							return nil, authn.InvalidCredential("revoked")
						}
						return aliceTheEditor, nil
					})
					var interceptors []connect.ServerInterceptor
					if door {
						interceptors = append(interceptors, must(r.registry.FrontDoor()))
					}
					s := r.serve(t, stream(method), interceptors...)
					s.in <- owned("alice")
					s.expectEnd(t, connect.CodeUnauthenticated)
					r.expect(t, "deny at authenticate")
				})
			})
		}
	}
	t.Run("another's", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			r := newRechecking(t)
			r.authority.set(func(context.Context) (*authn.Principal, error) {
				if r.authority.askedTimes() == 1 {
					r.authority.revoke("bob")
				}
				return aliceTheEditor, nil
			})
			s := r.serve(t, stream("ChatOpen"))
			s.in <- owned("alice")
			s.expectEnd(t, 0)
			r.expect(t, "allow at handle", "handle", "receive alice")
			close(s.in)
		})
	})
}

// TestSilentRecheck has an authenticator not answer a recheck, and not look at its
// context. The stream ends by a timer, and waits for nothing after that.
func TestSilentRecheck(t *testing.T) {
	t.Parallel()
	for _, method := range []string{"WatchOpen", "CollectFirst", "ChatEvery"} {
		t.Run(method, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				r := newRechecking(t)
				r.watch = func(ctx context.Context, _ *testv1.Request, _ *responses) error { <-ctx.Done(); return nil }
				s := r.serve(t, stream(method))
				s.in <- owned("alice")
				s.expectEnd(t, 0)
				r.take()
				never := make(chan struct{})
				defer close(never)
				r.authority.set(func(context.Context) (*authn.Principal, error) { <-never; return aliceTheEditor, nil })
				r.registry.Recheck("alice")
				time.Sleep(15*time.Second - time.Nanosecond)
				s.expectEnd(t, 0)
				time.Sleep(time.Nanosecond)
				s.expectEnd(t, connect.CodeUnavailable)
				_, decisions := r.take()
				if len(decisions) != 1 || decisions[0].Stage != event.StageAuthenticate || decisions[0].PrincipalID != "alice" ||
					decisions[0].Reason != "the caller could not be looked at again within 15s" || !decisions[0].Time.Equal(time.Now()) {
					t.Errorf("it left %+v", decisions)
				}
			})
		})
	}
}

// TestRecheckCountsFromAuthentication has an authenticator take its time. What it
// found is as old as its question, and not as its answer.
func TestRecheckCountsFromAuthentication(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRechecking(t, action.WithRecheck(time.Minute))
		r.authority.set(func(context.Context) (*authn.Principal, error) {
			time.Sleep(40 * time.Second)
			return aliceTheEditor, nil
		})
		s := r.serve(t, stream("ChatOpen"))
		time.Sleep(40 * time.Second)
		s.expectEnd(t, 0)
		r.authority.set(finds(nil))
		time.Sleep(20*time.Second - time.Nanosecond)
		s.expectEnd(t, 0)
		time.Sleep(time.Nanosecond)
		s.expectEnd(t, connect.CodeUnauthenticated)
	})
}

// TestExpiresWhileItLives lets a credential end while its stream lives.
func TestExpiresWhileItLives(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRechecking(t)
		expires := time.Now().Add(30 * time.Second)
		r.authority.set(finds(authn.NewPrincipal("alice", authn.Details{Unscoped: true, Roles: []string{"editor"}, ExpiresAt: expires})))
		s := r.serve(t, stream("ChatOpen"))
		time.Sleep(30*time.Second - time.Nanosecond)
		s.expectEnd(t, 0)
		time.Sleep(time.Nanosecond)
		s.expectEnd(t, connect.CodeUnauthenticated)
	})
}

// TestMovingStreamsLive has messages move for longer than the idle limit, and for
// many rechecks, at which the request is there that the decision was about.
func TestMovingStreamsLive(t *testing.T) {
	t.Parallel()
	for _, method := range []string{"WatchOpen", "WatchFirst", "CollectOpen", "CollectFirst", "CollectEvery", "ChatOpen", "ChatFirst", "ChatEvery"} {
		t.Run(method, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				r := newRechecking(t, action.WithRecheck(90*time.Second))
				r.watch = func(_ context.Context, _ *testv1.Request, out *responses) error {
					for range 20 {
						time.Sleep(40 * time.Second)
						if err := out.Send(&testv1.Response{}); err != nil {
							return err
						}
					}
					return nil
				}
				server := connect.NewServer()
				server.Register(must(r.registry.Methods())...)
				s := &pipe{in: make(chan *testv1.Request, 1), gone: make(chan struct{})}
				go func() {
					defer close(s.in)
					s.in <- owned("alice")
					if method[0] == 'W' {
						return
					}
					for range 20 {
						time.Sleep(40 * time.Second)
						s.in <- owned("alice")
					}
				}()
				control := &actionserver.StreamControl{IdleTimeout: time.Minute, InterruptReceive: func() { close(s.gone) }}
				start := time.Now()
				err := server.Call(actionserver.WithStreamControl(t.Context(), control), stream(method), nil, s)
				if err != nil || time.Since(start) != 800*time.Second {
					t.Errorf("it lived for %s, and ended with %v", time.Since(start), err)
				}
				if asked := r.authority.askedTimes(); asked != 9 { // once in the beginning, and at every 90 s
					t.Errorf("the caller was looked at %d times", asked)
				}
			})
		})
	}
}

// TestRecheckRemembersTheRequest has a caller lose a role between messages. What a
// recheck decides about is the first request, or where each is authorized by itself,
// the last one, as the gate saw it: the handler writes another owner into each.
func TestRecheckRemembersTheRequest(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name          string
		timing        sallyportv1.Stream_Timing
		first, second string
		want          connect.Code // once the role is lost
	}{
		{"first, own", sallyportv1.Stream_FIRST_MESSAGE, "alice", "bob", 0},
		{"first, by the role", sallyportv1.Stream_FIRST_MESSAGE, "bob", "alice", connect.CodePermissionDenied},
		{"every, own", sallyportv1.Stream_EVERY_MESSAGE, "bob", "alice", 0},
		{"every, by the role", sallyportv1.Stream_EVERY_MESSAGE, "alice", "bob", connect.CodePermissionDenied},
	} {
		for grants, check := range map[string]transferChecks{
			"with a check": func(context.Context, *authn.Principal, *testv1.Request) (bool, error) { return true, nil },
			"of one field": nil,
		} {
			t.Run(test.name+", "+grants, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					r := newRechecking(t)
					r.collect = overwrites
					r.registerTransfer(t, test.timing, check)
					s := r.serve(t, "/described.v1.TransferService/Transfer")
					s.in <- owned(test.first)
					s.in <- owned(test.second)
					s.expectEnd(t, 0)
					r.authority.set(finds(aliceAlone))
					r.registry.Recheck("alice")
					s.expectEnd(t, test.want)
					close(s.in)
					synctest.Wait()
				})
			})
		}
	}
}

// overwrites is a handler that makes alice's requests bob's, and all others alice's.
func overwrites(_ context.Context, in receiver) (*testv1.Response, error) {
	for {
		request, err := in.Receive()
		switch {
		case errors.Is(err, io.EOF):
			return &testv1.Response{}, nil
		case err != nil:
			return nil, err
		case request.GetOwner() == "alice":
			request.Owner = "bob"
		default:
			request.Owner = "alice"
		}
	}
}

// TestMessageInRecheck has a caller lose a role while a message is authorized for it. The
// message is authorized anew, though the recheck lets the stream live on.
func TestMessageInRecheck(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		found *authn.Principal
		want  connect.Code
	}{
		"lost the role": {aliceAlone, connect.CodePermissionDenied},
		"kept the role": {aliceTheEditor, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				r := newRechecking(t)
				r.registerTransfer(t, sallyportv1.Stream_EVERY_MESSAGE, func(_ context.Context, _ *authn.Principal, request *testv1.Request) (bool, error) {
					if request.GetOwner() == "bob" && r.authority.askedTimes() == 1 {
						r.authority.set(finds(test.found))
						r.authority.revoke("alice")
						time.Sleep(time.Second) // the recheck is over by then
					}
					return true, nil
				})
				s := r.serve(t, "/described.v1.TransferService/Transfer")
				s.in <- owned("alice") // her own, which the recheck is about
				s.expectEnd(t, 0)
				r.take()
				s.in <- owned("bob")
				time.Sleep(2 * time.Second)
				s.expectEnd(t, test.want)
				events, _ := r.take()
				if got := slices.Contains(events, "receive bob"); got != (test.want == 0) {
					t.Errorf("bob's was received: %t; %q", got, events)
				}
				close(s.in)
				synctest.Wait()
			})
		})
	}
}

// TestRecheckOfAStreamWithoutAMessage has a caller lose the role by which a stream without a
// message was let in. There is no request for the other grant to hold of: it is as it was
// when the stream opened.
func TestRecheckOfAStreamWithoutAMessage(t *testing.T) {
	t.Parallel()
	for _, timing := range []sallyportv1.Stream_Timing{sallyportv1.Stream_FIRST_MESSAGE, sallyportv1.Stream_EVERY_MESSAGE} {
		t.Run(timing.String(), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				r := newRechecking(t)
				r.collect = func(ctx context.Context, _ receiver) (*testv1.Response, error) {
					<-ctx.Done()
					return &testv1.Response{}, nil
				}
				declared := bySession(allow(&sallyportv1.Grant{AnyRole: []string{"editor"}}, &sallyportv1.Grant{Cel: new("request.owner == '' && principal.id != ''")}))
				declared.Stream = &sallyportv1.Stream{Authorize: timing}
				if err := declaretest.Register(t, r.registry, actiongen.Service[transferrer]{
					Descriptor: describe(t, "TransferService", rpc{name: "Transfer", action: declared, clients: true}),
					Methods:    []actiongen.Method[transferrer]{actiongen.ClientStreaming("Transfer", transferrer.Transfer)},
				}, transferrer(r.handlers)); err != nil {
					t.Fatal(err)
				}
				s := r.serve(t, "/described.v1.TransferService/Transfer")
				close(s.in)
				s.expectEnd(t, 0)
				r.registry.Recheck("alice")
				s.expectEnd(t, 0)
				r.authority.set(finds(aliceAlone))
				r.registry.Recheck("alice")
				s.expectEnd(t, connect.CodePermissionDenied)
			})
		})
	}
}

// TestEndedStreamIsNotLookedAt asks for a recheck of a stream that has ended, and whose
// handler has not returned yet. The authenticator is not asked about it.
func TestEndedStreamIsNotLookedAt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRechecking(t)
		leave := make(chan struct{})
		r.chat = func(context.Context, talker) error { <-leave; return nil }
		s := r.serve(t, stream("ChatOpen"))
		synctest.Wait()
		r.authority.set(finds(nil))
		r.registry.Recheck("alice")
		synctest.Wait()
		asked := r.authority.askedTimes()
		r.registry.Recheck("alice")
		time.Sleep(time.Hour)
		if again := r.authority.askedTimes(); asked != 2 || again != asked {
			t.Errorf("the caller was looked at %d times, and then %d times", asked, again)
		}
		close(leave)
		s.expectEnd(t, connect.CodeUnauthenticated)
		r.expect(t, "allow at handle", "handle", "deny at authenticate")
	})
}

// TestRecheckIsObserved has observers see a recheck that lets its stream live on.
func TestRecheckIsObserved(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRechecking(t)
		seen := &observer{}
		r.registry.Observe(seen)
		s := r.serve(t, stream("ChatOpen"))
		synctest.Wait()
		seen.take()
		r.registry.Recheck("alice")
		s.expectEnd(t, 0)
		got := seen.take()
		if len(got) != 1 || got[0].Kind != event.Recheck || got[0].Outcome != event.Allow || got[0].Procedure != stream("ChatOpen") || got[0].Grant != "allow[0]" {
			t.Errorf("observed %+v", got)
		}
		close(s.in)
		synctest.Wait()
	})
}

// TestGrantWhileAMessageIsDecidedAgain looks at the grant while a message, which was
// authorized before a recheck, is authorized again. It is the one that the recheck found.
func TestGrantWhileAMessageIsDecidedAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRechecking(t)
		asked, grants := 0, []string(nil)
		var in *requests
		check := transferChecks(func(_ context.Context, _ *authn.Principal, request *testv1.Request) (bool, error) {
			if request.GetOwner() != "bob" {
				return false, nil
			}
			if asked++; asked == 1 {
				r.authority.revoke("alice")
				time.Sleep(time.Second) // the recheck is over by then
			} else {
				grants = append(grants, in.Grant())
			}
			return true, nil
		})
		declared := bySession(allow(
			&sallyportv1.Grant{Name: new("by_role"), AnyRole: []string{"editor"}, Check: new("may_transfer")},
			&sallyportv1.Grant{Name: new("own"), Cel: new("principal.id == request.owner")},
		))
		declared.Stream = &sallyportv1.Stream{Authorize: sallyportv1.Stream_EVERY_MESSAGE}
		service := transferring(func(_ context.Context, of *requests) (*testv1.Response, error) {
			in = of
			for {
				if _, err := of.Receive(); err != nil {
					return &testv1.Response{}, nil //nolint:nilerr // the gate's answer stands
				}
				grants = append(grants, of.Grant())
			}
		})
		if err := declaretest.Register(t, r.registry, actiongen.Service[transferrer]{
			Descriptor: describe(t, "TransferService", rpc{name: "Transfer", action: declared, clients: true}),
			Methods:    []actiongen.Method[transferrer]{actiongen.ClientStreaming("Transfer", transferrer.Transfer)},
			Checks:     []actiongen.Check{actiongen.NewCheck(check, "Transfer", "may_transfer", transferChecks.mayTransfer)},
		}, transferrer(service)); err != nil {
			t.Fatal(err)
		}
		s := r.serve(t, "/described.v1.TransferService/Transfer")
		s.in <- owned("alice")
		s.in <- owned("bob")
		time.Sleep(time.Minute)
		close(s.in)
		synctest.Wait()
		if err := <-s.ended; err != nil || !slices.Equal(grants, []string{"own", "own", "by_role"}) {
			t.Errorf("it ended with %v; the grants are %q", err, grants)
		}
	})
}

// transferring is a transferrer in one function.
type transferring func(context.Context, *requests) (*testv1.Response, error)

func (f transferring) Transfer(ctx context.Context, in *requests) (*testv1.Response, error) {
	return f(ctx, in)
}

// A slow accountant does not look at its context.
type slowAccountant struct{ takes time.Duration }

func (a slowAccountant) Authenticated(context.Context, string) error {
	time.Sleep(a.takes)
	return nil
}

// TestStoppedAsItOpens lets the time to open pass during a step of the gate that does not
// end with its context. What is recorded is what the step led to: the stream is denied when
// the step is over, and by the goroutine that opens it.
func TestStoppedAsItOpens(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRechecking(t)
		r.server.Register(must(r.registry.Methods())...)
		ctx := actionserver.WithAccountant(t.Context(), slowAccountant{time.Hour})
		ctx = actionserver.WithStreamControl(ctx, &actionserver.StreamControl{OpenTimeout: time.Minute})
		ended := make(chan error, 1)
		go func() { ended <- r.server.Call(ctx, stream("ChatOpen"), nil, &pipe{}) }()
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		r.expect(t)
		if err := <-ended; connect.CodeOf(err) != connect.CodeDeadlineExceeded {
			t.Errorf("it ended with %v", err)
		}
		events, decisions := r.take()
		if slices.Contains(events, "handle") || len(decisions) != 1 || decisions[0].Reason != "the first message did not come in time" || decisions[0].PrincipalID != "alice" {
			t.Errorf("%q: it left %+v", events, decisions)
		}
	})
}

// A transferrer has a stream of both kinds of grant: a role with a check, or one's own.
type transferrer interface {
	Transfer(ctx context.Context, in *requests) (*testv1.Response, error)
}

type transferChecks func(context.Context, *authn.Principal, *testv1.Request) (bool, error)

func (c transferChecks) mayTransfer(ctx context.Context, principal *authn.Principal, request *testv1.Request) (bool, error) {
	return c(ctx, principal, request)
}

func (h *handlers) Transfer(ctx context.Context, in *requests) (*testv1.Response, error) {
	return h.doCollect(ctx, in.Principal().ID(), in)
}

// registerTransfer registers it; without a check, the role is enough.
func (r *rechecking) registerTransfer(t *testing.T, timing sallyportv1.Stream_Timing, check transferChecks) {
	t.Helper()
	byRole := &sallyportv1.Grant{AnyRole: []string{"editor"}}
	var checks []actiongen.Check
	if check != nil {
		byRole.Check = new("may_transfer")
		checks = []actiongen.Check{actiongen.NewCheck(check, "Transfer", "may_transfer", transferChecks.mayTransfer)}
	}
	declared := bySession(allow(byRole, &sallyportv1.Grant{Cel: new("principal.id == request.owner")}))
	declared.Stream = &sallyportv1.Stream{Authorize: timing}
	if err := declaretest.Register(t, r.registry, actiongen.Service[transferrer]{
		Descriptor: describe(t, "TransferService", rpc{name: "Transfer", action: declared, clients: true}),
		Methods:    []actiongen.Method[transferrer]{actiongen.ClientStreaming("Transfer", transferrer.Transfer)},
		Checks:     checks,
	}, transferrer(r.handlers)); err != nil {
		t.Fatal(err)
	}
}

// TestCallersTime lets the deadline of a stream's caller pass, or has the caller leave,
// while the handler waits for a message that does not come. It is interrupted, and is
// told so.
func TestCallersTime(t *testing.T) {
	t.Parallel()
	for name, interrupts := range map[string]bool{"interrupted": true, "given up": false} {
		for _, opened := range []bool{false, true} {
			for _, code := range []connect.Code{connect.CodeDeadlineExceeded, connect.CodeCanceled} {
				t.Run(name+"/"+code.String(), func(t *testing.T) {
					t.Parallel()
					synctest.Test(t, func(t *testing.T) {
						r := newRechecking(t)
						var told error
						r.chat = func(_ context.Context, in talker) error {
							for told == nil {
								_, told = in.Receive()
							}
							if err := in.Send(&testv1.Response{}); err == nil {
								t.Error("it could send")
							}
							return nil
						}
						server := connect.NewServer()
						server.Register(must(r.registry.Methods())...)
						s := &pipe{in: make(chan *testv1.Request, 1), gone: make(chan struct{})}
						control := &actionserver.StreamControl{}
						if interrupts {
							control.InterruptReceive = func() { close(s.gone) }
						} else {
							defer close(s.gone)
						}
						if opened {
							s.in <- owned("alice")
						}
						ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
						defer cancel()
						if code == connect.CodeCanceled {
							ctx, cancel = context.WithCancel(t.Context())
							time.AfterFunc(time.Minute, cancel)
						}
						start := time.Now()
						err := server.Call(actionserver.WithStreamControl(ctx, control), stream("ChatFirst"), nil, s)
						if connect.CodeOf(err) != code || time.Since(start) != time.Minute {
							t.Errorf("after %v it ended with %v", time.Since(start), err)
						}
						events, decisions := r.take()
						if opened {
							// That is no decision of the gate's.
							if connect.CodeOf(told) != code || !slices.Equal(events, []string{"allow at handle", "handle"}) {
								t.Errorf("the handler is told %v; %q", told, events)
							}
							return
						}
						if !slices.Equal(events, []string{"deny at decode"}) || decisions[0].Code != code {
							t.Errorf("it left %+v", decisions)
						}
					})
				})
			}
		}
	}
}

// TestLeftInSend has handlers of a transport that cannot be interrupted return while
// a goroutine of theirs is in Send. The stream waits for it, and refuses the next.
func TestLeftInSend(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRechecking(t)
		var sends []error
		left := make(chan struct{})
		r.chat = func(_ context.Context, in talker) error {
			if _, err := in.Receive(); err != nil {
				return err
			}
			go func() {
				defer close(left)
				for len(sends) < 2 {
					sends = append(sends, in.Send(&testv1.Response{}))
				}
			}()
			time.Sleep(time.Second)
			return nil
		}
		s := r.serve(t, stream("ChatPublicOpen"))
		s.out = make(chan any) // the client does not read
		s.in <- owned("alice")
		time.Sleep(time.Minute)
		s.expectEnd(t, 0)
		<-s.out
		synctest.Wait()
		if err := <-s.ended; err != nil {
			t.Error(err)
		}
		<-left
		if sends[0] != nil || connect.CodeOf(sends[1]) != connect.CodeCanceled {
			t.Errorf("Send returned %v", sends)
		}
	})
}

// TestAnonymousStreamErrors has the handlers of anonymous streams fail. Their errors are
// the answer.
func TestAnonymousStreamErrors(t *testing.T) {
	t.Parallel()
	failure := connect.NewError(connect.CodeFailedPrecondition, "not today")
	for _, method := range []string{"WatchPublicOpen", "WatchPublicFirst", "CollectPublicOpen", "CollectPublicEvery", "ChatPublicOpen", "ChatPublicFirst"} {
		t.Run(method, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				r := newRechecking(t)
				r.watch = func(context.Context, *testv1.Request, *responses) error { return failure }
				r.collect = func(context.Context, receiver) (*testv1.Response, error) { return nil, failure }
				r.chat = func(context.Context, talker) error { return failure }
				s := r.serve(t, stream(method))
				s.in <- owned("alice")
				synctest.Wait()
				if err := <-s.ended; !errors.Is(err, failure) {
					t.Errorf("it ended with %v", err)
				}
			})
		})
	}
}
