package actiontest

import (
	"slices"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/sallyport-rpc/sallyport/authn"
	"github.com/sallyport-rpc/sallyport/internal/condition"
	"github.com/sallyport-rpc/sallyport/internal/declare"
)

// A reading is who is answered, and what of an answer they may not read.
type reading struct {
	rules []*declare.FieldRule // of the contract
	input condition.Input
	depth int
	// less is whether something was taken from the answer.
	less bool
}

// reads says what a principal has of a response, and whether that is less than all of it. The
// response is not changed.
func (j *judge) reads(principal *authn.Principal, now time.Time, response proto.Message) (left proto.Message, less bool) {
	guarded := slices.ContainsFunc(j.rules, func(rule *declare.FieldRule) bool { return !rule.Anyone() })
	if !guarded {
		return response, false
	}
	r := &reading{rules: j.rules, input: condition.Input{Principal: principal, Now: now}}
	left = proto.Clone(response)
	r.message(left.ProtoReflect())
	return left, r.less
}

// mayRead is the place of the first grant by which a field of a message may be read, or -1.
func mayRead(rule *declare.FieldRule, with condition.Input, of proto.Message) int {
	with.Subject = of
	by, _ := heldBy(rule.Read, &with, nil)
	return by
}

// message takes from a message, and from all below it, what may not be read.
func (r *reading) message(message protoreflect.Message) {
	if of := message.Descriptor(); (reachesReads(of) || reachesOpen(of)) && len(message.GetUnknown()) > 0 {
		message.SetUnknown(nil)
		r.less = true
	}
	var hidden []protoreflect.FieldDescriptor
	message.Range(func(field protoreflect.FieldDescriptor, _ protoreflect.Value) bool {
		if r.hides(message, field) {
			hidden = append(hidden, field)
		}
		return true
	})
	for _, field := range hidden {
		message.Clear(field)
		r.less = true
	}
	if message.Descriptor().FullName() == "google.protobuf.Any" {
		r.packed(message)
		return
	}
	message.Range(func(field protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		for within := range declare.MessagesIn(field, value) {
			r.message(within)
		}
		return true
	})
}

// hides reports whether a field of a message may not be read. No rule of an extension is read.
func (r *reading) hides(message protoreflect.Message, field protoreflect.FieldDescriptor) bool {
	if field.IsExtension() {
		within := declare.MessageIn(field)
		return declare.Guards(field) || within != nil && (reachesReads(within) || reachesOpen(within))
	}
	if !declare.Guards(field) {
		return false
	}
	at := slices.IndexFunc(r.rules, func(rule *declare.FieldRule) bool { return rule.Field.FullName() == field.FullName() })
	return at < 0 || mayRead(r.rules[at], r.input, message.Interface()) < 0
}

// packed takes from what an Any holds what may not be read, and all where that is not known.
func (r *reading) packed(of protoreflect.Message) {
	fields := of.Descriptor().Fields()
	address, value := fields.ByName("type_url"), fields.ByName("value")
	if of.Get(address).String() == "" {
		return
	}
	kind, err := protoregistry.GlobalTypes.FindMessageByURL(of.Get(address).String())
	if err == nil {
		if !reachesReads(kind.Descriptor()) && !reachesOpen(kind.Descriptor()) {
			return
		}
		message := kind.New()
		err = proto.UnmarshalOptions{AllowPartial: true}.Unmarshal(of.Get(value).Bytes(), message.Interface())
		if err == nil && r.depth < deepest {
			r.depth++
			r.message(message)
			r.depth--
			if wire, err := (proto.MarshalOptions{AllowPartial: true}).Marshal(message.Interface()); err == nil {
				of.Set(value, protoreflect.ValueOfBytes(wire))
				return
			}
		}
	}
	of.Clear(address)
	of.Clear(value)
	r.less = true
}

// reachesReads reports whether a message of a type can have a field that only some may read,
// at any depth.
func reachesReads(of protoreflect.MessageDescriptor) bool { return reaches(of, declare.Guards) }
