// Startup measures what registering actions takes as a program starts: processor time and
// memory, each time in a process of its own.
//
//	go run ./startup [-rounds 3] [-raw FILE]
package main
