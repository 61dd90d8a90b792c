package audit

import (
	"crypto/sha256"
	"math/bits"
	"slices"

	"golang.org/x/mod/sumdb/tlog"
)

// A frontier is the part of a Merkle tree (RFC 6962, section 2.1) that is needed to
// make it grow: the roots of the complete subtrees that the leaves so far make, from
// the largest to the smallest. There are as many as size has bits set. The zero value
// is the empty tree.
type frontier struct {
	size  int64
	roots []tlog.Hash
}

// add makes the tree grow by one leaf.
func (f *frontier) add(leaf tlog.Hash) {
	for range bits.TrailingZeros64(^uint64(f.size)) { //nolint:gosec // a size is not negative
		last := len(f.roots) - 1
		leaf = tlog.NodeHash(f.roots[last], leaf)
		f.roots = f.roots[:last]
	}
	f.roots = append(f.roots, leaf)
	f.size++
}

// root is the hash of the whole tree. That of the empty tree is the hash of nothing.
func (f *frontier) root() tlog.Hash {
	if f.size == 0 {
		return emptyRoot
	}
	last := len(f.roots) - 1
	root := f.roots[last]
	for _, left := range slices.Backward(f.roots[:last]) {
		root = tlog.NodeHash(left, root)
	}
	return root
}

// clone returns a frontier that grows by itself.
func (f *frontier) clone() frontier {
	return frontier{f.size, append([]tlog.Hash(nil), f.roots...)}
}

// emptyRoot is the hash of a tree without leaves (RFC 6962, section 2.1).
var emptyRoot = tlog.Hash(sha256.Sum256(nil))
