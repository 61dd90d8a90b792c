package account_test

import (
	"testing"

	"connectrpc.com/connect/v2"
	"connectrpc.com/connect/v2/connecthttp"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"

	demov1 "github.com/sallyport-rpc/sallyport/gen/demo/v1"
	"github.com/sallyport-rpc/sallyport/gen/demo/v1/demov1client"
)

// newDocuments is a fixture in which the auditor, a member of acme, has a document there.
// member manages acme, other manages globex, and the admin is in neither.
func newDocuments(t *testing.T) (*fixture, func(credential string) demov1client.DocumentServiceClient, *demov1.Document) {
	t.Helper()
	f, _, _ := newOrganisations(t)
	f.serve(t)
	as := func(credential string) demov1client.DocumentServiceClient {
		return demov1client.NewDocumentServiceClient(connect.NewClient(connecthttp.NewTransport(httpClient(t, true), f.url), carrying(credential)))
	}
	created, err := as(f.tokens["auditor"]).CreateDocument(t.Context(), &demov1.CreateDocumentRequest{OrgId: "acme", Title: "Plans", Text: "secret"})
	if err != nil {
		t.Fatal(err)
	}
	return f, as, created.GetDocument()
}

// Who may do what to a document, by who they are to it and by its state. A document that
// the caller may not see reads as one that is not there.
func TestDocuments(t *testing.T) {
	t.Parallel()
	const (
		owner, manager, stranger, admin = "auditor", "member", "other", "admin"

		gone   = connect.CodeNotFound
		scopes = connect.CodePermissionDenied // because of the credential alone
	)
	type codes struct{ get, update, share, remove connect.Code } // 0 lets in
	nothing := codes{gone, gone, gone, gone}
	for name, test := range map[string]struct {
		credential func(*testing.T, *fixture) string
		published  bool
		shared     string // the user it is shared with
		id         string // "" is that of the document
		want       codes
	}{
		"its owner":                        {credential: signedIn(owner)},
		"a manager of its organisation":    {credential: signedIn(manager), want: codes{update: gone}},
		"a manager of another":             {credential: signedIn(stranger), want: nothing},
		"an admin of the directory":        {credential: signedIn(admin), want: nothing},
		"one it is shared with":            {credential: signedIn(stranger), shared: stranger, want: codes{0, gone, gone, gone}},
		"published, of another":            {credential: signedIn(stranger), published: true, want: nothing},
		"published, of none":               {credential: signedIn(admin), published: true, want: nothing},
		"none that there is, its owner":    {credential: signedIn(owner), id: missing, want: nothing},
		"none that there is, a stranger":   {credential: signedIn(stranger), id: missing, want: nothing},
		"its owner's key":                  {credential: scopedKey(owner, demov1client.ScopeDocumentsRead, demov1client.ScopeDocumentsWrite), want: codes{remove: scopes}},
		"its owner's key to read":          {credential: scopedKey(owner, demov1client.ScopeDocumentsRead), want: codes{0, scopes, scopes, scopes}},
		"its owner's key for other things": {credential: apiKey(owner), want: codes{scopes, scopes, scopes, scopes}},
		"no credential": {credential: func(*testing.T, *fixture) string { return "" },
			want: codes{connect.CodeUnauthenticated, connect.CodeUnauthenticated, connect.CodeUnauthenticated, connect.CodeUnauthenticated}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx := t.Context()
			f, as, document := newDocuments(t)
			share := &demov1.ShareDocumentRequest{DocumentId: document.GetId(), State: demov1.Document_STATE_DRAFT}
			if test.published {
				share.State = demov1.Document_STATE_PUBLISHED
			}
			if test.shared != "" {
				share.SharedWith = []string{f.ids[test.shared]}
			}
			shared, err := as(f.tokens[owner]).ShareDocument(ctx, share)
			if err != nil {
				t.Fatal(err)
			}
			document = shared.GetDocument()
			id := test.id
			if id == "" {
				id = document.GetId()
			}
			caller := as(test.credential(t, f))
			got, err := caller.GetDocument(ctx, &demov1.GetDocumentRequest{DocumentId: id})
			holdsCode(t, "get", err, test.want.get)
			if diff := cmp.Diff(document, got.GetDocument(), protocmp.Transform()); err == nil && diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
			_, err = caller.UpdateDocument(ctx, &demov1.UpdateDocumentRequest{DocumentId: id, Title: "Other plans", Text: "open"})
			holdsCode(t, "update", err, test.want.update)
			share.DocumentId = id
			_, err = caller.ShareDocument(ctx, share)
			holdsCode(t, "share", err, test.want.share)
			left, err := f.users.Document(ctx, document.GetId())
			if err != nil {
				t.Fatal(err)
			}
			if changed := left.GetTitle() == "Other plans" && left.GetText() == "open"; changed != (test.want.update == 0) {
				t.Errorf("changed: %t, %v", changed, left)
			}
			_, err = caller.DeleteDocument(ctx, &demov1.DeleteDocumentRequest{DocumentId: id})
			holdsCode(t, "delete", err, test.want.remove)
			if _, err := f.users.Document(ctx, document.GetId()); (err != nil) != (test.want.remove == 0) {
				t.Errorf("deleted: %v", err)
			}
		})
	}
}

// Members of its organisation see a document once it is published, and no sooner.
func TestPublishedDocument(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	f, as, document := newDocuments(t)
	if err := f.users.SetMember(ctx, "acme", f.ids["admin"], demov1.OrgRole_ORG_ROLE_MEMBER); err != nil {
		t.Fatal(err)
	}
	member, owner := as(f.tokens["admin"]), as(f.tokens["auditor"])
	for state, want := range map[demov1.Document_State]connect.Code{demov1.Document_STATE_DRAFT: connect.CodeNotFound, demov1.Document_STATE_PUBLISHED: 0} {
		if _, err := owner.ShareDocument(ctx, &demov1.ShareDocumentRequest{DocumentId: document.GetId(), State: state}); err != nil {
			t.Fatal(err)
		}
		_, err := member.GetDocument(ctx, &demov1.GetDocumentRequest{DocumentId: document.GetId()})
		holdsCode(t, state.String(), err, want)
		_, err = member.UpdateDocument(ctx, &demov1.UpdateDocumentRequest{DocumentId: document.GetId(), Title: "x"})
		holdsCode(t, state.String()+", to update", err, connect.CodeNotFound)
	}
}

// Documents are made in one's own organisations, and shared with users that there are.
func TestCreateAndShareDocument(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	f, as, document := newDocuments(t)
	for org, want := range map[string]connect.Code{"acme": 0, "globex": connect.CodePermissionDenied, "": connect.CodeInvalidArgument} {
		_, err := as(f.tokens["member"]).CreateDocument(ctx, &demov1.CreateDocumentRequest{OrgId: org, Title: "x"})
		holdsCode(t, "in "+org, err, want)
	}
	owner := as(f.tokens["auditor"])
	with := func(ids ...string) *demov1.ShareDocumentRequest {
		return &demov1.ShareDocumentRequest{DocumentId: document.GetId(), State: demov1.Document_STATE_DRAFT, SharedWith: ids}
	}
	_, err := owner.ShareDocument(ctx, with(f.ids["other"]))
	holdsCode(t, "with a user", err, 0)
	_, err = owner.ShareDocument(ctx, with(f.ids["member"], missing))
	holdsCode(t, "with a user that there is not", err, connect.CodeNotFound)
	left, err := f.users.Document(ctx, document.GetId())
	if err != nil || len(left.GetSharedWith()) != 1 || left.GetSharedWith()[0] != f.ids["other"] {
		t.Errorf("it is shared with %v, %v", left.GetSharedWith(), err)
	}
	// Who is gone reads nothing, and what is theirs stays with the organisation.
	for _, name := range []string{"other", "auditor"} {
		if err := f.users.Delete(ctx, f.ids[name]); err != nil {
			t.Fatal(err)
		}
	}
	got, err := as(f.tokens["member"]).GetDocument(ctx, &demov1.GetDocumentRequest{DocumentId: document.GetId()})
	if err != nil || len(got.GetDocument().GetSharedWith()) > 0 {
		t.Errorf("the manager gets %v, %v", got, err)
	}
}

func holdsCode(t *testing.T, what string, err error, want connect.Code) {
	t.Helper()
	if (err == nil) != (want == 0) || err != nil && connect.CodeOf(err) != want {
		t.Errorf("%s: got %v, want %v", what, err, want)
	}
}
