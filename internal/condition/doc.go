// Package condition type-checks and evaluates the CEL conditions that
// declarations carry. The code generator and the registry both compile with it, so
// an expression means the same to both.
//
// A condition reads `principal`, `now`, the `request` where there is one, and what it is
// about, its [Subject], by the name that has: `resource` where its action declares one. It
// is checked against their own types, must be boolean, and runs under a cost limit.
package condition
