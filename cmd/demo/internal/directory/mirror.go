package directory

import (
	"context"
	"database/sql"
	"errors"
	"slices"

	demov1 "github.com/sallyport-rpc/sallyport/gen/demo/v1"
)

// A Mirror keeps elsewhere which users documents are shared with, where a relation engine answers
// that. The database is what is true. Where the mirror was not reached, or the process was killed,
// the mirror lacks a share until the document is shared again or [Directory.SetMirror] is called
// anew; it never has one that the database does not.
type Mirror interface {
	// Share makes a document shared with these users there, and with no others. It ends within
	// seconds, since other changes of the document wait for it, and returns nil only once that
	// is so.
	Share(ctx context.Context, documentID string, users []string) error
	// Forget ends that any document is shared with a user there.
	Forget(ctx context.Context, userID string) error
}

// SetMirror makes a mirror say what the directory does of each document, and keeps it so from
// then on. It is called once, before the directory is changed.
func (d *Directory) SetMirror(ctx context.Context, mirror Mirror) error {
	d.mirror = mirror
	ids, err := column(ctx, d.db, "SELECT id FROM documents ORDER BY id")
	if err != nil {
		return d.because("list documents", err)
	}
	for _, id := range ids {
		if err := d.reflect(ctx, id); err != nil {
			return err
		}
	}
	return nil
}

// lasting is the context of a change that the mirror takes part in: it goes on when its caller
// leaves, so that the mirror does not stay behind.
func (d *Directory) lasting(ctx context.Context) context.Context {
	if d.mirror == nil {
		return ctx
	}
	return context.WithoutCancel(ctx)
}

// retaining changes a document, and ends in the mirror what that ends. Without a mirror nothing is
// read besides.
func (d *Directory) retaining(ctx context.Context, tx *sql.Tx, id string, change func() error) error {
	if d.mirror == nil {
		return change()
	}
	before, err := oneDocument(ctx, tx, id)
	if err != nil {
		return err
	}
	if err := change(); err != nil {
		return err
	}
	return d.retain(ctx, tx, before)
}

// retain ends in the mirror what a transaction that changes a document ends, before it is
// committed: where one of both fails, a user sees too little. What is new comes by reflect.
func (d *Directory) retain(ctx context.Context, tx *sql.Tx, before *demov1.Document) error {
	if d.mirror == nil {
		return nil
	}
	after, err := oneDocument(ctx, tx, before.GetId())
	if err != nil && !errors.Is(err, sql.ErrNoRows) { // it may be deleted
		return err
	}
	kept := slices.DeleteFunc(slices.Clone(before.GetSharedWith()), func(user string) bool { return !slices.Contains(after.GetSharedWith(), user) })
	return d.mirror.Share(ctx, before.GetId(), kept)
}

// reflect makes the mirror say what is committed of a document, while no other change of
// the document can.
func (d *Directory) reflect(ctx context.Context, id string) error {
	if d.mirror == nil {
		return nil
	}
	return d.because("mirror which users a document is shared with", d.alone(ctx, id, nil, func(tx *sql.Tx) error {
		document, err := oneDocument(ctx, tx, id)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		return d.mirror.Share(ctx, id, document.GetSharedWith())
	}))
}

// Forget ends in the mirror, if there is one, that documents are shared with a user who was
// deleted. What an outage leaves there opens nothing: no user gets the id of another.
func (d *Directory) Forget(ctx context.Context, userID string) error {
	if d.mirror == nil {
		return nil
	}
	return d.because("forget a user", d.mirror.Forget(d.lasting(ctx), userID))
}
