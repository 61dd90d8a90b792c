package access_test

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"connectrpc.com/connect/v2"
	"connectrpc.com/connect/v2/connecthttp"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/testing/protocmp"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/action/actiontest"
	"github.com/sallyport-rpc/sallyport/action/event"
	"github.com/sallyport-rpc/sallyport/authn"
	sallyportv1 "github.com/sallyport-rpc/sallyport/gen/sallyport/v1"
	testv1 "github.com/sallyport-rpc/sallyport/gen/test/v1"
	"github.com/sallyport-rpc/sallyport/gen/test/v1/testv1action"
	"github.com/sallyport-rpc/sallyport/gen/test/v1/testv1client"
	"github.com/sallyport-rpc/sallyport/server"
	"github.com/sallyport-rpc/sallyport/server/access"
)

// Declarations of the service.
const (
	forUsers = `authenticate: {schemes: ["session", "bearer"]}
		authorize: {anyone: "a caller asks about its own calls" credential_scopes: "items.read"}`
	forAll = `authenticate: {anonymous: "signed out pages show what can be used"} authorize: {anyone: "see above"}`
)

// handlers run for no question. A check says that what is called "open" is.
type handlers struct {
	testv1action.UnaryServiceHandler
}

func (handlers) CheckedIsOpen(_ context.Context, _ *authn.Principal, request *testv1.Request) (bool, error) {
	return request.GetOwner() == "open", nil
}

// questions keeps the events of questions.
type questions struct {
	mu   sync.Mutex
	kept []string
}

func (*questions) Enabled(_ context.Context, kind event.Kind, _ event.Outcome) bool {
	return kind == event.Question
}

func (q *questions) Record(_ context.Context, of *event.Event) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.kept = append(q.kept, of.PrincipalID+" "+of.Procedure+" "+of.Outcome.String())
	return nil
}

func (q *questions) take() []string {
	q.mu.Lock()
	defer q.mu.Unlock()
	kept := q.kept
	q.kept = nil
	return kept
}

var people = map[string]*authn.Principal{
	"ann":    authn.NewPrincipal("ann", authn.Details{Unscoped: true, Roles: []string{"owner"}, AuthenticatedAt: time.Now()}),
	"ben":    authn.NewPrincipal("ben", authn.Details{Unscoped: true, Roles: []string{"viewer"}, Scopes: []string{"items.read", "items.write"}, AuthenticatedAt: time.Now().Add(-time.Hour)}),
	"reader": authn.NewPrincipal("reader", authn.Details{Scopes: []string{"items.read"}, Roles: []string{"owner"}}),
	"none":   authn.NewPrincipal("none", authn.Details{Roles: []string{"owner"}}),
}

// A served server answers questions.
type served struct {
	*questions

	client *connect.Client
}

// serve serves the service with a declaration, over one protocol.
func serve(t *testing.T, declaration string, protocol ...connecthttp.Option) *served {
	t.Helper()
	s := &served{questions: &questions{}}
	registry, err := action.NewRegistry(authn.Schemes{
		"session": actiontest.NewTokens("session", people), "bearer": actiontest.NewTokens("bearer", people),
	}, action.WithRecorder(s.questions))
	if err != nil {
		t.Fatal(err)
	}
	if err := access.Register(registry, declaration, access.WithUses("test.v1")); err != nil {
		t.Fatal(err)
	}
	// It knows what is registered after it.
	if err := testv1action.RegisterUnaryService(registry, handlers{}, handlers{}); err != nil {
		t.Fatal(err)
	}
	srv, err := server.New(registry, server.WithLogger(slog.New(slog.DiscardHandler)))
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- srv.Serve(ctx, listener) }()
	transport := &http.Transport{Protocols: new(http.Protocols)}
	transport.Protocols.SetUnencryptedHTTP2(true)
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	s.client = connect.NewClient(connecthttp.NewTransport(&http.Client{Transport: transport}, "http://"+listener.Addr().String(), protocol...))
	return s
}

// call calls a method of the service, as the holder of a token or as a stranger.
func (s *served) call(t *testing.T, method, token string, request, response proto.Message) error {
	t.Helper()
	ctx, info := connect.NewClientContext(t.Context())
	if token != "" {
		info.RequestHeader().Set("Authorization", "Bearer "+token)
	}
	descriptor := sallyportv1.File_sallyport_v1_access_proto.Services().ByName("AccessService").Methods().ByName(protoreflect.Name(method))
	spec := connect.Spec{Procedure: "/sallyport.v1.AccessService/" + method, Schema: descriptor}
	if method == "ListActions" {
		spec.IdempotencyLevel = connect.IdempotencyNoSideEffects
	}
	return s.client.CallUnary(ctx, spec, request, response)
}

var protocols = map[string][]connecthttp.Option{
	"connect": nil, "json": {connecthttp.WithProtoJSON()}, "get": {connecthttp.WithHTTPGet()},
	"grpc": {connecthttp.WithGRPC()}, "grpc-web": {connecthttp.WithGRPCWeb()},
}

func TestListActions(t *testing.T) {
	t.Parallel()
	unary := func(names ...string) []string {
		for i, name := range names {
			names[i] = "/test.v1.UnaryService/" + name
		}
		return names
	}
	for name, options := range protocols {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, forUsers, options...)
			for who, want := range map[string]struct{ has, lacks []string }{
				"session.ann":    {unary("Public", "Anyone", "Role", "Own", "Fresh"), unary("Scopes", "Concealed")},
				"session.ben":    {unary("Public", "Role", "Scopes", "Checked"), unary("AnyRole", "Concealed")},
				"bearer.ann":     {unary("Public", "Either"), unary("Anyone", "Role", "Own")},
				"session.reader": {unary("Public"), unary("Anyone", "Role", "Scoped", "Own")},
			} {
				response := &sallyportv1.ListActionsResponse{}
				if err := s.call(t, "ListActions", who, &sallyportv1.ListActionsRequest{}, response); err != nil {
					t.Fatal(err)
				}
				got := response.GetProcedures()
				if !slices.IsSorted(got) || !slices.Contains(got, "/sallyport.v1.AccessService/CheckAccess") {
					t.Errorf("%s: %q", who, got)
				}
				for _, one := range want.has {
					if !slices.Contains(got, one) {
						t.Errorf("%s does not have %s", who, one)
					}
				}
				for _, one := range want.lacks {
					if slices.Contains(got, one) {
						t.Errorf("%s has %s", who, one)
					}
				}
			}
		})
	}
}

// An answer is what the call would be answered, and less of an action that conceals.
func TestCheckAccess(t *testing.T) {
	t.Parallel()
	asks := func(name, json string) *sallyportv1.AccessQuestion {
		return &sallyportv1.AccessQuestion{Procedure: "/test.v1.UnaryService/" + name, Request: &sallyportv1.AccessQuestion_Json{Json: json}}
	}
	binary := func(name string, data []byte) *sallyportv1.AccessQuestion {
		return &sallyportv1.AccessQuestion{Procedure: "/test.v1.UnaryService/" + name, Request: &sallyportv1.AccessQuestion_Binary{Binary: data}}
	}
	ben, err := proto.Marshal(&testv1.Request{Owner: "ben"})
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name     string
		who      string
		question *sallyportv1.AccessQuestion
		want     string // a code, or "" for yes
	}{
		{"one's own", "session.ben", asks("Own", `{"owner":"ben"}`), ""},
		{"one's own in binary", "session.ben", binary("Own", ben), ""},
		{"another's", "session.ann", asks("Own", `{"owner":"ben"}`), "permission_denied"},
		{"another's in binary", "session.ann", binary("Own", ben), "permission_denied"},
		{"with the role", "session.ben", asks("Role", `{"owner":"x"}`), ""},
		{"without the role", "session.ben", asks("AnyRole", `{"owner":"x"}`), "permission_denied"},
		{"by another scheme", "bearer.ann", asks("Role", `{"owner":"x"}`), "unauthenticated"},
		{"a check that says yes", "session.ben", asks("Checked", `{"owner":"open"}`), ""},
		{"a check that says no", "session.ben", asks("Checked", `{"owner":"shut"}`), "permission_denied"},
		{"fresh", "session.ann", asks("Fresh", `{"owner":"x"}`), ""},
		{"stale", "session.ben", asks("Fresh", `{"owner":"x"}`), "unauthenticated"},
		{"a scoped credential", "session.reader", asks("Role", `{"owner":"x"}`), "permission_denied"},
		{"anonymous", "session.ben", asks("Public", `{"owner":"x"}`), ""},
		{"an invalid request", "session.ben", asks("Own", `{"owner":""}`), "invalid_argument"},
		{"no request", "session.ben", &sallyportv1.AccessQuestion{Procedure: testv1client.UnaryServiceOwnProcedure}, "invalid_argument"},
		{"no JSON", "session.ben", asks("Own", `{"owner":`), "invalid_argument"},
		{"no binary", "session.ben", binary("Own", []byte{0xff}), "invalid_argument"},
		{"a request of too many elements", "session.ben", asks("Own", `{"owner":"ben","tags":[`+strings.Repeat(`"",`, 1_500)+`""]}`), "invalid_argument"},
		{"a request that is nested too deep", "session.ben", asks("Own", strings.Repeat(`{"part":`, 200)+strings.Repeat(`}`, 200)), "invalid_argument"},
		{"concealed, with the role", "session.ann", asks("Concealed", `{"owner":"x"}`), ""},
		{"concealed, without the role", "session.ben", asks("Concealed", `{"owner":"x"}`), "not_found"},
		{"concealed, by another scheme", "bearer.ann", asks("Concealed", `{"owner":"x"}`), "not_found"},
		{"concealed, with an invalid request", "session.ben", asks("Concealed", `{}`), "not_found"},
		{"what there is not", "session.ann", asks("Ghost", `{"owner":"x"}`), "not_found"},
	}
	for name, options := range protocols {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, forUsers, options...)
			for _, test := range tests {
				response := &sallyportv1.CheckAccessResponse{}
				// One that is answered otherwise comes first, so that no answer is taken for another's.
				request := &sallyportv1.CheckAccessRequest{Questions: []*sallyportv1.AccessQuestion{asks("Public", `{"owner":"x"}`), test.question, asks("Ghost", `{}`)}}
				if err := s.call(t, "CheckAccess", test.who, request, response); err != nil {
					t.Errorf("%s: %v", test.name, err)
					continue
				}
				want := &sallyportv1.CheckAccessResponse{Answers: []*sallyportv1.AccessAnswer{{Allowed: true}, {Allowed: test.want == "", Code: test.want}, {Code: "not_found"}}}
				if diff := cmp.Diff(want, response, protocmp.Transform()); diff != "" {
					t.Errorf("%s: %s", test.name, diff)
				}
				if events := s.take(); len(events) != 3 || !strings.HasPrefix(strings.TrimPrefix(events[1], strings.SplitN(test.who, ".", 2)[1]), " "+test.question.GetProcedure()) ||
					strings.HasSuffix(events[1], " allow") != (test.want == "") {
					t.Errorf("%s: the questions leave %q", test.name, events)
				}
			}
		})
	}
}

// Callers who may not ask learn nothing, and what they ask is bounded.
func TestCheckAccessIsGuarded(t *testing.T) {
	t.Parallel()
	question := &sallyportv1.AccessQuestion{Procedure: testv1client.UnaryServicePublicProcedure, Request: &sallyportv1.AccessQuestion_Json{Json: `{"owner":"x"}`}}
	many := func(count int) *sallyportv1.CheckAccessRequest {
		return &sallyportv1.CheckAccessRequest{Questions: slices.Repeat([]*sallyportv1.AccessQuestion{question}, count)}
	}
	large := func(size int) *sallyportv1.CheckAccessRequest {
		return &sallyportv1.CheckAccessRequest{Questions: []*sallyportv1.AccessQuestion{{
			Procedure: testv1client.UnaryServicePublicProcedure,
			Request:   &sallyportv1.AccessQuestion_Json{Json: `{"owner":"x"` + strings.Repeat(" ", size-len(`{"owner":"x"}`)) + `}`},
		}}}
	}
	for name, options := range protocols {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, forUsers, options...)
			for _, test := range []struct {
				name, who string
				request   *sallyportv1.CheckAccessRequest
				want      connect.Code
			}{
				{"one question", "session.ann", many(1), 0},
				{"a stranger", "", many(1), connect.CodeUnauthenticated},
				{"a token that is not known", "session.eve", many(1), connect.CodeUnauthenticated},
				{"a credential without the scope", "session.none", many(1), connect.CodePermissionDenied},
				{"as many as may be", "session.ann", many(32), 0},
				{"one too many", "session.ann", many(33), connect.CodeInvalidArgument},
				{"none", "session.ann", many(0), connect.CodeInvalidArgument},
				{"as large as may be", "session.ann", large(16 << 10), 0},
				{"too large", "session.ann", large(16<<10 + 1), connect.CodeInvalidArgument},
			} {
				err := s.call(t, "CheckAccess", test.who, test.request, &sallyportv1.CheckAccessResponse{})
				if got := connect.CodeOf(err); (err != nil) != (test.want != 0) || err != nil && got != test.want {
					t.Errorf("%s: got %v, want %s", test.name, err, test.want)
				}
				want := len(test.request.GetQuestions())
				if test.want != 0 {
					want = 0
				}
				if events := s.take(); len(events) != want {
					t.Errorf("%s: %d questions were asked, want %d", test.name, len(events), want)
				}
			}
		})
	}
}

// Where strangers may ask, they are told of what strangers may do, whatever they send.
func TestAnonymousQuestions(t *testing.T) {
	t.Parallel()
	s := serve(t, forAll)
	for _, who := range []string{"", "session.ann"} {
		list := &sallyportv1.ListActionsResponse{}
		if err := s.call(t, "ListActions", who, &sallyportv1.ListActionsRequest{}, list); err != nil {
			t.Fatal(err)
		}
		want := []string{"/sallyport.v1.AccessService/CheckAccess", "/sallyport.v1.AccessService/ListActions", testv1client.UnaryServicePublicProcedure}
		if diff := cmp.Diff(want, list.GetProcedures()); diff != "" {
			t.Error(diff)
		}
		answers := &sallyportv1.CheckAccessResponse{}
		request := &sallyportv1.CheckAccessRequest{Questions: []*sallyportv1.AccessQuestion{
			{Procedure: testv1client.UnaryServicePublicProcedure, Request: &sallyportv1.AccessQuestion_Json{Json: `{"owner":"x"}`}},
			{Procedure: testv1client.UnaryServiceAnyoneProcedure, Request: &sallyportv1.AccessQuestion_Json{Json: `{"owner":"x"}`}},
		}}
		if err := s.call(t, "CheckAccess", who, request, answers); err != nil {
			t.Fatal(err)
		}
		wanted := &sallyportv1.CheckAccessResponse{Answers: []*sallyportv1.AccessAnswer{{Allowed: true}, {Code: "unauthenticated"}}}
		if diff := cmp.Diff(wanted, answers, protocmp.Transform()); diff != "" {
			t.Error(diff)
		}
	}
}

// A registration without a declaration, or with one that is refused, serves nothing.
func TestRegisterRefuses(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		declaration string
		options     []access.Option
		told        string
	}{
		"no declaration":    {"", nil, "nothing says who may call it"},
		"an unknown scheme": {`authenticate: {schemes: "pigeon"} authorize: {anyone: "a test"}`, nil, "pigeon"},
		"a nameless use":    {forAll, []access.Option{access.WithUses("")}, "has no name"},
		"a nil option":      {forAll, []access.Option{nil}, "is nil"},
		"an unknown use":    {forAll, []access.Option{access.WithUses("ghost.v1")}, "ghost.v1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			registry, err := action.NewRegistry(authn.Schemes{"session": actiontest.NewTokens("session", people)})
			if err != nil {
				t.Fatal(err)
			}
			if err := access.Register(registry, test.declaration, test.options...); err == nil || !strings.Contains(err.Error(), test.told) {
				t.Errorf("got %v, want %q", err, test.told)
			}
			if got := registry.Actions(); len(got) > 0 {
				t.Errorf("%d actions are registered", len(got))
			}
		})
	}
}

// What the declaration of the service denies is denied.
func TestDenials(t *testing.T) {
	t.Parallel()
	registryOf := func(schemes authn.Schemes) *action.Registry {
		registry, err := action.NewRegistry(schemes)
		if err != nil {
			t.Fatal(err)
		}
		if err := access.Register(registry, forUsers, access.WithUses("test.v1")); err != nil {
			t.Fatal(err)
		}
		return registry
	}
	actiontest.Denials(t, registryOf)
	actiontest.Allows(t, registryOf)
}
