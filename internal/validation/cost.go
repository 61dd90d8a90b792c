package validation

import (
	"fmt"
	"maps"
	"math"
	"slices"

	"buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"
	"buf.build/go/protovalidate"
	pvcel "buf.build/go/protovalidate/cel"
	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/cost"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"
)

// What a message may hold by the defaults of a server, which is what a rule may have to
// look at where no rule says less.
const (
	messageBytes    = 4 << 20
	messageElements = 100_000
)

// mostCost is what a rule in CEL may cost at worst, in CEL's units. It takes about a
// second of a processor; a look at each of the elements that a message may hold costs a
// tenth of it.
const mostCost = 10_000_000

// A DearRule is a rule in CEL that is too dear at worst.
type DearRule struct {
	// On is the field or the message that the rule stands on, and ID its id.
	On protoreflect.Descriptor
	ID string
	// Fixes are rules to write that bound what it looks at, or ways to look at less.
	Fixes []string
}

// Dear returns the rules in CEL of a message's type, and of all that it holds, whose
// worst case costs too much: by CEL's own estimate, at the sizes that other rules allow
// and else at those of the largest message. A rule that does not compile is left out,
// since [Validators.For] says so. Predefined rules count where they are used; those of
// protovalidate itself look at a value once.
func (v *Validators) Dear(message protoreflect.MessageDescriptor) ([]DearRule, error) {
	if v.costs == nil {
		environment, err := cel.NewEnv(cel.Lib(pvcel.NewLibrary()))
		if err != nil {
			return nil, err
		}
		v.costs = &costs{environment: environment, known: map[protoreflect.MessageDescriptor][]DearRule{}}
	}
	seen := map[protoreflect.MessageDescriptor]bool{}
	var dear []DearRule
	v.costs.reach(message, seen, &dear)
	return dear, nil
}

// costs remembers what the rules of messages cost.
type costs struct {
	environment *cel.Env
	known       map[protoreflect.MessageDescriptor][]DearRule
}

func (c *costs) reach(message protoreflect.MessageDescriptor, seen map[protoreflect.MessageDescriptor]bool, dear *[]DearRule) {
	if seen[message] {
		return
	}
	seen[message] = true
	known, ok := c.known[message]
	if !ok {
		known = c.of(message)
		c.known[message] = known
	}
	*dear = append(*dear, known...)
	for i := range message.Fields().Len() {
		field := message.Fields().Get(i)
		if field.IsMap() {
			field = field.MapValue()
		}
		if within := field.Message(); within != nil {
			c.reach(within, seen, dear)
		}
	}
}

// of returns the rules of one message that are too dear.
func (c *costs) of(message protoreflect.MessageDescriptor) []DearRule {
	var dear []DearRule
	rules, err := protovalidate.ResolveMessageRules(message)
	if err == nil {
		this := holder{message: message}
		dear = append(dear, c.rules(message, this, rules.GetCel(), rules.GetCelExpression(), func() []cel.EnvOption {
			return []cel.EnvOption{
				cel.Types(dynamicpb.NewMessage(message)),
				cel.Variable("this", cel.ObjectType(string(message.FullName()))),
			}
		})...)
	}
	for i := range message.Fields().Len() {
		field := message.Fields().Get(i)
		rules, err := protovalidate.ResolveFieldRules(field)
		if err != nil || ignored(rules) {
			continue
		}
		dear = append(dear, c.field(field, rules)...)
	}
	return dear
}

// field returns the rules of a field, of its elements, and of its keys and values, that
// are too dear.
func (c *costs) field(field protoreflect.FieldDescriptor, rules *validate.FieldRules) []DearRule {
	find := func(this holder, on protoreflect.FieldDescriptor, forItems bool, rules *validate.FieldRules) []DearRule {
		dear := c.rules(field, this, rules.GetCel(), rules.GetCelExpression(), func() []cel.EnvOption {
			return append(pvcel.RequiredEnvOptions(on), cel.Variable("this", pvcel.ProtoFieldToType(on, false, forItems)))
		})
		return append(dear, c.predefined(field, this, on, forItems, rules)...)
	}
	dear := find(holder{field: field, rules: rules, whole: true}, field, false, rules)
	switch {
	case field.IsMap():
		dear = append(dear, find(holder{field: field.MapKey(), rules: rules.GetMap().GetKeys()}, field.MapKey(), false, rules.GetMap().GetKeys())...)
		dear = append(dear, find(holder{field: field.MapValue(), rules: rules.GetMap().GetValues()}, field.MapValue(), false, rules.GetMap().GetValues())...)
	case field.IsList():
		dear = append(dear, find(holder{field: field, rules: rules.GetRepeated().GetItems()}, field, true, rules.GetRepeated().GetItems())...)
	}
	return dear
}

// rules returns those of some rules that are too dear.
func (c *costs) rules(on protoreflect.Descriptor, this holder, rules []*validate.Rule, expressions []string, options func() []cel.EnvOption) []DearRule {
	for _, expression := range expressions {
		rules = append(rules, validate.Rule_builder{Id: &expression, Expression: &expression}.Build())
	}
	if len(rules) == 0 {
		return nil
	}
	environment, err := c.environment.Extend(options()...)
	if err != nil {
		return nil
	}
	var dear []DearRule
	for _, rule := range rules {
		ast, issues := environment.Compile(rule.GetExpression())
		if issues.Err() != nil {
			continue
		}
		unbounded := map[string]bool{}
		worst := estimate(environment, ast, this, unbounded, "")
		if worst <= mostCost {
			continue
		}
		// Those help that make a difference.
		var fixes []string
		for _, fix := range slices.Sorted(maps.Keys(unbounded)) {
			if estimate(environment, ast, this, map[string]bool{}, fix) < worst/10 {
				fixes = append(fixes, fix)
			}
		}
		if len(fixes) == 0 {
			fixes = []string{"lower the limits of what it looks at, or write it as a check in Go"}
		}
		dear = append(dear, DearRule{On: on, ID: rule.GetId(), Fixes: fixes})
	}
	return dear
}

// estimate returns what an expression costs at worst, and adds the rules that would bound
// what it looks at to unbounded. One of those can be assumed to be written.
func estimate(environment *cel.Env, ast *cel.Ast, this holder, unbounded map[string]bool, assumed string) uint64 {
	var worst uint64
	// All of a message lies in many small values, or in one large one.
	for _, large := range []bool{false, true} {
		estimator := &estimator{this: this, large: large, unbounded: unbounded, assumed: assumed}
		estimate, err := environment.EstimateCost(ast, estimator)
		if err != nil {
			return math.MaxUint64
		}
		worst = max(worst, estimate.Max)
	}
	return worst
}

// A holder is a value that an expression reads: a message, a field as a whole, or an
// element, key or value of one.
type holder struct {
	message protoreflect.MessageDescriptor
	field   protoreflect.FieldDescriptor
	rules   *validate.FieldRules
	whole   bool // the list or map, not what is in it
	// used is the size in bytes of what a predefined rule is used with.
	used uint64
}

// step returns what a name in a path leads to: a field, or "@items", "@keys", "@values".
func (h holder) step(name string) (holder, bool) {
	switch name {
	case "@items":
		return holder{field: h.field, rules: h.rules.GetRepeated().GetItems()}, h.whole && h.field.IsList()
	case "@keys":
		return holder{field: h.field.MapKey(), rules: h.rules.GetMap().GetKeys()}, h.whole && h.field.IsMap()
	case "@values":
		return holder{field: h.field.MapValue(), rules: h.rules.GetMap().GetValues()}, h.whole && h.field.IsMap()
	}
	message := h.message
	if message == nil && !h.many() {
		message = h.field.Message()
	}
	if message == nil {
		return holder{}, false
	}
	field := message.Fields().ByName(protoreflect.Name(name))
	if field == nil {
		return holder{}, false
	}
	rules, err := protovalidate.ResolveFieldRules(field)
	return holder{field: field, rules: rules, whole: true}, err == nil
}

// many reports whether the value is a list or a map.
func (h holder) many() bool {
	return h.field != nil && h.whole && (h.field.IsList() || h.field.IsMap())
}

// size returns how large the value can be, given how much of a message is left for it,
// and the rule to write where none says less.
func (h holder) size(bytes, elements uint64) (most uint64, fix string) {
	if h.field == nil {
		return messageSize(h.message, elements), ""
	}
	name := string(h.field.FullName())
	pick := func(limits []limit, left uint64, fix string) (uint64, string) {
		most := left
		for _, limit := range limits {
			if limit.most <= most {
				most, fix = limit.most, ""
			}
		}
		if fix == "" {
			return most, ""
		}
		return most, fmt.Sprintf("(buf.validate.field).%s on %s", fix, name)
	}
	switch {
	case h.many() && h.field.IsMap():
		return pick(wholeLimits(h.field, h.rules), elements, "map.max_pairs")
	case h.many():
		return pick(wholeLimits(h.field, h.rules), elements, "repeated.max_items")
	}
	within := ""
	if !h.whole {
		if within = "repeated.items."; h.field.ContainingMessage().IsMapEntry() {
			within = "map.values."
			if h.field.Number() == 1 {
				within = "map.keys."
			}
			name = string(mapOf(h.field.ContainingMessage()).FullName())
		}
	}
	switch h.field.Kind() {
	case protoreflect.StringKind:
		return pick(valueLimits(h.field, h.rules, nil), bytes, within+"string.max_len")
	case protoreflect.BytesKind:
		return pick(valueLimits(h.field, h.rules, nil), bytes, within+"bytes.max_len")
	case protoreflect.MessageKind, protoreflect.GroupKind:
		return messageSize(h.field.Message(), elements), ""
	default:
		return 1, ""
	}
}

// messageSize returns how much a comparison of a message looks at, at most.
func messageSize(message protoreflect.MessageDescriptor, elements uint64) uint64 {
	fields := message.Fields()
	for i := range fields.Len() {
		field := fields.Get(i)
		if field.IsList() || field.IsMap() || field.Message() != nil || field.Kind() == protoreflect.StringKind || field.Kind() == protoreflect.BytesKind {
			return elements
		}
	}
	return uint64(max(fields.Len(), 1))
}

// mapOf returns the field whose entries are of a type.
func mapOf(entry protoreflect.MessageDescriptor) protoreflect.FieldDescriptor {
	parent, ok := entry.Parent().(protoreflect.MessageDescriptor)
	if !ok {
		return entry.Fields().Get(0) // no map has such entries
	}
	for i := range parent.Fields().Len() {
		if field := parent.Fields().Get(i); field.Message() == entry {
			return field
		}
	}
	return entry.Fields().Get(0)
}

// An estimator tells CEL how large the values that a rule reads can be. What lies in a
// list shares the message with the list's other elements; where large is set, the lists
// that hold others have one element instead, which takes all of it.
type estimator struct {
	this      holder
	large     bool
	unbounded map[string]bool // the rules to write where none bounds what is read
	assumed   string          // one of them that is taken as written
}

// assumedMost is what a rule is assumed to allow that is taken as written.
const assumedMost = 100

// size returns how large a value of the message can be.
func (e *estimator) size(of holder, bytes, elements uint64) uint64 {
	most, fix := of.size(bytes, elements)
	switch fix {
	case "":
	case e.assumed:
		most = min(most, assumedMost)
	default:
		e.unbounded[fix] = true
	}
	return most
}

// EstimateSize implements [cost.Estimator].
func (e *estimator) EstimateSize(node cost.AstNode) *cost.SizeEstimate {
	path := node.Path()
	switch {
	case len(path) > 0 && (path[0] == "rule" || path[0] == "rules"):
		// What a predefined rule is used with, which is at most as large as all of it.
		return &cost.SizeEstimate{Min: 0, Max: e.this.used}
	case len(path) == 0 || path[0] != "this":
		return nil
	}
	here, bytes, elements := e.this, uint64(messageBytes), uint64(messageElements)
	for _, name := range path[1:] {
		if here.many() {
			shares := max(e.size(here, bytes, elements), 1)
			if e.large {
				shares = 1
			}
			bytes, elements = max(bytes/shares, 1), max(elements/shares, 1)
		}
		next, ok := here.step(name)
		if !ok {
			return nil
		}
		here = next
	}
	return &cost.SizeEstimate{Min: 0, Max: e.size(here, bytes, elements)}
}

// EstimateCallCost implements [cost.Estimator]. The functions that protovalidate adds
// look at a text or a list once.
func (e *estimator) EstimateCallCost(function, _ string, target *cost.AstNode, arguments []cost.AstNode) *cost.CallEstimate {
	switch function {
	case "isEmail", "isHostname", "isHostAndPort", "isIp", "isIpPrefix", "isUri", "isUriRef", "unique":
	default:
		return nil
	}
	of := arguments
	if target != nil {
		of = append([]cost.AstNode{*target}, arguments...)
	}
	var most uint64 = 1
	for _, argument := range of {
		if size := argument.ComputedSize(); size != nil {
			most = max(most, size.Max)
		} else if size := e.EstimateSize(argument); size != nil {
			most = max(most, size.Max)
		}
	}
	return &cost.CallEstimate{CostEstimate: cost.Estimate{Min: 1, Max: most}}
}
