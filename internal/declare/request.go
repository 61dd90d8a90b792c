package declare

import (
	"cmp"
	"fmt"
	"slices"

	"buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// readRequest refuses a request type with validation rules that nothing applies: those
// on extension fields. Messages inside google.protobuf.Any and those of extensions are
// validated at the call.
func (m *methodReading) readRequest() {
	EachType(m.method.Input(), func(message protoreflect.MessageDescriptor) {
		if message.ExtensionRanges().Len() > 0 {
			for _, extension := range m.ruled()[message.FullName()] {
				m.refuseWithFixf(RuleExtensionUnvalidated,
					fmt.Sprintf("make %s a field of %s, or remove its rules (%s)", extension.Name(), message.FullName(), positionOf(extension)),
					"its request can hold the extension %s, and validation rules of extensions are not applied", extension.FullName())
			}
		}
	}, nil)
}

// ruled returns the extension fields with validation rules, by what they extend.
func (r *Reader) ruled() map[protoreflect.FullName][]protoreflect.FieldDescriptor {
	if r.extensions != nil {
		return r.extensions
	}
	r.extensions = map[protoreflect.FullName][]protoreflect.FieldDescriptor{}
	note := func(extensions protoreflect.ExtensionDescriptors) {
		for i := range extensions.Len() {
			extension := extensions.Get(i)
			if _, found, _ := findOption(extension.Options(), validate.E_Field); found {
				extended := extension.ContainingMessage().FullName()
				r.extensions[extended] = append(r.extensions[extended], extension)
			}
		}
	}
	var within func(protoreflect.MessageDescriptors)
	within = func(messages protoreflect.MessageDescriptors) {
		for i := range messages.Len() {
			note(messages.Get(i).Extensions())
			within(messages.Get(i).Messages())
		}
	}
	if r.files != nil {
		r.files.RangeFiles(func(file protoreflect.FileDescriptor) bool {
			note(file.Extensions())
			within(file.Messages())
			return true
		})
	}
	for _, extensions := range r.extensions {
		slices.SortFunc(extensions, func(a, b protoreflect.FieldDescriptor) int { return cmp.Compare(a.FullName(), b.FullName()) })
	}
	return r.extensions
}
