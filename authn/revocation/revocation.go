package revocation

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"unicode/utf8"
)

// A Revocation says what was taken back: what a principal may do, one credential, or
// nobody knows what. It may be compared and shown. The zero Revocation is of nothing.
type Revocation struct {
	kind kind
	name string // the principal's id, or the credential's hash
}

type kind uint8

const (
	ofNothing kind = iota
	ofPrincipal
	ofCredential
	ofEverything
)

// OfEverything is the revocation for when some may have been missed: whatever is
// remembered counts as revoked.
func OfEverything() Revocation { return Revocation{kind: ofEverything} }

// OfPrincipal is the revocation of all that a principal may do. Without an id it is
// of nothing.
func OfPrincipal(id string) Revocation {
	if id == "" {
		return Revocation{}
	}
	return Revocation{ofPrincipal, id}
}

// hashLabel keeps the hash apart from whatever else is a SHA-256 of the same
// credential, such as what a store of keys holds.
const hashLabel = "sallyport revocation of a credential\x00"

// OfCredential is the revocation of one credential. It holds the SHA-256 of it, which
// tells it to nobody as long as it has the entropy that a credential needs.
func OfCredential(credential string) Revocation {
	if credential == "" {
		return Revocation{}
	}
	hash := sha256.Sum256([]byte(hashLabel + credential))
	return Revocation{ofCredential, base64.RawURLEncoding.EncodeToString(hash[:])}
}

// Principal returns the id of the principal, if the revocation is of one.
func (r Revocation) Principal() (id string, ok bool) {
	if r.kind != ofPrincipal {
		return "", false
	}
	return r.name, true
}

// maxText is how long the text of a revocation may be. NOTIFY of PostgreSQL takes
// less than 8000 bytes.
const maxText = 4 << 10

var errUntold = errors.New("revocation: of nothing, or by a name that is too long or not UTF-8")

// A note is the text of a revocation, in JSON. One of its members is set.
type note struct {
	Principal  string `json:"principal,omitempty"`
	Credential string `json:"credential,omitempty"`
	Everything bool   `json:"everything,omitempty"`
}

// MarshalText returns the revocation as a text for a [Link] to carry, of at most 4
// KiB. It fails for the zero Revocation, and for one of a principal whose id is longer
// than that or not UTF-8: [Bus.Tell] sends [OfEverything] in its place.
func (r Revocation) MarshalText() ([]byte, error) {
	var said note
	switch r.kind {
	case ofPrincipal:
		said.Principal = r.name
	case ofCredential:
		said.Credential = r.name
	case ofEverything:
		said.Everything = true
	case ofNothing:
		return nil, errUntold
	}
	if !utf8.ValidString(r.name) { // JSON would make another name of it
		return nil, errUntold
	}
	text, err := json.Marshal(said)
	if err != nil || len(text) > maxText {
		return nil, errUntold
	}
	return text, nil
}

// Parse reads a text by MarshalText. It does not fail: a text that it cannot read is
// that of [OfEverything], since it may have been a revocation of anything, by a newer
// version of this package.
func Parse(text []byte) Revocation {
	var said note
	if len(text) > maxText || json.Unmarshal(text, &said) != nil {
		return OfEverything()
	}
	for _, revocation := range []Revocation{{ofPrincipal, said.Principal}, {ofCredential, said.Credential}} {
		// It has to say this and nothing else.
		if again, err := revocation.MarshalText(); err == nil && revocation.name != "" && string(again) == string(text) {
			return revocation
		}
	}
	return OfEverything()
}

// String returns the text of the revocation, or "nothing".
func (r Revocation) String() string {
	text, err := r.MarshalText()
	if err != nil {
		return "nothing"
	}
	return string(text)
}
