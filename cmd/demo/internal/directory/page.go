package directory

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"errors"

	"github.com/google/uuid"
)

// ErrBadPageToken says that no list returned the page token.
var ErrBadPageToken = errors.New("malformed page token")

// Sizes of a page.
const (
	DefaultPageSize = 50
	MaxPageSize     = 1000
)

// List returns up to pageSize users in the order in which they were created, and a
// token for the next page, or "" if this is the last. An empty token stands for the first
// page. A size below 1 counts as [DefaultPageSize], a size above [MaxPageSize] as
// [MaxPageSize].
//
// A token says where a page ended, not how many users there were before it. So the pages
// together hold each user that was there all the time exactly once. List fails with
// [ErrBadPageToken].
func (d *Directory) List(ctx context.Context, pageSize int, pageToken string) (page []User, next string, err error) {
	const doing = "list the users"
	pageSize = sizeOf(pageSize)
	after, err := parsePosition(pageToken)
	if err != nil {
		return nil, "", d.because(doing, err)
	}
	rows, err := d.db.QueryContext(ctx, "SELECT "+columns+` FROM users
		WHERE (create_time, id) > (?, ?) ORDER BY create_time, id LIMIT ?`, after.time, after.id, pageSize+1)
	if err != nil {
		return nil, "", d.because(doing, err)
	}
	defer rows.Close()
	for rows.Next() {
		user, err := one(rows)
		if err != nil {
			return nil, "", d.because(doing, err)
		}
		page = append(page, user)
	}
	if err := rows.Err(); err != nil {
		return nil, "", d.because(doing, err)
	}
	if len(page) > pageSize {
		page = page[:pageSize]
		last := page[pageSize-1]
		next = position{last.CreateTime.UnixMicro(), last.ID}.String()
	}
	return page, next, nil
}

// sizeOf returns how many rows a page of an asked size has at most.
func sizeOf(asked int) int {
	if asked < 1 {
		return DefaultPageSize
	}
	return min(asked, MaxPageSize)
}

// position is a place in an order by time of creation and id. The zero position is before
// everything.
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

// parsePosition refuses texts that String does not write, and times and ids that no user
// can have.
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
