package declare

import (
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"

	sallyportv1 "github.com/sallyport-rpc/sallyport/gen/sallyport/v1"
)

// iam is a package that others use: it has roles, scopes, claims and a condition.
const iam = `syntax = "proto3";
package acme.iam.v1;
import "google/protobuf/descriptor.proto";
import "sallyport/v1/action.proto";
option (sallyport.v1.condition) = {name: "same_org" cel: "size(principal.claims.org_ids) > 0 && principal.id == 'a'"};
extend google.protobuf.FileOptions {
  sallyport.v1.Use iam = 50001;
}
enum Role {
  option (sallyport.v1.roles) = true;
  ROLE_UNSPECIFIED = 0;
  ROLE_ADMIN = 1 [(sallyport.v1.role) = {name: "admin"}];
}
enum Scope {
  option (sallyport.v1.scope_catalogue) = true;
  SCOPE_UNSPECIFIED = 0;
  SCOPE_READ = 1 [(sallyport.v1.scope) = {name: "read"}];
}
message Claims {
  option (sallyport.v1.claims) = true;
  repeated string org_ids = 1;
}
`

// user is a package with one action.
func user(imports, authorize string) string {
	return "syntax = \"proto3\";\npackage user.v1;\nimport \"sallyport/v1/action.proto\";\n" + imports + `
message Request {}
service Files {
  rpc Read(Request) returns (Request) {
    option (sallyport.v1.action) = {
      authenticate: {schemes: "session"}
      authorize: {` + authorize + `}
    };
  }
}
`
}

// ofIAM are authorizations that name what is in iam, and what refuses them where it is
// not used.
var ofIAM = map[string]Rule{
	`allow: {any_role: "admin"}`:                         RuleRoleUnknown,
	`allow: {all_scopes: "read"}`:                        RuleScopeUnknown,
	`anyone: "x" credential_scopes: "read"`:              RuleScopeUnknown,
	`allow: {when: "same_org"}`:                          RuleWhenUnknown,
	`allow: {cel: "size(principal.claims.org_ids) > 0"}`: RuleCELInvalid,
}

const (
	imported = "import \"acme/iam/v1/iam.proto\";\n"
	useIAM   = "option (acme.iam.v1.iam) = {};"
)

// A use brings roles, scopes, claims and named conditions; an import does not. What is
// refused says what to write.
func TestUse(t *testing.T) {
	t.Parallel()
	for authorize, rule := range ofIAM {
		t.Run(authorize, func(t *testing.T) {
			t.Parallel()
			for imports, fix := range map[string]string{imported + useIAM: "", imported: useIAM} {
				of := sources{"acme/iam/v1/iam.proto": iam, "user/v1/user.proto": user(imports, authorize)}
				schema := compile(t, of)
				_, refusals := newReader(t, schema.files).File(schema.file(t, "user/v1/user.proto"), Given{})
				if fix == "" {
					if len(refusals) > 0 {
						t.Errorf("it is used:\n%s", texts(refusals))
					}
					continue
				}
				if len(refusals) != 1 || refusals[0].Rule != rule || rule != RuleCELInvalid && refusals[0].Fix != fix {
					t.Errorf("it is imported alone:\n%s", texts(refusals))
				}
			}
		})
	}
}

// What a refusal says to write where a package has no handle yet makes it right.
func TestFixDefinesHandle(t *testing.T) {
	t.Parallel()
	before, after, _ := strings.Cut(iam, "extend")
	_, after, _ = strings.Cut(after, "}\n")
	without := strings.Replace(before+after, "import \"google/protobuf/descriptor.proto\";\n", "", 1)
	of := sources{"acme/iam/v1/iam.proto": without, "user/v1/user.proto": user(imported, `allow: {any_role: "admin"}`)}
	refusal := refusalOf(t, of, "user/v1/user.proto", Given{})
	definition, use, ok := strings.Cut(strings.TrimPrefix(refusal.Fix, "in acme/iam/v1/iam.proto:\n"), "\nand in user/v1/user.proto:\n")
	if !ok {
		t.Fatalf("got the fix\n%s", refusal.Fix)
	}
	of = sources{
		"acme/iam/v1/iam.proto": strings.Replace(without, "package acme.iam.v1;", "package acme.iam.v1;\n"+definition, 1),
		"user/v1/user.proto":    user(imported+use, `allow: {any_role: "admin"}`),
	}
	schema := compile(t, of)
	if _, refusals := newReader(t, schema.files).File(schema.file(t, "user/v1/user.proto"), Given{}); len(refusals) > 0 {
		t.Errorf("as the fix says:\n%s", texts(refusals))
	}
}

// A handle that says more than this build knows is not taken for one that says nothing.
func TestUnresolvedUse(t *testing.T) {
	t.Parallel()
	linked := compile(t, sources{"acme/iam/v1/iam.proto": iam, "user/v1/user.proto": user(imported+useIAM, `allow: {any_role: "admin"}`)})
	extensions := some{sallyportv1.E_Action, sallyportv1.E_Roles, sallyportv1.E_Role, sallyportv1.E_Condition, sallyportv1.E_ScopeCatalogue, sallyportv1.E_Scope, sallyportv1.E_Claims}
	say := func(wire []byte) func(*descriptorpb.FileDescriptorProto) {
		return func(file *descriptorpb.FileDescriptorProto) {
			if file.GetName() == "user/v1/user.proto" {
				file.GetOptions().ProtoReflect().SetUnknown(wire)
			}
		}
	}
	tag := func(kind protowire.Type) []byte { return protowire.AppendTag(nil, 50001, kind) }
	for name, test := range map[string]struct {
		wire []byte
		want []Rule
	}{
		"nothing":           {protowire.AppendBytes(tag(protowire.BytesType), nil), nil},
		"twice nothing":     {protowire.AppendBytes(protowire.AppendTag(protowire.AppendBytes(tag(protowire.BytesType), nil), 50001, protowire.BytesType), nil), nil},
		"no wire form":      {[]byte{0xff}, []Rule{RuleConditionUnresolved, RuleUseUnresolved, RuleRoleUnknown}},
		"not there":         {nil, []Rule{RuleRoleUnknown}},
		"another option":    {protowire.AppendBytes(protowire.AppendTag(nil, 50002, protowire.BytesType), nil), []Rule{RuleRoleUnknown}},
		"something":         {protowire.AppendBytes(tag(protowire.BytesType), []byte{8, 1}), []Rule{RuleUseUnresolved}},
		"of another kind":   {protowire.AppendVarint(tag(protowire.VarintType), 1), []Rule{RuleUseUnresolved}},
		"nothing, at first": {protowire.AppendBytes(protowire.AppendTag(protowire.AppendBytes(tag(protowire.BytesType), nil), 50001, protowire.BytesType), []byte{8, 1}), []Rule{RuleUseUnresolved}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			made := linked.overWire(t, extensions, say(test.wire))
			_, refusals := newReader(t, made.files).File(made.file(t, "user/v1/user.proto"), Given{})
			var got []Rule
			for _, refusal := range refusals {
				got = append(got, refusal.Rule)
			}
			if diff := gocmp.Diff(test.want, got); diff != "" {
				t.Errorf("-want +got\n%s%s", diff, texts(refusals))
			}
		})
	}
}

// Declarations from outside name the packages that they use, and so the roles of a service
// whose .proto imports nothing.
func TestUsesFromOutside(t *testing.T) {
	t.Parallel()
	of := sources{"acme/iam/v1/iam.proto": iam, "vendor.proto": `syntax = "proto3";
package vendor.v1;
message M {}
service S {
  rpc Get(M) returns (M);
}
`}
	for authorize, rule := range ofIAM {
		t.Run(authorize, func(t *testing.T) {
			t.Parallel()
			given := func(uses string) Given {
				given, refusals := ParseDeclarations("v.txtpb", []byte(uses+`
actions {key: "/vendor.v1.S/Get" value {authenticate {schemes: "session"} authorize {`+authorize+`}}}`))
				if len(refusals) > 0 {
					t.Fatal(texts(refusals))
				}
				return given
			}
			schema := compile(t, of)
			if _, refusals := newReader(t, schema.files).File(schema.file(t, "vendor.proto"), given(`uses: "acme.iam.v1"`)); len(refusals) > 0 {
				t.Errorf("used:\n%s", texts(refusals))
			}
			refusal := refusalOf(t, of, "vendor.proto", given(""))
			const fix = "in v.txtpb:\nuses: \"acme.iam.v1\""
			if refusal.Rule != rule || rule != RuleCELInvalid && refusal.Fix != fix || refusal.Position.File != "v.txtpb" {
				t.Errorf("not used:\n%s", refusal)
			}
			_, refusals := newReader(t, schema.files).File(schema.file(t, "vendor.proto"), given(`uses: "acme.iam.v2" uses: "acme.iam.v1"`))
			if len(refusals) != 1 || refusals[0].Rule != RuleUseUnknown || refusals[0].Subject != "acme.iam.v2" || refusals[0].Position.File != "v.txtpb" {
				t.Errorf("a package that there is not:\n%s", texts(refusals))
			}
		})
	}
}

// What declarations from outside use is not for the .proto's own.
func TestUsesFromOutsideAreNotForTheProto(t *testing.T) {
	t.Parallel()
	schema := compile(t, sources{"acme/iam/v1/iam.proto": iam, "user/v1/user.proto": user("", `allow: {any_role: "admin"}`)})
	_, refusals := newReader(t, schema.files).File(schema.file(t, "user/v1/user.proto"), Given{Source: "v.txtpb", Uses: []string{"acme.iam.v1"}})
	if len(refusals) != 1 || refusals[0].Rule != RuleRoleUnknown {
		t.Errorf("got\n%s", texts(refusals))
	}
}

// From edition 2024 on a file may import another for its options alone. That carries the
// handle too, and brings as much. What it imports so without carrying the handle, it does not
// use.
func TestUseOfAnOptionImport(t *testing.T) {
	t.Parallel()
	for authorize, rule := range ofIAM {
		t.Run(authorize, func(t *testing.T) {
			t.Parallel()
			for option, want := range map[string][]Rule{useIAM: nil, "": {rule}} {
				linked := compile(t, sources{"acme/iam/v1/iam.proto": iam, "user/v1/user.proto": user(imported+option, authorize)})
				made := linked.overWire(t, protoregistry.GlobalTypes, func(file *descriptorpb.FileDescriptorProto) {
					if file.GetName() != "user/v1/user.proto" {
						return
					}
					file.Syntax, file.Edition = new("editions"), descriptorpb.Edition_EDITION_2024.Enum()
					file.Dependency = slices.DeleteFunc(file.GetDependency(), func(path string) bool { return path == "acme/iam/v1/iam.proto" })
					file.OptionDependency = []string{"acme/iam/v1/iam.proto"}
				})
				file := made.file(t, "user/v1/user.proto")
				if file.Imports().Len() != 1 {
					t.Fatalf("it imports %d files", file.Imports().Len())
				}
				_, refusals := newReader(t, made.files).File(file, Given{})
				var got []Rule
				for _, refusal := range refusals {
					got = append(got, refusal.Rule)
				}
				if diff := gocmp.Diff(want, got); diff != "" {
					t.Errorf("%q: -want +got\n%s%s", option, diff, texts(refusals))
				}
			}
		})
	}
}

// A handle is carried by its name, and says nothing: it is a message without a field.
func TestCarries(t *testing.T) {
	t.Parallel()
	const use = "extend google.protobuf.FileOptions {\n  sallyport.v1.Use iam = 50001;\n}"
	schemaOf := func(extension, option string) schema {
		return compile(t, sources{
			"acme/iam/v1/iam.proto": strings.Replace(iam, use, extension, 1), "user/v1/user.proto": "syntax = \"proto3\";\npackage user.v1;\n" + imported + option,
		})
	}
	handle := handlesOf(schemaOf(use, "").file(t, "acme/iam/v1/iam.proto"))[0]
	for name, test := range map[string]struct {
		of           schema
		found, known bool
	}{
		"nothing":               {schemaOf(use, useIAM), true, true},
		"not there":             {schemaOf(use, ""), false, true},
		"a number":              {schemaOf(strings.Replace(use, "sallyport.v1.Use", "int32", 1), "option (acme.iam.v1.iam) = 1;"), true, false},
		"a list":                {schemaOf(strings.Replace(use, "sallyport", "repeated sallyport", 1), useIAM), true, false},
		"another of the number": {schemaOf(strings.Replace(use, "iam", "more", 1), "option (acme.iam.v1.more) = {};"), false, true},
		"a field of tomorrow":   {schemaOf("message Use { string future = 1; }\n"+strings.Replace(use, "sallyport.v1.", "", 1), `option (acme.iam.v1.iam) = {future: "x"};`), true, false},
	} {
		if found, known := carries(test.of.file(t, "user/v1/user.proto"), handle); found != test.found || known != test.known {
			t.Errorf("%s: found %t, known %t", name, found, known)
		}
	}
	// The handle is resolved, and its message has a field that no one knows.
	linked := schemaOf(use, useIAM)
	unknown := linked.overWire(t, protoregistry.GlobalTypes, func(file *descriptorpb.FileDescriptorProto) {
		if file.GetName() != "user/v1/user.proto" {
			return
		}
		wire := protowire.AppendBytes(protowire.AppendTag(nil, 50001, protowire.BytesType), []byte{8, 1})
		file.Options = &descriptorpb.FileOptions{}
		if err := (proto.UnmarshalOptions{Resolver: dynamicpb.NewTypes(linked.files)}).Unmarshal(wire, file.GetOptions()); err != nil {
			t.Fatal(err)
		}
	})
	if found, known := carries(unknown.file(t, "user/v1/user.proto"), handle); !found || known {
		t.Errorf("an unknown field: found %t, known %t", found, known)
	}
}

// A handle that is imported in two ways is refused once for what it says.
func TestUnresolvedUseIsRefusedOnce(t *testing.T) {
	t.Parallel()
	const mid = "syntax = \"proto3\";\npackage mid.v1;\nimport public \"acme/iam/v1/iam.proto\";\nmessage M {}\n"
	for name, imports := range map[string]string{
		"publicly, and then directly": "import \"a/mid.proto\";\n" + imported,
		"directly, and then publicly": imported + "import \"a/mid.proto\";\n",
	} {
		linked := compile(t, sources{"acme/iam/v1/iam.proto": iam, "a/mid.proto": mid, "user/v1/user.proto": user(imports, `anyone: "x"`)})
		made := linked.overWire(t, protoregistry.GlobalTypes, func(file *descriptorpb.FileDescriptorProto) {
			if file.GetName() == "user/v1/user.proto" {
				file.Options = &descriptorpb.FileOptions{}
				file.GetOptions().ProtoReflect().SetUnknown(protowire.AppendBytes(protowire.AppendTag(nil, 50001, protowire.BytesType), []byte{8, 1}))
			}
		})
		_, refusals := newReader(t, made.files).File(made.file(t, "user/v1/user.proto"), Given{})
		if len(refusals) != 1 || refusals[0].Rule != RuleUseUnresolved {
			t.Errorf("%s:\n%s", name, texts(refusals))
		}
	}
}

// A file uses what it imports itself: a handle of the same number in an import of an import
// is not carried.
func TestUseOfWhatIsImported(t *testing.T) {
	t.Parallel()
	other := strings.NewReplacer("acme.iam.v1", "far.v1", `"admin"`, `"far"`).Replace(iam)
	near := strings.Replace(iam, "import \"sally", "import \"far/v1/far.proto\";\nimport \"sally", 1)
	linked := compile(t, sources{"acme/iam/v1/iam.proto": near, "far/v1/far.proto": strings.Replace(other, "50001", "50002", 1), "user/v1/user.proto": user(imported+useIAM, `allow: {any_role: "far"}`)})
	same := linked.overWire(t, protoregistry.GlobalTypes, func(file *descriptorpb.FileDescriptorProto) {
		if file.GetName() == "far/v1/far.proto" {
			file.GetExtension()[0].Number = new(int32(50001))
		}
	})
	_, refusals := newReader(t, same.files).File(same.file(t, "user/v1/user.proto"), Given{})
	if len(refusals) != 1 || refusals[0].Rule != RuleRoleUnknown {
		t.Error(texts(refusals))
	}
}

// The name that a fix gives a handle is the last part of the package that is no version, and
// is free there.
func TestHandleName(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, body, want string }{
		{"acme.iam.v1", "", "iam"},
		{"acme.iam", "", "iam"},
		{"iam", "", "iam"},
		{"v1", "", "v1"},
		{"acme.iam.v1", "message iam {}", "iam_catalogue"},
		{"acme.iam.v1", "message iam {} message iam_catalogue {}", "iam_catalogue_catalogue"},
		{"", "", "_catalogue"},
	} {
		text := "syntax = \"proto3\";\n" + test.body
		if test.name != "" {
			text = "syntax = \"proto3\";\npackage " + test.name + ";\n" + test.body
		}
		if got := handleName(compile(t, sources{"a.proto": text}).file(t, "a.proto")); string(got) != test.want {
			t.Errorf("package %q with %q: %q, want %q", test.name, test.body, got, test.want)
		}
	}
}

// Of two handles of a package, a fix uses the one whose file is imported already.
func TestFixUsesAnImportedHandle(t *testing.T) {
	t.Parallel()
	handle := func(name, number string) string {
		return "syntax = \"proto3\";\npackage acme.iam.v1;\nimport \"google/protobuf/descriptor.proto\";\nimport \"sallyport/v1/action.proto\";\n" +
			"extend google.protobuf.FileOptions {\n  sallyport.v1.Use " + name + " = " + number + ";\n}\n"
	}
	const z = "import \"acme/z.proto\";\n"
	got := refusalOf(t, sources{
		"acme/iam/v1/iam.proto": iam, "acme/a.proto": handle("first", "50002"), "acme/z.proto": handle("last", "50003"),
		"user/v1/user.proto": user(z, `allow: {any_role: "admin"}`),
	}, "user/v1/user.proto", Given{})
	if got.Rule != RuleRoleUnknown || strings.Contains(got.Problem, "is not used") {
		t.Errorf("of a file that is imported nowhere: %s", got)
	}
	got = refusalOf(t, sources{
		"acme/iam/v1/iam.proto": iam, "acme/a.proto": handle("first", "50002"), "acme/z.proto": strings.Replace(handle("last", "50003"), "import \"g", imported+"import \"g", 1),
		"user/v1/user.proto": user(z, `allow: {any_role: "admin"}`),
	}, "user/v1/user.proto", Given{})
	if got.Fix != "option (acme.iam.v1.last) = {};" {
		t.Errorf("got %s", got)
	}
}
