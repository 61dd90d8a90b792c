package session

import (
	"context"
	"time"

	"connectrpc.com/connect/v2"

	"github.com/sallyport-rpc/sallyport/authn"
)

// refreshes is how many times within the idle timeout the use of a session is stored.
const refreshes = 10

// errEnded is the one answer for every token that opens nothing, since the store does
// not say why it does not know a token.
var errEnded = authn.InvalidCredential("session is unknown, ended or expired")

// Authenticate finds the session that came with the call and returns its user. See
// the package for what counts as a credential, and [authn.Authenticator] for the
// errors.
func (m *Manager) Authenticate(ctx context.Context, call *connect.CallInfo) (*authn.Principal, error) {
	token, err := m.credential(call.RequestHeader())
	if err != nil {
		return nil, err
	}
	session, used, err := m.find(ctx, token)
	if err != nil {
		return nil, err
	}
	details, err := m.lookup(ctx, session.User)
	if err != nil {
		return nil, authn.FromLookup(ctx, "look up the user", err)
	}
	if now := time.Now().UTC(); now.Sub(used.At) >= m.idle/refreshes {
		if err := m.entries.use(ctx, token, lastUse{User: session.User, At: now}, m.idle); err != nil {
			return nil, storeError(ctx, "store the use of a session", err)
		}
	}
	details.AuthenticatedAt, details.Unscoped = session.AuthenticatedAt, true
	details.EndBy(session.AuthenticatedAt.Add(m.lifetime))
	return authn.NewPrincipal(session.User, details), nil
}

// find returns the session of a token and its last use, if the session has not ended.
// Both times are checked here as well, because a store has a clock of its own and the
// settings may have changed since.
func (m *Manager) find(ctx context.Context, token string) (record, lastUse, error) {
	session, found, err := m.entries.session(ctx, token)
	if !found {
		return record{}, lastUse{}, endedOr(ctx, err)
	}
	used, found, err := m.entries.lastUse(ctx, token)
	if !found {
		return record{}, lastUse{}, endedOr(ctx, err)
	}
	current, found, err := m.entries.epoch(ctx, session.User)
	if !found {
		// Without an epoch nothing says that the session was not ended.
		return record{}, lastUse{}, endedOr(ctx, err)
	}
	now := time.Now()
	if session.Epoch != current.Epoch ||
		!now.Before(session.AuthenticatedAt.Add(m.lifetime)) ||
		!now.Before(used.At.Add(m.idle)) {
		return record{}, lastUse{}, errEnded
	}
	if err := m.checkGeneration(ctx, session); err != nil {
		return record{}, lastUse{}, err
	}
	return session, used, nil
}

// checkGeneration ends a session that was started before the user's current
// generation, where the application counts them.
func (m *Manager) checkGeneration(ctx context.Context, session record) error {
	if m.generation == nil {
		return nil
	}
	current, err := m.currentGeneration(ctx, session.User)
	if err == nil && current != session.Generation {
		err = errEnded
	}
	return err
}

// endedOr is the answer to an entry that was not read: the session has ended, unless
// there is an error.
func endedOr(ctx context.Context, err error) error {
	if err == nil {
		return errEnded
	}
	return storeError(ctx, "find a session", err)
}

// Challenge returns the challenge of RFC 6750 for a session token. Browsers with a
// cookie do not need one.
func (m *Manager) Challenge(authn.Denial) string { return `Bearer realm="session"` }

// ReportsAuthenticationTime implements [authn.FreshnessReporter]: a session knows when it was
// started.
func (m *Manager) ReportsAuthenticationTime() bool { return true }
