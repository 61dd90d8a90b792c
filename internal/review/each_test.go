package review_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/sallyport-rpc/sallyport/internal/review"
	"github.com/sallyport-rpc/sallyport/internal/review/reviewtest"
)

// withEach is the contract with elements in what actions answer, of which one says who sees
// them.
func withEach(t *testing.T, each string) *review.Contract {
	t.Helper()
	return seeded(t, reviewtest.Seed{Replace: []string{
		"message Response {}", "message Response { repeated Note notes = 1; int32 total = 2; repeated Other others = 3; } message Note { string owner_id = 1; } message Other { string owner_id = 1; }",
		`anyone: "it is about the caller alone"`, `anyone: "it is about the caller alone" ` + each,
	}})
}

// An `each` that is gone is looser, one that is new tighter, and what is not decided is never
// the same.
func TestCompareEach(t *testing.T) {
	t.Parallel()
	of := func(grants string) string { return `each: {items: "notes" ` + grants + `}` }
	const (
		editor = `allow: {any_role: "editor"}`
		reader = `allow: {any_role: "reader"}`
		admin  = `allow: {any_role: "admin"}`
		owner  = `allow: {cel: "item.owner_id == principal.id"}`
		named  = `allow: {cel: "principal.id == item.owner_id"}`
		viewer = `allow: {relation: {name: "viewer" object: "note" id: "item.owner_id"}}`
		keeper = `allow: {relation: {name: "keeper" object: "note" id: "item.owner_id"}}`
		both   = `allow: {any_role: "editor" relation: {name: "viewer" object: "note" id: "item.owner_id"}}`
	)
	for name, test := range map[string]struct {
		old, now, want string
		fails          bool
	}{
		"the same":               {of(editor), of(editor), "", false},
		"none":                   {"", "", "", false},
		"given":                  {"", of(editor), "tighter each-given", false},
		"removed":                {of(editor), "", "looser each-removed", true},
		"of another field":       {of(editor), `each: {items: "others" ` + editor + `}`, "looser each-removed, tighter each-given", true},
		"a grant more":           {of(editor), of(editor + owner), "looser each-looser", true},
		"a grant less":           {of(editor + owner), of(editor), "tighter each-tighter", false},
		"in another order":       {of(editor + owner), of(owner + editor), "", false},
		"a role that more have":  {of(editor), of(reader), "looser each-looser", true},
		"a role that fewer have": {of(editor), of(admin), "tighter each-tighter", false},
		"another rule":           {of(editor), of(owner), "different each-different", true},
		"another expression":     {of(owner), of(named), "", false},
		"the same relation":      {of(viewer), of(viewer), "", false},
		"a relation more":        {of(editor), of(editor + viewer), "looser each-looser", true},
		"a relation less":        {of(editor + viewer), of(editor), "tighter each-tighter", false},
		"another relation":       {of(viewer), of(keeper), "different each-different", true},
		"a role with a relation": {of(viewer), of(both), "tighter each-tighter", false},
		"no role with it":        {of(both), of(viewer), "looser each-looser", true},
		"undecided":              {of(owner), of(`allow: {cel: "item.owner_id == principal.id && size(item.owner_id) > 3"}`), "undecided each-undecided", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			before, after := withEach(t, test.old), withEach(t, test.now)
			if test.old != test.now && before.Fingerprint == after.Fingerprint {
				t.Error("the fingerprint does not have it")
			}
			changes, err := review.Compare(before, after)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			fails := false
			for _, change := range changes {
				got = append(got, string(change.Judgement)+" "+change.Kind)
				fails = fails || change.Fails()
			}
			if strings.Join(got, ", ") != test.want || fails != test.fails {
				t.Errorf("got %q, want %q; it fails: %t", got, test.want, fails)
			}
		})
	}
}

// Each form of the matrix says which elements are seen.
func TestMatrixEach(t *testing.T) {
	t.Parallel()
	contract := withEach(t, `each: {items: "notes" total: "total" allow: {relation: {name: "viewer" object: "note" id: "item.owner_id"}} allow: {cel: "item.owner_id == principal.id"}}`)
	for _, form := range []string{"text", "markdown", "html", "csv", "json"} {
		var text bytes.Buffer
		if err := actionWriter(contract, form)(&text); err != nil {
			t.Fatal(err)
		}
		plain := strings.NewReplacer("\\", "", "&#39;", "'").Replace(text.String())
		if !strings.Contains(plain, "item.owner_id == principal.id") || !strings.Contains(plain, "total") || !strings.Contains(plain, "viewer") || !strings.Contains(plain, "notes") {
			t.Errorf("%s does not have it:\n%s", form, plain)
		}
	}
}
