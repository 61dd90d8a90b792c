package declare

import (
	"crypto/sha256"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"

	relationsv1 "github.com/sallyport-rpc/sallyport/gen/test/relations/v1"
)

// Names that fixes make of what a user wrote.
func TestMadeNames(t *testing.T) {
	t.Parallel()
	role := func(text string) string { return slug(text, "._-") }
	for _, test := range []struct {
		name       string
		made       func(string) string
		text, want string
	}{
		{"role", role, "Admin", "admin"},
		{"role", role, "az", "az"},
		{"role", role, "zebra", "zebra"},
		{"role", role, "ops team/europe", "ops-team-europe"},
		{"role", role, "a.b_c-d", "a.b_c-d"},
		{"role", role, "a0/9", "a0-9"},
		{"role", role, "2nd", "nd"},
		{"role", role, "42", ""},
		{"role", role, "é`{:@[", ""},
		{"role", role, strings.Repeat("a", 65), strings.Repeat("a", 64)},
		{"role", role, strings.Repeat("1", 64) + "a", ""},
		{"scope", scopeSlug, "files read", "files.read"},
		{"scope", scopeSlug, "!~", "!~"},
		{"scope", scopeSlug, "a\x7f\"\\\nb", "ab"},
		{"scope", scopeSlug, strings.Repeat("s", 256), strings.Repeat("s", 255)},
		{"check", snakeCase, "IsOwner", "is_owner"},
		{"check", snakeCase, "isHTTP", "is_http"},
		{"check", snakeCase, "AZ", "az"},
		{"check", snakeCase, "ZAsZ", "zas_z"},
		{"check", snakeCase, "az09", "az09"},
		{"check", snakeCase, "09az", "az"},
		{"check", snakeCase, "_is__owner_", "is_owner"},
		{"check", snakeCase, "is owner", "is_owner"},
		{"check", snakeCase, "é", ""},
		{"check", snakeCase, strings.Repeat("c", 63) + "_d", strings.Repeat("c", 63)},
		{"relation", engineName, "azAZ09_-", "azAZ09_-"},
		{"relation", engineName, "can edit.all", "can_edit_all"},
		{"relation", engineName, "09az", "az"},
		{"relation", engineName, "a`{@[/:é", "a"},
		{"relation", engineName, "42", ""},
		{"value", valueName, "ops-team.09", "OPS_TEAM_09"},
		{"value", valueName, "az", "AZ"},
		{"value", valueName, "-a-", "A"},
	} {
		if got := test.made(test.text); got != test.want {
			t.Errorf("a %s of %q: %q, want %q", test.name, test.text, got, test.want)
		}
	}
	for name, want := range map[protoreflect.Name]bool{"v1": true, "v0": true, "v9": true, "v1beta2": true, "v": false, "vx": false, "v/": false, "v:": false, "x1": false, "": false} {
		if isVersion(name) != want {
			t.Errorf("%q is a version: %t", name, !want)
		}
	}
}

// The constant of a role, or of a scope, is named after its enum once.
func TestGoRoleName(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ enum, value, want string }{
		{"Role", "ROLE_ADMIN", "RoleAdmin"},
		{"Role", "ADMIN", "RoleAdmin"},
		{"Role", "ROLE", "RoleRole"},
		{"Role", "ROLE_ROLE", "RoleRole"},
		{"Role", "ROLE__ADMIN_2", "RoleAdmin2"},
		{"AppRole", "APP_ROLE_ADMIN", "AppRoleAdmin"},
		{"AppRole", "APP_ADMIN", "AppRoleAdmin"},
		{"AppRole", "ROLE_ADMIN", "AppRoleRoleAdmin"},
		{"role", "ROLE_ADMIN", "RoleAdmin"},
	} {
		schema := compile(t, sources{"a.proto": "syntax = \"proto3\";\nenum " + test.enum + " { ZERO = 0; " + test.value + " = 1; }\n"})
		enum := schema.file(t, "a.proto").Enums().Get(0)
		if got := GoRoleName(&Catalogue{Enum: enum}, Role{Value: enum.Values().Get(1)}); got != test.want {
			t.Errorf("%s of %s: %s, want %s", test.value, test.enum, got, test.want)
		}
	}
}

// Which conditions need the request, and which checks a declaration asks for.
func TestConditions(t *testing.T) {
	t.Parallel()
	if (AnyRole{}).ReadsRequest() || (AllScopes{}).ReadsRequest() || !(Check{}).ReadsRequest() {
		t.Error("a check alone of these reads the request")
	}
	declaration := &Declaration{Grants: []Grant{
		{Conditions: []Condition{AnyRole{}, Check{"owns"}}}, {Conditions: []Condition{Check{"owns"}}}, {Conditions: []Condition{AllScopes{}, Check{"reads"}}},
	}}
	if got := declaration.Checks(); !slices.Equal(got, []string{"owns", "reads"}) {
		t.Errorf("checks: %q", got)
	}
}

// What a declaration asks its relation engine, each once.
func TestAsked(t *testing.T) {
	t.Parallel()
	editor, owner := Relation{Name: "editor", Object: "doc", ID: "request.id"}, Relation{Name: "owner", Object: "doc", ID: "request.id"}
	declaration := &Declaration{
		Grants: []Grant{{Conditions: []Condition{AnyRole{}, editor}}, {Conditions: []Condition{editor, Check{"is_open"}}}},
		Shadow: []Grant{{Conditions: []Condition{owner}}, {Conditions: []Condition{editor}}},
	}
	var names []string
	for _, relation := range declaration.Relations() {
		names = append(names, relation.Name)
	}
	if !slices.Equal(names, []string{"editor", "owner"}) {
		t.Errorf("relations: %q", names)
	}
	var asked []string
	for _, name := range declaration.Asked() {
		asked = append(asked, AskedText(name))
	}
	if !slices.Equal(asked, []string{"check is_open", "relation editor of doc request.id"}) {
		t.Errorf("asked: %q", asked)
	}
}

// A relation is to an object that the request names, or the resource or the element.
func TestRelationsAreOf(t *testing.T) {
	t.Parallel()
	declarations, refusals := newReader(t, protoregistry.GlobalFiles).File(relationsv1.File_test_relations_v1_relations_proto, Given{})
	if len(refusals) > 0 {
		t.Fatal(texts(refusals))
	}
	seen := map[string]int{}
	for _, of := range declarations {
		relations := of.Relations()
		for _, each := range of.Each {
			relations = append(relations, each.Relations()...)
		}
		for _, relation := range relations {
			root, _, _ := strings.Cut(relation.ID, ".")
			if seen[root]++; relation.OfSubject == (root == "request") {
				t.Errorf("%s: a relation to %s is of the subject: %t", of.Procedure, relation.ID, relation.OfSubject)
			}
		}
	}
	if seen["request"] == 0 || seen["resource"] == 0 || seen["item"] == 0 {
		t.Errorf("looked at %v", seen)
	}
}

// What loads a resource is named after its type, below those that it is in.
func TestLoaderName(t *testing.T) {
	t.Parallel()
	of := compile(t, sources{"a.proto": "syntax = \"proto3\";\npackage a.v1;\nmessage doc_part { message inner {} }\n"}).file(t, "a.proto").Messages().Get(0)
	if got := []string{LoaderName(of), LoaderName(of.Messages().Get(0))}; !slices.Equal(got, []string{"LoadDocPart", "LoadDocPart_Inner"}) {
		t.Errorf("%q", got)
	}
}

// What a field holds: itself, its elements or its values.
func TestMessageIn(t *testing.T) {
	t.Parallel()
	of := compile(t, sources{"a.proto": "syntax = \"proto3\";\nmessage M { string text = 1; M one = 2; repeated M many = 3; map<string, M> by_id = 4; map<string, string> texts = 5; }\n"}).
		file(t, "a.proto").Messages().Get(0)
	for name, want := range map[protoreflect.Name]protoreflect.MessageDescriptor{"text": nil, "one": of, "many": of, "by_id": of, "texts": nil} {
		if got := MessageIn(of.Fields().ByName(name)); got != want {
			t.Errorf("%s holds %v", name, got)
		}
	}
}

// No two messages are written alike into a fingerprint: neither with a value in another
// field, nor with one message in the other in place of beside it.
func TestFingerprintTellsMessagesApart(t *testing.T) {
	t.Parallel()
	message := func(name string, nested ...*descriptorpb.DescriptorProto) *descriptorpb.DescriptorProto {
		return &descriptorpb.DescriptorProto{Name: &name, NestedType: nested}
	}
	written := map[string]proto.Message{}
	for _, of := range []proto.Message{
		message("a"),
		message("a", message("b"), message("c")),
		message("a", message("b", message("c"))),
		message("a", message("b")),
		&descriptorpb.FieldDescriptorProto{Name: new("a")},
		&descriptorpb.FieldDescriptorProto{TypeName: new("a")},
		&descriptorpb.FieldDescriptorProto{Name: new("1:\"a\"")},
	} {
		digest := sha256.New()
		writeMessage(digest, of.ProtoReflect())
		sum := string(digest.Sum(nil))
		if before, ok := written[sum]; ok && before.ProtoReflect().Descriptor() == of.ProtoReflect().Descriptor() {
			t.Errorf("%v and %v are written alike", before, of)
		}
		written[sum] = of
	}
}
