package prove

import (
	"math"
	"math/big"

	"github.com/sallyport-rpc/sallyport/internal/prove/smt"
)

// axioms are what is so of the places of every input.
func (f *formula) axioms() []*smt.Term {
	var all []*smt.Term
	places := f.model.concrete()
	for i, of := range places {
		switch of.kind {
		case scalar:
			all = append(all, f.ofValue(of, f.variable(of.name, smtSort(of.class.whole().sort))))
		case set:
			all = append(all, f.ofElements(of)...)
		case element:
			if of.before != nil {
				all = append(all, smt.Implies(f.variable(of.name+"?", smt.Bool), f.variable(of.before.name+"?", smt.Bool)))
			}
		case message, records, answer:
		}
		for _, other := range places[:i] {
			if of.oneof != "" && other.oneof == of.oneof && other.parent == of.parent {
				all = append(all, smt.Not(smt.And(f.variable(of.name+"?", smt.Bool), f.variable(other.name+"?", smt.Bool))))
			}
		}
	}
	all = append(all, f.ofMaps(places)...)
	for _, of := range f.lists {
		if of.sized {
			all = append(all, f.ofSize(of)...)
		}
	}
	return all
}

// ofValue is what is so of a value of a place.
func (f *formula) ofValue(of *place, value *smt.Term) *smt.Term {
	made := smt.Truth(true)
	if value.Sort() == smt.Int {
		made = smt.Between(of.low, value, of.high)
		if of.root == inPrincipal {
			made = smt.And(made, smt.Less(smt.Number(of.low), value)) // the zero time is none
		}
	}
	if value.Sort() == smt.String && of.root == inPrincipal {
		made = smt.Not(smt.Equal(value, smt.Text("")))
	}
	if len(of.only) > 0 {
		made = smt.And(made, isOneOf(value, of.only))
	}
	return made
}

func isOneOf(value *smt.Term, values []any) *smt.Term {
	is := make([]*smt.Term, len(values))
	for i, one := range values {
		is[i] = smt.Equal(value, termOf(one))
	}
	return smt.Or(is...)
}

func (f *formula) ofElements(of *place) []*smt.Term {
	var all []*smt.Term
	items := f.items(of)
	for i, item := range items {
		all = append(all, f.ofValue(of, item.value))
		if i > 0 {
			all = append(all, smt.Implies(item.present, items[i-1].present))
		}
	}
	return all
}

// ofSize is what is so of the number of elements: one of those that matter may be there
// any number of times.
func (f *formula) ofSize(of *listUse) []*smt.Term {
	size, zero, one := f.size(of.list), smt.Number(new(big.Int)), smt.Number(big.NewInt(1))
	count := zero
	items := f.items(of.list)
	for _, item := range items {
		count = smt.Plus(count, smt.If(item.present, one, zero))
	}
	return []*smt.Term{
		smt.AtMost(count, size),
		smt.Implies(smt.Less(zero, size), items[0].present),
		smt.AtMost(size, smt.Number(big.NewInt(math.MaxInt32))), // a message has no more than two gigabytes
	}
}
