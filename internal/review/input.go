package review

import (
	"slices"
	"strings"

	"buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/sallyport-rpc/sallyport/internal/declare"
)

// An Input is a field of the request that conditions read, with the validation rules that
// hold of it before they do.
type Input struct {
	// Field is the field as conditions write it: "request.user_id".
	Field string `json:"field"`
	// Rules are its (buf.validate.field) in the text format, or "" where it has none.
	Rules string `json:"rules"`
}

// String says the rules of the field in words.
func (i Input) String() string {
	if i.Rules == "" {
		return i.Field + " is not validated"
	}
	return i.Field + " is validated: " + i.Rules
}

// inputsOf returns what the conditions of a declaration read of the request, by name.
func inputsOf(declaration *declare.Declaration) []Input {
	var inputs []Input
	for _, expression := range expressionsOf(declaration) {
		for _, read := range expression.Reads() {
			path, isRequest := strings.CutPrefix(read.Name, "request.")
			if !isRequest || slices.ContainsFunc(inputs, func(known Input) bool { return known.Field == read.Name }) {
				continue
			}
			inputs = append(inputs, Input{read.Name, rulesAt(declaration.Method.Input(), path)})
		}
	}
	slices.SortFunc(inputs, func(a, b Input) int { return strings.Compare(a.Field, b.Field) })
	return inputs
}

// rulesAt returns the validation rules of the field at a path, and of the messages on the
// way to it, in the text format.
func rulesAt(message protoreflect.MessageDescriptor, path string) string {
	var texts []string
	for _, rules := range fieldRulesAt(message, path) {
		if rules != nil {
			// The text format varies its spaces by build on purpose.
			texts = append(texts, oneLine(prototext.MarshalOptions{}.Format(rules)))
		}
	}
	return strings.Join(texts, "; ")
}

// fieldRulesAt returns the rules of each field on a path, nil of one that has none.
func fieldRulesAt(message protoreflect.MessageDescriptor, path string) []*validate.FieldRules {
	var all []*validate.FieldRules
	for name := range strings.SplitSeq(path, ".") {
		if message == nil {
			break
		}
		field := message.Fields().ByName(protoreflect.Name(name))
		if field == nil {
			break
		}
		all = append(all, rulesOf(field))
		message = field.Message()
	}
	return all
}

// rulesOf returns the (buf.validate.field) of a field, or nil.
func rulesOf(field protoreflect.FieldDescriptor) *validate.FieldRules {
	// A schema that was compiled at run time has the option as another Go type.
	wire, err := proto.Marshal(field.Options())
	options := &descriptorpb.FieldOptions{}
	if err != nil || proto.Unmarshal(wire, options) != nil || !proto.HasExtension(options, validate.E_Field) {
		return nil
	}
	rules, _ := proto.GetExtension(options, validate.E_Field).(*validate.FieldRules)
	return rules
}
