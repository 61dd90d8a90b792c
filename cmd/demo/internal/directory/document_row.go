package directory

import (
	"context"
	"database/sql"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/sallyport-rpc/sallyport/filter/sqlfilter"
	demov1 "github.com/sallyport-rpc/sallyport/gen/demo/v1"
)

// DocumentTable says which column has which field of a document, for filters over them.
func DocumentTable() sqlfilter.Table {
	return sqlfilter.Table{Alias: "documents", Columns: map[string]sqlfilter.Column{
		"id":       {Name: "id", Type: sqlfilter.Text, Null: sqlfilter.NeverNull},
		"org_id":   {Name: "org_id", Type: sqlfilter.Text, Null: sqlfilter.NeverNull},
		"owner_id": {Name: "owner_id", Type: sqlfilter.Text, Null: sqlfilter.NeverNull},
		"state":    {Name: "state", Type: sqlfilter.EnumNumber, Null: sqlfilter.NeverNull},
	}}
}

// A Where is a filter over the rows of documents, as a mapping of [DocumentTable] in the
// directory's dialect writes it. Its first argument has the given number.
type Where func(first int) (expression string, arguments []any, err error)

// Every is the filter that holds of every document: for what no caller asks for.
func Every() Where { return func(int) (string, []any, error) { return "(1=1)", nil, nil } }

// of returns a statement that ends with the filter, and all of its arguments.
func (w Where) of(statement string, arguments ...any) (string, []any, error) {
	expression, own, err := w(len(arguments) + 1)
	return statement + expression, append(arguments, own...), err
}

const documentColumns = "id, org_id, owner_id, title, text, state, create_time"

// oneDocument reads a document with the users it is shared with.
func oneDocument(ctx context.Context, tx *sql.Tx, id string) (*demov1.Document, error) {
	document, err := documentOf(tx.QueryRowContext(ctx, "SELECT "+documentColumns+" FROM documents WHERE id = ?", id))
	if err != nil {
		return nil, err
	}
	return document, readShares(ctx, tx, document)
}

// documentOf reads the columns of a document.
func documentOf(row row) (*demov1.Document, error) {
	document := &demov1.Document{}
	var created int64
	if err := row.Scan(
		&document.Id, &document.OrgId, &document.OwnerId, &document.Title, &document.Text, &document.State, &created); err != nil {
		return nil, err
	}
	document.CreateTime = timestamppb.New(time.UnixMicro(created))
	return document, nil
}

// readShares reads the users that documents are shared with.
func readShares(ctx context.Context, tx *sql.Tx, documents ...*demov1.Document) error {
	if len(documents) == 0 {
		return nil
	}
	byID, ids := map[string]*demov1.Document{}, make([]any, len(documents))
	for i, document := range documents {
		byID[document.GetId()], ids[i] = document, document.GetId()
	}
	//nolint:gosec // It has as many marks as there are ids, and no text.
	query := "SELECT document_id, user_id FROM document_shares WHERE document_id IN (?" + strings.Repeat(", ?", len(ids)-1) + ") ORDER BY document_id, user_id"
	rows, err := tx.QueryContext(ctx, query, ids...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var id, user string
		if err := rows.Scan(&id, &user); err != nil {
			return err
		}
		byID[id].SharedWith = append(byID[id].SharedWith, user)
	}
	return rows.Err()
}
