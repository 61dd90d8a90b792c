package directory

import (
	"context"
	"errors"
	"sync"
)

// ErrBehind says that more has changed than a [Watch] keeps for who reads it. It
// can be begun anew.
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

// A Change is one thing that happened to a user.
type Change struct {
	Kind Kind
	// User is as it is since then, or as it was before it was deleted.
	User User
}

// most bounds how many changes wait for the reader of a watch, which is what a
// reader that reads nothing can make the directory keep.
const most = 1 << 14

// Watch begins to watch the users. Close it.
//
// What comes to be while the users are read after that is seen by both: list them
// then, and nothing is missed between the list and the watch. Changes that another
// process makes in the same file are not heard of.
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

// A Watch hears of changes in the order in which they were made, and of none that
// was not stored. Make one with [Directory.Watch]. Next is for one goroutine at a
// time; Close is for any.
type Watch struct {
	feed  *feed
	woken chan struct{}

	mu      sync.Mutex
	pending []Change
	behind  bool
}

// Next waits for the next change. It fails with ctx's error, and with [ErrBehind],
// for good, where too many changes were waiting.
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
		w.pending = nil // what it took is free again
	}
	return change, true, nil
}

func (w *Watch) give(changes []Change) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.behind {
		return
	}
	if w.behind = len(w.pending)+len(changes) > most; w.behind {
		w.pending = nil
	} else {
		w.pending = append(w.pending, changes...)
	}
	select {
	case w.woken <- struct{}{}:
	default: // it will look in any case
	}
}

// A feed tells watches of changes. The zero value has no watches.
type feed struct {
	mu      sync.Mutex
	watches map[*Watch]struct{}
}

func (f *feed) tell(changes ...Change) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for watch := range f.watches {
		watch.give(changes)
	}
}

// change makes a change and tells of it. There is one at a time, so that watches
// hear of them in their order, and SQLite would not do two at once either. Once it
// has begun it does not stop for ctx: it would not be known whether it was stored.
func (d *Directory) change(ctx context.Context, kind Kind, write func(context.Context) ([]User, error)) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case d.turn <- struct{}{}:
		defer func() { <-d.turn }()
	case <-ctx.Done():
		return ctx.Err()
	}
	users, err := write(context.WithoutCancel(ctx))
	if err != nil {
		return err
	}
	changes := []Change{}
	for _, user := range users {
		changes = append(changes, Change{kind, user})
	}
	d.feed.tell(changes...)
	return nil
}

// changeOne is change for one user.
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
