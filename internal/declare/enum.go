package declare

import "google.golang.org/protobuf/reflect/protoreflect"

// enums returns the enums of a file, those inside messages included.
func enums(file protoreflect.FileDescriptor) []protoreflect.EnumDescriptor {
	all := list(file.Enums())
	for _, message := range messages(file.Messages()) {
		all = append(all, list(message.Enums())...)
	}
	return all
}

// messages returns messages and those within them.
func messages(of protoreflect.MessageDescriptors) []protoreflect.MessageDescriptor {
	var all []protoreflect.MessageDescriptor
	for _, message := range list(of) {
		all = append(append(all, message), messages(message.Messages())...)
	}
	return all
}

// list returns what a list of descriptors holds.
func list[D protoreflect.Descriptor](of interface {
	Len() int
	Get(i int) D
}) []D {
	all := make([]D, of.Len())
	for i := range all {
		all[i] = of.Get(i)
	}
	return all
}
