package audit

import (
	"context"
	"fmt"
	"iter"
	"path"
	"time"
)

// A Query selects entries. Its zero value selects all of them. All that it names must
// hold.
type Query struct {
	// Log is the name of one log.
	Log string
	// Since and Until bound the time: from Since on, and before Until.
	Since, Until time.Time
	// Kind is a kind of event, such as "decided".
	Kind string
	// Outcome is "allow" or "deny".
	Outcome string
	// Principal is the principal's id, or its pseudonym.
	Principal string
	// Procedure is an RPC, or a pattern as [path.Match] has them: "/acme.*/Delete*".
	Procedure string
	// Call is the id of a call.
	Call string
	// Code is what the caller was answered, such as "permission_denied".
	Code string
	// Shadow is what the action's shadow would have decided, such as "would_deny".
	Shadow string
}

// A Found is an entry and where it stands.
type Found struct {
	// Log is the name of the log, and Number the entry's in it.
	Log    string `json:"log"`
	Number int64  `json:"number"`
	// Entry is the event.
	Entry Entry `json:"event"`
}

// Find returns the entries that a query selects, log by log, each in its order. It
// reads the logs from the beginning to the end, and proves nothing: see [Verify]. The
// sequence ends after an error.
func (s *Store) Find(ctx context.Context, query Query) iter.Seq2[Found, error] {
	return func(yield func(Found, error) bool) {
		if _, err := path.Match(query.Procedure, ""); err != nil {
			yield(Found{}, fmt.Errorf("audit: the procedure %q is no pattern: %w", query.Procedure, err))
			return
		}
		pseudonym := ""
		if query.Principal != "" {
			var err error
			if pseudonym, err = s.Pseudonym(ctx, query.Principal); err != nil {
				yield(Found{}, err)
				return
			}
		}
		origins := []string{query.Log}
		if query.Log == "" {
			var err error
			if origins, err = s.origins(ctx); err != nil {
				yield(Found{}, err)
				return
			}
		}
		for _, origin := range origins {
			for row, err := range s.rows(ctx, origin, 0, -1) {
				var entry Entry
				if err == nil {
					entry, err = decodeEntry(row.event)
				}
				if err != nil {
					yield(Found{}, fmt.Errorf("audit: event %d of %s: %w", row.number, origin, err))
					return
				}
				if query.selects(entry, pseudonym) && !yield(Found{origin, row.number, entry}, nil) {
					return
				}
			}
		}
	}
}

func (q Query) selects(entry Entry, pseudonym string) bool {
	is := func(wanted, have string) bool { return wanted == "" || wanted == have }
	if q.Procedure != "" && q.Procedure != entry.Procedure {
		if matched, _ := path.Match(q.Procedure, entry.Procedure); !matched {
			return false
		}
	}
	if !is(q.Principal, entry.Principal) && (pseudonym == "" || entry.Principal != pseudonym) {
		return false
	}
	return is(q.Kind, entry.Kind) && is(q.Outcome, entry.Outcome) && is(q.Call, entry.Call) && is(q.Code, entry.Code) && is(q.Shadow, entry.Shadow) &&
		(q.Since.IsZero() || !entry.Time.Before(q.Since)) && (q.Until.IsZero() || entry.Time.Before(q.Until))
}
