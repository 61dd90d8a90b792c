package validation

import (
	"context"
	"errors"

	"buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"
	"buf.build/go/protovalidate"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// Rules are the validation rules of one request type, applied within bounds. They are
// safe for concurrent use.
type Rules struct {
	*shared

	// sizes is nil where no rule limits a size.
	sizes *sizes
	// packed is nil where nothing can be packed into a message.
	packed *packed
	none   bool // there are no rules
	// late is set where the sizes may be looked at after the rules: no rule is written in
	// CEL, so that what they take grows with the size of the message and no faster, and the
	// rules ask for all that the sizes do.
	late bool
}

// Rules returns the rules of a message's type. The error says which of them does not
// compile.
func (v *Validators) Rules(message protoreflect.MessageDescriptor) (*Rules, error) {
	shared, err := v.share(message)
	if err != nil {
		return nil, err
	}
	sizes, err := readSizes(message)
	if err != nil {
		return nil, err
	}
	rules := &Rules{shared: shared, sizes: sizes}
	if hides(message, map[protoreflect.MessageDescriptor]bool{}) {
		if v.packed == nil {
			v.packed = newPacked()
		}
		rules.packed = v.packed
	}
	rules.late = sizes != nil && !sizes.asksMore() && !writesCEL(message, map[protoreflect.MessageDescriptor]bool{})
	rules.none = sizes == nil && rules.packed == nil && !ruled(message, map[protoreflect.MessageDescriptor]bool{})
	return rules, nil
}

// smallBytes is the size of a message up to which its validation is not interrupted:
// it is over before anyone could be gone.
const smallBytes = 16 << 10

// Validate applies the rules to a message of this many bytes on the wire. The error
// is a [*Violations] where a rule does not hold, the context's where the caller is
// gone, and anything else where a rule could not be evaluated.
//
// Sizes come first, and where one does not hold, no rule in CEL runs, and nothing looks
// at a field that is too large. Only of a small message whose rules are none that are
// written in CEL they come second, and only where a rule does not hold: most messages are
// good, and are looked at once. Else the rules run until one does not hold. Only then a
// second pass collects more of those, until it has looked at as much as it may. Messages
// that are packed into one that keeps its rules come last.
func (r *Rules) Validate(ctx context.Context, message proto.Message, bytes int) error {
	late := r.late && bytes > 0 && bytes <= smallBytes
	if !late && !r.sizesHold(message) {
		return r.tooLarge(ctx, message)
	}
	err := r.pass(ctx, message, bytes)
	switch {
	case err != nil && late && !r.sizesHold(message):
		return r.tooLarge(ctx, message)
	case err == nil && r.packed != nil:
		return r.packed.validate(ctx, message)
	case err == nil:
		return nil
	}
	invalid, ok := errors.AsType[*protovalidate.ValidationError](err)
	if !ok {
		return err
	}
	return r.collect(ctx, message, invalid.ToProto().GetViolations())
}

func (r *Rules) sizesHold(message proto.Message) bool {
	return r.sizes == nil || r.sizes.hold(message.ProtoReflect())
}

// pass runs the rules until one does not hold.
func (r *Rules) pass(ctx context.Context, message proto.Message, bytes int) error {
	if bytes <= smallBytes {
		return r.first.Validate(message)
	}
	err := r.first.Validate(message, protovalidate.WithFilter(&watchful{ctx: ctx}))
	if gone := ctx.Err(); gone != nil {
		return gone // a pass that was interrupted has not found the message to be valid
	}
	return err
}

// violations runs the rules and returns all that do not hold of those that a filter lets
// be looked at. complete is false where one of them could not be evaluated.
func (r *Rules) violations(message proto.Message, filter protovalidate.Filter) (found []*validate.Violation, complete bool) {
	validator, err := r.all()
	if err == nil {
		err = validator.Validate(message, protovalidate.WithFilter(filter))
	}
	if invalid, ok := errors.AsType[*protovalidate.ValidationError](err); ok {
		return invalid.ToProto().GetViolations(), true
	}
	return nil, err == nil
}

// tooLarge returns what is wrong with a message in which something is too large.
func (r *Rules) tooLarge(ctx context.Context, message proto.Message) error {
	check := r.sizes.check(message.ProtoReflect())
	if check.over() {
		return told(check.found, true)
	}
	besides := &besides{collecting: collecting{watchful: watchful{ctx: ctx}, left: collectWeight}, large: check.fields}
	more, _ := r.violations(message, besides)
	if gone := ctx.Err(); gone != nil {
		return gone
	}
	found := check.found
	for _, violation := range more {
		if !contains(check.found, violation) {
			found = append(found, violation)
		}
	}
	return told(found, besides.cut || len(found) > maxTold)
}

// collect looks for more rules that do not hold besides the first.
func (r *Rules) collect(ctx context.Context, message proto.Message, first []*validate.Violation) error {
	collecting := &collecting{watchful: watchful{ctx: ctx}, left: collectWeight}
	found, complete := r.violations(message, collecting)
	if gone := ctx.Err(); gone != nil {
		return gone
	}
	if len(found) == 0 {
		// Either what is wrong was not looked at again, or another rule failed to run; that
		// one does not hold either, and the caller is told of the first.
		return told(first, collecting.cut || !complete)
	}
	if !contains(found, first[0]) {
		found = append(first[:1:1], found...)
	}
	return told(found, collecting.cut || len(found) > maxTold)
}

func contains(violations []*validate.Violation, violation *validate.Violation) bool {
	for _, other := range violations {
		if proto.Equal(other, violation) {
			return true
		}
	}
	return false
}
