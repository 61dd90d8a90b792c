// Wire measures what a call costs over a real connection: Sallyport and its peers serve
// the same service with the same checks, each in a process of its own, and h2load calls
// them in alternating rounds.
//
//	go run ./wire [-observed] [-rounds 5] [-calls 10000] [-raw FILE] [-only TEXT] [PEER…]
//
// It needs h2load (Debian: nghttp2-client) and taskset. The server has one core and
// h2load another, where there are two.
//
// With -observed it measures Sallyport alone: with telemetry, with otelconnect, and with
// the audit log in SQLite and, where SALLYPORT_TEST_POSTGRES is the address of a server
// for tests, in PostgreSQL. Server and h2load then share two cores. It fails where a row
// takes too long, and where an observer missed a call or its log does not verify.
package main
