package review_test

import (
	"io"
	"testing"

	"github.com/sallyport-rpc/sallyport/internal/review"
	"github.com/sallyport-rpc/sallyport/internal/review/reviewtest"
)

// withRelation is the contract with a grant that asks a relation engine.
func withRelation(t *testing.T, relation string) *review.Contract {
	t.Helper()
	return seeded(t, reviewtest.Seed{Replace: []string{
		`authorize: {allow: {cel: "'reader' in principal.roles"}}`, `authorize: {allow: {any_role: "reader" ` + relation + `}}`,
	}})
}

// TestExplainRelation compares what is explained of a relation with the golden files: that it
// was not asked, what it said, and what would help.
func TestExplainRelation(t *testing.T) {
	t.Parallel()
	contract := withRelation(t, `relation: {name: "viewer" object: "note" id: "request.note_id"}`)
	actions := contract.Actions()
	staff := actions[len(actions)-1]
	const asked = "relation viewer of note request.note_id"
	for name, question := range map[string]review.Question{
		"relation_unanswered.txt": {Caller: review.Caller{ID: "ada", Roles: []string{"reader"}}},
		"relation_yes.txt":        {Caller: review.Caller{ID: "ada", Roles: []string{"reader"}}, Answers: map[string]bool{asked: true}},
		"relation_no.txt":         {Caller: review.Caller{ID: "ada", Roles: []string{"reader"}}, Answers: map[string]bool{asked: false}},
		"relation_not_asked.txt":  {Caller: review.Caller{ID: "ada"}, Answers: map[string]bool{asked: true}},
	} {
		question.Now, question.Request = noon, `{"orgId": "acme", "noteId": "n"}`
		explained, err := staff.Explain(t.Context(), question)
		if err != nil {
			t.Fatal(err)
		}
		expectGolden(t, name, explained.WriteText)
	}
}

// TestCompareRelation compares what is written of a change of a relation with the golden file.
func TestCompareRelation(t *testing.T) {
	t.Parallel()
	before := withRelation(t, `relation: {name: "viewer" object: "note" id: "request.note_id"}`)
	for name, relation := range map[string]string{
		"relation_other.txt":   `relation: {name: "editor" object: "note" id: "request.note_id"}`,
		"relation_removed.txt": ``,
		"relation_other_id.md": `relation: {name: "viewer" object: "note" id: "request.org_id"}`,
	} {
		changes, err := review.Compare(before, withRelation(t, relation))
		if err != nil {
			t.Fatal(err)
		}
		expectGolden(t, name, func(out io.Writer) error {
			if name == "relation_other_id.md" {
				return review.WriteChangesMarkdown(out, changes)
			}
			return review.WriteChanges(out, changes)
		})
	}
}
