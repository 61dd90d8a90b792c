// Package bench measures Sallyport beside its alternatives. It is a module of its own, so
// that users of Sallyport do not download them.
//
// The tests of this package are tables of what runs in one process: `go test -bench .`
// prints them, and `go test` checks that every row decides what it should. Command wire
// calls Sallyport and its peers over connections, command startup registers actions, and
// command report makes README.md and its plots of what they wrote into data/. `make bench`
// runs them all.
package bench
