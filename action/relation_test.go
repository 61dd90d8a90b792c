package action_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"connectrpc.com/connect/v2"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/action/actiontest"
	"github.com/sallyport-rpc/sallyport/action/event"
	"github.com/sallyport-rpc/sallyport/authn"
	relationsv1 "github.com/sallyport-rpc/sallyport/gen/test/relations/v1"
	"github.com/sallyport-rpc/sallyport/gen/test/relations/v1/relationsv1action"
	"github.com/sallyport-rpc/sallyport/gen/test/relations/v1/relationsv1client"
	"github.com/sallyport-rpc/sallyport/relation"
)

// An engine answers what a test says, and notes what it was asked.
type engine struct {
	mu     sync.Mutex
	asked  []relation.Query
	answer func(ctx context.Context, query relation.Query) (bool, error)
}

func (*engine) Defines(relation, object string) bool { return relation != "ghost" && object != "ghost" }

func (e *engine) Check(ctx context.Context, query relation.Query) (bool, error) {
	e.mu.Lock()
	e.asked = append(e.asked, query)
	answer := e.answer
	e.mu.Unlock()
	return answer(ctx, query)
}

func (e *engine) set(answer func(context.Context, relation.Query) (bool, error)) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.answer, e.asked = answer, nil
}

func (e *engine) questions() []relation.Query {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.asked
}

// shelves has documents whose folders are called as they are, but for "gone".
type shelves struct{ isOpen bool }

func (shelves) answer(id string) (*relationsv1.DocumentResponse, error) {
	return &relationsv1.DocumentResponse{About: id}, nil
}

func (s shelves) Edit(_ context.Context, call *action.Call[relationsv1.DocumentRequest]) (*relationsv1.DocumentResponse, error) {
	return s.answer(call.Message().GetDocumentId())
}

func (s shelves) Copy(_ context.Context, call *action.Call[relationsv1.DocumentRequest]) (*relationsv1.DocumentResponse, error) {
	return s.answer(call.Message().GetToId())
}

func (s shelves) Move(_ context.Context, call *action.ResourceCall[relationsv1.DocumentRequest, relationsv1.Document]) (*relationsv1.DocumentResponse, error) {
	return s.answer(call.Resource().GetFolderId())
}

func (s shelves) Follow(ctx context.Context, call *action.Call[relationsv1.DocumentRequest], out *action.ServerStream[relationsv1.DocumentResponse]) error {
	response, _ := s.answer(call.Message().GetDocumentId())
	if err := out.Send(response); err != nil {
		return err
	}
	<-ctx.Done()
	return ctx.Err()
}

func (s shelves) Chat(_ context.Context, in *action.BidiStream[relationsv1.DocumentRequest, relationsv1.DocumentResponse]) error {
	for {
		request, err := in.Receive()
		if errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		response, _ := s.answer(request.GetDocumentId())
		if err := in.Send(response); err != nil {
			return err
		}
	}
}

func (s shelves) EditIsOpen(context.Context, *authn.Principal, *relationsv1.DocumentRequest) (bool, error) {
	return s.isOpen, nil
}

func (shelves) LoadDocument(_ context.Context, _ *authn.Principal, id string) (*relationsv1.Document, error) {
	if id == "gone" {
		return nil, action.NotFound()
	}
	return &relationsv1.Document{Id: id, FolderId: strings.TrimPrefix(id, "in ")}, nil
}

// A relationFixture serves documents in process, to the caller that the header "who" names.
type relationFixture struct {
	*engine

	recorder *recorder
	registry *action.Registry
	client   relationsv1client.DocumentServiceClient
}

func newRelationFixture(t *testing.T, shelves shelves, timeout time.Duration) *relationFixture {
	t.Helper()
	f := &relationFixture{engine: &engine{}, recorder: &recorder{}}
	callers := authn.AuthenticatorFunc(func(_ context.Context, call *connect.CallInfo) (*authn.Principal, error) {
		who := call.RequestHeader().Get("who")
		details := authn.Details{Unscoped: true}
		if who == "admin" {
			details.Roles = []string{"admin"}
		}
		return authn.NewPrincipal(who, details), nil
	})
	f.registry = must(action.NewRegistry(authn.Schemes{"test": callers}, action.WithRelations(f.engine), action.WithRecorder(f.recorder)))
	f.registry.WaitForRelations(timeout)
	if err := relationsv1action.RegisterDocumentService(f.registry, shelves, shelves, shelves); err != nil {
		t.Fatal(err)
	}
	f.client = relationsv1client.NewDocumentServiceClient(connect.NewClient(must(f.registry.InProcess())))
	return f
}

func calling(ctx context.Context, who string) context.Context {
	ctx, info := connect.NewClientContext(ctx)
	info.RequestHeader().Set("who", who)
	return ctx
}

func aboutDocument(id string) *relationsv1.DocumentRequest {
	return &relationsv1.DocumentRequest{DocumentId: id}
}

// among answers yes to some questions: "alice editor document:1".
func among(yes ...string) func(context.Context, relation.Query) (bool, error) {
	return func(_ context.Context, query relation.Query) (bool, error) {
		asked := fmt.Sprintf("%s %s %s:%s", query.User, query.Relation, query.Object, query.ID)
		return slices.Contains(yes, asked), nil
	}
}

// The engine decides, and is asked last, and about ids that can be ids.
func TestRelation(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		who, id string
		closed  bool
		code    connect.Code
		asked   int
	}{
		"an editor":                     {who: "alice", id: "1", asked: 1},
		"an editor of another":          {who: "alice", id: "2", code: connect.CodePermissionDenied, asked: 1},
		"no editor":                     {who: "bob", id: "1", code: connect.CodePermissionDenied, asked: 1},
		"where the check says no":       {who: "alice", id: "1", closed: true, code: connect.CodePermissionDenied},
		"a role that is enough":         {who: "admin", id: "1"},
		"no id":                         {who: "alice", id: "", code: connect.CodePermissionDenied},
		"an id with a colon":            {who: "alice", id: "1:2", code: connect.CodePermissionDenied},
		"an id with a hash":             {who: "alice", id: "1#owner", code: connect.CodePermissionDenied},
		"a wildcard":                    {who: "alice", id: "*", code: connect.CodePermissionDenied},
		"an id with an at sign":         {who: "alice", id: "1@2", code: connect.CodePermissionDenied},
		"an id with a space":            {who: "alice", id: "1 2", code: connect.CodePermissionDenied},
		"an id that ends in a line":     {who: "alice", id: "1\n", code: connect.CodePermissionDenied},
		"an id with a vertical tab":     {who: "alice", id: "1\v", code: connect.CodePermissionDenied},
		"an id with a no-break space":   {who: "alice", id: "1\u00a0", code: connect.CodePermissionDenied},
		"an id with a next line":        {who: "alice", id: "1\u0085", code: connect.CodePermissionDenied},
		"an id with an ideographic one": {who: "alice", id: "\u30001", code: connect.CodePermissionDenied},
		"an id of other letters":        {who: "alice", id: "ä-_.|/1", asked: 1},
		"a principal with a colon":      {who: "user:alice", id: "1", code: connect.CodePermissionDenied},
		"a principal who is all":        {who: "*", id: "1", code: connect.CodePermissionDenied},
		"a principal of a group":        {who: "group#member", id: "1", code: connect.CodePermissionDenied},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newRelationFixture(t, shelves{isOpen: !test.closed}, time.Hour)
			f.set(among("alice editor document:1", "alice editor document:ä-_.|/1"))
			response, err := f.client.Edit(calling(t.Context(), test.who), aboutDocument(test.id))
			if codeOf(err) != test.code || test.code == 0 && response.GetAbout() != test.id {
				t.Errorf("answered %v, %v, want %s", response, err, test.code)
			}
			if asked := f.questions(); len(asked) != test.asked {
				t.Errorf("the engine was asked %v", asked)
			}
		})
	}
}

// codeOf is the code of an error, 0 for none.
func codeOf(err error) connect.Code {
	if err == nil {
		return 0
	}
	return connect.CodeOf(err)
}

// What an engine cannot say, denies.
func TestRelationFails(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		answer func(context.Context, relation.Query) (bool, error)
		code   connect.Code
	}{
		"unavailable": {func(context.Context, relation.Query) (bool, error) {
			return false, authn.Unavailable(errors.New("down"))
		}, connect.CodeUnavailable},
		"a fault":               {func(context.Context, relation.Query) (bool, error) { return false, errors.New("broken") }, connect.CodeInternal},
		"an error beside a yes": {func(context.Context, relation.Query) (bool, error) { return true, errors.New("broken") }, connect.CodeInternal},
		"a deadline of its own": {func(context.Context, relation.Query) (bool, error) { return true, context.DeadlineExceeded }, connect.CodeUnavailable},
		"it gave up":            {func(context.Context, relation.Query) (bool, error) { return true, context.Canceled }, connect.CodeUnavailable},
		"a panic":               {func(context.Context, relation.Query) (bool, error) { panic("broken") }, connect.CodeInternal},
		"it waits for its context": {func(ctx context.Context, _ relation.Query) (bool, error) {
			<-ctx.Done()
			return true, nil
		}, connect.CodeUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			timeout := time.Hour
			if strings.HasPrefix(name, "it waits") {
				timeout = time.Millisecond
			}
			f := newRelationFixture(t, shelves{isOpen: true}, timeout)
			f.set(test.answer)
			_, err := f.client.Edit(calling(t.Context(), "alice"), aboutDocument("1"))
			if test.code == connect.CodeUnavailable && strings.HasPrefix(name, "it waits") && err == nil {
				return // it may answer at the same time as its time is over
			}
			if codeOf(err) != test.code || strings.Contains(fmt.Sprint(err), "broken") {
				t.Errorf("answered %v, want %s", err, test.code)
			}
			f.set(among("alice editor document:1"))
			if _, err := f.client.Edit(calling(t.Context(), "alice"), aboutDocument("1")); err != nil && timeout == time.Hour {
				t.Errorf("once it answers: %v", err)
			}
		})
	}
}

// An engine that does not look at its context keeps no call.
func TestRelationHangs(t *testing.T) {
	t.Parallel()
	f := newRelationFixture(t, shelves{isOpen: true}, time.Millisecond)
	end := make(chan struct{})
	defer close(end)
	f.set(func(context.Context, relation.Query) (bool, error) {
		<-end
		return true, nil
	})
	if _, err := f.client.Edit(calling(t.Context(), "alice"), aboutDocument("1")); codeOf(err) != connect.CodeUnavailable {
		t.Errorf("answered %v, want unavailable", err)
	}
}

// A caller who leaves is told so, and not that the engine is down.
func TestRelationOfOneWhoLeft(t *testing.T) {
	t.Parallel()
	f := newRelationFixture(t, shelves{isOpen: true}, time.Hour)
	ctx, cancel := context.WithCancel(calling(t.Context(), "alice"))
	f.set(func(ctx context.Context, _ relation.Query) (bool, error) {
		cancel()
		<-ctx.Done()
		return false, authn.Unavailable(ctx.Err())
	})
	if _, err := f.client.Edit(ctx, aboutDocument("1")); codeOf(err) != connect.CodeCanceled {
		t.Errorf("answered %v, want canceled", err)
	}
}

// The same question is asked once in a decision, and again in the next.
func TestRelationIsAskedOnce(t *testing.T) {
	t.Parallel()
	f := newRelationFixture(t, shelves{}, time.Hour)
	for to, want := range map[string]int{"1": 1, "2": 2, "": 1} {
		f.set(among())
		for range 2 {
			if _, err := f.client.Copy(calling(t.Context(), "admin"), &relationsv1.DocumentRequest{DocumentId: "1", ToId: to}); codeOf(err) != connect.CodePermissionDenied {
				t.Errorf("answered %v, want permission_denied", err)
			}
		}
		if asked := f.questions(); len(asked) != 2*want {
			t.Errorf("to %q: two calls asked %v", to, asked)
		}
	}
}

// The id may be one of the object that is loaded. An event has the relation, and no id.
func TestRelationOfAResource(t *testing.T) {
	t.Parallel()
	f := newRelationFixture(t, shelves{}, time.Hour)
	for id, test := range map[string]struct {
		code  connect.Code
		asked int
	}{
		"secret1": {0, 1}, "secret2": {connect.CodeNotFound, 1}, "gone": {connect.CodeNotFound, 0}, "a b": {connect.CodeNotFound, 0}, "": {connect.CodeNotFound, 0},
	} {
		f.set(among("alice owner folder:secret1"))
		f.recorder.take()
		_, err := f.client.Move(calling(t.Context(), "alice"), aboutDocument(id))
		if codeOf(err) != test.code || len(f.questions()) != test.asked {
			t.Errorf("about %q: answered %v, asked %v", id, err, f.questions())
		}
		_, decisions := f.recorder.take()
		for _, decision := range decisions {
			text := fmt.Sprintf("%+v", decision)
			if strings.Contains(text, "secret") || decision.Outcome == event.Deny && !strings.Contains(text, "relation owner of folder resource.folder_id") {
				t.Errorf("about %q: recorded %s", id, text)
			}
		}
	}
}

// A stream lives as long as the relation does.
func TestRelationIsRechecked(t *testing.T) {
	t.Parallel()
	f := newRelationFixture(t, shelves{}, time.Hour)
	f.set(among("alice viewer document:1"))
	stream := must(f.client.Follow(calling(t.Context(), "alice"), aboutDocument("1")))
	defer stream.Close()
	must(stream.Receive())
	f.registry.Recheck("alice")
	f.set(among())
	f.registry.Recheck("alice")
	if _, err := stream.Receive(); codeOf(err) != connect.CodePermissionDenied {
		t.Errorf("it ended with %v, want permission_denied", err)
	}
}

// Each message is about what it names.
func TestRelationOfEachMessage(t *testing.T) {
	t.Parallel()
	f := newRelationFixture(t, shelves{}, time.Hour)
	f.set(among("alice viewer document:1", "alice viewer document:2"))
	stream := must(f.client.Chat(calling(t.Context(), "alice")))
	defer stream.Close()
	for _, id := range []string{"1", "2"} {
		if err := stream.Send(aboutDocument(id)); err != nil {
			t.Fatal(err)
		}
		if got := must(stream.Receive()); got.GetAbout() != id {
			t.Errorf("answered %v", got)
		}
	}
	_ = stream.Send(aboutDocument("3"))
	if _, err := stream.Receive(); codeOf(err) != connect.CodePermissionDenied {
		t.Errorf("it ended with %v, want permission_denied", err)
	}
}

// A registry without an engine, or with one that lacks a relation, takes no such action.
func TestRelationsAreRefused(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		options []action.RegistryOption
		rule    string
	}{
		"no engine":             {nil, "[relation-engine-missing]"},
		"an engine that has it": {[]action.RegistryOption{action.WithRelations(actiontest.Relations{})}, ""},
		"one that lacks it":     {[]action.RegistryOption{action.WithRelations(lacking{})}, `no relation "owner" on objects of type "folder" [relation-unknown]`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			registry := must(action.NewRegistry(authn.Schemes{"test": noOne}, test.options...))
			err := relationsv1action.RegisterDocumentService(registry, shelves{}, shelves{}, shelves{})
			if (err == nil) != (test.rule == "") || err != nil && !strings.Contains(err.Error(), test.rule) {
				t.Errorf("refused: %v, want %s", err, test.rule)
			}
		})
	}
	for name, nothing := range map[string]relation.Engine{"nil": nil, "a nil pointer": (*engine)(nil)} {
		if _, err := action.NewRegistry(nil, action.WithRelations(nothing)); err == nil || !strings.Contains(err.Error(), "option-nil") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// noOne finds no caller.
var noOne = authn.AuthenticatorFunc(func(context.Context, *connect.CallInfo) (*authn.Principal, error) {
	return nil, authn.ErrNoCredential
})

// lacking is an engine that does not define one of the relations.
type lacking struct{ actiontest.Relations }

func (lacking) Defines(relation, object string) bool {
	return relation != "owner" || object != "folder"
}
