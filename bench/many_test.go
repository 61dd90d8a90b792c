package bench

import (
	"context"
	"fmt"
	"sync"

	"buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/sallyport-rpc/sallyport/action"
	sallyportv1 "github.com/sallyport-rpc/sallyport/gen/sallyport/v1"
)

// services are made-up ones, each in a file of its own.
type services []protoreflect.ServiceDescriptor

// methodsPerService is how many actions a made-up service has.
const methodsPerService = 10

// newMany returns services with so many actions in all. Each has a request type of
// its own, with a validation rule, and lets in an admin or an owner.
func newMany(actions int) services {
	var many services
	for i := range actions / methodsPerService {
		pkg := fmt.Sprintf("many.s%d", i)
		file := newFile(pkg)
		file.EnumType = []*descriptorpb.EnumDescriptorProto{catalogue([]string{"admin"})}
		for j := range methodsPerService {
			file.method(fmt.Sprintf("Delete%d", j), &sallyportv1.Authorize{Allow: []*sallyportv1.Grant{
				{AnyRole: []string{"admin"}},
				{Cel: new("principal.id == request.user_id")},
			}})
		}
		many = append(many, file.service())
	}
	return many
}

// register adds all services to a registry.
func (s services) register(registry *action.Registry) error {
	shaping.Lock()
	defer shaping.Unlock()
	for _, service := range s {
		registration := action.Service[answering]{Descriptor: service}
		shapes = nil
		for i := range service.Methods().Len() {
			method := service.Methods().Get(i)
			shapes = append(shapes, method.Input())
			registration.Methods = append(registration.Methods, action.Unary(string(method.Name()), answering.answer))
		}
		if err := action.Register(registry, registration, answering{}); err != nil {
			return err
		}
	}
	return nil
}

// answering implements the made-up services.
type answering struct{}

func (answering) answer(context.Context, *action.Call[shaped]) (*emptypb.Empty, error) {
	return &emptypb.Empty{}, nil
}

// last returns the action that was registered last, and a request of the owner for
// it.
func (s services) last() (procedure string, request *shaped) {
	service := s[len(s)-1]
	method := service.Methods().Get(service.Methods().Len() - 1)
	message := dynamicpb.NewMessage(method.Input())
	message.Set(method.Input().Fields().ByName("user_id"), protoreflect.ValueOfString(owner))
	return fmt.Sprintf("/%s/%s", service.FullName(), method.Name()), &shaped{message}
}

// A shaped message is one Go type for all of the made-up request types. It takes
// its type as it is first looked at: at registration the next of shapes, and in a
// call what the stream puts into it.
type shaped struct{ made *dynamicpb.Message }

var (
	shaping sync.Mutex
	shapes  []protoreflect.MessageDescriptor // guarded by shaping
)

func (s *shaped) ProtoReflect() protoreflect.Message {
	if s.made == nil {
		s.made, shapes = dynamicpb.NewMessage(shapes[0]), shapes[1:]
	}
	return s.made
}

// roleService is one service whose catalogue has many roles.
type roleService struct {
	services
	names []string
}

// newRoles returns a service with so many roles. One of its actions takes any of
// them, and its last one takes the last of them alone.
func newRoles(n int) roleService {
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprintf("role%d", i)
	}
	file := newFile("many.roles")
	file.EnumType = []*descriptorpb.EnumDescriptorProto{catalogue(names)}
	file.method("Any", &sallyportv1.Authorize{Allow: []*sallyportv1.Grant{{AnyRole: names}}})
	file.method("Last", &sallyportv1.Authorize{Allow: []*sallyportv1.Grant{{AnyRole: names[n-1:]}}})
	return roleService{services{file.service()}, names}
}

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
		Dependency: []string{"buf/validate/validate.proto", "google/protobuf/empty.proto", "sallyport/v1/action.proto"},
		Service:    []*descriptorpb.ServiceDescriptorProto{{Name: new("Service")}},
	}}
}

// method adds an action with a request type of its own.
func (f file) method(name string, authorize *sallyportv1.Authorize) {
	rules := &descriptorpb.FieldOptions{}
	proto.SetExtension(rules, validate.E_Field, validate.FieldRules_builder{
		String: validate.StringRules_builder{MinLen: new(uint64(1)), MaxLen: new(uint64(100))}.Build(),
	}.Build())
	f.MessageType = append(f.MessageType, &descriptorpb.DescriptorProto{
		Name: new(name + "Request"),
		Field: []*descriptorpb.FieldDescriptorProto{{
			Name:    new("user_id"),
			Number:  new(int32(1)),
			Label:   descriptorpb.FieldDescriptorProto_LABEL_OPTIONAL.Enum(),
			Type:    descriptorpb.FieldDescriptorProto_TYPE_STRING.Enum(),
			Options: rules,
		}},
	})
	options := &descriptorpb.MethodOptions{}
	proto.SetExtension(options, sallyportv1.E_Action, &sallyportv1.Action{
		Authenticate: &sallyportv1.Authenticate{Schemes: []string{"session"}},
		Authorize:    authorize,
	})
	f.Service[0].Method = append(f.Service[0].Method, &descriptorpb.MethodDescriptorProto{
		Name:       new(name),
		InputType:  new("." + f.GetPackage() + "." + name + "Request"),
		OutputType: new(".google.protobuf.Empty"),
		Options:    options,
	})
}

func (f file) service() protoreflect.ServiceDescriptor {
	return must(protodesc.NewFile(f.FileDescriptorProto, protoregistry.GlobalFiles)).Services().Get(0)
}
