package audit

import (
	"fmt"
	"testing"

	"golang.org/x/mod/sumdb/tlog"
)

// The tree that grows is the one of package tlog, at every size.
func TestFrontierIsTheTree(t *testing.T) {
	t.Parallel()
	var tree frontier
	var stored []tlog.Hash
	reader := tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		hashes := make([]tlog.Hash, len(indexes))
		for i, index := range indexes {
			hashes[i] = stored[index]
		}
		return hashes, nil
	})
	for size := range int64(300) {
		want, err := tlog.TreeHash(size, reader)
		if err != nil {
			t.Fatal(err)
		}
		if got := tree.root(); size > 0 && got != want {
			t.Fatalf("at %d events the root is %s, want %s", size, got, want)
		}
		data := fmt.Appendf(nil, "event %d", size)
		hashes, err := tlog.StoredHashes(size, data, reader)
		if err != nil {
			t.Fatal(err)
		}
		stored = append(stored, hashes...)
		before := tree.clone()
		tree.add(tlog.RecordHash(data))
		if before.size != size || tree.size != size+1 {
			t.Fatalf("sizes %d and %d, want %d and %d", before.size, tree.size, size, size+1)
		}
	}
	// RFC 6962, section 2.1: the hash of an empty list is the hash of an empty string.
	if got := (&frontier{}).root().String(); got != "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=" {
		t.Errorf("the root of the empty tree is %s", got)
	}
}
