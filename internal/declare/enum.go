package declare

import (
	"iter"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// enums yields the enums of a file, those inside messages included.
func enums(file protoreflect.FileDescriptor) iter.Seq[protoreflect.EnumDescriptor] {
	return func(yield func(protoreflect.EnumDescriptor) bool) {
		if yieldEnums(file.Enums(), yield) {
			yieldNested(file.Messages(), yield)
		}
	}
}

func yieldNested(messages protoreflect.MessageDescriptors, yield func(protoreflect.EnumDescriptor) bool) bool {
	for i := range messages.Len() {
		if !yieldEnums(messages.Get(i).Enums(), yield) || !yieldNested(messages.Get(i).Messages(), yield) {
			return false
		}
	}
	return true
}

func yieldEnums(enums protoreflect.EnumDescriptors, yield func(protoreflect.EnumDescriptor) bool) bool {
	for i := range enums.Len() {
		if !yield(enums.Get(i)) {
			return false
		}
	}
	return true
}
