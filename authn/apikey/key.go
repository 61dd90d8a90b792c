package apikey

import (
	"crypto/rand"
	"encoding/base32"
	"encoding/binary"
	"hash/crc32"
	"strings"
	"time"
)

// A Key is what is known of a key besides its secret. None of it is secret.
type Key struct {
	// ID is the public part of the key's text, unique in its store.
	ID string
	// Owner is the id of the principal that the key speaks for.
	Owner string
	// Name is what its owner calls it. It may be empty.
	Name string
	// Scopes are the scopes it was issued with, sorted. It carries no more than these;
	// with none it opens nothing.
	Scopes []string
	// Unscoped is whether it was issued by [Manager.IssueUnscoped], and so carries all
	// that its owner may do.
	Unscoped bool
	// CreatedAt, ExpiresAt and LastUsedAt are in UTC, to the microsecond.
	CreatedAt time.Time
	ExpiresAt time.Time
	// LastUsedAt is when the key was last seen to be good, exact to the interval of
	// [WithUseInterval]. Zero means never.
	LastUsedAt time.Time
}

// Lengths of what random bytes become, 5 bits to a character: 80 bits, so that no id
// comes twice, 256 bits and 32 bits.
const (
	idLength       = 16
	secretLength   = 52
	checksumLength = 7
)

// alphabet holds no character that ends a word, so that a key is selected by a double
// click, and none that is changed where letters are.
const alphabet = "abcdefghijklmnopqrstuvwxyz234567"

var encoding = base32.NewEncoding(alphabet).WithPadding(base32.NoPadding)

// newKey returns a new id and the text of its key.
func newKey(prefix string) (id, text string) {
	var random [10 + 32]byte
	rand.Read(random[:])
	id = encoding.EncodeToString(random[:10])
	text = prefix + id + "_" + encoding.EncodeToString(random[10:])
	return id, text + checksum(text)
}

// keyID returns the id of a key's text and whether newKey could have made it, so that
// nothing else reaches the store.
func keyID(prefix, text string) (string, bool) {
	rest, ok := strings.CutPrefix(text, prefix)
	if !ok || len(rest) != idLength+1+secretLength+checksumLength || rest[idLength] != '_' {
		return "", false
	}
	id, secret := rest[:idLength], rest[idLength+1:]
	body, sum := text[:len(text)-checksumLength], text[len(text)-checksumLength:]
	// The client has made both sides of this comparison, so its timing gives nothing away.
	return id, consistsOf(id, alphabet) && consistsOf(secret, alphabet) && sum == checksum(body)
}

func consistsOf(s, alphabet string) bool { return strings.Trim(s, alphabet) == "" }

func checksum(body string) string {
	return encoding.EncodeToString(binary.BigEndian.AppendUint32(nil, crc32.ChecksumIEEE([]byte(body))))
}
