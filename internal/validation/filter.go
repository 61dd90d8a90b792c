package validation

import (
	"context"

	"buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"
	"buf.build/go/protovalidate"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// A watchful filter lets nothing more be looked at when the caller is gone.
type watchful struct {
	ctx   context.Context //nolint:containedctx // protovalidate hands none to its filters
	looks int
	gone  bool
}

// looksPerCheck is how many fields are looked at between two looks at the context.
const looksPerCheck = 256

// ShouldValidate implements [protovalidate.Filter].
func (w *watchful) ShouldValidate(protoreflect.Message, protoreflect.Descriptor) bool {
	if w.looks++; w.looks%looksPerCheck == 0 && !w.gone {
		w.gone = w.ctx.Err() != nil
	}
	return !w.gone
}

// collectWeight is how many messages, fields, elements and entries a second pass
// looks at. Each can break several rules, and each broken rule takes about a kilobyte
// until it is told.
const collectWeight = 2000

// A collecting filter lets only so much be looked at.
type collecting struct {
	watchful

	left int
	cut  bool // something was not looked at
}

// ShouldValidate implements [protovalidate.Filter].
func (c *collecting) ShouldValidate(message protoreflect.Message, descriptor protoreflect.Descriptor) bool {
	weight := 1
	if field, ok := descriptor.(protoreflect.FieldDescriptor); ok && message.Has(field) {
		switch {
		case field.IsList():
			weight += message.Get(field).List().Len()
		case field.IsMap():
			weight += 2 * message.Get(field).Map().Len()
		}
	}
	if weight > c.left || !c.watchful.ShouldValidate(message, descriptor) {
		c.cut = true
		return false
	}
	c.left -= weight
	return true
}

// A besides filter leaves out the fields that are too large, and everything that a
// rule in CEL stands on, which could read one of them.
type besides struct {
	collecting

	large map[protoreflect.FieldDescriptor]bool
}

// ShouldValidate implements [protovalidate.Filter].
func (b *besides) ShouldValidate(message protoreflect.Message, descriptor protoreflect.Descriptor) bool {
	inCEL := false
	switch descriptor := descriptor.(type) {
	case protoreflect.MessageDescriptor:
		inCEL = isCEL(descriptor)
	case protoreflect.FieldDescriptor:
		if b.large[descriptor] {
			return false
		}
		inCEL = hasCEL(descriptor)
	}
	if inCEL {
		return false // it is not known to hold, nor not to
	}
	return b.collecting.ShouldValidate(message, descriptor)
}

// writesCEL reports whether a rule of a type of message, or of one that it holds at any
// depth, is written in CEL.
func writesCEL(message protoreflect.MessageDescriptor, seen map[protoreflect.MessageDescriptor]bool) bool {
	if seen[message] {
		return false
	}
	seen[message] = true
	if isCEL(message) {
		return true
	}
	for i := range message.Fields().Len() {
		field := message.Fields().Get(i)
		if hasCEL(field) {
			return true
		}
		if field.IsMap() {
			field = field.MapValue()
		}
		if within := field.Message(); within != nil && writesCEL(within, seen) {
			return true
		}
	}
	return false
}

// isCEL reports whether a rule of a message as such is written in CEL.
func isCEL(message protoreflect.MessageDescriptor) bool {
	rules, err := protovalidate.ResolveMessageRules(message)
	return err != nil || len(rules.GetCel()) > 0 || len(rules.GetCelExpression()) > 0
}

// hasCEL reports whether a rule of a field is written in CEL.
func hasCEL(field protoreflect.FieldDescriptor) bool {
	rules, err := protovalidate.ResolveFieldRules(field)
	return err != nil || writtenInCEL(rules)
}

func writtenInCEL(rules *validate.FieldRules) bool {
	if rules == nil {
		return false
	}
	if len(rules.GetCel()) > 0 || len(rules.GetCelExpression()) > 0 || len(rules.ProtoReflect().GetUnknown()) > 0 {
		return true
	}
	if writtenInCEL(rules.GetRepeated().GetItems()) || writtenInCEL(rules.GetMap().GetKeys()) || writtenInCEL(rules.GetMap().GetValues()) {
		return true
	}
	// Predefined rules are extensions of the rules of a kind, and those in CEL.
	found := false
	rules.ProtoReflect().Range(func(field protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		if field.Message() == nil || field.IsList() {
			return true
		}
		found = len(value.Message().GetUnknown()) > 0
		value.Message().Range(func(field protoreflect.FieldDescriptor, _ protoreflect.Value) bool {
			found = found || field.IsExtension()
			return !found
		})
		return !found
	})
	return found
}
