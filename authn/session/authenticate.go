package session

import (
	"context"
	"fmt"
	"time"

	"connectrpc.com/connect/v2"

	"github.com/sallyport-rpc/sallyport/authn"
)

// refreshes is how many times within the idle timeout a session that is in use is
// written down as such.
const refreshes = 10

// errEnded is one answer for every token that opens nothing, since the store cannot
// tell why it does not know one.
var errEnded = authn.InvalidCredential("session is unknown, ended or expired")

// Authenticate finds the session that came with the call and returns its user. See
// the package for what counts as a credential, and [authn.Authenticator] for the
// errors.
func (m *Manager) Authenticate(ctx context.Context, call *connect.CallInfo) (*authn.Principal, error) {
	token, err := m.credential(call.RequestHeader())
	if err != nil {
		return nil, err
	}
	session, seen, err := m.find(ctx, token)
	if err != nil {
		return nil, err
	}
	details, err := m.lookup(ctx, session.User)
	if err != nil {
		return nil, authn.FromLookup(ctx, "look up the user", err)
	}
	if now := time.Now().UTC(); now.Sub(seen.At) >= m.idle/refreshes {
		if err := m.entries.sight(ctx, token, sighting{User: session.User, At: now}, m.idle); err != nil {
			return nil, unavailable(ctx, fmt.Errorf("keep a session alive: %w", err))
		}
	}
	details.AuthenticatedAt = session.AuthenticatedAt
	details.EndBy(session.AuthenticatedAt.Add(m.lifetime))
	return authn.NewPrincipal(session.User, details), nil
}

// find returns the session of a token and when it was last seen. Both times are
// checked here as well, because a store's clock is its own and the settings may have
// changed since.
func (m *Manager) find(ctx context.Context, token string) (record, sighting, error) {
	session, found, err := m.entries.session(ctx, token)
	if err != nil || !found {
		return record{}, sighting{}, missing(ctx, err)
	}
	seen, found, err := m.entries.sighting(ctx, token)
	if err != nil || !found {
		return record{}, sighting{}, missing(ctx, err)
	}
	epoch, err := m.entries.epoch(ctx, session.User)
	if err != nil {
		return record{}, sighting{}, missing(ctx, err)
	}
	now := time.Now()
	switch {
	case !now.Before(session.AuthenticatedAt.Add(m.lifetime)),
		!now.Before(seen.At.Add(m.idle)),
		// An epoch outlives all sessions that it ended: without one, none was.
		epoch != "" && epoch != session.Epoch:
		return record{}, sighting{}, errEnded
	}
	return session, seen, nil
}

func missing(ctx context.Context, err error) error {
	if err == nil {
		return errEnded
	}
	return unavailable(ctx, fmt.Errorf("find a session: %w", err))
}

// Challenge returns the challenge of RFC 6750 for a session token. Browsers with a
// cookie do not need one.
func (m *Manager) Challenge(authn.Denial) string { return `Bearer realm="session"` }

// ReportsAuthenticationTime implements [authn.FreshnessReporter]: a session knows when it was
// started.
func (m *Manager) ReportsAuthenticationTime() bool { return true }
