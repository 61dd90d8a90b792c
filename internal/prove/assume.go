package prove

import (
	"math/big"
	"slices"

	"buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"
	"buf.build/go/protovalidate"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// assume takes in those validation rules of a request that list the values of a field: no
// other value gets through.
func (v *validity) assume(request protoreflect.MessageDescriptor, places []*place) error {
	for _, of := range places {
		field := fieldAt(request, of.path)
		if of.root != inRequest || of.kind != scalar || of.only != nil || field == nil || len(of.path) != 1 || of.isOfElement() {
			continue
		}
		rules, err := protovalidate.ResolveFieldRules(field)
		if err != nil || rules == nil || rules.GetIgnore() != validate.Ignore_IGNORE_UNSPECIFIED {
			continue
		}
		values := listedValues(rules)
		if len(values) == 0 {
			continue
		}
		runs, err := v.runs(request, of, field, func(value any) bool {
			return slices.ContainsFunc(values, func(listed any) bool { return same(listed, value) })
		}, unlisted(values))
		if err != nil {
			return err
		}
		if !runs {
			continue
		}
		for _, value := range values {
			of.only = append(of.only, value)
			of.class.add(value)
		}
	}
	return nil
}

// runs reports whether the rules of a field are seen to run: they refuse a value that they
// do not accept and, unless they accept it, the zero value, which a rule of the message
// may leave to others.
func (v *validity) runs(request protoreflect.MessageDescriptor, of *place, field protoreflect.FieldDescriptor, accept func(any) bool, other any) (bool, error) {
	values := []any{other}
	if field.Message() == nil && !accept(zero(field)) {
		values = append(values, zero(field))
	}
	for _, value := range values {
		if refused, err := v.refused(request, of, value); err != nil || !refused {
			return false, err
		}
	}
	return true, nil
}

// zero is the value of a field that is not on the wire.
func zero(field protoreflect.FieldDescriptor) any {
	switch of, _ := sortOf(field); of {
	case ofString:
		return ""
	case ofBool:
		return false
	default:
		return new(big.Int)
	}
}

// unlisted is a value that is not among others of its type, and is not zero.
func unlisted(values []any) any {
	if _, isText := values[0].(string); isText {
		longest := "x"
		for _, value := range values {
			if text, ok := value.(string); ok && len(text) >= len(longest) {
				longest = text + "x"
			}
		}
		return longest
	}
	highest := big.NewInt(1)
	for _, value := range values {
		if number(value).Cmp(highest) >= 0 {
			highest = new(big.Int).Add(number(value), big.NewInt(1))
		}
	}
	return highest
}

// listedValues are those that the rules of a field say are all that it may have, or nil
// where they do not say so.
func listedValues(rules *validate.FieldRules) []any {
	var values []any
	if of := rules.GetString(); of != nil {
		for _, text := range slices.Concat(of.GetIn(), constant(of.Const)) {
			values = append(values, text)
		}
	}
	var numbers []int32
	if of := rules.GetEnum(); of != nil {
		numbers = slices.Concat(of.GetIn(), constant(of.Const))
	}
	if of := rules.GetInt32(); of != nil {
		numbers = slices.Concat(of.GetIn(), constant(of.Const))
	}
	for _, number := range numbers {
		values = append(values, big.NewInt(int64(number)))
	}
	return values
}

// constant is the value that a rule of one value says, or none.
func constant[T any](of *T) []T {
	if of == nil {
		return nil
	}
	return []T{*of}
}
