package directory

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"testing"

	demov1 "github.com/sallyport-rpc/sallyport/gen/demo/v1"
)

var errMirror = errors.New("the mirror is not there")

// A fakeMirror keeps what it is told, and fails where it is asked to, before it has done so.
type fakeMirror struct {
	mu     sync.Mutex
	shared map[string][]string // users, by document
	// fails says whether the call of a number fails, from 1.
	fails func(call int) bool
	calls int
	// then is called before each answer.
	then func()
}

func newMirror() *fakeMirror {
	return &fakeMirror{shared: map[string][]string{}, fails: func(int) bool { return false }, then: func() {}}
}

func (m *fakeMirror) Share(ctx context.Context, documentID string, users []string) error {
	return m.do(ctx, func() { m.shared[documentID] = slices.Clone(users) })
}

func (m *fakeMirror) Forget(ctx context.Context, userID string) error {
	return m.do(ctx, func() {
		for id, users := range m.shared {
			m.shared[id] = slices.DeleteFunc(users, func(user string) bool { return user == userID })
		}
	})
}

func (m *fakeMirror) do(ctx context.Context, change func()) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.calls++; m.fails(m.calls) {
		return errMirror
	}
	change()
	m.then()
	return ctx.Err()
}

// What is shared in the mirror is shared in the directory, whatever fails; once a change has been
// done without an error, it is in both.
func TestMirror(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, directory *Directory) {
		t.Helper()
		ctx := t.Context()
		admin, auditor, member := create3(t, directory)
		create := func() string {
			t.Helper()
			document, err := directory.CreateDocument(ctx, &demov1.Document{OrgId: "acme", OwnerId: member.ID, Title: "Plans"})
			if err != nil {
				t.Fatal(err)
			}
			return document.GetId()
		}
		share := func(ctx context.Context, id string, with ...string) error {
			_, err := directory.ShareDocument(ctx, id, Every(), demov1.Document_STATE_DRAFT, with)
			return err
		}
		earlier := create()
		if err := share(ctx, earlier, admin.ID); err != nil {
			t.Fatal(err)
		}
		mirror := newMirror()
		mirror.shared[earlier] = []string{auditor.ID} // of a time before
		if err := directory.SetMirror(ctx, mirror); err != nil {
			t.Fatal(err)
		}
		if got := mirror.shared[earlier]; !slices.Equal(got, []string{admin.ID}) {
			t.Errorf("what was shared before is %q", got)
		}
		for fails := range 4 { // the first call, the second, both, neither
			id := create()
			if err := share(ctx, id, admin.ID); err != nil {
				t.Fatal(err)
			}
			mirror.calls, mirror.fails = 0, func(call int) bool { return fails == call-1 || fails == 2 }
			err := share(ctx, id, auditor.ID)
			left, readErr := directory.Document(ctx, id)
			if readErr != nil {
				t.Fatal(readErr)
			}
			for _, user := range mirror.shared[id] {
				if !slices.Contains(left.GetSharedWith(), user) {
					t.Errorf("%d: the mirror alone shares with %q; the directory, with %q", fails, mirror.shared[id], left.GetSharedWith())
				}
			}
			if want := fails < 3; errors.Is(err, errMirror) != want || (err != nil) != want {
				t.Errorf("%d: failed with %v", fails, err)
			}
			mirror.fails = func(int) bool { return false }
			if err := share(ctx, id, auditor.ID); err != nil || !slices.Equal(mirror.shared[id], []string{auditor.ID}) {
				t.Errorf("%d: again: %q, %v", fails, mirror.shared[id], err)
			}
		}
		mirror.fails = func(int) bool { return true }
		if err := directory.DeleteDocument(ctx, earlier, Every()); !errors.Is(err, errMirror) {
			t.Errorf("deleted without the mirror: %v", err)
		}
		if _, err := directory.Document(ctx, earlier); err != nil {
			t.Errorf("it is gone: %v", err)
		}
		mirror.fails = func(int) bool { return false }
		if err := directory.DeleteDocument(ctx, earlier, Every()); err != nil || len(mirror.shared[earlier]) > 0 {
			t.Errorf("deleted: %q, %v", mirror.shared[earlier], err)
		}
		if err := errors.Join(directory.Delete(ctx, auditor.ID), directory.Forget(ctx, auditor.ID)); err != nil {
			t.Fatal(err)
		}
		for users := range maps.Values(mirror.shared) {
			if slices.Contains(users, auditor.ID) {
				t.Errorf("a user who is gone is left in %q", mirror.shared)
			}
		}
		// A caller who leaves in the midst of it leaves both alike.
		id := create()
		leaving, leave := context.WithCancel(ctx)
		mirror.then = leave
		if err := share(leaving, id, admin.ID); err != nil || !slices.Equal(mirror.shared[id], []string{admin.ID}) {
			t.Errorf("of one who leaves: %q, %v", mirror.shared[id], err)
		}
	})
}

// What the guard does not hold of, and what is refused, does not reach the mirror.
func TestMirrorOfWhatIsRefused(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, directory *Directory) {
		t.Helper()
		ctx := t.Context()
		admin, auditor, member := create3(t, directory)
		document, err := directory.CreateDocument(ctx, &demov1.Document{OrgId: "acme", OwnerId: member.ID, Title: "Plans"})
		if err != nil {
			t.Fatal(err)
		}
		id, mirror := document.GetId(), newMirror()
		if err := directory.SetMirror(ctx, mirror); err != nil {
			t.Fatal(err)
		}
		if _, err := directory.ShareDocument(ctx, id, Every(), demov1.Document_STATE_DRAFT, []string{admin.ID}); err != nil {
			t.Fatal(err)
		}
		none := where("(1=0)")
		_, refused := directory.ShareDocument(ctx, id, none, demov1.Document_STATE_DRAFT, []string{auditor.ID})
		_, unknown := directory.ShareDocument(ctx, id, Every(), demov1.Document_STATE_DRAFT, []string{"00000000-0000-4000-8000-000000000000"})
		for what, err := range map[string]error{"shared by another": refused, "shared with no one": unknown, "deleted by another": directory.DeleteDocument(ctx, id, none)} {
			if !errors.Is(err, ErrNotFound) {
				t.Errorf("it is %s: %v", what, err)
			}
		}
		if got := mirror.shared[id]; !slices.Equal(got, []string{admin.ID}) {
			t.Errorf("the mirror has %q", got)
		}
	})
}

// A mirror that cannot be filled is not served with.
func TestMirrorIsFilled(t *testing.T) {
	t.Parallel()
	directory := openMemory(t)
	if _, err := directory.CreateDocument(t.Context(), &demov1.Document{OrgId: "acme", OwnerId: "ada", Title: "Plans"}); err != nil {
		t.Fatal(err)
	}
	mirror := newMirror()
	mirror.fails = func(int) bool { return true }
	if err := directory.SetMirror(t.Context(), mirror); !errors.Is(err, errMirror) {
		t.Errorf("it is: %v", err)
	}
}
