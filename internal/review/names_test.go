package review_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/sallyport-rpc/sallyport/internal/review"
	"github.com/sallyport-rpc/sallyport/internal/review/reviewtest"
)

// withNames is the contract with a field in what the actions are called with, whose option is
// given; "none" is without the field.
func withNames(t *testing.T, names string) *review.Contract {
	t.Helper()
	field := `string sorted = 90;`
	switch names {
	case "none":
		field = ""
	case "":
	default:
		field = `string sorted = 90 [(sallyport.v1.field).names = {` + names + `}];`
	}
	return seeded(t, reviewtest.Seed{Replace: []string{
		"message Response {}", `message Response { string text = 2; } message Other { string text = 1; }`, "message Request {", "message Request { " + field,
	}})
}

// A mark that is gone is looser, as is a reason that is given, and a mark that is added is
// tighter.
func TestCompareNames(t *testing.T) {
	t.Parallel()
	const (
		marked   = `of: "acme.notes.v1.Response"`
		other    = `of: "acme.notes.v1.Other"`
		harmless = `harmless: "by id alone"`
		reason   = `harmless: "by its title alone"`
	)
	for name, test := range map[string]struct {
		old, now, want string
		fails          bool
	}{
		"the same":           {marked, marked, "", false},
		"the same reason":    {harmless, harmless, "", false},
		"marked":             {"", marked, "tighter names-given", false},
		"new and marked":     {"none", marked, "", false},
		"new and harmless":   {"none", harmless, "looser names-harmless", true},
		"new and neither":    {"none", "", "", false},
		"marked, and gone":   {marked, "none", "", false},
		"not marked":         {marked, "", "looser names-removed", true},
		"harmless":           {"", harmless, "looser names-harmless", true},
		"harmless, marked":   {harmless, marked, "tighter names-given", false},
		"marked, harmless":   {marked, harmless, "looser names-harmless", true},
		"a reason gone":      {harmless, "", "tighter names-reason-removed", false},
		"another reason":     {harmless, reason, "different names-reason", false},
		"of another message": {marked, other, "undecided names-changed", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			changes, err := review.Compare(withNames(t, test.old), withNames(t, test.now))
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, change := range changes {
				got = append(got, string(change.Judgement)+" "+change.Kind)
				if change.Subject != "field acme.notes.v1.Request.sorted" || change.Fails() != test.fails {
					t.Errorf("%+v fails: %t", change, change.Fails())
				}
			}
			if strings.Join(got, ", ") != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

// Each form of the matrix says what requests name, and for what reason a field is left.
func TestMatrixNames(t *testing.T) {
	t.Parallel()
	for names, want := range map[string][]string{
		`of: "acme.notes.v1.Response"`: {"acme.notes.v1.Request.sorted", "acme.notes.v1.Response"},
		`harmless: "by id alone"`:      {"acme.notes.v1.Request.sorted", "by id alone"},
	} {
		contract := withNames(t, names)
		for _, form := range []string{"text", "markdown", "html", "csv", "json"} {
			var text bytes.Buffer
			if err := actionWriter(contract, form)(&text); err != nil {
				t.Fatal(err)
			}
			plain := strings.NewReplacer("\\", "").Replace(text.String())
			for _, want := range want {
				if !strings.Contains(plain, want) {
					t.Errorf("%s has no %s:\n%s", form, want, plain)
				}
			}
		}
	}
}

// An explanation says what a call may not name.
func TestExplainNames(t *testing.T) {
	t.Parallel()
	contract := seeded(t, reviewtest.Seed{Replace: []string{
		"message Response {}", `message Response { string text = 2 [(sallyport.v1.field).read.allow = {any_role: "editor"}]; string title = 3; }`,
		"message Request {", `message Request { string sorted = 90 [(sallyport.v1.field).names.of = "acme.notes.v1.Response"];`,
		`authenticate: {anonymous: "probes have | no <credential>"}`, `authenticate: {schemes: "session"}`,
	}})
	for name, test := range map[string]struct {
		principal, sorted string
		allowed           bool
		why               string
	}{
		"what all may read":       {`{"id": "ada"}`, "title desc", true, "names no field that its caller may not read"},
		"what the caller may":     {`{"id": "ada", "roles": ["editor"]}`, "text", true, "names no field that its caller may not read"},
		"what the caller may not": {`{"id": "ada"}`, "title, text", false, "sorted names acme.notes.v1.Response.text, which its caller may not read"},
		"what is not there":       {`{"id": "ada"}`, "ghost", false, "names no field of acme.notes.v1.Response"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			caller, err := review.ReadCaller(strings.NewReader(test.principal))
			if err != nil {
				t.Fatal(err)
			}
			actions := contract.Actions()
			at := slices.IndexFunc(actions, func(action review.Action) bool { return action.Method == "Mine" })
			explained, err := actions[at].Explain(t.Context(), review.Question{Caller: caller, Request: `{"orgId": "acme", "noteId": "n", "sorted": "` + test.sorted + `"}`, Now: noon})
			if err != nil {
				t.Fatal(err)
			}
			last := explained.Steps[len(explained.Steps)-1]
			if explained.Allowed != test.allowed || last.Name != "name" || last.Passed != test.allowed || !strings.Contains(last.Why[0], test.why) {
				t.Errorf("allowed is %t, and the last step %+v", explained.Allowed, last)
			}
		})
	}
}
