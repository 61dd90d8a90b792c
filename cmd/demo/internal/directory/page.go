package directory

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"errors"

	"github.com/google/uuid"
)

// ErrBadPageToken says that a page token is none that [Directory.List] returned.
var ErrBadPageToken = errors.New("malformed page token")

// Sizes of a page.
const (
	DefaultPageSize = 50
	MaxPageSize     = 1000
)

// List returns up to pageSize users in the order in which they were created, and a
// token for the page after, or "" if this is the last. An empty token asks for the
// first page. A size below 1 counts as [DefaultPageSize], one above [MaxPageSize] as
// that.
//
// A token says where a page ended and not how many there were before: while users
// come and go, the pages together hold each one that stayed exactly once. It fails
// with [ErrBadPageToken].
func (d *Directory) List(ctx context.Context, pageSize int, pageToken string) (page []User, next string, err error) {
	const doing = "list the users"
	if pageSize < 1 {
		pageSize = DefaultPageSize
	}
	pageSize = min(pageSize, MaxPageSize)
	after, err := parsePosition(pageToken)
	if err != nil {
		return nil, "", because(doing, err)
	}
	rows, err := d.db.QueryContext(ctx, "SELECT "+columns+` FROM users
		WHERE (create_time, id) > (?, ?) ORDER BY create_time, id LIMIT ?`, after.time, after.id, pageSize+1)
	if err != nil {
		return nil, "", because(doing, err)
	}
	defer rows.Close()
	for rows.Next() {
		user, err := one(rows)
		if err != nil {
			return nil, "", because(doing, err)
		}
		page = append(page, user)
	}
	if err := rows.Err(); err != nil {
		return nil, "", because(doing, err)
	}
	if len(page) > pageSize {
		page = page[:pageSize]
		last := page[pageSize-1]
		next = position{last.CreateTime.UnixMicro(), last.ID}.String()
	}
	return page, next, nil
}

// position is a place in the order of users. The zero position is before all.
type position struct {
	time int64 // microseconds since 1970
	id   string
}

// String returns the position as a page token: eight bytes of time and sixteen of
// the id, in base64.
func (p position) String() string {
	id := uuid.MustParse(p.id)
	raw := binary.BigEndian.AppendUint64(nil, uint64(p.time)) //nolint:gosec // No such time is negative.
	return base64.RawURLEncoding.EncodeToString(append(raw, id[:]...))
}

// parsePosition refuses, besides what cannot be read, the times and ids that no user
// has, and spellings that String would not choose.
func parsePosition(token string) (position, error) {
	if token == "" {
		return position{}, nil
	}
	raw, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil || len(raw) != 24 {
		return position{}, ErrBadPageToken
	}
	micros, id := binary.BigEndian.Uint64(raw), uuid.UUID(raw[8:])
	if micros > latest || id.Version() != 4 || id.Variant() != uuid.RFC4122 {
		return position{}, ErrBadPageToken
	}
	at := position{int64(micros), id.String()}
	if at.String() != token {
		return position{}, ErrBadPageToken
	}
	return at, nil
}

// latest is the end of the year 9999 in microseconds since 1970.
const latest = 253_402_300_800_000_000
