package prove

import (
	"fmt"
	"math/big"
	"regexp/syntax"
	"strconv"
	"strings"

	"buf.build/go/protovalidate"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// A pool makes texts of one form, each another.
type pool func(i int) string

// pools are the forms that fresh strings are tried in. The first is taken where the
// validation rules accept several.
var pools = []pool{
	func(i int) string { return fmt.Sprintf("00000000-0000-4000-8000-%012x", i+1) },
	func(i int) string { return fmt.Sprintf("x%d", i+1) },
	func(i int) string { return fmt.Sprintf("X%d", i+1) },
	func(i int) string { return strconv.Itoa(i + 1) },
	func(i int) string { return fmt.Sprintf("x%d@example.com", i+1) },
	func(i int) string { return fmt.Sprintf("x%d.example.com", i+1) },
	func(i int) string { return fmt.Sprintf("https://example.com/x%d", i+1) },
	func(i int) string { return fmt.Sprintf("192.0.2.%d", i+1) },
}

// maxText is how long a text is at most that a rule asks for.
const maxText = 10_000

// padded is a pool of texts of a length.
func padded(length int) pool {
	return func(i int) string { return fmt.Sprintf("x%0*d", max(1, length-1), i+1) }
}

// A ruleValues are the texts and numbers that the validation rules of a field are written
// with.
type ruleValues struct {
	texts    []string
	patterns []*syntax.Regexp
	numbers  []*big.Int
}

// rulesOf returns what the rules of a field are written with. What cannot be read is left
// out: the values are tried, and none is relied on.
func rulesOf(field protoreflect.FieldDescriptor) *ruleValues {
	found := &ruleValues{}
	if rules, err := protovalidate.ResolveFieldRules(field); err == nil && rules != nil {
		found.add(rules.ProtoReflect())
	}
	return found
}

func (r *ruleValues) add(rules protoreflect.Message) {
	rules.Range(func(field protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		switch {
		case field.IsMap(), field.Name() == "cel":
		case field.IsList():
			for i := range value.List().Len() {
				r.addValue(field, value.List().Get(i))
			}
		default:
			r.addValue(field, value)
		}
		return true
	})
}

func (r *ruleValues) addValue(field protoreflect.FieldDescriptor, value protoreflect.Value) {
	switch of := value.Interface().(type) {
	case string:
		r.texts = append(r.texts, of)
		if field.Name() == "pattern" {
			if pattern, err := syntax.Parse(of, syntax.Perl); err == nil {
				r.patterns = append(r.patterns, pattern)
			}
		}
	case int32, int64, uint32, uint64:
		number, ok := new(big.Int).SetString(fmt.Sprint(of), 10)
		if ok {
			r.numbers = append(r.numbers, number, new(big.Int).Add(number, big.NewInt(1)), new(big.Int).Sub(number, big.NewInt(1)))
		}
	case protoreflect.Message:
		r.add(of)
	}
}

// example is a text that a pattern matches, in which what may be repeated is, so often.
func example(of *syntax.Regexp, often int) string {
	var text strings.Builder
	switch of.Op { //nolint:exhaustive // the others match the empty text
	case syntax.OpLiteral:
		return string(of.Rune)
	case syntax.OpCharClass:
		for i := 0; i < len(of.Rune); i += 2 {
			if of.Rune[i] >= '0' && of.Rune[i] < 0x7f {
				return string(of.Rune[i])
			}
		}
		if len(of.Rune) > 0 {
			return string(of.Rune[0])
		}
	case syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		return "a"
	case syntax.OpCapture:
		return example(of.Sub[0], often)
	case syntax.OpPlus, syntax.OpStar:
		return strings.Repeat(example(of.Sub[0], 1), often)
	case syntax.OpRepeat:
		for range max(of.Min, min(often, of.Max)) {
			text.WriteString(example(of.Sub[0], 1))
		}
	case syntax.OpConcat:
		for _, part := range of.Sub {
			text.WriteString(example(part, often))
		}
	case syntax.OpAlternate:
		return example(of.Sub[0], often)
	}
	return text.String()
}

// samples are values that a field may take: what its rules are written with, and one of
// each form.
func samples(field protoreflect.FieldDescriptor) []any {
	rules := rulesOf(field)
	var made []any
	of, ok := sortOf(field)
	if !ok {
		return nil
	}
	switch of {
	case ofBool:
		return []any{true, false}
	case ofString:
		for _, form := range append(rules.pools(), pools...) {
			made = append(made, form(0))
		}
		for _, pattern := range rules.patterns {
			made = append(made, example(pattern, 1))
			for _, number := range rules.numbers {
				if number.IsInt64() && number.Int64() > 1 && number.Int64() < maxText {
					made = append(made, example(pattern, int(number.Int64())))
				}
			}
		}
		for _, text := range rules.texts {
			made = append(made, text)
		}
	default:
		scale := big.NewInt(1)
		if of == ofTime || of == ofDuration {
			scale = big.NewInt(1e9)
			made = append(made, new(big.Int).Mul(scale, big.NewInt(60)), nanoseconds(defaultNow))
		}
		low, high := rangeOf(of, field.Kind())
		for _, number := range append(rules.numbers, big.NewInt(1), new(big.Int), big.NewInt(-1)) {
			if value := new(big.Int).Mul(number, scale); value.Cmp(low) >= 0 && value.Cmp(high) <= 0 {
				made = append(made, value)
			}
		}
	}
	return made
}

// pools are forms of the lengths that the rules name.
func (r *ruleValues) pools() []pool {
	var forms []pool
	for _, number := range r.numbers {
		if number.IsInt64() && number.Int64() > 0 && number.Int64() < maxText {
			forms = append(forms, padded(int(number.Int64())))
		}
	}
	return forms
}
