package prove

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"
	"buf.build/go/protovalidate"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/sallyport-rpc/sallyport/internal/validation"
)

// maxRepairs is how many fields of a message are changed at most to make it valid.
const maxRepairs = 64

// A validity knows the validation rules of messages.
type validity struct{ validators *validation.Validators }

// violations are the rules that a message breaks. The error says that a rule does not
// compile or run.
func (v *validity) violations(of proto.Message) ([]*validate.FieldPath, error) {
	validator, err := v.validators.For(of.ProtoReflect().Descriptor())
	if err != nil {
		return nil, fmt.Errorf("the validation rules of %s: %w", of.ProtoReflect().Descriptor().FullName(), err)
	}
	err = validator.Validate(of)
	if err == nil {
		return nil, nil
	}
	invalid, ok := errors.AsType[*protovalidate.ValidationError](err)
	if !ok {
		return nil, fmt.Errorf("validate a %s: %w", of.ProtoReflect().Descriptor().FullName(), err)
	}
	paths := make([]*validate.FieldPath, len(invalid.Violations))
	for i, violation := range invalid.Violations {
		paths[i] = violation.Proto.GetField()
	}
	return paths, nil
}

// breaks reports whether the rules of a field itself refuse what a message holds there.
func (v *validity) breaks(of proto.Message, path string) (bool, error) {
	broken, err := v.violations(of)
	if err != nil {
		return false, err
	}
	return slices.ContainsFunc(broken, func(field *validate.FieldPath) bool { return protovalidate.FieldPathString(field) == path }), nil
}

// below is the path of a place from its root.
func (p *place) below() string {
	parts := make([]string, len(p.path))
	for i, step := range p.path {
		if parts[i] = string(step.field); step.at >= 0 {
			parts[i] += fmt.Sprintf("[%d]", step.at)
		}
	}
	return strings.Join(parts, ".")
}

// refusals notes, for each place of a request, which constants the field's own rules
// refuse. A request that holds one is refused whatever else is in it, so that leaving
// those out assumes nothing else of the rules.
func (v *validity) refusals(request protoreflect.MessageDescriptor, places []*place) error {
	for _, of := range places {
		if of.root != inRequest || of.kind != scalar && of.kind != message || of.class != nil && of.class.sort == ofTime || of.isOfElement() {
			continue
		}
		unset, err := v.refused(request, of, nil)
		if err != nil {
			return err
		}
		of.refusedUnset = unset
		if of.kind == message {
			continue
		}
		for _, constant := range of.class.whole().constants {
			refused, err := v.refused(request, of, constant)
			if err != nil {
				return err
			}
			if refused {
				of.refused = append(of.refused, constant)
			}
		}
	}
	return nil
}

// refused reports whether the rules of a place's own field refuse a value, or with nil
// that it is unset where what is around it is set.
func (v *validity) refused(request protoreflect.MessageDescriptor, of *place, value any) (bool, error) {
	made := dynamicpb.NewMessage(request)
	if of.parent != nil {
		around := *of.parent
		put(made, &around)
	}
	if value != nil {
		held := *of
		held.value = value
		put(made, &held)
	}
	return v.breaks(made, of.below())
}

// texts chooses the form of the fresh strings of a class: the one that the rules of most of
// its places in the request accept.
func (v *validity) texts(request protoreflect.MessageDescriptor, places []*place, need int) (func(int) string, error) {
	forms := pools
	var among []*place
	for _, of := range places {
		if of.root == inRequest && of.kind == scalar && !of.isOfElement() {
			among = append(among, of)
			if field := fieldAt(request, of.path); field != nil {
				forms = append(slices.Clone(forms), rulesOf(field).pools()...)
			}
		}
	}
	best, most := forms[0], -1
	for _, form := range forms {
		accepted := 0
		for _, of := range among {
			all := true
			for i := range min(need, 4) {
				refused, err := v.refused(request, of, form(i))
				if err != nil {
					return nil, err
				}
				all = all && !refused
			}
			if all {
				accepted++
			}
		}
		if accepted > most {
			best, most = form, accepted
		}
	}
	return best, nil
}

func fieldAt(of protoreflect.MessageDescriptor, path []step) protoreflect.FieldDescriptor {
	var field protoreflect.FieldDescriptor
	for _, step := range path {
		if of == nil || of.Fields().ByName(step.field) == nil {
			return nil
		}
		if field = of.Fields().ByName(step.field); step.key != nil {
			field = field.MapValue()
		}
		if field == nil {
			return nil
		}
		of = field.Message()
	}
	return field
}

// complete sets those fields of a message that are not fixed so that its rules accept it.
// ok is false where that was not found.
func (v *validity) complete(of proto.Message, isFixed func(path string) bool) (ok bool, err error) {
	for range maxRepairs {
		broken, err := v.violations(of)
		if err != nil || len(broken) == 0 {
			return err == nil, err
		}
		repaired, err := v.repair(of, broken[0], isFixed)
		if err != nil || !repaired {
			return false, err
		}
	}
	return false, nil
}

// repair changes one field that breaks a rule.
func (v *validity) repair(of proto.Message, at *validate.FieldPath, isFixed func(path string) bool) (ok bool, err error) {
	path := protovalidate.FieldPathString(at)
	elements := at.GetElements()
	if path == "" || isFixed(path) {
		return false, nil
	}
	in := of.ProtoReflect()
	for i, element := range elements {
		field := in.Descriptor().Fields().ByName(protoreflect.Name(element.GetFieldName()))
		if field == nil || field.IsMap() {
			return false, nil
		}
		_, isIndex := element.GetSubscript().(*validate.FieldPathElement_Index)
		last := i == len(elements)-1
		switch {
		case last:
			return v.repairField(of, in, field, int(element.GetIndex()), isIndex, path) //nolint:gosec // an index of a list
		case field.Message() == nil || field.IsList() != isIndex:
			return false, nil
		case isIndex:
			in = in.Mutable(field).List().Get(int(element.GetIndex())).Message() //nolint:gosec // an index of a list
		default:
			in = in.Mutable(field).Message()
		}
	}
	return false, nil
}

func (v *validity) repairField(of proto.Message, in protoreflect.Message, field protoreflect.FieldDescriptor, index int, isIndex bool, path string) (bool, error) {
	if oneof := field.ContainingOneof(); oneof != nil && !in.Has(field) && in.WhichOneof(oneof) != nil {
		return false, nil
	}
	_, isValue := sortOf(field)
	switch {
	case field.IsList() && !isIndex:
		list := in.Mutable(field).List()
		if field.Message() != nil && !isValue {
			list.AppendMutable()
			return true, nil
		}
		candidates := samples(field)
		if len(candidates) == 0 || list.Len() >= maxRepairs {
			return false, nil
		}
		value, ok := elementOf(field, candidates[list.Len()%len(candidates)])
		if ok {
			list.Append(value)
		}
		return ok, nil
	case field.Message() != nil && !isValue:
		if in.Has(field) {
			return false, nil
		}
		in.Mutable(field)
		return true, nil
	}
	for _, candidate := range samples(field) {
		value, ok := elementOf(field, candidate)
		if !ok {
			continue
		}
		if isIndex {
			in.Mutable(field).List().Set(index, value)
		} else {
			in.Set(field, value)
		}
		if still, err := v.breaks(of, path); err != nil || !still {
			return err == nil, err
		}
	}
	return false, nil
}

// elementOf is a value as a field, or an element of it, holds it.
func elementOf(field protoreflect.FieldDescriptor, value any) (protoreflect.Value, bool) {
	if field.Message() == nil {
		return scalarOf(field, value)
	}
	return messageOf(field.Message(), value)
}
