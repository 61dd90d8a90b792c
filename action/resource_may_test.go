package action_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"google.golang.org/protobuf/proto"

	"connectrpc.com/connect/v2"
	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/action/actiongen"
	"github.com/sallyport-rpc/sallyport/action/event"
	"github.com/sallyport-rpc/sallyport/authn"
	docsv1 "github.com/sallyport-rpc/sallyport/gen/test/docs/v1"
	"github.com/sallyport-rpc/sallyport/gen/test/docs/v1/docsv1action"
	"github.com/sallyport-rpc/sallyport/internal/declare/declaretest"
)

func loadsNothing(context.Context, *authn.Principal, string) (*docsv1.Document, error) {
	return nil, authn.Unavailable(nil)
}

// A question is decided on the object that it gives, or on the one that is loaded.
func TestMayOnAResource(t *testing.T) {
	t.Parallel()
	fixture := newDocsFixture(t)
	caller := authn.NewPrincipal("alice", authn.Details{Unscoped: true, Scheme: "session"})
	for name, test := range map[string]struct {
		method   string
		request  proto.Message
		resource proto.Message
		code     connect.Code // 0 where it is let in
		load     event.Load
		want     []string
	}{
		"loaded":              {"Read", docOf("doc"), nil, 0, event.LoadFound, []string{"load doc", "allow at handle"}},
		"a nil pointer":       {"Read", docOf("doc"), (*docsv1.Document)(nil), 0, event.LoadFound, []string{"load doc", "allow at handle"}},
		"loaded, not there":   {"Read", docOf("gone"), nil, connect.CodePermissionDenied, event.LoadNotFound, []string{"load gone", "deny at authorize"}},
		"given":               {"Read", docOf("gone"), &docsv1.Document{OwnerId: "alice"}, 0, event.LoadGiven, []string{"allow at handle"}},
		"given, another's":    {"Read", docOf("doc"), &docsv1.Document{OwnerId: "bob"}, connect.CodePermissionDenied, event.LoadGiven, []string{"deny at authorize"}},
		"given, of a type":    {"Read", docOf("doc"), &docsv1.Folder{OwnerId: "alice"}, connect.CodeInvalidArgument, event.LoadNone, []string{"deny at authenticate"}},
		"given, with a check": {"Edit", docOf("doc"), &docsv1.Document{OwnerId: "alice", State: docsv1.State_STATE_DRAFT, Folder: "f"}, 0, event.LoadGiven, []string{"check", "allow at handle"}},
	} {
		fixture.alone(t, name, func(t *testing.T) {
			fixture.take()
			got := fixture.registry.May(t.Context(), caller, action.Question{Procedure: docs(test.method), Request: test.request, Resource: test.resource})
			if got.Code != test.code || (got.Outcome == event.Allow) != (test.code == 0) || got.Load != test.load {
				t.Errorf("got %s, %s, load %q", got.Outcome, got.Code, got.Load)
			}
			fixture.expect(t, test.want...)
		})
	}
}

// A service is registered only with what loads each object that its actions are about.
func TestRegisterLoaders(t *testing.T) {
	t.Parallel()
	valid := func() actiongen.Service[docsv1action.DocumentServiceHandler] {
		return docsService(t, &library{recorder: &recorder{}})
	}
	of := &library{recorder: &recorder{}}
	type handler = docsv1action.DocumentServiceHandler
	for name, test := range map[string]struct {
		change func(*actiongen.Service[handler])
		want   []string // the ids of rules; none where it is registered
	}{
		"as it was generated": {func(*actiongen.Service[handler]) {}, nil},
		"no loaders":          {func(s *actiongen.Service[handler]) { s.Loaders = nil }, []string{"loader-missing"}},
		"one too few":         {func(s *actiongen.Service[handler]) { s.Loaders = s.Loaders[:1] }, []string{"loader-missing"}},
		"twice":               {func(s *actiongen.Service[handler]) { s.Loaders = append(s.Loaders, s.Loaders[0]) }, []string{"loader-twice"}},
		"the zero one":        {func(s *actiongen.Service[handler]) { s.Loaders = append(s.Loaders, actiongen.Loader{}) }, []string{"loader-unknown"}},
		"of another message": {func(s *actiongen.Service[handler]) {
			s.Loaders = append(s.Loaders, actiongen.NewLoader(of, func(*library, context.Context, *authn.Principal, string) (*docsv1.DocumentRequest, error) {
				return nil, action.NotFound()
			}))
		}, []string{"loader-unknown"}},
		"a nil implementation": {func(s *actiongen.Service[handler]) {
			s.Loaders[0] = actiongen.NewLoader((*library)(nil), (*library).LoadDocument)
		}, []string{"loader-nil"}},
		"a nil function": {func(s *actiongen.Service[handler]) {
			s.Loaders[0] = actiongen.NewLoader[*library, string, docsv1.Document](of, nil)
		}, []string{"loader-nil"}},
		"another type of key": {func(s *actiongen.Service[handler]) {
			s.Loaders[0] = actiongen.NewLoader(of, func(*library, context.Context, *authn.Principal, int64) (*docsv1.Document, error) {
				return nil, action.NotFound()
			})
		}, []string{"method-type"}},
		"a handler without it": {func(s *actiongen.Service[handler]) {
			s.Methods[0] = actiongen.Unary("Read", func(handler, context.Context, *action.Call[docsv1.DocumentRequest]) (*docsv1.DocumentResponse, error) {
				return nil, action.NotFound()
			})
		}, []string{"method-kind"}},
		"a handler of another": {func(s *actiongen.Service[handler]) {
			s.Methods[0] = actiongen.ResourceUnary("Read", func(handler, context.Context, *action.ResourceCall[docsv1.DocumentRequest, docsv1.Folder]) (*docsv1.DocumentResponse, error) {
				return nil, action.NotFound()
			})
		}, []string{"method-type"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			service := valid()
			test.change(&service)
			registry := must(action.NewRegistry(authn.Schemes{"session": &fakeAuthenticator{recorder: of.recorder}}))
			err := actiongen.Register[handler](registry, service, of)
			var rules []string
			if refused, ok := errors.AsType[*action.RefusalError](err); ok {
				for _, refusal := range refused.Refusals {
					if !slices.Contains(rules, string(refusal.Rule)) {
						rules = append(rules, string(refusal.Rule))
					}
				}
			}
			if !slices.Equal(rules, test.want) {
				t.Errorf("refused by %q, want %q: %v", rules, test.want, err)
			}
		})
	}
}

// docsService is what the generated code registers.
func docsService(t *testing.T, of *library) actiongen.Service[docsv1action.DocumentServiceHandler] {
	t.Helper()
	type handler = docsv1action.DocumentServiceHandler
	return actiongen.Service[handler]{
		Descriptor:  docsv1.File_test_docs_v1_docs_proto.Services().ByName("DocumentService"),
		Fingerprint: declaretest.Fingerprint(t, docsv1.File_test_docs_v1_docs_proto.Services().ByName("DocumentService")),
		Methods: []actiongen.Method[handler]{
			actiongen.ResourceUnary("Read", handler.Read), actiongen.ResourceUnary("ReadConcealed", handler.ReadConcealed),
			actiongen.ResourceUnary("Edit", handler.Edit), actiongen.ResourceUnary("Tried", handler.Tried), actiongen.ResourceUnary("Open", handler.Open),
			actiongen.ResourceServerStreaming("Watch", handler.Watch), actiongen.ResourceClientStreaming("Collect", handler.Collect),
			actiongen.ResourceBidiStreaming("Chat", handler.Chat),
		},
		Checks:  []actiongen.Check{actiongen.NewCheck(of, "Edit", "is_open", (*library).EditIsOpen)},
		Loaders: []actiongen.Loader{actiongen.NewLoader(of, (*library).LoadDocument), actiongen.NewLoader(of, (*library).LoadFolder)},
	}
}

// What did not come through the gate has no object.
func TestZeroResourceCalls(t *testing.T) {
	t.Parallel()
	for name, use := range map[string]func(){
		"a call":          func() { new(docCall).Resource() },
		"its message":     func() { new(docCall).Message() },
		"its principal":   func() { new(docCall).Principal() },
		"its grant":       func() { new(docCall).Grant() },
		"its decision":    func() { new(docCall).Decision() },
		"nil":             func() { (*docCall)(nil).Resource() },
		"a stream":        func() { new(docRequests).Resource() },
		"its requests":    func() { _, _ = new(docRequests).Receive() },
		"a dialogue":      func() { new(docDialogue).Resource() },
		"its own caller":  func() { new(docDialogue).Principal() },
		"what it answers": func() { _ = new(docDialogue).Send(nil) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			defer func() {
				if recover() == nil {
					t.Error("it does not panic")
				}
			}()
			use()
		})
	}
}
