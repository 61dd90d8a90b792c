package many

import (
	"fmt"

	"buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"

	_ "github.com/sallyport-rpc/sallyport/gen/demo/v1" // files depend on its messages
	sallyportv1 "github.com/sallyport-rpc/sallyport/gen/sallyport/v1"
)

// Catalogue returns an enum that is a role catalogue.
func Catalogue(names []string) *descriptorpb.EnumDescriptorProto {
	enum := &descriptorpb.EnumDescriptorProto{
		Name:    new("Role"),
		Options: &descriptorpb.EnumOptions{},
		Value:   []*descriptorpb.EnumValueDescriptorProto{{Name: new("ROLE_UNSPECIFIED"), Number: new(int32(0))}},
	}
	proto.SetExtension(enum.GetOptions(), sallyportv1.E_Roles, true)
	for i, name := range names {
		value := &descriptorpb.EnumValueDescriptorProto{
			Name: new(fmt.Sprintf("ROLE_%d", i+1)), Number: new(int32(i + 1)), Options: &descriptorpb.EnumValueOptions{},
		}
		proto.SetExtension(value.GetOptions(), sallyportv1.E_Role, &sallyportv1.Role{Name: name})
		enum.Value = append(enum.Value, value)
	}
	return enum
}

// A File is a .proto file with one service, in the making.
type File struct {
	*descriptorpb.FileDescriptorProto
}

// NewFile returns the file of a package.
func NewFile(pkg string) File {
	return File{&descriptorpb.FileDescriptorProto{
		Syntax:     new("proto3"),
		Name:       new(pkg + ".proto"),
		Package:    new(pkg),
		Dependency: []string{"buf/validate/validate.proto", "demo/v1/account.proto", "google/protobuf/empty.proto", "sallyport/v1/action.proto"},
		Service:    []*descriptorpb.ServiceDescriptorProto{{Name: new("Service")}},
	}}
}

// EmptyMessage is the type of responses that say nothing.
const EmptyMessage = ".google.protobuf.Empty"

// Method adds an action.
func (f File) Method(name, request, response string, authorize *sallyportv1.Authorize) {
	options := &descriptorpb.MethodOptions{}
	proto.SetExtension(options, sallyportv1.E_Action, &sallyportv1.Action{
		Authenticate: &sallyportv1.Authenticate{Schemes: []string{"session"}},
		Authorize:    authorize,
	})
	f.Service[0].Method = append(f.Service[0].Method, &descriptorpb.MethodDescriptorProto{
		Name: new(name), InputType: new(request), OutputType: new(response), Options: options,
	})
}

// About has the last action be about a message, found by a key.
func (f File) About(message, key string) {
	methods := f.Service[0].GetMethod()
	options := methods[len(methods)-1].GetOptions()
	declared, _ := proto.GetExtension(options, sallyportv1.E_Action).(*sallyportv1.Action)
	declared.Resource = &sallyportv1.Resource{Type: message, Key: key}
	proto.SetExtension(options, sallyportv1.E_Action, declared)
}

// request adds a request type with three fields, each with an ordinary validation rule,
// and returns its name.
func (f File) request(method string) string {
	message := &descriptorpb.DescriptorProto{Name: new(method + "Request")}
	for i, field := range []struct {
		name     string
		repeated bool
		rules    *validate.FieldRules
	}{
		{"user_id", false, validate.FieldRules_builder{String: validate.StringRules_builder{Uuid: new(true)}.Build()}.Build()},
		{"text", false, validate.FieldRules_builder{String: validate.StringRules_builder{MaxLen: new(uint64(1000))}.Build()}.Build()},
		{"labels", true, validate.FieldRules_builder{Repeated: validate.RepeatedRules_builder{MaxItems: new(uint64(10))}.Build()}.Build()},
	} {
		options := &descriptorpb.FieldOptions{}
		proto.SetExtension(options, validate.E_Field, field.rules)
		label := descriptorpb.FieldDescriptorProto_LABEL_OPTIONAL
		if field.repeated {
			label = descriptorpb.FieldDescriptorProto_LABEL_REPEATED
		}
		message.Field = append(message.Field, &descriptorpb.FieldDescriptorProto{
			Name:    new(field.name),
			Number:  new(int32(i + 1)),
			Label:   label.Enum(),
			Type:    descriptorpb.FieldDescriptorProto_TYPE_STRING.Enum(),
			Options: options,
		})
	}
	f.MessageType = append(f.MessageType, message)
	return "." + f.GetPackage() + "." + method + "Request"
}

// Build ends the making.
func (f File) Build() protoreflect.ServiceDescriptor {
	return Must(protodesc.NewFile(f.FileDescriptorProto, protoregistry.GlobalFiles)).Services().Get(0)
}

// AnyRole allows roles.
func AnyRole(names ...string) *sallyportv1.Authorize {
	return &sallyportv1.Authorize{Allow: []*sallyportv1.Grant{{AnyRole: names}}}
}

// AdminOrOwner allows the role of an admin, and the account that the request is about.
func AdminOrOwner(admin string) *sallyportv1.Authorize {
	return &sallyportv1.Authorize{Allow: []*sallyportv1.Grant{
		{AnyRole: []string{admin}},
		{Cel: new("principal.id == request.user_id")},
	}}
}
