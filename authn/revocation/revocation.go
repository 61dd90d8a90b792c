package revocation

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"unicode/utf8"
)

// A Revocation says what was revoked: all that a principal may do, one credential, or
// everything. Revocations can be compared and logged. The zero Revocation is of nothing.
type Revocation struct {
	kind kind
	name string // the principal's id, the credential's hash, or the probe's
}

type kind uint8

const (
	ofNothing kind = iota
	ofPrincipal
	ofCredential
	ofEverything
	ofProbe
)

// OfEverything is the revocation for when some may have been missed: everything that
// is remembered counts as revoked.
func OfEverything() Revocation { return Revocation{kind: ofEverything} }

// OfPrincipal is the revocation of all that a principal may do. Without an id it is
// of nothing.
func OfPrincipal(id string) Revocation {
	if id == "" {
		return Revocation{}
	}
	return Revocation{ofPrincipal, id}
}

// hashLabel keeps the hash apart from other SHA-256 hashes of the same credential,
// such as the one in a store of keys.
const hashLabel = "sallyport revocation of a credential\x00"

// OfCredential is the revocation of one credential. It holds a SHA-256 hash, which does
// not give the credential away if that has the entropy that a credential needs.
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

var errNoText = errors.New("revocation: it is of nothing, or its name is too long or not UTF-8")

// A note is the text of a revocation, in JSON. One of its members is set.
type note struct {
	Principal  string `json:"principal,omitempty"`
	Credential string `json:"credential,omitempty"`
	Everything bool   `json:"everything,omitempty"`
	Probe      string `json:"probe,omitempty"`
}

// MarshalText returns the revocation as a text for a [Link] to carry, of at most 4
// KiB. It fails for the zero Revocation, and for one of a principal whose id is longer
// than that or not UTF-8: [Bus.Publish] sends [OfEverything] in its place.
func (r Revocation) MarshalText() ([]byte, error) {
	var content note
	switch r.kind {
	case ofPrincipal:
		content.Principal = r.name
	case ofCredential:
		content.Credential = r.name
	case ofEverything:
		content.Everything = true
	case ofProbe:
		content.Probe = r.name
	case ofNothing:
		return nil, errNoText
	}
	if !utf8.ValidString(r.name) { // JSON would make another name of it
		return nil, errNoText
	}
	text, err := json.Marshal(content)
	if err != nil || len(text) > maxText {
		return nil, errNoText
	}
	return text, nil
}

// Parse reads a text that MarshalText made. It does not fail: a text that it cannot
// read gives [OfEverything], since a newer version of this package may have revoked
// anything by it.
func Parse(text []byte) Revocation {
	var content note
	if len(text) > maxText || json.Unmarshal(text, &content) != nil {
		return OfEverything()
	}
	for _, revocation := range []Revocation{{ofPrincipal, content.Principal}, {ofCredential, content.Credential}, {ofProbe, content.Probe}} {
		// The text must say this and nothing else.
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
