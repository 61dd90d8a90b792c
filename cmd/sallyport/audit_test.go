package main

import (
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/sallyport-rpc/sallyport/action/event"
	"github.com/sallyport-rpc/sallyport/audit"
)

// auditLog writes a log of three calls with a key that the command line made, and
// returns the arguments that name its database and key, and where its checkpoints are.
func auditLog(t *testing.T, options ...audit.Option) (database, key []string, kept string) {
	t.Helper()
	dir := t.TempDir()
	made := sallyport(t, "audit", "key", "example.com/audit")
	private, public, found := strings.Cut(strings.TrimSpace(made.out), "\n")
	if made.code != exitDone || !found {
		t.Fatalf("key: %+v", made)
	}
	signer, err := note.NewSigner(private)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "audit.db")
	db, err := sql.Open("sqlite", "file:"+path+"?_pragma=journal_mode(WAL)")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	kept = filepath.Join(dir, "checkpoints")
	options = append(options, audit.WithCheckpointsTo("file", audit.CheckpointFile(kept)))
	log, err := audit.Open(t.Context(), audit.SQLite(db), signer, options...)
	if err != nil {
		t.Fatal(err)
	}
	for i, principal := range []string{"ada", "bob", "=cmd()"} {
		happened := &event.Event{Kind: event.Decided, CallID: fmt.Sprint("call", i), Decision: event.Decision{
			Procedure: "/demo.v1.AccountService/GetUser", PrincipalID: principal, Time: time.Date(2026, 11, 26, 9, i, 0, 0, time.UTC),
		}}
		if principal == "ada" {
			happened.Outcome, happened.Grant = event.Allow, "owner"
		} else {
			happened.Reason = "no grant \"lets\" it in\nand more"
		}
		if err := log.Recorder().Record(t.Context(), happened); err != nil {
			t.Fatal(err)
		}
	}
	if err := log.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	keyFile := filepath.Join(dir, "audit.pub")
	if err := os.WriteFile(keyFile, []byte(public+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return []string{"--database", path}, []string{"--key", keyFile}, kept
}

func TestAuditVerify(t *testing.T) {
	t.Parallel()
	database, key, kept := auditLog(t)
	verify := append(append([]string{"audit", "verify", "--checkpoints", kept}, database...), key...)
	got := sallyport(t, verify...)
	if got.code != exitDone || !strings.Contains(got.out, "example.com/audit/") || !strings.Contains(got.out, "closed\nnothing was changed, removed or added\n") {
		t.Errorf("untouched: %+v", got)
	}
	db, err := sql.Open("sqlite", database[1])
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	for _, statement := range []string{"DROP TRIGGER audit_events_update", "UPDATE audit_events SET event = replace(event, 'bob', 'eve')"} {
		if _, err := db.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	got = sallyport(t, verify...)
	if got.code != exitFailed || !strings.Contains(got.out, "\nchanged: example.com/audit/") || !strings.Contains(got.out, ": event 2 is not the one that was written\n1 findings\n") {
		t.Errorf("changed: %+v", got)
	}
	if got := sallyport(t, append(verify, "-o", "json")...); got.code != exitFailed || !strings.Contains(got.out, `"kind": "changed"`) {
		t.Errorf("as JSON: %+v", got)
	}
}

func TestAuditQuery(t *testing.T) {
	t.Parallel()
	database, _, _ := auditLog(t)
	query := append([]string{"audit", "query"}, database...)
	for name, test := range map[string]struct {
		flags []string
		want  string
	}{
		"a principal":   {[]string{"--principal", "ada"}, "2026-11-26T09:00:00Z 1 decided outcome=allow procedure=/demo.v1.AccountService/GetUser principal=ada grant=owner call=call0\n"},
		"a quoted text": {[]string{"--principal", "bob"}, `principal=bob call=call1 reason="no grant \"lets\" it in\nand more"` + "\n"},
		"a pattern":     {[]string{"--procedure", "/demo.*/Get*", "--outcome", "allow"}, "principal=ada"},
		"a time":        {[]string{"--since", "2026-11-26T09:01:00Z", "--until", "2026-11-26T09:02:00Z"}, "principal=bob"},
		"JSON":          {[]string{"--call", "call1", "-o", "json"}, `"number":2,"event":{"v":1,"kind":"decided"`},
		"CSV":           {[]string{"--call", "call2", "-o", "csv"}, ",deny,,'=cmd(),,,/demo.v1.AccountService/GetUser,"},
	} {
		got := sallyport(t, append(query, test.flags...)...)
		lines := strings.Count(got.out, "\n")
		if name == "CSV" {
			lines-- // its heading
			lines-- // the line end in a quoted reason
		}
		if got.code != exitDone || !strings.Contains(got.out, test.want) || lines != 1 {
			t.Errorf("%s: %+v, want %q", name, got, test.want)
		}
	}
	if got := sallyport(t, append(query, "--principal", "eve")...); got.code != exitDone || got.out != "" {
		t.Errorf("of no event: %+v", got)
	}
}

func TestAuditProve(t *testing.T) {
	t.Parallel()
	database, key, _ := auditLog(t)
	opened := sallyport(t, append([]string{"audit", "query", "--kind", "log opened"}, database...)...)
	_, log, _ := strings.Cut(strings.TrimSpace(opened.out), " log=")
	event := filepath.Join(t.TempDir(), "event.json")
	proof := filepath.Join(t.TempDir(), "event.tlog-proof")
	prove := append(append([]string{"audit", "prove", "--log", log, "--event", event}, database...), key...)
	proved := sallyport(t, append(prove, "2")...)
	if proved.code != exitDone {
		t.Fatalf("prove: %+v", proved)
	}
	if err := os.WriteFile(proof, []byte(proved.out), 0o600); err != nil {
		t.Fatal(err)
	}
	check := append([]string{"audit", "check", event, proof}, key...)
	if got := sallyport(t, check...); got.code != exitDone || got.out != "it is event 2 of the log "+log+", which had 5 events\n" {
		t.Errorf("check: %+v", got)
	}
	if err := os.WriteFile(event, []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := sallyport(t, check...); got.code != exitFailed || !strings.Contains(got.errs, "the event is not event 2 of "+log+" as it was signed") {
		t.Errorf("check of another event: %+v", got)
	}
	if got := sallyport(t, append(prove, "5")...); got.code != exitFailed || !strings.Contains(got.errs, "which covers 0 to 4") {
		t.Errorf("an event that is not there: %+v", got)
	}
}

func TestAuditErase(t *testing.T) {
	t.Parallel()
	database, _, _ := auditLog(t, audit.WithPseudonyms())
	query := append([]string{"audit", "query", "--principal", "ada"}, database...)
	if got := sallyport(t, query...); strings.Count(got.out, "principal=hmac-sha256:") != 1 {
		t.Errorf("before: %+v", got)
	}
	erase := append([]string{"audit", "erase", "ada"}, database...)
	if got := sallyport(t, erase...); got.code != exitDone || got.out != "erased the pseudonym of ada\n" {
		t.Errorf("erase: %+v", got)
	}
	if got := sallyport(t, query...); got.out != "" {
		t.Errorf("afterwards: %+v", got)
	}
	if got := sallyport(t, erase...); got.code != exitFailed || !strings.Contains(got.errs, `no database has a pseudonym of "ada"`) {
		t.Errorf("again: %+v", got)
	}
}

func TestAuditCommandLine(t *testing.T) {
	t.Parallel()
	database, key, _ := auditLog(t)
	for name, test := range map[string]struct {
		arguments []string
		code      int
		errs      string
	}{
		"no verb":          {[]string{"audit"}, exitMisused, "name a verb, such as verify or query"},
		"an unknown verb":  {[]string{"audit", "verfy"}, exitMisused, `did you mean "verify"?`},
		"no name":          {[]string{"audit", "key"}, exitMisused, "name the logs"},
		"a name of a sum":  {[]string{"audit", "key", "a+b"}, exitMisused, "without spaces and plus signs"},
		"no database":      {append([]string{"audit", "verify"}, key...), exitMisused, "name a database with --database"},
		"no key":           {append([]string{"audit", "verify"}, database...), exitMisused, "name the public key with --key"},
		"no file":          {append([]string{"audit", "verify", "--database", "ghost.db"}, key...), exitFailed, "ghost.db: no such file"},
		"no key in a file": {append([]string{"audit", "verify", "--key", os.DevNull}, database...), exitFailed, "there is no public key"},
		"no audit.db":      {append([]string{"audit", "verify", "--database", key[1]}, key...), exitFailed, "file is not a database"},
		"a wrong output":   {append([]string{"audit", "query", "-o", "xml"}, database...), exitMisused, "write text, json or csv"},
		"a wrong time":     {append([]string{"audit", "query", "--since", "yesterday"}, database...), exitMisused, `--since "yesterday" is no time`},
		"a wrong pattern":  {append([]string{"audit", "query", "--procedure", "["}, database...), exitFailed, "is no pattern"},
		"no number":        {append(append([]string{"audit", "prove", "x"}, database...), key...), exitMisused, `"x" is no number of an event`},
		"no log to prove":  {append(append([]string{"audit", "prove", "1"}, database...), key...), exitMisused, "name the log with --log"},
		"one file":         {append([]string{"audit", "check", "a"}, key...), exitMisused, "name the file of the event"},
	} {
		got := sallyport(t, test.arguments...)
		if got.code != test.code || !strings.Contains(got.errs, test.errs) {
			t.Errorf("%s: %+v, want %d and %q", name, got, test.code, test.errs)
		}
	}
}
