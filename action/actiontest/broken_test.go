package actiontest

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"connectrpc.com/connect/v2"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/action/actiongen"
	"github.com/sallyport-rpc/sallyport/authn"
	sallyportv1 "github.com/sallyport-rpc/sallyport/gen/sallyport/v1"
	testv1 "github.com/sallyport-rpc/sallyport/gen/test/v1"
	"github.com/sallyport-rpc/sallyport/internal/declare/declaretest"
)

// A shape is one of the shapes of an RPC.
type shape struct{ clients, servers bool }

var shapes = map[string]shape{
	"unary": {}, "server stream": {servers: true}, "client stream": {clients: true}, "bidi stream": {clients: true, servers: true},
}

// tried describes a service with one action, which is registered without a handler.
func tried(t *testing.T, of shape, declared string) func(authn.Schemes) *action.Registry {
	t.Helper()
	option := &sallyportv1.Action{}
	if err := prototext.Unmarshal([]byte(declared), option); err != nil {
		t.Fatalf("%v in %s", err, declared)
	}
	options := &descriptorpb.MethodOptions{}
	proto.SetExtension(options, sallyportv1.E_Action, option)
	uses := &descriptorpb.FileOptions{}
	uses.ProtoReflect().SetUnknown(protowire.AppendBytes(protowire.AppendTag(nil, 50010, protowire.BytesType), nil)) // test.v1
	file, err := protodesc.NewFile(&descriptorpb.FileDescriptorProto{
		Name: new("tried.proto"), Package: new("tried.v1"), Syntax: new("proto3"), Options: uses,
		Dependency: []string{testv1.File_test_v1_test_proto.Path(), sallyportv1.File_sallyport_v1_action_proto.Path()},
		Service: []*descriptorpb.ServiceDescriptorProto{{Name: new("TriedService"), Method: []*descriptorpb.MethodDescriptorProto{{
			Name: new("Try"), InputType: new(".test.v1.Request"), OutputType: new(".test.v1.Response"), Options: options,
			ClientStreaming: &of.clients, ServerStreaming: &of.servers,
		}}}},
	}, protoregistry.GlobalFiles)
	if err != nil {
		t.Fatal(err)
	}
	return func(schemes authn.Schemes) *action.Registry {
		registry, err := action.NewRegistry(schemes)
		if err != nil {
			t.Fatal(err)
		}
		if err := declaretest.Register(t, registry, actiongen.Service[none]{
			Descriptor: file.Services().Get(0), Methods: []actiongen.Method[none]{methodOf(of, len(option.GetAuthenticate().GetSchemes()) == 0)},
		}, none{}); err != nil {
			t.Fatal(err)
		}
		return registry
	}
}

// none has no handlers.
type none struct{}

//nolint:revive // the implementation comes before the context, as of a method
func unary[C any](none, context.Context, C) (*testv1.Response, error) { panic("a handler ran") }

//nolint:revive // see unary
func serves[C any](none, context.Context, C, *action.ServerStream[testv1.Response]) error {
	panic("a handler ran")
}

//nolint:revive // see unary
func talks[C any](none, context.Context, C) error { panic("a handler ran") }

// methodOf is the method of a shape.
func methodOf(of shape, anonymous bool) actiongen.Method[none] {
	type request = testv1.Request
	type response = testv1.Response
	switch {
	case of.clients && of.servers && anonymous:
		return actiongen.BidiStreaming("Try", talks[*action.AnonymousBidiStream[request, response]])
	case of.clients && of.servers:
		return actiongen.BidiStreaming("Try", talks[*action.BidiStream[request, response]])
	case of.clients && anonymous:
		return actiongen.ClientStreaming("Try", unary[*action.AnonymousClientStream[request]])
	case of.clients:
		return actiongen.ClientStreaming("Try", unary[*action.ClientStream[request]])
	case of.servers && anonymous:
		return actiongen.ServerStreaming("Try", serves[*action.AnonymousCall[request]])
	case of.servers:
		return actiongen.ServerStreaming("Try", serves[*action.Call[request]])
	case anonymous:
		return actiongen.Unary("Try", unary[*action.AnonymousCall[request]])
	default:
		return actiongen.Unary("Try", unary[*action.Call[request]])
	}
}

// problemsOf are the problems that a trial of the gates of one registry has by what the truth
// declares, by so many ways in, with a change of how the action is served.
func problemsOf(t *testing.T, truth *trial, served func(authn.Schemes) *action.Registry, most int, change func(*trial, connect.ServerFunc) connect.ServerFunc) (denials, allows []string) {
	t.Helper()
	tr := newTrial(t, served, nil)
	tr.declarations, tr.validators = truth.declarations, truth.validators
	tr.roles, tr.scopes = truth.roles, truth.scopes
	if change != nil {
		tr.methods[0].Handler = change(tr, tr.methods[0].Handler)
	}
	ways := waysIn(t, tr.methods)[:most]
	plan := tr.planFor(tr.declarations[0])
	if problems := slices.Concat(plan.problems, plan.unbroken); len(problems) > 0 {
		t.Fatal(problems)
	}
	var denied, allowed []planned
	for _, call := range plan.attempts {
		if call.want.code == Allowed {
			allowed = append(allowed, call)
		} else {
			denied = append(denied, call)
		}
	}
	spec := tr.methods[0].Spec
	return slices.Concat(tr.run(t.Context(), ways, spec, denied), plan.uncovered(), tr.last(t, plan.judge, ways, spec, denied)),
		slices.Concat(tr.run(t.Context(), ways, spec, allowed), tr.last(t, plan.judge, ways, spec, allowed))
}

// rich is a declaration with every step and each kind of condition.
const rich = `
	authenticate {schemes: "session" schemes: "bearer" max_age {seconds: 600}}
	authorize {
		allow {any_role: "editor" all_scopes: "items.write"}
		allow {any_role: "robot" cel: "request.first > 0"}
		allow {cel: "principal.id == request.owner"}
		credential_scopes: "items.read"
		conceal: true
	}
	limit {per: ACTION requests: 5 window {seconds: 60} burst: 5}
	limit {per: PRINCIPAL requests: 2 window {seconds: 60} burst: 2}
	limit {per: ADDRESS requests: 3 window {seconds: 60} burst: 3}`

// every is rich, for each message.
func every(of shape) string {
	if of.clients || of.servers {
		return rich + "stream {authorize: EVERY_MESSAGE}"
	}
	return rich
}

// truthsOf are what is declared, by shape.
func truthsOf(t *testing.T) map[string]*trial {
	t.Helper()
	truths := map[string]*trial{}
	for kind, of := range shapes {
		truths[kind] = newTrial(t, tried(t, of, every(of)), nil)
	}
	return truths
}

// A trial finds a gate that does anything else than what is declared.
func TestTrialOfOtherGates(t *testing.T) {
	t.Parallel()
	if raceDetector {
		t.Skip("one gate after another: there is nothing more for the race detector to see than in TestDenials")
	}
	truths := truthsOf(t)
	for name, replace := range map[string][]string{
		"as it is declared":             {"", ""},
		"anonymous":                     {rich, `authenticate {anonymous: "a test"} authorize {anyone: "a test"}`},
		"for anyone":                    {rich, `authenticate {schemes: "session" schemes: "bearer" max_age {seconds: 600}} authorize {anyone: "a test" credential_scopes: "items.read"}`},
		"without max_age":               {"max_age {seconds: 600}", ""},
		"longer max_age":                {"seconds: 600", "seconds: 601"},
		"shorter max_age":               {"seconds: 600", "seconds: 599"},
		"fewer schemes":                 {`schemes: "bearer"`, ""},
		"more schemes":                  {`schemes: "bearer"`, `schemes: "bearer" schemes: "apikey"`},
		"another role":                  {`any_role: "editor"`, `any_role: "viewer"`},
		"one more role":                 {`any_role: "editor"`, `any_role: "editor" any_role: "robot"`},
		"a role that is narrower":       {`any_role: "editor"`, `any_role: "owner"`},
		"no role":                       {`any_role: "editor"`, ""},
		"another scope":                 {`all_scopes: "items.write"`, `all_scopes: "items.admin"`},
		"no scope":                      {`all_scopes: "items.write"`, ""},
		"one more scope":                {`all_scopes: "items.write"`, `all_scopes: "items.write" all_scopes: "items.admin"`},
		"a negated expression":          {`"request.first > 0"`, `"!(request.first > 0)"`},
		"a looser expression":           {`"request.first > 0"`, `"request.first >= 0 || request.last > 0"`},
		"no expression":                 {`cel: "request.first > 0"`, ""},
		"another's things":              {`"principal.id == request.owner"`, `"principal.id != request.owner"`},
		"a grant less":                  {`allow {cel: "principal.id == request.owner"}`, ""},
		"a grant more":                  {`allow {cel: "principal.id == request.owner"}`, `allow {cel: "principal.id == request.owner"} allow {any_role: "viewer" cel: "request.first == 0"}`},
		"no credential_scopes":          {`credential_scopes: "items.read"`, ""},
		"another credential_scopes":     {`credential_scopes: "items.read"`, `credential_scopes: "items.write"`},
		"one more credential_scopes":    {`credential_scopes: "items.read"`, `credential_scopes: "items.read" credential_scopes: "items.admin"`},
		"not concealed":                 {"conceal: true", ""},
		"no limit of the action":        {"limit {per: ACTION requests: 5 window {seconds: 60} burst: 5}", ""},
		"no limit of each principal":    {"limit {per: PRINCIPAL requests: 2 window {seconds: 60} burst: 2}", ""},
		"no limit of each address":      {"limit {per: ADDRESS requests: 3 window {seconds: 60} burst: 3}", ""},
		"authorized by the first alone": {"EVERY_MESSAGE", "FIRST_MESSAGE"},
	} {
		for kind, of := range shapes {
			if (of.clients || of.servers) && !slices.Contains([]string{"as it is declared", "anonymous", "for anyone", "another's things", "authorized by the first alone"}, name) {
				continue // one shape is enough for what no shape has a part in
			}
			t.Run(name+", "+kind, func(t *testing.T) {
				t.Parallel()
				declared := every(of)
				served := declared
				if replace[0] == rich {
					served = strings.Replace(declared, rich, replace[1], 1)
				} else if replace[0] != "" {
					served = strings.Replace(declared, replace[0], replace[1], 1)
				}
				most := 1
				if served == declared {
					most = 6
				}
				denials, allows := problemsOf(t, truths[kind], tried(t, of, served), most, nil)
				// Of one message the first is each one.
				same := served == declared || name == "authorized by the first alone" && !of.clients
				if found := len(denials)+len(allows) > 0; found == same {
					t.Errorf("problems are found: %t\n%s\n%s", found, strings.Join(denials, "\n"), strings.Join(allows, "\n"))
				}
			})
		}
	}
}

// lenient makes what the gate reads valid.
type lenient struct{ connect.ServerStream }

func (l lenient) Receive(message any) error {
	if err := l.ServerStream.Receive(message); err != nil {
		return err
	}
	request := message.(*testv1.Request)
	valid := &testv1.Request{Owner: "x", First: min(max(request.GetFirst(), 0), 1)}
	if owner := request.GetOwner(); owner != "" && len(owner) <= 64 {
		valid.Owner = owner
	}
	proto.Reset(request)
	proto.Merge(request, valid)
	return nil
}

// forgiving goes on with what it could read of a message.
type forgiving struct{ connect.ServerStream }

func (f forgiving) Receive(message any) error {
	if err := f.ServerStream.Receive(message); errors.Is(err, io.EOF) {
		return err
	}
	return nil
}

// Denials finds an action without its gate, or with a gate that lacks a step or leaves no
// event.
func TestDenialsOfOtherHandlers(t *testing.T) {
	t.Parallel()
	if raceDetector {
		t.Skip("see TestTrialOfOtherGates")
	}
	truths := truthsOf(t)
	for name, test := range map[string]struct {
		change func(*trial, connect.ServerFunc) connect.ServerFunc
		told   string
	}{
		"no gate": {func(tr *trial, _ connect.ServerFunc) connect.ServerFunc {
			return func(ctx context.Context, spec connect.Spec, stream connect.ServerStream) error {
				for {
					if err := stream.Receive(&testv1.Request{}); errors.Is(err, io.EOF) {
						break
					} else if err != nil {
						return err
					}
					if spec.StreamType&connect.StreamTypeClient == 0 {
						break
					}
				}
				tr.note(idOf(ctx), func(n *notes) { n.ran++ })
				return stream.Send(&testv1.Response{})
			}
		}, "answered allowed, want"},
		"no validation": {func(_ *trial, next connect.ServerFunc) connect.ServerFunc {
			return func(ctx context.Context, spec connect.Spec, stream connect.ServerStream) error {
				return next(ctx, spec, lenient{stream})
			}
		}, "want invalid_argument"},
		"malformed messages": {func(_ *trial, next connect.ServerFunc) connect.ServerFunc {
			return func(ctx context.Context, spec connect.Spec, stream connect.ServerStream) error {
				return next(ctx, spec, forgiving{stream})
			}
		}, "with a malformed message, by connect: answered allowed, want invalid_argument"},
		"a handler that runs first": {func(tr *trial, next connect.ServerFunc) connect.ServerFunc {
			return func(ctx context.Context, spec connect.Spec, stream connect.ServerStream) error {
				tr.note(idOf(ctx), func(n *notes) { n.ran++ })
				return next(ctx, spec, stream)
			}
		}, "the handler ran"},
		"no event": {func(tr *trial, next connect.ServerFunc) connect.ServerFunc {
			return func(ctx context.Context, spec connect.Spec, stream connect.ServerStream) error {
				defer tr.note(idOf(ctx), func(n *notes) { n.events = nil })
				return next(ctx, spec, stream)
			}
		}, "no event says so"},
		"another code": {func(_ *trial, next connect.ServerFunc) connect.ServerFunc {
			return func(ctx context.Context, spec connect.Spec, stream connect.ServerStream) error {
				if next(ctx, spec, stream) != nil {
					return connect.NewError(connect.CodeUnknown, "no")
				}
				return nil
			}
		}, "answered unknown"},
	} {
		for kind, of := range shapes {
			t.Run(name+", "+kind, func(t *testing.T) {
				t.Parallel()
				denials, _ := problemsOf(t, truths[kind], tried(t, of, every(of)), 1, test.change)
				if !strings.Contains(strings.Join(denials, "\n"), test.told) {
					t.Errorf("no problem says %q:\n%s", test.told, strings.Join(denials, "\n"))
				}
			})
		}
	}
}
