package declare

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// listed are files in an order of their own.
type listed []protoreflect.FileDescriptor

func (l listed) RangeFiles(visit func(protoreflect.FileDescriptor) bool) {
	for _, file := range l {
		if !visit(file) {
			return
		}
	}
}

func (l listed) RangeFilesByPackage(name protoreflect.FullName, visit func(protoreflect.FileDescriptor) bool) {
	l.RangeFiles(func(file protoreflect.FileDescriptor) bool { return file.Package() != name || visit(file) })
}

// backwards are the files of a schema in the order of their paths, the last one first.
func backwards(s schema) listed {
	var files listed
	s.files.RangeFiles(func(file protoreflect.FileDescriptor) bool {
		files = append(files, file)
		return true
	})
	slices.SortFunc(files, func(a, b protoreflect.FileDescriptor) int { return strings.Compare(b.Path(), a.Path()) })
	return files
}

// vendorFile is a service whose declarations are not in its .proto.
const vendorFile = "syntax = \"proto3\";\npackage vendor.v1;\nmessage M {}\nservice S {\n  rpc Get(M) returns (M);\n}\n"

// outside are declarations of that service from a file.
func outside(t *testing.T, uses, authorize string) Given {
	t.Helper()
	given, refusals := ParseDeclarations("v.txtpb", []byte(uses+`
actions {key: "/vendor.v1.S/Get" value {authenticate {schemes: "session"} authorize {`+authorize+`}}}`))
	if len(refusals) > 0 {
		t.Fatal(texts(refusals))
	}
	return given
}

// What is refused does not depend on the order in which files are known: of two that say the
// same, the first by path stays.
func TestFilesInAnyOrder(t *testing.T) {
	t.Parallel()
	of := sources{
		"a.proto":   "syntax = \"proto3\";\npackage test.v1;\nimport \"sallyport/v1/action.proto\";\n" + suggestRole,
		"b.proto":   "syntax = \"proto3\";\npackage test.v1;\nimport \"sallyport/v1/action.proto\";\n" + strings.NewReplacer("Role", "Other", "ROLE", "OTHER").Replace(suggestRole),
		"c.proto":   "syntax = \"proto3\";\npackage test.v1;\nmessage M {}\n",
		"d/a.proto": "syntax = \"proto3\";\npackage used.v1;\nimport \"sallyport/v1/action.proto\";\nmessage First { option (sallyport.v1.claims) = true; string id = 1; }\n",
		"d/b.proto": "syntax = \"proto3\";\npackage used.v1;\nimport \"sallyport/v1/action.proto\";\nmessage Second { option (sallyport.v1.claims) = true; string id = 1; }\n",
		"v.proto":   vendorFile,
	}
	schema := compile(t, of)
	for name, files := range map[string]Files{"of a registry": schema.files, "backwards": backwards(schema)} {
		_, refusals := newReader(t, files).File(schema.file(t, "c.proto"), Given{})
		if want := []fault{{RuleCatalogueTwice, "test.v1.Other", "b.proto", 4}}; !slices.Equal(faultsOf(refusals), want) {
			t.Errorf("%s: of the package\n%s", name, texts(refusals))
		}
		_, refusals = newReader(t, files).File(schema.file(t, "v.proto"), outside(t, `uses: "used.v1"`, `allow: {cel: "principal.claims.id == 'x'"}`))
		if want := []fault{{RuleClaimsTwice, "used.v1.Second", "d/b.proto", 4}}; !slices.Equal(faultsOf(refusals), want) {
			t.Errorf("%s: of a package that is used\n%s", name, texts(refusals))
		}
	}
}

// A declaration from outside is told of the first package by path that has the role, be
// there many files, and of none where no files are known.
func TestUnusedFromOutside(t *testing.T) {
	t.Parallel()
	of := sources{"v.proto": vendorFile}
	for _, name := range []string{"a", "b", "c", "d"} {
		of[name+".proto"] = "syntax = \"proto3\";\npackage " + name + ".v1;\nmessage M {}\n"
	}
	of["e.proto"] = strings.Replace(suggestHead, "s.v1", "e.v1", 1) + suggestRole
	of["f.proto"] = strings.Replace(suggestHead, "s.v1", "f.v1", 1) + suggestRole
	schema := compile(t, of)
	given := outside(t, "", `allow: {any_role: "boss"}`)
	const problem = `authorize.allow[0]: no role catalogue of package vendor.v1 has role "boss"`
	for name, test := range map[string]struct {
		files Files
		want  string
	}{
		"of a registry": {schema.files, problem + "; e.v1.Role has it, and package e.v1 is not used"},
		"backwards":     {backwards(schema), problem + "; e.v1.Role has it, and package e.v1 is not used"},
		"no files":      {nil, problem},
	} {
		_, refusals := newReader(t, test.files).File(schema.file(t, "v.proto"), given)
		if len(refusals) != 1 || refusals[0].Problem != test.want {
			t.Errorf("%s:\n%s", name, texts(refusals))
		}
	}
}

// Where a role or a condition is that is not used: in a package that is imported, or in
// another Go package of the same proto package. Of others nothing is said.
func TestWhereUnused(t *testing.T) {
	t.Parallel()
	head := func(name, goPackage, imports string) string {
		return "syntax = \"proto3\";\npackage " + name + ";\nimport \"sallyport/v1/action.proto\";\n" + imports + "option go_package = \"example.com/" + goPackage + "\";\n"
	}
	of := func(imports, authorize string) string {
		return head("s.v1", "s", imports) + "message M {}\nservice S {\n" + declaredBy(authorize) + "}\n"
	}
	same := sources{"r/r.proto": head("s.v1", "r", "") + "option (sallyport.v1.condition) = {name: \"same_org\" cel: \"principal.id == 'a'\"};\n" + suggestRole}
	other := sources{"r/r.proto": strings.Replace(same["r/r.proto"], "s.v1", "r.v1", 1)}
	const importR = "import \"r/r.proto\";\n"
	const boss, org = `allow: {any_role: "boss"}`, `allow: {when: "same_org"}`
	const noRole, noCondition = `authorize.allow[0]: no role catalogue of package s.v1 has role "boss"`, `authorize.allow[0]: no file of package s.v1 defines condition "same_org"`
	for name, test := range map[string]struct {
		others                   sources
		imports, authorize, want string
	}{
		"a role of another Go package":             {same, "", boss, noRole + "; s.v1.Role has it, which is in another Go package and is not used"},
		"a role of an import":                      {other, importR, boss, noRole + "; r.v1.Role has it, and package r.v1 is not used"},
		"a role of a package that is not imported": {other, "", boss, noRole},
		"a condition of another Go package":        {same, "", org, noCondition + "; r/r.proto has it, which is in another Go package and is not used"},
		"a condition of an import":                 {other, importR, org, noCondition + "; r/r.proto has it, and package r.v1 is not used"},
		"a condition of one that is not imported":  {other, "", org, noCondition},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := refusalOf(t, sources{"a.proto": of(test.imports, test.authorize), "r/r.proto": test.others["r/r.proto"]}, "a.proto", Given{}); got.Problem != test.want {
				t.Errorf("got\n%s\nwant\n%s", got.Problem, test.want)
			}
		})
	}
}

// One view of a file does not change another one.
func TestViewsAreApart(t *testing.T) {
	t.Parallel()
	of := sources{"x.proto": "syntax = \"proto3\";\npackage x.v1;\n", "y.proto": "syntax = \"proto3\";\npackage y.v1;\n"}
	for _, name := range []string{"a", "b", "c"} {
		of[name+".proto"] = "syntax = \"proto3\";\npackage test.v1;\n"
	}
	schema := compile(t, of)
	reader := newReader(t, schema.files)
	file := schema.file(t, "a.proto")
	x, y := reader.View(file, "x.v1"), reader.View(file, "y.v1")
	paths := func(view View) []string {
		var paths []string
		for _, file := range view.files {
			paths = append(paths, file.Path())
		}
		return paths
	}
	for _, test := range []struct {
		view View
		want []string
	}{
		{x, []string{"a.proto", "b.proto", "c.proto", "x.proto"}},
		{y, []string{"a.proto", "b.proto", "c.proto", "y.proto"}},
		{reader.View(file), []string{"a.proto", "b.proto", "c.proto"}},
	} {
		if diff := gocmp.Diff(test.want, paths(test.view)); diff != "" {
			t.Errorf("-want +got\n%s", diff)
		}
	}
}

// A program needs the Go packages of others that define something that may be named, each
// once.
func TestGoPackages(t *testing.T) {
	t.Parallel()
	head := func(goPackage string) string {
		return "syntax = \"proto3\";\npackage used.v1;\nimport \"sallyport/v1/action.proto\";\noption go_package = \"example.com/" + goPackage + "\";\n"
	}
	of := sources{
		"u/claims.proto":    head("claims") + "message Claims { option (sallyport.v1.claims) = true; string id = 1; }\n",
		"u/condition.proto": head("condition") + "option (sallyport.v1.condition) = {name: \"own\" cel: \"principal.id == 'x'\"};\n",
		"u/nothing.proto":   head("nothing") + "message M {}\n",
		"u/roles.proto":     head("roles") + suggestRole,
		"u/scopes.proto":    head("roles") + "enum Scope { option (sallyport.v1.scope_catalogue) = true; SCOPE_UNSPECIFIED = 0; SCOPE_READ = 1 [(sallyport.v1.scope) = {name: \"read\"}]; }\n",
		"u/same.proto":      head("v") + "option (sallyport.v1.condition) = {name: \"of_a\" cel: \"principal.id == 'a'\"};\n",
		"v.proto":           strings.Replace(vendorFile, "message M", "option go_package = \"example.com/v\";\nmessage M", 1),
	}
	schema := compile(t, of)
	view := newReader(t, schema.files).View(schema.file(t, "v.proto"), "used.v1")
	if diff := gocmp.Diff([]string{"example.com/claims", "example.com/condition", "example.com/roles"}, view.GoPackages()); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

// Files that see the same fault are refused for it once, in the order of the source.
func TestLint(t *testing.T) {
	t.Parallel()
	of := sources{
		"a.proto": service("test.v1", "", "admin", ""), "b.proto": catalogueFile("test.v1", "Role", cyclicRoles),
		"c.proto": strings.NewReplacer("Request", "Other", "Files", "More").Replace(service("test.v1", "", "ghost", "")),
	}.in("proto3")
	schema := compile(t, of)
	files := []protoreflect.FileDescriptor{schema.file(t, "c.proto"), schema.file(t, "a.proto"), schema.file(t, "b.proto")}
	var got []string
	for _, refusal := range newReader(t, schema.files).Lint(files, Given{}) {
		got = append(got, refusal.Position.File+" "+string(refusal.Rule))
	}
	if diff := gocmp.Diff([]string{"b.proto " + string(RuleRoleCycle), "c.proto " + string(RuleRoleUnknown)}, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}

	schema = compile(t, sources{"a.proto": service("a.v1", "", "ghost", ""), "b.proto": service("b.v1", "", "ghost", "")}.in("proto3"))
	refusals := newReader(t, schema.files).Lint([]protoreflect.FileDescriptor{schema.file(t, "b.proto"), schema.file(t, "a.proto")}, Given{})
	if len(refusals) != 2 || refusals[0].Position.File != "a.proto" {
		t.Errorf("of two packages:\n%s", texts(refusals))
	}
}

// Many services read at a time are read as they are one after another, refused ones too.
func TestFilesReadAtATime(t *testing.T) {
	t.Parallel()
	services := func(name, refused string) string {
		var text strings.Builder
		text.WriteString("syntax = \"proto3\";\npackage " + name + ".v1;\nimport \"sallyport/v1/action.proto\";\n" + suggestRole + "message M { string id = 1; }\n")
		for i := range 20 {
			grant := `any_role: "boss"`
			if i%7 == 3 && refused != "" {
				grant = refused
			}
			fmt.Fprintf(&text, "service S%d {\n  rpc Get(M) returns (M) {\n    option (sallyport.v1.action) = {authenticate: {schemes: \"session\"} authorize: {allow: {%s}}};\n  }\n}\n", i, grant)
		}
		return text.String()
	}
	schema := compile(t, sources{
		"a.proto": services("a", ""), "b.proto": services("b", `any_role: "bos"`), "c.proto": services("c", ""),
		"d.proto": strings.ReplaceAll(services("d", ""), `name: "clerk"`, `name: "no name"`),
	})
	for _, paths := range [][]string{nil, {"a.proto"}, {"b.proto"}, {"a.proto", "c.proto"}, {"c.proto", "d.proto", "b.proto", "a.proto"}} {
		var files []protoreflect.FileDescriptor
		var want []string
		var wantRefused []Refusal
		each := newReader(t, schema.files)
		for _, path := range paths {
			files = append(files, schema.file(t, path))
			declarations, refusals := each.File(schema.file(t, path), Given{})
			want, wantRefused = append(want, procedures(declarations)...), append(wantRefused, refusals...)
		}
		declarations, refusals := newReader(t, schema.files).Files(files, Given{})
		if got := procedures(declarations); !slices.Equal(got, want) {
			t.Errorf("%v: read %q, want %q", paths, got, want)
		}
		if got, want := texts(refusals), texts(wantRefused); got != want {
			t.Errorf("%v: refused\n%s\nwant\n%s", paths, got, want)
		}
		if refused := slices.Contains(paths, "b.proto"); refused != (len(refusals) > 0) {
			t.Errorf("%v: %d refusals", paths, len(refusals))
		}
	}
}

func procedures(of []*Declaration) []string {
	var names []string
	for _, declaration := range of {
		names = append(names, declaration.Procedure)
	}
	return names
}
