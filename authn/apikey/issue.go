package apikey

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
	"unicode"
	"unicode/utf8"

	"connectrpc.com/connect/v2"
)

// Issue makes a key of an owner and returns what is known of it and its text. The
// text is a credential that cannot be read again: return it to the owner alone.
//
// The key carries the scopes and no more: an action takes it where the action's
// credential_scopes are among them. A key without scopes opens nothing. Scopes are as in
// RFC 6749, section 3.3; the handler that issues keys says which of them its caller may
// give away.
//
// Keys that never expire are forgotten and leak, so expires is required and in the
// future. Owner and name are texts without control characters.
//
// It fails with [authn.ErrUnavailable] where the store does.
func (m *Manager) Issue(ctx context.Context, owner, name string, scopes []string, expires time.Time) (Key, string, error) {
	scopes = slices.Clone(scopes)
	slices.Sort(scopes)
	for _, scope := range scopes {
		if !isScope(scope) {
			return Key{}, "", fmt.Errorf("apikey: %q is no scope", scope)
		}
	}
	return m.issue(ctx, Key{Owner: owner, Name: name, Scopes: slices.Compact(scopes), ExpiresAt: expires})
}

// IssueUnscoped makes a key that carries all that its owner may do, as the owner's
// session does, and is otherwise as [Manager.Issue]. Who holds it is the owner, to every
// action that takes its scheme.
func (m *Manager) IssueUnscoped(ctx context.Context, owner, name string, expires time.Time) (Key, string, error) {
	return m.issue(ctx, Key{Owner: owner, Name: name, Unscoped: true, ExpiresAt: expires})
}

// issue completes a key and stores it.
func (m *Manager) issue(ctx context.Context, key Key) (Key, string, error) {
	now := time.Now()
	switch {
	case key.Owner == "" || !isText(key.Owner):
		return Key{}, "", errors.New("apikey: an owner is required, without control characters")
	case !isText(key.Name):
		return Key{}, "", errors.New("apikey: a name is a text without control characters")
	case !now.Before(key.ExpiresAt) || key.ExpiresAt.Year() > 9999:
		return Key{}, "", errors.New("apikey: an expiry is required, in the future and in this era")
	}
	id, text := newKey(m.prefix)
	key.ID = id
	key.CreatedAt, key.ExpiresAt = now.UTC().Truncate(time.Microsecond), key.ExpiresAt.UTC().Truncate(time.Microsecond)
	if err := m.store.Add(ctx, Record{Key: key, Hash: hash(text)}); err != nil {
		return Key{}, "", failure(ctx, "add a key", err)
	}
	if call, ok := connect.CallInfoForServerContext(ctx); ok {
		// The response carries a credential (RFC 6749, section 5.1).
		call.ResponseHeader().Set("Cache-Control", "no-store")
	}
	return key, text, nil
}

// List returns the keys of an owner, the oldest first. Those that have expired are
// among them until they are revoked.
//
// It fails with [authn.ErrUnavailable] where the store does.
func (m *Manager) List(ctx context.Context, owner string) ([]Key, error) {
	keys, err := m.store.List(ctx, owner)
	if err != nil {
		return nil, failure(ctx, "list keys", err)
	}
	return keys, nil
}

// isText reports whether databases keep s as it is and people see all of it.
func isText(s string) bool {
	for _, r := range s {
		if unicode.IsControl(r) {
			return false
		}
	}
	return utf8.ValidString(s)
}

// isScope reports whether s is a scope-token of RFC 6749, section 3.3, at most as
// long as one in a declaration.
func isScope(s string) bool {
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c > '~' || c == '"' || c == '\\' {
			return false
		}
	}
	return s != "" && len(s) <= 255
}
