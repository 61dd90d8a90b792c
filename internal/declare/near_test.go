package declare

import (
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/testing/protocmp"

	"google.golang.org/protobuf/encoding/prototext"

	sallyportv1 "github.com/sallyport-rpc/sallyport/gen/sallyport/v1"
)

// fixFor lints a file of some sources and returns the fix of the one refusal by a rule.
// It ignores other refusals.
func fixFor(t *testing.T, of sources, path string, rule Rule) string {
	t.Helper()
	schema := compile(t, of)
	var fixes []string
	for _, refusal := range newReader(t, schema.files).Lint([]protoreflect.FileDescriptor{schema.file(t, path)}, Given{}) {
		if refusal.Rule == rule {
			fixes = append(fixes, refusal.Fix)
		}
	}
	if len(fixes) != 1 {
		t.Fatalf("%d refusals by %s", len(fixes), rule)
	}
	return fixes[0]
}

// missing is an RPC without a declaration.
const missing = "  rpc Get(M) returns (M);\n"

// The schemes of a fix are those that most others use: of the service, or else of its
// file, or else of its package.
func TestSchemesOfAFix(t *testing.T) {
	t.Parallel()
	const head = "syntax = \"proto3\";\npackage s.v1;\nimport \"sallyport/v1/action.proto\";\n"
	rpc := func(name, authenticate string) string {
		return "  rpc " + name + "(M) returns (M) { option (sallyport.v1.action) = {authenticate: {" + authenticate + "} authorize: {anyone: \"x\"}}; }\n"
	}
	of := func(name, rpcs string) string { return "service " + name + " {\n" + rpcs + "}\n" }
	bearer, apikey := `schemes: "bearer"`, `schemes: "apikey"`
	for name, test := range map[string]struct {
		rpcs, besides, otherFile string
		want                     []string
	}{
		"none":                              {want: []string{"session"}},
		"the first of two":                  {rpcs: rpc("A", bearer) + rpc("B", apikey), want: []string{"bearer"}},
		"most":                              {rpcs: rpc("A", bearer) + rpc("B", apikey) + rpc("C", apikey), want: []string{"apikey"}},
		"most are anonymous":                {rpcs: rpc("A", `anonymous: "x"`) + rpc("B", `anonymous: "x"`) + rpc("C", bearer), want: []string{"bearer"}},
		"most are named wrongly":            {rpcs: rpc("A", `schemes: "Bearer"`) + rpc("B", `schemes: "Bearer"`) + rpc("C", apikey), want: []string{"apikey"}},
		"most are named twice":              {rpcs: rpc("A", `schemes: ["bearer", "bearer"]`) + rpc("B", `schemes: ["bearer", "bearer"]`) + rpc("C", apikey), want: []string{"apikey"}},
		"several of one RPC":                {rpcs: rpc("A", `schemes: ["bearer", "apikey"]`), want: []string{"bearer", "apikey"}},
		"of the service before the file":    {rpcs: rpc("A", bearer), besides: of("Other", rpc("A", apikey)+rpc("B", apikey)), want: []string{"bearer"}},
		"of the file before the package":    {besides: of("Other", rpc("A", bearer)), otherFile: of("More", rpc("A", apikey)+rpc("B", apikey)), want: []string{"bearer"}},
		"of the package":                    {otherFile: of("More", rpc("A", apikey)), want: []string{"apikey"}},
		"of the package, and an undeclared": {rpcs: "  rpc A(M) returns (M) {}\n", otherFile: of("More", rpc("A", apikey)), want: []string{"apikey"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			schema := compile(t, sources{
				"a.proto": head + "message M {}\n" + of("S", missing+test.rpcs) + test.besides,
				"b.proto": head + "import \"a.proto\";\n" + test.otherFile,
			})
			_, refusals := newReader(t, schema.files).File(schema.file(t, "a.proto"), Given{})
			at := slices.IndexFunc(refusals, func(refusal Refusal) bool { return refusal.Rule == RuleMissing && refusal.Subject == "/s.v1.S/Get" })
			if at < 0 {
				t.Fatal(texts(refusals))
			}
			text, _, _ := strings.Cut(refusals[at].Fix, "\nand ")
			if got := optionIn(t, text).GetAuthenticate().GetSchemes(); !slices.Equal(got, test.want) {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

// optionIn parses the option that a fix writes.
func optionIn(t *testing.T, text string) *sallyportv1.Action {
	t.Helper()
	action := &sallyportv1.Action{}
	inner := strings.TrimSuffix(strings.TrimPrefix(text, "option (sallyport.v1.action) = {"), "};")
	if err := prototext.Unmarshal([]byte(inner), action); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return action
}

// The role of a fix is the one that includes most others, among those that are still
// given, of the package before those that it uses.
func TestRoleOfAFix(t *testing.T) {
	t.Parallel()
	const (
		two      = "  A = 1 [(sallyport.v1.role) = {name: \"a\"}];\n  B = 2 [(sallyport.v1.role) = {name: \"b\"}];\n"
		boss     = "  C = 3 [(sallyport.v1.role) = {name: \"boss\", includes: [\"a\", \"b\"]}];\n"
		old      = "  C = 3 [deprecated = true, (sallyport.v1.role) = {name: \"old\", includes: [\"a\", \"b\"]}];\n"
		allOld   = "  C = 3 [deprecated = true, (sallyport.v1.role) = {name: \"old\"}];\n"
		otherTwo = "  P = 1 [(sallyport.v1.role) = {name: \"p\"}];\n  Q = 2 [(sallyport.v1.role) = {name: \"q\" includes: \"p\"}];\n"
	)
	for name, test := range map[string]struct{ own, used, want string }{
		"the first of equals":             {two, "", "a"},
		"the one that includes most":      {two + boss, "", "boss"},
		"not one that is deprecated":      {two + old, "", "a"},
		"of the package before one used":  {two, otherTwo, "a"},
		"one used, where the own are old": {allOld, otherTwo, "q"},
		"admin, where no role is left":    {allOld, "", "admin"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			of := sources{"test/v1/a.proto": catalogueFile("test.v1", "Role", test.own)}
			imports := ""
			if test.used != "" {
				of["other/v1/a.proto"], imports = handled("other.v1", "Role", test.used, "other"), usesOther
			}
			of["test/v1/b.proto"] = "syntax!\npackage test.v1;\nimport \"sallyport/v1/action.proto\";\n" + imports + "\nmessage M {}\nservice S {\n" + missing + "}\n"
			text, _, _ := strings.Cut(fixFor(t, of.in("proto3"), "test/v1/b.proto", RuleMissing), "\nand ")
			want := []*sallyportv1.Grant{{AnyRole: []string{test.want}}}
			if diff := gocmp.Diff(want, optionIn(t, text).GetAuthorize().GetAllow(), protocmp.Transform()); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
		})
	}
}

// A fix of a misspelt role does not name a role that is deprecated.
func TestDeprecatedRoleIsNotMeant(t *testing.T) {
	t.Parallel()
	const roles = "  A = 1 [(sallyport.v1.role) = {name: \"clerk\"}];\n  B = 2 [deprecated = true, (sallyport.v1.role) = {name: \"admin\"}];\n"
	of := sources{"test/v1/a.proto": catalogueFile("test.v1", "Role", roles), "test/v1/b.proto": service("test.v1", "", "admim", "")}
	const want = "at the end of enum test.v1.Role (test/v1/a.proto:4:1):\nROLE_ADMIM = 3 [(sallyport.v1.role) = {name: \"admim\"}];"
	if got := fixFor(t, of.in("proto3"), "test/v1/b.proto", RuleRoleUnknown); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// A role that two packages have is to be defined in the package itself: in its catalogue,
// where it has one.
func TestFixOfAnAmbiguousRole(t *testing.T) {
	t.Parallel()
	of := sources{
		"other/v1/a.proto": handled("other.v1", "Role", otherRoles, "other"),
		"third/v1/a.proto": handled("third.v1", "Role", otherRoles, "third_"),
		"test/v1/b.proto":  service("test.v1", importsOther+`import "third/v1/a.proto"; option (other.v1.other) = {}; option (third.v1.third_) = {};`, "admin", ""),
	}
	const newOne = "in package test.v1, which has no role catalogue:\nenum Role {\n  option (sallyport.v1.roles) = true;\n  ROLE_UNSPECIFIED = 0;\n  ROLE_ADMIN = 1 [(sallyport.v1.role) = {name: \"admin\"}];\n}"
	if got := fixFor(t, of.in("proto3"), "test/v1/b.proto", RuleRoleAmbiguous); got != newOne {
		t.Errorf("without a catalogue:\n%s", got)
	}
	of["test/v1/a.proto"] = catalogueFile("test.v1", "Role", "  A = 1 [(sallyport.v1.role) = {name: \"member\"}];\n")
	const added = "at the end of enum test.v1.Role (test/v1/a.proto:4:1):\nROLE_ADMIN = 2 [(sallyport.v1.role) = {name: \"admin\"}];"
	if got := fixFor(t, of.in("proto3"), "test/v1/b.proto", RuleRoleAmbiguous); got != added {
		t.Errorf("with one:\n%s", got)
	}
}

// The names of values that a fix adds begin as the names of the others do.
func TestPrefixOfAnAddedValue(t *testing.T) {
	t.Parallel()
	for zero, want := range map[string]string{"R_UNSPECIFIED": "R_GUEST", "UNSPECIFIED": "GUEST", "NO_ROLE": "ROLE_GUEST"} {
		of := "syntax = \"proto3\";\npackage s.v1;\nimport \"sallyport/v1/action.proto\";\nenum Role { option (sallyport.v1.roles) = true; " + zero +
			" = 0; CLERK = 1 [(sallyport.v1.role) = {name: \"clerk\"}]; }\nmessage M {}\nservice S {\n" + declaredBy(`allow: {any_role: "guest"}`) + "}\n"
		got := fixFor(t, sources{"a.proto": of}, "a.proto", RuleRoleUnknown)
		if want := "at the end of enum s.v1.Role (a.proto:4:1):\n" + want + " = 2 [(sallyport.v1.role) = {name: \"guest\"}];"; got != want {
			t.Errorf("%s:\n%s\nwant\n%s", zero, got, want)
		}
	}
}

// A scope that is none is made one where there is no catalogue to name one of.
func TestFixOfAScope(t *testing.T) {
	t.Parallel()
	of := "syntax = \"proto3\";\npackage s.v1;\nimport \"sallyport/v1/action.proto\";\nmessage M {}\nservice S {\n" + declaredBy(`allow: {all_scopes: "night watch"}`) + "}\n"
	const want = "allow: {all_scopes: \"night.watch\"}\nand in package s.v1, which has no scope catalogue:\nenum Scope {\n  option (sallyport.v1.scope_catalogue) = true;\n" +
		"  SCOPE_UNSPECIFIED = 0;\n  SCOPE_NIGHT_WATCH = 1 [(sallyport.v1.scope) = {name: \"night.watch\"}];\n}"
	if got := fixFor(t, sources{"a.proto": of}, "a.proto", RuleScopeName); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// An option is written as it is read: with all of its authorization.
func TestOptionText(t *testing.T) {
	t.Parallel()
	want := &sallyportv1.Action{
		Authenticate: &sallyportv1.Authenticate{Schemes: []string{"session", "bearer"}},
		Authorize: &sallyportv1.Authorize{
			Allow:   []*sallyportv1.Grant{{AnyRole: []string{"admin"}}, {Check: new("owns")}},
			Conceal: true, CredentialScopes: []string{"files.read"},
		},
		Stream: &sallyportv1.Stream{Authorize: sallyportv1.Stream_FIRST_MESSAGE},
	}
	if diff := gocmp.Diff(want, optionIn(t, optionText(want)), protocmp.Transform()); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}
