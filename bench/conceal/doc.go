// Conceal measures whether a caller can tell, by the time of the answer, an object of others
// from one that is not there, where the action conceals it. It calls a server over a loopback
// connection, the two in turn in random order, and compares the answers' bytes as well.
//
//	go run ./conceal [-pairs 50000] [-readers 3] [-unshared]
package main
