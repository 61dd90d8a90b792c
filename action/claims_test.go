package action_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"

	"connectrpc.com/connect/v2"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/google/go-cmp/cmp"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/action/actiongen"
	"github.com/sallyport-rpc/sallyport/action/event"
	"github.com/sallyport-rpc/sallyport/authn"
	"github.com/sallyport-rpc/sallyport/gen/demo/v1/demov1action"
	sallyportv1 "github.com/sallyport-rpc/sallyport/gen/sallyport/v1"
	"github.com/sallyport-rpc/sallyport/gen/test/bench/v1/benchv1action"
	claimsv1 "github.com/sallyport-rpc/sallyport/gen/test/claims/v1"
	"github.com/sallyport-rpc/sallyport/gen/test/claims/v1/claimsv1action"
	"github.com/sallyport-rpc/sallyport/gen/test/claims/v1/claimsv1client"
	testv1 "github.com/sallyport-rpc/sallyport/gen/test/v1"
	"github.com/sallyport-rpc/sallyport/gen/test/v1/testv1action"
	"github.com/sallyport-rpc/sallyport/internal/declare/declaretest"
)

// orgs serves organisations, and tells what the claims of the last caller were.
type orgs struct {
	handled atomic.Int64
	claims  atomic.Pointer[claimsv1.Claims]
}

func (o *orgs) ReadOrg(_ context.Context, call *action.Call[claimsv1.ReadOrgRequest]) (*claimsv1.ReadOrgResponse, error) {
	o.handled.Add(1)
	claims := authn.ClaimsOf[*claimsv1.Claims](call.Principal())
	o.claims.Store(claims)
	return &claimsv1.ReadOrgResponse{}, nil
}

func (o *orgs) WriteOrg(_ context.Context, call *action.Call[claimsv1.WriteOrgRequest]) (*claimsv1.WriteOrgResponse, error) {
	o.handled.Add(1)
	o.claims.Store(authn.ClaimsOf[*claimsv1.Claims](call.Principal()))
	return &claimsv1.WriteOrgResponse{}, nil
}

// claimsRegistry serves orgs to one principal, and keeps what is recorded.
func claimsRegistry(t *testing.T, service *orgs, principal *authn.Principal) (*action.Registry, *recorder) {
	t.Helper()
	kept := &recorder{}
	sessions := authn.AuthenticatorFunc(func(context.Context, *connect.CallInfo) (*authn.Principal, error) { return principal, nil })
	registry, err := action.NewRegistry(authn.Schemes{"session": sessions}, action.WithRecorder(kept))
	if err != nil {
		t.Fatal(err)
	}
	if err := claimsv1action.RegisterOrgService(registry, service); err != nil {
		t.Fatal(err)
	}
	return registry, kept
}

func TestClaims(t *testing.T) {
	t.Parallel()
	const read, write = "/test.claims.v1.OrgService/ReadOrg", "/test.claims.v1.OrgService/WriteOrg"
	member := &claimsv1.Claims{
		OrgIds:      []string{"acme", "initech"},
		Memberships: map[string]*claimsv1.Membership{"acme": {Writes: true}, "initech": {}},
	}
	for name, test := range map[string]struct {
		claims proto.Message
		action string
		org    string
		code   connect.Code // 0 lets in
		why    string       // what the operator reads of a fault
	}{
		"a member":                      {member, read, "acme", 0, ""},
		"of another organisation":       {member, read, "hooli", connect.CodePermissionDenied, ""},
		"no claims given":               {nil, read, "acme", connect.CodePermissionDenied, ""},
		"nothing in them":               {&claimsv1.Claims{}, read, "acme", connect.CodePermissionDenied, ""},
		"a nil message":                 {(*claimsv1.Claims)(nil), read, "acme", connect.CodePermissionDenied, ""},
		"may write":                     {member, write, "acme", 0, ""},
		"may read alone":                {member, write, "initech", connect.CodePermissionDenied, ""},
		"no membership: what is absent": {member, write, "hooli", connect.CodePermissionDenied, ""},
		"claims of another type":        {&testv1.Request{Owner: "acme"}, read, "acme", connect.CodeInternal, "want a test.claims.v1.Claims"},
		"claims that are not valid":     {&claimsv1.Claims{OrgIds: []string{"acme", ""}}, read, "acme", connect.CodeInternal, "not valid"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			service := &orgs{}
			principal := authn.NewPrincipal("alice", authn.Details{Unscoped: true, Scheme: "session", Claims: test.claims})
			registry, kept := claimsRegistry(t, service, principal)
			transport, err := registry.InProcess()
			if err != nil {
				t.Fatal(err)
			}
			client := claimsv1client.NewOrgServiceClient(connect.NewClient(transport))
			var request proto.Message = &claimsv1.ReadOrgRequest{OrgId: test.org}
			if test.action == write {
				request = &claimsv1.WriteOrgRequest{OrgId: test.org}
			}
			for range 2 { // what was found of the claims is remembered
				if test.action == read {
					_, err = client.ReadOrg(t.Context(), &claimsv1.ReadOrgRequest{OrgId: test.org})
				} else {
					_, err = client.WriteOrg(t.Context(), &claimsv1.WriteOrgRequest{OrgId: test.org})
				}
				if (err == nil) != (test.code == 0) || err != nil && connect.CodeOf(err) != test.code {
					t.Fatalf("got %v, want code %v", err, test.code)
				}
				events := kept.takeEvents()
				if len(events) != 1 || events[0].Code != test.code || (events[0].Outcome == event.Allow) != (err == nil) {
					t.Fatalf("recorded %+v", events)
				}
				event := events[0]
				if test.why != "" && (event.Err == nil || !strings.Contains(event.Err.Error(), test.why) || !strings.Contains(event.Err.Error(), `scheme "session"`)) {
					t.Errorf("the cause is %v, want %q", event.Err, test.why)
				}
			}
			if handled := service.handled.Load(); (handled > 0) != (test.code == 0) {
				t.Errorf("the handler ran %d times", handled)
			}
			if test.code == 0 && !proto.Equal(service.claims.Load(), member) {
				t.Errorf("the handler read %v", service.claims.Load())
			}
			decision := registry.May(t.Context(), principal, action.Question{Procedure: test.action, Request: request})
			if (decision.Outcome == event.Allow) != (test.code == 0) {
				t.Errorf("May says %+v", decision)
			}
		})
	}
}

// A program asks for a principal that it makes itself, and no gate has seen: its claims are
// read and held as those of a caller.
func TestMayEachWithClaims(t *testing.T) {
	t.Parallel()
	const read, write = "/test.claims.v1.OrgService/ReadOrg", "/test.claims.v1.OrgService/WriteOrg"
	registry, _ := claimsRegistry(t, &orgs{}, nil)
	if _, err := registry.InProcess(); err != nil {
		t.Fatal(err)
	}
	questions := []action.Question{
		{Procedure: read, Request: &claimsv1.ReadOrgRequest{OrgId: "acme"}},
		{Procedure: read, Request: &claimsv1.ReadOrgRequest{OrgId: "hooli"}},
		{Procedure: write, Request: &claimsv1.WriteOrgRequest{OrgId: "acme"}},
		{Procedure: write, Request: &claimsv1.WriteOrgRequest{OrgId: "initech"}},
		{Procedure: write, Request: &claimsv1.WriteOrgRequest{}},
	}
	const no = connect.CodePermissionDenied
	member := &claimsv1.Claims{OrgIds: []string{"acme"}, Memberships: map[string]*claimsv1.Membership{"acme": {Writes: true}, "initech": {}}}
	for name, test := range map[string]struct {
		details authn.Details
		want    []connect.Code
	}{
		"a member":            {authn.Details{Claims: member, Unscoped: true}, []connect.Code{0, no, 0, no, connect.CodeInvalidArgument}},
		"without claims":      {authn.Details{Unscoped: true}, []connect.Code{no, no, no, no, connect.CodeInvalidArgument}},
		"a scoped one":        {authn.Details{Claims: member, Scopes: []string{"all"}}, []connect.Code{no, no, no, no, connect.CodeInvalidArgument}},
		"with invalid ones":   {authn.Details{Claims: &claimsv1.Claims{OrgIds: []string{""}}, Unscoped: true}, []connect.Code{connect.CodeInternal, connect.CodeInternal, connect.CodeInternal, connect.CodeInternal, connect.CodeInvalidArgument}},
		"of a scheme unknown": {authn.Details{Claims: member, Unscoped: true, Scheme: "carrier-pigeon"}, []connect.Code{connect.CodeUnauthenticated, connect.CodeUnauthenticated, connect.CodeUnauthenticated, connect.CodeUnauthenticated, connect.CodeInvalidArgument}},
	} {
		if test.details.Scheme == "" {
			test.details.Scheme = "session"
		}
		var codes []connect.Code
		for _, decision := range registry.MayEach(t.Context(), authn.NewPrincipal("job", test.details), questions...) {
			codes = append(codes, decision.Code)
		}
		if diff := cmp.Diff(test.want, codes); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// beside finds one file besides those that are linked in.
type beside struct{ *protoregistry.Files }

func (b beside) FindFileByPath(path string) (protoreflect.FileDescriptor, error) {
	if file, err := b.Files.FindFileByPath(path); err == nil {
		return file, nil
	}
	return protoregistry.GlobalFiles.FindFileByPath(path)
}

func (b beside) FindDescriptorByName(name protoreflect.FullName) (protoreflect.Descriptor, error) {
	if found, err := b.Files.FindDescriptorByName(name); err == nil {
		return found, nil
	}
	return protoregistry.GlobalFiles.FindDescriptorByName(name)
}

// otherClaims is a file with claims of another type.
func otherClaims(t *testing.T) beside {
	t.Helper()
	options := &descriptorpb.MessageOptions{}
	proto.SetExtension(options, sallyportv1.E_Claims, true)
	file, err := protodesc.NewFile(&descriptorpb.FileDescriptorProto{
		Name: new("other.proto"), Package: new("other.v1"), Syntax: new("proto3"),
		Dependency:  []string{"google/protobuf/descriptor.proto", "sallyport/v1/action.proto"},
		Extension:   handle(),
		MessageType: []*descriptorpb.DescriptorProto{{Name: new("Claims"), Options: options}},
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

// otherRoles is a file with a catalogue of one role.
func otherRoles(t *testing.T, role string) beside {
	t.Helper()
	marked, option := &descriptorpb.EnumOptions{}, &descriptorpb.EnumValueOptions{}
	proto.SetExtension(marked, sallyportv1.E_Roles, true)
	proto.SetExtension(option, sallyportv1.E_Role, &sallyportv1.Role{Name: role})
	file, err := protodesc.NewFile(&descriptorpb.FileDescriptorProto{
		Name: new("other.proto"), Package: new("other.v1"), Syntax: new("proto3"),
		Dependency: []string{"google/protobuf/descriptor.proto", "sallyport/v1/action.proto"},
		Extension:  handle(),
		EnumType: []*descriptorpb.EnumDescriptorProto{{Name: new("Role"), Options: marked, Value: []*descriptorpb.EnumValueDescriptorProto{
			{Name: new("ROLE_UNSPECIFIED"), Number: new(int32(0))},
			{Name: new("ROLE_ONE"), Number: new(int32(1)), Options: option},
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

// A service that sees two catalogues with one name is refused by itself.
func TestRegisterRolesOfTwoImports(t *testing.T) {
	t.Parallel()
	for role, rules := range map[string][]string{"viewer": {"role-other"}, "visitor": nil} { // test.v1 has a viewer
		t.Run(role, func(t *testing.T) {
			t.Parallel()
			service := describeIn(t, otherRoles(t, role), "other.proto", "roles_registered", &descriptorpb.ServiceDescriptorProto{
				Name: new("More"), Method: methods([]rpc{{name: "Get", action: bySession(toAnyone())}}),
			}).Services().Get(0)
			err := actiongen.Register(must(action.NewRegistry(someSchemes())), actiongen.Service[*worker]{
				Descriptor: service, Fingerprint: declaretest.Fingerprint(t, service),
				Methods: []actiongen.Method[*worker]{actiongen.Unary("Get", (*worker).get)},
			}, &worker{})
			expectRules(t, err, rules...)
		})
	}
}

// A registry has one type of claims.
func TestRegisterClaims(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		files  beside
		beside string
		rules  []string
	}{
		"of the same type": {beside{&protoregistry.Files{}}, "test/claims/v1/claims.proto", nil},
		"of none":          {beside{&protoregistry.Files{}}, "buf/validate/validate.proto", nil},
		"of another type":  {otherClaims(t), "other.proto", []string{"claims-other"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			registry, _ := claimsRegistry(t, &orgs{}, people["alice"])
			service := describeIn(t, test.files, test.beside, "claims_registered", &descriptorpb.ServiceDescriptorProto{
				Name: new("More"), Method: methods([]rpc{{name: "Get", action: bySession(toAnyone())}}),
			}).Services().Get(0)
			err := actiongen.Register(registry, actiongen.Service[*worker]{
				Descriptor: service, Fingerprint: declaretest.Fingerprint(t, service),
				Methods: []actiongen.Method[*worker]{actiongen.Unary("Get", (*worker).get)},
			}, &worker{})
			expectRules(t, err, test.rules...)
		})
	}
}

// Principals have roles by name, so a name has one meaning in a registry.
func TestRegisterRolesOfTwoCatalogues(t *testing.T) {
	t.Parallel()
	schemes := authn.Schemes{}
	for _, name := range []string{"session", "bearer", "apikey"} {
		schemes[name] = freshnessReporter{knows(people["alice"])}
	}
	notes := struct {
		benchv1action.NoteServiceHandler
	}{}
	accounts := struct {
		demov1action.AccountServiceHandler
	}{}
	registry := must(action.NewRegistry(schemes))
	expectRules(t, benchv1action.RegisterNoteService(registry, notes))
	err := demov1action.RegisterAccountService(registry, accounts)
	expectRules(t, err, "role-other", "role-other") // admin and member
	if refused, ok := errors.AsType[*action.RefusalError](err); ok {
		for _, refusal := range refused.Refusals {
			if refusal.At == nil || !strings.Contains(refusal.Subject, string(refusal.At.FullName())) {
				t.Errorf("%s is of %v", refusal, refusal.At)
			}
		}
	}

	registry = must(action.NewRegistry(schemes))
	expectRules(t, benchv1action.RegisterNoteService(registry, notes))
	expectRules(t, testv1action.RegisterPlainService(registry, struct {
		testv1action.PlainServiceHandler
	}{}))
}
