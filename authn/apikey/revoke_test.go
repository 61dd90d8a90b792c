package apikey_test

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestRevocationsAreTold(t *testing.T) {
	t.Parallel()
	store := newMemory()
	manager := newManager(t, store)
	var first, second []string
	manager.OnRevoke(func(owner string) { first = append(first, owner) })
	manager.OnRevoke(func(owner string) {
		if len(list(t, manager, owner)) > 0 && owner != "eve" {
			t.Errorf("told of %s while the key is still there", owner)
		}
		second = append(second, owner)
	})
	ada, _ := issue(t, manager, "ada")
	issue(t, manager, "bob")
	issue(t, manager, "eve")

	_ = manager.Revoke(t.Context(), "bob", ada.ID) // not bob's: nothing to tell
	_ = manager.Revoke(t.Context(), "ada", ada.ID)
	_ = manager.Revoke(t.Context(), "ada", ada.ID) // gone before
	_ = manager.RevokeAll(t.Context(), "bob")
	manager.Changed("eve")
	want := []string{"ada", "bob", "eve"}

	// Who knows what a store did that did not answer.
	store.hook(func(_ context.Context, operation string) error {
		if operation == "list" {
			return nil
		}
		return errors.New("connection reset")
	})
	_ = manager.Revoke(t.Context(), "eve", "x")
	_ = manager.RevokeAll(t.Context(), "eve")
	want = append(want, "eve", "eve")

	if diff := cmp.Diff([][]string{want, want}, [][]string{first, second}); diff != "" {
		t.Error(diff)
	}
}
