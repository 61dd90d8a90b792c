package session

import (
	"crypto/rand"
	"encoding/base64"
	"strings"
)

// tokenPrefix distinguishes session tokens from other schemes' bearer tokens, also for
// a scanner for leaked secrets.
const tokenPrefix = "ses_"

// newToken returns a token of 256 random bits.
func newToken() string {
	var secret [32]byte
	rand.Read(secret[:])
	return tokenPrefix + base64.RawURLEncoding.EncodeToString(secret[:])
}

// isToken reports whether newToken could have made s, so that nothing else reaches
// the store.
func isToken(s string) bool {
	secret, ok := strings.CutPrefix(s, tokenPrefix)
	return ok && len(secret) == 43 && strings.Trim(secret, base64url) == ""
}
