package action_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"connectrpc.com/connect/v2"
	"connectrpc.com/connect/v2/connectinprocess"
	"connectrpc.com/connect/v2/connectproto"
	"google.golang.org/genproto/googleapis/rpc/errdetails"

	"github.com/google/go-cmp/cmp"
	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/action/actiontest"
	"github.com/sallyport-rpc/sallyport/action/event"
	"github.com/sallyport-rpc/sallyport/authn"
	testv1 "github.com/sallyport-rpc/sallyport/gen/test/v1"
	"github.com/sallyport-rpc/sallyport/gen/test/v1/testv1action"
	"github.com/sallyport-rpc/sallyport/gen/test/v1/testv1client"
	"github.com/sallyport-rpc/sallyport/limit"
)

// A fakeLimiter notes what it is asked to count, and refuses what a test says.
type fakeLimiter struct {
	recorder *recorder

	mu     sync.Mutex
	full   map[limit.Per]time.Duration // what has no room, and for how long
	err    error
	thrown any
	keys   []string // of what it counted
}

func (l *fakeLimiter) Take(_ context.Context, buckets []limit.Bucket) (wait time.Duration, over int, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var names []string
	for i, bucket := range buckets {
		names = append(names, bucket.Limit.Per.String())
		if longer := l.full[bucket.Limit.Per]; longer > wait {
			wait, over = longer, i
		}
		l.keys = append(l.keys, fmt.Sprint(methodName(bucket.Procedure), " ", bucket.Limit.Per, " ", bucket.Principal, " ", bucket.Network))
	}
	l.recorder.note("count " + strings.Join(names, " "))
	if l.thrown != nil {
		panic(l.thrown)
	}
	return wait, over, l.err
}

func (l *fakeLimiter) set(full map[limit.Per]time.Duration, err error, thrown any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.full, l.err, l.thrown, l.keys = full, err, thrown, nil
}

// newLimitedFixture serves the actions with limits alone, and counts by a limiter or, where
// that is nil, by one that refuses nothing.
func newLimitedFixture(tb testing.TB, limiter limit.Limiter) (*fixture, *fakeLimiter) {
	tb.Helper()
	recorder := &recorder{}
	fake := &fakeLimiter{recorder: recorder}
	if limiter == nil {
		limiter = fake
	}
	fixture := &fixture{
		recorder: recorder,
		handlers: &handlers{recorder: recorder},
		session:  &fakeAuthenticator{recorder: recorder, scheme: "session"},
		bearer:   &fakeAuthenticator{recorder: recorder, scheme: "bearer"},
		now:      &atomic.Pointer[time.Time]{},
		specs:    map[string]connect.Spec{},
	}
	fixture.now.Store(&noon)
	fixture.registry = must(action.NewRegistry(authn.Schemes{"session": fixture.session, "bearer": fixture.bearer},
		action.WithRecorder(recorder), action.WithLimiter(limiter), actiontest.WithClock(tb, func() time.Time { return *fixture.now.Load() })))
	if err := testv1action.RegisterLimitService(fixture.registry, fixture.handlers); err != nil {
		tb.Fatal(err)
	}
	fixture.open(tb, must(fixture.registry.Methods()))
	return fixture, fake
}

func limited(method string) string { return "/" + testv1client.LimitServiceName + "/" + method }

// TestLimitOrder sends to every action with limits, every way in, a request that every step
// would refuse, and then fixes it step by step. A step that refuses is the last that ran:
// addresses and the action are counted before the message is read, principals after they
// are authenticated.
func TestLimitOrder(t *testing.T) {
	t.Parallel()
	fixture, limiter := newLimitedFixture(t, nil)
	for _, described := range fixture.registry.Actions() {
		fixture.alone(t, methodName(described.Procedure), func(t *testing.T) {
			fixture.through(t, described.Procedure, func(t *testing.T, way way) {
				steps := limitedSteps(described)
				for from := range len(steps) + 1 {
					askLimitedFrom(t, fixture, limiter, way, described, steps, from)
				}
			})
		})
	}
}

// limitedSteps returns the steps of an action that can refuse, in their order.
func limitedSteps(described action.Action) []string {
	switch name := methodName(described.Procedure); {
	case len(described.Schemes) == 0:
		return []string{"limit", "decode", "validate"}
	case name == "LimitedCollectOpen":
		return []string{"limit", "authenticate", "limit principal", "authorize"}
	case strings.HasSuffix(name, "Open"):
		return []string{"limit", "authenticate", "limit principal", "authorize", "decode", "validate"}
	default:
		return []string{"limit", "decode", "validate", "authenticate", "limit principal", "authorize"}
	}
}

func askLimitedFrom(t *testing.T, fixture *fixture, limiter *fakeLimiter, way way, described action.Action, steps []string, from int) {
	t.Helper()
	refuses := map[string]bool{}
	for _, step := range steps[from:] {
		refuses[step] = true
	}
	full := map[limit.Per]time.Duration{}
	if refuses["limit"] {
		full[limit.Action] = time.Minute
	}
	if refuses["limit principal"] {
		full[limit.Principal] = time.Minute
	}
	limiter.set(full, nil, nil)
	request, authorization := owned("alice"), as("session", "alice")
	if refuses["validate"] {
		request.First = 101
	}
	if refuses["authorize"] {
		authorization = as("session", "visitor")
	}
	if refuses["authenticate"] {
		authorization = as("session", "unknown")
	}
	var message any = request
	if refuses["decode"] {
		message = raw("\x0a\xff")
	}
	got := fixture.ask(t.Context(), way, described.Procedure, authorization, message)

	var want []string
	for i, step := range steps[:min(from+1, len(steps))] {
		switch {
		case step == "limit":
			want = append(want, "count action address")
		case step == "limit principal":
			want = append(want, "count principal")
		case step == "authenticate" && i < from:
			want = append(want, "ask session", "ask bearer")
		case step == "authenticate":
			want = append(want, "ask session")
		}
	}
	if from < len(steps) {
		stage, _, _ := strings.Cut(steps[from], " ")
		fixture.expect(t, append(want, "deny at "+stage)...)
		code := map[string]connect.Code{
			"limit": connect.CodeResourceExhausted, "decode": connect.CodeInvalidArgument, "validate": connect.CodeInvalidArgument,
			"authenticate": connect.CodeUnauthenticated, "authorize": connect.CodePermissionDenied,
		}[stage]
		if got.err == nil || connect.CodeOf(got.err) != code || len(got.responses) > 0 {
			t.Errorf("refused at %s: got %v, want %s", steps[from], got.err, code)
		}
		return
	}
	want = append(want, "allow at handle", "handle")
	if fixture.specs[described.Procedure].StreamType&connect.StreamTypeClient != 0 {
		want = append(want, "receive alice")
	}
	fixture.expect(t, want...)
	if got.err != nil {
		t.Errorf("refused by no step: got %v", got.err)
	}
}

// A stream counts once, as it opens: messages count nothing, and one that ends without a
// message has counted.
func TestLimitStreamsCountOnce(t *testing.T) {
	t.Parallel()
	fixture, _ := newLimitedFixture(t, nil)
	for name, messages := range map[string][]any{"none": nil, "three": {owned("alice"), owned("alice"), owned("alice")}} {
		for _, method := range []string{"LimitedCollectOpen", "LimitedCollectFirst", "LimitedChatEvery"} {
			fixture.alone(t, name+"/"+method, func(t *testing.T) {
				fixture.through(t, limited(method), func(t *testing.T, way way) {
					fixture.ask(t.Context(), way, limited(method), as("session", "alice"), messages...)
					events, _ := fixture.take()
					counted := 0
					for _, event := range events {
						if strings.HasPrefix(event, "count ") {
							counted++
						}
					}
					if counted != 2 {
						t.Errorf("counted %d times, want once before and once after: %q", counted, events)
					}
				})
			})
		}
	}
}

// The caller is told when to come again, on every way in, and the operator which limit had
// no room: of several the one that the caller has to wait for.
func TestLimitAnswer(t *testing.T) {
	t.Parallel()
	fixture, limiter := newLimitedFixture(t, nil)
	limiter.set(map[limit.Per]time.Duration{limit.Address: 1500 * time.Millisecond, limit.Action: time.Second}, nil, nil)
	for _, method := range []string{"LimitedRead", "LimitedWatchFirst", "LimitedCollectOpen", "LimitedChatEvery"} {
		fixture.alone(t, method, func(t *testing.T) {
			fixture.through(t, limited(method), func(t *testing.T, way way) {
				ctx, info := connect.NewClientContext(t.Context())
				info.RequestHeader().Set("Authorization", as("session", "alice"))
				spec := fixture.specs[limited(method)]
				var err error
				if spec.StreamType == connect.StreamTypeUnary {
					err = way.client.CallUnary(ctx, spec, owned("alice"), new(testv1.Response))
				} else {
					err = converse(ctx, way.client, spec, []any{owned("alice")}).err
				}
				told, _ := errors.AsType[*connect.Error](err)
				if told == nil || told.Code() != connect.CodeResourceExhausted || told.Message() != "too many requests" || len(told.Details()) != 1 {
					t.Fatalf("got %v", err)
				}
				value, err := connectproto.UnmarshalErrorDetail(told.Details()[0])
				if retry, ok := value.(*errdetails.RetryInfo); err != nil || !ok || retry.GetRetryDelay().AsDuration() != 1500*time.Millisecond {
					t.Errorf("the detail is %v (%v)", value, err)
				}
				header := append(info.ResponseHeader().Values("Retry-After"), info.ResponseTrailer().Values("Retry-After")...)
				if len(header) != 1 || header[0] != "2" {
					t.Errorf("Retry-After is %q", header)
				}
				_, decisions := fixture.take()
				if len(decisions) != 1 || decisions[0].Stage != event.StageLimit || decisions[0].PrincipalID != "" ||
					!decisions[0].Time.Equal(noon) || decisions[0].Reason != "over the limit: 3 a minute of each address, 3 at once" {
					t.Errorf("the decisions are %+v", decisions)
				}
			})
		})
	}
}

// A limiter that fails or panics lets no call through.
func TestLimitFaults(t *testing.T) {
	t.Parallel()
	fixture, limiter := newLimitedFixture(t, nil)
	for name, test := range map[string]struct {
		err    error
		thrown any
		code   connect.Code
	}{
		"an error": {errors.New("connection refused"), nil, connect.CodeUnavailable},
		"a panic":  {nil, planted, connect.CodeInternal},
	} {
		for _, method := range []string{"LimitedPublic", "LimitedRead", "LimitedCollectOpen", "LimitedChatEvery"} {
			fixture.alone(t, name+"/"+method, func(t *testing.T) {
				fixture.through(t, limited(method), func(t *testing.T, way way) {
					limiter.set(nil, test.err, test.thrown)
					got := fixture.ask(t.Context(), way, limited(method), as("session", "alice"), owned("alice"))
					if got.err == nil || connect.CodeOf(got.err) != test.code || strings.Contains(got.err.Error(), "refused") || strings.Contains(got.err.Error(), planted) {
						t.Errorf("got %v, want %s", got.err, test.code)
					}
					fixture.expect(t, "count action address", "deny at limit")
				})
			})
		}
	}
	if _, err := action.NewRegistry(nil, action.WithLimiter(nil)); err == nil {
		t.Error("a nil limiter is taken")
	}
}

// Through the real limiter a limit has room for so many calls, on every way in, of any
// outcome, and then for none.
func TestLimitCounts(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		method, caller string
		request        any
		admitted       int
		code           connect.Code // of the calls that the limit admits; 0 for success
	}{
		"a principal":                     {"LimitedRead", "alice", owned("alice"), 2, 0},
		"a principal that is not allowed": {"LimitedRead", "visitor", owned("alice"), 2, connect.CodePermissionDenied},
		"an address":                      {"LimitedPublic", "", owned("alice"), 3, 0},
		"a stranger":                      {"LimitedRead", "unknown", owned("alice"), 3, connect.CodeUnauthenticated},
		"requests that are not valid":     {"LimitedRead", "alice", owned(""), 3, connect.CodeInvalidArgument},
		"requests that cannot be read":    {"LimitedRead", "alice", raw("\x0a\xff"), 3, connect.CodeInvalidArgument},
		"a stream":                        {"LimitedWatchFirst", "alice", owned("alice"), 2, 0},
		"a stream of requests":            {"LimitedCollectOpen", "alice", owned("alice"), 2, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for i := range 8 { // the ways in
				fixture, _ := newLimitedFixture(t, must(limit.NewMemory()))
				way, spec := fixture.ways[i], fixture.specs[limited(test.method)]
				if way.get && spec.IdempotencyLevel != connect.IdempotencyNoSideEffects {
					continue
				}
				for call := range test.admitted + 2 {
					want := connect.CodeResourceExhausted
					if call < test.admitted {
						want = test.code
					}
					got := fixture.ask(t.Context(), way, limited(test.method), as("session", test.caller), test.request)
					if (got.err == nil) != (want == 0) || got.err != nil && connect.CodeOf(got.err) != want {
						t.Errorf("%s: call %d: got %v, want %v", way.name, call, got.err, want)
					}
				}
			}
		})
	}
}

// A principal counts once with all its credentials, and another one counts apart. Where
// nothing tells the addresses apart, they count as one.
func TestLimitPrincipalsByID(t *testing.T) {
	t.Parallel()
	fixture, limiter := newLimitedFixture(t, nil)
	way := fixture.ways[0]
	for _, authorization := range []string{as("session", "alice"), as("bearer", "alice"), as("session", "owner")} {
		fixture.ask(t.Context(), way, limited("LimitedRead"), authorization, owned("alice"))
	}
	limiter.mu.Lock()
	defer limiter.mu.Unlock()
	of := func(principal string) []string {
		return []string{"LimitedRead action  invalid Prefix", "LimitedRead address  invalid Prefix", "LimitedRead principal " + principal + " invalid Prefix"}
	}
	want := strings.Join(append(append(of("alice"), of("alice")...), of("owner")...), "\n")
	if got := strings.Join(limiter.keys, "\n"); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// A call by Registry.InProcess has no address to count.
func TestLimitInProcess(t *testing.T) {
	t.Parallel()
	fixture, _ := newLimitedFixture(t, nil)
	client := connect.NewClient(must(fixture.registry.InProcess()))
	ctx := authn.WithPeer(t.Context(), &authn.Peer{}) // of another call, as that of a handler
	for _, method := range []string{"LimitedRead", "LimitedWatchFirst", "LimitedCollectOpen"} {
		fixture.take()
		got := fixture.ask(ctx, way{client: client}, limited(method), as("session", "alice"), owned("alice"))
		events, _ := fixture.take()
		if got.err != nil || events[0] != "count action" {
			t.Errorf("%s: got %v, %q", method, got.err, events)
		}
	}
}

// What May is asked is not counted, and neither is a rehearsal.
func TestLimitIsNotUsedUpByQuestions(t *testing.T) {
	t.Parallel()
	fixture, limiter := newLimitedFixture(t, nil)
	limiter.set(map[limit.Per]time.Duration{limit.Action: time.Hour, limit.Principal: time.Hour}, nil, nil)
	alice := authn.NewPrincipal("alice", authn.Details{Scheme: "session", Unscoped: true, Roles: []string{"owner"}})
	decision := fixture.registry.May(t.Context(), alice, action.Question{Procedure: limited("LimitedRead"), Request: owned("alice")})
	if decision.Outcome != event.Allow {
		t.Errorf("May says %+v", decision)
	}
	fixture.expect(t, "allow at handle")
}

// The front door counts a call before it looks at credentials, and the gate does not count
// it again; a call that a handler makes with its context counts by itself.
func TestLimitAtFrontDoor(t *testing.T) {
	t.Parallel()
	fixture, limiter := newLimitedFixture(t, nil)
	server := connect.NewServer(must(fixture.registry.FrontDoor()))
	server.Register(must(fixture.registry.Methods())...)
	front := way{client: connect.NewClient(connectinprocess.New(server))}
	got := fixture.ask(t.Context(), front, limited("LimitedRead"), as("session", "alice"), owned("alice"))
	if got.err != nil {
		t.Error(got.err)
	}
	fixture.expect(t, "count action address", "ask session", "ask bearer", "ask session", "ask bearer", "count principal", "allow at handle", "handle")

	inside := connect.NewClient(must(fixture.registry.InProcess()))
	fixture.handlers.unary = func(ctx context.Context, call *call) (*testv1.Response, error) {
		if call.Message().GetFirst() == 0 {
			return &testv1.Response{}, nil
		}
		ctx, info := connect.NewClientContext(ctx)
		info.RequestHeader().Set("Authorization", as("session", "alice"))
		response := new(testv1.Response)
		return response, inside.CallUnary(ctx, fixture.specs[limited("LimitedRead")], owned("alice"), response)
	}
	request := owned("alice")
	request.First = 1
	if got := fixture.ask(t.Context(), front, limited("LimitedRead"), as("session", "alice"), request); got.err != nil {
		t.Error(got.err)
	}
	fixture.expect(t, "count action address", "ask session", "ask bearer", "ask session", "ask bearer", "count principal", "allow at handle", "handle",
		"count action", "ask session", "ask bearer", "count principal", "allow at handle", "handle")
	fixture.handlers.unary = nil

	limiter.set(map[limit.Per]time.Duration{limit.Action: time.Second}, nil, nil)
	got = fixture.ask(t.Context(), front, limited("LimitedRead"), as("session", "alice"), owned("alice"))
	if connect.CodeOf(got.err) != connect.CodeResourceExhausted {
		t.Errorf("got %v", got.err)
	}
	fixture.expect(t, "count action address", "deny at limit")
}

// Counting comes before the message has come, and what is decided is still about the time
// when it was there: a credential that has expired meanwhile lets nothing through.
func TestLimitLeavesTheTimeAlone(t *testing.T) {
	t.Parallel()
	for _, method := range []string{"LimitedCollectFirst", "LimitedChatEvery"} {
		fixture, _ := newLimitedFixture(t, nil)
		ctx, info := connect.NewClientContext(t.Context())
		info.RequestHeader().Set("Authorization", as("session", "alice"))
		stream := must(fixture.ways[len(fixture.ways)-1].client.CallClientStream(ctx, fixture.specs[limited(method)]))
		if err := stream.SendHeaders(); err != nil {
			t.Fatal(err)
		}
		fixture.await(t, "count action address")
		later := noon.Add(2 * time.Hour)
		fixture.now.Store(&later)
		_ = stream.Send(owned("alice")) // the answer says why it fails
		stream.CloseSend()
		if err := stream.Receive(new(testv1.Response)); connect.CodeOf(err) != connect.CodeUnauthenticated {
			t.Errorf("%s: got %v", method, err)
		}
		stream.Close()
		fixture.expect(t, "count action address", "ask session", "ask bearer", "deny at authenticate")
	}
}

// A declared limit is there for people to review, in the order written.
func TestLimitIsDescribed(t *testing.T) {
	t.Parallel()
	fixture, _ := newLimitedFixture(t, nil)
	want := "[5 an hour in all, 5 at once 3 a minute of each address, 3 at once]"
	if got := fmt.Sprint(fixture.registry.Actions()[0].Limits); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func (h *handlers) LimitedPublic(ctx context.Context, call *anonymousCall) (*testv1.Response, error) {
	return h.Public(ctx, call)
}

func (h *handlers) LimitedRead(ctx context.Context, call *call) (*testv1.Response, error) {
	return h.doUnary(ctx, call)
}

func (h *handlers) LimitedWatchOpen(ctx context.Context, call *call, out *responses) error {
	return h.WatchOpen(ctx, call, out)
}

func (h *handlers) LimitedWatchFirst(ctx context.Context, call *call, out *responses) error {
	return h.WatchFirst(ctx, call, out)
}

func (h *handlers) LimitedCollectOpen(ctx context.Context, in *requests) (*testv1.Response, error) {
	return h.CollectOpen(ctx, in)
}

func (h *handlers) LimitedCollectFirst(ctx context.Context, in *requests) (*testv1.Response, error) {
	return h.CollectOpen(ctx, in)
}

func (h *handlers) LimitedChatEvery(ctx context.Context, in *dialogue) error {
	return h.ChatOpen(ctx, in)
}

// Calls from two networks count apart, and those from one network count as one.
func TestLimitAddressesByNetwork(t *testing.T) {
	t.Parallel()
	fixture, limiter := newLimitedFixture(t, nil)
	for _, address := range []string{"192.0.2.7", "2001:db8::1", "2001:db8::2"} {
		server := connect.NewServer(func(next connect.ServerFunc) connect.ServerFunc {
			return func(ctx context.Context, spec connect.Spec, stream connect.ServerStream) error {
				return next(authn.WithPeer(ctx, &authn.Peer{Address: netip.MustParseAddr(address)}), spec, stream)
			}
		})
		server.Register(must(fixture.registry.Methods())...)
		if err := server.Call(t.Context(), limited("LimitedPublic"), nil, sends{owned("alice")}); err != nil {
			t.Error(err)
		}
	}
	var networks []string
	for _, key := range limiter.keys {
		if of, ok := strings.CutPrefix(key, "LimitedPublic address  "); ok {
			networks = append(networks, of)
		}
	}
	if diff := cmp.Diff([]string{"192.0.2.7/32", "2001:db8::/64", "2001:db8::/64"}, networks); diff != "" {
		t.Errorf("what was counted (-want +got):\n%s", diff)
	}
}
