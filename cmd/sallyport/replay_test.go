package main

import (
	"database/sql"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/sallyport-rpc/sallyport/action/event"
	"github.com/sallyport-rpc/sallyport/audit"
)

// recordedEvents are two calls as an audit log keeps them and query prints them: ada's,
// who was let in, and bob's, who was not.
func recordedEvents(t *testing.T) string {
	t.Helper()
	private, _, err := note.GenerateKey(nil, "example.com/audit")
	if err != nil {
		t.Fatal(err)
	}
	signer, err := note.NewSigner(private)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "audit.db")
	db, err := sql.Open("sqlite", "file:"+path+"?_pragma=journal_mode(WAL)")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	log, err := audit.Open(t.Context(), audit.SQLite(db), signer)
	if err != nil {
		t.Fatal(err)
	}
	for _, caller := range []string{"ada", "bob"} {
		request, err := structpb.NewStruct(map[string]any{"id": "ada"})
		if err != nil {
			t.Fatal(err)
		}
		happened := &event.Event{Kind: event.Decided, CallID: "call of " + caller, Decision: event.Decision{
			Procedure: "/acme.notes.v1.NoteService/Read", PrincipalID: caller, Scheme: "token", Stage: event.StageAuthorize,
			Reason: "no grant holds", Time: time.Date(2026, 11, 26, 9, 0, 0, 0, time.UTC),
		}, Values: &event.Values{Reads: []string{"principal.id", "request.id"}, Request: request}}
		if caller == "ada" {
			happened.Outcome, happened.Grant, happened.Stage = event.Allow, "allow[0]", event.StageHandle
		}
		if err := log.Recorder().Record(t.Context(), happened); err != nil {
			t.Fatal(err)
		}
	}
	if err := log.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	got := sallyport(t, "audit", "query", "--database", path, "-o", "json")
	if got.code != exitDone || !strings.Contains(got.out, `"call of bob"`) {
		t.Fatalf("query: %+v", got)
	}
	return got.out
}

// TestReplay decides the events of a log again by other contracts, and explains one.
func TestReplay(t *testing.T) {
	t.Parallel()
	dir := folderOf(t, map[string]string{
		"same/acme/notes/v1/notes.proto": declared,
		"all/acme/notes/v1/notes.proto":  strings.Replace(declared, "principal.id == request.id", "principal.id == request.id || principal.id == 'bob'", 1),
		"none/acme/notes/v1/notes.proto": strings.Replace(declared, "principal.id == request.id", "principal.id == request.id && principal.id == 'eve'", 1),
		"more/acme/notes/v1/notes.proto": strings.Replace(declared, "principal.id == request.id", "principal.id == request.id && 'x' in principal.roles", 1),
		"wrong.json":                     `{"msg": "decided"}`,
		"empty.json":                     "",
	})
	recorded := recordedEvents(t)
	var ada string
	for line := range strings.Lines(recorded) {
		if strings.Contains(line, `"call of ada"`) {
			ada = line
		}
	}
	for name, text := range map[string]string{"events.json": recorded, "ada.json": ada} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	file := func(name string) string { return filepath.Join(dir, name) }
	for name, test := range map[string]struct {
		arguments []string
		in        string
		code      int
		out, errs string // what is printed, among other things; "" is nothing at all
	}{
		"the same":           {[]string{"replay", file("events.json"), "--against", file("same")}, "", exitDone, "2 decided as before, 0 now denied, 0 now let in, 0 undecided", ""},
		"of standard input":  {[]string{"replay", "-", "--against", file("same")}, recorded, exitDone, "2 decided as before", ""},
		"lets in":            {[]string{"replay", file("events.json"), "--against", file("all")}, "", exitFailed, "now let in  /acme.notes.v1.NoteService/Read: by allow[0]\n            calls: 1, callers: 1; the first at 2026-11-26T09:00:00Z by \"bob\", call \"call of bob\"\n1 decided as before", ""},
		"denies":             {[]string{"replay", file("events.json"), "--against", file("none")}, "", exitFailed, "now denied  /acme.notes.v1.NoteService/Read: no grant holds\n", ""},
		"is undecided":       {[]string{"replay", file("events.json"), "--against", file("more")}, "", exitFailed, "undecided   /acme.notes.v1.NoteService/Read: the events lack principal.roles\n", ""},
		"in Markdown":        {[]string{"replay", file("events.json"), "--against", file("none"), "-o", "markdown"}, "", exitFailed, "| **now denied** |", ""},
		"in JSON":            {[]string{"replay", file("events.json"), "--against", file("none"), "-o", "json"}, "", exitFailed, `"now_denied": 1,`, ""},
		"wrong events":       {[]string{"replay", file("wrong.json"), "--against", file("same")}, "", exitFailed, "", "wrong.json: event 1: it is a line of a logger"},
		"no events":          {[]string{"replay", file("gone.json"), "--against", file("same")}, "", exitFailed, "", "no such file"},
		"no contract":        {[]string{"replay", file("events.json")}, "", exitMisused, "", "name the contract that decides again"},
		"both of one":        {[]string{"replay", "-", "--against", "-"}, "", exitMisused, "", "cannot be both"},
		"no argument":        {[]string{"replay", "--against", file("same")}, "", exitMisused, "", "name the file of events"},
		"another output":     {[]string{"replay", file("events.json"), "--against", file("same"), "-o", "csv"}, "", exitMisused, "", `there is no output "csv"`},
		"explained":          {[]string{"explain", "--event", file("ada.json"), file("same")}, "", exitDone, "/acme.notes.v1.NoteService/Read: allowed by allow[0]\n  the event: allowed by allow[0]\n", ""},
		"explained, denied":  {[]string{"explain", "--event", "-", file("none")}, ada, exitDone, "/acme.notes.v1.NoteService/Read: denied\n  the event: allowed by allow[0]\n", ""},
		"explained, lacking": {[]string{"explain", "--event", file("ada.json"), file("more"), "-o", "json"}, "", exitDone, `"lacks": [`, ""},
		"two events":         {[]string{"explain", "--event", file("events.json"), file("same")}, "", exitFailed, "", "more than one event"},
		"no event":           {[]string{"explain", "--event", file("empty.json"), file("same")}, "", exitFailed, "", "has no event"},
		"with a principal":   {[]string{"explain", "--event", file("ada.json"), "--principal", file("ada.json"), file("same")}, "", exitMisused, "", "[event principal]"},
		"with a procedure":   {[]string{"explain", "/acme.notes.v1.NoteService/Read", file("same"), "--event", file("ada.json")}, "", exitMisused, "", "the event names the procedure"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := sallyportWith(t, test.in, test.arguments...)
			if got.code != test.code || !strings.Contains(got.out, test.out) || !strings.Contains(got.errs, test.errs) ||
				(test.out == "") != (got.out == "") || (test.errs == "") != (got.errs == "") {
				t.Errorf("got %d\n%s%swant %d\n%s%s", got.code, got.out, got.errs, test.code, test.out, test.errs)
			}
		})
	}
}
