package prove

import (
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/prototext"

	sallyportv1 "github.com/sallyport-rpc/sallyport/gen/sallyport/v1"
	"github.com/sallyport-rpc/sallyport/internal/declare"
)

func asserted(tb testing.TB, text string) *sallyportv1.Assertion {
	tb.Helper()
	made := &sallyportv1.Assertion{}
	if err := prototext.Unmarshal([]byte(`name: "it" procedures: "*" `+text), made); err != nil {
		tb.Fatal(err)
	}
	return made
}

func TestAssert(t *testing.T) {
	t.Parallel()
	const adminOrOwn = `allow: {any_role: "admin"} allow: {when: "own"}`
	tests := []struct {
		name, authorize, assertion string
		want                       Outcome
	}{
		{"never, proved", adminOrOwn, `never: "request.owner != principal.id && !('admin' in principal.roles)"`, Proved},
		{"never, a role too many", `allow: {any_role: ["admin", "auditor"]} allow: {when: "own"}`, `never: "request.owner != principal.id && !('admin' in principal.roles)"`, Refuted},
		{"never, of anyone", `anyone: "a test"`, `never: "!('admin' in principal.roles)"`, Refuted},
		{"never, of what validation refuses", adminOrOwn, `never: "request.kind == 'huge'"`, Proved},
		{"never, of what validation accepts", adminOrOwn, `never: "request.kind == 'large'"`, Refuted},
		{"never, with a check", `allow: {check: "is_open"}`, `never: "!('admin' in principal.roles)"`, Refuted},
		{"never, by how a text begins", adminOrOwn, `never: "request.org_id.startsWith('x') && request.owner != principal.id && !('admin' in principal.roles)"`, Proved},
		{"never, outside", adminOrOwn, `never: "request.org_id.matches('(?m)^x') && request.owner != principal.id"`, Refuted},
		{"never, outside, of no matter", adminOrOwn, `never: "request.org_id.matches('(?m)^x') && false"`, Open},
		{"never, beside what is outside", `allow: {any_role: "admin" cel: "request.org_id.matches('(?m)^x')"}`, `never: "!('admin' in principal.roles)"`, Proved},
		{"only, proved", `allow: {any_role: "admin" all_scopes: "a"}`, `only {any_role: "admin" all_scopes: "a"}`, Proved},
		{"only, with a role included", `allow: {any_role: "admin"}`, `only {any_role: "member"}`, Proved},
		{"only, by a role that includes it", `allow: {any_role: "member"}`, `only {any_role: "admin"}`, Refuted},
		{"only, another way in", adminOrOwn, `only {any_role: "admin"}`, Refuted},
		{"equal", adminOrOwn, `equal: "'admin' in principal.roles || request.owner == principal.id"`, Proved},
		{"equal, too little", adminOrOwn, `equal: "'admin' in principal.roles"`, Refuted},
		{"equal, too much", `allow: {any_role: "admin"}`, `equal: "'admin' in principal.roles || request.owner == principal.id"`, Refuted},
		{"reachable", adminOrOwn, `reachable {}`, Proved},
		{"not reachable", `allow: {any_role: "admin"} allow: {cel: "request.kind == 'huge' && request.owner == principal.id"}`, `reachable {}`, Refuted},
		{"reachable, outside", `allow: {cel: "size(request.tags) == 3 && request.owner == principal.id"}`, `reachable {}`, Open},
		{"authenticated", adminOrOwn, `authenticated {}`, Proved},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			answer, err := Assert(declared(t, test.authorize), asserted(t, test.assertion))
			if err != nil {
				t.Fatal(err)
			}
			if answer.Outcome != test.want || (answer.Reason != nil) != (test.want == Open) {
				t.Errorf("it is %s, want %s: %s %v %v", answer.Outcome, test.want, answer.Text, answer.Witness, answer.Reason)
			}
			t.Logf("%d steps: %s %v %v", answer.Steps, answer.Text, answer.Witness, answer.Reason)
		})
	}
}

// An assertion that is none for an action is an error, and none is taken for proved.
func TestAssertRefuses(t *testing.T) {
	t.Parallel()
	declaration := declared(t, `allow: {any_role: "admin"}`)
	for assertion, want := range map[string]string{
		`never: "request.nothing == 'x'"`:         "undefined field",
		`never: "'admins' in principal.roles"`:    `there is no role "admins"; there are: admin, auditor, member`,
		`equal: "principal.scheme == 'sessions'"`: `there is no scheme "sessions"`,
		`only {any_role: "root"}`:                 `there is no role "root"`,
		`never: "request.owner"`:                  "a condition is true or false",
	} {
		answer, err := Assert(declaration, asserted(t, assertion))
		if err == nil || !strings.Contains(err.Error(), want) || answer.Outcome != Open {
			t.Errorf("%s: %v, %v; want %q", assertion, answer.Outcome, err, want)
		}
	}
}

func TestAddsNothing(t *testing.T) {
	t.Parallel()
	for authorize, want := range map[string]string{
		`allow: {any_role: "admin"} allow: {when: "own"}`:                                                    "",
		`allow: {name: "staff" cel: "'member' in principal.roles"} allow: {name: "chief" any_role: "admin"}`: "chief",
	} {
		names, err := AddsNothing(declared(t, authorize))
		if got := strings.Join(names, " "); got != want || err != nil {
			t.Errorf("%s: %q adds nothing, %v; want %q", authorize, got, err, want)
		}
	}
}

func TestParseAssertions(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`assertion {name: "a" procedures: "*" reachable {}}`: "",
		``: "it has no assertion",
		`assertion {procedures: "*" reachable {}}`:                                                              "it needs a `name`",
		`assertion {name: "a" reachable {}}`:                                                                    "it needs `procedures`",
		`assertion {name: "a" procedures: "*"}`:                                                                 "it says nothing",
		`assertion {name: "a" procedures: "*" never: " "}`:                                                      "`never` is an expression",
		`assertion {name: "a" procedures: "*" only {}}`:                                                         "`only` needs",
		`assertion {name: "a" fields: "*" reachable {}}`:                                                        "",
		`assertion {name: "a" fields: " " reachable {}}`:                                                        "none may be empty",
		`assertion {name: "a" fields: "*" authenticated {}}`:                                                    "not about fields",
		`assertion {name: "a" fields: "*" procedures: "*" reachable {}}`:                                        "write an assertion for each",
		`assertion {name: "a" procedures: "*" always: "true"}`:                                                  "unknown field",
		`assertion {name: "a" procedures: "*" reachable {}} assertion {name: "a" procedures: "*" reachable {}}`: `another one is called "a"`,
	} {
		_, err := ParseAssertions("a.txtpb", []byte(text))
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v; want %q", text, err, want)
		}
	}
	for _, text := range []string{
		`{"assertion": [{"name": "a", "procedures": ["*"], "reachable": {}}]}`, `{"assertion": [{"name": "a", "fields": ["*"], "never": "true"}]}`,
	} {
		if _, err := ParseAssertions("a.json", []byte(text)); err != nil {
			t.Error(err)
		}
	}
	for text, want := range map[string]string{
		"assertion:\n- {name: a, procedures: ['*'], reachable: {}}\n":                              "",
		"assertion:\n- name: a\n  procedures: ['*']\n  never: |\n    'admin' in principal.roles\n": "",
		"":                         "it is empty",
		"assertion: []":            "it has no assertion",
		"assertion: []\n---\na: b": "a second document follows",
		"assertion:\n- {name: a, procedures: ['*'], always: true}":  `unknown field "always"`,
		"assertion:\n- {name: a, name: b}":                          "already defined",
		"assertion:\n- {name: 1, procedures: ['*'], reachable: {}}": "invalid value for string field name",
		"assertion: [": "did not find",
		"1: 2":         "a.yaml",
	} {
		_, err := ParseAssertions("a.yaml", []byte(text))
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v; want %q", text, err, want)
		}
	}
	if _, err := ParseAssertions("a.toml", nil); err == nil {
		t.Error("a file of another kind is read")
	}
}

func TestSelect(t *testing.T) {
	t.Parallel()
	declarations := []*declare.Declaration{{Procedure: "/a.v1.S/Get"}, {Procedure: "/a.v1.S/List"}, {Procedure: "/b.v1.S/Get"}}
	tests := []struct {
		name       string
		procedures []string
		except     []string
		want       string // "" is an error
	}{
		{"all", []string{"*"}, nil, "/a.v1.S/Get /a.v1.S/List /b.v1.S/Get"},
		{"a package", []string{"/a.v1.*"}, nil, "/a.v1.S/Get /a.v1.S/List"},
		{"a method", []string{"*/Get"}, nil, "/a.v1.S/Get /b.v1.S/Get"},
		{"a dot is a dot", []string{"/aXv1*"}, nil, ""},
		{"except", []string{"*"}, []string{"/b*"}, "/a.v1.S/Get /a.v1.S/List"},
		{"except that matches nothing", []string{"*"}, []string{"/c*"}, ""},
		{"one of two that matches nothing", []string{"*", "/c*"}, nil, ""},
		{"except all", []string{"*"}, []string{"*"}, ""},
	}
	for _, test := range tests {
		selected, err := Select(declarations, &sallyportv1.Assertion{Name: "it", Procedures: test.procedures, Except: test.except})
		var names []string
		for _, target := range selected {
			names = append(names, target.Name)
		}
		if got := strings.Join(names, " "); got != test.want || (err == nil) != (test.want != "") {
			t.Errorf("%s: %q, %v; want %q", test.name, got, err, test.want)
		}
	}
}
