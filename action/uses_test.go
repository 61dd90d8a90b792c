package action_test

import (
	"testing"

	"connectrpc.com/connect/v2"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/action/actiongen"
	"github.com/sallyport-rpc/sallyport/action/event"
	"github.com/sallyport-rpc/sallyport/authn"
	sallyportv1 "github.com/sallyport-rpc/sallyport/gen/sallyport/v1"
	"github.com/sallyport-rpc/sallyport/internal/declare"
)

// describeVendor describes a service of others, whose file knows nothing of Sallyport.
func describeVendor(t *testing.T) protoreflect.ServiceDescriptor {
	t.Helper()
	file, err := protodesc.NewFile(&descriptorpb.FileDescriptorProto{
		Name: new("vendor.proto"), Package: new("vendor.v1"), Syntax: new("proto3"),
		Dependency: []string{"test/v1/test.proto"},
		Service:    []*descriptorpb.ServiceDescriptorProto{{Name: new("VendorService"), Method: methods([]rpc{{name: "Get"}})}},
	}, protoregistry.GlobalFiles)
	if err != nil {
		t.Fatal(err)
	}
	return file.Services().Get(0)
}

// A service of others is served with the roles of a package that its declaration says it
// uses: by generated code that carries declarations, and by a program that gives one. What
// a role includes is what its own catalogue says.
func TestUsesOfAServiceOfOthers(t *testing.T) {
	t.Parallel()
	declared := bySession(allow(&sallyportv1.Grant{AnyRole: []string{"editor"}}, &sallyportv1.Grant{Cel: new("'robot' in principal.roles && request.owner == 'robots'")}))
	json, err := protojson.Marshal(declared)
	if err != nil {
		t.Fatal(err)
	}
	generated := func(t *testing.T, registry *action.Registry, uses []string) error {
		t.Helper()
		service := describeVendor(t)
		reader := must(declare.NewReader(declare.Config{Files: protoregistry.GlobalFiles}))
		read, _ := reader.Service(service, declare.Given{Actions: map[string]*sallyportv1.Action{"/vendor.v1.VendorService/Get": declared}, Uses: []string{"test.v1"}})
		return actiongen.Register(registry, actiongen.Service[*worker]{
			Descriptor: service, Fingerprint: declare.Fingerprint(service, read), Declarations: map[string]string{"Get": string(json)}, Uses: uses,
			Methods: []actiongen.Method[*worker]{actiongen.Unary("Get", (*worker).get)},
		}, &worker{})
	}
	given := func(t *testing.T, registry *action.Registry, uses []string) error {
		t.Helper()
		return actiongen.RegisterGiven(registry, `authenticate: {schemes: "session"} authorize: {
			allow: {any_role: "editor"}
			allow: {cel: "'robot' in principal.roles && request.owner == 'robots'"}
		}`, actiongen.GivenService[*worker]{
			Descriptor: describeVendor(t), Uses: uses,
			Methods: []actiongen.Method[*worker]{actiongen.Unary("Get", (*worker).get)},
		}, &worker{})
	}
	for name, register := range map[string]func(*testing.T, *action.Registry, []string) error{"generated": generated, "given by the program": given} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fixture := newFixture(t)
			registry := func() *action.Registry {
				return must(action.NewRegistry(authn.Schemes{"session": fixture.session}, action.WithRecorder(fixture.recorder)))
			}
			fixture.registry = registry()
			if err := register(t, fixture.registry, []string{"test.v1"}); err != nil {
				t.Fatal(err)
			}
			fixture.open(t, must(fixture.registry.Methods()))
			const procedure = "/vendor.v1.VendorService/Get"
			for _, test := range []struct {
				who, owner string
				code       connect.Code // 0 is let in
			}{
				{"editor", "x", 0}, {"owner", "x", 0}, {"viewer", "x", connect.CodePermissionDenied},
				{"robot", "robots", 0}, {"robot", "x", connect.CodePermissionDenied}, {"superuser", "robots", connect.CodePermissionDenied},
				{"", "x", connect.CodeUnauthenticated},
			} {
				for _, way := range []way{fixture.ways[0], fixture.ways[4], fixture.ways[len(fixture.ways)-1]} {
					got := fixture.ask(t.Context(), way, procedure, as("session", test.who), owned(test.owner))
					if (got.err == nil) != (test.code == 0) || got.err != nil && connect.CodeOf(got.err) != test.code {
						t.Errorf("%s of %s by %s: %v, want code %v", test.who, test.owner, way.name, got.err, test.code)
					}
					_, decisions := fixture.take()
					if len(decisions) != 1 || (decisions[0].Outcome == event.Allow) != (test.code == 0) {
						t.Errorf("%s of %s by %s: recorded %+v", test.who, test.owner, way.name, decisions)
					}
				}
			}
			// The literal of the expression is not held against a catalogue that is not seen.
			expectRules(t, register(t, registry(), nil), "role-unknown")
			expectRules(t, register(t, registry(), []string{"test.nothing.v1", "test.v1"}), "use-unknown")
		})
	}
}
