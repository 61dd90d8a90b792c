// Package authn says who is calling.
//
// An [Authenticator] stands behind each scheme that a declaration names. It reads a
// call's headers, or what its transport knows of the caller, and returns a
// [Principal] or one of the errors of this package. What a principal may do is not
// its concern: package action decides that, from the declaration.
//
// The package needs connect, protobuf and the standard library, so an authenticator
// can be written and shipped without the rest of the framework. The packages below it
// are ready-made authenticators: sessions, bearer tokens, API keys and client
// certificates.
package authn
