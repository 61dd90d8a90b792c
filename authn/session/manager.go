package session

import (
	"context"
	"errors"
	"fmt"
	"time"
	"unicode/utf8"

	"connectrpc.com/connect/v2"
	"github.com/alexedwards/scs/v2"

	"github.com/sallyport-rpc/sallyport/authn"
	"github.com/sallyport-rpc/sallyport/authn/internal/revoked"
	"github.com/sallyport-rpc/sallyport/internal/option"
)

// A Manager starts, ends and authenticates sessions. Make one with [New]. It is
// safe for concurrent use, starts no goroutines and holds no sessions besides those
// in its store, so any number of processes may share that.
type Manager struct {
	entries entries
	lookup  Lookup
	settings
	revoked revoked.Subscribers
}

var _ authn.Challenger = (*Manager)(nil)

// A Lookup tells what is known of a user now: roles, attributes and so on. It runs
// at every call, after the session was found good.
//
// For a user that is gone or disabled it returns an error made by
// [authn.InvalidCredential]; any other error means that nobody can tell, and the
// call ends as unavailable. AuthenticatedAt of the claims is ignored, since the
// session knows better; ExpiresAt holds where it comes before the session's own.
type Lookup func(ctx context.Context, userID string) (authn.Details, error)

// New returns a Manager that keeps its sessions in store and asks lookup about
// their users. A store that also serves as [scs.CtxStore] is called with the call's
// context. The error names everything that is wrong with the arguments.
//
// The caller owns the store, and stops whatever goroutine it runs.
func New(store scs.Store, lookup Lookup, options ...Option) (*Manager, error) {
	chosen := defaults
	err := option.Apply("session", &chosen, options)
	if store == nil {
		err = errors.Join(errors.New("session: a store is required"), err)
	}
	if lookup == nil {
		err = errors.Join(errors.New("session: a lookup is required"), err)
	}
	if err != nil {
		return nil, err
	}
	manager := &Manager{entries: entries{withContext(store)}, lookup: lookup, settings: chosen}
	manager.revoked.Join(chosen.bus)
	return manager, nil
}

// Start begins a session of the given user, who has just proved who they are, and
// returns its token. Whatever session came with the call is ended first, so that
// nobody can prepare a session for somebody else to sign in to.
//
// Within a call it also sets the session cookie on the response, unless another
// origin made the request, which is logged; call it before the first message of a
// stream is sent.
// Outside a call it returns the token and no more. The token is a credential:
// return it to the user and show it to nobody else.
//
// It fails with [authn.ErrUnavailable] where the store does.
func (m *Manager) Start(ctx context.Context, userID string) (string, error) {
	// JSON would keep a text that is not UTF-8 as another one.
	if userID == "" || !utf8.ValidString(userID) {
		return "", errors.New("session: a user id is required, in UTF-8")
	}
	call, inCall := connect.CallInfoForServerContext(ctx)
	if inCall {
		if err := m.endOffered(ctx, call.RequestHeader()); err != nil {
			return "", err
		}
	}
	token := newToken()
	if err := m.begin(ctx, token, userID); err != nil {
		return "", unavailable(ctx, fmt.Errorf("start a session: %w", err))
	}
	if inCall {
		// The response may carry the token in its body as well (RFC 6749, section 5.1).
		call.ResponseHeader().Set("Cache-Control", "no-store")
		m.giveCookie(ctx, call, token)
	}
	return token, nil
}

func (m *Manager) begin(ctx context.Context, token, userID string) error {
	epoch, err := m.entries.epoch(ctx, userID)
	if err != nil {
		return err
	}
	now := time.Now().UTC()
	// The session comes last: it is never there without the sighting it needs.
	if err := m.entries.sight(ctx, token, sighting{User: userID, At: now}, m.idle); err != nil {
		return err
	}
	return m.entries.add(ctx, token, record{User: userID, Epoch: epoch, AuthenticatedAt: now}, m.lifetime)
}

// End ends the session that came with the call and removes its cookie. It is what
// signing out does. Afterwards no session of the call's cookie or bearer token is
// left, which is also so where there was none, or outside a call. As everywhere, a
// cookie on a request of another site does not count.
//
// It fails with [authn.ErrUnavailable] where the store does.
func (m *Manager) End(ctx context.Context) error {
	call, inCall := connect.CallInfoForServerContext(ctx)
	if !inCall {
		return nil
	}
	if err := m.endOffered(ctx, call.RequestHeader()); err != nil {
		return err
	}
	m.takeCookie(ctx, call)
	return nil
}

func (m *Manager) endOffered(ctx context.Context, header *connect.Header) error {
	for _, token := range m.offered(header) {
		session, found, err := m.entries.session(ctx, token)
		if err != nil {
			found = false // it is removed all the same
		}
		if err := m.entries.remove(ctx, token); err != nil {
			return unavailable(ctx, fmt.Errorf("end a session: %w", err))
		}
		if found {
			m.Changed(session.User)
		}
	}
	return nil
}

// EndAll ends every session of a user, on every device and in every process that
// shares the store: for signing out everywhere, a new password, an account that is
// taken back. A Start at the same time counts as before or as after it.
//
// It is one write, whatever the number of sessions. It marks them as ended, and the
// store drops them when they would have expired. To drop a user's sessions together
// with the user, a store may read whose they are: its data is a JSON object, whose
// member "user" is the user id.
//
// It fails with [authn.ErrUnavailable] where the store does.
func (m *Manager) EndAll(ctx context.Context, userID string) error {
	if userID == "" {
		return errors.New("session: a user id is required")
	}
	if err := m.entries.newEpoch(ctx, userID); err != nil {
		return unavailable(ctx, fmt.Errorf("end all sessions: %w", err))
	}
	m.Changed(userID)
	return nil
}

// unavailable is the answer to a store that fails, unless the caller went away and
// that is why, or the store works and holds what it should not.
func unavailable(ctx context.Context, err error) error {
	if ended := ctx.Err(); ended != nil {
		return ended
	}
	if errors.Is(err, errUnreadable) {
		return err
	}
	return authn.Unavailable(err)
}
