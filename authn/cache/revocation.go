package cache

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"hash/maphash"
	"strings"
	"sync/atomic"
)

// A Revocation says what to forget: a principal or a credential. The zero Revocation
// is of nothing. Between processes it travels as a text, which may be shown: it names
// a principal by its id, and no credential.
type Revocation struct {
	kind revocationKind
	name string // the principal's id, or the credential's digest
}

type revocationKind string

const (
	ofPrincipal  revocationKind = "principal"
	ofCredential revocationKind = "credential"
)

// digestLabel keeps the digest apart from whatever else is a SHA-256 of the same
// credential, such as what a store of keys holds.
const digestLabel = "sallyport revocation of a credential\x00"

func revocationOf(credential string) Revocation {
	digest := sha256.Sum256([]byte(digestLabel + credential))
	return Revocation{ofCredential, base64.RawURLEncoding.EncodeToString(digest[:])}
}

var errRevocation = errors.New("cache: this text is no revocation")

// MarshalText returns the revocation as a text: a word, a space and a name. The name
// of a principal is its id, as it is. It fails for the zero Revocation.
func (r Revocation) MarshalText() ([]byte, error) {
	if r.name == "" {
		return nil, errRevocation
	}
	return []byte(string(r.kind) + " " + r.name), nil
}

// UnmarshalText reads a text by MarshalText, of this process or another.
func (r *Revocation) UnmarshalText(text []byte) error {
	kind, name, _ := strings.Cut(string(text), " ")
	if name == "" || kind != string(ofPrincipal) && kind != string(ofCredential) {
		return errRevocation
	}
	*r = Revocation{revocationKind(kind), name}
	return nil
}

// stripes is how many places there are to note revocations in.
const stripes = 1 << 14

// A stripe is the place where revocations of something are noted.
type stripe uint32

// revocations notes what was revoked when, in bounded space and without a lock: each
// is counted, and its number written into one of many places, which it shares with
// others. What was asked before the number in its place is not believed. To share a
// place with another's revocation costs a verification, and nothing else; who shares
// with whom is up to a random seed.
type revocations struct {
	seed   maphash.Seed
	number atomic.Uint64
	latest [stripes]atomic.Uint64
}

func newRevocations() *revocations { return &revocations{seed: maphash.MakeSeed()} }

// stripe returns the place of what a revocation names.
func (r *revocations) stripe(of Revocation) stripe {
	return stripe(maphash.Comparable(r.seed, of) % stripes)
}

// count returns how many revocations there were.
func (r *revocations) count() uint64 { return r.number.Load() }

// add notes a revocation.
func (r *revocations) add(revocation Revocation) {
	place := &r.latest[r.stripe(revocation)]
	number := r.number.Add(1)
	for known := place.Load(); known < number; known = place.Load() {
		if place.CompareAndSwap(known, number) {
			return
		}
	}
}

// since reports whether an answer was revoked since its verifier was asked.
func (r *revocations) since(answer *answer) bool {
	return r.latest[answer.byPrincipal].Load() > answer.asked || r.latest[answer.byItself].Load() > answer.asked
}
