// Package condition type-checks and evaluates the CEL conditions that
// declarations carry. The code generator and the registry both compile with it, so
// an expression means the same to both.
//
// A condition reads `principal`, `request`, `now` and, where its action declares a
// resource, `resource`. It is checked against the RPC's own request type, must be boolean,
// and runs under a cost limit.
package condition
