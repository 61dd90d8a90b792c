package action_test

import (
	"context"
	"errors"
	"io"
	"maps"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"connectrpc.com/connect/v2"
	"google.golang.org/protobuf/proto"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/action/actiontest"
	"github.com/sallyport-rpc/sallyport/authn"
	docsv1 "github.com/sallyport-rpc/sallyport/gen/test/docs/v1"
	"github.com/sallyport-rpc/sallyport/gen/test/docs/v1/docsv1action"
)

type (
	docCall     = action.ResourceCall[docsv1.DocumentRequest, docsv1.Document]
	docRequests = action.ResourceClientStream[docsv1.DocumentRequest, docsv1.Document]
	docDialogue = action.ResourceBidiStream[docsv1.DocumentRequest, docsv1.Document, docsv1.DocumentResponse]
)

// A library serves documents and loads them. It notes what it does.
type library struct {
	*recorder

	mu   sync.Mutex
	docs map[string]*docsv1.Document
	// load takes the place of looking into docs, where it is set.
	load func(ctx context.Context, principal *authn.Principal, id string) (*docsv1.Document, error)
	// isOpen and handle take the place of what is done otherwise, where they are set.
	isOpen func() (bool, error)
	handle func(*docsv1.Document)
}

func (l *library) set(docs ...*docsv1.Document) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, doc := range docs {
		l.docs[doc.GetId()] = doc
	}
}

func (l *library) loadWith(load func(context.Context, *authn.Principal, string) (*docsv1.Document, error)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.load = load
}

func (l *library) LoadDocument(ctx context.Context, principal *authn.Principal, id string) (*docsv1.Document, error) {
	l.note("load " + id)
	l.mu.Lock()
	load, doc := l.load, l.docs[id]
	l.mu.Unlock()
	switch {
	case load != nil:
		return load(ctx, principal, id)
	case doc == nil:
		return nil, action.NotFound()
	default:
		return doc, nil // kept, and so shared
	}
}

func (l *library) LoadFolder(_ context.Context, _ *authn.Principal, number int64) (*docsv1.Folder, error) {
	l.note("load folder")
	if number != 7 {
		return nil, action.NotFound()
	}
	return &docsv1.Folder{Number: number, OwnerId: "alice"}, nil
}

func (l *library) EditIsOpen(context.Context, *authn.Principal, *docsv1.DocumentRequest) (bool, error) {
	l.note("check")
	if l.isOpen != nil {
		return l.isOpen()
	}
	return true, nil
}

func (l *library) answer(doc *docsv1.Document) (*docsv1.DocumentResponse, error) {
	l.note("handle " + doc.GetId() + " of " + doc.GetOwnerId())
	if l.handle != nil {
		l.handle(doc)
	}
	return &docsv1.DocumentResponse{About: doc.GetId()}, nil
}

func (l *library) Read(_ context.Context, call *docCall) (*docsv1.DocumentResponse, error) {
	return l.answer(call.Resource())
}

func (l *library) ReadConcealed(_ context.Context, call *docCall) (*docsv1.DocumentResponse, error) {
	return l.answer(call.Resource())
}

func (l *library) Edit(_ context.Context, call *docCall) (*docsv1.DocumentResponse, error) {
	return l.answer(call.Resource())
}

func (l *library) Tried(_ context.Context, call *docCall) (*docsv1.DocumentResponse, error) {
	return l.answer(call.Resource())
}

func (l *library) Open(_ context.Context, call *action.ResourceCall[docsv1.FolderRequest, docsv1.Folder]) (*docsv1.DocumentResponse, error) {
	l.note("handle folder of " + call.Resource().GetOwnerId())
	return &docsv1.DocumentResponse{About: "folder"}, nil
}

func (l *library) Watch(ctx context.Context, call *docCall, out *action.ServerStream[docsv1.DocumentResponse]) error {
	response, _ := l.answer(call.Resource())
	if err := out.Send(response); err != nil || call.Message().GetFolder() != "live" {
		return err
	}
	<-ctx.Done()
	l.note("still " + call.Resource().GetOwnerId())
	return nil
}

func (l *library) Collect(_ context.Context, in *docRequests) (*docsv1.DocumentResponse, error) {
	response, _ := l.answer(in.Resource())
	for {
		if _, err := in.Receive(); errors.Is(err, io.EOF) {
			return response, nil
		} else if err != nil {
			return nil, err
		}
		l.note("received, about " + in.Resource().GetId())
	}
}

func (l *library) Chat(_ context.Context, in *docDialogue) error {
	for {
		if _, err := in.Receive(); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		response, _ := l.answer(in.Resource())
		if err := in.Send(response); err != nil {
			return err
		}
	}
}

// readers are those who call the library, by name.
var readers = map[string]*authn.Principal{
	"alice":    authn.NewPrincipal("alice", authn.Details{Unscoped: true}),
	"bob":      authn.NewPrincipal("bob", authn.Details{Unscoped: true}),
	"stranger": authn.NewPrincipal("stranger", authn.Details{Unscoped: true}),
	"scoped":   authn.NewPrincipal("alice", authn.Details{Scopes: []string{"x"}}),
	"admin":    authn.NewPrincipal("admin", authn.Details{Unscoped: true, Roles: []string{"admin"}}),
}

// A docsFixture serves a library in every way there is.
type docsFixture struct {
	*fixture

	library *library
	readers sync.Map // of names to principals; who is not among them is unknown
}

func newDocsFixture(tb testing.TB, options ...action.RegistryOption) *docsFixture {
	tb.Helper()
	recorder := &recorder{}
	h := &docsFixture{
		fixture: &fixture{recorder: recorder, now: &atomic.Pointer[time.Time]{}, specs: map[string]connect.Spec{}},
		library: &library{recorder: recorder, docs: map[string]*docsv1.Document{}},
	}
	for name, principal := range readers {
		h.readers.Store(name, principal)
	}
	h.library.set(&docsv1.Document{
		Id: "doc", OwnerId: "alice", ReaderIds: []string{"bob"}, State: docsv1.State_STATE_DRAFT, Folder: "f",
	})
	h.now.Store(&noon)
	sessions := authn.AuthenticatorFunc(func(_ context.Context, call *connect.CallInfo) (*authn.Principal, error) {
		recorder.note("ask session")
		name, found := strings.CutPrefix(call.RequestHeader().Get("Authorization"), "session "+planted+"-")
		if !found {
			return nil, authn.ErrNoCredential
		}
		principal, ok := h.readers.Load(name)
		if !ok {
			return nil, authn.InvalidCredential("unknown")
		}
		return principal.(*authn.Principal), nil
	})
	options = append([]action.RegistryOption{
		action.WithRecorder(recorder), actiontest.WithClock(tb, func() time.Time { return *h.now.Load() }),
	}, options...)
	h.registry = must(action.NewRegistry(authn.Schemes{"session": sessions}, options...))
	if err := docsv1action.RegisterDocumentService(h.registry, h.library, h.library, h.library); err != nil {
		tb.Fatal(err)
	}
	h.open(tb, must(h.registry.Methods()))
	return h
}

// docs names the procedures of the library.
func docs(method string) string { return "/test.docs.v1.DocumentService/" + method }

// docOf is a request for a document.
func docOf(id string) *docsv1.DocumentRequest {
	return &docsv1.DocumentRequest{DocumentId: id, Folder: "f"}
}

// call makes a call as someone, and returns what the responses are about.
func (h *docsFixture) call(t *testing.T, way way, procedure, as string, requests ...any) (about []string, err error) {
	t.Helper()
	ctx, info := connect.NewClientContext(t.Context())
	if as != "" {
		info.RequestHeader().Set("Authorization", "session "+planted+"-"+as)
	}
	spec := h.specs[procedure]
	if spec.StreamType == connect.StreamTypeUnary {
		response := new(docsv1.DocumentResponse)
		if err := way.client.CallUnary(ctx, spec, requests[0], response); err != nil {
			return nil, err
		}
		return []string{response.GetAbout()}, nil
	}
	stream := must(way.client.CallClientStream(ctx, spec))
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		for _, request := range requests {
			if stream.Send(request) != nil {
				return // the answer says why
			}
		}
		_ = stream.CloseSend()
	}()
	defer func() { <-sent }()
	defer stream.Close()
	for {
		response := new(docsv1.DocumentResponse)
		if err := stream.Receive(response); errors.Is(err, io.EOF) {
			return about, nil
		} else if err != nil {
			return about, err
		}
		about = append(about, response.GetAbout())
	}
}

// stored is a copy of what the library keeps.
func (l *library) stored() map[string]*docsv1.Document {
	l.mu.Lock()
	defer l.mu.Unlock()
	stored := maps.Clone(l.docs)
	for id, doc := range stored {
		stored[id] = proto.CloneOf(doc)
	}
	return stored
}
