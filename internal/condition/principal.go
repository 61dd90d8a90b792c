package condition

import "time"

// Principal is what a condition may read of a caller. Its fields are those of
// `principal` in CEL. It is shared between calls and must not be changed.
type Principal struct {
	ID              string
	Roles           []string
	Scopes          []string
	Attributes      map[string]string
	Scheme          string
	AuthenticatedAt time.Time
	ExpiresAt       time.Time
}
