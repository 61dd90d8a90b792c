// Package generate is the body of protoc-gen-action-go. For each file with
// services it writes the handler interface that the application implements, the
// function that registers it, a client, and constants for procedures and roles.
//
// It writes nothing at all when any declaration in any of the files is refused,
// and then reports every refusal in all of them.
package generate
