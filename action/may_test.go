package action_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"connectrpc.com/connect/v2"
	"connectrpc.com/connect/v2/connectinprocess"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/action/actiongen"
	"github.com/sallyport-rpc/sallyport/action/actiontest"
	"github.com/sallyport-rpc/sallyport/action/event"
	"github.com/sallyport-rpc/sallyport/authn"
	demov1 "github.com/sallyport-rpc/sallyport/gen/demo/v1"
	sallyportv1 "github.com/sallyport-rpc/sallyport/gen/sallyport/v1"
	testv1 "github.com/sallyport-rpc/sallyport/gen/test/v1"
	"github.com/sallyport-rpc/sallyport/gen/test/v1/testv1action"
	"github.com/sallyport-rpc/sallyport/gen/test/v1/testv1client"
	"github.com/sallyport-rpc/sallyport/internal/declare/declaretest"
)

// capturingHandlers keep the principal of a call of Anyone.
type capturingHandlers struct {
	*handlers

	principal *authn.Principal
}

func (c *capturingHandlers) Anyone(_ context.Context, call *call) (*testv1.Response, error) {
	c.principal = call.Principal()
	return &testv1.Response{}, nil
}

// A mayFixture is a registry to ask questions of.
type mayFixture struct {
	*recorder

	registry          *action.Registry
	capturingHandlers *capturingHandlers
	client            testv1client.UnaryServiceClient
	now               time.Time
}

func newMayFixture(t *testing.T) *mayFixture {
	t.Helper()
	o := &mayFixture{recorder: &recorder{}, now: noon}
	handlers := &handlers{recorder: o.recorder}
	o.capturingHandlers = &capturingHandlers{handlers: handlers}
	schemes := authn.Schemes{
		"session": &fakeAuthenticator{recorder: o.recorder, scheme: "session"},
		"bearer":  &fakeAuthenticator{recorder: o.recorder, scheme: "bearer"},
	}
	o.registry = must(action.NewRegistry(schemes, action.WithRecorder(o.recorder), actiontest.WithClock(t, func() time.Time { return o.now })))
	if err := testv1action.RegisterUnaryService(o.registry, o.capturingHandlers, handlers); err != nil {
		t.Fatal(err)
	}
	server := connect.NewServer()
	server.Register(must(o.registry.Methods())...)
	o.client = testv1client.NewUnaryServiceClient(connect.NewClient(connectinprocess.New(server)))
	return o
}

// signIn returns a principal as a gate has let it through.
func (o *mayFixture) signIn(t *testing.T, name string) *authn.Principal {
	t.Helper()
	if name == "" {
		return nil
	}
	ctx, info := connect.NewClientContext(t.Context())
	info.RequestHeader().Set("Authorization", as("session", name))
	if _, err := o.client.Anyone(ctx, &testv1.Request{Owner: name}); err != nil {
		t.Fatal(err)
	}
	return o.capturingHandlers.principal
}

func TestMay(t *testing.T) {
	t.Parallel()
	own := func(owner string) proto.Message { return &testv1.Request{Owner: owner} }
	for name, test := range map[string]struct {
		method  string
		who     string
		request proto.Message
		want    connect.Code // 0 is an allow
		stage   event.Stage
	}{
		"anonymous action, signed out":    {"Public", "", own("x"), 0, event.StageHandle},
		"anonymous action, signed in":     {"Public", "viewer", own("x"), 0, event.StageHandle},
		"signed out":                      {"Own", "", own("alice"), connect.CodeUnauthenticated, event.StageAuthenticate},
		"own":                             {"Own", "alice", own("alice"), 0, event.StageHandle},
		"other":                           {"Own", "alice", own("bob"), connect.CodePermissionDenied, event.StageAuthorize},
		"role":                            {"Role", "owner", own("x"), 0, event.StageHandle},
		"no role":                         {"Role", "robot", own("x"), connect.CodePermissionDenied, event.StageAuthorize},
		"concealed":                       {"Concealed", "robot", own("x"), connect.CodeNotFound, event.StageAuthorize},
		"invalid":                         {"Own", "alice", own(""), connect.CodeInvalidArgument, event.StageValidate},
		"invalid comes before signed out": {"Own", "", own(""), connect.CodeInvalidArgument, event.StageValidate},
		"another request type":            {"Own", "alice", &demov1.GetUserRequest{UserId: "alice"}, connect.CodeInvalidArgument, event.StageDecode},
		"no request":                      {"Own", "alice", nil, connect.CodeInvalidArgument, event.StageDecode},
		"typed nil request":               {"Own", "alice", (*testv1.Request)(nil), connect.CodeInvalidArgument, event.StageDecode},
		"not fresh enough":                {"Fresh", "owner", own("x"), connect.CodeUnauthenticated, event.StageAuthenticate},
		"a value that is not there":       {"Undecided", "drifter", own("x"), connect.CodePermissionDenied, event.StageAuthorize},
		"no such action":                  {"Nothing", "alice", own("alice"), connect.CodeUnimplemented, event.StageDecode},
		"one of several grants":           {"Several", "steward", own("x"), 0, event.StageHandle},
		"none of several grants":          {"Several", "robot", own("x"), connect.CodePermissionDenied, event.StageAuthorize},
		"a check that is asked":           {"Checked", "viewer", own("x"), connect.CodePermissionDenied, event.StageAuthorize},
		"a grant that asks no check":      {"Checked", "owner", own("x"), 0, event.StageHandle},
		"an action of another scheme?":    {"Either", "alice", own("alice"), 0, event.StageHandle},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := newMayFixture(t)
			o.capturingHandlers.isOpen = func(context.Context, *authn.Principal, *testv1.Request) (bool, error) { return false, nil }
			principal := o.signIn(t, test.who)
			o.take()
			o.takeEvents()
			got := o.registry.May(t.Context(), principal, action.Question{Procedure: unary(test.method), Request: test.request})
			want := event.Allow
			if test.want != 0 {
				want = event.Deny
			}
			if got.Outcome != want || got.Code != test.want || got.Stage != test.stage {
				t.Errorf("got %s, code %s at %s: %s; want %s, code %s at %s", got.Outcome, got.Code, got.Stage, got.Reason, want, test.want, test.stage)
			}
			for _, event := range first(o.take()) {
				if event != "check" && event != fmt.Sprintf("%s at %s", got.Outcome, got.Stage) {
					t.Errorf("a question that calls nothing: %s", event)
				}
			}
			if events := o.takeEvents(); len(events) != 1 || events[0].Kind != event.Question || events[0].CallID == "" || !cmp.Equal(events[0].Decision, got, cmpopts.EquateErrors()) {
				t.Errorf("the question leaves %+v, want the event of one with %+v", events, got)
			}
		})
	}
}

func first[A, B any](a A, _ B) A { return a }

func TestMayTakesOnlyPrincipalsOfItsSchemes(t *testing.T) {
	t.Parallel()
	o := newMayFixture(t)
	for name, principal := range map[string]*authn.Principal{
		"that no gate has seen": authn.NewPrincipal("alice", authn.Details{Unscoped: true, Roles: []string{"owner"}}),
		"without an id":         authn.NewPrincipal("", authn.Details{Unscoped: true, Roles: []string{"owner"}}),
		"that is zero":          {},
	} {
		got := o.registry.May(t.Context(), principal, action.Question{Procedure: unary("Role"), Request: &testv1.Request{Owner: "x"}})
		if got.Outcome != event.Deny || got.Code != connect.CodeUnauthenticated {
			t.Errorf("a principal %s: %+v", name, got)
		}
	}
}

func TestMayBeforeTheRegistryIsSealed(t *testing.T) {
	t.Parallel()
	registry := must(action.NewRegistry(nil))
	got := registry.May(t.Context(), nil, action.Question{Procedure: unary("Public"), Request: &testv1.Request{Owner: "x"}})
	if got.Outcome != event.Deny || got.Code != connect.CodeInternal {
		t.Errorf("got %+v", got)
	}
}

func TestMayWithAnExpiredCredential(t *testing.T) {
	t.Parallel()
	o := newMayFixture(t)
	alice := o.signIn(t, "alice")
	question := action.Question{Procedure: unary("Own"), Request: &testv1.Request{Owner: "alice"}}
	if got := o.registry.May(t.Context(), alice, question); got.Outcome != event.Allow {
		t.Fatalf("got %+v", got)
	}
	o.now = alice.ExpiresAt()
	if got := o.registry.May(t.Context(), alice, question); got.Code != connect.CodeUnauthenticated {
		t.Errorf("got %+v", got)
	}
}

func TestMayEach(t *testing.T) {
	t.Parallel()
	o := newMayFixture(t)
	alice := o.signIn(t, "alice")
	var codes []connect.Code
	for _, decision := range o.registry.MayEach(t.Context(), alice,
		action.Question{Procedure: unary("Own"), Request: &testv1.Request{Owner: "alice"}},
		action.Question{Procedure: unary("Own"), Request: &testv1.Request{Owner: "bob"}},
		action.Question{Procedure: unary("Own"), Request: &testv1.Request{}},
	) {
		codes = append(codes, decision.Code)
	}
	if diff := cmp.Diff([]connect.Code{0, connect.CodePermissionDenied, connect.CodeInvalidArgument}, codes); diff != "" {
		t.Error(diff)
	}
	if got := o.registry.MayEach(t.Context(), alice); len(got) != 0 {
		t.Errorf("no questions, and yet %v", got)
	}
}

// A principal that a program makes says by which scheme it counts as authenticated. It is
// asked about as a caller by that scheme, in conditions too; without a scheme, or with one
// that the action does not take, it is denied before any grant is looked at.
func TestMayBySchemeOfThePrincipal(t *testing.T) {
	t.Parallel()
	by := func(cel string, schemes ...string) *sallyportv1.Action {
		return &sallyportv1.Action{Authenticate: &sallyportv1.Authenticate{Schemes: schemes}, Authorize: allow(&sallyportv1.Grant{Cel: &cel})}
	}
	rpcs := []rpc{
		{name: "IsSession", action: by("principal.scheme == 'session'", "session", "bearer")},
		{name: "NotSession", action: by("principal.scheme != 'session'", "session", "bearer")},
		{name: "Own", action: by("principal.id == request.owner", "session")},
		{name: "Open", action: anonymous()},
	}
	kept := &recorder{}
	// Its authenticators say another scheme, which counts for nothing: the gate's does.
	claimsBearer := authn.NewPrincipal("alice", authn.Details{Unscoped: true, Scheme: "bearer"})
	registry := must(action.NewRegistry(authn.Schemes{"session": freshnessReporter{knows(claimsBearer)}, "bearer": freshnessReporter{authn.AuthenticatorFunc(answers(nil, authn.ErrNoCredential))}}, action.WithRecorder(kept)))
	var called *authn.Principal
	if err := declaretest.Register(t, registry, actiongen.Service[*worker]{
		Descriptor: describe(t, "SchemeService", rpcs...),
		Methods: []actiongen.Method[*worker]{
			actiongen.Unary("IsSession", func(_ *worker, _ context.Context, call *call) (*testv1.Response, error) {
				called = call.Principal()
				return &testv1.Response{}, nil
			}),
			actiongen.Unary("NotSession", (*worker).get), actiongen.Unary("Own", (*worker).get), actiongen.Unary("Open", (*worker).open),
		},
	}, &worker{}); err != nil {
		t.Fatal(err)
	}
	server := connect.NewServer()
	server.Register(must(registry.Methods())...)
	if err := server.Call(t.Context(), "/described.v1.SchemeService/IsSession", nil, sends{owned("alice")}); err != nil || called == nil || called.Scheme() != "session" {
		t.Fatalf("the gate lets in %v, %v", called, err)
	}

	const unauthenticated, denied = connect.CodeUnauthenticated, connect.CodePermissionDenied
	made := func(scheme string) *authn.Principal {
		return authn.NewPrincipal("alice", authn.Details{Unscoped: true, Scheme: scheme})
	}
	for name, test := range map[string]struct {
		principal *authn.Principal
		// What is answered of IsSession, NotSession, Own and Open.
		want []connect.Code
	}{
		"of a scheme":                    {made("session"), []connect.Code{0, denied, 0, 0}},
		"of the other scheme":            {made("bearer"), []connect.Code{denied, 0, unauthenticated, 0}},
		"of none":                        {made(""), []connect.Code{unauthenticated, unauthenticated, unauthenticated, 0}},
		"of one that there is not":       {made("pigeon"), []connect.Code{unauthenticated, unauthenticated, unauthenticated, 0}},
		"of one in another letter case":  {made("Session"), []connect.Code{unauthenticated, unauthenticated, unauthenticated, 0}},
		"given a scheme later":           {made("").WithScheme("session"), []connect.Code{0, denied, 0, 0}},
		"that a gate let in":             {called, []connect.Code{0, denied, 0, 0}},
		"of a scheme, without an id":     {authn.NewPrincipal("", authn.Details{Unscoped: true, Scheme: "session"}), []connect.Code{unauthenticated, unauthenticated, unauthenticated, 0}},
		"that is not there (signed out)": {nil, []connect.Code{unauthenticated, unauthenticated, unauthenticated, 0}},
	} {
		kept.takeEvents()
		var got []connect.Code
		for _, rpc := range rpcs {
			decision := registry.May(t.Context(), test.principal, action.Question{Procedure: "/described.v1.SchemeService/" + rpc.name, Request: owned("alice")})
			got = append(got, decision.Code)
			if (decision.Outcome == event.Allow) != (decision.Code == 0) {
				t.Errorf("%s: %+v", name, decision)
			}
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("a principal %s (-want +got):\n%s", name, diff)
		}
		if events := kept.takeEvents(); len(events) != len(rpcs) || events[0].Kind != event.Question || events[0].Code != test.want[0] {
			t.Errorf("a principal %s: recorded %+v", name, events)
		}
	}
}

// An observer is given each question. What the caller chose is not among its texts, and the
// event has little of it.
func TestMayIsObserved(t *testing.T) {
	t.Parallel()
	o := newMayFixture(t)
	alice := o.signIn(t, "alice")
	seen := &observer{}
	o.registry.Observe(seen)
	o.takeEvents()
	long := "/" + strings.Repeat("x\n", 300)
	o.registry.MayEach(t.Context(), alice,
		action.Question{Procedure: unary("Own"), Request: &testv1.Request{Owner: "alice"}},
		action.Question{Procedure: unary("Own"), Request: &testv1.Request{Owner: "bob"}},
		action.Question{Procedure: long, Request: &testv1.Request{Owner: "alice"}},
	)
	type observed struct {
		Procedure, Grant string
		Outcome          event.Outcome
		Code             connect.Code
	}
	var got []observed
	for _, one := range seen.take() {
		if one.Kind != event.Question {
			t.Errorf("observed %+v", one)
		}
		got = append(got, observed{one.Procedure, one.Grant, one.Outcome, one.Code})
	}
	want := []observed{
		{unary("Own"), "allow[0]", event.Allow, 0},
		{unary("Own"), "", event.Deny, connect.CodePermissionDenied},
		{"", "", event.Deny, connect.CodeUnimplemented},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	events := o.takeEvents()
	if last := events[len(events)-1].Procedure; len(events) != 3 || len(last) > 256 || strings.Contains(last, "\n") {
		t.Errorf("%d events, the last of %q", len(events), last)
	}
}

// A question whose request panics is denied, as a call would be.
func TestMayPanics(t *testing.T) {
	t.Parallel()
	o := newMayFixture(t)
	alice := o.signIn(t, "alice")
	got := o.registry.May(t.Context(), alice, action.Question{Procedure: unary("Own"), Request: explosive{owned("alice")}})
	if got.Outcome != event.Deny || got.Code != connect.CodeInternal || got.Err == nil {
		t.Errorf("got %+v", got)
	}
}

// explosive is a message that panics when it is looked at.
type explosive struct{ *testv1.Request }

func (explosive) ProtoReflect() protoreflect.Message { panic("a message") }

// A question leaves no event where the recorder does not ask for it. It is answered all the
// same.
func TestMayWithoutEvents(t *testing.T) {
	t.Parallel()
	for name, wanted := range map[string]bool{"asked for": true, "not asked for": false} {
		kept := 0
		fixture := newFixture(t, action.WithRecorder(faultyRecorder{func() bool { return wanted }, func() error { kept++; return nil }}))
		got := fixture.registry.May(t.Context(), people["alice"].WithScheme("session"), action.Question{Procedure: unary("Own"), Request: owned("alice")})
		if got.Outcome != event.Allow || (kept == 1) != wanted {
			t.Errorf("%s: %d events, %+v", name, kept, got)
		}
	}
}
