package directory

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"

	demov1 "github.com/sallyport-rpc/sallyport/gen/demo/v1"
)

// A document is read as it was written, and each change leaves the rest of it.
func TestDocument(t *testing.T) {
	t.Parallel()
	eachTwice(t, func(t *testing.T, open func(*testing.T) *Directory) {
		t.Helper()
		directory := open(t)
		ctx := t.Context()
		admin, auditor, member := create3(t, directory)
		created, err := directory.CreateDocument(ctx, &demov1.Document{OrgId: "acme", OwnerId: member.ID, Title: "Plans", Text: "a\nb'", State: demov1.Document_STATE_PUBLISHED})
		if err != nil {
			t.Fatal(err)
		}
		want := &demov1.Document{
			Id: created.GetId(), OrgId: "acme", OwnerId: member.ID, Title: "Plans", Text: "a\nb'", State: demov1.Document_STATE_DRAFT, CreateTime: created.GetCreateTime(),
		}
		holds := func(got *demov1.Document, err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got, protocmp.Transform()); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
		}
		holds(created, nil)
		holds(directory.Document(ctx, want.GetId()))
		want.State, want.SharedWith = demov1.Document_STATE_PUBLISHED, []string{min(admin.ID, auditor.ID), max(admin.ID, auditor.ID)}
		holds(directory.ShareDocument(ctx, want.GetId(), Every(), want.GetState(), []string{admin.ID, auditor.ID}))
		want.Title, want.Text = "Other plans", ""
		holds(directory.UpdateDocument(ctx, want.GetId(), Every(), "Other plans", ""))
		if err := directory.Delete(ctx, auditor.ID); err != nil {
			t.Fatal(err)
		}
		want.SharedWith = []string{admin.ID}
		holds(directory.Document(ctx, want.GetId()))
		if err := directory.DeleteDocument(ctx, want.GetId(), Every()); err != nil {
			t.Fatal(err)
		}

		_, read := directory.Document(ctx, want.GetId())
		_, updated := directory.UpdateDocument(ctx, want.GetId(), Every(), "x", "")
		_, shared := directory.ShareDocument(ctx, want.GetId(), Every(), demov1.Document_STATE_DRAFT, nil)
		for what, err := range map[string]error{"read": read, "updated": updated, "shared": shared, "deleted": directory.DeleteDocument(ctx, want.GetId(), Every())} {
			if !errors.Is(err, ErrNotFound) {
				t.Errorf("what is deleted is %s: %v", what, err)
			}
		}
	})
}

// A list of users, one of which is not there, changes nothing.
func TestShareWithNoOne(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, directory *Directory) {
		t.Helper()
		ctx := t.Context()
		admin, _, member := create3(t, directory)
		document, err := directory.CreateDocument(ctx, &demov1.Document{OrgId: "acme", OwnerId: member.ID, Title: "Plans"})
		if err != nil {
			t.Fatal(err)
		}
		const missing = "00000000-0000-4000-8000-000000000000"
		if _, err := directory.ShareDocument(ctx, document.GetId(), Every(), demov1.Document_STATE_PUBLISHED, []string{admin.ID, missing}); !errors.Is(err, ErrNotFound) {
			t.Errorf("it is shared: %v", err)
		}
		left, err := directory.Document(ctx, document.GetId())
		if err != nil || len(left.GetSharedWith()) > 0 || left.GetState() != demov1.Document_STATE_DRAFT {
			t.Errorf("left %v, %v", left, err)
		}
	})
}

// What is changed is what its guard holds of, by the document as it is then: another one is
// left as it is, with those it is shared with.
func TestGuardedChanges(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, directory *Directory) {
		t.Helper()
		ctx := t.Context()
		admin, auditor, member := create3(t, directory)
		ownedBy := func(user User) Where {
			return where("(documents.owner_id = ? AND documents.state = ?)", user.ID, int32(demov1.Document_STATE_DRAFT))
		}
		sharedWith := func(user User) Where {
			return where("(EXISTS (SELECT 1 FROM document_shares WHERE document_id = documents.id AND user_id = ?))", user.ID)
		}
		document, err := directory.CreateDocument(ctx, &demov1.Document{OrgId: "acme", OwnerId: member.ID, Title: "Plans", Text: "secret"})
		if err != nil {
			t.Fatal(err)
		}
		if document, err = directory.ShareDocument(ctx, document.GetId(), ownedBy(member), demov1.Document_STATE_DRAFT, []string{auditor.ID}); err != nil {
			t.Fatal(err)
		}
		id := document.GetId()
		_, updated := directory.UpdateDocument(ctx, id, ownedBy(admin), "x", "x")
		_, shared := directory.ShareDocument(ctx, id, ownedBy(admin), demov1.Document_STATE_PUBLISHED, []string{admin.ID})
		for what, err := range map[string]error{"updated": updated, "shared": shared, "deleted": directory.DeleteDocument(ctx, id, ownedBy(admin))} {
			if !errors.Is(err, ErrNotFound) {
				t.Errorf("what is another's is %s: %v", what, err)
			}
		}
		left, err := directory.Document(ctx, id)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(document, left, protocmp.Transform()); diff != "" {
			t.Errorf("-want +got\n%s", diff)
		}
		// The guard sees the users that the document was shared with before.
		if left, err = directory.ShareDocument(ctx, id, sharedWith(auditor), demov1.Document_STATE_DRAFT, nil); err != nil || len(left.GetSharedWith()) > 0 {
			t.Errorf("left %v, %v", left, err)
		}
		if _, err := directory.ShareDocument(ctx, id, sharedWith(auditor), demov1.Document_STATE_DRAFT, nil); !errors.Is(err, ErrNotFound) {
			t.Errorf("it is shared again: %v", err)
		}
		if err := directory.DeleteDocument(ctx, id, ownedBy(member)); err != nil {
			t.Errorf("its owner's is not deleted: %v", err)
		}
	})
}
