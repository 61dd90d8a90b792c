package review_test

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sallyport-rpc/sallyport/internal/review"
)

// A seeded change of the contract in testdata.
type seed struct {
	name string
	// replace has what is replaced and by what, in turn.
	replace []string
	// want has each change as "judgement kind"; none where who may call stays the same.
	want []string
}

var seeds = []seed{
	{"nothing", nil, nil},
	{"another reason", []string{`anyone: "it is about the caller alone"`, `anyone: "it says who one is"`}, nil},
	{"a comment", []string{"service NoteService {", "// Notes.\nservice NoteService {"}, nil},
	{"grants in another order", []string{
		`allow: {name: "org_reader" any_role: "reader" when: "same_org"}`, "",
		`credential_scopes: "notes.read"`, `allow: {name: "org_reader" any_role: "reader" when: "same_org"} credential_scopes: "notes.read"`,
	}, nil},
	{"a named condition, written out", []string{`when: "same_org"`, `cel: "request.org_id in principal.claims.org_ids"`}, nil},
	{"operands in another order", []string{"request.note_id == principal.id", "principal.id == request.note_id"}, nil},

	{"a scheme more", []string{`["session", "token"]`, `["session", "token", "cookie"]`}, []string{"looser scheme-added"}},
	{"a scheme less", []string{`["session", "token"]`, `"session"`}, []string{"tighter scheme-removed"}},
	{"schemes in another order", []string{`["session", "token"]`, `["token", "session"]`}, []string{"different scheme-order"}},
	{"a scheme for another", []string{`["session", "token"]`, `["session", "cookie"]`}, []string{"looser scheme-added", "tighter scheme-removed"}},
	{"anonymous", []string{`authenticate: {schemes: "session"}
      authorize: {anyone: "it is about the caller alone"}`, `authenticate: {anonymous: "why not"} authorize: {anyone: "it is about the caller alone"}`}, []string{"looser anonymous"}},
	{"not anonymous", []string{`authenticate: {anonymous: "probes have | no <credential>"}`, `authenticate: {schemes: "session"}`}, []string{"tighter anonymous-removed"}},

	{"max_age raised", []string{"max_age: {seconds: 900}", "max_age: {seconds: 901}"}, []string{"looser max-age-raised"}},
	{"max_age lowered", []string{"max_age: {seconds: 900}", "max_age: {seconds: 899}"}, []string{"tighter max-age-lowered"}},
	{"max_age removed", []string{" max_age: {seconds: 900}", ""}, []string{"looser max-age-removed"}},
	{"max_age given", []string{`["session", "token"]`, `["session", "token"] max_age: {seconds: 900}`}, []string{"tighter max-age-given"}},

	{"recheck longer", []string{"recheck: {seconds: 30}", "recheck: {seconds: 60}"}, []string{"looser recheck-raised"}},
	{"recheck shorter", []string{"recheck: {seconds: 30}", "recheck: {seconds: 10}"}, []string{"tighter recheck-lowered"}},
	{"recheck removed", []string{" recheck: {seconds: 30}", ""}, []string{"looser recheck-removed"}},
	{"every message", []string{"FIRST_MESSAGE", "EVERY_MESSAGE"}, []string{"tighter stream-timing-every"}},
	{"open", []string{"FIRST_MESSAGE", "OPEN", ` check: "is_open"`, ""}, []string{"looser grants-looser", "different stream-timing-changed"}},

	{"conceal removed", []string{"conceal: true", ""}, []string{"looser conceal-removed"}},
	{"conceal given", []string{`authorize: {allow: {any_role: "admin" check: "is_open"}}`, `authorize: {allow: {any_role: "admin" check: "is_open"} conceal: true}`}, []string{"tighter conceal-given"}},

	{"limit raised", []string{"requests: 10 window", "requests: 11 window"}, []string{"looser limit-raised"}},
	{"limit lowered", []string{"requests: 10 window", "requests: 9 window"}, []string{"tighter limit-lowered"}},
	{"limit with more burst", []string{"burst: 20", "burst: 21"}, []string{"looser limit-raised"}},
	{"limit of a longer window", []string{"window: {seconds: 1}", "window: {seconds: 2}"}, []string{"tighter limit-lowered"}},
	{"limit of all calls", []string{"per: ADDRESS", "per: ACTION"}, []string{"tighter limit-coarser"}},
	{"limit removed", []string{"limit: {per: ADDRESS requests: 10 window: {seconds: 1} burst: 20}", ""}, []string{"looser limit-removed"}},
	{"limit given", []string{"stream: {authorize: FIRST", "limit: {per: PRINCIPAL requests: 1 window: {seconds: 1} burst: 1} stream: {authorize: FIRST"}, []string{"tighter limit-given"}},

	{"a scoped credential needs more", []string{`credential_scopes: "notes.read"`, `credential_scopes: ["notes.read", "notes.list"]`,
		`  SCOPE_NOTES_READ = 1`, `  SCOPE_NOTES_LIST = 2 [(sallyport.v1.scope) = {name: "notes.list"}]; SCOPE_NOTES_READ = 1`},
		[]string{"tighter credential-scope-added", "tighter grants-tighter"}},
	{"no scoped credential", []string{`credential_scopes: "notes.read"`, ""}, []string{"tighter credential-scopes-removed", "tighter grants-tighter"}},
	{"the first scoped credential", []string{`check: "is_open"}}`, `check: "is_open"} credential_scopes: "notes.read"}`}, []string{"looser credential-scopes-given", "looser grants-looser"}},

	{"a role includes more", []string{`{name: "reader"}`, `{name: "reader" includes: "guest"}];
  ROLE_GUEST = 4 [(sallyport.v1.role) = {name: "guest"}`}, []string{"looser role-includes", "looser role-includes", "looser role-includes"}},
	{"a role includes less", []string{`{name: "editor" includes: "reader"}`, `{name: "editor"}`},
		[]string{"tighter grants-tighter", "tighter grants-tighter", "tighter role-includes-less", "tighter role-includes-less"}},
	{"a role more", []string{`any_role: "admin"`, `any_role: ["admin", "editor"]`}, []string{"looser grants-looser"}},
	{"a role less", []string{`any_role: "admin"`, `any_role: ["admin", "editor"]`, `any_role: "reader" when`, `any_role: "editor" when`}, []string{"tighter grants-tighter", "looser grants-looser"}},
	{"a role for another", []string{`any_role: "reader" when`, `any_role: "admin" when`}, []string{"tighter grants-tighter"}},
	{"anyone for grants", []string{`authorize: {allow: {cel: "'reader' in principal.roles"}}`, `authorize: {anyone: "why not"}`}, []string{"looser grants-looser"}},
	{"grants for anyone", []string{`authorize: {anyone: "it is about the caller alone"}`, `authorize: {allow: {any_role: "reader"}}`}, []string{"tighter grants-tighter"}},
	{"a condition less", []string{` && !request.draft`, ``}, []string{"looser grants-looser"}},
	{"a condition more", []string{`'reader' in principal.roles`, `'reader' in principal.roles && principal.id != 'eve'`}, []string{"tighter grants-tighter"}},
	{"a condition negated", []string{`!request.draft`, `request.draft`}, []string{"different grants-different"}},
	{"a constant", []string{`'public'`, `'private'`}, []string{"different grants-different"}},
	{"or for and", []string{`== 'public' && !`, `== 'public' || !`}, []string{"looser grants-looser"}},
	{"a named condition", []string{`request.org_id in principal.claims.org_ids`, `request.org_id in principal.claims.org_ids || request.org_id == 'public'`}, []string{"looser grants-looser"}},
	{"a check renamed", []string{`check: "is_open"`, `check: "is_opened"`}, []string{"different check-renamed", "different grants-different"}},
	{"a check removed", []string{` check: "is_open"`, ``}, []string{"looser grants-looser"}},
	{"a grant less", []string{`allow: {name: "org_reader" any_role: "reader" when: "same_org"}`, ""}, []string{"tighter grants-tighter"}},
	{"what is not decided", []string{`'reader' in principal.roles`, `principal.id.startsWith('staff-')`}, []string{"undecided grants-undecided"}},

	{"validation removed", []string{` [(buf.validate.field).uint32.lte = 100]`, ``}, []string{"looser validation-removed"}},
	{"validation given", []string{`bool draft = 3;`, `bool draft = 3 [(buf.validate.field).bool.const = false];`}, []string{"tighter validation-given"}},
	{"validation changed", []string{`min_len: 1 max_len: 40`, `min_len: 1 max_len: 80`}, []string{"undecided validation-changed"}},
	{"an action more", []string{"service NoteService {", `service NoteService {
  rpc Fresh(Request) returns (Response) { option (sallyport.v1.action) = {authenticate: {schemes: "session"} authorize: {allow: {any_role: "admin"}}}; }`}, []string{"added action-added"}},
	{"an action for anyone more", []string{"service NoteService {", `service NoteService {
  rpc Fresh(Request) returns (Response) { option (sallyport.v1.action) = {authenticate: {schemes: "session"} authorize: {anyone: "why not"}}; }`}, []string{"looser action-added"}},
	{"an anonymous action more", []string{"service NoteService {", `service NoteService {
  rpc Fresh(Request) returns (Response) { option (sallyport.v1.action) = {authenticate: {anonymous: "why not"} authorize: {anyone: "why not"}}; }`}, []string{"looser action-added"}},
	{"an action renamed", []string{"rpc Staff(", "rpc Team("}, []string{"added action-added", "removed action-removed"}},
}

// seeded is the contract in testdata with a change.
func seeded(t *testing.T, of seed) *review.Contract {
	t.Helper()
	const path = "acme/notes/v1/notes.proto"
	text, err := os.ReadFile(filepath.Join("testdata/proto", path))
	if err != nil {
		t.Fatal(err)
	}
	changed := string(text)
	for pair := range slices.Chunk(of.replace, 2) {
		if !strings.Contains(changed, pair[0]) {
			t.Fatalf("there is no %q to replace", pair[0])
		}
		changed = strings.Replace(changed, pair[0], pair[1], 1)
	}
	dir := t.TempDir()
	file := filepath.Join(dir, path)
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(changed), 0o600); err != nil {
		t.Fatal(err)
	}
	return contractOf(t, dir)
}

// TestCompare seeds a contract with one change of each kind, and with changes that change
// nothing. What is looser by a grant shows a call.
func TestCompare(t *testing.T) {
	t.Parallel()
	before := contractOf(t, "testdata/proto")
	for _, test := range seeds {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			changes, err := review.Compare(before, seeded(t, test))
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, change := range changes {
				got = append(got, string(change.Judgement)+" "+change.Kind)
				letsIn := change.Kind == "grants-looser" || change.Kind == "grants-different"
				if letsIn != (change.LetIn != nil) || change.Subject == "" || change.Text == "" || change.Judgement == review.Undecided && change.Kind == "grants-undecided" && change.Hint == "" {
					t.Errorf("the change does not say what it is about: %+v", change)
				}
			}
			want := slices.Sorted(slices.Values(test.want))
			slices.Sort(got)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			fails := slices.ContainsFunc(changes, review.Change.Fails)
			wantFails := slices.ContainsFunc(test.want, func(want string) bool {
				return strings.HasPrefix(want, "looser") || strings.HasPrefix(want, "undecided") || want == "different grants-different"
			})
			if fails != wantFails {
				t.Errorf("it fails: %t, want %t", fails, wantFails)
			}
		})
	}
}

// TestComparePages compares pages that have no gate, and limits by a finer key.
func TestComparePages(t *testing.T) {
	t.Parallel()
	health, front := review.Page{Pattern: "GET /healthz", Reason: "probes"}, review.Page{Pattern: "GET /", Reason: "a page"}
	changes, err := review.Compare(&review.Contract{Pages: []review.Page{health}}, &review.Contract{Pages: []review.Page{front}})
	if err != nil || len(changes) != 2 || changes[0].Kind != "page-added" || !changes[0].Fails() || changes[1].Kind != "page-removed" || changes[1].Fails() {
		t.Errorf("%+v, %v", changes, err)
	}
	coarse, fine := seeded(t, seed{replace: []string{"per: ADDRESS", "per: ACTION"}}), contractOf(t, "testdata/proto")
	changes, err = review.Compare(coarse, fine)
	if err != nil || len(changes) != 1 || changes[0].Kind != "limit-finer" || !changes[0].Fails() {
		t.Errorf("%+v, %v", changes, err)
	}
}

// TestAccept accepts changes by entries: until a day, and of the very change.
func TestAccept(t *testing.T) {
	t.Parallel()
	accepted, err := review.ReadAccepted(strings.NewReader(`[
		{"subject": "/a/B", "kind": "scheme-added", "reason": "asked for", "until": "2027-01-31"},
		{"subject": "/a/B", "kind": "anonymous", "reason": "asked for", "until": "2027-01-30"},
		{"subject": "/a/C", "kind": "scheme-added", "reason": "asked for", "until": "2027-01-31"}
	]`))
	if err != nil {
		t.Fatal(err)
	}
	changes := []review.Change{
		{Subject: "/a/B", Kind: "scheme-added", Judgement: review.Looser},
		{Subject: "/a/B", Kind: "anonymous", Judgement: review.Looser},
		{Subject: "/a/B", Kind: "conceal-removed", Judgement: review.Looser},
	}
	unneeded := review.Accept(changes, accepted, time.Date(2027, 1, 31, 23, 0, 0, 0, time.UTC))
	if len(unneeded) != 1 || unneeded[0].Subject != "/a/C" || changes[0].Fails() || !changes[1].Fails() || !changes[2].Fails() {
		t.Errorf("%+v, unneeded %+v", changes, unneeded)
	}
	for text, want := range map[string]string{
		`{}`:    "write a JSON array",
		`[] []`: "something follows",
		`[{"kind": "a", "reason": "b", "until": "2027-01-31"}]`:                               "entry 1 has no subject or no kind",
		`[{"subject": "s", "kind": "a", "reason": " ", "until": "2027-01-31"}]`:               "entry 1 has no reason",
		`[{"subject": "s", "kind": "a", "reason": "b"}]`:                                      `until is ""`,
		`[{"subject": "s", "kind": "a", "reason": "b", "until": "2027-01-31", "who": "ada"}]`: "unknown field",
	} {
		if _, err := review.ReadAccepted(strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}

// TestWriteChanges compares what is written of changes with the golden files.
func TestWriteChanges(t *testing.T) {
	t.Parallel()
	before := contractOf(t, "testdata/proto")
	after := seeded(t, seed{replace: []string{
		`["session", "token"]`, `["session", "token", "cookie"]`, ` && !request.draft`, ``, `any_role: "reader" when`, `any_role: "editor" when`,
		`'reader' in principal.roles`, `principal.id.startsWith('staff-')`, "rpc Mine(", "rpc Own(", "recheck: {seconds: 30}", "recheck: {seconds: 10}",
	}})
	changes, err := review.Compare(before, after)
	if err != nil {
		t.Fatal(err)
	}
	changes[0].Accepted = "asked for"
	for name, write := range map[string]func(io.Writer, []review.Change) error{
		"changes.txt": review.WriteChanges, "changes.md": review.WriteChangesMarkdown, "changes.json": review.WriteChangesJSON,
	} {
		expectGolden(t, name, func(out io.Writer) error { return write(out, changes) })
	}
	var none bytes.Buffer
	if err := review.WriteChangesMarkdown(&none, nil); err != nil || !strings.Contains(none.String(), "Nothing changes") {
		t.Errorf("%q, %v", none.String(), err)
	}
}
