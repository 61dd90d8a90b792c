// Package documenttest holds which users the demo's documents are shared with, for whatever answers that:
// a relation engine over the directory's own tables, or OpenFGA.
package documenttest

import (
	"context"
	"log/slog"
	"path/filepath"
	"testing"

	"connectrpc.com/connect/v2"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/action/actiontest"
	"github.com/sallyport-rpc/sallyport/action/event"
	"github.com/sallyport-rpc/sallyport/authn"
	"github.com/sallyport-rpc/sallyport/cmd/demo/internal/account"
	"github.com/sallyport-rpc/sallyport/cmd/demo/internal/directory"
	demov1 "github.com/sallyport-rpc/sallyport/gen/demo/v1"
	"github.com/sallyport-rpc/sallyport/gen/demo/v1/demov1action"
	"github.com/sallyport-rpc/sallyport/gen/demo/v1/demov1client"
	"github.com/sallyport-rpc/sallyport/relation"
)

// Opener returns the engine that a demo over a directory asks, and the mirror that the
// directory keeps, or nil. It is closed with the test.
type Opener func(t *testing.T, users *directory.Directory) (relation.Engine, directory.Mirror)

// A fixture is the service of documents over a new directory. The owner is a member of acme, and
// no one else is in an organisation.
type fixture struct {
	users  *directory.Directory
	engine relation.Engine
	ids    map[string]string // of users, by name
	as     func(name string) demov1client.DocumentServiceClient
}

// names are the users' who do not own the documents.
var names = [...]string{"ann", "ben", "cleo"}

func newFixture(t *testing.T, open Opener) *fixture {
	t.Helper()
	ctx := t.Context()
	users, err := directory.Open(ctx, filepath.Join(t.TempDir(), "demo.db"), directory.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = users.Close() })
	f := &fixture{users: users, ids: map[string]string{}}
	principals := map[string]*authn.Principal{}
	claims := &demov1.Claims{Memberships: map[string]*demov1.Membership{"acme": {Role: demov1.OrgRole_ORG_ROLE_MEMBER}}}
	for _, name := range append([]string{"owner"}, names[:]...) {
		user, err := users.Create(ctx, directory.User{Name: name, Email: name + "@example.com", Role: directory.Member})
		if err != nil {
			t.Fatal(err)
		}
		f.ids[name] = user.ID
		// Also one who is deleted is known to this scheme, so that the documents alone keep them out.
		principals[name] = authn.NewPrincipal(user.ID, authn.Details{Unscoped: true, Claims: claims})
		claims = nil
	}
	engine, mirror := open(t, users)
	if mirror != nil {
		if err := users.SetMirror(ctx, mirror); err != nil {
			t.Fatal(err)
		}
	}
	f.engine = engine
	tokens := actiontest.NewTokens("session", principals)
	schemes := authn.Schemes{"session": tokens, "bearer": actiontest.NewTokens("bearer", nil), "apikey": actiontest.NewTokens("apikey", nil)}
	registry, err := action.NewRegistry(schemes, action.WithRelations(engine), action.WithRecorder(event.LogRecorder(slog.New(slog.DiscardHandler))))
	if err != nil {
		t.Fatal(err)
	}
	documents := account.NewDocuments(users)
	if err := demov1action.RegisterDocumentService(registry, documents, documents); err != nil {
		t.Fatal(err)
	}
	if err := documents.MapColumns(registry); err != nil {
		t.Fatal(err)
	}
	transport, err := registry.InProcess()
	if err != nil {
		t.Fatal(err)
	}
	f.as = func(name string) demov1client.DocumentServiceClient {
		return demov1client.NewDocumentServiceClient(connect.NewClient(transport, carrying(tokens.Token(name))))
	}
	return f
}

// carrying sends a token with each call.
func carrying(token string) connect.ClientInterceptor {
	return func(next connect.ClientFunc) connect.ClientFunc {
		return func(ctx context.Context, spec connect.Spec) (connect.ClientStream, error) {
			if call, ok := connect.CallInfoForClientContext(ctx); ok {
				call.RequestHeader().Set("Authorization", "Bearer "+token)
			}
			return next(ctx, spec)
		}
	}
}

// create creates a document of the owner's.
func (f *fixture) create(t *testing.T, title string) string {
	t.Helper()
	created, err := f.as("owner").CreateDocument(t.Context(), &demov1.CreateDocumentRequest{OrgId: "acme", Title: title})
	if err != nil {
		t.Fatal(err)
	}
	return created.GetDocument().GetId()
}

// share shares a document with users, by name, in place of those before.
func (f *fixture) share(ctx context.Context, id string, with ...string) error {
	request := &demov1.ShareDocumentRequest{DocumentId: id, State: demov1.Document_STATE_DRAFT}
	for _, name := range with {
		request.SharedWith = append(request.SharedWith, f.ids[name])
	}
	_, err := f.as("owner").ShareDocument(ctx, request)
	return err
}
