package review_test

import (
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sallyport-rpc/sallyport/internal/review"
)

// noon is when the calls come that are explained.
var noon = time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)

// TestExplain explains calls: each step of a gate stops one, and its nearest neighbour
// passes it.
func TestExplain(t *testing.T) {
	t.Parallel()
	contract := contractOf(t, "testdata/proto")
	const read = `{"orgId": "acme", "noteId": "n"}`
	for name, test := range map[string]struct {
		method, principal, request string
		answers                    map[string]bool
		allowed                    bool
		grant, last, why           string   // the last step, and what it says among other things
		helps                      []string // in words
		unanswered                 []string
	}{
		"anonymous":                  {method: "Health", principal: `{"id": "x"}`, request: read, allowed: true, grant: "anyone", last: "authorize", why: "anyone may call it"},
		"an invalid request":         {method: "Read", principal: `{"id": "ada"}`, request: `{"orgId": "acme"}`, last: "validate", why: "note_id"},
		"another scheme":             {method: "Read", principal: `{"id": "ada", "scheme": "cookie"}`, request: read, last: "authenticate", why: `the action does not take scheme "cookie", but session and token`},
		"expired":                    {method: "Mine", principal: `{"id": "ada", "expires_at": "2026-11-26T11:59:59Z"}`, request: read, last: "authenticate", why: "expired at 2026-11-26T11:59:59Z"},
		"not expired":                {method: "Mine", principal: `{"id": "ada", "expires_at": "2026-11-26T12:00:01Z"}`, request: read, allowed: true, grant: "anyone", last: "authorize"},
		"authenticated long ago":     {method: "Watch", principal: `{"id": "ada", "roles": ["admin"], "authenticated_at": "2026-11-26T11:44:59Z"}`, request: read, last: "authenticate", why: "must be within the last 15m"},
		"authenticated at no time":   {method: "Watch", principal: `{"id": "ada", "roles": ["admin"]}`, request: read, last: "authenticate", why: "is not known"},
		"authenticated tomorrow":     {method: "Watch", principal: `{"id": "ada", "roles": ["admin"], "authenticated_at": "2026-11-27T12:00:00Z"}`, request: read, last: "authenticate", why: "authenticated at 2026-11-27T12:00:00Z"},
		"a check that says nothing":  {method: "Watch", principal: `{"id": "ada", "roles": ["admin"], "authenticated_at": "2026-11-26T11:45:00Z"}`, request: read, last: "authorize", why: "is_open", unanswered: []string{"is_open"}},
		"a check that says yes":      {method: "Watch", principal: `{"id": "ada", "roles": ["admin"], "authenticated_at": "2026-11-26T11:45:00Z"}`, request: read, answers: map[string]bool{"is_open": true}, allowed: true, grant: "allow[0]", last: "authorize"},
		"a scoped credential":        {method: "Read", principal: `{"id": "ada", "scoped": true, "carried_scopes": ["notes.write"]}`, request: read, last: "credential", why: "must carry notes.read"},
		"no scoped credential":       {method: "Mine", principal: `{"id": "ada", "scoped": true, "carried_scopes": ["notes.read"]}`, request: read, last: "credential", why: "takes no scoped credential"},
		"a scoped credential enough": {method: "Read", principal: `{"id": "n", "scopes": ["notes.read"], "scoped": true, "carried_scopes": ["notes.read"]}`, request: read, allowed: true, grant: "allow[1]", last: "authorize"},
		"a role that includes it": {
			method: "Read", principal: `{"id": "ada", "roles": ["editor"], "claims": {"orgIds": ["acme"]}}`, request: read,
			allowed: true, grant: "org_reader", last: "authorize", why: "org_reader: any_role reader holds",
		},
		"a role is missing": {
			method: "Read", principal: `{"id": "ada", "claims": {"orgIds": ["acme"]}}`, request: read, last: "authorize", why: "any_role reader does not hold",
			helps: []string{"role admin", "role editor", "role reader"},
		},
		"a scope is missing": {method: "Read", principal: `{"id": "n"}`, request: read, last: "authorize", helps: []string{"scope notes.read"}},
		"nothing would help": {method: "Read", principal: `{"id": "ada"}`, request: read, last: "authorize", why: "does not hold"},
		"a role in CEL":      {method: "Staff", principal: `{"id": "ada"}`, request: read, last: "authorize", helps: []string{"role admin", "role editor", "role reader"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			caller, err := review.ReadCaller(strings.NewReader(test.principal))
			if err != nil {
				t.Fatal(err)
			}
			actions := contract.Actions()
			at := slices.IndexFunc(actions, func(action review.Action) bool { return action.Method == test.method })
			got, err := actions[at].Explain(t.Context(), review.Question{Caller: caller, Request: test.request, Now: noon, Answers: test.answers})
			if err != nil {
				t.Fatal(err)
			}
			last := got.Steps[len(got.Steps)-1]
			if got.Allowed != test.allowed || got.Grant != test.grant || last.Name != test.last || last.Passed != test.allowed || !strings.Contains(strings.Join(last.Why, "\n"), test.why) {
				t.Errorf("got %+v", got)
			}
			var helps []string
			for _, help := range got.Helps {
				helps = append(helps, help.String())
			}
			if diff := cmp.Diff(test.helps, helps); diff != "" {
				t.Errorf("helps: -want +got\n%s", diff)
			}
			if diff := cmp.Diff(test.unanswered, got.Unanswered); diff != "" {
				t.Errorf("unanswered: -want +got\n%s", diff)
			}
		})
	}
}

// TestExplainRefuses refuses questions that are wrong, each with what is wrong.
func TestExplainRefuses(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`{}`:                        "the principal has no id",
		`{"id": "ada", "role": []}`: "unknown field",
		`[]`:                        "write a JSON object",
		`{"id": "a", "carried_scopes": ["read"]}`: `add "scoped": true`,
	} {
		if _, err := review.ReadCaller(strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
	read := contractOf(t, "testdata/proto").Actions()[1]
	for want, question := range map[string]review.Question{
		"the request, a acme.notes.v1.Request": {Caller: review.Caller{ID: "ada"}, Request: `{"x": 1}`},
		"the claims, a acme.notes.v1.Claims":   {Caller: review.Caller{ID: "ada", Claims: []byte(`{"x": 1}`)}, Request: `{"orgId": "a", "noteId": "b"}`},
	} {
		if _, err := read.Explain(t.Context(), question); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

// TestWriteExplanation compares what is written of an explanation with the golden files.
func TestWriteExplanation(t *testing.T) {
	t.Parallel()
	actions := contractOf(t, "testdata/proto").Actions()
	denied, err := actions[1].Explain(t.Context(), review.Question{Caller: review.Caller{ID: "ada"}, Request: `{"orgId": "acme", "noteId": "ada"}`, Now: noon})
	if err != nil {
		t.Fatal(err)
	}
	unanswered, err := actions[2].Explain(t.Context(), review.Question{
		Caller: review.Caller{ID: "ada", Roles: []string{"admin"}, AuthenticatedAt: noon}, Request: `{"orgId": "acme", "noteId": "ada"}`, Now: noon,
	})
	if err != nil {
		t.Fatal(err)
	}
	for name, write := range map[string]func(io.Writer) error{
		"explained.txt": denied.WriteText, "explained.json": denied.WriteJSON, "unanswered.txt": unanswered.WriteText,
	} {
		expectGolden(t, name, write)
	}
}
