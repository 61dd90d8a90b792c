package actiontest

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"
	"buf.build/go/protovalidate"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/sallyport-rpc/sallyport/internal/prove"
)

// A breach is a request that breaks a validation rule.
type breach struct {
	rule     string
	request  proto.Message
	breaking int // how many rules it breaks
}

// maxDepth is how deep in a message fields are changed.
const maxDepth = 4

// A breaker finds requests that break each validation rule of a message.
type breaker struct {
	validator protovalidate.Validator
	calls     *prove.Calls
	breaches  map[string]breach // by rule
	undecided proto.Message     // of which a rule cannot be decided; nil where none was found
}

// try notes which rules a message breaks.
func (b *breaker) try(message proto.Message) {
	err := b.validator.Validate(message)
	invalid, ok := errors.AsType[*protovalidate.ValidationError](err)
	if !ok {
		if err != nil && b.undecided == nil {
			b.undecided = message
		}
		return
	}
	if _, err := protojson.Marshal(message); err != nil {
		return // no client could send it
	}
	for _, violation := range invalid.Violations {
		rule := nameOf(violation)
		known, ok := b.breaches[rule]
		if !ok || len(invalid.Violations) < known.breaking {
			b.breaches[rule] = breach{rule, message, len(invalid.Violations)}
		}
	}
}

// list are the breaches in the order of the rules' names.
func (b *breaker) list() []breach {
	all := make([]breach, 0, len(b.breaches))
	for _, one := range b.breaches {
		all = append(all, one)
	}
	slices.SortFunc(all, func(x, y breach) int { return cmp.Compare(x.rule, y.rule) })
	return all
}

// nameOf is the rule that a violation is of: "user.name: string.min_len".
func nameOf(violation *protovalidate.Violation) string {
	elements := violation.Proto.GetField().GetElements()
	fields := make([]string, len(elements))
	for i, element := range elements {
		fields[i] = element.GetFieldName()
	}
	rule := protovalidate.FieldPathString(violation.Proto.GetRule())
	if rule == "" {
		rule = violation.Proto.GetRuleId()
	}
	if before, last, ok := lastOf(rule); ok && slices.Contains(bounds, last) {
		rule = before + side(violation)
	}
	return strings.Join(fields, ".") + ": " + rule
}

func lastOf(rule string) (before, last string, ok bool) {
	at := strings.LastIndex(rule, ".")
	return rule[:at+1], rule[at+1:], at >= 0
}

// bounds are the rules that a range is made of. A validator reports a range of two by
// either.
var bounds = []string{"gt", "gte", "lt", "lte"}

// side is the end of a range that a value is beyond.
func side(violation *protovalidate.Violation) string {
	value, bound := numberOf(violation.FieldValue), numberOf(violation.RuleValue)
	lower := strings.HasPrefix(string(violation.RuleDescriptor.Name()), "g")
	switch {
	case lower && value > bound, !lower && value >= bound:
		return "upper"
	default:
		return "lower"
	}
}

// numberOf is a number, duration or time, for comparisons.
func numberOf(value protoreflect.Value) float64 {
	switch of := value.Interface().(type) {
	case int32:
		return float64(of)
	case int64:
		return float64(of)
	case uint32:
		return float64(of)
	case uint64:
		return float64(of)
	case float32:
		return float64(of)
	case float64:
		return of
	case protoreflect.Message:
		fields := of.Descriptor().Fields()
		if seconds, nanos := fields.ByName("seconds"), fields.ByName("nanos"); seconds != nil && nanos != nil {
			return float64(of.Get(seconds).Int()) + float64(of.Get(nanos).Int())/1e9
		}
		if held := fields.ByName("value"); held != nil {
			return numberOf(of.Get(held))
		}
	}
	return math.NaN()
}

// rulesOf are the validation rules of a message, each with the names that a violation of
// it can have.
func rulesOf(message protoreflect.MessageDescriptor, prefix string, depth int) [][]string {
	if depth > maxDepth {
		return nil
	}
	var rules [][]string
	add := func(field, rule string) { rules = append(rules, []string{field + ": " + rule}) }
	own := strings.TrimSuffix(prefix, ".")
	if of, err := protovalidate.ResolveMessageRules(message); err == nil && of != nil {
		// A violation of a message's own rule names it by its id.
		for i, rule := range of.GetCel() {
			rules = append(rules, []string{own + ": " + rule.GetId(), own + ": " + fmt.Sprintf("cel[%d]", i)})
		}
		for i, expression := range of.GetCelExpression() {
			rules = append(rules, []string{own + ": " + expression, own + ": " + fmt.Sprintf("cel_expression[%d]", i)})
		}
		for range of.GetOneof() {
			add(own, "message.oneof")
		}
	}
	for i := range message.Oneofs().Len() {
		if of, err := protovalidate.ResolveOneofRules(message.Oneofs().Get(i)); err == nil && of.GetRequired() {
			add(prefix+string(message.Oneofs().Get(i).Name()), "required")
		}
	}
	for i := range message.Fields().Len() {
		field := message.Fields().Get(i)
		of, err := protovalidate.ResolveFieldRules(field)
		if err != nil || of.GetIgnore() == validate.Ignore_IGNORE_ALWAYS {
			continue
		}
		at := prefix + string(field.Name())
		rules = append(rules, fieldRules(of.ProtoReflect(), at, "")...)
		if below := held(field); below != nil && below.ParentFile().Package() != "google.protobuf" {
			rules = append(rules, rulesOf(below, at+".", depth+1)...)
		}
	}
	return rules
}

// held is the message that a field, its elements or its values are, or nil.
func held(field protoreflect.FieldDescriptor) protoreflect.MessageDescriptor {
	if field.IsMap() {
		return field.MapValue().Message()
	}
	return field.Message()
}

// fieldRules are the rules that one message of rules sets.
func fieldRules(of protoreflect.Message, at, prefix string) [][]string {
	var rules [][]string
	var ranged []string
	of.Range(func(rule protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		name := string(rule.Name())
		if rule.IsExtension() {
			name = "[" + string(rule.FullName()) + "]"
		}
		switch {
		case slices.Contains([]string{"ignore", "example", "strict"}, name): // no rules of their own
		case name == "cel" || name == "cel_expression":
			for i := range value.List().Len() {
				rules = append(rules, []string{fmt.Sprintf("%s: %s%s[%d]", at, prefix, name, i)})
			}
		case slices.Contains(bounds, name):
			ranged = append(ranged, name)
		case rule.Message() != nil && !rule.IsList() && rule.Message().ParentFile().Package() == "buf.validate":
			rules = append(rules, fieldRules(value.Message(), at, prefix+name+".")...)
		case rule.Kind() == protoreflect.BoolKind && !value.Bool() && name != "const": // switched off
		default:
			rules = append(rules, []string{at + ": " + prefix + name})
		}
		return true
	})
	return append(rules, rangeRules(of, ranged, at+": "+prefix)...)
}

// rangeRules are the ends of a range. One that leaves out what is between its bounds has one
// side, which is called by either.
func rangeRules(of protoreflect.Message, ranged []string, prefix string) [][]string {
	var low, high string
	for _, name := range ranged {
		if strings.HasPrefix(name, "g") {
			low = name
		} else {
			high = name
		}
	}
	value := func(name string) float64 {
		return numberOf(of.Get(of.Descriptor().Fields().ByName(protoreflect.Name(name))))
	}
	switch {
	case low != "" && high != "" && value(low) >= value(high):
		return [][]string{{prefix + "lower", prefix + "upper"}}
	case low != "" && high != "":
		return [][]string{{prefix + "lower"}, {prefix + "upper"}}
	case low != "":
		return [][]string{{prefix + "lower"}}
	case high != "":
		return [][]string{{prefix + "upper"}}
	default:
		return nil
	}
}
