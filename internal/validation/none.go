package validation

import (
	"buf.build/go/protovalidate"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// None reports whether no message of the type can break a rule, so that there is
// nothing to validate: the type has no rules, nor has any that it holds, and nothing can
// be packed into it. It is false of the zero Rules, and nil Rules panic.
func (r *Rules) None() bool { return r.none }

// ruled reports whether a type of message, or one that it holds at any depth, has rules,
// or rules that cannot be read.
func ruled(message protoreflect.MessageDescriptor, seen map[protoreflect.MessageDescriptor]bool) bool {
	if seen[message] {
		return false
	}
	seen[message] = true
	if rules, err := protovalidate.ResolveMessageRules(message); err != nil || rules != nil {
		return true
	}
	for i := range message.Oneofs().Len() {
		if rules, err := protovalidate.ResolveOneofRules(message.Oneofs().Get(i)); err != nil || rules != nil {
			return true
		}
	}
	for i := range message.Fields().Len() {
		field := message.Fields().Get(i)
		if rules, err := protovalidate.ResolveFieldRules(field); err != nil || rules != nil {
			return true
		}
		if field.IsMap() {
			field = field.MapValue()
		}
		if within := field.Message(); within != nil && ruled(within, seen) {
			return true
		}
	}
	return false
}
