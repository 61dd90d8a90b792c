package declare

import (
	"reflect"
	"strconv"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// catalogue is a file with a catalogue of the given roles, all of them by themselves
// but the last, which includes the others.
func catalogueFile(packageName, enum, body string) string {
	return "syntax!\npackage " + packageName + ";\nimport \"sallyport/v1/action.proto\";\nenum " + enum +
		" {\n  option (sallyport.v1.roles) = true;\n  " + enum + "_ZERO = 0;\n" + body + "}\n"
}

// handled is a file with a catalogue and a handle, by which other packages use it.
func handled(packageName, enum, body, handle string) string {
	text := catalogueFile(packageName, enum, body)
	text = strings.Replace(text, "import", "import \"google/protobuf/descriptor.proto\";\nimport", 1)
	return text + "extend google.protobuf.FileOptions {\n  singular sallyport.v1.Use " + handle + " = 50" + strconv.Itoa(100+len(handle)) + ";\n}\n"
}

const (
	importsOther = `import "other/v1/a.proto";`
	usesOther    = importsOther + ` option (other.v1.other) = {};`
	usesThird    = `import "third/v1/a.proto"; option (third.v1.third_) = {};`
)

// service is a file with one action that asks for a role; marker is what is wanted
// of it.
func service(packageName, imports, role, marker string) string {
	return "syntax!\npackage " + packageName + ";\nimport \"sallyport/v1/action.proto\";\n" + imports + `
message Request {}
service Files {
  rpc Read(Request) returns (Request) {
    option (sallyport.v1.action) = {` + marker + `
      authenticate: {schemes: "session"}
      authorize: {allow: {any_role: "` + role + `"}}
    };
  }
}
`
}

const (
	ownRoles = `  A = 1 [(sallyport.v1.role) = {name: "admin"}];
  B = 2 [(sallyport.v1.role) = {name: "owner", includes: "admin"}];
`
	otherRoles = `  A = 1 [(sallyport.v1.role) = {name: "admin"}];
  B = 2 [(sallyport.v1.role) = {name: "boss", includes: "admin"}];
`
	cyclicRoles = `  A = 1 [(sallyport.v1.role) = {name: "admin", includes: "admin"}];
`
	unknown = " //! /test.v1.Files/Read role-unknown"
)

// Where a role is looked for, and what is refused when it is not there, or there
// twice.
func TestVisibleCatalogues(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		files sources
		// alone reads the file without knowledge of others but by import.
		alone bool
		// want are the roles that satisfy the action.
		want []string
	}{
		{
			"of the package, without an import",
			sources{"test/v1/a.proto": catalogueFile("test.v1", "Role", ownRoles), "test/v1/b.proto": service("test.v1", "", "admin", "")},
			false,
			[]string{"admin", "owner"},
		},
		{
			"of the package, without an import or any other knowledge",
			sources{"test/v1/a.proto": catalogueFile("test.v1", "Role", ownRoles), "test/v1/b.proto": service("test.v1", "", "admin", unknown)},
			true,
			nil,
		},
		{
			"of the package, in a later file",
			sources{"test/v1/z.proto": catalogueFile("test.v1", "Role", ownRoles), "test/v1/b.proto": service("test.v1", "", "admin", "")},
			false,
			[]string{"admin", "owner"},
		},
		{
			"of another package, without an import",
			sources{"other/v1/a.proto": handled("other.v1", "Role", otherRoles, "other"), "test/v1/b.proto": service("test.v1", "", "admin", unknown)},
			false,
			nil,
		},
		{
			"of a package inside of ours",
			sources{"test/v1/a.proto": catalogueFile("test.v1.inner", "Role", otherRoles), "test/v1/b.proto": service("test.v1", "", "admin", unknown)},
			false,
			nil,
		},
		{
			"used",
			sources{"other/v1/a.proto": handled("other.v1", "Role", otherRoles, "other"), "test/v1/b.proto": service("test.v1", usesOther, "admin", "")},
			true,
			[]string{"admin", "boss"},
		},
		{
			"imported, and not used",
			sources{"other/v1/a.proto": handled("other.v1", "Role", otherRoles, "other"), "test/v1/b.proto": service("test.v1", importsOther, "admin", unknown)},
			true,
			nil,
		},
		{
			"used by another file of the package",
			sources{
				"other/v1/a.proto": handled("other.v1", "Role", otherRoles, "other"),
				"test/v1/a.proto":  "syntax! package test.v1; " + usesOther,
				"test/v1/b.proto":  service("test.v1", "", "boss", ""),
			},
			false,
			[]string{"boss"},
		},
		{
			"in another file of a package that is used",
			sources{
				"other/v1/a.proto": handled("other.v1", "More", "", "other"),
				"other/v1/z.proto": catalogueFile("other.v1", "Role", strings.NewReplacer("A =", "R_A =", "B =", "R_B =").Replace(otherRoles)),
				"test/v1/b.proto":  service("test.v1", usesOther, "boss", ""),
			},
			false,
			[]string{"boss"},
		},
		{
			"used by an import, which is not transitive",
			sources{
				"other/v1/a.proto": handled("other.v1", "Role", otherRoles, "other"),
				"third/v1/a.proto": strings.Replace(handled("third.v1", "Role", "", "third_"), "enum Role", usesOther+"\nenum Role", 1),
				"test/v1/b.proto":  service("test.v1", usesThird, "boss", unknown),
			},
			false,
			nil,
		},
		{
			"used by way of a public import",
			sources{
				"other/v1/a.proto": handled("other.v1", "Role", otherRoles, "other"),
				"mid/v1/a.proto":   `syntax! package mid.v1; import public "other/v1/a.proto"; message M {}`,
				"test/v1/b.proto":  service("test.v1", `import "mid/v1/a.proto"; option (other.v1.other) = {};`, "boss", ""),
			},
			true,
			[]string{"boss"},
		},
		{
			"own before used",
			sources{
				"other/v1/a.proto": handled("other.v1", "Role", otherRoles, "other"),
				"test/v1/a.proto":  catalogueFile("test.v1", "Role", ownRoles),
				"test/v1/b.proto":  service("test.v1", usesOther, "admin", ""),
			},
			false,
			[]string{"admin", "owner"},
		},
		{
			"used by two files of the package",
			sources{
				"other/v1/a.proto": handled("other.v1", "Role", otherRoles, "other"),
				"test/v1/a.proto":  "syntax! package test.v1; " + usesOther,
				"test/v1/b.proto":  service("test.v1", usesOther, "boss", ""),
			},
			false,
			[]string{"boss"},
		},
		{
			"of the package, which a file of it uses",
			sources{
				"test/v1/a.proto": handled("test.v1", "Role", ownRoles, "test_"),
				"test/v1/b.proto": service("test.v1", `import "test/v1/a.proto"; option (test.v1.test_) = {};`, "admin", ""),
			},
			false,
			[]string{"admin", "owner"},
		},
		{
			"two, of which one includes the other",
			sources{"test/v1/a.proto": catalogueFile("test.v1", "Role", ownRoles), "test/v1/b.proto": strings.Replace(service("test.v1", "", "x", ""), `"x"`, `["owner", "admin"]`, 1)},
			false,
			[]string{"admin", "owner"},
		},
		{
			"used, where the own one does not have it",
			sources{
				"other/v1/a.proto": handled("other.v1", "Role", otherRoles, "other"),
				"test/v1/a.proto":  catalogueFile("test.v1", "Role", ownRoles),
				"test/v1/b.proto":  service("test.v1", usesOther, "boss", ""),
			},
			false,
			[]string{"boss"},
		},
		{
			"used twice",
			sources{
				"other/v1/a.proto": handled("other.v1", "Role", otherRoles, "other"),
				"third/v1/a.proto": handled("third.v1", "Role", ownRoles, "third_"),
				"test/v1/b.proto":  service("test.v1", importsOther+`import "third/v1/a.proto"; option (other.v1.other) = {}; option (third.v1.third_) = {};`, "admin", " //! /test.v1.Files/Read role-ambiguous"),
			},
			true,
			nil,
		},
		{
			"used twice, and the role is in one of them",
			sources{
				"other/v1/a.proto": handled("other.v1", "Role", otherRoles, "other"),
				"third/v1/a.proto": handled("third.v1", "Role", ownRoles, "third_"),
				"test/v1/b.proto":  service("test.v1", importsOther+`import "third/v1/a.proto"; option (other.v1.other) = {}; option (third.v1.third_) = {};`, "boss", ""),
			},
			true,
			[]string{"boss"},
		},
		{
			"used twice, and an own one",
			sources{
				"other/v1/a.proto": handled("other.v1", "Role", otherRoles, "other"),
				"third/v1/a.proto": handled("third.v1", "Role", otherRoles, "third_"),
				"test/v1/a.proto":  catalogueFile("test.v1", "Role", ownRoles),
				"test/v1/b.proto":  service("test.v1", importsOther+`import "third/v1/a.proto"; option (other.v1.other) = {}; option (third.v1.third_) = {};`, "admin", ""),
			},
			false,
			[]string{"admin", "owner"},
		},
		{
			"one catalogue, imported in two ways",
			sources{
				"other/v1/a.proto": handled("other.v1", "Role", otherRoles, "other"),
				"mid/v1/a.proto":   `syntax! package mid.v1; import public "other/v1/a.proto"; message M {}`,
				"test/v1/b.proto":  service("test.v1", `import "mid/v1/a.proto"; import "other/v1/a.proto"; option (other.v1.other) = {};`, "boss", ""),
			},
			true,
			[]string{"boss"},
		},
		{
			"two of the package",
			sources{
				"test/v1/a.proto": catalogueFile("test.v1", "Role", ownRoles),
				"test/v1/c.proto": mark(sources{"": catalogueFile("test.v1", "Other", "")}, "", "enum Other {", "test.v1.Other catalogue-twice")[""],
				"test/v1/b.proto": service("test.v1", "", "admin", ""),
			},
			false,
			nil,
		},
		{
			// The role is there; what is wrong with it is told once.
			"one that is refused itself",
			sources{
				"test/v1/a.proto": mark(sources{"": catalogueFile("test.v1", "Role", cyclicRoles)}, "", "enum Role {", "test.v1.Role role-cycle")[""],
				"test/v1/b.proto": service("test.v1", "", "admin", ""),
			},
			false,
			nil,
		},
		{
			"one that is refused itself, and a role that it does not have either",
			sources{
				"test/v1/a.proto": mark(sources{"": catalogueFile("test.v1", "Role", cyclicRoles)}, "", "enum Role {", "test.v1.Role role-cycle")[""],
				"test/v1/b.proto": service("test.v1", "", "ghost", unknown),
			},
			false,
			nil,
		},
		{
			// Start-up refuses it, so generation does.
			"one that is used and refused itself, though no grant names it",
			sources{
				"other/v1/a.proto": mark(sources{"": handled("other.v1", "Role", cyclicRoles, "other")}, "", "enum Role {", "other.v1.Role role-cycle")[""],
				"test/v1/a.proto":  catalogueFile("test.v1", "Role", ownRoles),
				"test/v1/b.proto":  service("test.v1", usesOther, "owner", ""),
			},
			false,
			nil,
		},
		{
			"in a file without a package",
			sources{"a.proto": catalogueFile("x", "Role", ownRoles), "test/v1/b.proto": service("test.v1", "", "admin", unknown)},
			false,
			nil,
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var reader *Reader
			if test.alone {
				reader = newReader(t, nil)
			}
			declared := check(t, reader, test.files, "test/v1/b.proto")
			var got []string
			if len(declared) > 0 {
				got = declared[0].Grants[0].restsOn()
			}
			if diff := gocmp.Diff(test.want, got); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
		})
	}
}

// A file and each service in it are refused for the same reasons by each wall.
func TestServiceIsReadLikeItsFile(t *testing.T) {
	t.Parallel()
	of := sources{
		"test/v1/a.proto": catalogueFile("test.v1", "Role", cyclicRoles),
		"test/v1/c.proto": catalogueFile("test.v1", "Other", ""),
		"test/v1/b.proto": service("test.v1", "", "ghost", ""),
	}
	schema := compile(t, of.in("proto3"))
	file := schema.file(t, "test/v1/b.proto")
	declaredByFile, ofFile := newReader(t, schema.files).File(file, Given{})
	declaredByService, ofService := newReader(t, schema.files).Service(file.Services().Get(0), Given{})
	if diff := gocmp.Diff(sorted(faultsOf(ofFile)), faultsOf(ofService)); diff != "" || len(ofFile) != 3 {
		t.Errorf("-file +service\n%s%s", diff, texts(ofFile))
	}
	if declaredByFile != nil || declaredByService != nil {
		t.Error("there are declarations along with refusals")
	}
}

// The nearest known role is offered, be it of a package that is used.
func TestUnknownRoleIsSpeltOut(t *testing.T) {
	t.Parallel()
	of := sources{
		"other/v1/a.proto": handled("other.v1", "Role", otherRoles, "other"),
		"test/v1/a.proto":  catalogueFile("test.v1", "Role", ownRoles),
		"test/v1/b.proto":  service("test.v1", usesOther, "bos", ""),
	}
	schema := compile(t, of.in("proto3"))
	_, refusals := newReader(t, schema.files).File(schema.file(t, "test/v1/b.proto"), Given{})
	const want = `authorize.allow[0]: no role catalogue of package test.v1 or of those that it uses (other.v1) has role "bos"; did you mean "boss"?`
	if len(refusals) != 1 || refusals[0].Problem != want {
		t.Errorf("refused:\n%s", texts(refusals))
	}
}

// The declarations of a service have one map of the roles that they see, however many
// there are of either.
func TestIncludesAreShared(t *testing.T) {
	t.Parallel()
	schema := compile(t, sources{"test/v1/files.proto": `syntax = "proto3";
package test.v1;
import "sallyport/v1/action.proto";
enum Role {
  option (sallyport.v1.roles) = true;
  ROLE_UNSPECIFIED = 0;
  ROLE_ADMIN = 1 [(sallyport.v1.role) = {name: "admin" includes: "editor"}];
  ROLE_EDITOR = 2 [(sallyport.v1.role) = {name: "editor"}];
}
message M {}
service Files {
  rpc Read(M) returns (M) { option (sallyport.v1.action) = {authenticate: {schemes: "session"} authorize: {allow: {any_role: "editor"}}}; }
  rpc Write(M) returns (M) { option (sallyport.v1.action) = {authenticate: {schemes: "session"} authorize: {allow: {any_role: "admin"}}}; }
}`})
	reader, err := NewReader(Config{Files: schema.files})
	if err != nil {
		t.Fatal(err)
	}
	declarations, refusals := reader.Service(schema.file(t, "test/v1/files.proto").Services().Get(0), Given{})
	if len(refusals) > 0 {
		t.Fatal(refusals)
	}
	want := map[string][]string{"admin": {"editor"}, "editor": nil}
	for _, declaration := range declarations {
		if diff := gocmp.Diff(want, declaration.Includes, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s: -want +got\n%s", declaration.Procedure, diff)
		}
	}
	if reflect.ValueOf(declarations[0].Includes).Pointer() != reflect.ValueOf(declarations[1].Includes).Pointer() {
		t.Error("each declaration has a map of its own")
	}
}
