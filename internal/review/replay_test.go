package review_test

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sallyport-rpc/sallyport/internal/review"
	"github.com/sallyport-rpc/sallyport/internal/review/reviewtest"
)

// recorded is an event of an action of the contract in testdata; fields are added to it as
// JSON.
func recorded(method, fields string) string {
	return fmt.Sprintf(`{"log": "l", "number": 1, "event": {"v": 1, "kind": "decided", "time": "2026-11-26T12:00:00Z", "call": "c",
		"procedure": "/acme.notes.v1.NoteService/%s", "principal": "ada", "scheme": "session", %s}}`, method, fields)
}

const (
	allowed = `"outcome": "allow", "stage": "handle", "grant": "g", `
	kept    = `"outcome": "deny", "stage": "authorize", "reason": "no grant holds", `
	// reads is what the grants of Read read.
	reads = `"reads": ["principal.roles", "request.org_id", "principal.claims.org_ids", "principal.scopes", "request.draft", "request.size", "request.note_id", "principal.id"]`
)

// actionOf is an action of a contract, by its method.
func actionOf(t *testing.T, contract *review.Contract, method string) review.Action {
	t.Helper()
	for _, action := range contract.Actions() {
		if action.Method == method {
			return action
		}
	}
	t.Fatalf("there is no %s", method)
	return review.Action{}
}

// TestReplay decides recorded calls again, by the contract that is in testdata or by a
// changed one.
func TestReplay(t *testing.T) {
	t.Parallel()
	const (
		reader = `"roles": ["editor"], "claims": {"orgIds": ["acme"]}, "request": {"orgId": "acme"}`
		other  = `"roles": ["editor"], "claims": {"orgIds": ["b"]}, "request": {"orgId": "acme"}`
	)
	values := func(fields ...string) string { return `"values": {` + strings.Join(fields, ", ") + `}` }
	grown := []string{`["session", "token"]`, `"token"`}
	tests := []struct {
		name    string
		replace []string
		event   string
		want    string // "same", or the outcome and the reason; or what it is counted as
	}{
		{"let in as before", nil, recorded("Read", allowed+values(reads, reader)), "same"},
		{"denied as before", nil, recorded("Read", kept+values(reads, other)), "same"},
		{"now denied", nil, recorded("Read", allowed+values(reads, other)), "now denied: no grant holds"},
		{"now let in", nil, recorded("Read", kept+values(reads, reader)), "now let in: by org_reader"},
		{"without values", nil, recorded("Read", allowed[:len(allowed)-2]), "undecided: the events lack principal.roles, request.org_id, principal.claims.org_ids, principal.scopes, request.draft, request.size, request.note_id"},
		{"one is redacted, and matters", nil, recorded("Read", kept+values(reads, `"incomplete": ["request.org_id"]`, reader)), "undecided: the events lack request.org_id"},
		{"one is redacted, and does not matter", nil, recorded("Read", kept+values(reads, `"incomplete": ["request.note_id"]`, `"request": {"orgId": "acme"}`)), "same"},
		{"one is read that was not", []string{`'reader' in principal.roles`, `'reader' in principal.roles && principal.claims.org_ids.exists(o, o == 'acme')`},
			recorded("Staff", allowed+values(`"reads": ["principal.roles"]`, `"roles": ["reader"]`)), "undecided: the events lack principal.claims.org_ids"},
		{"one is read that was not, and is out for more", []string{`'reader' in principal.roles"`, `principal.claims.org_ids.exists(o, o == 'acme')" any_role: "admin"`},
			recorded("Staff", allowed+values(`"reads": ["principal.roles"]`, `"roles": ["reader"]`)), "now denied: no grant holds"},
		{"all of the claims were read", []string{`'reader' in principal.roles`, `principal.claims.org_ids.exists(o, o == 'acme')`},
			recorded("Staff", allowed+values(`"reads": ["principal.claims"]`, `"claims": {"orgIds": ["acme"], "gone": 1}`)), "same"},
		{"a pseudonym", []string{`'reader' in principal.roles`, `principal.id == 'ada'`},
			strings.Replace(recorded("Staff", allowed+values(`"reads": ["principal.id"]`)), `"ada"`, `"hmac-sha256:00"`, 1), "undecided: the events lack principal.id"},
		{"an id", []string{`'reader' in principal.roles`, `principal.id == 'ada'`}, recorded("Staff", allowed[:len(allowed)-2]), "same"},
		{"what fits no more", []string{`string org_id = 1 [(buf.validate.field).string.min_len = 1];`, `string org_id = 1 [(buf.validate.field).string.min_len = 1]; repeated int32 other = 9;`,
			`string note_id = 2`, `int32 note = 10; string note_id = 2`}, recorded("Read", kept+values(reads, `"roles": ["reader"], "request": {"orgId": 7}`)), "undecided: the events lack request.org_id"},

		{"a scheme is gone", grown, recorded("Read", allowed+values(reads, reader)), `now denied: the action does not take scheme "session"`},
		{"another scheme is gone", grown, strings.Replace(recorded("Read", allowed+values(reads, reader)), `"session"`, `"token"`, 1), "same"},
		{"anonymous now", []string{`authenticate: {schemes: "session"}
      authorize: {anyone: "it is about the caller alone"}`, `authenticate: {anonymous: "why not"} authorize: {anyone: "it is about the caller alone"}`},
			recorded("Mine", kept+`"scoped": true`), "now let in: by anyone"},
		{"not anonymous any more", []string{`authenticate: {anonymous: "probes have | no <credential>"}`, `authenticate: {schemes: "session"}`},
			strings.Replace(recorded("Health", allowed[:len(allowed)-2]), `"principal": "ada", "scheme": "session", `, "", 1), "undecided: the events lack principal"},
		{"fresh", nil, recorded("Watch", allowed+values(`"reads": ["principal.roles", "check is_open", "principal.authenticated_at"]`, `"roles": ["admin"], "answers": {"is_open": true}, "authenticated_at": "2026-11-26T11:45:00Z"`)), "same"},
		{"not fresh", []string{"{seconds: 900}", "{seconds: 899}"}, recorded("Watch", allowed+values(`"reads": ["principal.roles", "check is_open", "principal.authenticated_at"]`, `"roles": ["admin"], "answers": {"is_open": true}, "authenticated_at": "2026-11-26T11:45:00Z"`)),
			"now denied: the caller did not authenticate within the last 14m59s"},
		{"when is not recorded", nil, recorded("Watch", allowed+values(`"reads": ["principal.roles", "check is_open"]`, `"roles": ["admin"], "answers": {"is_open": true}`)), "undecided: the events lack principal.authenticated_at"},
		{"a check that said no", nil, recorded("Watch", kept+values(`"reads": ["principal.roles", "check is_open", "principal.authenticated_at"]`, `"roles": ["admin"], "answers": {"is_open": false}, "authenticated_at": "2026-11-26T11:45:00Z"`)), "same"},
		{"another check", []string{`check: "is_open"`, `check: "is_shut"`}, recorded("Watch", kept+values(`"reads": ["principal.roles", "check is_open", "principal.authenticated_at"]`, `"roles": ["admin"], "answers": {"is_open": false}, "authenticated_at": "2026-11-26T11:45:00Z"`)),
			"undecided: the events lack check is_shut"},

		{"a scoped credential", nil, recorded("Read", allowed+`"scoped": true, `+values(reads, reader, `"scoped": true, "credential_scopes": ["notes.read"]`)), "same"},
		{"no scoped credential any more", []string{`credential_scopes: "notes.read"`, ""}, recorded("Read", allowed+`"scoped": true, `+values(reads, reader, `"scoped": true, "credential_scopes": ["notes.read"]`)), "now denied: the action takes no scoped credential"},
		{"a scope that is not recorded", nil, recorded("Read", kept+`"scoped": true, `+values(reads, reader, `"scoped": true`)), "undecided: the events lack whether the credential carries notes.read"},
		{"a scope that it lacked", nil, recorded("Read", kept+`"scoped": true, "missing_scopes": ["notes.read"], `+values(reads, reader, `"scoped": true`)), "same"},

		{"an action that is gone", []string{"rpc Staff(", "rpc Team("}, recorded("Staff", allowed+values(`"reads": ["principal.roles"]`, `"roles": ["reader"]`)), "now denied: there is no such action"},
		{"an action that is gone, and denied", []string{"rpc Staff(", "rpc Team("}, recorded("Staff", kept+values(`"reads": ["principal.roles"]`)), "same"},

		{"before the grants", nil, recorded("Read", `"outcome": "deny", "stage": "authenticate"`), "before"},
		{"an end", nil, strings.Replace(recorded("Read", allowed+values(reads, other)), `"decided"`, `"ended"`, 1), "other"},
		{"a question", nil, strings.Replace(recorded("Read", allowed+values(reads, other)), `"decided"`, `"question"`, 1), "other"},
		{"a stream", nil, strings.Replace(recorded("Read", allowed+values(reads, other)), `"decided"`, `"opened"`, 1), "now denied: no grant holds"},
		{"a message", nil, strings.Replace(recorded("Read", kept+values(reads, other)), `"decided"`, `"message"`, 1), "same"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			contract := seeded(t, reviewtest.Seed{Replace: test.replace})
			replay, err := contract.Replay(t.Context(), review.ReadEvents(strings.NewReader(test.event)))
			if err != nil {
				t.Fatal(err)
			}
			got := ""
			switch {
			case replay.Same == 1:
				got = "same"
			case replay.Before == 1:
				got = "before"
			case replay.Others == 1:
				got = "other"
			case len(replay.Groups) == 1:
				got = string(replay.Groups[0].Outcome) + ": " + replay.Groups[0].Because
			}
			if got != test.want || replay.Differs() != (replay.Same+replay.Before+replay.Others == 0) {
				t.Errorf("got %q, want %q: %+v", got, test.want, replay)
			}
		})
	}
}

// TestReplaySameContract takes what the same contract decided to be as it was, also where
// its values are not there.
func TestReplaySameContract(t *testing.T) {
	t.Parallel()
	contract := contractOf(t, "testdata/proto")
	for fingerprint, same := range map[string]int{contract.Fingerprint: 1, "sha256:other": 0} {
		event := recorded("Staff", allowed+`"contract": "`+fingerprint+`"`)
		replay, err := contract.Replay(t.Context(), review.ReadEvents(strings.NewReader(event)))
		if err != nil || replay.Same != same || replay.Undecided != 1-same {
			t.Errorf("%+v, %v", replay, err)
		}
	}
}

// TestReplayGroups counts calls of one reason together, and writes them.
func TestReplayGroups(t *testing.T) {
	t.Parallel()
	contract := contractOf(t, "testdata/proto")
	staff := recorded("Staff", kept+`"values": {"reads": ["principal.roles"], "roles": ["reader"]}`)
	events := strings.Join([]string{
		staff, strings.Replace(staff, `"ada"`, `"<b>|\u001b"`, 1), strings.Replace(staff, "12:00:00", "13:00:00", 1), strings.Replace(staff, "12:00:00", "11:00:00", 1),
		recorded("Gone", allowed+`"values": {}`), recorded("Staff", allowed[:len(allowed)-2]), recorded("Read", `"outcome": "deny", "stage": "validate"`),
		`{"v": 1, "kind": "log opened", "time": "2026-11-26T00:00:00Z"}`,
	}, "\n")
	replay, err := contract.Replay(t.Context(), review.ReadEvents(strings.NewReader(events)))
	if err != nil {
		t.Fatal(err)
	}
	if len(replay.Groups) != 3 || replay.Groups[0].Calls != 4 || replay.Groups[0].Principals != 2 || !replay.Groups[0].Last.After(replay.Groups[0].First.Time) ||
		replay.NowLetIn != 4 || replay.NowDenied != 1 || replay.Undecided != 1 || replay.Before != 1 || replay.Others != 1 {
		t.Errorf("%+v", replay)
	}
	for name, write := range map[string]func(io.Writer) error{"replay.txt": replay.WriteText, "replay.md": replay.WriteMarkdown, "replay.json": replay.WriteJSON} {
		expectGolden(t, name, write)
	}
}

// TestReadEvents refuses what is no event, and says where.
func TestReadEvents(t *testing.T) {
	t.Parallel()
	good := recorded("Staff", allowed[:len(allowed)-2])
	for text, want := range map[string]string{
		"":                                       "",
		good + good:                              "",
		good + `{"v": 1`:                         "event 2: unexpected EOF",
		`[]`:                                     "event 1: json: cannot unmarshal array",
		`{"v": 2, "kind": "decided"}`:            "event 1: it is no event of version 1",
		`{"v": 1}`:                               "it is no event of version 1",
		`{"log": "l", "number": 1}`:              "it is no event of version 1",
		`{"time": "x", "msg": "decided"}`:        "it is a line of a logger",
		`{"event": {"v": "1", "kind": "x"}}`:     "event 1: json",
		good + "\n" + `{"v": 1, "kind": 7} x`:    "event 2: json",
		`{"v": 1, "kind": "decided"}` + "\nrest": "event 2: invalid character",
	} {
		var got error
		for _, err := range review.ReadEvents(strings.NewReader(text)) {
			got = err
		}
		if want == "" && got != nil || want != "" && (got == nil || !strings.Contains(got.Error(), want)) {
			t.Errorf("%s: %v, want %q", text, got, want)
		}
	}
}

// TestExplainEvent explains recorded calls: what the event has, and what it lacks.
func TestExplainEvent(t *testing.T) {
	t.Parallel()
	contract := contractOf(t, "testdata/proto")
	for name, test := range map[string]struct {
		method, event string
		want          string
	}{
		"let in": {"Staff", recorded("Staff", allowed+`"values": {"reads": ["principal.roles"], "roles": ["editor"]}`), `/acme.notes.v1.NoteService/Staff: allowed by allow[0]
  the event: allowed by g
  authenticate passes
    principal "ada" by scheme "session"
  authorize passes
    allow[0]: cel 'reader' in principal.roles holds: principal.roles is a list of 2
`},
		"lacks": {"Staff", recorded("Staff", kept+`"values": {"reads": ["principal.id"]}`), `/acme.notes.v1.NoteService/Staff: undecided
  the event: denied at authorize: no grant holds
  authenticate passes
    principal "ada" by scheme "session"
  authorize is not decided
    allow[0]: cel 'reader' in principal.roles is not decided: it is not known: principal.roles
    the event lacks principal.roles
`},
		"before the grants": {"Staff", recorded("Staff", `"outcome": "deny", "stage": "validate", "reason": "org_id: too short"`), `/acme.notes.v1.NoteService/Staff: denied
  the event: denied at validate: org_id: too short
  validate stops
    the event says: org_id: too short
`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for event, err := range review.ReadEvents(strings.NewReader(test.event)) {
				if err != nil {
					t.Fatal(err)
				}
				var text strings.Builder
				explained, err := actionOf(t, contract, test.method).ExplainEvent(t.Context(), &event)
				if err == nil {
					err = explained.WriteText(&text)
				}
				if diff := cmp.Diff(test.want, text.String()); err != nil || diff != "" {
					t.Errorf("%v: -want +got:\n%s", err, diff)
				}
			}
		})
	}
	if _, err := actionOf(t, contract, "Staff").ExplainEvent(t.Context(), &review.Event{Kind: "ended", Outcome: "allow"}); !errors.Is(err, review.ErrNoDecision) {
		t.Errorf("an end: %v", err)
	}
}
