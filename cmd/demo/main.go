// Demo serves demo.v1.AccountService: a small directory of users in one SQLite file, with
// nothing to set up, or in PostgreSQL. It imports every part of the framework.
//
//	go run ./cmd/demo -h
//
// The first SIGINT or SIGTERM makes it finish its calls and stop; the second ends it at
// once. It exits with 0 when it was interrupted, 1 when it cannot serve, and 2 when it
// does not understand its arguments.
package main

import "github.com/sallyport-rpc/sallyport/cmd/demo/internal/demo"

func main() { demo.Main(nil) }
