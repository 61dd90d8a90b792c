package smt

import (
	"math/big"
	"slices"
)

// A Sort is what a term is of.
type Sort uint8

// The sorts. Their values in Go are bool, *big.Int and string.
const (
	Bool Sort = iota + 1
	Int
	String
)

// String is the sort in SMT-LIB.
func (s Sort) String() string { return [...]string{"", "Bool", "Int", "String"}[s] }

// An operation is what a term does with its operands.
type operation uint8

const (
	variable operation = iota + 1
	constant
	and
	or
	not
	choice // of two terms by a Bool
	equal
	less
	atMost
	plus
	minus
	times   // of a constant and a term
	seconds // the largest whole multiple of a constant, divided by it
	length
	join
	prefix
	suffix
	part
	match
)

// A Term is an expression. It is immutable, and may be an operand of several others.
type Term struct {
	operation operation
	sort      Sort
	operands  []*Term
	name      string   // of a variable
	value     any      // of a constant
	pattern   *Pattern // of a match
}

// Sort returns what the term is of.
func (t *Term) Sort() Sort { return t.sort }

// Variable returns a variable. Its name has neither | nor \ in it.
func Variable(name string, sort Sort) *Term {
	return &Term{operation: variable, sort: sort, name: name}
}

// Truth returns a constant.
func Truth(value bool) *Term { return &Term{operation: constant, sort: Bool, value: value} }

// Number returns a constant.
func Number(value *big.Int) *Term { return &Term{operation: constant, sort: Int, value: value} }

// Text returns a constant, which [IsText] is true of.
func Text(value string) *Term { return &Term{operation: constant, sort: String, value: value} }

func (t *Term) is(value bool) bool { return t.operation == constant && t.value == value }

// And is true where all terms are, and of none.
func And(terms ...*Term) *Term { return joined(and, true, terms) }

// Or is true where a term is, and not of none.
func Or(terms ...*Term) *Term { return joined(or, false, terms) }

// joined is an And or an Or, without the terms that make no difference.
func joined(by operation, neutral bool, terms []*Term) *Term {
	var kept []*Term
	for _, term := range terms {
		switch {
		case term.is(!neutral):
			return term
		case !term.is(neutral) && !slices.Contains(kept, term):
			kept = append(kept, term)
		}
	}
	switch len(kept) {
	case 0:
		return Truth(neutral)
	case 1:
		return kept[0]
	default:
		return &Term{operation: by, sort: Bool, operands: kept}
	}
}

// Not turns a term around.
func Not(of *Term) *Term {
	switch of.operation {
	case constant:
		return Truth(!of.is(true))
	case not:
		return of.operands[0]
	default:
		return &Term{operation: not, sort: Bool, operands: []*Term{of}}
	}
}

// Implies is true where the first is not, or the second is.
func Implies(given, then *Term) *Term { return Or(Not(given), then) }

// If is one of two terms of one sort.
func If(condition, then, otherwise *Term) *Term {
	switch {
	case condition.is(true), then == otherwise:
		return then
	case condition.is(false):
		return otherwise
	default:
		return &Term{operation: choice, sort: then.sort, operands: []*Term{condition, then, otherwise}}
	}
}

// Equal compares two terms of one sort.
func Equal(a, b *Term) *Term {
	made := &Term{operation: equal, sort: Bool, operands: []*Term{a, b}}
	if one, other := a.Constant(), b.Constant(); one != nil && other != nil {
		return Truth(made.computed([]any{one, other}) == true)
	}
	return made
}

// Constant returns the value of a constant, and nil of any other term.
func (t *Term) Constant() any { return t.value }

// Less compares two numbers.
func Less(a, b *Term) *Term { return &Term{operation: less, sort: Bool, operands: []*Term{a, b}} }

// AtMost compares two numbers.
func AtMost(a, b *Term) *Term { return &Term{operation: atMost, sort: Bool, operands: []*Term{a, b}} }

// Between reports whether a number is in a range, both ends in it.
func Between(low *big.Int, of *Term, high *big.Int) *Term {
	return And(AtMost(Number(low), of), AtMost(of, Number(high)))
}

// Plus adds two numbers.
func Plus(a, b *Term) *Term { return &Term{operation: plus, sort: Int, operands: []*Term{a, b}} }

// Minus subtracts a number from another.
func Minus(a, b *Term) *Term { return &Term{operation: minus, sort: Int, operands: []*Term{a, b}} }

// Times multiplies a number with a constant.
func Times(factor *big.Int, of *Term) *Term {
	return &Term{operation: times, sort: Int, operands: []*Term{Number(factor), of}}
}

// Seconds divides nanoseconds by a second, rounded down.
func Seconds(of *Term) *Term { return &Term{operation: seconds, sort: Int, operands: []*Term{of}} }

// Length counts the code points of a string.
func Length(of *Term) *Term { return &Term{operation: length, sort: Int, operands: []*Term{of}} }

// Join writes one string behind another.
func Join(a, b *Term) *Term { return &Term{operation: join, sort: String, operands: []*Term{a, b}} }

// HasPrefix reports whether a string begins with another.
func HasPrefix(of, with *Term) *Term { return looks(prefix, of, with) }

// HasSuffix reports whether a string ends with another.
func HasSuffix(of, with *Term) *Term { return looks(suffix, of, with) }

// Contains reports whether a string is in another.
func Contains(of, sought *Term) *Term { return looks(part, of, sought) }

func looks(by operation, of, other *Term) *Term {
	return &Term{operation: by, sort: Bool, operands: []*Term{of, other}}
}

// Matches reports whether a pattern matches all of a string.
func Matches(of *Term, pattern *Pattern) *Term {
	return &Term{operation: match, sort: Bool, operands: []*Term{of}, pattern: pattern}
}

// Variables returns the variables of terms, each name once, as they are found.
func Variables(terms ...*Term) []*Term {
	var found []*Term
	names, seen := map[string]bool{}, map[*Term]bool{}
	var walk func(of *Term)
	walk = func(of *Term) {
		if seen[of] {
			return
		}
		seen[of] = true
		if of.operation == variable && !names[of.name] {
			names[of.name] = true
			found = append(found, of)
		}
		for _, operand := range of.operands {
			walk(operand)
		}
	}
	for _, term := range terms {
		walk(term)
	}
	return found
}

// Name returns the name of a variable, and "" of any other term.
func (t *Term) Name() string { return t.name }
