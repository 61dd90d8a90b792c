package actiontest

import (
	"fmt"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/sallyport-rpc/sallyport/internal/condition"
	"github.com/sallyport-rpc/sallyport/internal/declare"
	"github.com/sallyport-rpc/sallyport/internal/prove"
)

// reading are calls that are answered with guarded fields, of callers who may read them, by each
// grant, and of callers who may not, wherever the fields stand.
func (p *plan) reading() {
	if p.declaration.Anonymous() {
		return
	}
	for _, rule := range p.declaration.Fields {
		paths := p.pathsOut(rule.Field.ContainingMessage().FullName())
		if rule.Anyone() || len(paths) == 0 {
			continue
		}
		of := prove.ReadRule(rule.Field, rule, p.declaration)
		found := map[int]readCall{} // by the grant, or -1
		witnesses := p.readersOf(of)
		for _, base := range append(slices.Clone(p.admitted), p.strangersTo(of)...) {
			p.readersLike(base, rule, witnesses, found)
		}
		for _, base := range p.sampled("a call") {
			if p.judge.of(&base).code == Allowed {
				p.readersLike(base, rule, witnesses, found)
			}
		}
		for place := -1; place < len(rule.Read); place++ {
			call, ok := found[place]
			switch {
			case ok:
				p.answered(call, rule, paths, place)
			case place < 0 && p.keepsFromNone(of):
				p.noted = append(p.noted, fmt.Sprintf("everyone who is let in may read %s", rule.Field.FullName()))
			case place < 0:
				p.problemf("no call was found that is answered with %s and whose caller may not read it: %s", rule.Field.FullName(), readAdvice(p.declaration, rule))
			default:
				p.problemf("no call was found that is answered with %s which %s lets its caller read: %s",
					rule.Field.FullName(), rule.Read[place].Name, readAdvice(p.declaration, rule))
			}
		}
	}
}

// readAdvice says how to give a message with a field, and who reads it.
func readAdvice(declaration *declare.Declaration, rule *declare.FieldRule) string {
	return fmt.Sprintf("pass actiontest.WithElement with such a %s, and actiontest.WithSample(%q, …) with such a caller",
		rule.Field.ContainingMessage().FullName(), declaration.Procedure)
}

// pathsOut are the ways from the response to messages of a type, but for those through elements
// whose callers are looked at as well.
func (p *plan) pathsOut(to protoreflect.FullName) [][]protoreflect.FieldDescriptor {
	all := pathsTo(p.declaration.Method.Output(), to, nil)
	return slices.DeleteFunc(all, func(path []protoreflect.FieldDescriptor) bool {
		return slices.ContainsFunc(p.declaration.Each, func(each *declare.Each) bool {
			return len(path) >= len(each.Field) && slices.EqualFunc(path[:len(each.Field)], each.Field, func(a, b protoreflect.FieldDescriptor) bool {
				return a.FullName() == b.FullName()
			})
		})
	})
}

// A readCall is a call that is let in, and a message that it is answered with.
type readCall struct {
	call    attempt
	message proto.Message
}

// readersOf are callers and messages with the field of a rule: of each grant such as it lets
// read the field, and such as one of its conditions keeps from that.
func (p *plan) readersOf(of prove.Rule) (found []*prove.Witness) {
	add := func(witness *prove.Witness, _ *prove.Reason, err error) {
		if err == nil && witness != nil && witness.Object != nil { // what is not found is missed later
			found = append(found, witness)
		}
	}
	for i, grant := range of.Grants {
		add(p.calls.Seen(of, i))
		for j := range grant.Conditions {
			add(p.calls.UnseenBut(of, i, j))
		}
	}
	return found
}

// readersLike finds calls like one that is let in, with messages that have the field of a rule:
// one for each grant by which the caller may read it, and one where the caller may not.
func (p *plan) readersLike(base attempt, rule *declare.FieldRule, witnesses []*prove.Witness, found map[int]readCall) {
	if len(base.credentials) == 0 {
		return
	}
	items, callers := p.itemsOf(rule.Field.ContainingMessage()), p.callersLike(base)
	for _, witness := range witnesses {
		items = append(items, witness.Object)
		callers = append(callers, base.held("as one who reads", func(h *holder) {
			h.id, h.details.Roles, h.details.Scopes, h.details.Claims = witness.ID, witness.Roles, witness.Scopes, witness.Claims
		}))
	}
	for i := range items {
		items[i] = with(items[i], rule.Field)
	}
	for _, caller := range callers {
		if p.judge.of(&caller).code != Allowed {
			continue
		}
		principal, _ := p.judge.authenticate(&caller)
		input := condition.Input{Principal: principal, Now: caller.now}
		for _, item := range p.fitted(caller, items) {
			if len(found) > len(rule.Read) {
				return
			}
			place := mayRead(rule, input, item)
			if _, known := found[place]; !known && item.ProtoReflect().Has(item.ProtoReflect().Descriptor().Fields().ByName(rule.Field.Name())) {
				found[place] = readCall{caller, item}
			}
		}
	}
}

// with is a message with a field set.
func with(message proto.Message, of protoreflect.FieldDescriptor) proto.Message {
	made := proto.Clone(message)
	at := made.ProtoReflect()
	field := at.Descriptor().Fields().ByName(of.Name())
	switch {
	case at.Has(field):
	case field.IsMap():
		entries := at.Mutable(field).Map()
		entries.Set(keyOf(field.MapKey(), 0), entries.NewValue())
	case field.IsList():
		list := at.Mutable(field).List()
		list.Append(list.NewElement())
	case field.Message() != nil:
		at.Mutable(field)
	default:
		at.Set(field, someOf(field))
	}
	return made
}

// someOf is a value of a field that is not its default.
func someOf(field protoreflect.FieldDescriptor) protoreflect.Value {
	switch field.Kind() {
	case protoreflect.BoolKind:
		return protoreflect.ValueOfBool(true)
	case protoreflect.StringKind:
		return protoreflect.ValueOfString("x")
	case protoreflect.BytesKind:
		return protoreflect.ValueOfBytes([]byte("x"))
	case protoreflect.EnumKind:
		return protoreflect.ValueOfEnum(field.Enum().Values().Get(field.Enum().Values().Len() - 1).Number())
	case protoreflect.FloatKind:
		return protoreflect.ValueOfFloat32(1)
	case protoreflect.DoubleKind:
		return protoreflect.ValueOfFloat64(1)
	default:
		return countOf(field, 1)
	}
}

// answered plans a call that is answered with a message wherever it can stand, packed too, with a
// field that is not known, and as it is read after a recheck.
func (p *plan) answered(of readCall, rule *declare.FieldRule, paths [][]protoreflect.FieldDescriptor, place int) {
	difference := fmt.Sprintf("answering with %s, which its caller may not read", rule.Field.FullName())
	if place >= 0 {
		difference = fmt.Sprintf("answering with %s, which its caller may read by %s", rule.Field.FullName(), rule.Read[place].Name)
	}
	plan := func(where string, response proto.Message) attempt {
		call := of.call.but(difference+where, func(a *attempt) { a.answer = &answer{whole: response} })
		p.add(call)
		return call
	}
	for i, path := range paths {
		response := dynamicpb.NewMessage(p.declaration.Method.Output())
		put(messageAt(response, path), of.message)
		call := plan(fmt.Sprintf(", in place %d", i+1), response)
		if i > 0 {
			continue
		}
		strange := proto.Clone(response)
		messageAt(strange.ProtoReflect(), path).SetUnknown(protowire.AppendVarint(protowire.AppendTag(nil, noField, protowire.VarintType), 1))
		plan(", beside a field that is not known", strange)
		if p.judge.interval > 0 {
			p.rechecked(call, "without roles", func(a *attempt) {
				a.credentials[0].holder = a.credentials[0].holder.but(func(h *holder) { h.details.Roles = nil })
			})
			p.rechecked(call, "with every role", func(a *attempt) {
				a.credentials[0].holder = a.credentials[0].holder.but(func(h *holder) { h.details.Roles = p.roles })
			})
		}
	}
	name := of.message.ProtoReflect().Descriptor().FullName()
	if _, err := protoregistry.GlobalTypes.FindMessageByName(name); err != nil {
		return
	}
	for _, path := range p.pathsOut("google.protobuf.Any") {
		response := dynamicpb.NewMessage(p.declaration.Method.Output())
		wire, err := proto.MarshalOptions{AllowPartial: true}.Marshal(of.message)
		if err != nil {
			continue
		}
		setAny(messageAt(response, path), "type.googleapis.com/"+string(name), wire)
		plan(", packed", response)
	}
}

// put copies a message into another, which may be of another Go type.
func put(into protoreflect.Message, message proto.Message) {
	wire, err := proto.MarshalOptions{AllowPartial: true}.Marshal(message)
	if err == nil {
		err = proto.UnmarshalOptions{AllowPartial: true, Merge: true}.Unmarshal(wire, into.Interface())
	}
	if err != nil {
		panic(fmt.Sprintf("a message is not copied: %v", err))
	}
}
