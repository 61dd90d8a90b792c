package declare

import (
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"

	sallyportv1 "github.com/sallyport-rpc/sallyport/gen/sallyport/v1"
)

// fieldFile is a file whose action answers with a message; lines are in the message.
func fieldFile(authenticate, wants string, lines ...string) sources {
	return sources{"test/v1/fields.proto": `syntax!
package test.v1;
import "sallyport/v1/action.proto";
option (sallyport.v1.condition) = {name: "owner" cel: "this.owner_id == principal.id"};
` + suggestRole + `
message Request {}
message User {
  singular string owner_id = 1;
  repeated string reader_ids = 2;
  singular string state = 3;
` + strings.Join(lines, "\n") + `
}
message Response { repeated User users = 1; }
service Users {
  rpc Get(Request) returns (Response) {
    option (sallyport.v1.action) = {` + wants + `
      ` + authenticate + `
      authorize: {anyone: "a test"}
    };
  }
}
`}
}

func TestFields(t *testing.T) {
	t.Parallel()
	const (
		session   = `authenticate: {schemes: "session"}`
		anonymous = `authenticate: {anonymous: "a test"}`
	)
	one := func(rule, wants string) []string {
		if wants != "" {
			wants = " //! test.v1.User.email " + wants
		}
		return []string{`  singular string email = 4 [(sallyport.v1.field) = {` + rule + `}];` + wants}
	}
	for name, test := range map[string]struct {
		authenticate, wants string
		lines               []string
	}{
		"a role":                  {session, "", one(`read: {allow: {any_role: "clerk"}}`, "")},
		"a role that is not":      {session, "", one(`read: {allow: {any_role: "ghost"}}`, "role-unknown")},
		"an owner":                {session, "", one(`read: {allow: {cel: "this.owner_id == principal.id"}}`, "")},
		"a list of readers":       {session, "", one(`read: {allow: {cel: "principal.id in this.reader_ids"}}`, "")},
		"a field that is not":     {session, "", one(`read: {allow: {cel: "this.owner == principal.id"}}`, "cel-invalid")},
		"a bare name":             {session, "", one(`read: {allow: {cel: "owner_id == principal.id"}}`, "cel-invalid")},
		"the request":             {session, "", one(`read: {allow: {cel: "request.id == principal.id"}}`, "cel-invalid")},
		"the resource":            {session, "", one(`read: {allow: {cel: "resource.id == principal.id"}}`, "cel-invalid")},
		"the time":                {session, "", one(`read: {allow: {cel: "principal.id in this.reader_ids && now > timestamp('2020-01-01T00:00:00Z')"}}`, "")},
		"a named condition":       {session, "", one(`read: {allow: {when: "owner"}}`, "")},
		"a condition that is not": {session, "", one(`read: {allow: {when: "ghost"}}`, "when-unknown")},
		"what must not be":        {session, "", one(`read: {allow: {cel: "!('secret' in this.reader_ids)"}}`, "cel-unset-resource")},
		"what must be":            {session, "", one(`read: {allow: {cel: "'public' in this.reader_ids"}}`, "")},
		"always true":             {session, "", one(`read: {allow: {cel: "true"}}`, "cel-always-true")},
		"always false":            {session, "", one(`read: {allow: {cel: "false"}}`, "cel-always-false")},
		"a check":                 {session, "", one(`read: {allow: {check: "is_open"}}`, "field-check")},
		"a relation":              {session, "", one(`read: {allow: {relation: {name: "viewer" object: "user" id: "this.id"}}}`, "field-check")},
		"anyone":                  {session, "", one(`read: {anyone: "they chose it"}`, "")},
		"anyone without a reason": {session, "", one(`read: {anyone: " "}`, "field-anyone-reason")},
		"anyone and a grant":      {session, "", one(`read: {anyone: "x" allow: {any_role: "clerk"}}`, "field-choice")},
		"no grant":                {session, "", one(`read: {}`, "field-choice")},
		"nothing":                 {session, "", one(``, "field-empty")},
		"an empty grant":          {session, "", one(`read: {allow: {}}`, "grant-empty")},
		"one that adds nothing":   {session, "", one(`read: {allow: {any_role: "clerk"} allow: {any_role: "clerk" cel: "this.owner_id == principal.id"}}`, "grant-redundant")},
		"in a nested message":     {session, "", []string{`  message In { singular string x = 1 [(sallyport.v1.field).read.allow = {any_role: "ghost"}]; } //! test.v1.User.In.x role-unknown`}},
		"anonymous":               {anonymous, " //! /test.v1.Users/Get field-anonymous", one(`read: {allow: {any_role: "clerk"}}`, "")},
		"anonymous, anyone":       {anonymous, "", one(`read: {anyone: "they chose it"}`, "")},
		"anonymous, unguarded":    {anonymous, "", nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			check(t, nil, fieldFile(test.authenticate, test.wants, test.lines...), "test/v1/fields.proto")
		})
	}
}

// What no rule can guard is refused, and its nearest neighbour is not.
func TestFieldsOfProto2(t *testing.T) {
	t.Parallel()
	const rule = `[(sallyport.v1.field).read.allow = {any_role: "clerk"}]`
	for name, lines := range map[string]string{
		"optional":               `message User { optional string email = 1 ` + rule + `; }`,
		"required":               `message User { required string email = 1 ` + rule + `; /*!*/ } //! test.v1.User.email field-required`,
		"required, for anyone":   `message User { required string email = 1 [(sallyport.v1.field).read.anyone = "x"]; }`,
		"an extension":           `message User { extensions 9; } extend User { optional string email = 9 ` + rule + `; } //! test.v1.email field-extension`,
		"an unguarded extension": `message User { extensions 9; } extend User { optional string email = 9; }`,
		"a nested extension":     `message User { extensions 9; } message Part { extend User { optional string email = 9 ` + rule + `; } } //! test.v1.Part.email field-extension`,
		"in a group":             `message User { optional group Part = 1 { optional string email = 1 ` + rule + `; } } //G`,
		"an unguarded group":     `message User { optional group Part = 1 { optional string email = 1; } }`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			wants := ""
			if strings.Contains(lines, "//G") {
				wants = " //! /test.v1.Users/Get field-group"
			}
			of := sources{"test/v1/fields.proto": `syntax = "proto2";
package test.v1;
import "sallyport/v1/action.proto";
` + suggestRole + `
message Request {}
` + lines + `
service Users {
  rpc Get(Request) returns (User) {
    option (sallyport.v1.action) = {` + wants + `
      authenticate: {schemes: "session"} authorize: {anyone: "a test"}
    };
  }
}
`}
			checkIn(t, []way{{"proto2", "compiled"}}, nil, of, "test/v1/fields.proto")
		})
	}
}

// The rules of fields are part of what generated code was made from, those of error details
// too.
func TestFingerprintOfFields(t *testing.T) {
	t.Parallel()
	prints := map[string]string{}
	for name, lines := range map[string]string{
		"none":    `singular string email = 4;`,
		"a role":  `singular string email = 4 [(sallyport.v1.field).read.allow = {any_role: "clerk"}];`,
		"anyone":  `singular string email = 4 [(sallyport.v1.field).read.anyone = "x"];`,
		"owner":   `singular string email = 4 [(sallyport.v1.field).read.allow = {when: "owner"}];`,
		"another": `singular string email = 4; } message Detail { singular string place = 4 [(sallyport.v1.field).read.allow = {any_role: "clerk"}];`,
	} {
		schema := compile(t, fieldFile(`authenticate: {schemes: "session"}`, "", lines).in("proto3"))
		file := schema.file(t, "test/v1/fields.proto")
		declarations, refusals := newReader(t, schema.files).File(file, Given{})
		if len(refusals) > 0 {
			t.Fatal(texts(refusals))
		}
		digest := Fingerprint(file.Services().Get(0), declarations)
		for other, known := range prints {
			if known == digest {
				t.Errorf("%s and %s have one fingerprint", name, other)
			}
		}
		prints[name] = digest
		if name == "anyone" && (declarations[0].Fields[0].Who() != "anyone" || declarations[0].Fields[0].Writers() != "anyone") {
			t.Errorf("%s: %v", name, declarations[0].Fields)
		}
		if name == "a role" && (len(declarations[0].Fields) != 1 || declarations[0].Fields[0].Who() != "clerk") || name == "none" && declarations[0].Fields != nil {
			t.Errorf("%s: %v", name, declarations[0].Fields)
		}
	}
}

// An option that cannot be read guards, and is refused.
func TestUnresolvedField(t *testing.T) {
	t.Parallel()
	options := &descriptorpb.FieldOptions{}
	options.ProtoReflect().SetUnknown([]byte{0xba, 0xa0, 0x19, 0})
	plain := &descriptorpb.FieldOptions{}
	open := &descriptorpb.FieldOptions{}
	proto.SetExtension(open, sallyportv1.E_Field, &sallyportv1.Field{Read: &sallyportv1.Read{Anyone: new("x")}})
	guarded, openly, later := &descriptorpb.FieldOptions{}, &descriptorpb.FieldOptions{}, &descriptorpb.FieldOptions{}
	proto.SetExtension(guarded, sallyportv1.E_Field, &sallyportv1.Field{Write: &sallyportv1.Write{Allow: []*sallyportv1.Grant{{Cel: new("value == 'x' && resource.plain == 'x'")}}}})
	proto.SetExtension(openly, sallyportv1.E_Field, &sallyportv1.Field{Write: &sallyportv1.Write{Anyone: new("x")}})
	of := &sallyportv1.Field{Read: &sallyportv1.Read{Anyone: new("x")}}
	of.ProtoReflect().SetUnknown([]byte{0xba, 0xa0, 0x19, 0})
	proto.SetExtension(later, sallyportv1.E_Field, of)
	field := func(name string, number int32, options *descriptorpb.FieldOptions) *descriptorpb.FieldDescriptorProto {
		return &descriptorpb.FieldDescriptorProto{
			Name: &name, Number: &number, Type: descriptorpb.FieldDescriptorProto_TYPE_STRING.Enum(), Label: descriptorpb.FieldDescriptorProto_LABEL_OPTIONAL.Enum(), Options: options,
		}
	}
	described := &descriptorpb.FileDescriptorProto{
		Name: new("unresolved.proto"), Package: new("test"), Syntax: new("proto3"),
		MessageType: []*descriptorpb.DescriptorProto{{Name: new("M"), Field: []*descriptorpb.FieldDescriptorProto{
			field("guarded", 1, options), field("plain", 2, plain), field("open", 3, open), field("written", 4, guarded), field("openly", 5, openly), field("later", 6, later),
		}}},
	}
	file, err := protodesc.NewFile(described, protoregistry.GlobalFiles)
	if err != nil {
		t.Fatal(err)
	}
	fields := file.Messages().Get(0).Fields()
	for i, want := range []struct{ read, written bool }{{true, true}, {}, {}, {false, true}, {}, {true, true}} {
		if read, written := Guards(fields.Get(i)), GuardsWrites(fields.Get(i)); read != want.read || written != want.written {
			t.Errorf("%s: read %t, written %t", fields.Get(i).Name(), read, written)
		}
	}
	for name, want := range map[protoreflect.FullName]bool{"test.M.open": true, "test.M.ghost": false, "test.Ghost.open": false} {
		if HasField(file, name) != want {
			t.Errorf("there is %s: %t", name, !want)
		}
	}
	read := newReader(t, nil).fieldRules(file.Messages().Get(0))
	if got := rulesOf(read.refusals); !slices.Equal(got, []Rule{RuleFieldUnresolved, RuleUnknownField}) || len(read.found) != 3 {
		t.Errorf("found %v, refused %v", read.found, read.refusals)
	}
	// A file that does not import the option's may have another option of its number.
	if read := newReader(t, nil).fieldsOf(file); len(read.refusals) > 0 || len(read.found) > 0 {
		t.Errorf("without the import: found %v, refused %v", read.found, read.refusals)
	}
	described.Dependency = []string{"sallyport/v1/action.proto"}
	if file, err = protodesc.NewFile(described, protoregistry.GlobalFiles); err != nil {
		t.Fatal(err)
	}
	if read := newReader(t, nil).fieldsOf(file); len(read.refusals) != 2 || len(read.found) != 3 {
		t.Errorf("with the import: found %v, refused %v", read.found, read.refusals)
	}
}

// What refusals of a rule say, and their fixes, which are for the field and for no RPC.
func TestPrintedOfFields(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		head, rule string
		says       []string
	}{
		"nothing":             {suggestRole, ``, []string{": `field` says who", "[field-empty]"}},
		"no grant":            {suggestRole, `read: {}`, []string{": read: write at least one", "[field-choice]"}},
		"always true":         {suggestRole, `read: {allow: {cel: "true"}}`, []string{"[cel-always-true]", `read: {anyone: "why everyone may read email"}`}},
		"always true, write":  {suggestRole, `write: {allow: {cel: "true"}}`, []string{"[cel-always-true]", `write: {anyone: "why everyone who is let in may write email"}`}},
		"always false":        {suggestRole, `read: {allow: {cel: "false"}}`, []string{"[cel-always-false]", `allow: {any_role: "boss"}`}},
		"no catalogue":        {"", `read: {allow: {any_role: "clerk"}}`, []string{"[role-unknown]", "in package test.v1, which has no role catalogue"}},
		"an unused catalogue": {"import \"roles.proto\";\n", `read: {allow: {any_role: "clerk"}}`, []string{"roles.v1.Role has it, and package roles.v1 is not used [role-unknown]", "and in fields.proto:"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text := refusalOf(t, sources{
				"roles.proto":  "syntax = \"proto3\";\npackage roles.v1;\nimport \"sallyport/v1/action.proto\";\n" + suggestRole,
				"fields.proto": "syntax = \"proto3\";\npackage test.v1;\nimport \"sallyport/v1/action.proto\";\n" + test.head + "message User { optional string email = 1 [(sallyport.v1.field) = {" + test.rule + "}]; }\n",
			}, "fields.proto", Given{}).String()
			for _, part := range test.says {
				if !strings.Contains(text, part) {
					t.Errorf("it does not say %q:\n%s", part, text)
				}
			}
		})
	}
}
