package prove

import (
	"math/big"
	"slices"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// maxEnum is how many values a closed enum has at most that is decided.
const maxEnum = 64

// sorts are those of the fields of the principal.
var principalFields = map[string]struct {
	kind kind
	sort sort
}{
	"id": {scalar, ofString}, "scheme": {scalar, ofString}, "roles": {set, ofString}, "scopes": {set, ofString},
	"authenticated_at": {scalar, ofTime}, "expires_at": {scalar, ofTime},
}

// wrapped are the messages that CEL reads as values, with the kind of what they hold.
var wrapped = map[protoreflect.FullName]protoreflect.Kind{
	"google.protobuf.StringValue": protoreflect.StringKind, "google.protobuf.BoolValue": protoreflect.BoolKind,
	"google.protobuf.Int32Value": protoreflect.Int32Kind, "google.protobuf.Int64Value": protoreflect.Int64Kind,
	"google.protobuf.UInt32Value": protoreflect.Uint32Kind, "google.protobuf.UInt64Value": protoreflect.Uint64Kind,
}

// read returns the place that an expression selects. Of the variable of a loop it is the
// list, or a field of its elements. has is whether it is only asked whether it is set.
func (w *walk) read(expression ast.Expr, has bool) (*place, error) {
	var names []string
	at := expression
	for at.Kind() == ast.SelectKind {
		names = append(names, at.AsSelect().FieldName())
		at = at.AsSelect().Operand()
	}
	slices.Reverse(names)
	from := reading{walk: w, expression: expression, has: has}
	if at.Kind() == ast.CallKind && at.AsCall().FunctionName() == operators.Index && w.isMap(at.AsCall().Args()[0]) {
		return from.ofMap(at.AsCall().Args()[0], at.AsCall().Args()[1], names)
	}
	if at.Kind() != ast.IdentKind {
		return nil, w.outside(w.ruleOf(at), expression)
	}
	if list, ok := w.variables[at.AsIdent()]; ok {
		return from.ofElement(list, names)
	}
	switch name := at.AsIdent(); {
	case name == "now" && len(names) == 0:
		return w.use(w.model.place("now", func() *place {
			made := &place{name: "now", kind: scalar, root: inCall, class: newClass(ofTime)}
			made.low, made.high = rangeOf(ofTime, protoreflect.MessageKind)
			made.class.widen(made.low, made.high)
			return made
		})), nil
	case name == "principal" && len(names) == 1:
		return from.ofPrincipal(names[0])
	default:
		return from.ofMessage(name, names)
	}
}

// ofMessage reads a field of the claims, of the request, or of what the condition is about.
func (r *reading) ofMessage(variable string, names []string) (*place, error) {
	switch {
	case variable == "principal" && len(names) > 1 && names[0] == "claims" && r.side.claims != nil:
		r.root, r.name = inClaims, "principal.claims"
		return r.field(r.side.claims, names[1:])
	case variable == "request" && len(names) > 0:
		r.root, r.name = inRequest, "request"
		return r.field(r.side.request, names)
	case variable == r.side.subject.Name && len(names) > 0:
		r.root, r.name = r.side.root, variable
		if r.root == inOther {
			r.name = "other " + variable
		}
		return r.field(r.side.subject.Type, names)
	default:
		return nil, r.outside(RuleType, r.expression)
	}
}

// ruleOf says what keeps an operand from being read.
func (w *walk) ruleOf(operand ast.Expr) string {
	if operand.Kind() != ast.CallKind {
		return RuleForm
	}
	if _, err := w.termOfCall(operand); err != nil {
		if outside, ok := err.(*outsideError); ok { //nolint:errorlint // it is never wrapped
			return outside.Rule
		}
	}
	return RuleForm
}

// A reading is of one selection.
type reading struct {
	*walk

	expression ast.Expr
	has        bool
	root       root
	name       string
	path       []step
	parent     *place
	records    *place // the list whose elements are read, or nil

	key    *mapKey  // what finds a value in the map that is read; nil where none is
	within []string // what is read of that value
	found  *place   // the value, once the reading has come to it
}

func (r *reading) ofPrincipal(field string) (*place, error) {
	of, ok := principalFields[field]
	if !ok {
		return nil, r.outside(RuleType, r.expression)
	}
	made := r.model.principal(field, of.kind, of.sort)
	if r.has && of.kind == set {
		made.loops++
	}
	return r.use(made), nil
}

// ofElement reads the variable of a loop over a list.
func (r *reading) ofElement(list *place, names []string) (*place, error) {
	switch {
	case len(names) == 0 && list.kind == set:
		return list, nil
	case len(names) == 0 || list.kind != records:
		return nil, r.outside(RuleType, r.expression)
	}
	r.root, r.name, r.path, r.records, r.parent = list.root, list.name, list.path, list, list
	element := r.descriptor(list).Message()
	return r.field(element, names)
}

// descriptor returns the field of a list.
func (r *reading) descriptor(list *place) protoreflect.FieldDescriptor {
	of := r.side.message(list.root)
	var field protoreflect.FieldDescriptor
	for _, step := range list.path {
		field = of.Fields().ByName(step.field)
		of = field.Message()
	}
	return field
}

// field reads the field that names lead to from a message.
func (r *reading) field(of protoreflect.MessageDescriptor, names []string) (*place, error) {
	for i, name := range names {
		if of == nil || of.FullName().Parent() == "google.protobuf" {
			return nil, r.outside(RuleType, r.expression)
		}
		field := of.Fields().ByName(protoreflect.Name(name))
		if field == nil {
			return nil, r.outside(RuleType, r.expression)
		}
		r.name += "." + name
		r.path = append(slices.Clone(r.path), step{field: field.Name(), at: -1})
		if i == len(names)-1 {
			if field.IsMap() && r.key != nil && r.found == nil {
				return r.held(field)
			}
			return r.leaf(field)
		}
		switch {
		case field.IsMap():
			return nil, r.outside(RuleMap, r.expression)
		case field.Message() == nil || field.IsList():
			return nil, r.outside(RuleType, r.expression)
		}
		around, err := r.place(field, &place{kind: message})
		if err != nil {
			return nil, err
		}
		r.parent, of = around, field.Message()
	}
	return nil, r.outside(RuleType, r.expression)
}

// leaf reads the last field of a selection.
func (r *reading) leaf(field protoreflect.FieldDescriptor) (*place, error) {
	value := field.Kind()
	sort, ok := sortOf(field)
	switch {
	case field.IsMap(), field.IsList() && r.found != nil:
		return nil, r.outside(RuleMap, r.expression)
	case field.IsList() && r.records != nil:
		return nil, r.outside(RuleNested, r.expression)
	case field.IsList() && ok && field.Message() == nil:
		return r.list(field, set, newClass(sort))
	case field.IsList() && field.Message() != nil && !ok && field.Message().FullName().Parent() != "google.protobuf":
		return r.list(field, records, nil)
	case field.IsList():
		return nil, r.outside(RuleType, r.expression)
	case !ok && field.Message() != nil && r.has:
		return r.place(field, &place{kind: message})
	case !ok:
		return nil, r.outside(RuleType, r.expression)
	}
	made := &place{kind: scalar, class: newClass(sort), optional: field.HasPresence()}
	if field.Message() != nil {
		value = wrapped[field.Message().FullName()]
	}
	made.low, made.high = rangeOf(sort, value)
	if enum := field.Enum(); enum != nil && enum.IsClosed() {
		if enum.Values().Len() > maxEnum {
			return nil, r.outside(RuleType, r.expression)
		}
		for i := range enum.Values().Len() {
			made.only = append(made.only, big.NewInt(int64(enum.Values().Get(i).Number())))
		}
	}
	of, err := r.place(field, made)
	if err != nil {
		return nil, err
	}
	of.class.widen(of.low, of.high)
	for _, value := range of.only {
		of.class.add(value)
	}
	if field.Message() == nil && (field.HasDefault() || r.has && !field.HasPresence()) {
		of.class.add(plain(field, field.Default()))
	}
	return of, nil
}

func (r *reading) list(field protoreflect.FieldDescriptor, kind kind, of *class) (*place, error) {
	made := &place{kind: kind, class: of}
	if of != nil {
		made.low, made.high = rangeOf(of.sort, field.Kind())
		if enum := field.Enum(); enum != nil && enum.IsClosed() {
			return nil, r.outside(RuleType, r.expression)
		}
	}
	list, err := r.place(field, made)
	if err != nil {
		return nil, err
	}
	if of != nil {
		list.class.widen(list.low, list.high)
	}
	if r.has {
		list.loops++
	}
	return list, nil
}

// place returns the place that the reading has come to. An error says that the field is
// of another type where it was read before.
func (r *reading) place(field protoreflect.FieldDescriptor, like *place) (*place, error) {
	of := field.Cardinality().String() + " " + field.Kind().String()
	if field.Message() != nil && like.kind == scalar {
		of = string(field.Message().FullName())
	}
	if like.key != nil {
		of = "map of " + field.MapValue().Kind().String()
	}
	if known, ok := r.model.types[r.name]; ok && known != of {
		return nil, r.outside(RuleChanged, r.expression)
	}
	r.model.types[r.name] = of
	made := func() *place {
		like.name, like.root, like.path, like.parent = r.name, r.root, r.path, r.parent
		if r.found != nil {
			like.in = r.found.in
		}
		if oneof := field.ContainingOneof(); oneof != nil && !oneof.IsSynthetic() {
			like.oneof = oneof.FullName()
		}
		return like
	}
	if r.records == nil {
		known := r.model.place(r.name, made)
		if known.kind != like.kind {
			return nil, r.outside(RuleChanged, r.expression)
		}
		known.optional = known.optional || like.optional
		r.model.join(known)
		return r.use(known), nil
	}
	for _, known := range r.records.fields {
		if known.name == r.name {
			known.optional = known.optional || like.optional
			return known, nil
		}
	}
	r.records.fields = append(r.records.fields, made())
	return like, nil
}

// sortOf returns the sort of the values that conditions read of a field.
func sortOf(field protoreflect.FieldDescriptor) (sort, bool) {
	kind := field.Kind()
	if of := field.Message(); of != nil {
		switch of.FullName() {
		case "google.protobuf.Timestamp":
			return ofTime, true
		case "google.protobuf.Duration":
			return ofDuration, true
		}
		kind = wrapped[of.FullName()]
	}
	switch kind {
	case protoreflect.StringKind:
		return ofString, true
	case protoreflect.BoolKind:
		return ofBool, true
	case protoreflect.Int32Kind, protoreflect.Sint32Kind, protoreflect.Sfixed32Kind, protoreflect.EnumKind,
		protoreflect.Int64Kind, protoreflect.Sint64Kind, protoreflect.Sfixed64Kind:
		return ofInt, field.Enum() == nil || field.Enum().FullName() != "google.protobuf.NullValue"
	case protoreflect.Uint32Kind, protoreflect.Fixed32Kind, protoreflect.Uint64Kind, protoreflect.Fixed64Kind:
		return ofUint, true
	default:
		return 0, false
	}
}

// plain is a value of a field as a class has it.
func plain(field protoreflect.FieldDescriptor, value protoreflect.Value) any {
	of, _ := sortOf(field)
	switch {
	case of == ofString:
		return value.String()
	case of == ofBool:
		return value.Bool()
	case field.Enum() != nil:
		return big.NewInt(int64(value.Enum()))
	case of == ofUint:
		return new(big.Int).SetUint64(value.Uint())
	default:
		return big.NewInt(value.Int())
	}
}
