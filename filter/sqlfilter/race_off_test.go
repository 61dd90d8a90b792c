//go:build !race

package sqlfilter

const raced = 1
