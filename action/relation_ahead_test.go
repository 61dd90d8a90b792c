package action_test

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"testing"
	"time"

	"connectrpc.com/connect/v2"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/action/actiongen"
	"github.com/sallyport-rpc/sallyport/authn"
	sallyportv1 "github.com/sallyport-rpc/sallyport/gen/sallyport/v1"
	relationsv1 "github.com/sallyport-rpc/sallyport/gen/test/relations/v1"
	"github.com/sallyport-rpc/sallyport/internal/declare/declaretest"
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

// An engine is not asked about elements that may be seen by what asks no relation, in every
// order of the grants, and not at all where there are no others.
func TestElementsThatNeedNoRelation(t *testing.T) {
	t.Parallel()
	options := &descriptorpb.MethodOptions{}
	proto.SetExtension(options, sallyportv1.E_Action, bySession(&sallyportv1.Authorize{Anyone: new("a test"), Each: []*sallyportv1.Each{{
		Items: "documents", Allow: []*sallyportv1.Grant{
			{Relation: &sallyportv1.Relation{Name: "viewer", Object: "document", Id: "item.id"}},
			{Cel: new("item.folder_id == 'open'")},
		},
	}}}))
	service := describeIn(t, protoregistry.GlobalFiles, "test/relations/v1/relations.proto", "OpenService", &descriptorpb.ServiceDescriptorProto{
		Name: new("OpenService"), Method: []*descriptorpb.MethodDescriptorProto{
			{Name: new("List"), InputType: new(".test.relations.v1.ListRequest"), OutputType: new(".test.relations.v1.ListResponse"), Options: options},
		},
	}).Services().Get(0)
	var answers []*relationsv1.Document
	list := func(*worker, context.Context, *action.Call[relationsv1.ListRequest]) (*relationsv1.ListResponse, error) {
		return &relationsv1.ListResponse{Documents: answers}, nil
	}
	times := 0
	engine := newBatcher(func(_ context.Context, queries []relation.Query) ([]bool, error) {
		times++
		return slices.Repeat([]bool{true}, len(queries)), nil
	})
	registry := must(action.NewRegistry(authn.Schemes{"session": knows(readers["alice"])}, action.WithRelations(engine)))
	if err := actiongen.Register(registry, actiongen.Service[*worker]{
		Descriptor: service, Fingerprint: declaretest.Fingerprint(t, service), Methods: []actiongen.Method[*worker]{actiongen.Unary("List", list)},
	}, &worker{}); err != nil {
		t.Fatal(err)
	}
	client := connect.NewClient(must(registry.InProcess()))
	spec := connect.Spec{Procedure: "/described.v1.OpenService/List", StreamType: connect.StreamTypeUnary, Schema: service.Methods().Get(0)}
	for _, test := range []struct {
		folders, asked []string // by the number of the document
	}{
		{[]string{"work", "open", "work"}, []string{"0", "2"}},
		{[]string{"open", "work", "open", "open"}, []string{"1"}},
		{[]string{"open", "open"}, nil},
	} {
		answers = nil
		for i, folder := range test.folders {
			answers = append(answers, &relationsv1.Document{Id: strconv.Itoa(i), FolderId: folder})
		}
		engine.set(engine.answer)
		times = 0
		if err := client.CallUnary(t.Context(), spec, &relationsv1.ListRequest{}, &relationsv1.ListResponse{}); err != nil {
			t.Errorf("%v: %v", test.folders, err)
		}
		var asked []string
		for _, query := range engine.questions() {
			asked = append(asked, query.ID)
		}
		if !slices.Equal(asked, test.asked) || times != min(len(test.asked), 1) {
			t.Errorf("%v: asked %d times about %v, want %v", test.folders, times, asked, test.asked)
		}
	}
}
