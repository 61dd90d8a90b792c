package actiontest

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"connectrpc.com/connect/v2"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/sallyport-rpc/sallyport/authn"
	"github.com/sallyport-rpc/sallyport/internal/condition"
	"github.com/sallyport-rpc/sallyport/internal/declare"
)

// A writer says what must come of what one request writes, by the rules of its fields.
type writer struct {
	*judge

	input  condition.Input
	stored proto.Message
	code   connect.Code // that the caller is answered
	// decided says of each field that is written whether that is allowed, by its name.
	decided map[protoreflect.FullName]bool
	// empties are types of which all was looked at as what is emptied.
	empties map[string]bool
}

// A written is what is written of a message.
type written struct {
	// masked is whether a mask says that, by paths or, where all is set, all of it. What is
	// set is written without one.
	masked, all bool
	paths       []string
	// displaced is whether another member of the oneof is written instead, so that the caller
	// sends back nothing of it.
	displaced bool
	// about is whether the action is about what the path leads to from here.
	about bool
	path  condition.Path
	// key leads from here to what finds that message, and is empty where it does not.
	key condition.Path
}

// writes says whether a principal may write what a request writes, and what is left of the
// request for the handler.
func (j *judge) writes(principal *authn.Principal, stored proto.Message, now time.Time, request proto.Message) (left proto.Message, code connect.Code) {
	if j.declaration.Writing == nil && !j.guardsWrites {
		return request, Allowed
	}
	left, w := j.written(principal, stored, now, request)
	return left, w.code
}

// written looks at what a request writes.
func (j *judge) written(principal *authn.Principal, stored proto.Message, now time.Time, request proto.Message) (left proto.Message, w *writer) {
	declared := j.writing()
	w = &writer{
		judge: j, stored: stored, input: condition.Input{Principal: principal, Now: now}, code: Allowed,
		decided: map[protoreflect.FullName]bool{}, empties: map[string]bool{},
	}
	what := written{masked: declared.Replaces, all: declared.Replaces}
	if about := j.declaration.Resource; about != nil && about.Carries {
		what.about, what.path, what.key = true, about.Carried, about.Key
	}
	left = proto.Clone(request)
	w.message(left.ProtoReflect(), what)
	return left, w
}

// writing is what the action says of writing: nothing, where it does not.
func (j *judge) writing() *declare.Writing {
	if j.declaration.Writing == nil {
		return &declare.Writing{}
	}
	return j.declaration.Writing
}

// ruleOf is the rule of a field, or nil.
func (j *judge) ruleOf(field protoreflect.FieldDescriptor) *declare.FieldRule {
	rules := j.writing().Rules
	at := slices.IndexFunc(rules, func(rule *declare.FieldRule) bool { return rule.Field.FullName() == field.FullName() })
	if at < 0 {
		return nil
	}
	return rules[at]
}

// refuse is the answer, unless a worse one is known.
func (w *writer) refuse(code connect.Code) {
	if w.code == Allowed || code == connect.CodeInvalidArgument {
		w.code = code
	}
}

// message looks at a message, and takes from it what is guarded and not written.
func (w *writer) message(message protoreflect.Message, what written) {
	fields := message.Descriptor().Fields()
	if reachesWrites(message.Descriptor()) {
		message.SetUnknown(nil) // which a newer schema may guard
	}
	if holdsWrites(message, 0) {
		w.refuse(connect.CodePermissionDenied)
	}
	var unwritten, displaced []protoreflect.FieldDescriptor
	for i := range fields.Len() {
		field := fields.Get(i)
		rule := w.ruleOf(field)
		named, whole := what.names(field)
		if !what.masked {
			named, whole = isSet(message, field), true
		}
		isKey := len(what.key) == 1 && what.key[0].Name() == field.Name()
		itself, _ := what.namesItself(field)
		switch {
		case rule == nil:
		case named && (!isKey || what.masked && !what.all):
			w.field(rule, message, what, whole)
		}
		guarded := rule != nil && !rule.AnyoneWrites()
		if what.masked && !isKey && !itself && (guarded || !named && leadsByOneof(field)) {
			unwritten = append(unwritten, field)
		}
		stays := message.Has(field) && (!what.masked || itself && whole || !what.namesMate(field))
		if named && !stays && (!what.masked || what.namesMate(field)) {
			displaced = append(displaced, field)
		}
	}
	for _, field := range unwritten {
		message.Clear(field)
	}
	for i := range fields.Len() {
		if field := fields.Get(i); declare.MessageIn(field) != nil {
			w.below(message, field, what)
		}
	}
	for _, field := range displaced {
		if within := declare.MessageIn(field); within != nil {
			w.emptied(within, written{masked: true, all: true, displaced: true})
		}
	}
}

// field looks at a field that is written, in a message or, where that is nil, in one that is
// emptied.
func (w *writer) field(rule *declare.FieldRule, message protoreflect.Message, what written, whole bool) {
	with := w.input
	if what.about && len(what.path) == 0 {
		with.Subject = w.stored
	}
	sent := message != nil && message.Has(message.Descriptor().Fields().ByName(rule.Field.Name()))
	if !rule.AnyoneWrites() {
		if whole && message != nil {
			with.Value = message.Interface()
		}
		w.decide(rule, rule.Write, &with)
	}
	// A caller who does not see a field cannot send it back.
	if what.all && what.masked && !what.displaced && !rule.Anyone() && (rule.AnyoneWrites() || !sent) {
		with.Value = nil
		w.decide(rule, rule.Read, &with)
	}
}

// decide says whether a grant lets the field of a rule be written, as far as that was asked.
func (w *writer) decide(rule *declare.FieldRule, grants []declare.Grant, with *condition.Input) {
	by, _ := heldBy(grants, with, nil)
	before, asked := w.decided[rule.Field.FullName()]
	w.decided[rule.Field.FullName()] = by >= 0 && (before || !asked)
	if by < 0 {
		w.refuse(connect.CodePermissionDenied)
	}
}

// below looks at what a field of a message holds.
func (w *writer) below(message protoreflect.Message, field protoreflect.FieldDescriptor, what written) {
	to := what.below(field)
	if mask := w.maskOf(field); mask != nil && !what.masked {
		to.masked = true
		paths := message.Get(mask).Message()
		list := paths.Get(paths.Descriptor().Fields().ByName("paths")).List()
		for i := range list.Len() {
			to.paths = append(to.paths, list.Get(i).String())
		}
		to.all = slices.Contains(to.paths, "*") || len(to.paths) == 0 && w.declaration.Writing.EmptyAll
		for _, path := range to.paths {
			if path != "*" && !leads(declare.MessageIn(field), path) {
				w.refuse(connect.CodeInvalidArgument)
			}
		}
	}
	if !message.Has(field) {
		if to.masked {
			w.emptied(declare.MessageIn(field), to)
		}
		return
	}
	for within := range declare.MessagesIn(field, message.Get(field)) {
		w.message(within, to)
	}
}

// emptied looks at a message that is not there, of which something is written.
func (w *writer) emptied(of protoreflect.MessageDescriptor, what written) {
	if !what.all && len(what.paths) == 0 {
		return
	}
	if all := fmt.Sprint(of.FullName(), what.displaced); what.all {
		if w.empties[all] {
			return
		}
		w.empties[all] = true
	}
	what.about = false
	for i := range of.Fields().Len() {
		field := of.Fields().Get(i)
		named, _ := what.names(field)
		if rule := w.ruleOf(field); rule != nil && named {
			w.field(rule, nil, what, false)
		}
		within := declare.MessageIn(field)
		if within == nil {
			continue
		}
		w.emptied(within, what.below(field))
		if what.namesMate(field) {
			w.emptied(within, written{masked: true, all: true, displaced: true})
		}
	}
}

// maskOf is the mask beside a field that says what is written of it, or nil.
func (j *judge) maskOf(field protoreflect.FieldDescriptor) protoreflect.FieldDescriptor {
	for _, mask := range j.writing().Masks {
		if mask.Of.FullName() == field.FullName() {
			return mask.Field
		}
	}
	return nil
}

// below is what is written of what a field holds.
func (w written) below(field protoreflect.FieldDescriptor) written {
	to := written{masked: w.masked, all: w.all, displaced: w.displaced}
	for _, path := range w.paths {
		name, rest, deeper := strings.Cut(path, ".")
		switch {
		case name != string(field.Name()):
		case deeper:
			to.paths = append(to.paths, rest)
		default:
			to.all = true
		}
	}
	if w.about && len(w.path) > 0 && w.path[0].Name() == field.Name() {
		to.about, to.path = true, w.path[1:]
	}
	if len(w.key) > 0 && w.key[0].Name() == field.Name() {
		to.key = w.key[1:]
	}
	return to
}

// names reports whether the paths name a field, a part of it or another of its oneof, and
// whether all of it.
func (w written) names(field protoreflect.FieldDescriptor) (named, whole bool) {
	if named, whole := w.namesItself(field); named {
		return named, whole
	}
	return w.namesMate(field), false
}

// namesMate reports whether the paths name another field of a field's oneof, or a part of it.
func (w written) namesMate(field protoreflect.FieldDescriptor) bool {
	return slices.ContainsFunc(matesOf(field), func(mate protoreflect.FieldDescriptor) bool {
		named, _ := w.namesItself(mate)
		return named
	})
}

// namesItself reports whether the paths name a field or a part of it, and whether all of it.
func (w written) namesItself(field protoreflect.FieldDescriptor) (named, whole bool) {
	if !w.masked {
		return false, false
	}
	whole = w.all || slices.Contains(w.paths, string(field.Name()))
	return whole || slices.ContainsFunc(w.paths, func(path string) bool { return strings.HasPrefix(path, string(field.Name())+".") }), whole
}

// matesOf are the other fields of a field's oneof.
func matesOf(field protoreflect.FieldDescriptor) (mates []protoreflect.FieldDescriptor) {
	oneof := field.ContainingOneof()
	if oneof == nil {
		return nil
	}
	for i := range oneof.Fields().Len() {
		if mate := oneof.Fields().Get(i); mate.Number() != field.Number() {
			mates = append(mates, mate)
		}
	}
	return mates
}

// isSet reports whether a message has a field, or another of its oneof.
func isSet(message protoreflect.Message, field protoreflect.FieldDescriptor) bool {
	if oneof := field.ContainingOneof(); oneof != nil && !oneof.IsSynthetic() {
		return message.WhichOneof(oneof) != nil
	}
	return message.Has(field)
}

// leads reports whether a path of a mask leads to a field.
func leads(of protoreflect.MessageDescriptor, path string) bool {
	for name := range strings.SplitSeq(path, ".") {
		if of == nil {
			return false
		}
		field := of.Fields().ByName(protoreflect.Name(name))
		if field == nil {
			return false
		}
		if of = nil; !field.IsList() && !field.IsMap() {
			of = field.Message()
		}
	}
	return true
}
