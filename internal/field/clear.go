package field

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/sallyport-rpc/sallyport/authn"
	"github.com/sallyport-rpc/sallyport/internal/declare"
	"github.com/sallyport-rpc/sallyport/internal/policy"
)

// A Reader is who is answered, and when. The zero Reader may read no guarded field.
type Reader struct {
	Principal *authn.Principal
	Now       time.Time
}

const (
	// maxNames is how many fields a [Cleared] names.
	maxNames = 16
	// maxPacked is how deep messages that are packed into one another are looked into: each
	// is decoded anew, and a caller may have sent them. What is deeper is cleared.
	maxPacked = 8
)

// Cleared is what was cleared. Its zero value is nothing.
type Cleared struct {
	// Names are the full names of fields, each once, in the order in which they were
	// cleared first. There are at most 16.
	Names []string
	// More is whether other fields were cleared.
	More bool
	// Undecided is why a rule could not be decided, of the first.
	Undecided error
}

func (c *Cleared) add(name protoreflect.FullName, undecided error) {
	if undecided != nil && c.Undecided == nil {
		c.Undecided = fmt.Errorf("whether %s may be read: %w", name, undecided)
	}
	switch text := string(name); {
	case slices.Contains(c.Names, text):
	case len(c.Names) == maxNames:
		c.More = true
	default:
		c.Names = append(c.Names, text)
	}
}

// With returns what was cleared with what was cleared elsewhere, in the same piece of
// memory. A nil Cleared is nothing.
func (c *Cleared) With(other Cleared) *Cleared {
	if c == nil {
		c = &Cleared{}
	}
	for _, name := range other.Names {
		c.add(protoreflect.FullName(name), nil)
	}
	c.More = c.More || other.More
	if c.Undecided == nil {
		c.Undecided = other.Undecided
	}
	return c
}

// Looks reports whether messages of a type are to be looked at.
func (r *Rules) Looks(message protoreflect.MessageDescriptor) bool { return r.plan(message) != nil }

// Clear returns a copy of a message without what the reader may not read, or the message
// itself where its type has nothing to be looked at. What is decided about is the copy, so
// that a message which its owner changes meanwhile is sent as it was decided on.
func (r *Rules) Clear(ctx context.Context, reader Reader, message proto.Message) (proto.Message, Cleared) {
	of := r.plan(message.ProtoReflect().Descriptor())
	if of == nil {
		return message, Cleared{}
	}
	copied := proto.Clone(message)
	clearing := clearing{rules: r, input: policy.Input{Principal: reader.Principal, Now: reader.Now}}
	clearing.message(ctx, of, copied.ProtoReflect())
	return copied, clearing.cleared
}

// ClearPacked is Clear of a message in its binary form. ok is false where nothing of it may
// be answered.
func (r *Rules) ClearPacked(ctx context.Context, reader Reader, name protoreflect.FullName, value []byte) (left proto.Message, changed, ok bool, cleared Cleared) {
	clearing := clearing{rules: r, input: policy.Input{Principal: reader.Principal, Now: reader.Now}}
	left, changed, ok = clearing.packed(ctx, name, value)
	if !ok {
		clearing.cleared.add(name, nil)
	}
	return left, changed, ok, clearing.cleared
}

// clearing is the state of clearing one message.
type clearing struct {
	rules   *Rules
	input   policy.Input
	cleared Cleared
	depth   int // of what is packed
}

// message clears a message and all below it. It decides about all fields of the message
// before it clears one of them: their rules may read each other.
func (c *clearing) message(ctx context.Context, of *plan, message protoreflect.Message) {
	// A newer schema may guard what this one does not know.
	if len(message.GetUnknown()) > 0 {
		message.SetUnknown(nil)
	}
	c.guarded(ctx, of.guarded, message)
	for _, below := range of.below {
		if !message.Has(below.field) {
			continue
		}
		switch value := message.Get(below.field); {
		case below.field.IsMap():
			value.Map().Range(func(_ protoreflect.MapKey, entry protoreflect.Value) bool {
				c.message(ctx, below.plan, entry.Message())
				return true
			})
		case below.field.IsList():
			elements := value.List()
			for i := range elements.Len() {
				c.message(ctx, below.plan, elements.Get(i).Message())
			}
		default:
			c.message(ctx, below.plan, value.Message())
		}
	}
	if of.open {
		c.open(ctx, of, message)
	}
}

// guarded clears the guarded fields of a message that the reader may not read.
func (c *clearing) guarded(ctx context.Context, fields []guarded, message protoreflect.Message) {
	var few [8]protoreflect.FieldDescriptor
	hidden := few[:0]
	c.input.Resource = message.Interface()
	for i := range fields {
		guarded := &fields[i]
		if !message.Has(guarded.field) {
			continue
		}
		holds, err := guarded.rule.Holds(ctx, &c.input)
		if err != nil || !holds {
			c.cleared.add(guarded.field.FullName(), err)
			hidden = append(hidden, guarded.field)
		}
	}
	for _, field := range hidden {
		message.Clear(field)
	}
}

// open clears what a message holds that its descriptor does not say.
func (c *clearing) open(ctx context.Context, of *plan, message protoreflect.Message) {
	if of.isAny {
		c.any(ctx, message)
		return
	}
	var extensions []protoreflect.FieldDescriptor
	message.Range(func(field protoreflect.FieldDescriptor, _ protoreflect.Value) bool {
		if field.IsExtension() {
			extensions = append(extensions, field)
		}
		return true
	})
	for _, field := range extensions {
		within := declare.MessageIn(field)
		// No rule of an extension is read, so one that is guarded is for no one.
		if declare.Guards(field) || within != nil && c.rules.plan(within) != nil {
			c.cleared.add(field.FullName(), nil)
			message.Clear(field)
		}
	}
}

// any clears what an Any holds, or empties it.
func (c *clearing) any(ctx context.Context, message protoreflect.Message) {
	fields := message.Descriptor().Fields()
	address, value := fields.ByName("type_url"), fields.ByName("value")
	name := message.Get(address).String()
	if name == "" {
		return
	}
	name = name[strings.LastIndexByte(name, '/')+1:]
	left, changed, ok := c.packed(ctx, protoreflect.FullName(name), message.Get(value).Bytes())
	if ok && !changed {
		return
	}
	if ok {
		if wire, err := (proto.MarshalOptions{AllowPartial: true}).Marshal(left); err == nil {
			message.Set(value, protoreflect.ValueOfBytes(wire))
			return
		}
	}
	c.cleared.add(message.Descriptor().FullName(), nil)
	message.Clear(address)
	message.Clear(value)
}

// packed clears a message in its binary form. changed is false where its type has nothing
// to be looked at; ok is false where it is not known, is too deep or cannot be read.
func (c *clearing) packed(ctx context.Context, name protoreflect.FullName, value []byte) (left proto.Message, changed, ok bool) {
	kind, err := protoregistry.GlobalTypes.FindMessageByName(name)
	if err != nil {
		return nil, false, !c.rules.Guard() // it may be a type that is guarded
	}
	of := c.rules.plan(kind.Descriptor())
	if of == nil {
		return nil, false, true
	}
	if c.depth == maxPacked {
		return nil, false, false
	}
	left = kind.New().Interface()
	if err := (proto.UnmarshalOptions{AllowPartial: true}).Unmarshal(value, left); err != nil {
		return nil, false, false
	}
	c.depth++
	c.message(ctx, of, left.ProtoReflect())
	c.depth--
	return left, true, true
}
