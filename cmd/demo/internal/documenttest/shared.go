package documenttest

import (
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"connectrpc.com/connect/v2"

	demov1 "github.com/sallyport-rpc/sallyport/gen/demo/v1"
	"github.com/sallyport-rpc/sallyport/relation"
)

// Run tests which users documents are shared with.
func Run(t *testing.T, open Opener) {
	t.Helper()
	t.Run("step by step", func(t *testing.T) { t.Parallel(); stepByStep(t, newFixture(t, open)) })
	t.Run("with no one", func(t *testing.T) { t.Parallel(); withNoOne(t, newFixture(t, open)) })
	t.Run("together", func(t *testing.T) { t.Parallel(); together(t, newFixture(t, open)) })
}

// stepByStep shares and unshares: what that says holds from the next call on.
func stepByStep(t *testing.T, f *fixture) {
	t.Helper()
	ctx := t.Context()
	plans, budget := f.create(t, "plans"), f.create(t, "budget")
	remove := func(id string) error {
		_, err := f.as("owner").DeleteDocument(ctx, &demov1.DeleteDocumentRequest{DocumentId: id})
		return err
	}
	all := map[string]string{"plans": plans, "budget": budget}
	for _, step := range []struct {
		what           string
		do             func() error
		ann, ben, cleo []string
	}{
		{what: "nothing is shared", do: func() error { return nil }},
		{what: "one is shared", do: func() error { return f.share(ctx, plans, "ann") }, ann: []string{"plans"}},
		{what: "both are, with more", do: func() error { return f.share(ctx, budget, "ann", "ben", "cleo") },
			ann: []string{"plans", "budget"}, ben: []string{"budget"}, cleo: []string{"budget"}},
		{what: "the same again", do: func() error { return f.share(ctx, budget, "ann", "ben", "cleo") },
			ann: []string{"plans", "budget"}, ben: []string{"budget"}, cleo: []string{"budget"}},
		{what: "another in place of one", do: func() error { return f.share(ctx, plans, "cleo") },
			ann: []string{"budget"}, ben: []string{"budget"}, cleo: []string{"plans", "budget"}},
		{what: "one is shared no longer", do: func() error { return f.share(ctx, plans) },
			ann: []string{"budget"}, ben: []string{"budget"}, cleo: []string{"budget"}},
		{what: "a user is deleted", do: func() error { return f.forget(t, "ben") }, ann: []string{"budget"}, cleo: []string{"budget"}},
		{what: "a document is deleted", do: func() error { return remove(budget) }},
		{what: "what is left is shared", do: func() error { return f.share(ctx, plans, "ann") }, ann: []string{"plans"}},
	} {
		if err := step.do(); err != nil {
			t.Fatalf("%s: %v", step.what, err)
		}
		for name, want := range map[string][]string{"ann": step.ann, "ben": step.ben, "cleo": step.cleo} {
			f.sees(t, step.what+", "+name, name, all, want)
		}
	}
}

// forget deletes a user as the demo does.
func (f *fixture) forget(t *testing.T, name string) error {
	t.Helper()
	if err := f.users.Delete(t.Context(), f.ids[name]); err != nil {
		return err
	}
	return f.users.Forget(t.Context(), f.ids[name])
}

// sees asserts that a user gets the documents of the titles alone, and lists them, and that
// the engine says the same of these documents.
func (f *fixture) sees(t *testing.T, what, name string, all map[string]string, want []string) {
	t.Helper()
	ctx := t.Context()
	for title, id := range all {
		seen := slices.Contains(want, title)
		_, err := f.as(name).GetDocument(ctx, &demov1.GetDocumentRequest{DocumentId: id})
		if (err == nil) != seen || err != nil && connect.CodeOf(err) != connect.CodeNotFound {
			t.Errorf("%s gets %s: %v, want it to be seen: %t", what, title, err, seen)
		}
		held, err := f.engine.Check(ctx, relation.Query{User: f.ids[name], Relation: "viewer", Object: "document", ID: id})
		if held != seen || err != nil {
			t.Errorf("%s: the engine says %t of %s, %v", what, held, title, err)
		}
		if _, err := f.as(name).UpdateDocument(ctx, &demov1.UpdateDocumentRequest{DocumentId: id, Title: "mine"}); connect.CodeOf(err) != connect.CodeNotFound {
			t.Errorf("%s updates %s: %v", what, title, err)
		}
	}
	for _, size := range []int32{0, 1} {
		var titles []string
		request := &demov1.ListDocumentsRequest{PageSize: size}
		for range len(want) + 1 {
			page, err := f.as(name).ListDocuments(ctx, request)
			if err != nil || page.GetTotalSize() != int64(len(want)) {
				t.Errorf("%s lists %v, %v", what, page, err)
			}
			for _, document := range page.GetDocuments() {
				titles = append(titles, document.GetTitle())
			}
			if request.PageToken = page.GetNextPageToken(); request.GetPageToken() == "" {
				break
			}
		}
		if !slices.Equal(titles, want) {
			t.Errorf("%s lists %q by %d, want %q", what, titles, size, want)
		}
	}
}

// withNoOne shares with a user who is not there, which changes nothing.
func withNoOne(t *testing.T, f *fixture) {
	t.Helper()
	plans := f.create(t, "plans")
	if err := f.share(t.Context(), plans, "ann"); err != nil {
		t.Fatal(err)
	}
	_, err := f.as("owner").ShareDocument(t.Context(), &demov1.ShareDocumentRequest{
		DocumentId: plans, State: demov1.Document_STATE_DRAFT, SharedWith: []string{f.ids["ben"], "00000000-0000-4000-8000-000000000000"},
	})
	if connect.CodeOf(err) != connect.CodeNotFound {
		t.Errorf("with no one: %v", err)
	}
	_, err = f.as("ann").ShareDocument(t.Context(), &demov1.ShareDocumentRequest{
		DocumentId: plans, State: demov1.Document_STATE_DRAFT, SharedWith: []string{f.ids["ben"]},
	})
	if connect.CodeOf(err) != connect.CodeNotFound {
		t.Errorf("by one it is shared with: %v", err)
	}
	f.sees(t, "ann", "ann", map[string]string{"plans": plans}, []string{"plans"})
	f.sees(t, "ben", "ben", map[string]string{"plans": plans}, nil)
}

// together shares documents from many sides at a time: in the end the engine says of each what
// the document says.
func together(t *testing.T, f *fixture) {
	t.Helper()
	ctx := t.Context()
	ids := []string{f.create(t, "a"), f.create(t, "b")}
	var sharing sync.WaitGroup
	for side := range 4 {
		sharing.Go(func() {
			random := rand.New(rand.NewPCG(1, uint64(side))) //nolint:gosec // the same in each run
			for range 6 {
				with := slices.DeleteFunc(slices.Clone(names[:]), func(string) bool { return random.IntN(2) == 0 })
				if err := f.share(ctx, ids[random.IntN(2)], with...); err != nil {
					t.Error(err)
				}
			}
		})
	}
	sharing.Wait()
	for _, id := range ids {
		got, err := f.as("owner").GetDocument(ctx, &demov1.GetDocumentRequest{DocumentId: id})
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			held, err := f.engine.Check(ctx, relation.Query{User: f.ids[name], Relation: "viewer", Object: "document", ID: id})
			if want := slices.Contains(got.GetDocument().GetSharedWith(), f.ids[name]); held != want || err != nil {
				t.Errorf("of %s the engine says %t, %v; it is shared: %t", name, held, err, want)
			}
		}
	}
}
