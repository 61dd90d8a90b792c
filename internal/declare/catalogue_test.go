package declare

import (
	"fmt"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
)

// roles is a file of a catalogue, or of another enum, written as its lines.
func roles(lines ...string) sources {
	return sources{"test/v1/roles.proto": `syntax!
package test.v1;
import "sallyport/v1/action.proto";
enum Role {
` + strings.Join(lines, "\n") + "\n}\n"}
}

// catalogueTests are one file each, which `//!` says what is refused in.
var catalogueTests = map[string]sources{
	"a good one": roles(
		`option (sallyport.v1.roles) = true;`,
		`ROLE_UNSPECIFIED = 0;`,
		`ROLE_ADMIN = 1 [(sallyport.v1.role) = {name: "admin", includes: ["member", "auditor"]}];`,
		`ROLE_MEMBER = 2 [(sallyport.v1.role) = {name: "member"}];`,
		`ROLE_AUDITOR = 3 [(sallyport.v1.role) = {name: "auditor", includes: "member"}];`,
	),
	"without roles":     roles(`option (sallyport.v1.roles) = true;`, `ROLE_UNSPECIFIED = 0;`),
	"another enum":      roles(`ROLE_UNSPECIFIED = 0;`, `ROLE_ADMIN = 1;`),
	"marked as none":    roles(`option (sallyport.v1.roles) = false;`, `ROLE_UNSPECIFIED = 0;`, `ROLE_ADMIN = 1;`),
	"two names a value": roles(`option allow_alias = true; option (sallyport.v1.roles) = true;`, `ROLE_UNSPECIFIED = 0;`, `ROLE_A = 1 [(sallyport.v1.role) = {name: "a"}];`, `ROLE_B = 1 [(sallyport.v1.role) = {name: "b"}];`),

	"role-outside-catalogue": roles(
		`ROLE_UNSPECIFIED = 0;`,
		`ROLE_ADMIN = 1 [(sallyport.v1.role) = {name: "admin"}]; //! test.v1.Role role-outside-catalogue`,
		`ROLE_MEMBER = 2 [(sallyport.v1.role) = {name: "member"}]; //! test.v1.Role role-outside-catalogue`,
	),
	"role-outside-catalogue, marked as none": roles(
		`option (sallyport.v1.roles) = false;`,
		`ROLE_UNSPECIFIED = 0 [(sallyport.v1.role) = {name: "admin"}]; //! test.v1.Role role-outside-catalogue`,
	),
	"role-zero": roles(
		`option (sallyport.v1.roles) = true;`,
		`ROLE_GUEST = 0 [(sallyport.v1.role) = {name: "guest"}]; //! test.v1.Role role-zero`,
		`ROLE_MEMBER = 1 [(sallyport.v1.role) = {name: "member", includes: "guest"}];`,
	),
	"role-unnamed": roles(
		`option (sallyport.v1.roles) = true;`,
		`ROLE_UNSPECIFIED = 0;`,
		`ROLE_MEMBER = 1; //! test.v1.Role role-unnamed`,
		`ROLE_ADMIN = 2 [deprecated = true]; //! test.v1.Role role-unnamed`,
		`ROLE_NEGATIVE = -1; //! test.v1.Role role-unnamed`,
	),
	"role-name": roles(
		`option (sallyport.v1.roles) = true;`,
		`ROLE_UNSPECIFIED = 0;`,
		`ROLE_A = 1 [(sallyport.v1.role) = {}]; //! test.v1.Role role-name`,
		`ROLE_B = 2 [(sallyport.v1.role) = {name: "Admin"}]; //! test.v1.Role role-name`,
		`ROLE_C = 3 [(sallyport.v1.role) = {name: "a b"}]; //! test.v1.Role role-name`,
		`ROLE_D = 4 [(sallyport.v1.role) = {name: "a.b-c_2"}];`,
	),
	"role-redefined": roles(
		`option (sallyport.v1.roles) = true;`,
		`ROLE_UNSPECIFIED = 0;`,
		`ROLE_A = 1 [(sallyport.v1.role) = {name: "admin"}];`,
		`ROLE_B = 2 [(sallyport.v1.role) = {name: "admin"}]; //! test.v1.Role role-redefined`,
		`ROLE_C = 3 [(sallyport.v1.role) = {name: "admin"}]; //! test.v1.Role role-redefined`,
	),
	"role-includes-duplicate": roles(
		`option (sallyport.v1.roles) = true;`,
		`ROLE_UNSPECIFIED = 0;`,
		`ROLE_A = 1 [(sallyport.v1.role) = {name: "a", includes: ["b", "b"]}]; //! test.v1.Role role-includes-duplicate`,
		`ROLE_B = 2 [(sallyport.v1.role) = {name: "b"}];`,
	),
	"role-unknown": roles(
		`option (sallyport.v1.roles) = true;`,
		`ROLE_UNSPECIFIED = 0;`,
		`ROLE_A = 1 [(sallyport.v1.role) = {name: "a", includes: ["b", "ghost", "x"]}]; //! test.v1.Role role-unknown role-unknown`,
		`ROLE_B = 2 [(sallyport.v1.role) = {name: "b"}];`,
	),
	"role-cycle of one": roles(
		`option (sallyport.v1.roles) = true;`,
		`ROLE_UNSPECIFIED = 0;`,
		`ROLE_A = 1 [(sallyport.v1.role) = {name: "a", includes: "a"}];`,
	),
	"role-cycle of three": roles(
		`option (sallyport.v1.roles) = true;`,
		`ROLE_UNSPECIFIED = 0;`,
		`ROLE_A = 1 [(sallyport.v1.role) = {name: "a", includes: "b"}];`,
		`ROLE_B = 2 [(sallyport.v1.role) = {name: "b", includes: "c"}];`,
		`ROLE_C = 3 [(sallyport.v1.role) = {name: "c", includes: "a"}];`,
	),
	"no cycle, though two ways lead there": roles(
		`option (sallyport.v1.roles) = true;`,
		`ROLE_UNSPECIFIED = 0;`,
		`ROLE_A = 1 [(sallyport.v1.role) = {name: "a", includes: ["b", "c"]}];`,
		`ROLE_B = 2 [(sallyport.v1.role) = {name: "b", includes: "d"}];`,
		`ROLE_C = 3 [(sallyport.v1.role) = {name: "c", includes: "d"}];`,
		`ROLE_D = 4 [(sallyport.v1.role) = {name: "d"}];`,
	),
	"a good one of scopes": scopes(
		`option (sallyport.v1.scope_catalogue) = true;`,
		`SCOPE_UNSPECIFIED = 0;`,
		`SCOPE_FILES_READ = 1 [(sallyport.v1.scope) = {name: "files.read"}];`,
		`SCOPE_URL = 2 [(sallyport.v1.scope) = {name: "https://example.com/a"}];`,
	),
	"role-zero, called unspecified": roles(
		`option (sallyport.v1.roles) = true;`,
		`ROLE_UNSPECIFIED = 0 [(sallyport.v1.role) = {name: "guest"}]; //! test.v1.Role role-zero`,
	),
	"role-cycle of two, beside one that includes them": roles(
		`option (sallyport.v1.roles) = true;`,
		`ROLE_UNSPECIFIED = 0;`,
		`ROLE_A = 1 [(sallyport.v1.role) = {name: "a", includes: "b"}];`,
		`ROLE_C = 2 [(sallyport.v1.role) = {name: "c", includes: "a"}];`,
		`ROLE_B = 3 [(sallyport.v1.role) = {name: "b", includes: "a"}];`,
	),
	"scope-outside-catalogue": scopes(
		`SCOPE_UNSPECIFIED = 0;`,
		`SCOPE_A = 1 [(sallyport.v1.scope) = {name: "a"}]; //! test.v1.Scope scope-outside-catalogue`,
	),
	"scope-outside-catalogue, in one of roles": scopes(
		`option (sallyport.v1.roles) = true;`,
		`SCOPE_UNSPECIFIED = 0;`,
		`SCOPE_A = 1 [(sallyport.v1.role) = {name: "a"}, (sallyport.v1.scope) = {name: "a"}]; //! test.v1.Scope scope-outside-catalogue`,
	),
	"scope-zero": scopes(
		`option (sallyport.v1.scope_catalogue) = true;`,
		`SCOPE_A = 0 [(sallyport.v1.scope) = {name: "a"}]; //! test.v1.Scope scope-zero`,
	),
	"scope-unnamed": scopes(
		`option (sallyport.v1.scope_catalogue) = true;`,
		`SCOPE_UNSPECIFIED = 0;`,
		`SCOPE_A = 1; //! test.v1.Scope scope-unnamed`,
	),
	"scope-name": scopes(
		`option (sallyport.v1.scope_catalogue) = true;`,
		`SCOPE_UNSPECIFIED = 0;`,
		`SCOPE_A = 1 [(sallyport.v1.scope) = {}]; //! test.v1.Scope scope-name`,
		`SCOPE_B = 2 [(sallyport.v1.scope) = {name: "a b"}]; //! test.v1.Scope scope-name`,
	),
	"scope-redefined": scopes(
		`option (sallyport.v1.scope_catalogue) = true;`,
		`SCOPE_UNSPECIFIED = 0;`,
		`SCOPE_A = 1 [(sallyport.v1.scope) = {name: "a"}];`,
		`SCOPE_B = 2 [(sallyport.v1.scope) = {name: "a"}]; //! test.v1.Scope scope-redefined`,
	),
	"scope-catalogue-twice": {"test/v1/roles.proto": `syntax!
package test.v1;
import "sallyport/v1/action.proto";
enum Scope {
  option (sallyport.v1.scope_catalogue) = true;
  SCOPE_UNSPECIFIED = 0;
}
message Account {
  enum Scope { //! test.v1.Account.Scope scope-catalogue-twice
    option (sallyport.v1.scope_catalogue) = true;
    SCOPE_ZERO = 0;
  }
}
`},
	"catalogue-twice": {"test/v1/roles.proto": `syntax!
package test.v1;
import "sallyport/v1/action.proto";
enum Role {
  option (sallyport.v1.roles) = true;
  ROLE_UNSPECIFIED = 0;
}
message Account {
  message Profile {
    enum Role { //! test.v1.Account.Profile.Role catalogue-twice
      option (sallyport.v1.roles) = true;
      ROLE_UNSPECIFIED = 0;
    }
  }
  enum Other { //! test.v1.Account.Other catalogue-twice
    option (sallyport.v1.roles) = true;
    OTHER_UNSPECIFIED = 0;
  }
}
`},
	"several faults": roles(
		`option (sallyport.v1.roles) = true;`,
		`ROLE_GUEST = 0 [(sallyport.v1.role) = {name: "Guest"}]; //! test.v1.Role role-zero role-name`,
		`ROLE_A = 1; //! test.v1.Role role-unnamed`,
		`ROLE_B = 2 [(sallyport.v1.role) = {name: "b", includes: ["b", "x", "b"]}]; //! test.v1.Role role-includes-duplicate role-unknown`,
		`ROLE_C = 3 [(sallyport.v1.role) = {name: "b"}]; //! test.v1.Role role-redefined`,
	),
}

func TestCatalogue(t *testing.T) {
	t.Parallel()
	for name, sources := range catalogueTests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := "test/v1/roles.proto"
			if strings.Contains(name, "cycle of") || name == "several faults" {
				sources = mark(sources, path, "enum Role {", "test.v1.Role role-cycle")
			}
			check(t, newReader(t, nil), sources, path)
		})
	}
}

// mark ends a line of a source with a marker.
func mark(of sources, path, line, want string) sources {
	return sources{path: strings.Replace(of[path], line+"\n", line+" //! "+want+"\n", 1)}
}

// proto2 has enums without a zero.
func TestCatalogueWithoutZero(t *testing.T) {
	t.Parallel()
	schema := compile(t, sources{"roles.proto": `syntax = "proto2";
import "sallyport/v1/action.proto";
enum Role {
  option (sallyport.v1.roles) = true;
  ROLE_ADMIN = 1 [(sallyport.v1.role) = {name: "admin"}];
}
`})
	file := schema.file(t, "roles.proto")
	reader := newReader(t, nil)
	if _, refusals := reader.File(file, Given{}); len(refusals) > 0 {
		t.Errorf("refused:\n%s", texts(refusals))
	}
	if catalogues, _ := reader.Catalogues(file); len(catalogues) != 1 || catalogues[0].Roles[0].Name != "admin" {
		t.Errorf("catalogues: %v", catalogues)
	}
}

func TestSatisfying(t *testing.T) {
	t.Parallel()
	of := func(name string, includes ...string) Role { return Role{Name: name, Includes: includes} }
	catalogue := &Catalogue{Roles: []Role{
		of("member"), of("editor", "member"), of("auditor", "member"), of("admin", "editor", "auditor"), of("root", "admin"), of("guest"),
	}}
	for name, want := range map[string][]string{
		"member":  {"member", "editor", "auditor", "admin", "root"},
		"editor":  {"editor", "admin", "root"},
		"auditor": {"auditor", "admin", "root"},
		"admin":   {"admin", "root"},
		"root":    {"root"},
		"guest":   {"guest"},
		"ghost":   nil,
		"":        nil,
	} {
		if diff := gocmp.Diff(want, catalogue.Satisfying(name)); diff != "" {
			t.Errorf("%q: -want +got\n%s", name, diff)
		}
	}
	cyclic := &Catalogue{Roles: []Role{of("a", "b"), of("b", "a")}}
	if got := cyclic.Satisfying("a"); len(got) != 2 {
		t.Errorf("in a cycle: %v", got)
	}
}

// Roles that include each other's neighbours in many ways are looked at once each.
func TestCycleOfManyWays(t *testing.T) {
	t.Parallel()
	catalogue := &Catalogue{}
	for i := range 100 {
		includes := []string{fmt.Sprint("left", i+1), fmt.Sprint("right", i+1)}
		catalogue.Roles = append(catalogue.Roles, Role{Name: fmt.Sprint("left", i), Includes: includes}, Role{Name: fmt.Sprint("right", i), Includes: includes})
	}
	if cycle := catalogue.cycle(); cycle != nil {
		t.Errorf("a cycle: %v", cycle)
	}
	last := &catalogue.Roles[len(catalogue.Roles)-1]
	last.Includes = []string{"left0"}
	if cycle := catalogue.cycle(); len(cycle) != 101 || cycle[0] != "left0" || cycle[100] != "left0" {
		t.Errorf("the cycle: %v", cycle)
	}
}

func TestDidYouMean(t *testing.T) {
	t.Parallel()
	known := []string{"admin", "auditor", "member", "guest-of-honour"}
	for name, want := range map[string]string{
		"admn":            "admin",
		"amdin":           "admin",
		"administrator":   "",
		"Admin":           "admin",
		"auditors":        "auditor",
		"editor":          "auditor",
		"membre":          "member",
		"guest-of-honor":  "guest-of-honour",
		"superuser":       "",
		"x":               "",
		"":                "",
		"guest_of_honour": "guest-of-honour",
	} {
		hint := ""
		if want != "" {
			hint = `; did you mean "` + want + `"?`
		}
		if got := didYouMean(name, known); got != hint {
			t.Errorf("%q: %q, want %q", name, got, hint)
		}
	}
	if got := didYouMean("admin", nil); got != "" {
		t.Errorf("nothing is known: %q", got)
	}
}

// scopes is a file of a scope catalogue, or of another enum, written as its lines.
func scopes(lines ...string) sources {
	return sources{"test/v1/roles.proto": `syntax!
package test.v1;
import "sallyport/v1/action.proto";
enum Scope {
` + strings.Join(lines, "\n") + "\n}\n"}
}
