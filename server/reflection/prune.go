package reflection

import (
	"slices"

	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"

	sallyportv1 "github.com/sallyport-rpc/sallyport/gen/sallyport/v1"
)

// prune takes the methods that are not shown out of a copied file, and the services that
// have none left.
func (c *copier) prune(file protoreflect.FileDescriptor, copied *descriptorpb.FileDescriptorProto) {
	copied.Service = slices.DeleteFunc(copied.GetService(), func(service *descriptorpb.ServiceDescriptorProto) bool {
		name := file.Services().ByName(protoreflect.Name(service.GetName())).FullName()
		service.Method = slices.DeleteFunc(service.GetMethod(), func(method *descriptorpb.MethodDescriptorProto) bool {
			return !c.shown[name.Append(protoreflect.Name(method.GetName()))]
		})
		return len(service.GetMethod()) == 0
	})
}

// optionsFile is where the options of this framework are defined.
var optionsFile = sallyportv1.File_sallyport_v1_action_proto

// strip takes the sallyport.v1 options out of a copied file, and their import unless
// something else in the file needs it.
func strip(file protoreflect.FileDescriptor, copied *descriptorpb.FileDescriptorProto) {
	if file.Package() == optionsFile.Package() {
		return // it defines them
	}
	clearOptions(copied.ProtoReflect())
	if usesOptionsFile(copied) {
		return
	}
	at := slices.Index(copied.GetDependency(), optionsFile.Path())
	if at < 0 {
		return
	}
	copied.Dependency = slices.Delete(copied.GetDependency(), at, at+1)
	copied.PublicDependency = withoutIndex(copied.GetPublicDependency(), int32(at)) //nolint:gosec // a file has few imports
	copied.WeakDependency = withoutIndex(copied.GetWeakDependency(), int32(at))     //nolint:gosec // likewise
}

// withoutIndex removes an index, and counts those after it one lower.
func withoutIndex(indices []int32, at int32) []int32 {
	kept := indices[:0]
	for _, index := range indices {
		switch {
		case index > at:
			kept = append(kept, index-1)
		case index < at:
			kept = append(kept, index)
		}
	}
	return kept
}

// clearOptions clears the extensions of the options file in a message and in all that
// it holds.
func clearOptions(message protoreflect.Message) {
	var cleared []protoreflect.FieldDescriptor
	message.Range(func(field protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		switch {
		case field.IsExtension() && field.ParentFile().Package() == optionsFile.Package():
			cleared = append(cleared, field)
		case field.Message() == nil || field.IsMap():
		case field.IsList():
			for i := range value.List().Len() {
				clearOptions(value.List().Get(i).Message())
			}
		default:
			clearOptions(value.Message())
		}
		return true
	})
	for _, field := range cleared {
		message.Clear(field)
	}
}

// usesOptionsFile reports whether a field or a method of a file has a type of the
// options file.
func usesOptionsFile(copied *descriptorpb.FileDescriptorProto) bool {
	prefix := "." + string(optionsFile.Package()) + "."
	uses := false
	var look func(message protoreflect.Message)
	look = func(message protoreflect.Message) {
		message.Range(func(field protoreflect.FieldDescriptor, value protoreflect.Value) bool {
			switch {
			case field.IsExtension() || field.IsMap():
			case field.Message() != nil && field.IsList():
				for i := range value.List().Len() {
					look(value.List().Get(i).Message())
				}
			case field.Message() != nil:
				look(value.Message())
			case field.Kind() == protoreflect.StringKind && !field.IsList():
				text := value.String()
				uses = uses || len(text) > len(prefix) && text[:len(prefix)] == prefix
			}
			return !uses
		})
	}
	look(copied.ProtoReflect())
	return uses
}
