//go:build race

package condition

// raced divides how often random tests repeat: the race detector makes them slow, and
// sees nothing in one goroutine. `make differential` runs them without it.
const raced = 5
