package main

import (
	"path/filepath"
	"strings"
	"testing"
)

// TestExplainResource explains calls of an action that is about an object, with one and
// without.
func TestExplainResource(t *testing.T) {
	t.Parallel()
	text := strings.NewReplacer("authorize: {", `resource: {type: "acme.notes.v1.Thing" key: "request.id"} authorize: {`,
		"principal.id == request.id", "principal.id == resource.owner").Replace(declared) + "message Thing { string owner = 1; }\n"
	dir := folderOf(t, map[string]string{"proto/acme/notes/v1/notes.proto": text, "ada.json": `{"id": "ada"}`})
	for name, test := range map[string]struct {
		resource []string
		code     int
		out      string // what is printed, among other things
	}{
		"one's own":       {[]string{"--resource", `{"owner": "ada"}`}, exitDone, "allowed by allow[0]"},
		"another's":       {[]string{"--resource", `{"owner": "bob"}`}, exitDone, "denied"},
		"none":            {nil, exitDone, "denied"},
		"of another type": {[]string{"--resource", `{"id": "x"}`}, exitFailed, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := sallyport(t, append([]string{
				"explain", "/acme.notes.v1.NoteService/Read", filepath.Join(dir, "proto"), "--principal", filepath.Join(dir, "ada.json"), "--request", `{"id": "x"}`,
			}, test.resource...)...)
			if got.code != test.code || !strings.Contains(got.out, test.out) || (test.out == "") != (got.errs != "") {
				t.Errorf("got %d\n%s%swant %d\n%s", got.code, got.out, got.errs, test.code, test.out)
			}
		})
	}
}

// TestExplain explains calls of a folder's action.
func TestExplain(t *testing.T) {
	t.Parallel()
	dir := folderOf(t, map[string]string{
		"proto/acme/notes/v1/notes.proto": declared,
		"ada.json":                        `{"id": "ada"}`,
		"nobody.json":                     `{}`,
	})
	const procedure = "/acme.notes.v1.NoteService/Read"
	file := func(name string) string { return filepath.Join(dir, name) }
	for name, test := range map[string]struct {
		arguments []string
		code      int
		out, errs string // what is printed, among other things; "" is nothing at all
	}{
		"allowed": {[]string{procedure, file("proto"), "--principal", file("ada.json"), "--request", `{"id": "ada"}`}, exitDone, procedure + ": allowed by allow[0]\n", ""},
		"denied":  {[]string{procedure, file("proto"), "--principal", file("ada.json"), "--request", `{"id": "bob"}`}, exitDone, procedure + ": denied\n", ""},
		"json":    {[]string{procedure, file("proto"), "--principal", file("ada.json"), "--request", `{"id": "ada"}`, "-o", "json"}, exitDone, `"allowed": true`, ""},
		"invalid": {[]string{procedure, file("proto"), "--principal", file("ada.json")}, exitDone, "validate stops", ""},

		"no procedure":    {nil, exitMisused, "", "name the procedure, such as"},
		"another one":     {[]string{"/acme.notes.v1.NoteService/Write", file("proto"), "--principal", file("ada.json")}, exitFailed, "", "there is no action"},
		"no principal":    {[]string{procedure, file("proto")}, exitMisused, "", "name a file with who calls by --principal"},
		"a wrong one":     {[]string{procedure, file("proto"), "--principal", file("nobody.json")}, exitFailed, "", "nobody.json: the principal has no id"},
		"one not there":   {[]string{procedure, file("proto"), "--principal", file("eve.json")}, exitFailed, "", "eve.json"},
		"a wrong request": {[]string{procedure, file("proto"), "--principal", file("ada.json"), "--request", `{"x": 1}`}, exitFailed, "", "the request, a acme.notes.v1.Note"},
		"a wrong time":    {[]string{procedure, file("proto"), "--now", "noon"}, exitMisused, "", `--now is "noon": write a time such as`},
		"a wrong answer":  {[]string{procedure, file("proto"), "--answer", "is_open"}, exitMisused, "", `--answer is "is_open": write the check and its answer`},
		"another output":  {[]string{procedure, file("proto"), "-o", "csv"}, exitMisused, "", `there is no output "csv": write text or json`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := sallyport(t, append([]string{"explain"}, test.arguments...)...)
			if got.code != test.code || !strings.Contains(got.out, test.out) || !strings.Contains(got.errs, test.errs) ||
				(test.out == "") != (got.out == "") || (test.errs == "") != (got.errs == "") {
				t.Errorf("got %d\n%s%swant %d\n%s%s", got.code, got.out, got.errs, test.code, test.out, test.errs)
			}
		})
	}
}
