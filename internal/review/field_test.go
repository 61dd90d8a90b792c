package review_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/sallyport-rpc/sallyport/internal/prove"
	"github.com/sallyport-rpc/sallyport/internal/review"
	"github.com/sallyport-rpc/sallyport/internal/review/reviewtest"
)

// withField is the contract with a field in what the actions answer, whose read rule is
// given; an action of strangers is not in it, which could not answer with a guarded one.
func withField(t *testing.T, rule string) *review.Contract {
	t.Helper()
	option := ""
	if rule != "" {
		option = " [(sallyport.v1.field).read = {" + rule + "}]"
	}
	return seeded(t, reviewtest.Seed{Replace: []string{
		"message Response {}", "message Response { string owner_id = 1; string text = 2" + option + "; }",
		`authenticate: {anonymous: "probes have | no <credential>"}`, `authenticate: {schemes: "session"}`,
	}})
}

// A field opened is looser, one that is closed tighter, and what is not seen is undecided:
// it is never the same.
func TestCompareFields(t *testing.T) {
	t.Parallel()
	const (
		editor = `allow: {any_role: "editor"}`
		admin  = `allow: {any_role: "admin"}`
		reader = `allow: {any_role: "reader"}`
		owner  = `allow: {cel: "this.owner_id == principal.id"}`
		named  = `allow: {cel: "principal.id == this.owner_id"}`
		anyone = `anyone: "why not"`
	)
	for name, test := range map[string]struct {
		old, now, want string
		fails          bool
	}{
		"the same":               {editor, editor, "", false},
		"none":                   {"", "", "", false},
		"none and anyone":        {"", anyone, "", false},
		"guarded":                {"", editor, "tighter field-guarded", false},
		"guarded after anyone":   {anyone, editor, "tighter field-guarded", false},
		"opened":                 {editor, "", "looser field-opened", true},
		"opened to anyone":       {editor, anyone, "looser field-opened", true},
		"a grant more":           {editor, editor + owner, "looser field-looser", true},
		"a grant less":           {editor + owner, editor, "tighter field-tighter", false},
		"in another order":       {editor + owner, owner + editor, "", false},
		"a role that more have":  {editor, reader, "looser field-looser", true},
		"a role that fewer have": {editor, admin, "tighter field-tighter", false},
		"another rule":           {editor, owner, "different field-different", true},
		"another expression":     {owner, named, "", false},
		"one reader more by it":  {owner, `allow: {cel: "this.owner_id == principal.id || principal.id == 'root'"}`, "looser field-looser", true},
		"one reader less by it":  {`allow: {cel: "this.owner_id == principal.id || principal.id == 'root'"}`, named, "tighter field-tighter", false},
		"what is not decided":    {owner, `allow: {cel: "this.owner_id == principal.id && size(this.owner_id) > 3"}`, "undecided field-undecided", true},
		"a condition more":       {editor, `allow: {any_role: "editor" cel: "this.owner_id == principal.id"}`, "tighter field-tighter", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			changes, err := review.Compare(withField(t, test.old), withField(t, test.now))
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, change := range changes {
				got = append(got, string(change.Judgement)+" "+change.Kind)
				for judgement, of := range map[review.Judgement]*prove.Witness{review.Looser: change.LetIn, review.Tighter: change.KeptOut} {
					shown := change.Judgement == judgement || change.Judgement == review.Different
					if compares := change.Kind != "field-opened" && change.Kind != "field-guarded"; compares && shown && (of == nil || of.Subject != "this" || of.Request != nil) {
						t.Errorf("%s shows %v", change.Kind, of)
					}
				}
				if change.Subject != "field acme.notes.v1.Response.text" || change.Fails() != test.fails {
					t.Errorf("%+v fails: %t", change, change.Fails())
				}
			}
			if strings.Join(got, ", ") != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
	gone, err := review.Compare(withField(t, editor), seeded(t, reviewtest.Seed{Replace: []string{
		`authenticate: {anonymous: "probes have | no <credential>"}`, `authenticate: {schemes: "session"}`,
	}}))
	if err != nil || len(gone) > 0 {
		t.Errorf("a field that is gone: %v, %v", gone, err)
	}
}

// Each form of the matrix says who may read the fields of what is answered.
func TestMatrixFields(t *testing.T) {
	t.Parallel()
	contract := withField(t, `allow: {any_role: "editor"} allow: {cel: "this.owner_id == principal.id"}`)
	for _, form := range []string{"text", "markdown", "html", "csv", "json"} {
		var text bytes.Buffer
		if err := actionWriter(contract, form)(&text); err != nil {
			t.Fatal(err)
		}
		plain := strings.NewReplacer("\\", "", "&#39;", "'").Replace(text.String())
		if want := "acme.notes.v1.Response.text"; !strings.Contains(plain, want) || !strings.Contains(plain, "this.owner_id == principal.id") {
			t.Errorf("%s has no %s:\n%s", form, want, plain)
		}
	}
	var open bytes.Buffer
	if err := withField(t, `anyone: "why not"`).WriteText(&open); err != nil || !strings.Contains(open.String(), "acme.notes.v1.Response.text is read by anyone: why not") {
		t.Errorf("%v: %s", err, open.String())
	}
}

// withWritten is the contract with a field in what the actions are called with, whose rules
// are given.
func withWritten(t *testing.T, rules string) *review.Contract {
	t.Helper()
	option := ""
	if rules != "" {
		option = " [(sallyport.v1.field) = {" + rules + "}]"
	}
	return seeded(t, reviewtest.Seed{Replace: []string{"message Request {", "message Request { optional string seal = 90" + option + ";"}})
}

// Who may write a field is compared, also where nothing says who may read it.
func TestCompareWriters(t *testing.T) {
	t.Parallel()
	const (
		editor = `write: {allow: {any_role: "editor"}}`
		both   = `write: {allow: {any_role: "editor"} allow: {any_role: "reader" all_scopes: "notes.read"}}`
		reader = `write: {allow: {any_role: "reader"}}`
		anyone = `write: {anyone: "why not"}`
		owner  = `write: {allow: {cel: "principal.id == 'root'"}}`
	)
	for name, test := range map[string]struct{ old, now, want string }{
		"the same":              {editor, editor, ""},
		"none and anyone":       {"", anyone, ""},
		"guarded":               {"", editor, "tighter field-guarded"},
		"opened":                {editor, "", "looser field-opened"},
		"opened to anyone":      {editor, anyone, "looser field-opened"},
		"a grant more":          {editor, both, "looser field-looser"},
		"a grant less":          {both, editor, "tighter field-tighter"},
		"a role that more have": {editor, reader, "looser field-looser"},
		"another rule":          {editor, owner, "undecided field-undecided"},
		"beside who reads it":   {editor + ` read: {allow: {any_role: "admin"}}`, anyone + ` read: {allow: {any_role: "admin"}}`, "looser field-opened"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			changes, err := review.Compare(withWritten(t, test.old), withWritten(t, test.now))
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, change := range changes {
				got = append(got, string(change.Judgement)+" "+change.Kind)
				if change.Subject != "field acme.notes.v1.Request.seal" {
					t.Errorf("%+v", change)
				}
			}
			if strings.Join(got, ", ") != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

// An explanation says what a call may not write.
func TestExplainWrites(t *testing.T) {
	t.Parallel()
	contract := seeded(t, reviewtest.Seed{Replace: []string{
		"message Request {", `message Request { optional string stamp = 90 [(sallyport.v1.field).write.allow = {any_role: "editor"}];`,
		`authenticate: {anonymous: "probes have | no <credential>"}`, `authenticate: {schemes: "session"}`,
	}})
	for name, test := range map[string]struct {
		principal, stamp string
		allowed          bool
		why              string
	}{
		"nothing":                 {`{"id": "ada"}`, ``, true, "writes no field that its caller may not write"},
		"what the caller may":     {`{"id": "ada", "roles": ["editor"]}`, `, "stamp": "x"`, true, "writes no field that its caller may not write"},
		"what the caller may not": {`{"id": "ada"}`, `, "stamp": "x"`, false, "acme.notes.v1.Request.stamp may not be written"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			caller, err := review.ReadCaller(strings.NewReader(test.principal))
			if err != nil {
				t.Fatal(err)
			}
			actions := contract.Actions()
			at := slices.IndexFunc(actions, func(action review.Action) bool { return action.Method == "Mine" })
			explained, err := actions[at].Explain(t.Context(), review.Question{Caller: caller, Request: `{"orgId": "acme", "noteId": "n"` + test.stamp + `}`, Now: noon})
			if err != nil {
				t.Fatal(err)
			}
			last := explained.Steps[len(explained.Steps)-1]
			if explained.Allowed != test.allowed || (explained.Grant != "") != test.allowed || last.Name != "write" || last.Passed != test.allowed || !strings.Contains(last.Why[0], test.why) {
				t.Errorf("allowed is %t, and the last step %+v", explained.Allowed, last)
			}
		})
	}
}
