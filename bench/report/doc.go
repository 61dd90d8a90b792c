// Report makes the tables of README.md, and the plots in plots/, of what was measured into
// data/. It replaces what stands between the markers of README.md and leaves the rest.
//
//	go run ./report
package main
