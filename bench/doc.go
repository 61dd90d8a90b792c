// Package bench measures Sallyport beside its alternatives. It is a module of its own, so
// that users of Sallyport do not download them.
//
// The tables are tests: `make bench` prints them, and `go test` checks that every row
// decides what it should. The rows of a table are measured in turn, round after round,
// since on a machine that does other things the ratio of two rows is what can be
// compared.
package bench
