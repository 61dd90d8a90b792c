package session

import (
	"context"
	"errors"
	"time"
	"unicode/utf8"

	"connectrpc.com/connect/v2"
	"github.com/alexedwards/scs/v2"

	"github.com/sallyport-rpc/sallyport/authn"
	"github.com/sallyport-rpc/sallyport/authn/internal/revoked"
	"github.com/sallyport-rpc/sallyport/internal/option"
)

// A Manager starts, ends and authenticates sessions. Make one with [New]. It is
// safe for concurrent use. All sessions are in its store, so any number of processes
// may share that.
type Manager struct {
	entries entries
	lookup  Lookup
	settings
	revoked revoked.Subscribers
}

var _ authn.Challenger = (*Manager)(nil)

// A Lookup returns what is known of a user now: roles, claims and so on. It runs
// at every call, after the session was found valid.
//
// For a user that is gone or disabled it returns an error made by
// [authn.InvalidCredential]; after any other error the call ends as unavailable.
// AuthenticatedAt of the details is ignored, since the session knows it; ExpiresAt
// holds where it comes before the session's own.
type Lookup func(ctx context.Context, userID string) (authn.Details, error)

// New returns a Manager that keeps its sessions in store and asks lookup about
// their users. The error names everything that is wrong with the arguments.
//
// A store that is an [scs.CtxStore] is called with the call's context, as those of
// package pgstore and of scs's goredisstore are. Of any other store, but scs's in
// memory, a call waits for an operation no longer than its context and five seconds
// last; 64 such operations may be under way at once. See the package for what a store
// must promise. The caller owns the store, and ends its goroutines.
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
// returns its token. A session that came with the call is ended first, so that an
// attacker cannot prepare a session for the user to sign in to.
//
// Within a call it also sets the session cookie on the response, unless another
// origin made the request, which is logged; call it before the first message of a
// stream is sent. Outside a call it returns the token and does no more. The token is a
// credential: return it to the user alone.
//
// It fails with [authn.ErrUnavailable] where the store fails.
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
		return "", err
	}
	if inCall {
		// The response may carry the token in its body as well (RFC 6749, section 5.1).
		call.ResponseHeader().Set("Cache-Control", "no-store")
		m.giveCookie(ctx, call, token)
	}
	return token, nil
}

func (m *Manager) begin(ctx context.Context, token, userID string) error {
	const doing = "start a session"
	generation, err := m.currentGeneration(ctx, userID)
	if err != nil {
		return err
	}
	epoch, err := m.entries.epochForStart(ctx, userID)
	if err != nil {
		return storeError(ctx, doing, err)
	}
	now := time.Now().UTC()
	// The record comes last: it is never there without the last use that it needs.
	if err := m.entries.use(ctx, token, lastUse{User: userID, At: now}, m.idle); err != nil {
		return storeError(ctx, doing, err)
	}
	session := record{User: userID, Epoch: epoch, Generation: generation, AuthenticatedAt: now}
	if err := m.entries.add(ctx, token, session, m.lifetime); err != nil {
		return storeError(ctx, doing, err)
	}
	return nil
}

// End ends the session that came with the call and removes its cookie. It is what
// signing out does. Afterwards no session of the call's cookie or bearer token is
// left, also where there was none, or outside a call. As everywhere, a cookie on a
// request of another site does not count.
//
// It fails with [authn.ErrUnavailable] where the store fails.
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
		session, found, _ := m.entries.session(ctx, token) // it is removed all the same
		err := m.entries.remove(ctx, token)
		if found {
			m.Changed(session.User) // also after an error: its record may be gone
		}
		if err != nil {
			return storeError(ctx, "end a session", err)
		}
	}
	return nil
}

// EndAll ends every session of a user, on every device and in every process that
// shares the store: for signing out everywhere, a new password, or an account that is
// recovered. A Start at the same time counts as before or as after it.
//
// It removes one entry, which all of the user's sessions need; the store drops the
// others when they expire. To drop them together with the user, a store may read whose
// they are: its data is a JSON object, whose member "user" is the user id.
//
// It fails with [authn.ErrUnavailable] where the store fails.
func (m *Manager) EndAll(ctx context.Context, userID string) error {
	if userID == "" {
		return errors.New("session: a user id is required")
	}
	err := m.entries.endEpoch(ctx, userID)
	m.Changed(userID) // also after an error: it may have been removed
	if err != nil {
		return storeError(ctx, "end all sessions", err)
	}
	return nil
}

// storeError is the answer to an error of the store. An unreadable entry is a fault
// and not an outage.
func storeError(ctx context.Context, doing string, err error) error {
	if ctx.Err() == nil && errors.Is(err, errUnreadable) {
		return err
	}
	return authn.FromLookup(ctx, doing, err)
}
