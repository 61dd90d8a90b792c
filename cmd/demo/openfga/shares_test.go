package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"testing"

	openfgav1 "github.com/openfga/api/proto/openfga/v1"

	"github.com/sallyport-rpc/sallyport/authn"
	"github.com/sallyport-rpc/sallyport/cmd/demo/internal/directory"
	"github.com/sallyport-rpc/sallyport/cmd/demo/internal/documenttest"
	demov1 "github.com/sallyport-rpc/sallyport/gen/demo/v1"
	"github.com/sallyport-rpc/sallyport/relation"
)

// OpenFGA says which users the demo's documents are shared with, in the process and elsewhere.
func TestShared(t *testing.T) {
	t.Parallel()
	t.Run("memory", func(t *testing.T) {
		t.Parallel()
		documenttest.Run(t, func(t *testing.T, _ *directory.Directory) (relation.Engine, directory.Mirror) {
			t.Helper()
			in := opened(t, "memory")
			return in, in
		})
	})
	t.Run("remote", func(t *testing.T) {
		t.Parallel()
		documenttest.Run(t, func(t *testing.T, _ *directory.Directory) (relation.Engine, directory.Mirror) {
			t.Helper()
			in := opened(t, serve(t).store(t, model))
			return in, in
		})
	})
}

// More tuples than fit in one request are written, read and removed.
func TestManyTuples(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	in := opened(t, "memory")
	var users []string
	for i := range 2*mostTuples + 1 {
		users = append(users, fmt.Sprint("u", i))
	}
	for _, with := range [][]string{users, users[1:], users[:1], users, nil} {
		if err := in.Share(ctx, "1", with); err != nil {
			t.Fatal(err)
		}
		got := written(t, in, "1")
		slices.Sort(got)
		var want []string
		for _, user := range with {
			want = append(want, "user:"+user)
		}
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("it is shared with %d, want %d", len(got), len(want))
		}
	}
	for i := range mostTuples + 1 {
		if err := in.Share(ctx, fmt.Sprint("d", i), []string{"ada", "ben"}); err != nil {
			t.Fatal(err)
		}
	}
	if err := in.Forget(ctx, "ada"); err != nil {
		t.Fatal(err)
	}
	if err := in.Forget(ctx, "no one"); err == nil {
		t.Error("an id that is none is forgotten")
	}
	ids, err := in.List(ctx, relation.Listing{User: "ada", Relation: "viewer", Object: "document", Most: 900})
	if others := written(t, in, "d0"); err != nil || len(ids) > 0 || !slices.Equal(others, []string{"user:ben"}) {
		t.Errorf("left are %q and %q, %v", ids, others, err)
	}
}

// At the start the tuples become what the directory says: those of an earlier time end, and
// those that an outage left out are written. Teams of a larger model stay, and see.
func TestStartAnew(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	server := serve(t)
	name := server.store(t, `model
  schema 1.1
type user
type team
  relations
    define member: [user]
type document
  relations
    define viewer: [user, team#member]
`)
	in := opened(t, name)
	users, err := directory.Open(ctx, filepath.Join(t.TempDir(), "demo.db"), directory.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer users.Close()
	ada, err := users.Create(ctx, directory.User{Name: "Ada", Email: "ada@example.com", Role: directory.Member})
	if err != nil {
		t.Fatal(err)
	}
	document, err := users.CreateDocument(ctx, &demov1.Document{OrgId: "acme", OwnerId: ada.ID, Title: "Plans"})
	if err != nil {
		t.Fatal(err)
	}
	id := document.GetId()
	if _, err := users.ShareDocument(ctx, id, directory.Every(), demov1.Document_STATE_DRAFT, []string{ada.ID}); err != nil {
		t.Fatal(err)
	}
	for _, key := range []*openfgav1.TupleKey{
		{User: "user:ben", Relation: "viewer", Object: "document:" + id},
		{User: "team:red#member", Relation: "viewer", Object: "document:" + id},
		{User: "user:cleo", Relation: "member", Object: "team:red"},
	} {
		if _, err := server.Write(ctx, &openfgav1.WriteRequest{
			StoreId: in.tuples.store, AuthorizationModelId: in.tuples.model, Writes: &openfgav1.WriteRequestWrites{TupleKeys: []*openfgav1.TupleKey{key}},
		}); err != nil {
			t.Fatal(err)
		}
	}
	if err := users.SetMirror(ctx, in); err != nil {
		t.Fatal(err)
	}
	for user, want := range map[string]bool{ada.ID: true, "ben": false, "cleo": true, "dan": false} {
		if held, err := in.Check(ctx, relation.Query{User: user, Relation: "viewer", Object: "document", ID: id}); held != want || err != nil {
			t.Errorf("%s: %t, %v, want %t", user, held, err, want)
		}
	}
	// An outage fails a change, denies, and leaves nothing that the directory does not have.
	server.stop()
	_, err = users.ShareDocument(ctx, id, directory.Every(), demov1.Document_STATE_PUBLISHED, nil)
	if !errors.Is(err, authn.ErrUnavailable) {
		t.Errorf("shared in an outage: %v", err)
	}
	if err := users.Forget(ctx, ada.ID); !errors.Is(err, authn.ErrUnavailable) {
		t.Errorf("forgotten in an outage: %v", err)
	}
	left, err := users.Document(ctx, id)
	if err != nil || !slices.Equal(left.GetSharedWith(), []string{ada.ID}) || left.GetState() != demov1.Document_STATE_DRAFT {
		t.Errorf("left %v, %v", left, err)
	}
	if held, err := in.Check(ctx, relation.Query{User: ada.ID, Relation: "viewer", Object: "document", ID: id}); held || !errors.Is(err, authn.ErrUnavailable) {
		t.Errorf("in an outage: %t, %v", held, err)
	}
}
