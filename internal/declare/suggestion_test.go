package declare

import (
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// refusalOf lints a file of some sources and returns its one refusal.
func refusalOf(t *testing.T, of sources, path string, given Given) Refusal {
	t.Helper()
	schema := compile(t, of)
	refusals := newReader(t, schema.files).Lint([]protoreflect.FileDescriptor{schema.file(t, path)}, given)
	if len(refusals) != 1 {
		t.Fatalf("%d refusals:\n%s", len(refusals), texts(refusals))
	}
	return refusals[0]
}

const (
	suggestHead = "syntax = \"proto3\";\npackage s.v1;\nimport \"buf/validate/validate.proto\";\nimport \"google/protobuf/wrappers.proto\";\nimport \"sallyport/v1/action.proto\";\n"
	suggestRole = "enum Role { option (sallyport.v1.roles) = true; ROLE_UNSPECIFIED = 0; ROLE_CLERK = 1 [(sallyport.v1.role) = {name: \"clerk\"}]; " +
		"ROLE_BOSS = 4 [(sallyport.v1.role) = {name: \"boss\" includes: \"clerk\"}]; }\n"
	suggestOther = `  rpc Other(M) returns (M) { option (sallyport.v1.action) = {authenticate: {schemes: ["bearer", "apikey"]} authorize: {anyone: "x"}}; }` + "\n"
)

func suggestService(messages, rpcs string) string {
	return messages + "service S {\n" + rpcs + "}\n"
}

func declaredBy(authorize string) string {
	return "  rpc Get(M) returns (M) { option (sallyport.v1.action) = {authenticate: {schemes: \"session\"} authorize: {" + authorize + "}}; }\n"
}

// Fixes name what the user has: schemes in use, roles, lines, names that are free.
func TestSuggestions(t *testing.T) {
	t.Parallel()
	const plain = "message M { string user_id = 1; }\n"
	missing := "  rpc Get(M) returns (M);\n"
	tests := []struct {
		name string
		of   string
		rule Rule
		fix  string
	}{
		{"schemes of the service, and the role with the most", suggestHead + suggestRole + suggestService(plain, suggestOther+missing), RuleMissing,
			"option (sallyport.v1.action) = {\n  authenticate: {schemes: [\"bearer\", \"apikey\"]}\n  authorize: {\n    allow: {any_role: \"boss\"}\n  }\n};"},
		{"schemes of another service, and a stream", suggestHead + suggestRole + plain + "service Before {\n" + suggestOther + "}\nservice S {\n  rpc Get(M) returns (stream M);\n}\n", RuleMissing,
			"option (sallyport.v1.action) = {\n  authenticate: {schemes: [\"bearer\", \"apikey\"]}\n  authorize: {\n    allow: {any_role: \"boss\"}\n  }\n  stream: {authorize: FIRST_MESSAGE}\n};"},
		{"no scheme and no catalogue, and names that are taken", suggestHead + plain + "message Role {}\n" + suggestService("", missing), RuleMissing,
			"option (sallyport.v1.action) = {\n  authenticate: {schemes: \"session\"}\n  authorize: {\n    allow: {any_role: \"admin\"}\n  }\n};\n" +
				"and in package s.v1, which has no role catalogue:\nenum AccessRole {\n  option (sallyport.v1.roles) = true;\n  ACCESS_ROLE_UNSPECIFIED = 0;\n" +
				"  ACCESS_ROLE_ADMIN = 1 [(sallyport.v1.role) = {name: \"admin\"}];\n}"},
		{"no import", "syntax = \"proto3\";\npackage s.v1;\nmessage M {}\nservice S {\n  rpc Get(M) returns (M);\n}\n", RuleMissing,
			"import \"sallyport/v1/action.proto\";\noption (sallyport.v1.action) = {\n  authenticate: {schemes: \"session\"}\n  authorize: {\n    allow: {any_role: \"admin\"}\n  }\n};\n" +
				"and in package s.v1, which has no role catalogue:\nenum Role {\n  option (sallyport.v1.roles) = true;\n  ROLE_UNSPECIFIED = 0;\n" +
				"  ROLE_ADMIN = 1 [(sallyport.v1.role) = {name: \"admin\"}];\n}"},
		{"a role that was meant", suggestHead + suggestRole + suggestService(plain, declaredBy(`allow: {any_role: "bos" check: "c"}`)), RuleRoleUnknown,
			`allow: {any_role: "boss" check: "c"}`},
		{"an object's id that conditions cannot read", suggestHead + suggestService("message M { string in = 1; }\n", declaredBy(`allow: {relation: {name: "editor" object: "thing" id: "request.in"}}`)),
			RuleRelationID, RuleRelationID.Define().Fix},
		{"an object's id, of a request without a text", suggestHead + suggestService("message M { int64 number = 1; }\n", declaredBy(`allow: {relation: {name: "editor" object: "thing" id: "x"}}`)),
			RuleRelationID, RuleRelationID.Define().Fix},
		{"an object's id, of a request with other fields before it", suggestHead + suggestService("message M { int64 number = 1; repeated string many = 2; string id = 3; }\n",
			declaredBy(`allow: {relation: {name: "editor" object: "thing" id: "x"}}`)), RuleRelationID, `allow: {relation: {name: "editor" object: "thing" id: "request.id"}}`},
		{"a role that is not there", suggestHead + suggestRole + suggestService(plain, declaredBy(`allow: {any_role: "night.watch"}`)), RuleRoleUnknown,
			"at the end of enum s.v1.Role (a.proto:6:1):\nROLE_NIGHT_WATCH = 5 [(sallyport.v1.role) = {name: \"night.watch\"}];"},
		{"a scope that is not there", suggestHead + "enum Scope { option (sallyport.v1.scope_catalogue) = true; SCOPE_UNSPECIFIED = 0; SCOPE_READ = 3 [(sallyport.v1.scope) = {name: \"read\"}]; }\n" +
			suggestService(plain, declaredBy(`allow: {all_scopes: "night.watch"}`)), RuleScopeUnknown,
			"at the end of enum s.v1.Scope (a.proto:6:1):\nSCOPE_NIGHT_WATCH = 4 [(sallyport.v1.scope) = {name: \"night.watch\"}];"},
		{"one of several roles that are as near", suggestHead + "enum Role { option (sallyport.v1.roles) = true; ROLE_UNSPECIFIED = 0; ROLE_V = 1 [(sallyport.v1.role) = {name: \"vat\"}]; " +
			"ROLE_H = 2 [(sallyport.v1.role) = {name: \"hat\"}]; ROLE_R = 3 [(sallyport.v1.role) = {name: \"rat\"}]; ROLE_C = 4 [(sallyport.v1.role) = {name: \"cat\"}]; " +
			"ROLE_P = 5 [(sallyport.v1.role) = {name: \"pat\"}]; ROLE_S = 6 [(sallyport.v1.role) = {name: \"sat\"}]; ROLE_M = 7 [(sallyport.v1.role) = {name: \"mat\"}]; ROLE_F = 8 [(sallyport.v1.role) = {name: \"fat\"}]; }\n" +
			suggestService(plain, declaredBy(`allow: {cel: "'bat' in principal.roles"}`)), RuleCELNameUnknown, `allow: {cel: "'cat' in principal.roles"}`},
		{"a role in a named condition", suggestHead + "option (sallyport.v1.condition) = {name: \"is_boss\" cel: \"'bos' in principal.roles\"};\n" + suggestRole +
			suggestService(plain, declaredBy(`allow: {when: "is_boss"}`)), RuleCELNameUnknown, "write the condition as: 'boss' in principal.roles"},
		{"a check of another's name", suggestHead + suggestService(plain, declaredBy(`allow: {check: "of_a"}`)+
			`  rpc GetOf(M) returns (M) { option (sallyport.v1.action) = {authenticate: {schemes: "session"} authorize: {allow: {check: "a"}}}; }`+"\n"), RuleCheckCollision,
			`give the check another name, such as "a_here"`},
		{"a role in capitals, where there is no catalogue", suggestHead + suggestService(plain, declaredBy(`allow: {any_role: "Boss"}`)), RuleRoleName,
			"allow: {any_role: \"boss\"}\nand in package s.v1, which has no role catalogue:\nenum Role {\n  option (sallyport.v1.roles) = true;\n  ROLE_UNSPECIFIED = 0;\n  ROLE_BOSS = 1 [(sallyport.v1.role) = {name: \"boss\"}];\n}"},
		{"a field that was meant", suggestHead + suggestService("message M { string user_id = 1 [(buf.validate.field).string.min_len = 1]; }\n",
			declaredBy(`allow: {cel: "principal.id == request.userid"}`)), RuleCELInvalid, `allow: {cel: "principal.id == request.user_id"}`},
		{"a field without request", suggestHead + suggestService("message M { string user_id = 1 [(buf.validate.field).string.min_len = 1]; }\n",
			declaredBy(`allow: {cel: "principal.id == user_id"}`)), RuleCELInvalid, `allow: {cel: "principal.id == request.user_id"}`},
		{"an empty field", suggestHead + suggestService(plain, declaredBy(`allow: {cel: "principal.id == request.user_id"}`)), RuleCELIdentity,
			"at a.proto:6:13:\nstring user_id = 1 [(buf.validate.field).string.min_len = 1];"},
		{"an empty field with options of its own", suggestHead + suggestService("message M { string user_id = 1 [deprecated = true, json_name = \"u\"]; }\n",
			declaredBy(`allow: {cel: "principal.id == request.user_id"}`)), RuleCELIdentity,
			"at a.proto:6:13:\namong the options of user_id: (buf.validate.field).string.min_len = 1"},
		{"an empty wrapper", suggestHead + suggestService("message M { google.protobuf.StringValue user_id = 1 [(buf.validate.field).required = true]; }\n",
			declaredBy(`allow: {cel: "principal.id == request.user_id"}`)), RuleCELIdentity,
			"at a.proto:6:13:\namong the options of user_id: (buf.validate.field).string.min_len = 1"},
		{"a field of a rule that lets one of two be set", suggestHead + suggestService("message M { option (buf.validate.message).oneof = {fields: [\"a\", \"b\"] required: true}; "+
			"string a = 1 [(buf.validate.field).string.min_len = 1]; string b = 2; }\n", declaredBy(`allow: {cel: "principal.id == request.a"}`)), RuleCELIdentity,
			"allow: {cel: \"has(request.a) && principal.id == request.a\"}"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got := refusalOf(t, sources{"a.proto": test.of}, "a.proto", Given{})
			if diff := gocmp.Diff(test.fix, got.Fix); got.Rule != test.rule || diff != "" {
				t.Errorf("-want +got\n%s%s", diff, got)
			}
		})
	}
}

// A default that is a text is not empty.
func TestIdentityWithADefault(t *testing.T) {
	t.Parallel()
	for text, refused := range map[string]bool{`"root"`: false, `""`: true} {
		schema := compile(t, sources{"a.proto": "syntax = \"proto2\";\npackage s.v1;\nimport \"buf/validate/validate.proto\";\nimport \"sallyport/v1/action.proto\";\n" +
			suggestService("message M { optional string user_id = 1 [default = "+text+", (buf.validate.field).string.min_len = 1]; }\n",
				declaredBy(`allow: {cel: "principal.id == request.user_id"}`))})
		_, refusals := newReader(t, nil).File(schema.file(t, "a.proto"), Given{})
		if len(refusals) > 0 != refused {
			t.Errorf("default %s:\n%s", text, texts(refusals))
		}
	}
}

// Where the other declarations are in a file, the missing one is an entry for that.
func TestSuggestionForAVendor(t *testing.T) {
	t.Parallel()
	vendor := sources{"v.proto": "syntax = \"proto3\";\npackage v;\nmessage M {}\nservice S {\n  rpc Get(M) returns (M);\n  rpc Put(M) returns (M);\n}\n"}
	entry := `{authenticate {schemes: "bearer"} authorize {anyone: "x"}}`
	for source, want := range map[string]string{
		"v.txtpb": "in v.txtpb:\nactions: {key: \"/v.S/Put\" value: {authenticate: {schemes: \"bearer\"} authorize: {allow: {any_role: \"admin\"}}}}",
		"v.json":  "in v.json, among the actions:\n\"/v.S/Put\": {\"authenticate\":{\"schemes\":[\"bearer\"]},\"authorize\":{\"allow\":[{\"anyRole\":[\"admin\"]}]}}",
	} {
		given, unread := ParseDeclarations("v.txtpb", []byte(`actions {key: "/v.S/Get" value `+entry+`} actions {key: "/v.S/Putt" value `+entry+`}`))
		if unread != nil {
			t.Fatal(texts(unread))
		}
		given.Source = source
		got := refusalOf(t, vendor, "v.proto", given)
		if got.Rule != RuleMissing || got.Fix != want || got.Problem != `nothing says who may call it; did you mean "/v.S/Putt"?` {
			t.Errorf("%s:\n%s", source, got)
		}
	}
}

// An entry of a file of declarations is taken for a misspelt one where it is near and no
// RPC of the service has that name.
func TestMisspeltEntry(t *testing.T) {
	t.Parallel()
	schema := compile(t, sources{"v.proto": "syntax = \"proto3\";\npackage v;\nmessage M {}\nservice S {\n  rpc Get(M) returns (M);\n  rpc Put(M) returns (M);\n}\n"})
	for entry, want := range map[string]string{
		"/v.S/Get": "", "/v.S/Puttin": `; did you mean "/v.S/Puttin"?`, "/v.S/Putting": "", "/w.S/Put": `; did you mean "/w.S/Put"?`,
	} {
		given, unread := ParseDeclarations("v.txtpb", []byte(`actions {key: "`+entry+`" value {authenticate {schemes: "bearer"} authorize {anyone: "x"}}}`))
		if unread != nil {
			t.Fatal(texts(unread))
		}
		_, refusals := newReader(t, schema.files).File(schema.file(t, "v.proto"), given)
		put := slices.IndexFunc(refusals, func(refusal Refusal) bool { return refusal.Subject == "/v.S/Put" })
		if put < 0 || refusals[put].Problem != "nothing says who may call it"+want {
			t.Errorf("with an entry of %s:\n%s", entry, texts(refusals))
		}
	}
}

// A default of its own is what is read of a field that is not set: an empty one may be
// equal to another empty value, also where the rules refuse a field that is set and empty.
func TestDefaultsMayBeEmpty(t *testing.T) {
	t.Parallel()
	for text, refused := range map[string]bool{`default = "", `: true, `default = "x", `: false} {
		for _, kind := range []string{"string", "bytes"} {
			schema := compile(t, sources{"a.proto": "syntax = \"proto2\";\npackage s.v1;\nimport \"buf/validate/validate.proto\";\nimport \"sallyport/v1/action.proto\";\n" +
				suggestService("message M { optional "+kind+" a = 1 ["+text+"(buf.validate.field)."+kind+".min_len = 1]; optional "+kind+" b = 2; }\n",
					declaredBy(`allow: {cel: "request.a == request.b"}`))})
			_, refusals := newReader(t, nil).File(schema.file(t, "a.proto"), Given{})
			if got := len(refusals) == 1 && refusals[0].Rule == RuleCELBothEmpty; got != refused || !got && len(refusals) > 0 {
				t.Errorf("%s with %s:\n%s", kind, text, texts(refusals))
			}
		}
	}
}

// A catalogue of the same proto package is seen where the program surely has it: in the
// same Go package, or used.
func TestCatalogueOfAnotherGoPackage(t *testing.T) {
	t.Parallel()
	const handle = "import \"google/protobuf/descriptor.proto\";\nextend google.protobuf.FileOptions {\n  sallyport.v1.Use s = 50565;\n}\n"
	roles := func(goPackage, handle string) string {
		return "syntax = \"proto3\";\npackage s.v1;\nimport \"sallyport/v1/action.proto\";\n" + handle + "option go_package = \"" + goPackage + "\";\n" + suggestRole
	}
	service := func(imports string) string {
		return suggestHead + imports + "option go_package = \"example.com/s;s\";\n" + suggestService("message M {}\n", declaredBy(`allow: {any_role: "boss"}`))
	}
	tests := []struct {
		name string
		of   sources
		fix  string
	}{
		{
			"another Go package, without a handle", sources{"a.proto": service(""), "r/roles.proto": roles("example.com/r;r", "")},
			"in r/roles.proto:\n" + strings.TrimSuffix(handle, "\n") + "\nand in a.proto:\nimport \"r/roles.proto\";\noption (s.v1.s) = {};",
		},
		{
			"another Go package", sources{"a.proto": service(""), "r/roles.proto": roles("example.com/r;r", handle)},
			"import \"r/roles.proto\";\noption (s.v1.s) = {};",
		},
		{
			"another Go package, imported", sources{"a.proto": service("import \"r/roles.proto\";\n"), "r/roles.proto": roles("example.com/r;r", handle)},
			"option (s.v1.s) = {};",
		},
		{"another Go package, used", sources{"a.proto": service("import \"r/roles.proto\";\noption (s.v1.s) = {};\n"), "r/roles.proto": roles("example.com/r;r", handle)}, ""},
		{"the same Go package", sources{"a.proto": service(""), "r/roles.proto": roles("example.com/s", "")}, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if test.fix != "" {
				got := refusalOf(t, test.of, "a.proto", Given{})
				if got.Rule != RuleRoleUnknown || got.Fix != test.fix {
					t.Errorf("%s", got)
				}
				return
			}
			schema := compile(t, test.of)
			if refusals := newReader(t, schema.files).Lint([]protoreflect.FileDescriptor{schema.file(t, "a.proto")}, Given{}); len(refusals) > 0 {
				t.Error(texts(refusals))
			}
		})
	}
}
