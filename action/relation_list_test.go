package action_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"connectrpc.com/connect/v2"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/action/actiontest"
	"github.com/sallyport-rpc/sallyport/authn"
	"github.com/sallyport-rpc/sallyport/filter"
	relationsv1 "github.com/sallyport-rpc/sallyport/gen/test/relations/v1"
	"github.com/sallyport-rpc/sallyport/gen/test/relations/v1/relationsv1action"
	"github.com/sallyport-rpc/sallyport/gen/test/relations/v1/relationsv1client"
	"github.com/sallyport-rpc/sallyport/relation"
)

// documents are what lists are of: each is called by its folder.
var documents = []*relationsv1.Document{
	{Id: "plan", FolderId: "work"}, {Id: "draft", FolderId: "work"}, {Id: "diary", FolderId: "home"}, {Id: "old", FolderId: "trash"}, {FolderId: "work"},
}

// A lending answers with its documents.
type lending struct {
	all     bool
	answers []*relationsv1.Document // in place of the documents, where there are some
}

// List answers with all documents, or with those that the filter matches.
func (l lending) List(ctx context.Context, call *action.Call[relationsv1.ListRequest]) (*relationsv1.ListResponse, error) {
	if l.all {
		return &relationsv1.ListResponse{Documents: documents}, nil
	}
	if l.answers != nil {
		return &relationsv1.ListResponse{Documents: l.answers}, nil
	}
	seen, err := call.Filter(ctx, "documents")
	if err != nil {
		return nil, err
	}
	return &relationsv1.ListResponse{Documents: matching(seen)}, nil
}

// Watch sends the first document over and over.
func (l lending) Watch(ctx context.Context, _ *action.Call[relationsv1.ListRequest], out *action.ServerStream[relationsv1.WatchResponse]) error {
	for ctx.Err() == nil {
		if err := out.Send(&relationsv1.WatchResponse{Document: documents[0]}); err != nil {
			return err
		}
	}
	return ctx.Err()
}

func matching(seen filter.Filter) []*relationsv1.Document {
	return slices.DeleteFunc(slices.Clone(documents), func(document *relationsv1.Document) bool { return !seen.Matches(document) })
}

func idsOf(of []*relationsv1.Document) string {
	ids := make([]string, len(of))
	for i, document := range of {
		ids[i] = document.GetId()
	}
	return strings.Join(ids, " ")
}

// lister is an engine that lists what it says yes to, unless it is told to fail.
type lister struct {
	*engine

	list func(ctx context.Context, listing relation.Listing) ([]string, error)
}

func (l *lister) List(ctx context.Context, listing relation.Listing) ([]string, error) {
	l.mu.Lock()
	l.asked = append(l.asked, relation.Query{User: listing.User, Relation: listing.Relation, Object: listing.Object})
	l.mu.Unlock()
	return l.list(ctx, listing)
}

// callers authenticate by the headers: "who" is the id, and "role" a role.
var callers = authn.AuthenticatorFunc(func(_ context.Context, call *connect.CallInfo) (*authn.Principal, error) {
	return authn.NewPrincipal(call.RequestHeader().Get("who"), authn.Details{Unscoped: true, Roles: call.RequestHeader().Values("role")}), nil
})

// newLister serves documents by an engine.
func newLister(t *testing.T, engine relation.Engine, of lending, options ...action.RegistryOption) (*action.Registry, relationsv1client.LibraryServiceClient, *recorder) {
	t.Helper()
	recorder := &recorder{}
	registry, err := action.NewRegistry(authn.Schemes{"test": callers}, append(options, action.WithRelations(engine), action.WithRecorder(recorder))...)
	if err != nil {
		t.Fatal(err)
	}
	if err := relationsv1action.RegisterLibraryService(registry, of); err != nil {
		t.Fatal(err)
	}
	return registry, relationsv1client.NewLibraryServiceClient(connect.NewClient(must(registry.InProcess()))), recorder
}

func callingAs(ctx context.Context, who string, roles ...string) context.Context {
	ctx, call := connect.NewClientContext(ctx)
	call.RequestHeader().Set("who", who)
	for _, role := range roles {
		call.RequestHeader().Add("role", role)
	}
	return ctx
}

// A list shows what its caller is related to, and each element is held against that again.
func TestListByRelation(t *testing.T) {
	t.Parallel()
	engine := actiontest.Relations{
		{User: "ada", Relation: "viewer", Object: "document", ID: "plan"}, {User: "ada", Relation: "viewer", Object: "document", ID: "diary"},
		{User: "ada", Relation: "viewer", Object: "document", ID: "no such"}, {User: "ada", Relation: "viewer", Object: "document", ID: ""},
		{User: "ada", Relation: "editor", Object: "document", ID: "draft"}, {User: "ada", Relation: "owner", Object: "folder", ID: "home"},
		{User: "bob", Relation: "viewer", Object: "folder", ID: "plan"}, {User: "a b", Relation: "viewer", Object: "document", ID: "plan"},
		{User: "root", Relation: "owner", Object: "folder", ID: "work"},
	}
	work, home := []string{"work"}, []string{"home", "work"}
	_, client, _ := newLister(t, engine, lending{})
	_, returnsAll, recorder := newLister(t, engine, lending{all: true})
	for name, test := range map[string]struct {
		who     string
		roles   []string
		folders []string
		want    string
	}{
		"related, in a folder":      {"ada", nil, work, "plan"},
		"related, in two":           {"ada", nil, home, "plan diary"},
		"related, in none":          {"ada", nil, nil, ""},
		"of another type":           {"bob", nil, home, ""},
		"an id that none can have":  {"a b", nil, work, ""},
		"related to nothing":        {"cyd", nil, home, ""},
		"a role":                    {"cyd", []string{"admin"}, home, "old"},
		"a role, and the relation":  {"root", []string{"admin"}, nil, "plan draft old "},
		"the relation, and no role": {"root", nil, nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			request := &relationsv1.ListRequest{FolderIds: test.folders}
			response, err := client.List(callingAs(t.Context(), test.who, test.roles...), request)
			if got := idsOf(response.GetDocuments()); err != nil || got != test.want {
				t.Errorf("got %q, %v, want %q", got, err, test.want)
			}
			// A handler that returns them all is stopped by the gate.
			if _, err := returnsAll.List(callingAs(t.Context(), test.who, test.roles...), request); connect.CodeOf(err) != connect.CodeInternal {
				t.Errorf("all documents are answered: %v", err)
			}
		})
	}
	t.Cleanup(func() {
		for _, of := range recorder.takeEvents() {
			if strings.Contains(of.Reason, "plan") || strings.Contains(of.Reason, "draft") {
				t.Errorf("an event says %q", of.Reason)
			}
		}
	})
}

// The engine is asked last, once for the same listing, and not where all else decides.
func TestListingIsAskedLast(t *testing.T) {
	t.Parallel()
	yes := func(context.Context, relation.Query) (bool, error) { return true, nil }
	engine := &lister{engine: &engine{answer: yes}, list: func(context.Context, relation.Listing) ([]string, error) { return nil, nil }}
	_, client, _ := newLister(t, engine, lending{})
	for name, test := range map[string]struct {
		folders []string
		roles   []string
		want    []string
	}{
		"no folder":        {nil, nil, nil},
		"a folder":         {[]string{"work"}, nil, []string{"viewer"}},
		"a role":           {nil, []string{"admin"}, []string{"owner"}},
		"a role, a folder": {[]string{"work"}, []string{"admin"}, []string{"viewer", "owner"}},
	} {
		engine.set(yes)
		if _, err := client.List(callingAs(t.Context(), "ada", test.roles...), &relationsv1.ListRequest{FolderIds: test.folders}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		var asked []string
		for _, of := range engine.questions() {
			asked = append(asked, of.Relation)
		}
		if !slices.Equal(asked, test.want) {
			t.Errorf("%s: it was asked %q, want %q", name, asked, test.want)
		}
	}
}

// What the engine cannot list is never a short list.
func TestListingFails(t *testing.T) {
	t.Parallel()
	many := func(count int) []string {
		ids := make([]string, count)
		for i := range ids {
			ids[i] = strconv.Itoa(i)
		}
		return ids
	}
	never := make(chan struct{})
	t.Cleanup(func() { close(never) })
	for name, test := range map[string]struct {
		list func(context.Context, relation.Listing) ([]string, error)
		want connect.Code // 0 is an answer
	}{
		"as many as there may be": {func(_ context.Context, of relation.Listing) ([]string, error) { return many(of.Most), nil }, 0},
		"one more":                {func(_ context.Context, of relation.Listing) ([]string, error) { return many(of.Most + 1), nil }, connect.CodeResourceExhausted},
		"a part": {func(context.Context, relation.Listing) ([]string, error) {
			return many(1), fmt.Errorf("the deadline: %w", relation.ErrIncomplete)
		}, connect.CodeResourceExhausted},
		"an outage": {func(context.Context, relation.Listing) ([]string, error) {
			return many(1), authn.Unavailable(errors.New("down"))
		}, connect.CodeUnavailable},
		"a fault":        {func(context.Context, relation.Listing) ([]string, error) { return many(1), errors.New("broken") }, connect.CodeInternal},
		"a panic":        {func(context.Context, relation.Listing) ([]string, error) { panic("broken") }, connect.CodeInternal},
		"it never comes": {func(context.Context, relation.Listing) ([]string, error) { <-never; return nil, nil }, connect.CodeUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			asked := 0
			engine := &lister{engine: &engine{}, list: func(ctx context.Context, of relation.Listing) ([]string, error) {
				if asked++; of.Most != 7 {
					t.Errorf("it is asked for %d", of.Most)
				}
				return test.list(ctx, of)
			}}
			timeout := time.Minute
			if name == "it never comes" {
				timeout = time.Millisecond
			}
			registry, client, _ := newLister(t, engine, lending{}, action.WithMostRelated(7))
			registry.WaitForRelations(timeout)
			_, err := client.List(callingAs(t.Context(), "ada"), &relationsv1.ListRequest{FolderIds: []string{"work"}})
			if test.want == 0 && err != nil || test.want != 0 && connect.CodeOf(err) != test.want {
				t.Errorf("got %v, want %s", err, test.want)
			}
			if err != nil && strings.Contains(err.Error(), "broken") {
				t.Errorf("the caller is told %v", err)
			}
		})
	}
}

// What is asked of each element decides, and an engine that cannot say ends the answer.
func TestElementsByRelation(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		answer func(context.Context, relation.Query) (bool, error)
		want   connect.Code
	}{
		"yes":                 {func(context.Context, relation.Query) (bool, error) { return true, nil }, 0},
		"no":                  {func(context.Context, relation.Query) (bool, error) { return false, nil }, connect.CodeInternal},
		"yes beside an error": {func(context.Context, relation.Query) (bool, error) { return true, errors.New("broken") }, connect.CodeInternal},
		"yes beside an outage": {func(context.Context, relation.Query) (bool, error) {
			return true, authn.Unavailable(errors.New("down"))
		}, connect.CodeUnavailable},
		"a panic":               {func(context.Context, relation.Query) (bool, error) { panic("broken") }, connect.CodeInternal},
		"not of the last":       {func(_ context.Context, of relation.Query) (bool, error) { return of.ID != "draft", nil }, connect.CodeInternal},
		"yes, of the wrong one": {func(_ context.Context, of relation.Query) (bool, error) { return of.User == "bob", nil }, connect.CodeInternal},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			listed := func(context.Context, relation.Listing) ([]string, error) { return []string{"plan", "draft"}, nil }
			engine := &lister{engine: &engine{answer: test.answer}, list: listed}
			_, client, _ := newLister(t, engine, lending{})
			response, err := client.List(callingAs(t.Context(), "ada"), &relationsv1.ListRequest{FolderIds: []string{"work"}})
			if test.want != 0 {
				if connect.CodeOf(err) != test.want {
					t.Errorf("got %v, %v, want %s", response, err, test.want)
				}
				return
			}
			if got := idsOf(response.GetDocuments()); err != nil || got != "plan draft" {
				t.Errorf("got %q, %v", got, err)
			}
		})
	}
}

// A stream ends with the first element that the engine says no to.
func TestStreamOfElementsByRelation(t *testing.T) {
	t.Parallel()
	left := 3
	engine := &lister{engine: &engine{answer: func(context.Context, relation.Query) (bool, error) { left--; return left >= 0, nil }}}
	_, client, _ := newLister(t, engine, lending{})
	stream, err := client.Watch(callingAs(t.Context(), "ada"), &relationsv1.ListRequest{})
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Close()
	for range 3 {
		if response, err := stream.Receive(); err != nil || response.GetDocument().GetId() != "plan" {
			t.Fatalf("received %v, %v", response, err)
		}
	}
	if _, err := stream.Receive(); connect.CodeOf(err) != connect.CodeInternal {
		t.Errorf("it ends with %v", err)
	}
}

// An action that lists by a relation needs an engine that does, and a bound.
func TestListerIsNeeded(t *testing.T) {
	t.Parallel()
	registry, err := action.NewRegistry(authn.Schemes{"test": callers}, action.WithRelations(&engine{}))
	if err != nil {
		t.Fatal(err)
	}
	err = relationsv1action.RegisterLibraryService(registry, lending{})
	if err == nil || strings.Count(err.Error(), "[relation-lister]") != 2 {
		t.Errorf("it is registered: %v", err)
	}
	for most, wants := range map[int]bool{1: true, 0: false, -1: false} {
		if _, err := action.NewRegistry(nil, action.WithMostRelated(most)); (err == nil) != wants {
			t.Errorf("%d: %v", most, err)
		}
	}
}
