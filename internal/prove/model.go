package prove

import (
	"math"
	"math/big"
	"slices"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/sallyport-rpc/sallyport/internal/condition"
	"github.com/sallyport-rpc/sallyport/internal/declare"
)

// A model is the places that some conditions read, and the classes of their values.
type model struct {
	places map[string]*place
	order  []*place // as they were found: what is around another comes before it
	// types are, by name, what a field is, to find one that is something else elsewhere.
	types map[string]string
	// keys are, by map, the class of what finds a value in it.
	keys map[string]*class
	// tooMany is whether the patterns of a class are more than are decided.
	tooMany bool
}

func newModel() *model {
	return &model{places: map[string]*place{}, types: map[string]string{}, keys: map[string]*class{}}
}

// A requirement is a condition of a grant with the places that it reads.
type requirement struct {
	condition declare.Condition
	places    []*place
}

// add takes in a condition of a declaration. An [*outsideError] says that it is outside of
// the fragment.
func (m *model) add(side *side, condition declare.Condition) (requirement, error) {
	made := requirement{condition: condition}
	switch condition := condition.(type) {
	case declare.AnyRole:
		roles := m.principal("roles", set, ofString)
		roles.members++
		for _, role := range condition.Unfolded {
			roles.class.add(role)
		}
		made.places = []*place{roles}
	case declare.AllScopes:
		scopes := m.principal("scopes", set, ofString)
		scopes.members += len(condition.Named)
		for _, scope := range condition.Named {
			scopes.class.add(scope)
		}
		made.places = []*place{scopes}
	case declare.When:
		return m.expression(side, made, condition.Expression)
	case declare.CEL:
		return m.expression(side, made, condition.Expression)
	case declare.Check:
		made.places = []*place{m.answer(condition.Name)}
	case declare.Relation:
		made, err := m.expression(side, made, condition.Usable)
		if err != nil {
			return made, err
		}
		made.places = append(made.places, m.answer(condition.String()))
		return made, nil
	default:
		return made, outside(RuleForm, condition.String())
	}
	return made, nil
}

// answer is the place of what is answered to a question that an action asks.
func (m *model) answer(asked string) *place {
	name := declare.AskedText(asked)
	return m.place(name, func() *place { return &place{name: name, kind: answer, root: inCall} })
}

// asked is what the place of an answer is the answer to.
func (p *place) asked() string { return strings.TrimPrefix(p.name, "check ") }

func (m *model) expression(side *side, made requirement, expression *condition.Expression) (requirement, error) {
	tree, err := expression.Tree()
	if err != nil {
		return made, err
	}
	walk := &walk{model: m, side: side, tree: tree}
	if err := walk.boolean(tree.Expr()); err != nil {
		return made, err
	}
	made.places = walk.uses
	return made, nil
}

// place returns the place of a name, which is made where there is none yet.
func (m *model) place(name string, made func() *place) *place {
	if known, ok := m.places[name]; ok {
		return known
	}
	place := made()
	m.places[name] = place
	m.order = append(m.order, place)
	return place
}

// principal returns a place of the principal.
func (m *model) principal(field string, of kind, sort sort) *place {
	name := "principal." + field
	return m.place(name, func() *place {
		made := &place{name: name, kind: of, root: inPrincipal, class: newClass(sort), optional: sort == ofTime}
		made.low, made.high = rangeOf(sort, protoreflect.StringKind)
		made.class.widen(made.low, made.high)
		return made
	})
}

// finish makes the elements of lists and the values of classes, once all conditions are
// taken in. texts makes the fresh strings of a class.
func (m *model) finish(sides []*side, fewer int, texts func(*class, []*place, int) func(int) string) {
	if roles := m.places["principal.roles"]; roles != nil && roles.allNames {
		for _, side := range sides {
			for _, role := range side.roles() {
				roles.class.add(role)
			}
		}
	}
	m.count()
	for _, list := range m.order {
		if list.kind == records {
			list.newElements()
		}
	}
	for _, place := range m.concrete() {
		if place.class == nil {
			continue
		}
		place.class = place.class.whole()
		if place.kind == set {
			place.class.further += place.loops
		} else {
			place.class.places++
		}
	}
	filled := map[*class]bool{}
	for _, place := range m.concrete() {
		if of := place.class; of != nil && !filled[of] {
			filled[of] = true
			need := max(0, of.places+of.further-fewer)
			if !of.fill(need, texts(of, m.concrete(), need)) {
				m.tooMany = true
				return
			}
		}
	}
}

// concrete returns all places of the search.
func (m *model) concrete() []*place {
	var all []*place
	for _, place := range m.order {
		all = append(all, place.concrete()...)
	}
	return all
}

// rangeOf is the range of the values of a sort, in a field of a kind.
func rangeOf(of sort, field protoreflect.Kind) (low, high *big.Int) {
	switch of {
	case ofInt:
		switch field { //nolint:exhaustive // the others are of 64 bits
		case protoreflect.Int32Kind, protoreflect.Sint32Kind, protoreflect.Sfixed32Kind, protoreflect.EnumKind:
			return big.NewInt(math.MinInt32), big.NewInt(math.MaxInt32)
		}
		return big.NewInt(math.MinInt64), big.NewInt(math.MaxInt64)
	case ofUint:
		if slices.Contains([]protoreflect.Kind{protoreflect.Uint32Kind, protoreflect.Fixed32Kind}, field) {
			return new(big.Int), big.NewInt(math.MaxUint32)
		}
		return new(big.Int), new(big.Int).SetUint64(math.MaxUint64)
	case ofTime:
		return new(big.Int).Mul(big.NewInt(-62135596800), big.NewInt(1e9)), // 0001-01-01T00:00:00Z
			new(big.Int).Sub(new(big.Int).Mul(big.NewInt(253402300800), big.NewInt(1e9)), big.NewInt(1)) // the end of the year 9999
	case ofDuration:
		return big.NewInt(math.MinInt64), big.NewInt(math.MaxInt64) // what CEL can hold
	case ofString, ofBool:
	}
	return nil, nil
}

// count says of each list how many of its elements matter: those that decide the
// conditions on it and, where elements of other lists are looked for in it, as many as
// have one of the values that decide the conditions on those.
func (m *model) count() {
	values := map[*class]int{}
	for _, list := range m.order {
		switch list.kind {
		case set:
			values[list.class.whole()] += list.decisive()
		case records:
			for _, field := range list.fields {
				if field.class != nil {
					values[field.class.whole()] += list.decisive()
				}
			}
		default:
		}
	}
	for _, list := range m.order {
		if list.most = list.decisive(); list.sought {
			list.most = values[list.class.whole()]
		}
	}
}
