// Wire measures what a call costs over a real connection: Sallyport and its peers serve
// the same service with the same checks, each in a process of its own, and h2load calls
// them in alternating rounds.
//
//	go run ./wire [-rounds 5] [-calls 40000] [-json FILE] [PEER…]
//
// It needs h2load (Debian: nghttp2-client) and taskset. The server has one core and
// h2load another, where there are two.
package main
