// Package interop calls gRPC's interop service, declared from outside its .proto and
// served by package server, with gRPC's own interop client. All of it is tests.
package interop
