package directory

import (
	"context"
	"database/sql"
	"errors"
	"strings"

	"github.com/sallyport-rpc/sallyport/authn"
	"github.com/sallyport-rpc/sallyport/relation"
)

// Viewers is a relation engine: the "viewer" of a "document" is each user that it is shared
// with. It is safe for concurrent use.
type Viewers struct{ directory *Directory }

var (
	_ relation.Lister  = (*Viewers)(nil)
	_ relation.Batcher = (*Viewers)(nil)
)

// Viewers returns the relation engine over the documents of the directory, until it is
// closed. What [Directory.ShareDocument] has returned is its answer from then on.
func (d *Directory) Viewers() *Viewers { return &Viewers{d} }

// Defines implements [relation.Engine].
func (*Viewers) Defines(relation, object string) bool {
	return relation == "viewer" && object == "document"
}

// Check implements [relation.Engine].
func (v *Viewers) Check(ctx context.Context, query relation.Query) (bool, error) {
	held, err := v.CheckAll(ctx, []relation.Query{query})
	return err == nil && held[0], err
}

// CheckAll implements [relation.Batcher], by one statement for each user; the queries of one
// call have one user.
func (v *Viewers) CheckAll(ctx context.Context, queries []relation.Query) ([]bool, error) {
	asked := map[string][]any{} // ids of documents, by user
	for _, query := range queries {
		if v.Defines(query.Relation, query.Object) {
			asked[query.User] = append(asked[query.User], query.ID)
		}
	}
	seen := map[relation.Query]bool{}
	for user, ids := range asked {
		statement := "SELECT document_id FROM document_shares WHERE user_id = ? AND document_id IN (?" + strings.Repeat(", ?", len(ids)-1) + ")"
		shared, err := v.ids(ctx, statement, append([]any{user}, ids...)...)
		if err != nil {
			return nil, err
		}
		for _, id := range shared {
			seen[relation.Query{User: user, Relation: "viewer", Object: "document", ID: id}] = true
		}
	}
	held := make([]bool, len(queries))
	for i, query := range queries {
		held[i] = seen[query]
	}
	return held, nil
}

// List implements [relation.Lister].
func (v *Viewers) List(ctx context.Context, listing relation.Listing) ([]string, error) {
	if !v.Defines(listing.Relation, listing.Object) {
		return nil, nil
	}
	ids, err := v.ids(ctx, "SELECT document_id FROM document_shares WHERE user_id = ? LIMIT ?", listing.User, listing.Most+1)
	if len(ids) > listing.Most {
		return nil, relation.ErrIncomplete
	}
	return ids, err
}

// ids are those that a statement finds. A database that cannot be asked now is unavailable.
func (v *Viewers) ids(ctx context.Context, statement string, arguments ...any) ([]string, error) {
	ids, err := column(ctx, v.directory.db, statement, arguments...)
	err = v.directory.because("find shared documents", err)
	if errors.Is(err, ErrBusy) || errors.Is(err, ErrUnreachable) {
		err = authn.Unavailable(err)
	}
	return ids, err
}

// column reads the one column of a query.
func column(ctx context.Context, db *sql.DB, statement string, arguments ...any) ([]string, error) {
	rows, err := db.QueryContext(ctx, statement, arguments...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var values []string
	for rows.Next() {
		var value string
		if err := rows.Scan(&value); err != nil {
			return nil, err
		}
		values = append(values, value)
	}
	return values, rows.Err()
}
