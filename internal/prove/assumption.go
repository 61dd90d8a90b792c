package prove

import (
	"math/big"
	"strings"
	"unicode/utf8"

	"buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"
	"buf.build/go/protovalidate"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/sallyport-rpc/sallyport/internal/prove/smt"
)

// assumptions are what the validation rules of a request make sure of, as far as it is
// said here: of fields of the request itself, that they are set, which values they have,
// how long texts are and how large numbers. A rule is assumed where it is seen to run: the
// rules of the field refuse what it refuses. The other rules are not assumed.
func (f *formula) assumptions(v *validity) ([]*smt.Term, error) {
	request := f.sides[0].request
	if err := v.assume(request, f.model.order); err != nil {
		return nil, err // the values are part of the axioms then
	}
	var all []*smt.Term
	for _, of := range f.model.concrete() {
		if of.root != inRequest || of.isOfElement() {
			continue
		}
		if of.oneof == "" && (of.kind == message || of.kind == scalar && of.optional) {
			unset, err := v.refused(request, of, nil)
			if err != nil {
				return nil, err
			}
			if unset {
				all = append(all, smt.Implies(f.around(of), f.variable(of.name+"?", smt.Bool)))
			}
		}
		limits, err := f.limits(v, of)
		if err != nil {
			return nil, err
		}
		all = append(all, limits...)
	}
	return all, nil
}

// A limit is one that a rule sets to the length of a text, or to a number.
type limit struct {
	least  bool // it is the least that is allowed, and else the most
	number *big.Int
}

// limits are those of a field of the request itself.
func (f *formula) limits(v *validity, of *place) ([]*smt.Term, error) {
	request := f.sides[0].request
	field := fieldAt(request, of.path)
	if of.kind != scalar || len(of.path) != 1 || field == nil || field.Message() != nil {
		return nil, nil
	}
	rules, err := protovalidate.ResolveFieldRules(field)
	if err != nil || rules == nil || rules.GetIgnore() != validate.Ignore_IGNORE_UNSPECIFIED {
		return nil, nil //nolint:nilerr // rules that cannot be read are not assumed
	}
	value := f.variable(of.name, smtSort(of.class.whole().sort))
	measured := value
	if value.Sort() == smt.String {
		measured = smt.Length(value)
	}
	set := smt.Truth(true)
	if of.optional {
		set = f.variable(of.name+"?", smt.Bool)
	}
	set = smt.And(f.around(of), set)
	var all []*smt.Term
	for _, limit := range limitsOf(rules) {
		runs, err := v.runs(request, of, field, limit.accepts, limit.beyond(value.Sort()))
		if err != nil {
			return nil, err
		}
		if !runs {
			continue
		}
		within := smt.AtMost(measured, smt.Number(limit.number))
		if limit.least {
			within = smt.AtMost(smt.Number(limit.number), measured)
		}
		all = append(all, smt.Implies(set, within))
	}
	return all, nil
}

// beyond is the nearest value that the limit refuses.
func (l limit) beyond(sort smt.Sort) any {
	next := new(big.Int).Add(l.number, big.NewInt(1))
	if l.least {
		next.Sub(l.number, big.NewInt(1))
	}
	if sort == smt.String {
		return strings.Repeat("x", int(next.Int64()))
	}
	return next
}

// accepts reports whether the limit accepts a value.
func (l limit) accepts(value any) bool {
	measured, isNumber := value.(*big.Int)
	if text, isText := value.(string); isText {
		measured, isNumber = big.NewInt(int64(utf8.RuneCountInString(text))), true
	}
	if l.least {
		return isNumber && l.number.Cmp(measured) <= 0
	}
	return isNumber && measured.Cmp(l.number) <= 0
}

// limitsOf are the limits of texts and whole numbers that rules have.
func limitsOf(rules *validate.FieldRules) []limit {
	if text := rules.GetString(); text != nil {
		var all []limit
		add := func(least bool, length uint64) {
			if length > 0 && length < maxText {
				all = append(all, limit{least, new(big.Int).SetUint64(length)})
			}
		}
		add(true, text.GetMinLen())
		add(true, text.GetLen())
		if text.HasMaxLen() {
			add(false, text.GetMaxLen())
		}
		add(false, text.GetLen())
		return all
	}
	for _, of := range []proto.Message{rules.GetInt32(), rules.GetInt64(), rules.GetUint32(), rules.GetUint64()} {
		if of.ProtoReflect().IsValid() {
			return numberLimits(of.ProtoReflect())
		}
	}
	return nil
}

// numberLimits are those of numbers. Where the least is above the most, the rules are of
// numbers outside of a range, and none is returned.
func numberLimits(rules protoreflect.Message) []limit {
	var least, most *big.Int
	rules.Range(func(field protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		number, ok := new(big.Int).SetString(value.String(), 10)
		switch {
		case !ok:
		case field.Name() == "gt":
			least = number.Add(number, big.NewInt(1))
		case field.Name() == "gte":
			least = number
		case field.Name() == "lt":
			most = number.Sub(number, big.NewInt(1))
		case field.Name() == "lte":
			most = number
		}
		return true
	})
	if least != nil && most != nil && least.Cmp(most) > 0 {
		return nil
	}
	var all []limit
	if least != nil {
		all = append(all, limit{true, least})
	}
	if most != nil {
		all = append(all, limit{false, most})
	}
	return all
}
