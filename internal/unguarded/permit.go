// Package unguarded holds the permit without which the package action makes no call
// that did not come through a gate. Only tests hold one, through actiontest: nobody
// outside this module can import this package.
package unguarded

// A Permit allows what the gate otherwise forbids. The zero Permit allows nothing,
// because a type can be inferred, and so a zero value made, by code that cannot
// name it.
type Permit struct{ given bool }

// Give returns a permit. It is for actiontest.
func Give() Permit { return Permit{given: true} }

// Given reports whether p was made by [Give].
func (p Permit) Given() bool { return p.given }
