package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"buf.build/go/bufplugin/check/checktest"
	"github.com/google/go-cmp/cmp"

	"github.com/sallyport-rpc/sallyport/internal/declare"
)

func TestSpec(t *testing.T) {
	t.Parallel()
	spec := newSpec()
	checktest.SpecTest(t, spec)
	have := map[string]bool{}
	for _, rule := range spec.Rules {
		have[rule.ID] = true
		if len(rule.Purpose) > 256 { // which buf refuses, and SpecTest does not
			t.Errorf("%s: a purpose of %d characters, want at most 256: %s", rule.ID, len(rule.Purpose), rule.Purpose)
		}
	}
	for _, section := range declare.Sections() {
		for _, rule := range section.Rules {
			if want := section.Walls != declare.OfProgram; have[ruleID(category, string(rule.ID))] != want {
				t.Errorf("%s is a lint rule: %t, want %t", rule.ID, !want, want)
			}
		}
	}
	if !have["SALLYPORT_ACTION_MISSING"] {
		t.Error("there is no SALLYPORT_ACTION_MISSING")
	}
}

const (
	notes = "acme/notes/v1/notes.proto"
	docs  = "acme/docs/v1/docs.proto"
	mail  = "vendor/mail/v1/mail.proto"
)

// The refusals in testdata, by rule and place.
func annotations() []checktest.ExpectedAnnotation {
	at := func(rule, file string, startLine, startColumn, endLine, endColumn int, message string) checktest.ExpectedAnnotation {
		return checktest.ExpectedAnnotation{RuleID: rule, Message: message, FileLocation: &checktest.ExpectedFileLocation{
			FileName: file, StartLine: startLine, StartColumn: startColumn, EndLine: endLine, EndColumn: endColumn,
		}}
	}
	unknown := `authorize.allow[0]: no role catalogue of package acme.notes.v1 has role "admn"; did you mean "admin"? [role-unknown]` + "\n" +
		"  fix:\n    allow: {any_role: \"admin\"}\n"
	missing := `nothing says who may call it [action-missing]` + "\n" + `  fix:
    option (sallyport.v1.action) = {
      authenticate: {schemes: "token"}
      authorize: {
        allow: {any_role: "admin"}
      }
    };
`
	return []checktest.ExpectedAnnotation{
		at("SALLYPORT_ACTION_MISSING", notes, 29, 2, 29, 62, "/acme.notes.v1.NoteService/WriteNote: "+missing),
		at("SALLYPORT_ACTION_MISSING", notes, 31, 2, 31, 59, "/acme.notes.v1.NoteService/DropNote: "+missing),
		at("SALLYPORT_ROLE_UNKNOWN", notes, 23, 4, 26, 6, "/acme.notes.v1.NoteService/CopyNote: "+unknown),
		at("SALLYPORT_ROLE_UNKNOWN", notes, 34, 4, 37, 6, "/acme.notes.v1.NoteService/MoveNote: "+unknown),
		at("SALLYPORT_ROLE_UNNAMED", notes, 11, 2, 11, 17, "acme.notes.v1.Role: ROLE_GUEST is in the role catalogue, but names no role [role-unnamed]\n"+
			"  fix:\n    at ROLE_GUEST:\n    (sallyport.v1.role) = {name: \"guest\"}\n"),
	}
}

// imported writes the schemas that testdata imports, as users do.
func imported(t *testing.T, dir string) {
	t.Helper()
	command := exec.CommandContext(t.Context(), "go", "run", "../sallyport", "protos", dir)
	if out, err := command.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	imported(t, dir)
	tests := []struct {
		name    string
		files   []string
		rules   []string
		options map[string]any
		want    []checktest.ExpectedAnnotation
	}{
		{name: "all rules", files: []string{notes}, want: annotations()},
		{name: "one rule", files: []string{notes}, rules: []string{"SALLYPORT_ROLE_UNNAMED"}, want: annotations()[4:]},
		{name: "another rule", files: []string{notes}, rules: []string{"SALLYPORT_ACTION_EMPTY"}},
		{name: "a catalogue that is used", files: []string{docs}},
		{name: "declared outside", files: []string{mail, "acme/iam/v1/iam.proto"}, options: map[string]any{"declarations": "testdata/declarations.txtpb"}},
		{
			name: "declared nowhere", files: []string{mail}, rules: []string{"SALLYPORT_ACTION_MISSING"},
			want: []checktest.ExpectedAnnotation{{RuleID: "SALLYPORT_ACTION_MISSING", FileLocation: &checktest.ExpectedFileLocation{
				FileName: mail, StartLine: 5, StartColumn: 2, EndLine: 5, EndColumn: 47,
			}}, {RuleID: "SALLYPORT_ACTION_MISSING", FileLocation: &checktest.ExpectedFileLocation{
				FileName: mail, StartLine: 6, StartColumn: 2, EndLine: 6, EndColumn: 47,
			}}},
		},
		{
			name: "declarations that are not there", files: []string{mail}, options: map[string]any{"declarations": "testdata/ghost.txtpb"},
			want: []checktest.ExpectedAnnotation{{RuleID: "SALLYPORT_ACTION_UNREAD"}},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			checktest.CheckTest{
				Spec: newSpec(),
				Request: &checktest.RequestSpec{
					Files:   &checktest.ProtoFileSpec{DirPaths: []string{"testdata/proto", dir}, FilePaths: test.files},
					RuleIDs: test.rules,
					Options: test.options,
				},
				ExpectedAnnotations: test.want,
			}.Run(t)
		})
	}
}

// An option that is misspelt is not passed over: what it names would be left out.
func TestUnknownOption(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	imported(t, dir)
	for _, options := range []map[string]any{{"declaration": "a.txtpb"}, {"declarations": true}} {
		spec := checktest.RequestSpec{
			Files:   &checktest.ProtoFileSpec{DirPaths: []string{"testdata/proto", dir}, FilePaths: []string{mail}},
			Options: options,
		}
		request, err := spec.ToRequest(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := read(t.Context(), request); err == nil {
			t.Errorf("%v is read", options)
		}
	}
}

// buf itself runs the plugin, shows where, and heeds its own ignore comments.
func TestBuf(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("it builds buf")
	}
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("testdata")); err != nil {
		t.Fatal(err)
	}
	imported(t, filepath.Join(dir, "third_party"))
	run := func(name string, arguments ...string) string {
		command := exec.CommandContext(t.Context(), name, arguments...)
		var out, errs bytes.Buffer
		command.Stdout, command.Stderr = &out, &errs
		if err := command.Run(); err != nil {
			t.Fatalf("%s %v: %v: %s", name, arguments, err, errs.String())
		}
		return strings.TrimSpace(out.String())
	}
	run("go", "build", "-o", dir, ".")
	buf := exec.CommandContext(t.Context(), run("go", "tool", "-modfile=../../tools/go.mod", "-n", "buf"), "lint")
	buf.Dir, buf.Env = dir, append(os.Environ(), "PATH="+dir+string(os.PathListSeparator)+os.Getenv("PATH"))
	out, err := buf.CombinedOutput()
	const lintFailed = 100
	if exit := buf.ProcessState.ExitCode(); exit != lintFailed {
		t.Fatalf("exit code %d, %v: %s", exit, err, out)
	}
	var want strings.Builder
	for _, shown := range []struct {
		position   string
		annotation int
	}{{"12:3", 4}, {"24:12", 2}, {"30:3", 0}} {
		want.WriteString("proto/" + notes + ":" + shown.position + ":" + annotations()[shown.annotation].Message + " (buf-plugin-sallyport)\n")
	}
	if diff := cmp.Diff(want.String(), string(out)); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}
