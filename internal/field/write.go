package field

import (
	"context"
	"fmt"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/sallyport-rpc/sallyport/authn"
	"github.com/sallyport-rpc/sallyport/internal/policy"
)

// A Writer is who writes, and what is stored. The zero Writer may write no guarded field.
type Writer struct {
	Principal *authn.Principal
	// Stored is what the action is about, as it was loaded, or nil.
	Stored proto.Message
	Now    time.Time
}

// A RefusedError says that a field may not be written.
type RefusedError struct {
	// Field is its full name.
	Field protoreflect.FullName
	// Unread is whether the reason is that the writer may not read it, and so cannot send
	// back what the request would take the place of.
	Unread bool
	// Undecided is why the rule could not be decided, or nil.
	Undecided error
}

func (e *RefusedError) Error() string {
	if e.Undecided != nil {
		return fmt.Sprintf("whether %s may be written: %v", e.Field, e.Undecided)
	}
	return e.Public()
}

// Public says what the caller is told: the field, and nothing that its rule reads.
func (e *RefusedError) Public() string {
	if e.Unread {
		return fmt.Sprintf("%s may not be replaced by who may not read it", e.Field)
	}
	return fmt.Sprintf("%s may not be written", e.Field)
}

// Unwrap returns why the rule could not be decided.
func (e *RefusedError) Unwrap() error { return e.Undecided }

// Write decides whether the writer may write what the request writes, and takes from the
// request what is guarded and not written, and what no schema here knows of types with
// guarded fields. With an error, which is [ErrMask], a [*RefusedError] or of the context,
// nothing may be done with the request, and part of it may be gone.
func (w *Writing) Write(ctx context.Context, writer Writer, request proto.Message) error {
	writing := writeState{
		of: w, stored: writer.Stored,
		input: policy.Input{Principal: writer.Principal, Now: writer.Now},
	}
	mode := present
	var mask *node
	if w.replaces {
		mode, mask = masked, everything
	}
	return writing.message(ctx, w.plan, request.ProtoReflect(), place{mode: mode, mask: mask, about: w.about, isAbout: w.has, key: w.key})
}

// writeState is the state of looking at one request.
type writeState struct {
	of     *Writing
	stored proto.Message
	input  policy.Input
	blank  map[blanked]bool // looked at as what is emptied
}

// blanked is all of a type that is emptied. replaced is whether the caller's own text takes
// its place, so that it matters what they may read of it.
type blanked struct {
	plan     *writePlan
	replaced bool
}

func (s *writeState) message(ctx context.Context, of *writePlan, message protoreflect.Message, at place) error {
	if !message.IsValid() {
		return nil
	}
	// A newer schema may guard what this one does not know.
	if of.clears {
		message.SetUnknown(nil)
	}
	if of.open {
		if held := s.of.rules.holds(reachesWrite, message); held != nil {
			return &RefusedError{Field: held.FullName()}
		}
	}
	if err := s.guarded(ctx, of, message, at); err != nil {
		return err
	}
	for i := range of.below {
		if err := s.below(ctx, &of.below[i], message, at); err != nil {
			return err
		}
		if err := s.displaced(ctx, &of.below[i], message, at); err != nil {
			return err
		}
	}
	return nil
}

// displaced decides about a message in a oneof of which the request writes another member:
// it is emptied.
func (s *writeState) displaced(ctx context.Context, below *written, message protoreflect.Message, at place) error {
	oneof := oneofOf(below.field)
	if oneof == nil || !below.plan.clears {
		return nil
	}
	switch at.mode {
	case present:
		if set := message.WhichOneof(oneof); set == nil || set == below.field {
			return nil
		}
	case masked:
		own := at.mask.of(below.field)
		if message.Has(below.field) && own != nil && own.all || !namesAnother(at.mask, oneof, below.field) {
			return nil
		}
	case outside:
		return nil
	}
	return s.absent(ctx, below.plan, everything, false)
}

// guarded decides about the guarded fields of a message, and clears those that are not
// written.
func (s *writeState) guarded(ctx context.Context, of *writePlan, message protoreflect.Message, at place) error {
	var stored proto.Message
	if at.isAbout && len(at.about) == 0 {
		stored = s.stored
	}
	for i := range of.guarded {
		guarded := &of.guarded[i]
		isKey := at.isKey(guarded.field)
		switch at.mode {
		case present:
			if !guarded.isWritten || isKey || !sets(message, guarded.field) {
				continue
			}
			if err := s.decide(ctx, guarded, stored, message, false); err != nil {
				return err
			}
		case masked:
			named, whole := names(at.mask, guarded.field)
			if !named || isKey && at.mask.all {
				continue
			}
			value := message
			if !whole {
				value = nil
			}
			if err := s.decide(ctx, guarded, stored, value, at.mask.all); err != nil {
				return err
			}
		case outside:
		}
	}
	if at.mode == present || at.mode == masked && at.mask.all {
		return nil
	}
	mask := at.maskOr()
	for i := range of.guarded {
		guarded := &of.guarded[i]
		if guarded.isWritten && !at.isKey(guarded.field) && mask.of(guarded.field) == nil {
			message.Clear(guarded.field)
		}
	}
	for _, oneof := range of.oneofs {
		if set := message.WhichOneof(oneof); set != nil && !namesOneof(mask, oneof) && !at.isKey(set) {
			message.Clear(set)
		}
	}
	return nil
}

// decide returns an error where a field may not be written. value is the message that holds
// it as it would become, or nil where that is not known; replaced is whether the field is
// named by nothing but what stands above it: then who sends back what they were answered
// sends nothing for what they may not read, and must not empty it by that.
func (s *writeState) decide(ctx context.Context, guarded *writable, stored proto.Message, value protoreflect.Message, replaced bool) error {
	s.input.Resource, s.input.Value = stored, nil
	if guarded.isWritten {
		if value != nil {
			s.input.Value = value.Interface()
		}
		if err := s.may(ctx, guarded.write, RefusedError{Field: guarded.field.FullName()}); err != nil {
			return err
		}
		replaced = replaced && (value == nil || !value.Has(guarded.field))
	}
	if !replaced || !guarded.isRead {
		return nil
	}
	s.input.Value = nil
	return s.may(ctx, guarded.read, RefusedError{Field: guarded.field.FullName(), Unread: true})
}

// may returns the refusal where a rule does not hold.
func (s *writeState) may(ctx context.Context, rule *policy.Rule, refusal RefusedError) error {
	holds, err := rule.Holds(ctx, &s.input)
	if err == nil && holds {
		return nil
	}
	refusal.Undecided = err
	return &refusal
}
