package action_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"connectrpc.com/connect/v2"
	"github.com/google/go-cmp/cmp"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/action/actiongen"
	"github.com/sallyport-rpc/sallyport/action/actiontest"
	"github.com/sallyport-rpc/sallyport/action/event"
	"github.com/sallyport-rpc/sallyport/authn"
	sallyportv1 "github.com/sallyport-rpc/sallyport/gen/sallyport/v1"
	testv1 "github.com/sallyport-rpc/sallyport/gen/test/v1"
	"github.com/sallyport-rpc/sallyport/gen/test/v1/testv1action"
	"github.com/sallyport-rpc/sallyport/internal/declare/declaretest"
)

// expectRules fails the test where an error does not list refusals by exactly these
// rules, in any order.
func expectRules(t *testing.T, err error, rules ...string) {
	t.Helper()
	var got []string
	if refused, ok := errors.AsType[*action.RefusalError](err); ok {
		for _, refusal := range refused.Refusals {
			got = append(got, string(refusal.Rule))
			if refusal.Subject == "" || refusal.Problem == "" || refusal.Fix == "" || !strings.Contains(err.Error(), refusal.String()) {
				t.Errorf("the refusal does not say what, why and how to fix it: %+v", refusal)
			}
		}
		if want := fmt.Sprintf("%d refusal", len(rules)); !strings.HasPrefix(err.Error(), want) {
			t.Errorf("the error begins %.20q, want %q", err.Error(), want)
		}
	} else if err != nil {
		t.Errorf("got another kind of error: %v", err)
	}
	slices.Sort(got)
	slices.Sort(rules)
	if diff := cmp.Diff(rules, got); diff != "" {
		t.Errorf("refused by (-want +got):\n%s\n%v", diff, err)
	}
}

// A worker is what the described services are registered with.
type worker struct{}

func (*worker) get(context.Context, *call) (*testv1.Response, error) { return &testv1.Response{}, nil }
func (*worker) open(context.Context, *anonymousCall) (*testv1.Response, error) {
	return &testv1.Response{}, nil
}
func (*worker) watch(context.Context, *call, *responses) error { return nil }
func (*worker) collect(context.Context, *requests) (*testv1.Response, error) {
	return &testv1.Response{}, nil
}
func (*worker) chat(context.Context, *dialogue) error { return nil }
func (*worker) isOpen(context.Context, *authn.Principal, *testv1.Request) (bool, error) {
	return false, nil
}

// sound returns a service that nothing speaks against, named as said.
func sound(t *testing.T, name string) actiongen.Service[*worker] {
	t.Helper()
	watched := bySession(toAnyone())
	watched.Stream = &sallyportv1.Stream{Authorize: sallyportv1.Stream_EVERY_MESSAGE}
	role := "viewer"
	check := "is_open"
	service := describe(t, name,
		rpc{name: "Get", action: bySession(allow(&sallyportv1.Grant{AnyRole: []string{role}, Check: &check}))},
		rpc{name: "Open", action: anonymous()},
		rpc{name: "Watch", action: watched, sends: true},
	)
	return actiongen.Service[*worker]{
		Descriptor:  service,
		Fingerprint: declaretest.Fingerprint(t, service),
		Methods: []actiongen.Method[*worker]{
			actiongen.Unary("Get", (*worker).get),
			actiongen.Unary("Open", (*worker).open),
			actiongen.ServerStreaming("Watch", (*worker).watch),
		},
		Checks: []actiongen.Check{actiongen.NewCheck(&worker{}, "Get", "is_open", (*worker).isOpen)},
	}
}

func someSchemes() authn.Schemes {
	return authn.Schemes{"session": freshnessReporter{knows(people["alice"])}}
}

// TestRegister breaks a sound registration in every way that the registry knows.
func TestRegister(t *testing.T) {
	t.Parallel()
	var absent *worker
	var noHandler func(*worker, context.Context, *call) (*testv1.Response, error)
	for _, test := range []struct {
		name    string
		schemes authn.Schemes
		breaks  func(*testing.T, *actiongen.Service[*worker])
		by      *worker // nil is a nil implementation
		rules   []string
	}{
		{name: "nothing is wrong", by: &worker{}},
		{name: "a scheme without an authenticator", schemes: authn.Schemes{"bearer": knows(nil)}, by: &worker{}, rules: []string{"scheme-unconfigured", "scheme-unconfigured"}},
		{name: "a nil implementation", by: absent, rules: []string{"implementation-nil"}},
		{
			name: "no service", by: &worker{}, rules: []string{"service-nil"},
			breaks: func(_ *testing.T, s *actiongen.Service[*worker]) { s.Descriptor = nil },
		},
		{
			name: "a zero service", by: &worker{}, rules: []string{"service-nil"},
			breaks: func(_ *testing.T, s *actiongen.Service[*worker]) { *s = actiongen.Service[*worker]{} },
		},
		{
			name: "no methods", by: &worker{}, rules: []string{"method-missing", "method-missing", "method-missing"},
			breaks: func(_ *testing.T, s *actiongen.Service[*worker]) { s.Methods = nil },
		},
		{
			name: "a method too few", by: &worker{}, rules: []string{"method-missing"},
			breaks: func(_ *testing.T, s *actiongen.Service[*worker]) { s.Methods = s.Methods[:2] },
		},
		{
			name: "a method too many", by: &worker{}, rules: []string{"method-unknown"},
			breaks: func(_ *testing.T, s *actiongen.Service[*worker]) {
				s.Methods = append(s.Methods, actiongen.Unary("Delete", (*worker).get))
			},
		},
		{
			name: "a zero method", by: &worker{}, rules: []string{"method-unknown"},
			breaks: func(_ *testing.T, s *actiongen.Service[*worker]) {
				s.Methods = append(s.Methods, actiongen.Method[*worker]{})
			},
		},
		{
			name: "a method twice", by: &worker{}, rules: []string{"method-twice"},
			breaks: func(_ *testing.T, s *actiongen.Service[*worker]) { s.Methods = append(s.Methods, s.Methods[0]) },
		},
		{
			name: "a method three times", by: &worker{}, rules: []string{"method-twice"},
			breaks: func(_ *testing.T, s *actiongen.Service[*worker]) {
				s.Methods = append(s.Methods, s.Methods[0], s.Methods[0])
			},
		},
		{
			name: "a nil handler", by: &worker{}, rules: []string{"method-missing"},
			breaks: func(_ *testing.T, s *actiongen.Service[*worker]) {
				s.Methods[0] = actiongen.Unary("Get", noHandler)
			},
		},
		{
			name: "an anonymous handler for callers who sign in", by: &worker{}, rules: []string{"method-kind"},
			breaks: func(_ *testing.T, s *actiongen.Service[*worker]) {
				s.Methods[0] = actiongen.Unary("Get", (*worker).open)
			},
		},
		{
			name: "a handler with a principal for anonymous callers", by: &worker{}, rules: []string{"method-kind"},
			breaks: func(_ *testing.T, s *actiongen.Service[*worker]) {
				s.Methods[1] = actiongen.Unary("Open", (*worker).get)
			},
		},
		{
			name: "a unary handler for a stream", by: &worker{}, rules: []string{"method-kind"},
			breaks: func(_ *testing.T, s *actiongen.Service[*worker]) {
				s.Methods[2] = actiongen.Unary("Watch", (*worker).get)
			},
		},
		{
			name: "a client stream for a server stream", by: &worker{}, rules: []string{"method-kind"},
			breaks: func(_ *testing.T, s *actiongen.Service[*worker]) {
				s.Methods[2] = actiongen.ClientStreaming("Watch", (*worker).collect)
			},
		},
		{
			name: "a stream of both for a server stream", by: &worker{}, rules: []string{"method-kind"},
			breaks: func(_ *testing.T, s *actiongen.Service[*worker]) {
				s.Methods[2] = actiongen.BidiStreaming("Watch", (*worker).chat)
			},
		},
		{
			name: "a stream for a unary method", by: &worker{}, rules: []string{"method-kind"},
			breaks: func(_ *testing.T, s *actiongen.Service[*worker]) {
				s.Methods[0] = actiongen.ServerStreaming("Get", (*worker).watch)
			},
		},
		{
			name: "another request", by: &worker{}, rules: []string{"method-type"},
			breaks: func(_ *testing.T, s *actiongen.Service[*worker]) {
				s.Methods[0] = actiongen.Unary("Get", func(*worker, context.Context, *action.Call[testv1.PingRequest]) (*testv1.Response, error) {
					return &testv1.Response{}, nil
				})
			},
		},
		{
			name: "another response", by: &worker{}, rules: []string{"method-type"},
			breaks: func(_ *testing.T, s *actiongen.Service[*worker]) {
				s.Methods[0] = actiongen.Unary("Get", func(*worker, context.Context, *call) (*testv1.PingResponse, error) {
					return &testv1.PingResponse{}, nil
				})
			},
		},
		{
			name: "generated from another version", by: &worker{}, rules: []string{"generated-stale"},
			breaks: func(_ *testing.T, s *actiongen.Service[*worker]) { s.Fingerprint = "0" },
		},
		{
			name: "generated by nothing", by: &worker{}, rules: []string{"fingerprint-missing"},
			breaks: func(_ *testing.T, s *actiongen.Service[*worker]) { s.Fingerprint = "" },
		},
		{
			name: "another descriptor of a service that is linked in", by: &worker{}, rules: []string{"descriptor-other"},
			breaks: func(t *testing.T, s *actiongen.Service[*worker]) {
				s.Descriptor = describeLinked(t, "UnaryService", rpc{name: "Own", action: anonymous()})
				s.Methods, s.Checks = []actiongen.Method[*worker]{actiongen.Unary("Own", (*worker).open)}, nil
			},
		},
		{
			name: "other descriptors of the messages", by: &worker{}, rules: []string{"descriptor-other"},
			breaks: func(t *testing.T, s *actiongen.Service[*worker]) {
				s.Descriptor = describeCopied(t, "CopiedService", rpc{name: "Open", action: anonymous()})
				s.Methods, s.Checks = []actiongen.Method[*worker]{actiongen.Unary("Open", (*worker).open)}, nil
			},
		},
		{
			name: "no check", by: &worker{}, rules: []string{"check-missing"},
			breaks: func(_ *testing.T, s *actiongen.Service[*worker]) { s.Checks = nil },
		},
		{
			name: "a zero check", by: &worker{}, rules: []string{"check-missing", "check-unknown"},
			breaks: func(_ *testing.T, s *actiongen.Service[*worker]) { s.Checks = []actiongen.Check{{}} },
		},
		{
			name: "a check too many", by: &worker{}, rules: []string{"check-unknown"},
			breaks: func(_ *testing.T, s *actiongen.Service[*worker]) {
				s.Checks = append(s.Checks, actiongen.NewCheck(&worker{}, "Open", "is_open", (*worker).isOpen))
			},
		},
		{
			name: "a check twice", by: &worker{}, rules: []string{"check-twice"},
			breaks: func(_ *testing.T, s *actiongen.Service[*worker]) { s.Checks = append(s.Checks, s.Checks[0]) },
		},
		{
			name: "checks without an implementation", by: &worker{}, rules: []string{"check-nil"},
			breaks: func(_ *testing.T, s *actiongen.Service[*worker]) {
				s.Checks[0] = actiongen.NewCheck(absent, "Get", "is_open", (*worker).isOpen)
			},
		},
		{
			name: "a nil check", by: &worker{}, rules: []string{"check-nil"},
			breaks: func(_ *testing.T, s *actiongen.Service[*worker]) {
				s.Checks[0] = actiongen.NewCheck[*worker, testv1.Request](&worker{}, "Get", "is_open", nil)
			},
		},
		{
			name: "a check of another request", by: &worker{}, rules: []string{"method-type"},
			breaks: func(_ *testing.T, s *actiongen.Service[*worker]) {
				s.Checks[0] = actiongen.NewCheck(&worker{}, "Get", "is_open",
					func(*worker, context.Context, *authn.Principal, *testv1.PingRequest) (bool, error) {
						return true, nil
					})
			},
		},
		{
			name: "no declaration", by: &worker{}, rules: []string{"action-missing"},
			breaks: func(t *testing.T, s *actiongen.Service[*worker]) {
				s.Descriptor = describe(t, "Undeclared", rpc{name: "Get"})
				s.Methods, s.Checks = s.Methods[:1], nil
			},
		},
		{
			name: "a rule that does not compile", by: &worker{}, rules: []string{"validation-invalid"},
			breaks: func(t *testing.T, s *actiongen.Service[*worker]) {
				s.Descriptor = describeBeside(t, misruledFile, rpc{name: "Get", action: bySession(toAnyone()), input: ".described.v1.Misruled"})
				s.Methods = []actiongen.Method[*worker]{actiongen.Unary("Get", func(*worker, context.Context, *action.Call[misruled]) (*testv1.Response, error) {
					return &testv1.Response{}, nil
				})}
				s.Checks = nil
			},
		},
		{
			name: "a rule that does not compile, in a message of the request", by: &worker{}, rules: []string{"validation-invalid"},
			breaks: func(t *testing.T, s *actiongen.Service[*worker]) {
				s.Descriptor = describeBeside(t, misruledFile, rpc{name: "Get", action: bySession(toAnyone()), input: ".described.v1.Nesting"})
				s.Methods = []actiongen.Method[*worker]{actiongen.Unary("Get", func(*worker, context.Context, *action.Call[nesting]) (*testv1.Response, error) {
					return &testv1.Response{}, nil
				})}
				s.Checks = nil
			},
		},
		{
			name: "a declaration that cannot be read", by: &worker{}, rules: []string{"action-unread"},
			breaks: func(_ *testing.T, s *actiongen.Service[*worker]) {
				s.Declarations = map[string]string{"Get": `{"authorise": {}}`}
			},
		},
		{
			name: "a declaration of what is not there", by: &worker{}, rules: []string{"action-unknown"},
			breaks: func(_ *testing.T, s *actiongen.Service[*worker]) { s.Declarations = map[string]string{"Delete": `{}`} },
		},
		{
			name: "declared in the .proto and in Go", by: &worker{}, rules: []string{"action-twice"},
			breaks: func(_ *testing.T, s *actiongen.Service[*worker]) {
				s.Declarations = map[string]string{"Open": `{"authenticate": {"anonymous": "a test"}, "authorize": {"anyone": "a test"}}`}
				s.Checks = nil // those of a service that cannot be read are not looked at
			},
		},
		{
			name: "everything at once", schemes: authn.Schemes{}, by: absent,
			rules: []string{
				"implementation-nil", "generated-stale", "method-unknown", "method-missing", "method-missing", "method-twice", "method-kind", "method-kind",
				"method-type", "scheme-unconfigured", "scheme-unconfigured", "check-twice", "check-nil", "check-nil",
			},
			breaks: func(_ *testing.T, s *actiongen.Service[*worker]) {
				s.Fingerprint = "0"
				s.Methods = []actiongen.Method[*worker]{
					actiongen.Unary("Get", func(*worker, context.Context, *anonymousCall) (*testv1.PingResponse, error) {
						return &testv1.PingResponse{}, nil
					}),
					actiongen.Unary("Open", noHandler),
					actiongen.Unary("Delete", (*worker).get),
					actiongen.ServerStreaming("Watch", func(*worker, context.Context, *anonymousCall, *responses) error { return nil }),
					actiongen.Unary("Open", noHandler),
				}
				check := actiongen.NewCheck(absent, "Get", "is_open", (*worker).isOpen)
				s.Checks = []actiongen.Check{check, check}
			},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if test.schemes == nil {
				test.schemes = someSchemes()
			}
			registry := must(action.NewRegistry(test.schemes))
			service := sound(t, "WorkService")
			whole := service.Descriptor
			if test.breaks != nil {
				test.breaks(t, &service)
			}
			if service.Descriptor != nil && service.Descriptor != whole {
				service.Fingerprint = declaretest.Fingerprint(t, service.Descriptor)
			}
			err := actiongen.Register(registry, service, test.by)
			expectRules(t, err, test.rules...)
			if len(test.rules) == 0 {
				if got := len(registry.Actions()); got != 3 {
					t.Errorf("%d actions are registered, want 3", got)
				}
				return
			}
			expectShut(t, registry, test.rules...)
		})
	}
}

// expectShut fails the test where a registry that refused something holds any of it,
// or serves anything.
func expectShut(t *testing.T, registry *action.Registry, rules ...string) {
	t.Helper()
	if actions := registry.Actions(); len(actions) != 0 {
		t.Errorf("%d actions are registered", len(actions))
	}
	expectRules(t, registry.Seal(), rules...)
	methods, err := registry.Methods()
	expectRules(t, err, rules...)
	transport, err := registry.InProcess()
	expectRules(t, err, rules...)
	door, err := registry.FrontDoor()
	expectRules(t, err, rules...)
	if methods != nil || transport != nil || door != nil {
		t.Error("a registry that refused something gave out something to serve")
	}
	if decision := registry.May(t.Context(), people["alice"], action.Question{}); decision.Outcome != event.Deny {
		t.Errorf("alice may: %+v", decision)
	}
}

// TestRegisterNil registers the test services with a nil handler.
func TestRegisterNil(t *testing.T) {
	t.Parallel()
	var typed *handlers
	for name, by := range map[string]testv1action.StreamServiceHandler{"nil": nil, "a typed nil": typed} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			registry := must(action.NewRegistry(someSchemes()))
			expectRules(t, testv1action.RegisterStreamService(registry, by), "implementation-nil")
			expectShut(t, registry, "implementation-nil")
		})
	}
}

// TestNewRegistry makes registries of what is none.
func TestNewRegistry(t *testing.T) {
	t.Parallel()
	var (
		nilFunc     authn.AuthenticatorFunc
		nilFake     *fakeAuthenticator
		nilMap      mapAuthenticator
		nilRecorder *recorder
	)
	for _, test := range []struct {
		name    string
		schemes authn.Schemes
		options []action.RegistryOption
		rules   []string
	}{
		{name: "nothing", schemes: nil},
		{name: "names", schemes: authn.Schemes{"a": knows(nil), "session-2_b": knows(nil), strings.Repeat("a", 64): knows(nil)}},
		{
			name:    "what are no names",
			schemes: authn.Schemes{"": knows(nil), "Session": knows(nil), "2": knows(nil), "a b": knows(nil), "a\n": knows(nil), "é": knows(nil), strings.Repeat("a", 65): knows(nil)},
			rules:   slices.Repeat([]string{"scheme-name"}, 7),
		},
		{
			name:    "nil authenticators",
			schemes: authn.Schemes{"a": nil, "b": nilFunc, "c": nilFake, "d": nilMap, "e": authn.AuthenticatorFunc(nil)},
			rules:   slices.Repeat([]string{"authenticator-nil"}, 5),
		},
		{name: "a nil recorder", options: []action.RegistryOption{action.WithRecorder(nil)}, rules: []string{"option-nil"}},
		{name: "a typed nil recorder", options: []action.RegistryOption{action.WithRecorder(nilRecorder)}, rules: []string{"option-nil"}},
		{name: "a nil clock", options: []action.RegistryOption{actiontest.WithClock(t, nil)}, rules: []string{"option-nil"}},
		{name: "a nil option", options: []action.RegistryOption{nil}, rules: []string{"option-nil"}},
		{name: "a recheck every second", options: []action.RegistryOption{action.WithRecheck(time.Second)}},
		{name: "a recheck sooner than that", options: []action.RegistryOption{action.WithRecheck(time.Second - 1)}, rules: []string{"option-range"}},
		{name: "a recheck too often", options: []action.RegistryOption{action.WithRecheck(0)}, rules: []string{"option-range"}},
		{name: "a recheck before it begins", options: []action.RegistryOption{action.WithRecheck(-1)}, rules: []string{"option-range"}},
		{
			name:    "everything at once",
			schemes: authn.Schemes{"A": nil, "b": nil},
			options: []action.RegistryOption{action.WithRecorder(nil), actiontest.WithClock(t, nil), action.WithRecheck(0), nil},
			rules:   []string{"scheme-name", "authenticator-nil", "authenticator-nil", "option-nil", "option-nil", "option-nil", "option-range"},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			registry, err := action.NewRegistry(test.schemes, test.options...)
			expectRules(t, err, test.rules...)
			if (registry == nil) != (len(test.rules) > 0) {
				t.Errorf("got the registry %v", registry)
			}
		})
	}
}

type mapAuthenticator map[string]*authn.Principal

func (m mapAuthenticator) Authenticate(context.Context, *connect.CallInfo) (*authn.Principal, error) {
	return m["x"], nil
}

// TestSchemesAreCopied changes the schemes after the registry was made of them.
func TestSchemesAreCopied(t *testing.T) {
	t.Parallel()
	schemes := authn.Schemes{}
	registry := must(action.NewRegistry(schemes))
	schemes["session"] = knows(people["alice"])
	expectRules(t, actiongen.Register(registry, sound(t, "WorkService"), &worker{}), "scheme-unconfigured", "scheme-unconfigured")
}

// TestUndated asks for a fresh sign-in of a scheme that cannot tell when one was.
func TestUndated(t *testing.T) {
	t.Parallel()
	schemes := authn.Schemes{"session": knows(people["alice"]), "bearer": withoutFreshness{knows(people["alice"])}}
	registry := must(action.NewRegistry(schemes))
	expectRules(t, testv1action.RegisterUnaryService(registry, &handlers{}, &handlers{}), "scheme-freshness")
	expectShut(t, registry, "scheme-freshness")
}

// withoutFreshness says of itself that it cannot tell.
type withoutFreshness struct{ authn.Authenticator }

func (withoutFreshness) ReportsAuthenticationTime() bool { return false }

// TestRegisterTwice registers a service again, under the same procedures.
func TestRegisterTwice(t *testing.T) {
	t.Parallel()
	registry := must(action.NewRegistry(someSchemes()))
	expectRules(t, actiongen.Register(registry, sound(t, "WorkService"), &worker{}))
	twice := []string{"procedure-twice", "procedure-twice", "procedure-twice"}
	expectRules(t, actiongen.Register(registry, sound(t, "WorkService"), &worker{}), twice...)
	if got := len(registry.Actions()); got != 3 {
		t.Errorf("%d actions are registered, want the 3 of the first time", got)
	}
	expectRules(t, registry.Seal(), twice...)
}

// TestRegisterLate registers after the registry was served. What is served goes on.
func TestRegisterLate(t *testing.T) {
	t.Parallel()
	for name, serve := range map[string]func(*action.Registry) error{
		"Seal":      (*action.Registry).Seal,
		"Methods":   func(r *action.Registry) error { _, err := r.Methods(); return err },
		"InProcess": func(r *action.Registry) error { _, err := r.InProcess(); return err },
		"FrontDoor": func(r *action.Registry) error { _, err := r.FrontDoor(); return err },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			registry := must(action.NewRegistry(someSchemes()))
			expectRules(t, actiongen.Register(registry, sound(t, "WorkService"), &worker{}))
			expectRules(t, serve(registry))
			expectRules(t, actiongen.Register(registry, sound(t, "LateService"), &worker{}), "registry-sealed")
			if got := len(registry.Actions()); got != 3 {
				t.Errorf("%d actions are registered, want 3", got)
			}
		})
	}
}

// TestRegisterDropped drops the error of one registration of several. The registry
// does not serve, and says why.
func TestRegisterDropped(t *testing.T) {
	t.Parallel()
	registry := must(action.NewRegistry(someSchemes()))
	_ = actiongen.Register(registry, sound(t, "FirstService"), &worker{})
	_ = actiongen.Register(registry, sound(t, "SecondService"), nil)
	_ = actiongen.Register(registry, sound(t, "ThirdService"), &worker{})
	if got := len(registry.Actions()); got != 6 {
		t.Errorf("%d actions are registered, want 6", got)
	}
	expectRules(t, registry.Seal(), "implementation-nil")
	_, err := registry.Methods()
	expectRules(t, err, "implementation-nil")
}

// TestRegisterConcurrently registers many services at once, some of them twice.
func TestRegisterConcurrently(t *testing.T) {
	t.Parallel()
	const services = 16
	registry := must(action.NewRegistry(someSchemes()))
	all := make([]actiongen.Service[*worker], services)
	for i := range all {
		all[i] = sound(t, "Service"+strconv.Itoa(i))
	}
	var registrations sync.WaitGroup
	refused := make([]error, 2*services)
	for i := range refused {
		registrations.Go(func() {
			refused[i] = actiongen.Register(registry, all[i%services], &worker{})
			registry.Actions()
		})
	}
	registrations.Wait()
	for i := range services {
		if (refused[i] == nil) == (refused[services+i] == nil) {
			t.Errorf("%s: one of two registrations must be refused: %v, %v", all[i].Descriptor.Name(), refused[i], refused[services+i])
		}
	}
	if got := len(registry.Actions()); got != 3*services {
		t.Errorf("%d actions are registered, want %d", got, 3*services)
	}
	expectRules(t, registry.Seal(), slices.Repeat([]string{"procedure-twice"}, 3*services)...)
}

// TestRefusalsAreInTheOrderOfTheSource breaks a registration in two ways. What has no place
// in the source comes first, also where it is found last.
func TestRefusalsAreInTheOrderOfTheSource(t *testing.T) {
	t.Parallel()
	broken := sound(t, "WorkService")
	broken.Methods = broken.Methods[:2]
	broken.Checks = append(broken.Checks, actiongen.NewCheck(&worker{}, "Get", "unknown", (*worker).isOpen))
	refused, ok := errors.AsType[*action.RefusalError](actiongen.Register(must(action.NewRegistry(someSchemes())), broken, &worker{}))
	if !ok || len(refused.Refusals) != 2 {
		t.Fatalf("refused by %v", refused)
	}
	if first, last := refused.Refusals[0], refused.Refusals[1]; first.Rule != "check-unknown" || first.Position.File != "" || last.Rule != "method-missing" || last.Position.File == "" {
		t.Errorf("refused by %v", refused)
	}
}

// TestRolesThatRolesInclude has a handler look at a caller's roles: those of the credential,
// and those that the catalogue of the service's package has them include.
func TestRolesThatRolesInclude(t *testing.T) {
	t.Parallel()
	o := newMayFixture(t)
	principal := o.signIn(t, "owner")
	for role, want := range map[string]bool{"owner": true, "editor": true, "viewer": true, "robot": false} {
		if got := principal.Has(role); got != want {
			t.Errorf("an owner has the role %s: %t", role, got)
		}
	}
}
