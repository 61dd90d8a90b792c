package account_test

import (
	"context"
	"database/sql"
	"testing"

	"connectrpc.com/connect/v2"

	"github.com/sallyport-rpc/sallyport/authn"
	"github.com/sallyport-rpc/sallyport/cmd/demo/internal/account"
	demov1 "github.com/sallyport-rpc/sallyport/gen/demo/v1"
)

// A racing loader lets something happen between the load of a document and its change.
type racing struct {
	*account.Documents

	of *fixture
}

// LoadDocument implements [demov1action.DocumentServiceLoaders].
func (r racing) LoadDocument(ctx context.Context, principal *authn.Principal, id string) (*demov1.Document, error) {
	document, err := r.Documents.LoadDocument(ctx, principal, id)
	if err == nil && r.of.between != nil {
		err = r.of.between(id)
	}
	return document, err
}

// What changes between the load and the write, so that the grant no longer holds, is not
// written over; what else changes is.
func TestGuard(t *testing.T) {
	t.Parallel()
	const (
		taken = "UPDATE documents SET owner_id = 'another', org_id = 'globex' WHERE id = ?"
		moved = "UPDATE documents SET org_id = 'globex' WHERE id = ?"
		named = "UPDATE documents SET text = 'other' WHERE id = ?"
	)
	for name, test := range map[string]struct {
		caller, between       string
		update, share, remove connect.Code
	}{
		"taken from its owner":            {"auditor", taken, connect.CodeNotFound, connect.CodeNotFound, connect.CodeNotFound},
		"moved, by its owner":             {caller: "auditor", between: moved},
		"changed, by its owner":           {caller: "auditor", between: named},
		"moved from its manager":          {"member", moved, connect.CodeNotFound, connect.CodeNotFound, connect.CodeNotFound},
		"changed, by its manager":         {caller: "member", between: named, update: connect.CodeNotFound},
		"given to another, by a manager":  {caller: "member", between: "UPDATE documents SET owner_id = 'another' WHERE id = ?", update: connect.CodeNotFound},
		"deleted":                         {"auditor", "DELETE FROM documents WHERE id = ?", connect.CodeNotFound, connect.CodeNotFound, connect.CodeNotFound},
		"shared with another, by a owner": {caller: "auditor", between: "UPDATE documents SET state = 2 WHERE id = ?"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx := t.Context()
			f, as, _ := newDocuments(t)
			client := as(f.tokens[test.caller])
			database, err := sql.Open("sqlite", f.path)
			if err != nil {
				t.Fatal(err)
			}
			defer database.Close()
			f.between = func(id string) error {
				_, err := database.ExecContext(ctx, test.between, id)
				return err
			}
			change := map[string]func(id string) error{
				"update": func(id string) error {
					_, err := client.UpdateDocument(ctx, &demov1.UpdateDocumentRequest{DocumentId: id, Title: "changed"})
					return err
				},
				"share": func(id string) error {
					_, err := client.ShareDocument(ctx, &demov1.ShareDocumentRequest{DocumentId: id, State: demov1.Document_STATE_PUBLISHED, SharedWith: []string{f.ids["other"]}})
					return err
				},
				"delete": func(id string) error {
					_, err := client.DeleteDocument(ctx, &demov1.DeleteDocumentRequest{DocumentId: id})
					return err
				},
			}
			for what, want := range map[string]connect.Code{"update": test.update, "share": test.share, "delete": test.remove} {
				created, err := f.users.CreateDocument(ctx, &demov1.Document{OrgId: "acme", OwnerId: f.ids["auditor"], Title: "Plans"})
				if err != nil {
					t.Fatal(err)
				}
				holdsCode(t, what, change[what](created.GetId()), want)
				left, err := f.users.Document(ctx, created.GetId())
				changed := err != nil || left.GetTitle() == "changed" || len(left.GetSharedWith()) > 0
				if gone := name == "deleted"; changed != (want == 0 || gone) {
					t.Errorf("%s: left %v, %v", what, left, err)
				}
			}
		})
	}
}
