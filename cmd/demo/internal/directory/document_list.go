package directory

import (
	"context"
	"database/sql"
	"slices"

	demov1 "github.com/sallyport-rpc/sallyport/gen/demo/v1"
)

// A DocumentPage is one page of a list of documents.
type DocumentPage struct {
	// Documents are without their texts.
	Documents []*demov1.Document
	// Next is the token of the next page, or "" if this is the last.
	Next string
	// Total is how many documents all pages have together.
	Total int64
}

// ListDocuments returns up to pageSize documents of which seen holds, in the order in which
// they were created: those of an organisation, or of all where it is "". Sizes and tokens
// are as those of [Directory.List]. A token says where a page ended, and opens nothing: each
// page is of what seen holds of. ListDocuments fails with [ErrBadPageToken].
func (d *Directory) ListDocuments(ctx context.Context, seen Where, orgID string, pageSize int, pageToken string) (DocumentPage, error) {
	const doing = "list documents"
	after, err := parsePosition(pageToken)
	if err != nil {
		return DocumentPage{}, d.because(doing, err)
	}
	if orgID != "" {
		seen = seen.in(orgID)
	}
	var page DocumentPage
	// In one transaction: the total is of the documents that the page is of.
	err = d.reading(ctx, func(tx *sql.Tx) (err error) {
		page, err = listDocuments(ctx, tx, seen, sizeOf(pageSize), after)
		return err
	})
	return page, d.because(doing, err)
}

func listDocuments(ctx context.Context, tx *sql.Tx, seen Where, size int, after position) (DocumentPage, error) {
	expression, arguments, err := seen(1)
	if err != nil {
		return DocumentPage{}, err
	}
	var page DocumentPage
	if err := tx.QueryRowContext(ctx, "SELECT count(*) FROM documents WHERE "+expression, arguments...).Scan(&page.Total); err != nil {
		return DocumentPage{}, err
	}
	//nolint:gosec // Package sqlfilter wrote the expression: it has no text of a caller.
	query := "SELECT id, org_id, owner_id, title, '', state, create_time FROM documents WHERE " + expression +
		" AND (create_time, id) > (?, ?) ORDER BY create_time, id LIMIT ?"
	rows, err := tx.QueryContext(ctx, query, append(slices.Clip(arguments), after.time, after.id, size+1)...)
	if err != nil {
		return DocumentPage{}, err
	}
	defer rows.Close()
	for rows.Next() {
		document, err := documentOf(rows)
		if err != nil {
			return DocumentPage{}, err
		}
		page.Documents = append(page.Documents, document)
	}
	if err := rows.Err(); err != nil {
		return DocumentPage{}, err
	}
	if len(page.Documents) > size {
		page.Documents = page.Documents[:size]
		last := page.Documents[size-1]
		page.Next = position{last.GetCreateTime().AsTime().UnixMicro(), last.GetId()}.String()
	}
	return page, readShares(ctx, tx, page.Documents...)
}

// in returns the filter within an organisation.
func (w Where) in(orgID string) Where {
	return func(first int) (string, []any, error) {
		expression, arguments, err := w(first)
		return "(" + expression + " AND documents.org_id = ?)", append(slices.Clip(arguments), orgID), err
	}
}
