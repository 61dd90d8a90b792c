package directory

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestWatch(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, directory *Directory) {
		t.Helper()
		admin, _, member := create3(t, directory)
		watch := directory.Watch()
		defer watch.Close()
		gone := directory.Watch()
		gone.Close()
		must := func(user User, err error) User {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
			return user
		}
		created := add(t, directory, "new", Member)
		updated := must(directory.UpdateProfile(t.Context(), member.ID, "M", "m@example.com"))
		granted := must(directory.GrantRole(t.Context(), member.ID, Auditor))
		both, err := directory.CreateAll(t.Context(), User{Name: "a", Email: "a@x", Role: Member}, User{Name: "b", Email: "b@x", Role: Member})
		if err != nil || len(both) != 2 {
			t.Fatal(both, err)
		}
		// None of these changes anything.
		for i, err := range []error{
			second(directory.UpdateProfile(t.Context(), member.ID, "M", "new@example.com")),
			second(directory.GrantRole(t.Context(), admin.ID, Member)),
			directory.Delete(t.Context(), admin.ID),
			second(directory.Create(t.Context(), User{Name: "c", Email: "NEW@example.com", Role: Member})),
			second(directory.CreateAll(t.Context(), User{Name: "c", Email: "c@x", Role: Member}, User{Name: "d", Email: "C@x", Role: Member})),
		} {
			if err == nil {
				t.Errorf("change %d was made", i)
			}
		}
		if err := directory.Delete(t.Context(), member.ID); err != nil {
			t.Fatal(err)
		}
		for _, want := range []Change{
			{Created, created}, {Updated, updated}, {Updated, granted}, {Created, both[0]}, {Created, both[1]}, {Deleted, granted},
		} {
			got, err := watch.Next(t.Context())
			if diff := cmp.Diff(want, got); diff != "" || err != nil {
				t.Errorf("%v: %s", err, diff)
			}
		}
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		if change, err := watch.Next(ended); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, %v", change, err)
		}
		if len(gone.pending) > 0 {
			t.Errorf("a closed watch received %v", gone.pending)
		}
	})
}

func second[A any](_ A, err error) error { return err }

// TestWatchFallsBehind lets a reader read nothing.
func TestWatchFallsBehind(t *testing.T) {
	t.Parallel()
	directory := openMemory(t)
	watch := directory.Watch()
	defer watch.Close()
	for i := range maxPending {
		directory.feed.publish(Change{Created, User{Name: strconv.Itoa(i)}})
	}
	if change, err := watch.Next(t.Context()); err != nil || change.User.Name != "0" {
		t.Errorf("got %v, %v", change, err)
	}
	directory.feed.publish(Change{Kind: Created})
	directory.feed.publish(Change{Kind: Created})
	directory.feed.publish(Change{Kind: Created})
	for range 2 {
		if change, err := watch.Next(t.Context()); !errors.Is(err, ErrBehind) {
			t.Errorf("got %v, %v", change, err)
		}
	}
	if watch.pending != nil {
		t.Errorf("%d changes are kept", len(watch.pending))
	}
}

// TestWatchOrder changes a user from many goroutines. The last change that a watch
// receives is how the user is.
func TestWatchOrder(t *testing.T) {
	t.Parallel()
	eachTwice(t, func(t *testing.T, open func(*testing.T) *Directory) {
		t.Helper()
		directory := open(t)
		user := add(t, directory, "member", Member)
		watch := directory.Watch()
		defer watch.Close()
		const count = 20
		var all sync.WaitGroup
		for i := range count {
			all.Go(func() {
				if _, err := directory.UpdateProfile(t.Context(), user.ID, strconv.Itoa(i), "x@example.com"); err != nil {
					t.Error(err)
				}
			})
		}
		var last Change
		for range count {
			var err error
			if last, err = watch.Next(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		all.Wait()
		stored, err := directory.Get(t.Context(), user.ID)
		if diff := cmp.Diff(stored, last.User); diff != "" || err != nil {
			t.Errorf("%v: %s", err, diff)
		}
	})
}
