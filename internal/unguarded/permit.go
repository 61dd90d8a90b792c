// Package unguarded is what the packages of this module share that stand behind the
// gate: generated code's makers and the helpers of tests. Others cannot import it.
package unguarded

// A Permit opens action.Unguarded. Only packages of this module can make one. The
// zero Permit opens nothing, because a type can be inferred, and so a zero value
// made, by code that cannot name it.
type Permit struct{ given bool }

// Give returns a permit. It is for actiongen, which hands nothing of it on, and for
// actiontest, which checks that it runs in a test.
func Give() Permit { return Permit{given: true} }

// Given reports whether p was made by [Give].
func (p Permit) Given() bool { return p.given }
