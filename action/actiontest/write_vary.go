package actiontest

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/sallyport-rpc/sallyport/action/event"
	"github.com/sallyport-rpc/sallyport/internal/declare"
	"github.com/sallyport-rpc/sallyport/internal/prove"
)

// writing are calls that write guarded fields, of callers who may and who may not.
func (p *plan) writing() {
	if p.declaration.Writing == nil {
		return
	}
	for _, rule := range p.declaration.Writing.Rules {
		if rule.AnyoneWrites() {
			continue
		}
		var allowed, refused bool
		seen := map[string]bool{}
		for _, call := range p.writesOf(rule) {
			want := p.judge.of(&call.attempt)
			if want.code != Allowed && want.stage != event.StageWrite {
				continue // it is kept out by something else
			}
			may, decided := p.decidedOf(&call.attempt, rule)
			allowed = allowed || decided && may && want.code == Allowed
			refused = refused || decided && !may
			if kind := fmt.Sprint(call.how, want.code, may, decided); !seen[kind] {
				seen[kind] = true
				p.add(call.attempt)
				p.later(call.attempt)
			}
		}
		if !allowed {
			p.problemf("no call was found that writes %s and may: %s", rule.Field.FullName(), sampleAdvice(p.declaration, "that does"))
		}
		if !refused && p.allMayWrite(rule) {
			p.noted = append(p.noted, fmt.Sprintf("everyone who is let in may write %s", rule.Field.FullName()))
		} else if !refused {
			p.problemf("no call was found that writes %s and may not: %s", rule.Field.FullName(), sampleAdvice(p.declaration, "that does"))
		}
	}
}

// allMayWrite reports whether it is proved that everyone who is let in may write a field.
func (p *plan) allMayWrite(rule *declare.FieldRule) bool {
	of, ok := prove.WriteRule(rule, p.declaration)
	return ok && p.keepsFromNone(of)
}

// later plans the same as the second message of a stream.
func (p *plan) later(call attempt) {
	if !p.declaration.Method.IsStreamingClient() {
		return
	}
	p.add(call.but("with the second message", func(a *attempt) {
		a.requests = []proto.Message{p.admitted[0].requests[0], a.requests[0]}
	}))
}

// decidedOf says whether a call may write the field of a rule; decided is false where it does
// not write it.
func (p *plan) decidedOf(a *attempt, rule *declare.FieldRule) (may, decided bool) {
	principal, code := p.judge.authenticate(a)
	if code != Allowed {
		return false, false
	}
	_, w := p.judge.written(principal, p.judge.resource(a, a.requests[0]), a.now, a.requests[0])
	may, decided = w.decided[rule.Field.FullName()]
	return may, decided
}

// A writingCall is a call that writes, and how it does.
type writingCall struct {
	attempt

	how string
}

// writesOf are the samples, and calls that write the field of a rule, with it set, emptied,
// named by a mask or not, of those who are let in, with every role and with none.
func (p *plan) writesOf(rule *declare.FieldRule) []writingCall {
	var all []writingCall
	for _, given := range p.sampled("a call") {
		all = append(all, writingCall{given, " as in a sample"})
	}
	bases := slices.Clone(p.admitted)
	if of, ok := prove.WriteRule(rule, p.declaration); ok {
		bases = append(bases, p.strangersTo(of)...)
	}
	for _, base := range bases {
		callers := p.callersLike(base)
		for _, path := range pathsTo(p.declaration.Method.Input(), rule.Field.ContainingMessage().FullName(), nil) {
			for _, request := range p.writesBy(base, rule, path) {
				for _, caller := range callers {
					call := caller.but("writing "+string(rule.Field.FullName())+request.how, func(a *attempt) { a.requests = []proto.Message{request.message} })
					all = append(all, writingCall{call, request.how})
				}
			}
		}
	}
	return all
}

// callersLike are a call as it is, with every role and with none.
func (p *plan) callersLike(base attempt) []attempt {
	callers := []attempt{base}
	if p.declaration.Anonymous() {
		return callers
	}
	for _, roles := range [][]string{p.roles, nil} {
		callers = append(callers, base.held(fmt.Sprintf("with roles %q", roles), func(h *holder) { h.details.Roles = roles }))
	}
	return callers
}

// A writingRequest is a request that writes, and how it does.
type writingRequest struct {
	message proto.Message
	how     string
}

// writesBy are the request of a call with a field set, and emptied, at a path, each by masks
// that name it in several ways, where there is one.
func (p *plan) writesBy(base attempt, rule *declare.FieldRule, path []protoreflect.FieldDescriptor) []writingRequest {
	texts := append([]string{base.credentials[0].holder.id, "another"}, literals(rule)...)
	texts = append(texts, textsOf(base.requests[0].ProtoReflect())...)
	changes := []func(protoreflect.Message){func(in protoreflect.Message) { in.Clear(rule.Field) }}
	for _, value := range valuesFor(rule.Field, texts, base.now) {
		changes = append(changes, func(in protoreflect.Message) { in.Set(rule.Field, value(in)) })
	}
	if rule.Field.Message() != nil && !rule.Field.IsList() && !rule.Field.IsMap() {
		changes = append(changes, func(in protoreflect.Message) { in.Mutable(rule.Field) })
	}
	if oneof := rule.Field.ContainingOneof(); oneof != nil && !oneof.IsSynthetic() {
		for i := range oneof.Fields().Len() {
			other := oneof.Fields().Get(i)
			changes = append(changes, func(in protoreflect.Message) { in.Set(other, in.NewField(other)) })
		}
	}
	var all []writingRequest
	for i, change := range changes {
		made := proto.Clone(base.requests[0])
		change(messageAt(made.ProtoReflect(), path))
		how := ""
		if i == 0 {
			how = ", which is emptied"
		}
		for _, masked := range p.maskedBy(made, rule, path) {
			masked.how = how + masked.how
			if p.judge.valid(masked.message) {
				all = append(all, masked)
			}
		}
	}
	return all
}

// maskedBy are a request with masks that name the field at a path in several ways, or the
// request where no mask is beside what leads there.
func (p *plan) maskedBy(request proto.Message, rule *declare.FieldRule, path []protoreflect.FieldDescriptor) []writingRequest {
	at := slices.IndexFunc(path, func(field protoreflect.FieldDescriptor) bool { return p.judge.maskOf(field) != nil })
	if at < 0 {
		return []writingRequest{{request, ""}}
	}
	var names []string
	for _, field := range append(slices.Clone(path[at+1:]), rule.Field) {
		names = append(names, string(field.Name()))
		if field.IsList() || field.IsMap() {
			break // a mask does not lead further
		}
	}
	masks := map[string][]string{
		", named by the mask": {strings.Join(names, ".")}, ", with a mask of all": {"*"}, ", with an empty mask": nil,
		", with a mask that leads nowhere": {"no_such_field"},
	}
	for i := 1; i < len(names); i++ {
		masks[", named with "+strings.Join(names[:i], ".")] = []string{strings.Join(names[:i], ".")}
	}
	fields := declare.MessageIn(path[at]).Fields()
	for i := range fields.Len() {
		if other := fields.Get(i); string(other.Name()) != names[0] && p.judge.ruleOf(other) == nil && declare.MessageIn(other) == nil {
			masks[", and not named by the mask"] = []string{string(other.Name())}
		}
	}
	var all []writingRequest
	for _, how := range slices.Sorted(maps.Keys(masks)) {
		made := proto.Clone(request)
		setMask(messageAt(made.ProtoReflect(), path[:at]).Mutable(p.judge.maskOf(path[at])).Message(), masks[how]...)
		all = append(all, writingRequest{made, how})
	}
	return all
}

// mostPaths is on how many ways to a field it is written at most.
const mostPaths = 8

// pathsTo are the fields that lead from a message to one of a type, on each way that passes no
// message twice.
func pathsTo(of protoreflect.MessageDescriptor, to protoreflect.FullName, before []protoreflect.FieldDescriptor) [][]protoreflect.FieldDescriptor {
	var all [][]protoreflect.FieldDescriptor
	if of.FullName() == to {
		all = append(all, before)
	}
	for i := range of.Fields().Len() {
		next := of.Fields().Get(i)
		within := declare.MessageIn(next)
		again := within != nil && slices.ContainsFunc(before, func(had protoreflect.FieldDescriptor) bool {
			return had.ContainingMessage().FullName() == within.FullName()
		})
		if within == nil || again || within.FullName() == of.FullName() || len(all) >= mostPaths {
			continue
		}
		all = append(all, pathsTo(within, to, append(slices.Clone(before), next))...)
	}
	return all[:min(len(all), mostPaths)]
}

// messageAt is the message that fields lead to, made where it is not there: of a list or a map
// the first.
func messageAt(message protoreflect.Message, path []protoreflect.FieldDescriptor) protoreflect.Message {
	for _, field := range path {
		switch {
		case field.IsMap():
			var found protoreflect.Message
			entries := message.Mutable(field).Map()
			entries.Range(func(_ protoreflect.MapKey, value protoreflect.Value) bool {
				found = value.Message()
				return false
			})
			if found == nil {
				found = entries.Mutable(keyOf(field.MapKey(), 0)).Message()
			}
			message = found
		case field.IsList():
			list := message.Mutable(field).List()
			if list.Len() == 0 {
				list.AppendMutable()
			}
			message = list.Get(0).Message()
		default:
			message = message.Mutable(field).Message()
		}
	}
	return message
}

// literal is a text in an expression.
var literal = regexp.MustCompile(`'([^'\\]*)'|"([^"\\]*)"`)

// literals are the texts that the grants of a rule compare with.
func literals(rule *declare.FieldRule) []string {
	var texts []string
	for _, grant := range rule.Write {
		for _, of := range grant.Conditions {
			for _, found := range literal.FindAllStringSubmatch(of.String(), -1) {
				texts = append(texts, found[1]+found[2])
			}
		}
	}
	return texts
}
