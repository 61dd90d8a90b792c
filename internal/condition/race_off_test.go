//go:build !race

package condition

const raced = 1
