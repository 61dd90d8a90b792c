// Package actionserver holds what a server gives to the calls of a registry that it
// serves: how to interrupt a transport that waits, how much a stream may take, when the
// server drains, and who keeps account of callers. All of it goes by the context of a
// call. Package server gives it to every call; applications need nothing of it.
//
// A server that gives none of it serves all the same: gates decide alike, and streams
// have no limits of their own.
package actionserver
