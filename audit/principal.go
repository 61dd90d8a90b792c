package audit

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
)

// A principalKey is the secret that makes the pseudonym of one principal.
type principalKey struct {
	principal string
	secret    []byte
}

// pseudonym returns what an entry has instead of the principal's id.
func (k principalKey) pseudonym() string {
	mac := hmac.New(sha256.New, k.secret)
	mac.Write([]byte(k.principal))
	return "hmac-sha256:" + hex.EncodeToString(mac.Sum(nil))
}

// hide returns entries without the ids of principals, and the keys that are new.
func (s *Store) hide(ctx context.Context, entries []Entry) (hidden []Entry, made []principalKey, err error) {
	keys := make(map[string]principalKey)
	hidden = append(hidden, entries...)
	for i := range hidden {
		id := hidden[i].Principal
		if id == "" {
			continue
		}
		key, known := keys[id]
		if !known {
			key, known, err = s.principalKey(ctx, id)
			if err != nil {
				return nil, nil, err
			}
			if !known {
				key = principalKey{id, make([]byte, sha256.Size)}
				_, _ = rand.Read(key.secret) // it never fails
				made = append(made, key)
			}
			keys[id] = key
		}
		name := key.pseudonym()
		hidden[i].Principal = name
		hidden[i].Values = nil
		hidden[i].Reason = strings.ReplaceAll(hidden[i].Reason, id, name)
		hidden[i].Error = strings.ReplaceAll(hidden[i].Error, id, name)
	}
	return hidden, made, nil
}

func (s *Store) principalKey(ctx context.Context, id string) (principalKey, bool, error) {
	key := principalKey{principal: id}
	err := s.db.QueryRowContext(ctx, "SELECT secret FROM audit_principals WHERE principal = $1", id).Scan(&key.secret)
	if errors.Is(err, sql.ErrNoRows) {
		return principalKey{}, false, nil
	}
	return key, err == nil, err
}

// Pseudonym returns what entries have instead of a principal's id with
// [WithPseudonyms], and "" where no entry has one, or it was erased.
func (s *Store) Pseudonym(ctx context.Context, principalID string) (string, error) {
	key, known, err := s.principalKey(ctx, principalID)
	if err != nil {
		return "", fmt.Errorf("audit: look up a pseudonym: %w", err)
	}
	if !known {
		return "", nil
	}
	return key.pseudonym(), nil
}

// Erase deletes the key of a principal's pseudonym: what the log has of the principal
// stays, and can no longer be told to be theirs. A principal that comes again gets a new
// pseudonym. It reports whether there was one.
func (s *Store) Erase(ctx context.Context, principalID string) (bool, error) {
	result, err := s.db.ExecContext(ctx, "DELETE FROM audit_principals WHERE principal = $1", principalID)
	if err != nil {
		return false, fmt.Errorf("audit: erase a principal: %w", err)
	}
	deleted, err := result.RowsAffected()
	return deleted > 0, err
}
