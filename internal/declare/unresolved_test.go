package declare

import (
	"os"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/known/durationpb"

	sallyportv1 "github.com/sallyport-rpc/sallyport/gen/sallyport/v1"
)

// some resolves only some extensions, as in a program that links in no more.
type some []protoreflect.ExtensionType

func (s some) FindExtensionByName(name protoreflect.FullName) (protoreflect.ExtensionType, error) {
	for _, known := range s {
		if known.TypeDescriptor().FullName() == name {
			return known, nil
		}
	}
	return nil, protoregistry.NotFound
}

func (s some) FindExtensionByNumber(message protoreflect.FullName, number protoreflect.FieldNumber) (protoreflect.ExtensionType, error) {
	for _, known := range s {
		if of := known.TypeDescriptor(); of.ContainingMessage().FullName() == message && of.Number() == number {
			return known, nil
		}
	}
	return nil, protoregistry.NotFound
}

// guarded is a good file with an action and a catalogue of two roles.
var guarded = sources{"test/v1/files.proto": `syntax = "proto3";
package test.v1;
import "sallyport/v1/action.proto";
enum Role {
  option (sallyport.v1.roles) = true;
  ROLE_UNSPECIFIED = 0;
  ROLE_MEMBER = 1 [(sallyport.v1.role) = {name: "member"}];
  ROLE_ADMIN = 2 [(sallyport.v1.role) = {name: "admin", includes: "member"}];
}
enum Other { OTHER_UNSPECIFIED = 0; }
message Request {}
message Response {}
service Files {
  rpc Read(Request) returns (Response) {
    option (sallyport.v1.action) = {
      authenticate: {schemes: "session" max_age: {seconds: 60}}
      authorize: {allow: {any_role: "member"}}
    };
  }
}
`}

const (
	enumLine, memberLine, adminLine, optionLine = 4, 7, 8, 15

	read = "/test.v1.Files/Read"
	role = "test.v1.Role"
)

func at(line int, subject string, rule Rule) fault {
	return fault{rule, subject, "test/v1/files.proto", line}
}

// An extension that was not linked in when the descriptor was built sits in its
// unknown fields. It is not the same as none.
func TestUnlinkedExtensions(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		linked some
		want   []fault
	}{
		{"all", some{sallyportv1.E_Action, sallyportv1.E_Roles, sallyportv1.E_Role}, nil},
		{"none", nil, []fault{at(enumLine, role, RuleCatalogueUnresolved), at(optionLine, read, RuleUnresolved)}},
		{"all but action", some{sallyportv1.E_Roles, sallyportv1.E_Role}, []fault{at(optionLine, read, RuleUnresolved)}},
		{"all but roles", some{sallyportv1.E_Action, sallyportv1.E_Role}, []fault{at(enumLine, role, RuleCatalogueUnresolved), at(optionLine, read, RuleRoleUnknown)}},
		{"all but role", some{sallyportv1.E_Action, sallyportv1.E_Roles}, []fault{
			at(memberLine, role, RuleCatalogueUnresolved), at(adminLine, role, RuleCatalogueUnresolved), at(optionLine, read, RuleRoleUnknown),
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			reader := newReader(t, nil)
			file := compile(t, guarded).overWire(t, test.linked).file(t, "test/v1/files.proto")
			declarations, refusals := reader.File(file, Given{})
			if diff := gocmp.Diff(test.want, faultsOf(refusals)); diff != "" {
				t.Errorf("-want +got\n%s%s", diff, texts(refusals))
			}
			if (len(declarations) == 1) != (test.want == nil) {
				t.Errorf("%d declarations", len(declarations))
			}
		})
	}
}

// The options of a later or an altered sallyport/v1/action.proto.
func TestOtherSchemas(t *testing.T) {
	t.Parallel()
	const path = "../../proto/sallyport/v1/action.proto"
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	field := func(message string) []string {
		return []string{"message " + message + " {\n", "message " + message + " {\n  string future = 99;\n"}
	}
	tests := []struct {
		name   string
		edit   []string // what is replaced in action.proto, in pairs
		option []string // what is replaced in the guarded file, in pairs
		want   []fault
		// ours says that the options can be read as our types as well as theirs, and
		// that the same is refused then.
		ours bool
	}{
		{"the same", nil, nil, nil, true},
		{"field of the action", field("Action"), []string{`authorize:`, `future: "x" authorize:`}, []fault{at(optionLine, read, RuleUnknownField)}, true},
		{"field of the action, unused", field("Action"), nil, nil, true},
		{"field of authenticate", field("Authenticate"), []string{`schemes:`, `future: "x" schemes:`}, []fault{at(optionLine, read, RuleUnknownField)}, true},
		{"field of authorize", field("Authorize"), []string{`allow:`, `future: "x" allow:`}, []fault{at(optionLine, read, RuleUnknownField)}, true},
		{"field of a grant", field("Grant"), []string{`any_role:`, `future: "x" any_role:`}, []fault{at(optionLine, read, RuleUnknownField)}, true},
		{"field of two grants", field("Grant"), []string{`allow:`, `allow: {future: "x"} allow: {future: "y"} allow:`}, []fault{at(optionLine, read, RuleUnknownField), at(optionLine, read, RuleUnknownField)}, true},
		{"field of a stream", field("Stream"), []string{`authorize:`, `stream: {future: "x"} authorize:`}, []fault{at(optionLine, read, RuleUnknownField)}, true},
		{"field of a role", field("Role"), []string{`name: "member"`, `name: "member" future: "x"`}, []fault{at(memberLine, role, RuleUnknownField)}, true},
		{"enum number", []string{"EVERY_MESSAGE = 3;", "EVERY_MESSAGE = 3; FUTURE = 4;"}, []string{`authorize:`, `stream: {authorize: FUTURE} authorize:`}, []fault{at(optionLine, read, RuleUnknownValue)}, true},
		{"enum number and field", append(field("Action"), "EVERY_MESSAGE = 3;", "EVERY_MESSAGE = 3; FUTURE = 4;"), []string{`authorize:`, `future: "x" stream: {authorize: FUTURE} authorize:`}, []fault{at(optionLine, read, RuleUnknownField), at(optionLine, read, RuleUnknownValue)}, true},
		{"another type of field", []string{"Authenticate authenticate = 1;", "int32 authenticate = 1;"}, []string{`{schemes: "session" max_age: {seconds: 60}}`, `1`}, []fault{at(optionLine, read, RuleUnknownField)}, true},
		{"another message in a field", []string{"Authenticate authenticate = 1;", "string authenticate = 1;"}, []string{`{schemes: "session" max_age: {seconds: 60}}`, `"session"`}, []fault{at(optionLine, read, RuleUnresolved)}, false},

		{"another extension of the number", []string{"Action action =", "Action rule ="}, []string{"(sallyport.v1.action)", "(sallyport.v1.rule)"}, []fault{at(optionLine, read, RuleUnresolved)}, false},
		{"another number", []string{"Action action = 51719", "Action action = 51799"}, nil, []fault{at(optionLine, read, RuleMissing)}, false},
		{"a list", []string{"Action action =", "repeated Action action ="}, nil, []fault{at(optionLine, read, RuleUnresolved)}, false},
		{"a string", []string{"Action action =", "string action ="}, []string{"= {\n      authenticate: {schemes: \"session\" max_age: {seconds: 60}}\n      authorize: {allow: {any_role: \"member\"}}\n    }", `= "x"`}, []fault{at(optionLine, read, RuleUnresolved)}, false},
		{"roles of another number", []string{"bool roles = 51719", "bool roles = 51799"}, nil, []fault{
			at(memberLine, role, RuleRoleOutside), at(adminLine, role, RuleRoleOutside), at(optionLine, read, RuleRoleUnknown),
		}, false},
		{"roles of another type", []string{"bool roles =", "uint32 roles ="}, []string{"roles) = true", "roles) = 1"}, []fault{at(enumLine, role, RuleCatalogueUnresolved), at(optionLine, read, RuleRoleUnknown)}, false},
		{"another extension of the number of roles", []string{"bool roles =", "bool groups ="}, []string{"roles) = true", "groups) = true"}, []fault{at(enumLine, role, RuleCatalogueUnresolved), at(optionLine, read, RuleRoleUnknown)}, false},
		{"name of a condition of another type", []string{"message NamedCondition {", "message NamedCondition {\n  bytes binary = 1;", "string name = 1 [(buf.validate.field).cel = {\n    id: \"condition-name\"", "string text = 9 [(buf.validate.field).cel = {\n    id: \"condition-name\""},
			[]string{`action.proto";`, `action.proto"; option (sallyport.v1.condition) = {binary: "\xff" cel: "true"};`}, []fault{at(3, "test/v1/files.proto", RuleConditionUnresolved)}, false},
		{"scope of another type", []string{"Scope scope =", "string scope ="},
			[]string{"OTHER_UNSPECIFIED = 0;", `option (sallyport.v1.scope_catalogue) = true; OTHER_UNSPECIFIED = 0; OTHER_A = 1 [(sallyport.v1.scope) = "a"];`}, []fault{at(10, "test.v1.Other", RuleCatalogueUnresolved)}, false},
		{"role of another type", []string{"Role role =", "string role ="}, []string{`{name: "member"}`, `"member"`, `{name: "admin", includes: "member"}`, `"admin"`}, []fault{
			at(memberLine, role, RuleCatalogueUnresolved), at(adminLine, role, RuleCatalogueUnresolved), at(optionLine, read, RuleRoleUnknown),
		}, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			reader := newReader(t, nil)
			altered := strings.NewReplacer(test.edit...).Replace(string(text))
			if len(test.edit) > 0 && altered == string(text) {
				t.Fatalf("%s does not have %q", path, test.edit[0])
			}
			compiled := compile(t, sources{
				"sallyport/v1/action.proto": altered,
				"test/v1/files.proto":       strings.NewReplacer(test.option...).Replace(guarded["test/v1/files.proto"]),
			})
			ways := map[string]schema{"as theirs": compiled}
			if test.ours {
				ways["as ours"] = compiled.overWire(t, protoregistry.GlobalTypes)
			}
			for way, schema := range ways {
				_, refusals := reader.File(schema.file(t, "test/v1/files.proto"), Given{})
				if diff := gocmp.Diff(sorted(test.want), faultsOf(refusals)); diff != "" {
					t.Errorf("%s: -want +got\n%s%s", way, diff, texts(refusals))
				}
			}
		})
	}
}

// Options that no compiler writes, and that a descriptor from elsewhere can hold.
func TestOptionsOnTheWire(t *testing.T) {
	t.Parallel()
	number := sallyportv1.E_Action.TypeDescriptor().Number()
	good := &sallyportv1.Action{
		Authenticate: &sallyportv1.Authenticate{Schemes: []string{"session"}, MaxAge: &durationpb.Duration{Seconds: 60}},
		Authorize:    &sallyportv1.Authorize{Allow: []*sallyportv1.Grant{{AnyRole: []string{"member"}}}},
	}
	goodWire, err := proto.Marshal(good)
	if err != nil {
		t.Fatal(err)
	}
	unknown := protowire.AppendString(protowire.AppendTag(nil, 1000, protowire.BytesType), "x")
	withUnknown := func(at func(*sallyportv1.Action) proto.Message) *sallyportv1.Action {
		action := proto.CloneOf(good)
		at(action).ProtoReflect().SetUnknown(unknown)
		return action
	}
	set := func(action *sallyportv1.Action) func(*descriptorpb.MethodOptions) {
		return func(options *descriptorpb.MethodOptions) { proto.SetExtension(options, sallyportv1.E_Action, action) }
	}
	raw := func(wire []byte) func(*descriptorpb.MethodOptions) {
		return func(options *descriptorpb.MethodOptions) {
			proto.ClearExtension(options, sallyportv1.E_Action)
			options.ProtoReflect().SetUnknown(wire)
		}
	}
	tests := []struct {
		name   string
		mutate func(*descriptorpb.MethodOptions)
		want   Rule // "" where nothing is refused
	}{
		{"good", set(good), ""},
		{"another field of the options", func(o *descriptorpb.MethodOptions) { o.ProtoReflect().SetUnknown(unknown) }, ""},
		{"a group of the options", func(o *descriptorpb.MethodOptions) {
			group := protowire.AppendTag(nil, 1000, protowire.StartGroupType)
			group = protowire.AppendVarint(protowire.AppendTag(group, number, protowire.VarintType), 1)
			o.ProtoReflect().SetUnknown(protowire.AppendTag(group, 1000, protowire.EndGroupType))
		}, ""},
		{"nothing", raw(nil), RuleMissing},
		{"nothing of ours", raw(unknown), RuleMissing},
		{"a message", raw(protowire.AppendBytes(protowire.AppendTag(nil, number, protowire.BytesType), goodWire)), RuleUnresolved},
		{"a message after something else", raw(protowire.AppendBytes(protowire.AppendTag(unknown, number, protowire.BytesType), goodWire)), RuleUnresolved},
		{"a number", raw(protowire.AppendVarint(protowire.AppendTag(nil, number, protowire.VarintType), 1)), RuleUnresolved},
		{"a group", raw(protowire.AppendTag(protowire.AppendTag(nil, number, protowire.StartGroupType), number, protowire.EndGroupType)), RuleUnresolved},
		{"the end of a group", raw(protowire.AppendTag(nil, 1000, protowire.EndGroupType)), RuleUnresolved},
		{"no wire form at all", raw([]byte{0xff}), RuleUnresolved},
		{"cut off", raw(protowire.AppendTag(nil, 1000, protowire.BytesType)), RuleUnresolved},
		{"one read and one not", func(o *descriptorpb.MethodOptions) {
			o.ProtoReflect().SetUnknown(protowire.AppendVarint(protowire.AppendTag(nil, number, protowire.VarintType), 1))
		}, RuleUnresolved},
		{"unknown in the action", set(withUnknown(func(a *sallyportv1.Action) proto.Message { return a })), RuleUnknownField},
		{"unknown in authenticate", set(withUnknown(func(a *sallyportv1.Action) proto.Message { return a.GetAuthenticate() })), RuleUnknownField},
		{"unknown in max_age", set(withUnknown(func(a *sallyportv1.Action) proto.Message { return a.GetAuthenticate().GetMaxAge() })), RuleUnknownField},
		{"unknown in authorize", set(withUnknown(func(a *sallyportv1.Action) proto.Message { return a.GetAuthorize() })), RuleUnknownField},
		{"unknown in a grant", set(withUnknown(func(a *sallyportv1.Action) proto.Message { return a.GetAuthorize().GetAllow()[0] })), RuleUnknownField},
		{"unknown and nothing else", set(withUnknown(func(a *sallyportv1.Action) proto.Message { proto.Reset(a); return a })), RuleUnknownField},
		{"enum number", set(&sallyportv1.Action{Stream: &sallyportv1.Stream{Authorize: 77}}), RuleUnknownValue},
		{"negative enum number", set(&sallyportv1.Action{Stream: &sallyportv1.Stream{Authorize: -1}}), RuleUnknownValue},
		{"empty", set(&sallyportv1.Action{}), RuleEmpty},
		{"no text", set(&sallyportv1.Action{Authenticate: &sallyportv1.Authenticate{Schemes: []string{"\xff"}}, Authorize: good.GetAuthorize()}), RuleUnresolved},
	}
	compiled := compile(t, guarded)
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			reader := newReader(t, nil)
			// Not sent: a decoder refuses half of these itself. The reader does not count
			// on one.
			schema := compiled.overWire(t, protoregistry.GlobalTypes, func(file *descriptorpb.FileDescriptorProto) {
				test.mutate(file.GetService()[0].GetMethod()[0].GetOptions())
			})
			_, refusals := reader.File(schema.file(t, "test/v1/files.proto"), Given{})
			var want []fault
			if test.want != "" {
				want = []fault{at(optionLine, read, test.want)}
			}
			if diff := gocmp.Diff(want, faultsOf(refusals)); diff != "" {
				t.Errorf("-want +got\n%s%s", diff, texts(refusals))
			}
		})
	}
}
