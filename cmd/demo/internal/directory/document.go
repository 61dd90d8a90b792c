package directory

import (
	"context"
	"database/sql"
	"time"

	"github.com/google/uuid"
	"google.golang.org/protobuf/types/known/timestamppb"

	demov1 "github.com/sallyport-rpc/sallyport/gen/demo/v1"
)

// CreateDocument adds a draft with the given organisation, owner, title and text, and
// returns it with its id and its creation time. It fails with [ErrFull].
func (d *Directory) CreateDocument(ctx context.Context, draft *demov1.Document) (*demov1.Document, error) {
	id, err := uuid.NewRandom()
	if err != nil {
		return nil, err
	}
	created := &demov1.Document{
		Id: id.String(), OrgId: draft.GetOrgId(), OwnerId: draft.GetOwnerId(), Title: draft.GetTitle(), Text: draft.GetText(),
		State: demov1.Document_STATE_DRAFT, CreateTime: timestamppb.New(time.Now().Truncate(time.Microsecond)),
	}
	err = d.write(ctx, func() error {
		if err := d.hasRoom(ctx); err != nil {
			return err
		}
		_, err := d.db.ExecContext(ctx, "INSERT INTO documents ("+documentColumns+") VALUES (?, ?, ?, ?, ?, ?, ?)",
			created.GetId(), created.GetOrgId(), created.GetOwnerId(), created.GetTitle(), created.GetText(), int32(created.GetState()),
			created.GetCreateTime().AsTime().UnixMicro())
		return err
	})
	if err != nil {
		return nil, d.because("create a document", err)
	}
	return created, nil
}

// Document returns the document with an id. It fails with [ErrNotFound].
func (d *Directory) Document(ctx context.Context, id string) (*demov1.Document, error) {
	var document *demov1.Document
	// In one transaction: the users that a document is shared with may read it.
	err := d.reading(ctx, func(tx *sql.Tx) (err error) {
		document, err = oneDocument(ctx, tx, id)
		return err
	})
	return document, d.because("get a document", err)
}

// UpdateDocument sets the title and text of a document of which the guard holds. It fails
// with [ErrNotFound] and [ErrFull].
func (d *Directory) UpdateDocument(ctx context.Context, id string, guard Where, title, text string) (*demov1.Document, error) {
	document, err := d.changeDocument(ctx, id, func(tx *sql.Tx) error {
		return guarded(ctx, tx, guard, "UPDATE documents SET title = ?, text = ? WHERE id = ? AND ", title, text, id)
	})
	return document, d.because("update a document", err)
}

// ShareDocument sets the state of a document of which the guard holds, and the users who
// may read it as well. It fails with [ErrNotFound], also where there is no such user, and with
// [ErrShared].
func (d *Directory) ShareDocument(ctx context.Context, id string, guard Where, state demov1.Document_State, with []string) (*demov1.Document, error) {
	ctx = d.lasting(ctx)
	document, err := d.changeDocument(ctx, id, func(tx *sql.Tx) error {
		return d.retaining(ctx, tx, id, func() error { return d.share(ctx, tx, id, guard, state, with) })
	})
	if err != nil {
		return nil, d.because("share a document", err)
	}
	return document, d.reflect(ctx, id)
}

// share changes the rows of a document that say which users it is shared with.
func (d *Directory) share(ctx context.Context, tx *sql.Tx, id string, guard Where, state demov1.Document_State, with []string) error {
	// First, while the guard sees the users that the document was shared with.
	if err := guarded(ctx, tx, guard, "UPDATE documents SET state = ? WHERE id = ? AND ", int32(state), id); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, "DELETE FROM document_shares WHERE document_id = ?", id); err != nil {
		return err
	}
	for _, user := range with {
		added, err := tx.ExecContext(ctx, `INSERT INTO document_shares (document_id, user_id)
			SELECT documents.id, users.id FROM documents, users WHERE documents.id = ? AND users.id = ?`, id, user)
		if err := someRow(added, d.missing(err)); err != nil {
			return err
		}
	}
	return withinBounds(ctx, tx, with)
}

// mostShared is how many documents may be shared with a user: fewer than a relation engine lists,
// so that no one can make the lists of another fail by sharing. Of transactions that run at
// the same time in PostgreSQL each may add one more.
const mostShared = 500

// withinBounds fails where too many documents are shared with one of the users.
func withinBounds(ctx context.Context, tx *sql.Tx, with []string) error {
	for _, user := range with {
		var shared int
		if err := tx.QueryRowContext(ctx, "SELECT count(*) FROM document_shares WHERE user_id = ?", user).Scan(&shared); err != nil {
			return err
		}
		if shared > mostShared {
			return ErrShared
		}
	}
	return nil
}

// DeleteDocument removes a document of which the guard holds. It fails with [ErrNotFound].
func (d *Directory) DeleteDocument(ctx context.Context, id string, guard Where) error {
	ctx = d.lasting(ctx)
	return d.because("delete a document", d.alone(ctx, id, nil, func(tx *sql.Tx) error {
		if err := guarded(ctx, tx, guard, "DELETE FROM documents WHERE id = ? AND ", id); err != nil {
			return err
		}
		return d.retain(ctx, tx, &demov1.Document{Id: id})
	}))
}

// changeDocument changes a document in one transaction, and returns it as it is then.
func (d *Directory) changeDocument(ctx context.Context, id string, change func(*sql.Tx) error) (*demov1.Document, error) {
	var document *demov1.Document
	err := d.alone(ctx, id, d.hasRoom, func(tx *sql.Tx) (err error) {
		if err := change(tx); err != nil {
			return err
		}
		document, err = oneDocument(ctx, tx, id)
		return err
	})
	return document, err
}

// alone changes a document in one transaction, while no other one changes it or the users it is
// shared with. What comes before, if anything, may refuse it.
func (d *Directory) alone(ctx context.Context, id string, before func(context.Context) error, change func(*sql.Tx) error) error {
	return d.write(ctx, func() error {
		if before != nil {
			if err := before(ctx); err != nil {
				return err
			}
		}
		tx, err := d.db.BeginTx(ctx, nil)
		if err != nil {
			return err
		}
		defer tx.Rollback()
		if err := d.lock(ctx, tx, "documents", id); err != nil {
			return err
		}
		if err := change(tx); err != nil {
			return err
		}
		return tx.Commit()
	})
}

// guarded runs a statement that a filter ends. It fails with sql.ErrNoRows where it holds of
// no row.
func guarded(ctx context.Context, tx *sql.Tx, guard Where, statement string, arguments ...any) error {
	statement, arguments, err := guard.of(statement, arguments...)
	if err != nil {
		return err
	}
	return someRow(tx.ExecContext(ctx, statement, arguments...))
}

// reading reads in one transaction, which takes no lock that a writer waits for.
func (d *Directory) reading(ctx context.Context, read func(*sql.Tx) error) error {
	// PostgreSQL's default is a moment for each statement. SQLite has one for all of them.
	tx, err := d.db.BeginTx(ctx, &sql.TxOptions{ReadOnly: true, Isolation: sql.LevelRepeatableRead})
	if err != nil {
		return err
	}
	defer tx.Rollback()
	return read(tx)
}

// someRow fails with sql.ErrNoRows where a statement found none to change.
func someRow(result sql.Result, err error) error {
	if err != nil {
		return err
	}
	if rows, err := result.RowsAffected(); err != nil || rows > 0 {
		return err
	}
	return sql.ErrNoRows
}
