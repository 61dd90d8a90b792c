package main

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

const provenProto = `syntax = "proto3";
package acme.v1;
import "sallyport/v1/action.proto";
enum Role {
  option (sallyport.v1.roles) = true;
  ROLE_UNSPECIFIED = 0;
  ROLE_MEMBER = 1 [(sallyport.v1.role) = {name: "member"}];
  ROLE_ADMIN = 2 [(sallyport.v1.role) = {name: "admin" includes: "member"}];
}
message DoRequest { string owner_id = 1; }
message DoResponse { string note = 1 [(sallyport.v1.field).read.allow = {any_role: "admin"}]; }
service Service {
  rpc Do(DoRequest) returns (DoResponse) {
    option (sallyport.v1.action) = {
      authenticate: {schemes: ["session"]}
      authorize: {
        allow: {name: "staff" cel: "'member' in principal.roles"}
        allow: {name: "chief" any_role: "admin"}
      }
    };
  }
}
`

func TestProve(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	protos := filepath.Dir(write("proto/acme.proto", provenProto))
	proved := write("proved.txtpb", `assertion {name: "members" procedures: "*" only {any_role: "member"}}`)
	refuted := write("refuted.txtpb", `assertion {name: "admins" procedures: "/acme.v1.Service/*" only {any_role: "admin"}}`)
	open := write("open.txtpb", `assertion {name: "open" procedures: "*" equal: "'member' in principal.roles && size(principal.roles) != -1"}`)
	const entry = `[{"subject": "/acme.v1.Service/Do", "kind": "open", "reason": "counted by hand", "until": "9999-12-31"}]`
	accepted := write("accepted.json", entry)
	expired := write("expired.json", strings.Replace(entry, "9999-12-31", "2026-11-25", 1))
	other := write("other.json", strings.Replace(entry, `"open"`, `"admins"`, 1))
	yaml := write("proved.yaml", "assertion:\n  - name: members\n    procedures: [\"*\"]\n    only: {anyRole: [member]}\n")
	twice := write("twice.yaml", "assertion: []\nassertion: []\n")
	redundant := write("redundant.json", `[{"subject": "/acme.v1.Service/Do", "kind": "each grant adds something", "reason": "for its name", "until": "9999-12-31"}]`)
	unreached := filepath.Dir(write("unreached/acme.proto", strings.Replace(provenProto, "  ROLE_ADMIN", "  ROLE_GUEST = 3 [(sallyport.v1.role) = {name: \"guest\"}];\n  ROLE_ADMIN", 1)))
	nothing := write("nothing.txtpb", `assertion {name: "gone" procedures: "/acme.v1.Service/Undo" reachable {}}`)
	field := write("field.txtpb", `assertion {name: "notes" fields: "acme.v1.DoResponse.note" only {any_role: "admin"}}`)
	unread := write("unread.json", `{"assertion": [{"name": "notes", "fields": ["*.note"], "never": "'admin' in principal.roles"}]}`)
	wrong := write("wrong.txtpb", `assertion {name: "wrong" procedures: "*" never: "request.user_id == 'x'"}`)
	tests := []struct {
		name      string
		arguments []string
		code      int
		out, errs string
	}{
		{"of a field", []string{"--assertions", field}, exitDone, "proved    field acme.v1.DoResponse.note: notes", "of a field it is proved"},
		{"of a field, refuted", []string{"--assertions", unread}, exitFailed, "the field is read, and the expression is true of it", "1 answer of 1 not proved"},
		{"proved", []string{"--assertions", proved}, exitDone, "proved    /acme.v1.Service/Do: members", "given that the request was validated"},
		{"refuted", []string{"--assertions", refuted}, exitFailed, "with role member", "1 answer of 1 not proved"},
		{"refuted, in JSON", []string{"--assertions", refuted, "-o", "json"}, exitFailed, `"outcome":"refuted"`, "1 answer of 1 not proved"},
		{"undecided", []string{"--assertions", open}, exitFailed, "prove-size", "1 answer of 1 not proved\nsolvers may decide"},
		{"an unknown solver", []string{"--assertions", open, "--solvers", "z4"}, exitMisused, "", `there is no solver "z4"; there are: cvc5, z3`},
		{"a solver twice", []string{"--assertions", open, "--solvers", "z3,z3"}, exitMisused, "", `solver "z3" is named twice`},
		{"no solver for all", []string{"--assertions", open, "--solve-all"}, exitMisused, "", "name them by --solvers z3,cvc5"},
		{"undecided, and accepted", []string{"--assertions", open, "--accept", accepted}, exitDone, "accepted: counted by hand", "all of 1 answer"},
		{"undecided, and accepted no more", []string{"--assertions", open, "--accept", expired}, exitFailed, "prove-size", "1 answer of 1 not proved"},
		{"refuted, which cannot be accepted", []string{"--assertions", refuted, "--accept", other}, exitFailed, "with role member", "no answer needs the entry of /acme.v1.Service/Do, admins: remove it"},
		{"accepted by no file", []string{"--assertions", open, "--accept", open}, exitFailed, "", "write a JSON array"},
		{"in YAML", []string{"--assertions", yaml}, exitDone, "proved    /acme.v1.Service/Do: members", "all of 1 answer"},
		{"in YAML, with a key twice", []string{"--assertions", twice}, exitFailed, "", "already defined"},
		{"nothing matches", []string{"--assertions", nothing}, exitFailed, "", `assertion "gone": no procedure matches "/acme.v1.Service/Undo"`},
		{"an expression that does not compile", []string{"--assertions", wrong}, exitFailed, "", "undefined field"},
		{"no such file", []string{"--assertions", filepath.Join(dir, "none.txtpb")}, exitFailed, "", "no such file"},
		{"a grant that adds nothing", nil, exitFailed, "grant chief lets in no call that the others keep out", "1 answer of 4 not proved"},
		{"what roles reach", nil, exitFailed, "proved    role member: each role reaches something\n  /acme.v1.Service/Do by staff\n", "1 answer of 4 not proved"},
		{"a grant that adds nothing, accepted", []string{"--accept", redundant}, exitDone, "accepted: for its name", "all of 4 answers"},
		{"a role that reaches nothing", []string{"--accept", redundant, unreached}, exitFailed, "refuted   role guest: each role reaches something\n  no grant lets in a caller of it", "1 answer of 5 not proved"},
		{"an unknown output", []string{"-o", "xml"}, exitMisused, "", `there is no output "xml"`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var out, errs bytes.Buffer
			code := run(t.Context(), append([]string{"prove"}, append(test.arguments, protosOf(test.arguments, protos)...)...), strings.NewReader(""), &out, &errs)
			if code != test.code || !strings.Contains(out.String(), test.out) || !strings.Contains(errs.String(), test.errs) {
				t.Errorf("it exits with %d, want %d, and prints\n%s\n%s", code, test.code, out.String(), errs.String())
			}
			if strings.Contains(test.name, "JSON") {
				var line struct {
					Witness struct {
						Roles []string `json:"roles"`
					} `json:"witness"`
				}
				if err := json.Unmarshal(out.Bytes(), &line); err != nil || strings.Join(line.Witness.Roles, " ") != "member" {
					t.Errorf("%v: %s", err, out.String())
				}
			}
		})
	}
}

// Solvers prove what is not decided without them, where they are installed.
func TestProveWithSolvers(t *testing.T) {
	dir := t.TempDir()
	protos, assertions := filepath.Join(dir, "acme.proto"), filepath.Join(dir, "sizes.txtpb")
	source := strings.Replace(provenProto, `cel: "'member' in principal.roles"`, `cel: "size(request.owner_id) > 2 && 'member' in principal.roles"`, 1)
	if err := os.WriteFile(protos, []byte(source), 0o600); err != nil {
		t.Fatal(err)
	}
	const text = `assertion {name: "sizes" procedures: "*" never: "request.owner_id == 'x' && !('admin' in principal.roles)"}`
	if err := os.WriteFile(assertions, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	folder, undecided := t.TempDir(), filepath.Join(dir, "open.txtpb")
	if err := os.WriteFile(filepath.Join(folder, "acme.proto"), []byte(provenProto), 0o600); err != nil {
		t.Fatal(err)
	}
	const open = `assertion {name: "open" procedures: "*" equal: "'member' in principal.roles && size(principal.roles) != -1"}`
	if err := os.WriteFile(undecided, []byte(open), 0o600); err != nil {
		t.Fatal(err)
	}
	proveOf := func(assertions string, more ...string) (code int, out, errs string) {
		var output, problems bytes.Buffer
		code = run(t.Context(), append([]string{"prove", "--assertions", assertions, "--solvers", "z3,cvc5"}, more...), strings.NewReader(""), &output, &problems)
		return code, output.String(), problems.String()
	}
	prove := func(more ...string) (code int, out, errs string) { return proveOf(assertions, append(more, dir)...) }
	t.Run("installed", func(t *testing.T) {
		for _, program := range []string{"z3", "cvc5"} {
			if _, err := exec.LookPath(program); err != nil {
				t.Skipf("%s is not installed", program)
			}
		}
		for _, all := range [][]string{nil, {"--solve-all"}} {
			code, out, errs := prove(all...)
			if code != exitDone || !strings.Contains(out, "proved    /acme.v1.Service/Do: sizes\n  by z3 and cvc5\n") || !strings.Contains(errs, "characters above U+2FFFF") {
				t.Errorf("it exits with %d and prints\n%s\n%s", code, out, errs)
			}
		}
		code, out, errs := proveOf(undecided, folder)
		if code != exitFailed || !strings.Contains(out, "prove-size") || !strings.HasPrefix(errs, "1 answer of 1 not proved\n") {
			t.Errorf("how many roles there are: it exits with %d and prints\n%s\n%s", code, out, errs)
		}
	})
	t.Run("missing", func(t *testing.T) {
		t.Setenv("PATH", t.TempDir())
		code, out, errs := prove()
		if code != exitFailed || !strings.Contains(out, "prove-solver-missing: z3 is not installed; install it, such as by `apt-get install z3`") {
			t.Errorf("it exits with %d and prints\n%s\n%s", code, out, errs)
		}
	})
}

// protosOf is the folder to prove, where the arguments name none.
func protosOf(arguments []string, folder string) []string {
	if len(arguments) > 0 && filepath.Base(arguments[len(arguments)-1]) == "unreached" {
		return nil
	}
	return []string{folder}
}
