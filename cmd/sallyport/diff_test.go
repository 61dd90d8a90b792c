package main

import (
	"path/filepath"
	"strings"
	"testing"
)

// TestDiff compares folders. It fails on what lets in more, unless that is accepted.
func TestDiff(t *testing.T) {
	t.Parallel()
	looser := strings.Replace(declared, `schemes: "token"`, `schemes: ["token", "session"]`, 1)
	entry := `{"subject": "/acme.notes.v1.NoteService/Read", "kind": "scheme-added", "reason": "asked for", "until": "9999-12-31"}`
	dir := folderOf(t, map[string]string{
		"old/acme/notes/v1/notes.proto":    declared,
		"same/acme/notes/v1/notes.proto":   strings.Replace(declared, "principal.id == request.id", "request.id == principal.id", 1),
		"looser/acme/notes/v1/notes.proto": looser,
		"all/acme/notes/v1/notes.proto":    strings.Replace(declared, "principal.id == request.id", "principal.id == request.id || principal.id == 'root'", 1),
		"none/acme/notes/v1/notes.proto":   undeclared,
		"accepted.json":                    `[` + entry + `]`,
		"expired.json":                     `[` + strings.Replace(entry, "9999-12-31", "2026-11-25", 1) + `]`,
		"wrong.json":                       `{}`,
	})
	for name, test := range map[string]struct {
		arguments []string // those that are files of the folder are made paths
		code      int
		out, errs string // what is printed, among other things; "" is nothing at all
	}{
		"same":           {[]string{"old", "same"}, exitDone, "", ""},
		"looser":         {[]string{"old", "looser"}, exitFailed, "looser     /acme.notes.v1.NoteService/Read: callers may authenticate by session too [scheme-added]\n", "1 change to look at among 1 change\n"},
		"tighter":        {[]string{"looser", "old"}, exitDone, "[scheme-removed]", ""},
		"a grant":        {[]string{"old", "all"}, exitFailed, `now let in: principal "root"`, "1 change to look at"},
		"markdown":       {[]string{"old", "looser", "-o", "markdown"}, exitFailed, "| **looser** |", "1 change"},
		"json":           {[]string{"old", "all", "-o", "json"}, exitFailed, `"let_in": {`, "1 change"},
		"json of none":   {[]string{"old", "same", "-o", "json"}, exitDone, "[]\n", ""},
		"accepted":       {[]string{"old", "looser", "--accept", "accepted.json"}, exitDone, "accepted: asked for", ""},
		"expired":        {[]string{"old", "looser", "--accept", "expired.json"}, exitFailed, "scheme-added", "1 change to look at"},
		"not needed":     {[]string{"old", "same", "--accept", "accepted.json"}, exitDone, "", "no change needs the entry of /acme.notes.v1.NoteService/Read, scheme-added: remove it"},
		"no entries":     {[]string{"old", "same", "--accept", "wrong.json"}, exitFailed, "", "write a JSON array"},
		"refused":        {[]string{"old", "none"}, exitFailed, "", "nothing says who may call it"},
		"no argument":    {nil, exitMisused, "", "name the old contract, such as main:proto, and the new one"},
		"another output": {[]string{"old", "same", "-o", "html"}, exitMisused, "", `there is no output "html": write text, markdown or json`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			arguments := []string{"diff"}
			for i, argument := range test.arguments {
				if !strings.HasPrefix(argument, "-") && (i < 2 || strings.HasSuffix(argument, ".json")) {
					argument = filepath.Join(dir, argument)
				}
				arguments = append(arguments, argument)
			}
			got := sallyport(t, arguments...)
			if got.code != test.code || !strings.Contains(got.out, test.out) || !strings.Contains(got.errs, test.errs) ||
				(test.out == "") != (got.out == "") || (test.errs == "") != (got.errs == "") {
				t.Errorf("got %d\n%s%swant %d\n%s%s", got.code, got.out, got.errs, test.code, test.out, test.errs)
			}
		})
	}
}
