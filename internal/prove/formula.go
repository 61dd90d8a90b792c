package prove

import (
	"github.com/sallyport-rpc/sallyport/internal/condition"
	"github.com/sallyport-rpc/sallyport/internal/declare"
	"github.com/sallyport-rpc/sallyport/internal/prove/smt"
)

// maxElements is how many elements of a list, of those that matter, a solver is given at
// most.
const maxElements = 12

// A truth is a condition as two terms: that it is true, and that it is false. Neither is
// true of what is absent.
type truth struct{ is, not *smt.Term }

func truthOf(holds, there *smt.Term) truth {
	return truth{smt.And(there, holds), smt.And(there, smt.Not(holds))}
}

// A computed is a value as two terms: whether it is there, and what it is then.
type computed struct{ there, of *smt.Term }

// A formula is conditions as terms, for a solver. Its variables are the values of places,
// and whether those that may be unset are set.
//
// Of a list it has so many elements as decide the conditions: for each that loops over the
// list, or looks for a value in it, the one by which it is true, false or absent. Those
// alone decide the conditions as the whole list does. How many elements a list has beside
// them is a number of its own, since one of them may be there any number of times.
type formula struct {
	model *model
	sides [2]*side
	// least is how many elements each list has at least, for tests that fix them.
	least int
	// counting is set while it is found out how many elements matter.
	counting bool
	lists    []*listUse
	terms    map[string]*smt.Term
	known    map[*place][]item
	giving   [2]map[string][]string
}

// An item is one element of a list, where it is there.
type item struct {
	present *smt.Term
	value   *smt.Term // of a list of values
	element *place    // of a list of messages
}

func newFormula(sides [2]*side) *formula {
	return &formula{model: newModel(), sides: sides, terms: map[string]*smt.Term{}, known: map[*place][]item{}}
}

// variable is that of a name. Each name is of one sort.
func (f *formula) variable(name string, sort smt.Sort) *smt.Term {
	if known, ok := f.terms[name]; ok {
		return known
	}
	made := smt.Variable(name, sort)
	f.terms[name] = made
	return made
}

// A grantTruth is what is required of the grants: that one lets a call in, and that the
// others do not. reason says of a condition that was left out what keeps it from being
// said to a solver; what cannot be true without it cannot be true.
type grantTruth struct {
	holds  *smt.Term
	reason *Reason
}

// grants makes the terms that one grant holds and others do not. It runs twice: to count
// what matters of lists, and to make the terms.
func (f *formula) grants(grant declare.Grant, others []declare.Grant) (grantTruth, error) {
	f.counting = true
	if _, err := f.once(grant, others); err != nil {
		return grantTruth{}, err
	}
	if err := f.count(); err != nil {
		return grantTruth{}, err
	}
	return f.once(grant, others)
}

func (f *formula) once(grant declare.Grant, others []declare.Grant) (grantTruth, error) {
	made := grantTruth{holds: smt.Truth(true)}
	note := func(err error) (bool, error) {
		outside, ok := err.(*outsideError) //nolint:errorlint // it is never wrapped
		if ok && made.reason == nil {
			made.reason = &outside.Reason
		}
		if ok {
			return true, nil
		}
		return false, err
	}
	for _, condition := range grant.Conditions {
		said, err := f.condition(0, condition)
		if left, err := note(err); err != nil {
			return made, err
		} else if !left {
			made.holds = smt.And(made.holds, said.is)
		}
	}
	for _, other := range others {
		all, complete := smt.Truth(len(other.Conditions) > 0), true
		for _, condition := range other.Conditions {
			said, err := f.condition(1, condition)
			left, err := note(err)
			if err != nil {
				return made, err
			}
			if left {
				complete = false // without one of its conditions it would keep out too little
				continue
			}
			all = smt.And(all, said.is)
		}
		if complete {
			made.holds = smt.And(made.holds, smt.Not(all))
		}
	}
	return made, nil
}

// condition is a condition of a grant, as a side sees it.
func (f *formula) condition(side int, of declare.Condition) (truth, error) {
	there := smt.Truth(true)
	switch of := of.(type) {
	case declare.AnyRole:
		roles := f.model.principal("roles", set, ofString)
		f.use(roles, nil)
		return truthOf(isAmong(f.items(roles), texted(of.Unfolded)), there), nil
	case declare.AllScopes:
		scopes := f.model.principal("scopes", set, ofString)
		all := smt.Truth(len(of.Named) > 0)
		for _, scope := range of.Named {
			f.use(scopes, nil)
			all = smt.And(all, isAmong(f.items(scopes), texted([]string{scope})))
		}
		return truthOf(all, there), nil
	case declare.Check:
		return truthOf(f.variable(f.model.answer(of.Name).name, smt.Bool), there), nil
	case declare.Relation:
		usable, err := f.expression(side, of.Usable)
		if err != nil {
			return truth{}, err
		}
		said := f.variable(f.model.answer(of.String()).name, smt.Bool)
		return truth{smt.And(usable.is, said), smt.Or(usable.not, smt.And(usable.is, smt.Not(said)))}, nil
	}
	expression := expressionOf(of)
	if expression == nil {
		return truth{}, outside(RuleForm, of.String())
	}
	return f.expression(side, expression)
}

// expression is an expression, as a side sees it.
func (f *formula) expression(side int, expression *condition.Expression) (truth, error) {
	tree, err := expression.Tree()
	if err != nil {
		return truth{}, err
	}
	e := &encoding{formula: f, side: side, walk: &walk{model: f.model, side: f.sides[side], tree: tree}}
	return e.truth(tree.Expr())
}

func texted(names []string) []*smt.Term {
	made := make([]*smt.Term, len(names))
	for i, name := range names {
		made[i] = smt.Text(name)
	}
	return made
}

// isAmong is whether an element has one of some values.
func isAmong(items []item, values []*smt.Term) *smt.Term {
	is := make([]*smt.Term, 0, len(items)*len(values))
	for _, of := range items {
		for _, value := range values {
			is = append(is, smt.And(of.present, smt.Equal(of.value, value)))
		}
	}
	return smt.Or(is...)
}
