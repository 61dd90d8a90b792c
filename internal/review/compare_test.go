package review_test

import (
	"bytes"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/sallyport-rpc/sallyport/internal/review"
	"github.com/sallyport-rpc/sallyport/internal/review/reviewtest"
)

// seeded is the contract in testdata with a change.
func seeded(t *testing.T, of reviewtest.Seed) *review.Contract {
	t.Helper()
	dir := t.TempDir()
	if err := of.Write("testdata/proto", dir); err != nil {
		t.Fatal(err)
	}
	return contractOf(t, dir)
}

// TestCompare seeds a contract with one change of each kind, and with changes that change
// nothing. What is looser by a grant shows a call.
func TestCompare(t *testing.T) {
	t.Parallel()
	before := contractOf(t, "testdata/proto")
	for _, test := range reviewtest.Seeds() {
		t.Run(test.Name, func(t *testing.T) {
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
			want := slices.Sorted(slices.Values(test.Want))
			slices.Sort(got)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			var failing []string
			for _, change := range changes {
				if change.Fails() {
					failing = append(failing, change.Kind)
				}
				if !slices.ContainsFunc(review.Kinds(), func(kind review.Kind) bool { return kind.ID == change.Kind }) && change.Fails() {
					t.Errorf("%s fails, and is none of the kinds", change.Kind)
				}
			}
			slices.Sort(failing)
			if diff := cmp.Diff(test.Failing(), failing, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("what fails: -want +got:\n%s", diff)
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
	coarse, fine := seeded(t, reviewtest.Seed{Replace: []string{"per: ADDRESS", "per: ACTION"}}), contractOf(t, "testdata/proto")
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
	after := seeded(t, reviewtest.Seed{Replace: []string{
		`["session", "token"]`, `["session", "token", "cookie"]`, ` && !request.draft`, ``, `any_role: "reader" when`, `any_role: "editor" when`,
		`'reader' in principal.roles`, `principal.id.matches('(?m)^staff-')`, "rpc Mine(", "rpc Own(", "recheck: {seconds: 30}", "recheck: {seconds: 10}",
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
