package cache

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"hash"
	"sync"
)

// A key is what an answer is found by.
type key [sha256.Size]byte

// keys makes the keys of one authenticator's credentials, by a secret that no other
// has. It is safe for concurrent use.
type keys struct{ pool sync.Pool }

// A mac makes one key at a time. Of the credential it keeps nothing.
type mac struct {
	hash   hash.Hash
	buffer []byte
	key    key
}

func newKeys() *keys {
	secret := make([]byte, sha256.Size)
	rand.Read(secret)
	return &keys{pool: sync.Pool{New: func() any { return &mac{hash: hmac.New(sha256.New, secret)} }}}
}

// of returns the key of a credential.
func (k *keys) of(credential string) key {
	mac, ok := k.pool.Get().(*mac)
	if !ok {
		panic("cache: the pool holds something else") // it cannot
	}
	mac.buffer = append(mac.buffer[:0], credential...)
	mac.hash.Reset()
	mac.hash.Write(mac.buffer)
	mac.hash.Sum(mac.key[:0])
	made := mac.key
	clear(mac.buffer)
	k.pool.Put(mac)
	return made
}
