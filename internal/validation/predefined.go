package validation

import (
	"buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"
	"buf.build/go/protovalidate"
	pvcel "buf.build/go/protovalidate/cel"
	"cel.dev/cel-go/cel"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/dynamicpb"
)

// predefined returns the predefined rules of a field, element, key or value that are too
// dear there. A predefined rule is an extension of the rules of a kind: what one costs
// depends on the field that it is used on.
func (c *costs) predefined(on protoreflect.Descriptor, this holder, field protoreflect.FieldDescriptor, forItems bool, rules *validate.FieldRules) []DearRule {
	kind := rules.ProtoReflect().WhichOneof(rules.ProtoReflect().Descriptor().Oneofs().ByName("type"))
	if kind == nil {
		return nil
	}
	used := known(rules.ProtoReflect().Get(kind).Message(), field.ParentFile())
	this.used = uint64(proto.Size(used.Interface())) //nolint:gosec // a size
	var dear []DearRule
	used.Range(func(rule protoreflect.FieldDescriptor, _ protoreflect.Value) bool {
		if !rule.IsExtension() {
			return true
		}
		written, err := protovalidate.ResolvePredefinedRules(rule)
		if err != nil {
			return true // it does not compile either
		}
		dear = append(dear, c.rules(on, this, written.GetCel(), nil, func() []cel.EnvOption {
			return append(pvcel.RequiredEnvOptions(field),
				cel.Types(used.Interface()),
				cel.Variable("this", pvcel.ProtoFieldToType(field, true, forItems)),
				cel.Variable("rules", cel.ObjectType(string(used.Descriptor().FullName()))),
				cel.Variable("rule", pvcel.ProtoFieldToType(rule, true, false)),
			)
		})...)
		return true
	})
	return dear
}

// known returns rules of which the extensions are known that a file can use: those of the
// program, and those of the file itself and its imports, which need not be linked into the
// program that reads it.
func known(rules protoreflect.Message, file protoreflect.FileDescriptor) protoreflect.Message {
	if len(rules.GetUnknown()) == 0 {
		return rules
	}
	data, err := proto.Marshal(rules.Interface())
	if err != nil {
		return rules
	}
	read := rules.New()
	if err := (proto.UnmarshalOptions{Resolver: imports{protoregistry.GlobalTypes, file}}).Unmarshal(data, read.Interface()); err != nil {
		return rules
	}
	return read
}

// imports finds extensions in a file and what it imports, after those of the program.
type imports struct {
	*protoregistry.Types

	file protoreflect.FileDescriptor
}

// FindExtensionByNumber implements the resolver of [proto.UnmarshalOptions].
func (i imports) FindExtensionByNumber(message protoreflect.FullName, number protoreflect.FieldNumber) (protoreflect.ExtensionType, error) {
	found, err := i.Types.FindExtensionByNumber(message, number)
	if err == nil {
		return found, nil
	}
	if extension := extensionIn(i.file, message, number, map[string]bool{}); extension != nil {
		return dynamicpb.NewExtensionType(extension), nil
	}
	return nil, err
}

// extensionIn looks for an extension in a file and, at any depth, in its imports.
func extensionIn(file protoreflect.FileDescriptor, message protoreflect.FullName, number protoreflect.FieldNumber, seen map[string]bool) protoreflect.ExtensionDescriptor {
	if seen[file.Path()] {
		return nil
	}
	seen[file.Path()] = true
	if found := extensionOf(file.Extensions(), message, number); found != nil {
		return found
	}
	if found := extensionWithin(file.Messages(), message, number); found != nil {
		return found
	}
	for i := range file.Imports().Len() {
		if found := extensionIn(file.Imports().Get(i).FileDescriptor, message, number, seen); found != nil {
			return found
		}
	}
	return nil
}

func extensionWithin(messages protoreflect.MessageDescriptors, message protoreflect.FullName, number protoreflect.FieldNumber) protoreflect.ExtensionDescriptor {
	for i := range messages.Len() {
		if found := extensionOf(messages.Get(i).Extensions(), message, number); found != nil {
			return found
		}
		if found := extensionWithin(messages.Get(i).Messages(), message, number); found != nil {
			return found
		}
	}
	return nil
}

func extensionOf(extensions protoreflect.ExtensionDescriptors, message protoreflect.FullName, number protoreflect.FieldNumber) protoreflect.ExtensionDescriptor {
	for i := range extensions.Len() {
		if extension := extensions.Get(i); extension.Number() == number && extension.ContainingMessage().FullName() == message {
			return extension
		}
	}
	return nil
}
