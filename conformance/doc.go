// Package conformance tests servers made with this framework with the clients of others:
// Connect's conformance suite and gRPC's interop client. It is a module of its own, so
// that users of the framework do not download them; `make conformance` runs it.
//
// The .proto of neither service is ours to edit, so who may call is declared beside
// them:
//
//	declarations/   what generate gives to the plugin with declarations=FILE
//	gen/            what it makes of others' schemas: never committed, and never edited
//	schema/         finds the schema of a service whose .proto is in no Go module
//	server/         the server under test of Connect's suite; every caller signs in
//	suite.yaml      what that server can do, which is what cases apply to it
//	interop/        gRPC's interop service and client, as a test; callers do not sign in
package conformance
