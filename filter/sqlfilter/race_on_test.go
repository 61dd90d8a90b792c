//go:build race

package sqlfilter

// raced divides how many pairs are compared: the race detector makes it slow, and sees
// nothing in one goroutine.
const raced = 10
