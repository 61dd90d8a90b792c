package directory

import (
	"context"
	"errors"
	"sync"
)

// ErrBehind says that more changes are waiting than a [Watch] keeps. Its reader begins a new one.
var ErrBehind = errors.New("watch fell behind the changes")

// A Kind is what happened to a user.
type Kind int

// The kinds. The zero value is none of them.
const (
	_ Kind = iota
	Created
	Updated
	Deleted
)

// A Change is one change of a user.
type Change struct {
	Kind Kind
	// User is the user after the change, or before it was deleted.
	User User
}

// maxPending is how many changes wait for the reader of a watch at most, which limits
// what a reader that reads nothing costs.
const maxPending = 1 << 14

// Watch begins to watch the users. The caller closes the watch.
//
// To miss nothing, begin the watch and then list the users: a change in between is in
// both. Changes that another process makes in the same database are not seen.
func (d *Directory) Watch() *Watch {
	watch := &Watch{feed: &d.feed, woken: make(chan struct{}, 1)}
	d.feed.mu.Lock()
	defer d.feed.mu.Unlock()
	if d.feed.watches == nil {
		d.feed.watches = map[*Watch]struct{}{}
	}
	d.feed.watches[watch] = struct{}{}
	return watch
}

// A Watch receives the changes that were stored, in their order. Make one with
// [Directory.Watch]. Next is for one goroutine at a time; Close is for any.
type Watch struct {
	feed  *feed
	woken chan struct{}

	mu      sync.Mutex
	pending []Change
	behind  bool
}

// Next waits for the next change. It fails with ctx's error. It fails with [ErrBehind]
// from the moment on that too many changes wait.
func (w *Watch) Next(ctx context.Context) (Change, error) {
	for {
		if err := ctx.Err(); err != nil {
			return Change{}, err
		}
		change, ok, err := w.take()
		if ok || err != nil {
			return change, err
		}
		select {
		case <-w.woken:
		case <-ctx.Done():
		}
	}
}

// Close ends the watch.
func (w *Watch) Close() {
	w.feed.mu.Lock()
	defer w.feed.mu.Unlock()
	delete(w.feed.watches, w)
}

func (w *Watch) take() (change Change, ok bool, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case w.behind:
		return Change{}, false, ErrBehind
	case len(w.pending) == 0:
		return Change{}, false, nil
	}
	change = w.pending[0]
	if w.pending = w.pending[1:]; len(w.pending) == 0 {
		w.pending = nil // frees the array
	}
	return change, true, nil
}

func (w *Watch) add(changes []Change) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.behind {
		return
	}
	if w.behind = len(w.pending)+len(changes) > maxPending; w.behind {
		w.pending = nil
	} else {
		w.pending = append(w.pending, changes...)
	}
	select {
	case w.woken <- struct{}{}:
	default: // it is woken already
	}
}

// A feed publishes changes to watches. The zero value has no watches.
type feed struct {
	mu      sync.Mutex
	watches map[*Watch]struct{}
}

func (f *feed) publish(changes ...Change) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for watch := range f.watches {
		watch.add(changes)
	}
}

// change makes a change and publishes it. One change is made at a time, so that watches
// receive them in order. A change that has begun does not stop for ctx, because it would
// not be known whether it was stored.
func (d *Directory) change(ctx context.Context, kind Kind, write func(context.Context) ([]User, error)) error {
	return d.inTurn(ctx, func() error {
		var users []User
		if err := d.finish(ctx, func(ctx context.Context) (err error) {
			users, err = write(ctx)
			return err
		}); err != nil {
			return err
		}
		d.feed.publish(changesOf(kind, users)...)
		return nil
	})
}

func changesOf(kind Kind, users []User) []Change {
	changes := make([]Change, 0, len(users))
	for _, user := range users {
		changes = append(changes, Change{kind, user})
	}
	return changes
}

// changeOne makes a change of one user.
func (d *Directory) changeOne(ctx context.Context, kind Kind, write func(context.Context) (User, error)) (User, error) {
	var user User
	err := d.change(ctx, kind, func(ctx context.Context) (users []User, err error) {
		user, err = write(ctx)
		return []User{user}, err
	})
	if err != nil {
		return User{}, err
	}
	return user, nil
}
