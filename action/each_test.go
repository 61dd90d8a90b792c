package action_test

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"connectrpc.com/connect/v2"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/action/actiongen"
	"github.com/sallyport-rpc/sallyport/action/actiontest"
	"github.com/sallyport-rpc/sallyport/action/event"
	"github.com/sallyport-rpc/sallyport/authn"
	sallyportv1 "github.com/sallyport-rpc/sallyport/gen/sallyport/v1"
	listsv1 "github.com/sallyport-rpc/sallyport/gen/test/lists/v1"
	"github.com/sallyport-rpc/sallyport/gen/test/lists/v1/listsv1action"
	"github.com/sallyport-rpc/sallyport/internal/declare/declaretest"
)

// A shelf answers every caller with the documents that it has, unless it is to filter.
type shelf struct {
	docs    []*listsv1.Document
	more    []*listsv1.Document
	total   int64
	filters bool
	// guard is called in ListOf, and meanwhile before Watch sends.
	guard     func(action.Guard, error)
	meanwhile func(*action.ServerStream[listsv1.WatchResponse])
}

func (s *shelf) page(filter func(string) (matches func(*listsv1.Document) bool, err error)) (*listsv1.ListResponse, error) {
	response := &listsv1.ListResponse{Documents: slices.Clone(s.docs), TotalSize: s.total}
	if s.more != nil {
		response.More = &listsv1.More{Documents: s.more}
	}
	if s.filters {
		matches, err := filter("documents")
		if err != nil {
			return nil, err
		}
		response.Documents = slices.DeleteFunc(response.GetDocuments(), func(doc *listsv1.Document) bool { return !matches(doc) })
	}
	return response, nil
}

func (s *shelf) List(ctx context.Context, call *action.Call[listsv1.ListRequest]) (*listsv1.ListResponse, error) {
	call.Message().Folder = "changed by the handler"
	return s.page(func(name string) (func(*listsv1.Document) bool, error) {
		of, err := call.Filter(ctx, name)
		return func(doc *listsv1.Document) bool { return of.Matches(doc) }, err
	})
}

func (s *shelf) ListOf(ctx context.Context, call *action.ResourceCall[listsv1.DocumentRequest, listsv1.Document]) (*listsv1.ListResponse, error) {
	call.Message().Folder = "changed by the handler"
	if s.guard != nil {
		s.guard(call.Guard())
	}
	return s.page(func(name string) (func(*listsv1.Document) bool, error) {
		of, err := call.Filter(ctx, name)
		return func(doc *listsv1.Document) bool { return of.Matches(doc) }, err
	})
}

func (s *shelf) Watch(ctx context.Context, call *action.Call[listsv1.ListRequest], out *action.ServerStream[listsv1.WatchResponse]) error {
	of, err := call.Filter(ctx, "document")
	if err != nil {
		return err
	}
	if s.meanwhile != nil {
		s.meanwhile(out)
	}
	for _, doc := range s.docs {
		if s.filters && !of.Matches(doc) {
			continue
		}
		if err := out.Send(&listsv1.WatchResponse{Document: doc}); err != nil {
			return err
		}
	}
	return out.Send(&listsv1.WatchResponse{}) // without an element
}

func (s *shelf) Browse(ctx context.Context, both *action.BidiStream[listsv1.ListRequest, listsv1.WatchResponse]) error {
	for {
		if _, err := both.Receive(); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		of, err := both.Filter(ctx, "document")
		if err != nil {
			return err
		}
		for _, doc := range s.docs {
			if s.filters && !of.Matches(doc) {
				continue
			}
			if err := both.Send(&listsv1.WatchResponse{Document: doc}); err != nil {
				return err
			}
		}
	}
}

func (s *shelf) Collect(ctx context.Context, in *action.ClientStream[listsv1.ListRequest]) (*listsv1.ListResponse, error) {
	for {
		if _, err := in.Receive(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, err
		}
	}
	return s.page(func(name string) (func(*listsv1.Document) bool, error) {
		of, err := in.Filter(ctx, name)
		return func(doc *listsv1.Document) bool { return of.Matches(doc) }, err
	})
}

func (s *shelf) ListOfIsOpen(context.Context, *authn.Principal, *listsv1.DocumentRequest) (bool, error) {
	return true, nil
}

func (s *shelf) LoadDocument(ctx context.Context, _ *authn.Principal, id string) (*listsv1.Document, error) {
	return &listsv1.Document{Id: id, OwnerId: "alice", ReaderIds: []string{"bob"}, Folder: "f"}, nil
}

// A listsFixture serves a shelf in every way there is.
type listsFixture struct {
	*fixture

	shelf *shelf
	alice atomic.Pointer[authn.Principal] // who alice is found to be
}

func newListsFixture(tb testing.TB) *listsFixture {
	tb.Helper()
	recorder := &recorder{}
	recorder.ends.Store(true)
	h := &listsFixture{
		fixture: &fixture{recorder: recorder, now: &atomic.Pointer[time.Time]{}, specs: map[string]connect.Spec{}},
		shelf:   &shelf{},
	}
	h.alice.Store(readers["alice"])
	now := noon.Add(1500 * time.Nanosecond)
	h.now.Store(&now)
	sessions := authn.AuthenticatorFunc(func(_ context.Context, call *connect.CallInfo) (*authn.Principal, error) {
		name := strings.TrimPrefix(call.RequestHeader().Get("Authorization"), "session ")
		if name == "alice" {
			return h.alice.Load(), nil
		}
		if readers[name] == nil {
			return nil, authn.ErrInvalidCredential
		}
		return readers[name], nil
	})
	h.registry = must(action.NewRegistry(authn.Schemes{"session": sessions},
		action.WithRecorder(recorder), actiontest.WithClock(tb, func() time.Time { return *h.now.Load() })))
	if err := listsv1action.RegisterListService(h.registry, h.shelf, h.shelf, h.shelf); err != nil {
		tb.Fatal(err)
	}
	h.open(tb, must(h.registry.Methods()))
	return h
}

func lists(method string) string { return "/test.lists.v1.ListService/" + method }

// call makes a call as someone, and returns the ids of the documents that come.
func (h *listsFixture) call(t *testing.T, way way, method, as string, folders ...string) (ids string, err error) {
	t.Helper()
	ctx, info := connect.NewClientContext(t.Context())
	info.RequestHeader().Set("Authorization", "session "+as)
	var found []string
	spec := h.specs[lists(method)]
	switch method {
	case "List", "ListOf":
		var request any = &listsv1.ListRequest{Folder: folders[0]}
		if method == "ListOf" {
			request = &listsv1.DocumentRequest{DocumentId: "doc", Folder: folders[0]}
		}
		response := new(listsv1.ListResponse)
		err = way.client.CallUnary(ctx, spec, request, response)
		for _, doc := range append(response.GetDocuments(), response.GetMore().GetDocuments()...) {
			found = append(found, doc.GetId())
			if doc.GetOwnerId() != "" && as != "admin" {
				t.Errorf("%s reads who owns %s", as, doc.GetId())
			}
		}
	default:
		stream := must(way.client.CallClientStream(ctx, spec))
		sent := make(chan struct{})
		go func() {
			defer close(sent)
			for _, folder := range folders {
				if stream.Send(&listsv1.ListRequest{Folder: folder}) != nil {
					return // the answer says why
				}
			}
			_ = stream.CloseSend()
		}()
		defer func() { <-sent }()
		defer stream.Close()
		for {
			var docs []*listsv1.Document
			if method == "Collect" {
				response := new(listsv1.ListResponse)
				err = stream.Receive(response)
				docs = response.GetDocuments()
			} else {
				response := new(listsv1.WatchResponse)
				err = stream.Receive(response)
				docs = []*listsv1.Document{response.GetDocument()}
			}
			if err != nil {
				break
			}
			for _, doc := range docs {
				found = append(found, doc.GetId())
			}
		}
		if errors.Is(err, io.EOF) {
			err = nil
		}
	}
	return strings.Join(found, " "), err
}

// ended is the event of the end of the last call.
func (h *listsFixture) ended(t *testing.T) *event.Event {
	t.Helper()
	h.await(t, "ended")
	h.take()
	var last *event.Event
	for _, e := range h.takeEvents() {
		if e.Kind == event.Ended {
			last = &e
		}
	}
	if last == nil {
		t.Fatal("no event says how the call ended")
	}
	return last
}

// What the handler returns is held against the rule, element by element, as it was before
// fields were cleared and for the request as it came.
func TestEach(t *testing.T) {
	t.Parallel()
	fixture := newListsFixture(t)
	doc := func(id, owner, folder string, readers ...string) *listsv1.Document {
		return &listsv1.Document{Id: id, OwnerId: owner, Folder: folder, ReaderIds: readers}
	}
	later, soon := noon.Add(time.Hour), noon.Add(time.Microsecond)
	until := func(at time.Time) *listsv1.Document {
		return &listsv1.Document{Id: "u", OwnerId: "bob", ReaderIds: []string{"alice"}, Until: timestamppb.New(at)}
	}
	own, other, elsewhere := doc("own", "alice", "f"), doc("other", "bob", "f"), doc("elsewhere", "alice", "g")
	all := []*listsv1.Document{own, other, elsewhere}
	for name, test := range map[string]struct {
		method, as string
		folders    string
		docs, more []*listsv1.Document
		total      int64
		filters    bool
		want       string
		fault      string // what the event says where the call fails
	}{
		"own":                            {method: "List", as: "alice", docs: all[:1], total: 1, want: "own"},
		"filtered":                       {method: "List", as: "alice", docs: all, total: 1, filters: true, want: "own"},
		"none":                           {method: "List", as: "alice"},
		"another's":                      {method: "List", as: "alice", docs: all[:2], total: 2, fault: "each: the handler returned documents[1], which no grant lets the caller see"},
		"of another folder":              {method: "List", as: "alice", docs: all[2:], total: 1, fault: "each: the handler returned documents[0], which no grant lets the caller see"},
		"an admin's":                     {method: "List", as: "admin", docs: all, total: 3, want: "own other elsewhere"},
		"a stranger's":                   {method: "List", as: "stranger", docs: all[:1], total: 1, fault: "each: the handler returned documents[0], which no grant lets the caller see"},
		"a stranger's, filtered":         {method: "List", as: "stranger", docs: all, filters: true},
		"a total of more":                {method: "List", as: "alice", docs: all[:1], total: 9, want: "own"},
		"a total of less":                {method: "List", as: "alice", docs: all[:1], fault: "each: the response has more documents than its total says"},
		"a second field":                 {method: "List", as: "bob", more: []*listsv1.Document{doc("read", "alice", "g", "bob")}, want: "read"},
		"a second field of another":      {method: "List", as: "alice", docs: all[:1], total: 1, more: []*listsv1.Document{own}, fault: "each: the handler returned more.documents[0], which no grant lets the caller see"},
		"of a resource":                  {method: "ListOf", as: "alice", docs: []*listsv1.Document{doc("a", "bob", "f", "alice")}, want: "a"},
		"of a resource, filtered":        {method: "ListOf", as: "alice", docs: append([]*listsv1.Document{doc("a", "bob", "f", "alice")}, all...), filters: true, want: "a"},
		"of a resource, another's":       {method: "ListOf", as: "alice", docs: all[:1], fault: "each: the handler returned documents[0], which no grant lets the caller see"},
		"a stream":                       {method: "Watch", as: "alice", docs: all[:1], want: "own "},
		"a stream, filtered":             {method: "Watch", as: "alice", docs: all, filters: true, want: "own "},
		"a stream of another's":          {method: "Watch", as: "alice", docs: all, want: "own", fault: "each: the handler returned document, which no grant lets the caller see"},
		"in time":                        {method: "Watch", as: "alice", docs: []*listsv1.Document{until(later)}, want: "u "},
		"in time by less than is stored": {method: "Watch", as: "alice", docs: []*listsv1.Document{until(soon.Add(500 * time.Nanosecond))}, want: "u "},
		"not in time":                    {method: "Watch", as: "alice", docs: []*listsv1.Document{until(soon)}, fault: "each: the handler returned document, which no grant lets the caller see"},
		"a dialogue":                     {method: "Browse", as: "alice", folders: "f g", docs: all, filters: true, want: "own elsewhere"},
		"a dialogue of another's":        {method: "Browse", as: "alice", folders: "g", docs: all[:1], fault: "each: the handler returned document, which no grant lets the caller see"},
		"requests":                       {method: "Collect", as: "alice", folders: "f g", docs: all, filters: true, want: "own elsewhere"},
		"requests of another's":          {method: "Collect", as: "alice", docs: all, fault: "each: the handler returned documents[1], which no grant lets the caller see"},
	} {
		fixture.alone(t, name, func(t *testing.T) {
			shelf := fixture.shelf
			shelf.docs, shelf.more, shelf.total, shelf.filters = test.docs, test.more, test.total, test.filters
			folders := strings.Fields(test.folders)
			if len(folders) == 0 {
				folders = []string{"f"}
			}
			fixture.through(t, lists(test.method), func(t *testing.T, way way) {
				got, err := fixture.call(t, way, test.method, test.as, folders...)
				if got != test.want {
					t.Errorf("got %q, want %q", got, test.want)
				}
				ended := fixture.ended(t)
				if test.fault == "" {
					if err != nil || ended.Outcome != event.Allow {
						t.Errorf("got %v, and the event %q", err, ended.Reason)
					}
					return
				}
				if connect.CodeOf(err) != connect.CodeInternal || strings.Contains(err.Error(), "each") || ended.Reason != test.fault || ended.Outcome != event.Deny {
					t.Errorf("got %v, and the event %q, want %q", err, ended.Reason, test.fault)
				}
			})
		})
	}
}

// A stream that its client ends before it has sent a request has no element, and is let in.
func TestEachOfNoRequest(t *testing.T) {
	t.Parallel()
	fixture := newListsFixture(t)
	fixture.shelf.docs = []*listsv1.Document{{Id: "own", OwnerId: "alice", Folder: "f"}}
	fixture.through(t, lists("Browse"), func(t *testing.T, way way) {
		if got, err := fixture.call(t, way, "Browse", "alice"); got != "" || err != nil {
			t.Errorf("got %q, %v", got, err)
		}
	})
}

// A rule that cannot be decided lets no element be seen, and no filter match one.
func TestEachThatCannotBeDecided(t *testing.T) {
	t.Parallel()
	const name = "UndecidedService"
	options := &descriptorpb.MethodOptions{}
	proto.SetExtension(options, sallyportv1.E_Action, bySession(&sallyportv1.Authorize{Anyone: new("a test"), Each: []*sallyportv1.Each{{
		Items: "documents", Allow: []*sallyportv1.Grant{{Cel: new("item.owner_id == principal.id && request.reader_ids.exists(id, id == 'x')")}},
	}}}))
	service := describeIn(t, protoregistry.GlobalFiles, "test/lists/v1/lists.proto", name, &descriptorpb.ServiceDescriptorProto{
		Name: new(name), Method: []*descriptorpb.MethodDescriptorProto{
			{Name: new("List"), InputType: new(".test.lists.v1.Document"), OutputType: new(".test.lists.v1.ListResponse"), Options: options},
		},
	}).Services().Get(0)
	own := &listsv1.Document{OwnerId: "alice"}
	list := func(_ *worker, _ context.Context, call *action.Call[listsv1.Document]) (*listsv1.ListResponse, error) {
		of, err := call.Filter(t.Context(), "documents")
		if decided := len(call.Message().GetReaderIds()) == 1; (err == nil) != decided || of.Matches(own) != decided {
			t.Errorf("of %d ids: the filter: %v", len(call.Message().GetReaderIds()), err)
		}
		return &listsv1.ListResponse{Documents: []*listsv1.Document{own}}, nil
	}
	registry := must(action.NewRegistry(authn.Schemes{"session": knows(readers["alice"])}))
	if err := actiongen.Register(registry, actiongen.Service[*worker]{
		Descriptor: service, Fingerprint: declaretest.Fingerprint(t, service), Methods: []actiongen.Method[*worker]{actiongen.Unary("List", list)},
	}, &worker{}); err != nil {
		t.Fatal(err)
	}
	client := connect.NewClient(must(registry.InProcess()))
	spec := connect.Spec{Procedure: "/described.v1.UndecidedService/List", StreamType: connect.StreamTypeUnary, Schema: service.Methods().Get(0)}
	for count, code := range map[int]connect.Code{1: 0, 60_000: connect.CodeInternal} {
		request := &listsv1.Document{ReaderIds: slices.Repeat([]string{"y"}, count)}
		request.ReaderIds[count-1] = "x"
		response := new(listsv1.ListResponse)
		err := client.CallUnary(t.Context(), spec, request, response)
		if (err == nil) != (code == 0) || err != nil && connect.CodeOf(err) != code || len(response.GetDocuments()) > 0 != (code == 0) {
			t.Errorf("of %d ids: %v, %v", count, response, err)
		}
	}
}

// After a recheck the rule is of the caller as found then: what it allowed before, and does
// not any more, ends the stream as a denial; what it never did is the handler's fault.
func TestEachAfterRecheck(t *testing.T) {
	t.Parallel()
	fixture := newListsFixture(t)
	admin := authn.NewPrincipal("alice", authn.Details{Unscoped: true, Roles: []string{"admin"}})
	for name, test := range map[string]struct {
		first, then *authn.Principal
		doc         *listsv1.Document
		code        connect.Code // 0 for an answer
	}{
		"not any more":     {admin, readers["alice"], &listsv1.Document{OwnerId: "bob"}, connect.CodePermissionDenied},
		"still":            {admin, readers["alice"], &listsv1.Document{OwnerId: "alice", Folder: "f"}, 0},
		"from now on":      {readers["alice"], admin, &listsv1.Document{OwnerId: "bob"}, 0},
		"never":            {readers["alice"], authn.NewPrincipal("alice", authn.Details{Unscoped: true}), &listsv1.Document{OwnerId: "bob"}, connect.CodeInternal},
		"it was not asked": {admin, nil, &listsv1.Document{OwnerId: "bob"}, 0},
	} {
		fixture.alone(t, name, func(t *testing.T) {
			fixture.shelf.docs, fixture.shelf.filters = []*listsv1.Document{test.doc}, false
			fixture.through(t, lists("Watch"), func(t *testing.T, way way) {
				fixture.alice.Store(test.first)
				fixture.shelf.meanwhile = func(out *action.ServerStream[listsv1.WatchResponse]) {
					if test.then == nil {
						return
					}
					fixture.alice.Store(test.then)
					fixture.registry.Recheck("alice")
					_ = out.SendHeaders() // it waits for the recheck
					of, err := out.Filter(t.Context(), "document")
					if err != nil || of.Matches(test.doc) != (test.code == 0) {
						t.Errorf("the filter after the recheck: %v", err)
					}
				}
				_, err := fixture.call(t, way, "Watch", "alice", "f")
				if test.code == 0 && err != nil || test.code != 0 && connect.CodeOf(err) != test.code {
					t.Errorf("got %v, want %s", err, test.code)
				}
			})
		})
	}
}

// A filter that the declaration does not have is an error, and never one of nothing.
func TestFilterOfNoName(t *testing.T) {
	t.Parallel()
	fixture := newListsFixture(t)
	for name, wants := range map[string]bool{"documents": true, "more.documents": true, "document": false, "": false} {
		rule, err := fixture.registry.FilterRule(lists("List"), name)
		if (err == nil) != wants || (len(rule.Uses) > 0) != wants {
			t.Errorf("%q: %v", name, err)
		}
	}
	if _, err := fixture.registry.FilterRule(lists("Ghost"), "documents"); err == nil {
		t.Error("an action that is not there has a rule")
	}
	call := actiontest.NewCall(t, readers["alice"], &listsv1.ListRequest{Folder: "f"})
	of, err := call.Filter(t.Context(), "documents")
	if connect.CodeOf(err) != connect.CodeInternal || !of.None() || strings.Contains(err.Error(), "documents") {
		t.Errorf("a call of no action: %v", err)
	}
}

// A guard is the grant that let the caller in, without what no filter can say.
func TestGuard(t *testing.T) {
	t.Parallel()
	fixture := newListsFixture(t)
	for as, test := range map[string]struct {
		left    string
		matches string // of these documents
		all     bool
	}{
		"alice": {matches: "own"},
		"bob":   {left: "check is_open", matches: "read"},
		"admin": {matches: "own read moved", all: true},
	} {
		asked := 0
		fixture.shelf.guard = func(guard action.Guard, err error) {
			asked++
			if err != nil || strings.Join(guard.LeftOut, "; ") != test.left || guard.Whole() != (test.left == "") || guard.Filter.All() != test.all {
				t.Errorf("%s: %+v, %v", as, guard, err)
			}
			var matches []string
			for _, doc := range []*listsv1.Document{
				{Id: "own", OwnerId: "alice", Folder: "f"}, {Id: "read", OwnerId: "x", ReaderIds: []string{"bob"}}, {Id: "moved", OwnerId: "alice", Folder: "g"},
			} {
				if guard.Filter.Matches(doc) {
					matches = append(matches, doc.GetId())
				}
			}
			if got := strings.Join(matches, " "); got != test.matches {
				t.Errorf("%s: the guard matches %q, want %q", as, got, test.matches)
			}
		}
		if _, err := fixture.call(t, fixture.ways[0], "ListOf", as, "f"); err != nil || asked != 1 {
			t.Errorf("%s: %v, asked %d times", as, err, asked)
		}
	}
	rule, err := fixture.registry.GuardRule(lists("ListOf"))
	if err != nil || len(rule.Uses) != 3 {
		t.Errorf("%v, %v", rule, err)
	}
	for _, method := range []string{"List", "Ghost"} {
		if _, err := fixture.registry.GuardRule(lists(method)); err == nil {
			t.Errorf("%s, which is about no object, has a guard", method)
		}
	}
}
