// Package bench measures Sallyport beside what one would use instead of it. It is a
// module of its own, so that nobody downloads the peers but who measures them.
//
// All of it is tests: `make bench` prints the tables, and `go test` says that every
// row decides what it ought to. The rows of a table are measured in turn, round
// after round, because on a machine that does other things too it is the ratio of
// two of them that means something.
package bench
