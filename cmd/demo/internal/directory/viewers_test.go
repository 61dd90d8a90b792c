package directory

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/sallyport-rpc/sallyport/authn"
	demov1 "github.com/sallyport-rpc/sallyport/gen/demo/v1"
	"github.com/sallyport-rpc/sallyport/relation"
)

// sees says what the engine answers, by each of its methods: they say the same.
func sees(t *testing.T, viewers *Viewers, user User, ids ...string) bool {
	t.Helper()
	var queries []relation.Query
	for _, id := range ids {
		queries = append(queries, relation.Query{User: user.ID, Relation: "viewer", Object: "document", ID: id})
	}
	all, err := viewers.CheckAll(t.Context(), queries)
	if err != nil || len(all) != len(ids) {
		t.Fatalf("it answers %t, %v", all, err)
	}
	listed, err := viewers.List(t.Context(), relation.Listing{User: user.ID, Relation: "viewer", Object: "document", Most: 10})
	if err != nil {
		t.Fatal(err)
	}
	for i, query := range queries {
		if one, err := viewers.Check(t.Context(), query); err != nil || one != all[i] || slices.Contains(listed, query.ID) != one {
			t.Errorf("of %v: %t alone, %t among others, listed are %q, %v", query, one, all[i], listed, err)
		}
	}
	return !slices.Contains(all, false)
}

// The viewers of a document are those it is shared with, from that moment on and no longer.
func TestViewers(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, directory *Directory) {
		t.Helper()
		ctx := t.Context()
		admin, auditor, member := create3(t, directory)
		viewers := directory.Viewers()
		var ids []string
		for range 2 {
			document, err := directory.CreateDocument(ctx, &demov1.Document{OrgId: "acme", OwnerId: member.ID, Title: "Plans"})
			if err != nil {
				t.Fatal(err)
			}
			ids = append(ids, document.GetId())
		}
		share := func(id string, with ...string) {
			t.Helper()
			if _, err := directory.ShareDocument(ctx, id, Every(), demov1.Document_STATE_DRAFT, with); err != nil {
				t.Fatal(err)
			}
		}
		holds := func(what string, user User, first, second bool) {
			t.Helper()
			if sees(t, viewers, user, ids[0]) != first || sees(t, viewers, user, ids[1]) != second || sees(t, viewers, user, ids...) != (first && second) {
				t.Errorf("%s: want %t, %t", what, first, second)
			}
		}
		holds("its owner, with whom it is not shared", member, false, false)
		share(ids[0], admin.ID, auditor.ID)
		share(ids[1], admin.ID)
		holds("one with whom both are shared", admin, true, true)
		holds("one with whom the first is shared", auditor, true, false)
		for _, query := range []relation.Query{
			{User: admin.ID, Relation: "owner", Object: "document", ID: ids[0]},
			{User: admin.ID, Relation: "viewer", Object: "folder", ID: ids[0]},
			{User: admin.ID, Relation: "viewer", Object: "document", ID: "' OR '1'='1"},
			{User: "", Relation: "viewer", Object: "document", ID: ids[0]},
		} {
			if held, err := viewers.Check(ctx, query); held || err != nil {
				t.Errorf("of %v: %t, %v", query, held, err)
			}
		}
		if got, err := viewers.List(ctx, relation.Listing{User: admin.ID, Relation: "viewer", Object: "document", Most: 1}); !errors.Is(err, relation.ErrIncomplete) || got != nil {
			t.Errorf("more than there may be: %q, %v", got, err)
		}
		if got, err := viewers.List(ctx, relation.Listing{User: admin.ID, Relation: "owner", Object: "document", Most: 5}); err != nil || got != nil {
			t.Errorf("another relation: %q, %v", got, err)
		}
		share(ids[0], auditor.ID)
		holds("one with whom the first is shared no longer", admin, false, true)
		if err := directory.DeleteDocument(ctx, ids[1], Every()); err != nil {
			t.Fatal(err)
		}
		holds("one of whom the second is deleted", admin, false, false)
		if err := directory.Delete(ctx, auditor.ID); err != nil {
			t.Fatal(err)
		}
		holds("one who is deleted", auditor, false, false)
	})
}

// Only what is an engine's is defined, so that another relation is refused as actions are registered.
func TestViewersDefine(t *testing.T) {
	t.Parallel()
	viewers := openMemory(t).Viewers()
	for _, of := range []struct {
		relation, object string
		want             bool
	}{{"viewer", "document", true}, {"owner", "document", false}, {"viewer", "folder", false}, {"", "", false}} {
		if got := viewers.Defines(of.relation, of.object); got != of.want {
			t.Errorf("%s of %s: %t", of.relation, of.object, got)
		}
	}
}

// A database that cannot be asked says no to all, and that it cannot.
func TestViewersFail(t *testing.T) {
	t.Parallel()
	directory, err := Open(t.Context(), Memory, Config{})
	if err != nil {
		t.Fatal(err)
	}
	query := relation.Query{User: "ada", Relation: "viewer", Object: "document", ID: "1"}
	left, leave := context.WithCancel(t.Context())
	leave()
	if held, err := directory.Viewers().Check(left, query); held || !errors.Is(err, context.Canceled) || errors.Is(err, authn.ErrUnavailable) {
		t.Errorf("of one who left: %t, %v", held, err)
	}
	if err := directory.Close(); err != nil {
		t.Fatal(err)
	}
	if held, err := directory.Viewers().Check(t.Context(), query); held || err == nil {
		t.Errorf("of a closed directory: %t, %v", held, err)
	}
	listing := relation.Listing{User: "ada", Relation: "viewer", Object: "document", Most: 5}
	if ids, err := directory.Viewers().List(t.Context(), listing); ids != nil || err == nil {
		t.Errorf("of a closed directory: %q, %v", ids, err)
	}
}

// A user has so many shared documents, and no more, that a list is still whole.
func TestSharedDocumentsAreBounded(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, directory *Directory) {
		t.Helper()
		ctx := t.Context()
		admin, _, member := create3(t, directory)
		for _, statement := range []string{
			`INSERT INTO documents (id, org_id, owner_id, title, text, state, create_time)
				WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 499)
				SELECT 'd' || i, 'acme', 'owner', 't', '', 1, 0 FROM n`,
			`INSERT INTO document_shares (document_id, user_id) SELECT documents.id, users.id FROM documents, users WHERE role = 'member'`,
		} {
			if _, err := directory.db.ExecContext(ctx, statement); err != nil {
				t.Fatal(err)
			}
		}
		for i, want := range []error{nil, ErrShared} {
			document, err := directory.CreateDocument(ctx, &demov1.Document{OrgId: "acme", OwnerId: admin.ID, Title: "Plans"})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := directory.ShareDocument(ctx, document.GetId(), Every(), demov1.Document_STATE_PUBLISHED, []string{admin.ID, member.ID}); !errors.Is(err, want) {
				t.Errorf("the %dth: %v, want %v", mostShared+i, err, want)
			}
			if left, err := directory.Document(ctx, document.GetId()); err != nil || (len(left.GetSharedWith()) > 0) != (want == nil) {
				t.Errorf("left %v, %v", left, err)
			}
		}
		if ids, err := directory.Viewers().List(ctx, relation.Listing{User: member.ID, Relation: "viewer", Object: "document", Most: 1000}); err != nil || len(ids) != mostShared {
			t.Errorf("listed are %d, %v", len(ids), err)
		}
	})
}
