package many

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

// Services are made-up ones, each in a file of its own, with their fingerprints.
type Services struct {
	descriptors  []protoreflect.ServiceDescriptor
	fingerprints []string
}

func newServices(descriptors ...protoreflect.ServiceDescriptor) Services {
	return Services{descriptors, Fingerprints(descriptors...)}
}

// methodsPerService is how many actions a made-up service has.
const methodsPerService = 10

// New returns services with so many actions in all. Each has a request type of
// its own, with three validation rules, and lets in an admin or an owner.
func New(actions int) Services {
	many := make([]protoreflect.ServiceDescriptor, 0, actions/methodsPerService)
	for i := range actions / methodsPerService {
		pkg := fmt.Sprintf("many.s%d", i)
		file := NewFile(pkg)
		admin := fmt.Sprintf("admin%d", i) // a role is in one catalogue
		file.EnumType = []*descriptorpb.EnumDescriptorProto{Catalogue([]string{admin})}
		for j := range methodsPerService {
			name := fmt.Sprintf("Delete%d", j)
			file.Method(name, file.request(name), EmptyMessage, AdminOrOwner(admin))
		}
		many = append(many, file.Build())
	}
	return newServices(many...)
}

// Register adds all services to a registry.
func (s Services) Register(registry *action.Registry) error {
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

func (answering) answer(context.Context, *action.Call[Message]) (*emptypb.Empty, error) {
	return &emptypb.Empty{}, nil
}

// Last returns the action that was registered last, and a request about an
// account for it.
func (s Services) Last(owner string) (procedure string, request *Message) {
	service := s.descriptors[len(s.descriptors)-1]
	method := service.Methods().Get(service.Methods().Len() - 1)
	message := dynamicpb.NewMessage(method.Input())
	message.Set(method.Input().Fields().ByName("user_id"), protoreflect.ValueOfString(owner))
	return fmt.Sprintf("/%s/%s", service.FullName(), method.Name()), &Message{message}
}

// A Message is one Go type for all of the made-up request types. It takes
// its type as it is first looked at: at registration the next of shapes, and in a
// call what the stream puts into it.
type Message struct{ made *dynamicpb.Message }

var (
	shaping sync.Mutex
	shapes  []protoreflect.MessageDescriptor // guarded by shaping
)

// ProtoReflect implements google.golang.org/protobuf/proto.Message.
func (m *Message) ProtoReflect() protoreflect.Message {
	if m.made == nil {
		m.made, shapes = dynamicpb.NewMessage(shapes[0]), shapes[1:]
	}
	return m.made
}

// Roles is one service whose catalogue has many roles.
type Roles struct {
	Services

	// Names are the roles.
	Names []string
}

// NewRoles returns a service with so many roles. One of its actions takes any of
// them, and its last one takes the last of them alone.
func NewRoles(n int) Roles {
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprintf("role%d", i)
	}
	file := NewFile("many.roles")
	file.EnumType = []*descriptorpb.EnumDescriptorProto{Catalogue(names)}
	file.Method("Any", file.request("Any"), EmptyMessage, AnyRole(names...))
	file.Method("Last", file.request("Last"), EmptyMessage, AnyRole(names[n-1]))
	return Roles{newServices(file.Build()), names}
}
