package bench

import (
	"context"
	"fmt"
	"sync"

	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/action/actiongen"
)

// services are made-up ones, each in a file of its own, with their fingerprints.
type services struct {
	descriptors  []protoreflect.ServiceDescriptor
	fingerprints []string
}

func newServices(descriptors ...protoreflect.ServiceDescriptor) services {
	return services{descriptors, fingerprints(descriptors...)}
}

// methodsPerService is how many actions a made-up service has.
const methodsPerService = 10

// newMany returns services with so many actions in all. Each has a request type of
// its own, with a validation rule, and lets in an admin or an owner.
func newMany(actions int) services {
	var many []protoreflect.ServiceDescriptor
	for i := range actions / methodsPerService {
		pkg := fmt.Sprintf("many.s%d", i)
		file := newFile(pkg)
		file.EnumType = []*descriptorpb.EnumDescriptorProto{catalogue([]string{"admin"})}
		for j := range methodsPerService {
			name := fmt.Sprintf("Delete%d", j)
			file.method(name, file.request(name), emptyMessage, adminOrOwner())
		}
		many = append(many, file.service())
	}
	return newServices(many...)
}

// register adds all services to a registry.
func (s services) register(registry *action.Registry) error {
	shaping.Lock()
	defer shaping.Unlock()
	for i, service := range s.descriptors {
		registration := actiongen.Service[answering]{Descriptor: service, Fingerprint: s.fingerprints[i]}
		shapes = nil
		for i := range service.Methods().Len() {
			method := service.Methods().Get(i)
			shapes = append(shapes, method.Input())
			registration.Methods = append(registration.Methods, actiongen.Unary(string(method.Name()), answering.answer))
		}
		if err := actiongen.Register(registry, registration, answering{}); err != nil {
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
	service := s.descriptors[len(s.descriptors)-1]
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
	file.method("Any", file.request("Any"), emptyMessage, anyRole(names...))
	file.method("Last", file.request("Last"), emptyMessage, anyRole(names[n-1]))
	return roleService{newServices(file.service()), names}
}
