// Package policy decides what a principal is allowed to do: the grants of a
// declaration, compiled to lists of conditions.
//
// It takes a declaration that was read and found good, and what is known of one
// call. It knows no transport, no registry and no clock: all that a decision
// depends on is in its [Input].
//
// A kind of condition is one file, which holds all that is known of it: when it
// holds, how that is explained, and what it reads. Everything else here is a fold
// over the list.
package policy
