package prove

import (
	"strconv"
	"strings"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/types"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/sallyport-rpc/sallyport/internal/prove/smt"
)

// A mapKey is what finds a value in a map: a text that is a constant, or that a place has.
//
// What a map holds for a key is a place, as if it were a field that may be unset. Two of
// them are the same where their keys are: that is all that is known of a map.
type mapKey struct {
	place    *place // nil of a constant
	constant string
}

func (k *mapKey) name() string {
	if k.place == nil {
		return strconv.Quote(k.constant)
	}
	return k.place.name
}

// text is the key. ok is false where its place has none.
func (k *mapKey) text() (text string, ok bool) {
	if k.place == nil {
		return k.constant, true
	}
	if !k.place.set || !k.place.isAround() {
		return "", false
	}
	text, ok = k.place.value.(string)
	return text, ok
}

// put sets what the map of a field holds for the key, where that is a place's value. It
// returns the message that is held, or nil where that is none.
func (k *mapKey) put(in protoreflect.Message, field protoreflect.FieldDescriptor, of *place, isLast bool) protoreflect.Message {
	text, ok := k.text()
	if !ok || !field.IsMap() || field.MapKey().Kind() != protoreflect.StringKind {
		return nil
	}
	key, value := protoreflect.ValueOfString(text).MapKey(), field.MapValue()
	if isLast && of.kind == scalar {
		if held, ok := valueOf(value, of.value); ok {
			in.Mutable(field).Map().Set(key, held)
		}
		return nil
	}
	if value.Message() == nil {
		return nil
	}
	return in.Mutable(field).Map().Mutable(key).Message()
}

func (w *walk) isMap(expression ast.Expr) bool {
	return w.tree.GetType(expression.ID()).Kind() == types.MapKind
}

// entry is what a map holds for a key, of which is asked whether it is there.
func (w *walk) entry(expression, of, key ast.Expr) (*place, error) {
	from := reading{walk: w, expression: expression}
	return from.ofMap(of, key, nil)
}

// ofMap reads what a map holds for a key or, with names, a field of that.
func (r *reading) ofMap(of, key ast.Expr, names []string) (*place, error) {
	var fields []string
	for of.Kind() == ast.SelectKind {
		fields = append([]string{of.AsSelect().FieldName()}, fields...)
		of = of.AsSelect().Operand()
	}
	if _, isLoop := r.variables[of.AsIdent()]; isLoop || of.Kind() != ast.IdentKind {
		return nil, r.outside(RuleMap, r.expression)
	}
	var err error
	if r.key, err = r.keyOf(key); err != nil {
		return nil, err
	}
	r.within = names
	return r.ofMessage(of.AsIdent(), fields)
}

// keyOf reads the key of a map.
func (r *reading) keyOf(key ast.Expr) (*mapKey, error) {
	if texts := r.literals(key); len(texts) == 1 {
		return &mapKey{constant: texts[0]}, nil
	}
	at := key
	for at.Kind() == ast.SelectKind && !at.AsSelect().IsTestOnly() {
		at = at.AsSelect().Operand()
	}
	if _, isLoop := r.variables[at.AsIdent()]; isLoop || at.Kind() != ast.IdentKind || key.Kind() != ast.SelectKind {
		return nil, r.outside(RuleMap, r.expression)
	}
	of, err := r.read(key, false)
	if err != nil {
		return nil, err
	}
	if of.kind != scalar || of.class.whole().sort != ofString {
		return nil, r.outside(RuleMap, r.expression)
	}
	if field := fieldAt(r.side.message(of.root), of.path); field != nil && field.HasDefault() {
		return nil, r.outside(RuleMap, r.expression) // it is a key where it is unset, too
	}
	return &mapKey{place: of}, nil
}

// held reads what the map of a field holds for the key of the reading.
func (r *reading) held(field protoreflect.FieldDescriptor) (*place, error) {
	if field.MapKey().Kind() != protoreflect.StringKind {
		return nil, r.outside(RuleMap, r.expression)
	}
	in := r.name
	r.model.keyed(in, r.key)
	r.path[len(r.path)-1].key = r.key
	r.name += "[" + r.key.name() + "]"
	value := field.MapValue()
	sort, isValue := sortOf(value)
	made := &place{kind: message, key: r.key, in: in}
	switch enum := value.Enum(); {
	case enum != nil && enum.IsClosed(), !isValue && (value.Message() == nil || value.Message().FullName().Parent() == "google.protobuf"):
		return nil, r.outside(RuleType, r.expression)
	case isValue && len(r.within) > 0:
		return nil, r.outside(RuleType, r.expression)
	case isValue:
		kind := value.Kind()
		if value.Message() != nil {
			kind = wrapped[value.Message().FullName()]
		}
		made.kind, made.class, made.optional = scalar, newClass(sort), true
		made.low, made.high = rangeOf(sort, kind)
	}
	of, err := r.place(field, made)
	if err != nil {
		return nil, err
	}
	if isValue {
		of.class.widen(of.low, of.high)
	}
	if isValue || len(r.within) == 0 {
		return of, nil
	}
	r.found, r.parent = of, of
	return r.field(value.Message(), r.within)
}

// keyed notes that a map is read by a key: the keys of one map are compared with each other.
func (m *model) keyed(in string, key *mapKey) {
	class := newClass(ofString)
	if key.place == nil {
		class.add(key.constant)
	} else {
		class = key.place.class.whole()
	}
	if known := m.keys[in]; known != nil {
		class = merge(known, class)
	}
	m.keys[in] = class
}

// entry is what a map holds that the place is, or is in; nil where there is none.
func (p *place) entry() *place {
	for ; p != nil; p = p.parent {
		if p.key != nil {
			return p
		}
	}
	return nil
}

// isLike reports whether two places are the same where the keys are that find what they are
// in, which are of one map.
func (p *place) isLike(other *place) bool {
	one, two := p.entry(), other.entry()
	return one != nil && two != nil && one != two && one.in == two.in && p.kind == other.kind &&
		strings.TrimPrefix(p.name, one.name) == strings.TrimPrefix(other.name, two.name)
}

// join makes the values of a place those of the places that it is like.
func (m *model) join(of *place) {
	if of.class == nil || of.entry() == nil {
		return
	}
	for _, other := range m.order {
		if other.isLike(of) {
			merge(other.class, of.class)
		}
	}
}

// isOfElement reports whether the place is in an element of a list or of a map.
func (p *place) isOfElement() bool {
	for _, step := range p.path {
		if step.at >= 0 || step.key != nil {
			return true
		}
	}
	return false
}

// sameAs is a place that has its value already and is the same as another one, since both
// are found by one key; nil where there is none.
func (s *search) sameAs(of *place) *place {
	at := of.entry()
	if at == nil {
		return nil
	}
	key, ok := at.key.text()
	for _, other := range s.places {
		if !ok || other.free || !other.isLike(of) {
			continue
		}
		if text, ok := other.entry().key.text(); ok && text == key && other.isAround() {
			return other
		}
	}
	return nil
}

// keyThere is whether a key is there.
func (f *formula) keyThere(key *mapKey) *smt.Term {
	if key == nil || key.place == nil {
		return smt.Truth(true)
	}
	if !key.place.optional {
		return f.around(key.place)
	}
	return smt.And(f.around(key.place), f.variable(key.place.name+"?", smt.Bool))
}

func (f *formula) key(of *mapKey) *smt.Term {
	if of.place == nil {
		return smt.Text(of.constant)
	}
	return f.variable(of.place.name, smt.String)
}

// ofMaps is that what one key finds in one map is the same.
func (f *formula) ofMaps(places []*place) []*smt.Term {
	var all []*smt.Term
	for i, of := range places {
		for _, other := range places[:i] {
			if !of.isLike(other) {
				continue
			}
			one, two := of.entry().key, other.entry().key
			same := smt.And(f.keyThere(one), f.keyThere(two), smt.Equal(f.key(one), f.key(two)))
			set := smt.Truth(true)
			if of.kind == message || of.optional {
				isSet, otherIs := f.variable(of.name+"?", smt.Bool), f.variable(other.name+"?", smt.Bool)
				all = append(all, smt.Implies(same, smt.Equal(isSet, otherIs)))
				set = isSet
			}
			if of.kind == scalar {
				sort := smtSort(of.class.whole().sort)
				all = append(all, smt.Implies(smt.And(same, set), smt.Equal(f.variable(of.name, sort), f.variable(other.name, sort))))
			}
		}
	}
	return all
}
