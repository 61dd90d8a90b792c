package actiontest

import (
	"slices"

	"connectrpc.com/connect/v2"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/sallyport-rpc/sallyport/action/event"
	"github.com/sallyport-rpc/sallyport/internal/declare"
	"github.com/sallyport-rpc/sallyport/internal/prove"
)

// naming are calls that name fields, of callers who may and who may not.
func (p *plan) naming() {
	for _, naming := range p.declaration.Names {
		if naming.Of == nil {
			continue
		}
		seen := map[connect.Code]bool{}
		for _, base := range append(slices.Clone(p.admitted), p.strangersTo(p.readRulesOf(naming.Of)...)...) {
			if len(base.requests) == 0 {
				continue
			}
			for _, call := range p.namesBy(base, naming) {
				want := p.judge.of(&call)
				if want.code != Allowed && want.stage != event.StageName || seen[want.code] {
					continue
				}
				seen[want.code] = true
				p.add(call)
				p.later(call)
			}
		}
		if !seen[connect.CodePermissionDenied] && !declare.IsMask(naming.Field) && p.keepsSome(naming.Of) {
			p.problemf("no call was found whose %s names a field of %s that its caller may not read: %s",
				naming.Field.Name(), naming.Of.FullName(), sampleAdvice(p.declaration, "of a caller who is let in and may not read one"))
		}
	}
}

// readRulesOf are the rules of who may read the fields of a type, for the action's callers.
func (p *plan) readRulesOf(of protoreflect.MessageDescriptor) []prove.Rule {
	var rules []prove.Rule
	for _, rule := range p.declaration.Fields {
		if rule.Field.ContainingMessage().FullName() == of.FullName() && !rule.Anyone() {
			rules = append(rules, prove.ReadRule(rule.Field, rule, p.declaration))
		}
	}
	return rules
}

// keepsSome reports whether some field of a type may be kept from someone who is let in.
func (p *plan) keepsSome(of protoreflect.MessageDescriptor) bool {
	return slices.ContainsFunc(p.readRulesOf(of), func(rule prove.Rule) bool { return !p.keepsFromNone(rule) })
}

// namesBy are a call with each field named, and one that there is not, of its caller and of
// one with no role.
func (p *plan) namesBy(base attempt, naming declare.Naming) []attempt {
	callers := []attempt{base}
	if len(base.credentials) > 0 {
		callers = append(callers, base.held("with no role", func(h *holder) { h.details.Roles = nil }))
	}
	var all []attempt
	for _, path := range pathsTo(p.declaration.Method.Input(), naming.Field.ContainingMessage().FullName(), nil) {
		for _, name := range append(pathsOf(naming.Of, 2), "no_such_field") {
			made := proto.Clone(base.requests[0])
			setNames(messageAt(made.ProtoReflect(), path), naming.Field, name)
			if !p.judge.valid(made) {
				continue
			}
			for _, caller := range callers {
				all = append(all, caller.but(string(naming.Field.Name())+" names "+name, func(a *attempt) { a.requests = []proto.Message{made} }))
			}
		}
	}
	return all
}

// setNames has a field name one field.
func setNames(message protoreflect.Message, field protoreflect.FieldDescriptor, name string) {
	value := protoreflect.ValueOfString(name)
	switch {
	case field.Message() != nil:
		message.Clear(field)
		mask := message.Mutable(field).Message()
		mask.Mutable(field.Message().Fields().ByName("paths")).List().Append(value)
	case field.IsList():
		message.Clear(field)
		message.Mutable(field).List().Append(value)
	default:
		message.Set(field, value)
	}
}

// pathsOf are the paths of a type with at most as many names.
func pathsOf(of protoreflect.MessageDescriptor, depth int) []string {
	var paths []string
	for i := range of.Fields().Len() {
		field := of.Fields().Get(i)
		paths = append(paths, string(field.Name()))
		if within := declare.MessageIn(field); within != nil && depth > 1 && !field.IsMap() {
			for _, below := range pathsOf(within, depth-1) {
				paths = append(paths, string(field.Name())+"."+below)
			}
		}
	}
	return paths
}
