package action_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"
	"connectrpc.com/connect/v2"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/action/actiongen"
	"github.com/sallyport-rpc/sallyport/authn"
	sallyportv1 "github.com/sallyport-rpc/sallyport/gen/sallyport/v1"
	claimsv1 "github.com/sallyport-rpc/sallyport/gen/test/claims/v1"
	"github.com/sallyport-rpc/sallyport/gen/test/claims/v1/claimsv1client"
	testv1 "github.com/sallyport-rpc/sallyport/gen/test/v1"
	"github.com/sallyport-rpc/sallyport/gen/test/v1/testv1action"
	"github.com/sallyport-rpc/sallyport/gen/test/v1/testv1client"
	"github.com/sallyport-rpc/sallyport/internal/declare/declaretest"
)

// ruledClaims is a file with claims that have a validation rule.
func ruledClaims(t *testing.T, expression string) beside {
	t.Helper()
	options := &descriptorpb.MessageOptions{}
	proto.SetExtension(options, sallyportv1.E_Claims, true)
	proto.SetExtension(options, validate.E_Message, validate.MessageRules_builder{
		Cel: []*validate.Rule{validate.Rule_builder{Id: new("claims.team"), Message: new("the team is one of the teams"), Expression: &expression}.Build()},
	}.Build())
	text := descriptorpb.FieldDescriptorProto_TYPE_STRING.Enum()
	file, err := protodesc.NewFile(&descriptorpb.FileDescriptorProto{
		Name: new("other.proto"), Package: new("other.v1"), Syntax: new("proto3"),
		Dependency: []string{"buf/validate/validate.proto", "google/protobuf/descriptor.proto", "sallyport/v1/action.proto"},
		Extension:  handle(),
		MessageType: []*descriptorpb.DescriptorProto{{Name: new("Claims"), Options: options, Field: []*descriptorpb.FieldDescriptorProto{
			{Name: new("team"), Number: new(int32(1)), Type: text, Label: descriptorpb.FieldDescriptorProto_LABEL_OPTIONAL.Enum()},
			{Name: new("teams"), Number: new(int32(2)), Type: text, Label: descriptorpb.FieldDescriptorProto_LABEL_REPEATED.Enum()},
		}}},
	}, protoregistry.GlobalFiles)
	if err != nil {
		t.Fatal(err)
	}
	files := &protoregistry.Files{}
	if err := files.RegisterFile(file); err != nil {
		t.Fatal(err)
	}
	return beside{files}
}

// A service whose claims have a rule that does not compile is not registered.
func TestClaimsWithABrokenRule(t *testing.T) {
	t.Parallel()
	service := describeIn(t, ruledClaims(t, "this.ghost == this.team"), "other.proto", "claims_broken", &descriptorpb.ServiceDescriptorProto{
		Name: new("Ruled"), Method: methods([]rpc{{name: "Get", action: bySession(allow(&sallyportv1.Grant{Cel: new("principal.claims.team == 'red'")}))}}),
	}).Services().Get(0)
	registry := must(action.NewRegistry(someSchemes()))
	err := actiongen.Register(registry, actiongen.Service[*worker]{
		Descriptor: service, Fingerprint: declaretest.Fingerprint(t, service),
		Methods: []actiongen.Method[*worker]{actiongen.Unary("Get", (*worker).get)},
	}, &worker{})
	expectRules(t, err, "validation-invalid")
	expectShut(t, registry, "validation-invalid")
}

// The claims' own rules are held where claims were given. One that is broken, and one that
// cannot be run, are faults of the scheme: no grant is looked at, also where one would hold.
func TestClaimsWithRules(t *testing.T) {
	t.Parallel()
	files := ruledClaims(t, "this.teams[0] == this.team") // cannot be run without teams
	found, err := files.FindDescriptorByName("other.v1.Claims")
	if err != nil {
		t.Fatal(err)
	}
	claimsType := dynamicpb.NewMessageType(must(files.FindFileByPath("other.proto")).Messages().ByName(found.Name()))
	for name, test := range map[string]struct {
		claims string
		none   bool
		code   connect.Code
		why    string
	}{
		"kept":               {claims: `team: "red" teams: "red"`},
		"broken":             {claims: `team: "red" teams: "blue"`, code: connect.CodeInternal, why: "the team is one of the teams"},
		"it cannot be run":   {claims: `team: "red"`, code: connect.CodeInternal, why: "index out of bounds"},
		"it cannot, nothing": {claims: ``, code: connect.CodeInternal, why: "index out of bounds"},
		"no claims given":    {none: true, code: connect.CodePermissionDenied},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			details := authn.Details{Unscoped: true}
			if !test.none {
				claims := claimsType.New().Interface()
				if err := prototext.Unmarshal([]byte(test.claims), claims); err != nil {
					t.Fatal(err)
				}
				details.Claims = claims
			}
			service := describeIn(t, files, "other.proto", "claims_ruled", &descriptorpb.ServiceDescriptorProto{
				Name: new("Ruled"), Method: methods([]rpc{{name: "Get", action: bySession(allow(&sallyportv1.Grant{Cel: new("principal.claims.team == 'red'")}))}}),
			}).Services().Get(0)
			kept := &recorder{}
			registry := must(action.NewRegistry(authn.Schemes{"session": freshnessReporter{knows(authn.NewPrincipal("alice", details))}}, action.WithRecorder(kept)))
			handled := false
			if err := actiongen.Register(registry, actiongen.Service[*worker]{
				Descriptor: service, Fingerprint: declaretest.Fingerprint(t, service),
				Methods: []actiongen.Method[*worker]{actiongen.Unary("Get", (*worker).get)},
			}, &worker{}); err != nil {
				t.Fatal(err)
			}
			server := connect.NewServer()
			server.Register(must(registry.Methods())...)
			err := server.Call(t.Context(), "/described.v1.Ruled/Get", nil, answering{sends{owned("alice")}, &handled})
			if (err == nil) != (test.code == 0) || err != nil && connect.CodeOf(err) != test.code {
				t.Errorf("got %v, want code %v", err, test.code)
			}
			if handled != (test.code == 0) {
				t.Errorf("the handler answered: %t", handled)
			}
			_, decisions := kept.take()
			if len(decisions) != 1 || decisions[0].Code != test.code {
				t.Fatalf("recorded %+v", decisions)
			}
			if test.why != "" && (decisions[0].Err == nil || !strings.Contains(decisions[0].Err.Error(), test.why) || !strings.Contains(decisions[0].Err.Error(), `scheme "session"`)) {
				t.Errorf("the cause is %v, want %q", decisions[0].Err, test.why)
			}
			if public, ok := errors.AsType[*connect.Error](err); ok && strings.Contains(public.Message(), "team") {
				t.Errorf("the caller reads %q", public.Message())
			}
		})
	}
}

// answering is a stream that notes whether its handler answered.
type answering struct {
	sends

	answered *bool
}

func (a answering) Send(any) error {
	*a.answered = true
	return nil
}

// An action whose package has no claims takes any principal, beside one that reads claims.
func TestClaimsOfAnActionWithoutThem(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		claims proto.Message
		reads  connect.Code // what the action answers that reads claims
	}{
		"none":            {nil, connect.CodePermissionDenied},
		"of the type":     {&claimsv1.Claims{OrgIds: []string{"acme"}}, 0},
		"not valid":       {&claimsv1.Claims{OrgIds: []string{""}}, connect.CodeInternal},
		"of another type": {owned("acme"), connect.CodeInternal},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			service := &orgs{}
			registry, kept := claimsRegistry(t, service, authn.NewPrincipal("alice", authn.Details{Unscoped: true, Claims: test.claims}))
			if err := testv1action.RegisterPlainService(registry, pinging{}); err != nil {
				t.Fatal(err)
			}
			client := connect.NewClient(must(registry.InProcess()))
			_, err := claimsv1client.NewOrgServiceClient(client).ReadOrg(t.Context(), &claimsv1.ReadOrgRequest{OrgId: "acme"})
			if (err == nil) != (test.reads == 0) || err != nil && connect.CodeOf(err) != test.reads || (service.handled.Load() > 0) != (err == nil) {
				t.Errorf("with claims: %v, want code %v", err, test.reads)
			}
			if _, err := testv1client.NewPlainServiceClient(client).Ping(t.Context(), &testv1.PingRequest{}); err != nil {
				t.Errorf("without claims: %v", err)
			}
			if events := kept.takeEvents(); len(events) != 2 || events[0].Code != test.reads || events[1].Code != 0 {
				t.Errorf("recorded %+v", events)
			}
		})
	}
}

// pinging answers Ping.
type pinging struct {
	testv1action.PlainServiceHandler
}

func (pinging) Ping(context.Context, *action.Call[testv1.PingRequest]) (*testv1.PingResponse, error) {
	return &testv1.PingResponse{}, nil
}
