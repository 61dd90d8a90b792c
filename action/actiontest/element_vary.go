package actiontest

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/sallyport-rpc/sallyport/internal/condition"
	"github.com/sallyport-rpc/sallyport/internal/declare"
	"github.com/sallyport-rpc/sallyport/internal/prove"
)

// elements are calls that answer with elements: for each grant by which they are seen with
// such, with others behind them, with a total that is too small, and as they are seen after a
// recheck.
func (p *plan) elements() {
	for _, each := range p.declaration.Each {
		shown, hidden := map[int]bool{}, map[string]attempt{}
		all := p.elementsOf(each)
		for _, call := range all {
			p.showing(call, shown, hidden)
		}
		for _, why := range slices.Sorted(maps.Keys(hidden)) {
			p.unseen(hidden[why], p.seenBy(hidden[why], all))
		}
		for i, grant := range each.Grants {
			if !shown[i] {
				p.problemf("no call was found that answers with one of %s which %s lets its caller see: %s", each.Name, grant.Name, elementAdvice(each))
			}
		}
		if len(hidden) == 0 && p.keepsFromNone(p.elementRule(each)) {
			p.noted = append(p.noted, "everyone who is let in may see every one of "+each.Name)
		} else if len(hidden) == 0 {
			p.problemf("no call was found that answers with one of %s which its caller may not see: %s", each.Name, elementAdvice(each))
		}
	}
}

// seenBy are elements that the caller of a call sees.
func (p *plan) seenBy(call attempt, all []attempt) []proto.Message {
	var seen []proto.Message
	for _, other := range all {
		call.answer = other.answer
		if p.judge.of(&call).code == Allowed {
			return append(seen, other.answer.items...)
		}
	}
	return seen
}

// elementAdvice says how to give an element.
func elementAdvice(each *declare.Each) string {
	return fmt.Sprintf("pass actiontest.WithElement with such a %s, and actiontest.WithSample with such a caller", each.Item.FullName())
}

// elementRule is which elements a caller may see.
func (p *plan) elementRule(each *declare.Each) prove.Rule {
	return prove.Rule{
		Name: p.declaration.Procedure + " each " + each.Name, Subject: condition.Subject{Name: condition.ItemName, Type: each.Item},
		Grants: each.Grants, Within: p.declaration, OfRequest: true,
	}
}

// elementsOf are calls that are let in, each answering with one element, which its caller may
// see or not.
func (p *plan) elementsOf(each *declare.Each) []attempt {
	rule := p.elementRule(each)
	var all []attempt
	items := p.itemsOf(each.Item)
	found := func(witness *prove.Witness, _ *prove.Reason, err error) {
		if err != nil || witness == nil || witness.Object == nil {
			return // what is not found is missed later
		}
		items = append(items, witness.Object)
		if call := p.attemptOf("a call", witness); len(call.requests) > 0 && p.judge.of(&call).code == Allowed {
			all = append(all, answering(call, each, witness.Object))
		}
	}
	for i, grant := range each.Grants {
		found(p.calls.Seen(rule, i))
		for j := range grant.Conditions {
			found(p.calls.UnseenBut(rule, i, j))
		}
	}
	long := swollen(items)
	for _, base := range p.admitted {
		for _, item := range append(p.fitted(base, items), long...) {
			all = append(all, answering(base, each, item))
		}
	}
	// A grant may be of callers that only a sample has: those of a role in a map of claims.
	for _, base := range p.sampled("a call") {
		if len(base.credentials) == 0 || base.credentials[0].scheme != p.declaration.Schemes[0] || p.judge.of(&base).code != Allowed {
			continue
		}
		for _, item := range items {
			all = append(all, answering(base, each, item))
		}
	}
	return all
}

// itemsOf are messages of a type: one with nothing set, and those that the test gives.
func (p *plan) itemsOf(kind protoreflect.MessageDescriptor) []proto.Message {
	items := []proto.Message{dynamicpb.NewMessage(kind)}
	add := func(given proto.Message) {
		if given.ProtoReflect().Descriptor().FullName() == kind.FullName() {
			items = append(items, given)
		}
	}
	for _, item := range p.items {
		add(item)
	}
	for _, given := range p.objects {
		add(given.object)
	}
	return items
}

// answering is a call that answers with elements.
func answering(base attempt, each *declare.Each, items ...proto.Message) attempt {
	base.answer = &answer{each: each, items: items}
	return base
}

// swollen are elements like others of which one list is so long that a rule which looks at each
// of its values, or at each two of them, may cost too much to be decided.
func swollen(items []proto.Message) (all []proto.Message) {
	for _, item := range items {
		fields := item.ProtoReflect().Descriptor().Fields()
		for i := range fields.Len() {
			if field := fields.Get(i); field.IsList() && field.Kind() == protoreflect.StringKind {
				for _, long := range []int{1_000, 60_000} {
					made := proto.Clone(item)
					list := made.ProtoReflect().Mutable(field).List()
					for range long {
						list.Append(protoreflect.ValueOfString("x"))
					}
					all = append(all, made)
				}
			}
		}
	}
	return all
}

// mostFitted is how many elements are tried at most for one call.
const mostFitted = 2_000

// fitted are elements, and those like them of which one field or two have a value of the call.
func (p *plan) fitted(base attempt, items []proto.Message) []proto.Message {
	all := slices.Clone(items)
	texts := append(make([]string, 0, len(base.requests)+2), base.credentials[0].holder.id, "another")
	for _, request := range base.requests {
		texts = append(texts, textsOf(request.ProtoReflect())...)
	}
	for next, rounds := items, 0; rounds < 2; rounds++ {
		var made []proto.Message
		for _, item := range next {
			fields := item.ProtoReflect().Descriptor().Fields()
			for i := range fields.Len() {
				field := fields.Get(i)
				for _, value := range valuesFor(field, texts, base.now) {
					if len(all)+len(made) >= mostFitted {
						return append(all, made...)
					}
					changed := proto.Clone(item)
					changed.ProtoReflect().Set(changed.ProtoReflect().Descriptor().Fields().ByName(field.Name()), value(changed.ProtoReflect()))
					made = append(made, changed)
				}
			}
		}
		all, next = append(all, made...), made
	}
	return all
}

// valuesFor are values for a field: the texts, what its rules are written with, and times
// before and after one.
func valuesFor(field protoreflect.FieldDescriptor, texts []string, now time.Time) (all []func(in protoreflect.Message) protoreflect.Value) {
	if field.IsMap() {
		return nil
	}
	add := func(value protoreflect.Value) {
		all = append(all, func(in protoreflect.Message) protoreflect.Value {
			if !field.IsList() {
				return value
			}
			list := in.NewField(in.Descriptor().Fields().ByName(field.Name()))
			list.List().Append(value)
			return list
		})
	}
	switch {
	case field.Kind() == protoreflect.StringKind:
		for _, text := range texts {
			add(protoreflect.ValueOfString(text))
		}
	case field.Message() != nil && field.Message().FullName() == "google.protobuf.Timestamp" && !field.IsList():
		for _, at := range []time.Time{now.Add(-time.Hour), now.Add(time.Hour)} {
			all = append(all, func(in protoreflect.Message) protoreflect.Value {
				made := in.NewField(in.Descriptor().Fields().ByName(field.Name()))
				fields := made.Message().Descriptor().Fields()
				made.Message().Set(fields.ByName("seconds"), protoreflect.ValueOfInt64(at.Unix()))
				return made
			})
		}
	case field.Message() == nil:
		for _, value := range prove.Values(field) {
			add(value)
		}
	}
	return all
}

// showing plans a call that answers with one element, unless there is one like it. shown and
// hidden are the kinds that there are: the grants by which elements are seen, and what kept
// others from being seen.
func (p *plan) showing(call attempt, shown map[int]bool, hidden map[string]attempt) {
	each, item := call.answer.each, call.answer.items[0]
	principal, code := p.judge.authenticate(&call)
	if code != Allowed || principal == nil {
		return
	}
	with := condition.Input{Principal: principal, Now: call.now}
	if !p.isOpen() {
		with.Request = call.requests[0]
	}
	if by, _ := call.sees(with, item); by >= 0 {
		if !shown[by] {
			shown[by] = true
			p.shown(call.but(fmt.Sprintf("answering with one of %s that %s shows", each.Name, each.Grants[by].Name), func(*attempt) {}))
		}
		return
	}
	why := call.missing(with, item)
	if _, known := hidden[why]; !known {
		hidden[why] = call.but(fmt.Sprintf("answering with one of %s that is hidden: %s", each.Name, why), func(*attempt) {})
	}
}

// missing says what keeps an element from being seen: a grant that cannot be decided, the one
// condition of a grant that does not hold, or that no grant does.
func (a attempt) missing(with condition.Input, item proto.Message) string {
	with.Subject = item
	for _, grant := range a.answer.each.Grants {
		held, undecided := hold(grant.Conditions, &with, a.answers)
		if undecided {
			return grant.Name + " cannot be decided"
		}
		at := slices.Index(held, false)
		held[at] = true
		if !slices.Contains(held, false) {
			return "all but " + grant.Conditions[at].String() + " of " + grant.Name
		}
	}
	return "no grant holds"
}

// shown plans a call that answers with an element that its caller sees, and its neighbours.
func (p *plan) shown(call attempt) {
	p.add(call)
	p.unrelated(call)
	if call.answer.each.Total != nil {
		p.add(call.but("and a total of one less", func(a *attempt) {
			short := *a.answer
			short.short, a.answer = true, &short
		}))
	}
	if p.judge.interval == 0 {
		return
	}
	p.rechecked(call, "with nothing changed", func(*attempt) {})
	for difference, change := range map[string]func(*holder){
		"without roles":  func(h *holder) { h.details.Roles = nil },
		"without scopes": func(h *holder) { h.details.Scopes = nil },
		"without claims": func(h *holder) { h.details.Claims = nil },
	} {
		p.rechecked(call, difference, func(a *attempt) { a.credentials[0].holder = a.credentials[0].holder.but(change) })
	}
}

// unrelated are calls like one that answers with an element which its caller sees by a relation,
// whose relation engine says no, and fails.
func (p *plan) unrelated(call attempt) {
	for _, grant := range call.answer.each.Grants {
		asked := relationIn(grant)
		if asked == "" || !call.answers[asked] {
			continue
		}
		p.add(call.but("and "+asked+" is not so", func(a *attempt) { a.answers[asked] = false }))
		for fault := asksWell + 1; fault < askFaultsN; fault++ {
			p.add(p.failed(call, failing{asked: asked, fault: fault}))
		}
		if p.judge.interval != 0 {
			p.rechecked(call, "and "+asked+" is not so", func(a *attempt) { a.answers[asked] = false })
		}
	}
}

// unseen plans a call that answers with an element that its caller does not see: by itself, and
// before and behind those that the caller sees.
func (p *plan) unseen(call attempt, seen []proto.Message) {
	p.add(call)
	if p.judge.interval != 0 {
		p.rechecked(call, "with nothing changed", func(*attempt) {})
		for _, caller := range p.callersLike(call) {
			if p.judge.of(&caller).code == Allowed {
				p.rechecked(caller, "without roles", func(a *attempt) {
					a.credentials[0].holder = a.credentials[0].holder.but(func(h *holder) { h.details.Roles = nil })
				})
			}
		}
	}
	field := call.answer.each.Field
	if len(seen) == 0 || !field[len(field)-1].IsList() {
		return
	}
	item := call.answer.items[0]
	p.add(answering(call.but("behind one that is not", func(*attempt) {}), call.answer.each, seen[0], item))
	p.add(answering(call.but("before one that is not", func(*attempt) {}), call.answer.each, item, seen[0]))
}
