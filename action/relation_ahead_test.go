package action_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"connectrpc.com/connect/v2"

	"github.com/sallyport-rpc/sallyport/authn"
	relationsv1 "github.com/sallyport-rpc/sallyport/gen/test/relations/v1"
	"github.com/sallyport-rpc/sallyport/relation"
)

// batcher is an engine that is asked several queries at once. It fails where it is asked one.
type batcher struct {
	*lister

	all func(ctx context.Context, queries []relation.Query) ([]bool, error)
}

func (b *batcher) CheckAll(ctx context.Context, queries []relation.Query) ([]bool, error) {
	b.mu.Lock()
	b.asked = append(b.asked, queries...)
	b.mu.Unlock()
	return b.all(ctx, queries)
}

func newBatcher(all func(ctx context.Context, queries []relation.Query) ([]bool, error)) *batcher {
	alone := func(context.Context, relation.Query) (bool, error) { return false, errors.New("it is asked one query") }
	none := func(context.Context, relation.Listing) ([]string, error) { return nil, nil }
	return &batcher{lister: &lister{engine: &engine{answer: alone}, list: none}, all: all}
}

// An engine that is asked about the elements of a list at once is asked each query once, and
// only what decides.
func TestElementsAreAskedAhead(t *testing.T) {
	t.Parallel()
	var held []string // the ids that the engine says yes to
	engine := newBatcher(func(_ context.Context, queries []relation.Query) ([]bool, error) {
		answers := make([]bool, len(queries))
		for i, query := range queries {
			answers[i] = query.User == "ada" && slices.Contains(held, query.Relation+" "+query.ID)
		}
		return answers, nil
	})
	documents := func(ids ...string) (all []*relationsv1.Document) {
		for _, id := range ids {
			all = append(all, &relationsv1.Document{Id: id, FolderId: "work"})
		}
		return all
	}
	work := []string{"work"}
	for _, test := range []struct {
		name    string
		who     string
		roles   []string
		folders []string
		answers []*relationsv1.Document
		held    []string
		asked   []string
		code    connect.Code
	}{
		{"two", "ada", nil, work, documents("a", "b"), []string{"viewer a", "viewer b"}, []string{"viewer a", "viewer b"}, 0},
		{"one twice", "ada", nil, work, documents("a", "b", "a"), []string{"viewer a", "viewer b"}, []string{"viewer a", "viewer b"}, 0},
		{"one is not held", "ada", nil, work, documents("a", "b"), []string{"viewer a"}, []string{"viewer a", "viewer b"}, connect.CodeInternal},
		{"another's", "bob", nil, work, documents("a", "b"), []string{"viewer a", "viewer b"}, []string{"viewer a", "viewer b"}, connect.CodeInternal},
		{"none of the folder", "ada", nil, nil, documents("a", "b"), []string{"viewer a", "viewer b"}, nil, connect.CodeInternal},
		{"by either relation", "ada", []string{"admin"}, work, documents("a", "b"), []string{"viewer a", "owner work"}, []string{"viewer a", "owner work", "viewer b"}, 0},
		{"an id that none can have", "ada", nil, work, documents("a", "b*"), []string{"viewer a", "viewer b*"}, []string{"viewer a"}, connect.CodeInternal},
	} {
		held = test.held
		engine.set(engine.answer)
		_, client, _ := newLister(t, engine, lending{answers: test.answers})
		_, err := client.List(callingAs(t.Context(), test.who, test.roles...), &relationsv1.ListRequest{FolderIds: test.folders})
		if err == nil && test.code != 0 || err != nil && connect.CodeOf(err) != test.code {
			t.Errorf("%s: got %v, want %v", test.name, err, test.code)
		}
		var asked []string
		for _, query := range engine.questions() {
			asked = append(asked, query.Relation+" "+query.ID)
		}
		if !slices.Equal(asked, test.asked) {
			t.Errorf("%s: it was asked %q, want %q", test.name, asked, test.asked)
		}
	}
}

// What an engine cannot answer at once is no yes.
func TestElementsAskedAheadFail(t *testing.T) {
	t.Parallel()
	never := make(chan struct{})
	t.Cleanup(func() { close(never) })
	yes := func(of []relation.Query) []bool { return slices.Repeat([]bool{true}, len(of)) }
	for name, test := range map[string]struct {
		all  func(context.Context, []relation.Query) ([]bool, error)
		code connect.Code
	}{
		"yes":              {func(_ context.Context, of []relation.Query) ([]bool, error) { return yes(of), nil }, 0},
		"yes and an error": {func(_ context.Context, of []relation.Query) ([]bool, error) { return yes(of), errors.New("broken") }, connect.CodeInternal},
		"an outage": {func(_ context.Context, of []relation.Query) ([]bool, error) {
			return yes(of), authn.Unavailable(errors.New("down"))
		}, connect.CodeUnavailable},
		"too few answers":  {func(_ context.Context, of []relation.Query) ([]bool, error) { return yes(of[1:]), nil }, connect.CodeInternal},
		"too many answers": {func(_ context.Context, of []relation.Query) ([]bool, error) { return append(yes(of), true), nil }, connect.CodeInternal},
		"nothing":          {func(context.Context, []relation.Query) ([]bool, error) { return nil, nil }, connect.CodeInternal},
		"a panic":          {func(context.Context, []relation.Query) ([]bool, error) { panic("broken") }, connect.CodeInternal},
		"it never comes":   {func(context.Context, []relation.Query) ([]bool, error) { <-never; return nil, nil }, connect.CodeUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			registry, client, _ := newLister(t, newBatcher(test.all), lending{answers: documents[:2]})
			timeout := time.Minute
			if name == "it never comes" {
				timeout = time.Millisecond
			}
			registry.WaitForRelations(timeout)
			_, err := client.List(callingAs(t.Context(), "ada"), &relationsv1.ListRequest{FolderIds: []string{"work"}})
			if err == nil && test.code != 0 || err != nil && connect.CodeOf(err) != test.code {
				t.Errorf("got %v, want %v", err, test.code)
			}
		})
	}
	// The caller leaves while the engine is asked.
	ctx, leave := context.WithCancel(t.Context())
	_, client, recorder := newLister(t, newBatcher(func(ctx context.Context, _ []relation.Query) ([]bool, error) {
		leave()
		<-ctx.Done()
		return nil, ctx.Err()
	}), lending{answers: documents[:2]})
	if _, err := client.List(callingAs(ctx, "ada"), &relationsv1.ListRequest{FolderIds: []string{"work"}}); connect.CodeOf(err) != connect.CodeCanceled {
		t.Errorf("of a caller who is gone: %v", err)
	}
	for _, of := range recorder.takeEvents() {
		if of.Err != nil && !errors.Is(of.Err, context.Canceled) {
			t.Errorf("a caller who is gone is a fault: %v", of.Err)
		}
	}
}

// One element is asked about by itself, also where the engine takes several.
func TestOneElementIsAskedAlone(t *testing.T) {
	t.Parallel()
	engine := newBatcher(func(context.Context, []relation.Query) ([]bool, error) { return nil, errors.New("it is asked several") })
	engine.set(func(context.Context, relation.Query) (bool, error) { return true, nil })
	_, client, _ := newLister(t, engine, lending{answers: documents[:1]})
	if _, err := client.List(callingAs(t.Context(), "ada"), &relationsv1.ListRequest{FolderIds: []string{"work"}}); err != nil {
		t.Error(err)
	}
}
