package apikey

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"slices"
	"time"

	"connectrpc.com/connect/v2"

	"github.com/sallyport-rpc/sallyport/authn"
	"github.com/sallyport-rpc/sallyport/authn/internal/credential"
)

// markTimeout is how long a call waits for the use of its key to be stored.
const markTimeout = 250 * time.Millisecond

// Reasons for operators. The caller sees none of them, and so does not learn which
// ids there are.
var (
	errMalformed = authn.InvalidCredential("API key is malformed or mistyped")
	errUnknown   = authn.InvalidCredential("API key is unknown or revoked")
	errSecret    = authn.InvalidCredential("API key has a known id and another secret")
	errExpired   = authn.InvalidCredential("API key has expired")
)

// errUnreadable is a fault: something else writes to the store.
var errUnreadable = errors.New("apikey: a key of the store is unreadable")

// Authenticate finds the key that came with the call and returns its owner. See the
// package for what counts as a key, and [authn.Authenticator] for the errors.
func (m *Manager) Authenticate(ctx context.Context, call *connect.CallInfo) (*authn.Principal, error) {
	text, err := m.offered(call.RequestHeader())
	if err != nil {
		return nil, err
	}
	id, ok := keyID(m.prefix, text)
	if !ok {
		return nil, errMalformed
	}
	record, found, err := m.store.Find(ctx, id)
	if err != nil {
		return nil, failure(ctx, "find a key", err)
	}
	offered, now := hash(text), time.Now()
	switch {
	case !found:
		return nil, errUnknown
	case subtle.ConstantTimeCompare(offered[:], record.Hash[:]) != 1:
		return nil, errSecret
	case !now.Before(record.ExpiresAt):
		return nil, errExpired
	case record.Owner == "":
		return nil, errUnreadable
	}
	details, err := m.lookup(ctx, record.Key)
	if err != nil {
		return nil, authn.FromLookup(ctx, "look up the owner", err)
	}
	m.markUsed(ctx, &record.Key, now)
	if details.Unscoped = record.Unscoped; !record.Unscoped {
		details.Scopes = common(record.Scopes, details.Scopes)
	}
	details.AuthenticatedAt = time.Time{}
	details.EndBy(record.ExpiresAt)
	return authn.NewPrincipal(record.Owner, details), nil
}

// Challenge returns the challenge of RFC 6750, or "" where keys have a header of
// their own, for which HTTP knows no challenge.
func (m *Manager) Challenge(denial authn.Denial) string {
	const challenge = `Bearer realm="apikey"`
	switch {
	case m.header != authorization:
		return ""
	case denial.Reason == authn.InsufficientScope:
		return challenge + credential.InsufficientScope(denial.MissingScopes)
	default:
		return challenge
	}
}

// markUsed stores that a key is in use, unless that was done lately. A call waits for
// that a moment only, and is not refused if it fails.
func (m *Manager) markUsed(ctx context.Context, key *Key, now time.Time) {
	before := now.Add(-m.interval)
	if key.LastUsedAt.After(before) {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, markTimeout)
	defer cancel()
	_ = m.store.MarkUsed(ctx, key.ID, now, before)
}

// common returns what two lists have in common. Both are short.
func common(a, b []string) []string {
	var both []string
	for _, s := range a {
		if slices.Contains(b, s) {
			both = append(both, s)
		}
	}
	return both
}

func hash(text string) [sha256.Size]byte { return sha256.Sum256([]byte(text)) }

// failure is the answer to an error of the store. An unreadable key is a fault and
// not an outage.
func failure(ctx context.Context, doing string, err error) error {
	if ctx.Err() == nil && errors.Is(err, errUnreadable) {
		return err
	}
	return authn.FromLookup(ctx, doing, err)
}
