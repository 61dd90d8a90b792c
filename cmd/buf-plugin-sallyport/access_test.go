package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"buf.build/go/bufplugin/check"
	"buf.build/go/bufplugin/check/checktest"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/sallyport-rpc/sallyport/internal/review/reviewtest"
)

// reviewed is the folder of the contract that seeds change.
const reviewed = "../../internal/review/testdata/proto"

// breaking runs the rules of `buf breaking` on a folder against another one, and returns
// the annotations.
func breaking(t *testing.T, imports, dir, against string, options map[string]any) []check.Annotation {
	t.Helper()
	files := func(dir string) *checktest.ProtoFileSpec {
		return &checktest.ProtoFileSpec{DirPaths: []string{dir, imports}, FilePaths: []string{notes}}
	}
	var rules []string
	for _, rule := range accessRules() {
		rules = append(rules, rule.ID)
	}
	spec := checktest.RequestSpec{Files: files(dir), AgainstFiles: files(against), RuleIDs: rules, Options: options}
	request, err := spec.ToRequest(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	client, err := check.NewClientForSpec(newSpec())
	if err != nil {
		t.Fatal(err)
	}
	response, err := client.Check(t.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	return response.Annotations()
}

// ids are the ids of the rules that annotations are of, sorted.
func ids(annotations []check.Annotation) []string {
	var found []string
	for _, annotation := range annotations {
		found = append(found, annotation.RuleID())
	}
	return slices.Sorted(slices.Values(found))
}

// TestAccess seeds a contract with one change of each kind, and with changes after which
// the same callers are let in. `buf breaking` reports what diff fails on.
func TestAccess(t *testing.T) {
	t.Parallel()
	imports := t.TempDir()
	imported(t, imports)
	for _, seed := range reviewtest.Seeds() {
		t.Run(seed.Name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			if err := seed.Write(reviewed, dir); err != nil {
				t.Fatal(err)
			}
			var want []string
			for _, kind := range seed.Failing() {
				want = append(want, ruleID(accessCategory, kind))
			}
			slices.Sort(want)
			got := breaking(t, imports, dir, reviewed, nil)
			if diff := cmp.Diff(want, ids(got), cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			for _, annotation := range got {
				isRole := annotation.RuleID() == "SALLYPORT_ACCESS_ROLE_INCLUDES"
				if (annotation.FileLocation() == nil) != isRole {
					t.Errorf("%s has no place: %s", annotation.RuleID(), annotation.Message())
				}
				decided := annotation.RuleID() == "SALLYPORT_ACCESS_GRANTS_LOOSER" || annotation.RuleID() == "SALLYPORT_ACCESS_GRANTS_DIFFERENT"
				if shows := strings.Contains(annotation.Message(), "now let in: "); shows != decided {
					t.Errorf("%s shows a call: %t, want %t: %s", annotation.RuleID(), shows, decided, annotation.Message())
				}
			}
		})
	}
}

// TestAccepted accepts a change until a day, and not after it.
func TestAccepted(t *testing.T) {
	t.Parallel()
	dir, imports := t.TempDir(), t.TempDir()
	imported(t, imports)
	seed := reviewtest.Seed{Replace: []string{`["session", "token"]`, `["session", "token", "cookie"]`, "conceal: true", ""}}
	if err := seed.Write(reviewed, dir); err != nil {
		t.Fatal(err)
	}
	for until, want := range map[string][]string{
		"9999-12-31": {"SALLYPORT_ACCESS_CONCEAL_REMOVED"},
		"2026-01-31": {"SALLYPORT_ACCESS_CONCEAL_REMOVED", "SALLYPORT_ACCESS_SCHEME_ADDED"},
	} {
		file := filepath.Join(dir, until+".json")
		entry := `[{"subject": "/acme.notes.v1.NoteService/Read", "kind": "scheme-added", "reason": "asked for", "until": "` + until + `"}]`
		if err := os.WriteFile(file, []byte(entry), 0o600); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, ids(breaking(t, imports, dir, reviewed, map[string]any{"accept": file}))); diff != "" {
			t.Errorf("accepted until %s: -want +got:\n%s", until, diff)
		}
	}
}

// TestUnread reports a side whose declarations are refused: nothing is compared, and that
// does not pass.
func TestUnread(t *testing.T) {
	t.Parallel()
	dir, imports := t.TempDir(), t.TempDir()
	imported(t, imports)
	seed := reviewtest.Seed{Replace: []string{`any_role: "admin"`, `any_role: "admn"`}}
	if err := seed.Write(reviewed, dir); err != nil {
		t.Fatal(err)
	}
	for _, sides := range [][2]string{{dir, reviewed}, {reviewed, dir}} {
		got := breaking(t, imports, sides[0], sides[1], nil)
		if len(got) != 1 || got[0].RuleID() != "SALLYPORT_ACCESS_UNREAD" || !strings.Contains(got[0].Message(), `has role "admn"`) {
			t.Errorf("%v", ids(got))
		}
	}
}

// TestBufBreaking has buf itself run the plugin: it fails on a scheme more, shows where,
// and passes the other way round.
func TestBufBreaking(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("it builds buf")
	}
	config, err := os.ReadFile("testdata/breaking.yaml")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for folder, seed := range map[string]reviewtest.Seed{
		"old/proto": {}, "new/proto": {Replace: []string{`["session", "token"]`, `["session", "token", "cookie"]`, ` && !request.draft`, ``}},
	} {
		if err := seed.Write(reviewed, filepath.Join(dir, folder)); err != nil {
			t.Fatal(err)
		}
		imported(t, filepath.Join(dir, filepath.Dir(folder), "third_party"))
		write(filepath.Join(filepath.Dir(folder), "buf.yaml"), string(config))
		write(filepath.Join(filepath.Dir(folder), "accepted.json"), "[]")
	}
	run := func(name string, arguments ...string) string {
		out, err := exec.CommandContext(t.Context(), name, arguments...).Output()
		if err != nil {
			t.Fatalf("%s %v: %v", name, arguments, err)
		}
		return strings.TrimSpace(string(out))
	}
	run("go", "build", "-o", dir, ".")
	program := run("go", "tool", "-modfile=../../tools/go.mod", "-n", "buf")
	buf := func(in, against string) (int, string) {
		command := exec.CommandContext(t.Context(), program, "breaking", "--against", filepath.Join(dir, against))
		command.Dir, command.Env = filepath.Join(dir, in), append(os.Environ(), "PATH="+dir+string(os.PathListSeparator)+os.Getenv("PATH"))
		out, err := command.CombinedOutput()
		if command.ProcessState == nil {
			t.Fatal(err)
		}
		return command.ProcessState.ExitCode(), string(out)
	}
	const breakingFailed = 100
	code, out := buf("new", "old")
	for _, want := range []string{
		"proto/" + notes + ":", "looser     /acme.notes.v1.NoteService/Read: callers may authenticate by cookie too [scheme-added]\n",
		"[grants-looser]\n           now let in: principal ",
	} {
		if code != breakingFailed || !strings.Contains(out, want) {
			t.Errorf("exit code %d, without %q:\n%s", code, want, out)
		}
	}
	if code, out := buf("old", "new"); code != 0 || out != "" {
		t.Errorf("the other way round: exit code %d: %s", code, out)
	}
}
