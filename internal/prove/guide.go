package prove

import (
	"math/big"
	"slices"
	"unicode/utf8"

	"buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"
	"buf.build/go/protovalidate"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/sallyport-rpc/sallyport/internal/prove/smt"
)

// maxGuides is how many texts of one field a solver is guided to, and maxGuided to how
// many elements of a list at most.
const (
	maxGuides = 12
	maxGuided = 32
)

// guides lead a solver to a request that the validation rules accept and that can be made.
// They are assumed to find a call, and never to prove that there is none.
func (f *formula) guides(v *validity) ([]*smt.Term, error) {
	request := f.sides[0].request
	var all []*smt.Term
	for _, of := range f.lists {
		if of.sized {
			all = append(all, smt.AtMost(f.size(of.list), smt.Number(big.NewInt(maxGuided))))
		}
	}
	for _, of := range f.model.concrete() {
		field := fieldAt(request, of.path)
		switch {
		case of.root != inRequest || of.isOfElement() || of.class == nil || of.class.whole().sort != ofString || field == nil:
		case of.kind == set:
			for _, item := range f.items(of) {
				all = append(all, smt.Not(smt.Equal(item.value, smt.Text(""))))
			}
		case of.kind == scalar && len(of.only) == 0 && hasOtherRules(field):
			accepted, err := v.accepted(request, of, field)
			if err != nil {
				return nil, err
			}
			if len(accepted) > 0 {
				all = append(all, isOneOf(f.variable(of.name, smt.String), accepted))
			}
		}
	}
	return all, nil
}

// hasOtherRules reports whether a text has rules beside those of its length.
func hasOtherRules(field protoreflect.FieldDescriptor) bool {
	rules, err := protovalidate.ResolveFieldRules(field)
	if err != nil || rules == nil {
		return err != nil
	}
	rest, ok := proto.Clone(rules).(*validate.FieldRules)
	if !ok {
		return true
	}
	if text := rest.GetString(); text != nil {
		text.ClearMinLen()
		text.ClearMaxLen()
		text.ClearLen()
		if proto.Size(text) == 0 {
			rest.ClearType()
		}
	}
	rest.ClearRequired()
	return proto.Size(rest) > 0
}

// accepted are texts that the rules of a field accept.
func (v *validity) accepted(request protoreflect.MessageDescriptor, of *place, field protoreflect.FieldDescriptor) ([]any, error) {
	candidates := samples(field)
	for _, form := range append(rulesOf(field).pools(), pools...) {
		candidates = append(candidates, form(1), form(2))
	}
	var accepted []any
	for _, candidate := range candidates {
		text, ok := candidate.(string)
		if !ok || !smt.IsText(text) || utf8.RuneCountInString(text) > maxMade || slices.Contains(accepted, candidate) || len(accepted) == maxGuides {
			continue
		}
		refused, err := v.refused(request, of, text)
		if err != nil {
			return nil, err
		}
		if !refused {
			accepted = append(accepted, candidate)
		}
	}
	return accepted, nil
}
