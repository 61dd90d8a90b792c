package bench

import (
	"fmt"

	"buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"

	sallyportv1 "github.com/sallyport-rpc/sallyport/gen/sallyport/v1"
)

// catalogue is a role catalogue.
func catalogue(names []string) *descriptorpb.EnumDescriptorProto {
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

// A file is a .proto file with one service, in the making.
type file struct {
	*descriptorpb.FileDescriptorProto
}

func newFile(pkg string) file {
	return file{&descriptorpb.FileDescriptorProto{
		Syntax:     new("proto3"),
		Name:       new(pkg + ".proto"),
		Package:    new(pkg),
		Dependency: []string{"buf/validate/validate.proto", "demo/v1/account.proto", "google/protobuf/empty.proto", "sallyport/v1/action.proto"},
		Service:    []*descriptorpb.ServiceDescriptorProto{{Name: new("Service")}},
	}}
}

// emptyMessage is the type of responses that say nothing.
const emptyMessage = ".google.protobuf.Empty"

// method adds an action.
func (f file) method(name, request, response string, authorize *sallyportv1.Authorize) {
	options := &descriptorpb.MethodOptions{}
	proto.SetExtension(options, sallyportv1.E_Action, &sallyportv1.Action{
		Authenticate: &sallyportv1.Authenticate{Schemes: []string{"session"}},
		Authorize:    authorize,
	})
	f.Service[0].Method = append(f.Service[0].Method, &descriptorpb.MethodDescriptorProto{
		Name: new(name), InputType: new(request), OutputType: new(response), Options: options,
	})
}

// request adds a request type with one field, user_id, and a validation rule, and
// returns its name.
func (f file) request(method string) string {
	rules := &descriptorpb.FieldOptions{}
	proto.SetExtension(rules, validate.E_Field, validate.FieldRules_builder{
		String: validate.StringRules_builder{MinLen: new(uint64(1)), MaxLen: new(uint64(100))}.Build(),
	}.Build())
	f.MessageType = append(f.MessageType, &descriptorpb.DescriptorProto{
		Name: new(method + "Request"),
		Field: []*descriptorpb.FieldDescriptorProto{{
			Name:    new("user_id"),
			Number:  new(int32(1)),
			Label:   descriptorpb.FieldDescriptorProto_LABEL_OPTIONAL.Enum(),
			Type:    descriptorpb.FieldDescriptorProto_TYPE_STRING.Enum(),
			Options: rules,
		}},
	})
	return "." + f.GetPackage() + "." + method + "Request"
}

// service ends the making.
func (f file) service() protoreflect.ServiceDescriptor {
	return must(protodesc.NewFile(f.FileDescriptorProto, protoregistry.GlobalFiles)).Services().Get(0)
}

func anyRole(names ...string) *sallyportv1.Authorize {
	return &sallyportv1.Authorize{Allow: []*sallyportv1.Grant{{AnyRole: names}}}
}

func adminOrOwner() *sallyportv1.Authorize {
	return &sallyportv1.Authorize{Allow: []*sallyportv1.Grant{
		{AnyRole: []string{"admin"}},
		{Cel: new("principal.id == request.user_id")},
	}}
}
