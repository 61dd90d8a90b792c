package cache

import (
	"bytes"
	"crypto/sha256"
	"sync"
	"testing"
)

// A key is of its credential alone, and what makes it keeps nothing of the credential.
func TestKeys(t *testing.T) {
	t.Parallel()
	used := &mac{hash: sha256.New()}
	made := &keys{pool: sync.Pool{New: func() any { return used }}}
	first := made.of("a secret of ada")
	if made.of("a secret") == first || made.of("a secret of ada") != first {
		t.Error("a key is not of its credential alone")
	}
	if held := used.buffer[:cap(used.buffer)]; bytes.Contains(held, []byte("secret")) {
		t.Errorf("it holds %q", held)
	}
}
