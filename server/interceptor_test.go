package server_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"connectrpc.com/connect/v2"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/action/event"
	"github.com/sallyport-rpc/sallyport/authn"
	demov1 "github.com/sallyport-rpc/sallyport/gen/demo/v1"
	"github.com/sallyport-rpc/sallyport/server"
)

// around makes an interceptor of a function that gets everything.
func around(function func(ctx context.Context, spec connect.Spec, stream connect.ServerStream, next connect.ServerFunc) error) connect.ServerInterceptor {
	return func(next connect.ServerFunc) connect.ServerFunc {
		return func(ctx context.Context, spec connect.Spec, stream connect.ServerStream) error {
			return function(ctx, spec, stream, next)
		}
	}
}

// passing is an interceptor that does nothing.
func passing(next connect.ServerFunc) connect.ServerFunc { return next }

// A changedStream lets a test see each message that is received or sent.
type changedStream struct {
	connect.ServerStream

	received, sending func(message any)
}

func (s changedStream) Receive(message any) error {
	err := s.ServerStream.Receive(message)
	if err == nil && s.received != nil {
		s.received(message)
	}
	return err
}

func (s changedStream) Send(message any) error {
	if s.sending != nil {
		s.sending(message)
	}
	return s.ServerStream.Send(message)
}

// The first interceptor is the outermost, over several uses of the option, and all of
// them are outside the front door.
func TestInterceptorOrder(t *testing.T) {
	t.Parallel()
	for _, options := range map[string][]server.Option{"without a front door": nil, "with one": {server.WithFrontDoor()}} {
		var mu sync.Mutex
		var seen []string
		named := func(name string) connect.ServerInterceptor {
			return around(func(ctx context.Context, spec connect.Spec, stream connect.ServerStream, next connect.ServerFunc) error {
				mu.Lock()
				seen = append(seen, name)
				mu.Unlock()
				err := next(ctx, spec, stream)
				mu.Lock()
				seen = append(seen, fmt.Sprint(name, " ", connect.CodeOf(err)))
				mu.Unlock()
				return err
			})
		}
		served := serve(t, &directory{}, append(options,
			server.WithInterceptors(named("a"), named("b")), server.WithInterceptors(named("c")))...)
		_, code, err := curlPost(served.client(t, 1), served.url, "", &demov1.ListUsersRequest{})
		if err != nil || code != connect.CodeUnauthenticated || served.handled.Load() != 0 {
			t.Errorf("code %v, %v; the handler ran %d times", code, err, served.handled.Load())
		}
		want := []string{"a", "b", "c", "c unauthenticated", "b unauthenticated", "a unauthenticated"}
		if !slices.Equal(seen, want) {
			t.Errorf("got %q", seen)
		}
	}
}

const ann, bob = "11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"

// serveUsers is serve with callers who are the user that their token names.
func serveUsers(t *testing.T, directory *directory, options ...server.Option) *served {
	t.Helper()
	records := &records{}
	bound := schemes()
	bound["session"] = fresh{func(_ context.Context, call *connect.CallInfo) (*authn.Principal, error) {
		id, ok := strings.CutPrefix(call.RequestHeader().Get("Authorization"), "Bearer ")
		if !ok {
			return nil, authn.ErrNoCredential
		}
		return authn.NewPrincipal(id, authn.Details{Unscoped: true, AuthenticatedAt: time.Now()}), nil
	}}
	registry, err := action.NewRegistry(bound, action.WithRecorder(records))
	if err != nil {
		t.Fatal(err)
	}
	served := registerAndStart(t, registry, directory, options...)
	served.records = records
	return served
}

// getUser asks for a user and returns the HTTP status.
func (s *served) getUser(t *testing.T, credential, id string) int {
	t.Helper()
	status, _ := s.send(t, s.client(t, 1), "/demo.v1.AccountService/GetUser", strings.NewReader(`{"userId":"`+id+`"}`),
		"Authorization", credential)
	return status
}

// The message that an interceptor puts in place of another is the one that is
// validated, decided on and handled.
func TestInterceptorSwapsMessage(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, caller, asked, swapped string
		want                         int
	}{
		{"own for another's", ann, ann, bob, http.StatusForbidden},
		{"another's for own", ann, bob, ann, http.StatusOK},
		{"nothing changed", ann, ann, ann, http.StatusOK},
		{"valid for invalid", ann, ann, "me", http.StatusBadRequest},
		{"invalid for valid", ann, "me", ann, http.StatusOK},
	} {
		for _, door := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/door=%t", test.name, door), func(t *testing.T) {
				t.Parallel()
				users := &directory{}
				options := []server.Option{server.WithInterceptors(around(
					func(ctx context.Context, spec connect.Spec, stream connect.ServerStream, next connect.ServerFunc) error {
						return next(ctx, spec, changedStream{ServerStream: stream, received: func(message any) {
							message.(*demov1.GetUserRequest).UserId = test.swapped
						}})
					}))}
				if door {
					options = append(options, server.WithFrontDoor())
				}
				served := serveUsers(t, users, options...)
				if got := served.getUser(t, "Bearer "+test.caller, test.asked); got != test.want {
					t.Errorf("status %d", got)
				}
				asked := users.asked.Load()
				if allowed := test.want == http.StatusOK; allowed != (asked != nil) {
					t.Errorf("the handler was asked for %v", asked)
				} else if allowed && *asked != test.swapped {
					t.Errorf("the handler was asked for %s", *asked)
				}
				if kept := served.take(); len(kept) != 1 || (kept[0].Outcome == event.Allow) != (test.want == http.StatusOK) {
					t.Errorf("recorded %v", kept)
				}
			})
		}
	}
}

// What an interceptor does with next, the handler runs at most once, for what its gate
// admitted, and the fault is logged.
func TestInterceptorFaults(t *testing.T) {
	t.Parallel()
	type function = func(ctx context.Context, spec connect.Spec, stream connect.ServerStream, next connect.ServerFunc) error
	// The context, the Spec and the stream of an admin's call that is going on.
	type call struct {
		ctx  context.Context
		spec connect.Spec
	}
	stolen := make(chan call, 100)
	steal := around(func(ctx context.Context, spec connect.Spec, stream connect.ServerStream, next connect.ServerFunc) error {
		stolen <- call{ctx, spec}
		return next(ctx, spec, stream)
	})
	held := hold(false)
	other := serve(t, &held.directory, server.WithInterceptors(steal))
	answers := other.call(t, curlPost, 1)
	<-held.entered
	admins := <-stolen
	t.Cleanup(func() {
		close(held.leave)
		if got := <-answers; got.code != 0 || got.err != nil {
			t.Errorf("the call that was used by others: %+v", got)
		}
	})

	for name, test := range map[string]struct {
		credential string
		intercept  function
		want       connect.Code
		handled    int64
		logged     string
	}{
		"a second time": {"Bearer admin", func(ctx context.Context, spec connect.Spec, stream connect.ServerStream, next connect.ServerFunc) error {
			err := next(ctx, spec, stream)
			_ = next(ctx, spec, stream)
			return err
		}, 0, 1, "a second time"},
		"a second time after a denial": {"Bearer member", func(ctx context.Context, spec connect.Spec, stream connect.ServerStream, next connect.ServerFunc) error {
			_ = next(ctx, spec, stream)
			return next(ctx, spec, stream)
		}, connect.CodeInternal, 0, "a second time"},
		"twice at once": {"Bearer member", func(ctx context.Context, spec connect.Spec, stream connect.ServerStream, next connect.ServerFunc) error {
			errs := make(chan error, 2)
			for range 2 {
				go func() { errs <- next(ctx, spec, stream) }()
			}
			if first, second := <-errs, <-errs; connect.CodeOf(first) == connect.CodeInternal {
				return second
			} else {
				return first
			}
		}, connect.CodePermissionDenied, 0, "a second time"},
		"with no context of a call": {"Bearer admin", func(_ context.Context, spec connect.Spec, stream connect.ServerStream, next connect.ServerFunc) error {
			return next(context.Background(), spec, stream)
		}, connect.CodeInternal, 0, "not the call's"},
		"with another call's context": {"Bearer member", func(_ context.Context, spec connect.Spec, stream connect.ServerStream, next connect.ServerFunc) error {
			return next(admins.ctx, spec, stream)
		}, connect.CodeInternal, 0, "a second time"},
		"with another call's CallInfo": {"Bearer member", func(ctx context.Context, spec connect.Spec, stream connect.ServerStream, next connect.ServerFunc) error {
			return next(both{ctx, admins.ctx}, spec, stream)
		}, connect.CodeInternal, 0, "of another call"},
		"with another call's Spec": {"Bearer admin", func(ctx context.Context, spec connect.Spec, stream connect.ServerStream, next connect.ServerFunc) error {
			spec.Procedure = "/demo.v1.AccountService/SignIn"
			return next(ctx, spec, stream)
		}, connect.CodeInternal, 0, "of another call"},
		"with a context derived": {"Bearer admin", func(ctx context.Context, spec connect.Spec, stream connect.ServerStream, next connect.ServerFunc) error {
			ctx, cancel := context.WithTimeout(context.WithValue(ctx, &stolen, 1), soon)
			defer cancel()
			return next(ctx, spec, stream)
		}, 0, 1, ""},
		"never": {"Bearer admin", func(context.Context, connect.Spec, connect.ServerStream, connect.ServerFunc) error {
			return nil
		}, connect.CodeInternal, 0, "neither an answer nor an error"},
		"and drops a denial": {"Bearer member", func(ctx context.Context, spec connect.Spec, stream connect.ServerStream, next connect.ServerFunc) error {
			_ = next(ctx, spec, stream)
			return nil
		}, connect.CodePermissionDenied, 0, "dropped the error"},
		"and fails the call": {"Bearer admin", func(context.Context, connect.Spec, connect.ServerStream, connect.ServerFunc) error {
			return connect.NewError(connect.CodeUnavailable, "too busy")
		}, connect.CodeUnavailable, 0, ""},
		"and answers by itself": {"", func(_ context.Context, _ connect.Spec, stream connect.ServerStream, _ connect.ServerFunc) error {
			return stream.Send(&demov1.ListUsersResponse{Users: []*demov1.User{{Name: "Ada"}}})
		}, 0, 0, ""},
		"and answers where it was denied": {"Bearer member", func(ctx context.Context, spec connect.Spec, stream connect.ServerStream, next connect.ServerFunc) error {
			_ = next(ctx, spec, stream)
			return stream.Send(&demov1.ListUsersResponse{Users: []*demov1.User{{Name: "Ada"}}})
		}, 0, 0, ""},
		"and panics": {"Bearer admin", func(context.Context, connect.Spec, connect.ServerStream, connect.ServerFunc) error {
			panic("a fault")
		}, connect.CodeInternal, 0, "a value of type string"},
		"after it has returned": {"Bearer admin", func(ctx context.Context, spec connect.Spec, stream connect.ServerStream, next connect.ServerFunc) error {
			over := context.WithoutCancel(ctx)
			context.AfterFunc(ctx, func() { _ = next(over, spec, stream) })
			return connect.NewError(connect.CodeUnavailable, "too busy")
		}, connect.CodeUnavailable, 0, "after it had returned"},
		"with a credential of its own": {"Bearer member", func(ctx context.Context, spec connect.Spec, stream connect.ServerStream, next connect.ServerFunc) error {
			info, _ := connect.CallInfoForServerContext(ctx)
			info.RequestHeader().Set("Authorization", "Bearer admin")
			return next(ctx, spec, stream)
		}, 0, 1, ""},
	} {
		for protocol, wire := range protocols {
			t.Run(name+"/"+protocol, func(t *testing.T) {
				t.Parallel()
				served := serve(t, &directory{name: "Ada"}, server.WithInterceptors(passing, around(test.intercept), passing))
				got, code, err := generated(wire...)(served.client(t, 2), served.url, test.credential, &demov1.ListUsersRequest{})
				if err != nil || code != test.want || (code == 0) != (got == "Ada") {
					t.Errorf("got %q with code %v, %v", got, code, err)
				}
				if err := served.stop(); err != nil {
					t.Error(err)
				}
				if got := served.handled.Load(); got != test.handled {
					t.Errorf("the handler ran %d times", got)
				}
				if log := served.log.take(); !strings.Contains(log, test.logged) || test.logged == "" && strings.Contains(log, "fault") {
					t.Errorf("logged %s", log)
				}
			})
		}
	}
}

// both is a context of one call with the CallInfo of another.
type both struct {
	context.Context

	other context.Context
}

func (b both) Value(key any) any {
	if info, ok := b.other.Value(key).(*connect.CallInfo); ok {
		return info
	}
	return b.Context.Value(key)
}

// An interceptor that gives up on a slow call ends its context; the answer does not
// overtake the handler, which would then write to a call that is over.
func TestInterceptorReturnsEarly(t *testing.T) {
	t.Parallel()
	for _, major := range []int{1, 2} {
		held := hold(false)
		impatient := around(func(ctx context.Context, spec connect.Spec, stream connect.ServerStream, next connect.ServerFunc) error {
			go func() { _ = next(ctx, spec, stream) }()
			<-held.entered
			return connect.NewError(connect.CodeDeadlineExceeded, "too slow")
		})
		var ended time.Time
		wait := held.hold
		held.hold = func(ctx context.Context) error {
			err := wait(ctx)
			ended = time.Now()
			return err
		}
		served := serve(t, &held.directory, server.WithInterceptors(impatient))
		got := <-served.call(t, curlPost, major)
		if got.code != connect.CodeDeadlineExceeded || got.err != nil {
			t.Errorf("HTTP/%d: %+v", major, got)
		}
		if ended.IsZero() {
			t.Error("the answer came before the handler had ended")
		}
	}
}

// Interceptors see the messages of streams, and the error that ends one.
func TestInterceptorsOnStreams(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var seen []string
	note := func(what string) {
		mu.Lock()
		defer mu.Unlock()
		seen = append(seen, what)
	}
	watching := around(func(ctx context.Context, spec connect.Spec, stream connect.ServerStream, next connect.ServerFunc) error {
		err := next(ctx, spec, changedStream{
			ServerStream: stream,
			received:     func(message any) { note("in " + message.(*text).GetValue()) },
			sending:      func(message any) { note("out " + message.(*text).GetValue()) },
		})
		if err != nil {
			note(connect.CodeOf(err).String())
		}
		return err
	})
	served, _ := serveStreams(t, 0, server.WithInterceptors(watching), server.WithMaxStreamMessages(2))
	for name, test := range map[string]struct {
		messages []string
		want     string
		code     connect.Code
		seen     []string
	}{
		"Down": {[]string{"a"}, "aaa", 0, []string{"in a", "out a", "out a", "out a"}},
		"Up":   {[]string{"a", "b"}, "ab", 0, []string{"in a", "in b", "out ab"}},
		"Both": {[]string{"a", "b", "c"}, "ab", connect.CodeResourceExhausted, []string{"in a", "out a", "in b", "out b", "in c", "resource_exhausted"}},
	} {
		got, err := converse(served.client(t, 2), served.url, name, 0, test.messages)
		if got != test.want || (err != nil) != (test.code != 0) || err != nil && connect.CodeOf(err) != test.code {
			t.Errorf("%s: got %q, %v", name, got, err)
		}
		mu.Lock()
		if !slices.Equal(seen, test.seen) {
			t.Errorf("%s: seen %q", name, seen)
		}
		seen = nil
		mu.Unlock()
	}
}

// An interceptor cannot turn the error of a stream into an end without one.
func TestInterceptorDropsStreamError(t *testing.T) {
	t.Parallel()
	dropping := around(func(ctx context.Context, spec connect.Spec, stream connect.ServerStream, next connect.ServerFunc) error {
		_ = next(ctx, spec, stream)
		return nil
	})
	served, _ := serveStreams(t, 0, server.WithInterceptors(dropping), server.WithMaxStreamMessages(2))
	for protocol, options := range protocols {
		got, err := converse(served.client(t, 2), served.url, "Both", 0, []string{"a", "b", "c"}, options...)
		if got != "ab" || connect.CodeOf(err) != connect.CodeResourceExhausted {
			t.Errorf("%s: got %q, %v", protocol, got, err)
		}
		if got, err := converse(served.client(t, 2), served.url, "Both", 0, []string{"a", "b"}, options...); got != "ab" || err != nil {
			t.Errorf("%s: got %q, %v", protocol, got, err)
		}
	}
}

func TestNewRefusesInterceptors(t *testing.T) {
	t.Parallel()
	nothing := func(connect.ServerFunc) connect.ServerFunc { return nil }
	for name, test := range map[string]struct {
		interceptors []connect.ServerInterceptor
		want         string
	}{
		"none":             {nil, ""},
		"good ones":        {[]connect.ServerInterceptor{passing, passing}, ""},
		"nil":              {[]connect.ServerInterceptor{passing, nil}, "server: an interceptor is nil"},
		"a nil function":   {[]connect.ServerInterceptor{passing, nothing}, "server: interceptor 2 returns a nil function"},
		"nil and a spoilt": {[]connect.ServerInterceptor{nil, nothing}, "server: an interceptor is nil"},
	} {
		registry, _ := newRegistry(t)
		if err := registerDirectory(registry, &directory{}); err != nil {
			t.Fatal(err)
		}
		srv, err := server.New(registry, server.WithInterceptors(test.interceptors...))
		if test.want == "" {
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
		} else if srv != nil || err == nil || err.Error() != test.want {
			t.Errorf("%s: %v", name, err)
		}
	}
}
