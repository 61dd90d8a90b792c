package action_test

import (
	"context"
	"fmt"
	"runtime"
	"strconv"
	"testing"

	"buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"
	"connectrpc.com/connect/v2"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/action/actiongen"
	"github.com/sallyport-rpc/sallyport/authn"
	sallyportv1 "github.com/sallyport-rpc/sallyport/gen/sallyport/v1"
	testv1 "github.com/sallyport-rpc/sallyport/gen/test/v1"
	"github.com/sallyport-rpc/sallyport/internal/declare/declaretest"
)

const (
	perService = 10
	perFile    = 100
)

// BenchmarkRegister10000 registers ten thousand actions: a quarter anonymous, half by
// role, a quarter by an expression. Once they share their messages, and once each has
// a request of its own with validation rules of its own.
func BenchmarkRegister10000(b *testing.B) {
	b.Run("shared-messages", func(b *testing.B) {
		services := sharing(b, 10_000)
		benchmarkRegister(b, func() *action.Registry { return registerAll(b, services) })
	})
	b.Run("own-messages", func(b *testing.B) {
		services := owning(b, 10_000)
		benchmarkRegister(b, func() *action.Registry { return registerOwning(b, services) })
	})
}

// benchmarkRegister reports what registration takes and what it keeps.
func benchmarkRegister(b *testing.B, register func() *action.Registry) {
	b.Helper()
	var kept uint64
	for b.Loop() {
		before := heap()
		registry := register()
		if err := registry.Seal(); err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		if after := heap(); after > before {
			kept = after - before
		}
		runtime.KeepAlive(registry)
		b.StartTimer()
	}
	b.ReportMetric(float64(kept)/(1<<20), "MiB-kept")
}

func heap() uint64 {
	var stats runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&stats)
	return stats.HeapAlloc
}

// BenchmarkCallAmong calls an action that is one of few, and one that is one of many.
func BenchmarkCallAmong(b *testing.B) {
	for _, actions := range []int{10, 1_000, 10_000} {
		server := connect.NewServer()
		server.Register(must(registerAll(b, sharing(b, actions)).Methods())...)
		for _, call := range []struct{ name, procedure string }{
			{"role", "/described.v1.Service0/Method1"},
			{"cel", "/described.v1.Service0/Method3"},
		} {
			b.Run(fmt.Sprintf("%d/%s", actions, call.name), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if err := server.Call(b.Context(), call.procedure, nil, sends{owned("alice")}); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

// registerAll registers services in a new registry whose callers are all alice.
func registerAll(tb testing.TB, services []actiongen.Service[*worker]) *action.Registry {
	tb.Helper()
	alice := authn.NewPrincipal("alice", authn.Details{Unscoped: true, Roles: []string{"editor"}})
	registry := must(action.NewRegistry(authn.Schemes{"session": knows(alice)}))
	for _, service := range services {
		if err := actiongen.Register(registry, service, &worker{}); err != nil {
			tb.Fatal(err)
		}
	}
	return registry
}

// mixed declares the numbered action: of four, one is anonymous, two ask for a role
// and one for one's own.
func mixed(number int) *sallyportv1.Action {
	switch number % 4 {
	case 0:
		return anonymous()
	case 1:
		return bySession(allow(&sallyportv1.Grant{AnyRole: []string{"editor"}}))
	case 2:
		return bySession(allow(&sallyportv1.Grant{AnyRole: []string{"viewer", "robot"}}))
	default:
		return bySession(allow(&sallyportv1.Grant{AnyRole: []string{"robot"}}, &sallyportv1.Grant{Cel: new("principal.id == request.owner")}))
	}
}

// sharing describes services of so many actions together, all of whose messages are
// those of the test services.
func sharing(tb testing.TB, actions int) []actiongen.Service[*worker] {
	tb.Helper()
	var services []actiongen.Service[*worker]
	for number := 0; number < actions; {
		var described []*descriptorpb.ServiceDescriptorProto
		for range perFile / perService {
			var rpcs []rpc
			for method := range perService {
				rpcs = append(rpcs, rpc{name: "Method" + strconv.Itoa(method), action: mixed(number)})
				number++
			}
			described = append(described, &descriptorpb.ServiceDescriptorProto{
				Name: new("Service" + strconv.Itoa(number/perService-1)), Method: methods(rpcs),
			})
			if number >= actions {
				break
			}
		}
		file := describeFile(tb, "file"+strconv.Itoa(number), described...)
		for i := range file.Services().Len() {
			services = append(services, byHand(tb, file.Services().Get(i), func(name string, open bool) actiongen.Method[*worker] {
				if open {
					return actiongen.Unary(name, (*worker).open)
				}
				return actiongen.Unary(name, (*worker).get)
			}))
		}
	}
	return services
}

// byHand ties the methods of a service to handlers.
func byHand(tb testing.TB, service protoreflect.ServiceDescriptor, tie func(name string, open bool) actiongen.Method[*worker]) actiongen.Service[*worker] {
	tb.Helper()
	registered := actiongen.Service[*worker]{Descriptor: service, Fingerprint: declaretest.Fingerprint(tb, service)}
	for i := range service.Methods().Len() {
		method := service.Methods().Get(i)
		declared := proto.GetExtension(method.Options(), sallyportv1.E_Action).(*sallyportv1.Action)
		registered.Methods = append(registered.Methods, tie(string(method.Name()), declared.GetAuthenticate().Anonymous != nil))
	}
	return registered
}

// owning describes services of so many actions together, each of which has a request
// type of its own.
func owning(tb testing.TB, actions int) []protoreflect.ServiceDescriptor {
	tb.Helper()
	var services []protoreflect.ServiceDescriptor
	for number := 0; number < actions; {
		file := &descriptorpb.FileDescriptorProto{
			Name:       new("owning" + strconv.Itoa(number) + ".proto"),
			Package:    new("owning" + strconv.Itoa(number) + ".v1"),
			Syntax:     new("proto3"),
			Options:    using(testHandle),
			Dependency: []string{"test/v1/test.proto", "sallyport/v1/action.proto", "buf/validate/validate.proto"},
		}
		for service := range perFile / perService {
			described := &descriptorpb.ServiceDescriptorProto{Name: new("Service" + strconv.Itoa(service))}
			for method := range perService {
				name := fmt.Sprintf("Request%d", number)
				file.MessageType = append(file.MessageType, request(name))
				described.Method = append(described.Method, methods([]rpc{{
					name: "Method" + strconv.Itoa(method), action: mixed(number), input: "." + file.GetPackage() + "." + name,
				}})...)
				number++
			}
			file.Service = append(file.Service, described)
		}
		made := must(protodesc.NewFile(file, protoregistry.GlobalFiles))
		for i := range made.Services().Len() {
			services = append(services, made.Services().Get(i))
		}
	}
	return services
}

// request describes a message with rules like those of the demo's.
func request(name string) *descriptorpb.DescriptorProto {
	field := func(name string, number int32, kind descriptorpb.FieldDescriptorProto_Type, rules *validate.FieldRules) *descriptorpb.FieldDescriptorProto {
		options := &descriptorpb.FieldOptions{}
		proto.SetExtension(options, validate.E_Field, rules)
		return &descriptorpb.FieldDescriptorProto{
			Name: &name, Number: &number, Type: kind.Enum(), Options: options,
			Label: descriptorpb.FieldDescriptorProto_LABEL_OPTIONAL.Enum(),
		}
	}
	return &descriptorpb.DescriptorProto{Name: &name, Field: []*descriptorpb.FieldDescriptorProto{
		field("owner", 1, descriptorpb.FieldDescriptorProto_TYPE_STRING, validate.FieldRules_builder{
			String: validate.StringRules_builder{MinLen: new(uint64(1)), MaxLen: new(uint64(64))}.Build(),
		}.Build()),
		field("email", 2, descriptorpb.FieldDescriptorProto_TYPE_STRING, validate.FieldRules_builder{
			String: validate.StringRules_builder{Email: new(true)}.Build(),
		}.Build()),
		field("count", 3, descriptorpb.FieldDescriptorProto_TYPE_INT32, validate.FieldRules_builder{
			Int32: validate.Int32Rules_builder{Gte: new(int32(0)), Lte: new(int32(100))}.Build(),
		}.Build()),
	}}
}

// An ownRequest is a request of the type that is next on its list when it is first
// looked at: ten thousand types of Go's own would take ten thousand declarations.
type ownRequest struct{ message *dynamicpb.Message }

// nextTypes are the types that ownRequests take. One benchmark uses it, alone.
var nextTypes []protoreflect.MessageDescriptor //nolint:gochecknoglobals // said above

func (c *ownRequest) ProtoReflect() protoreflect.Message {
	if c.message == nil {
		c.message = dynamicpb.NewMessage(nextTypes[0])
		nextTypes = nextTypes[1:]
	}
	return c.message
}

// registerOwning registers services whose requests are of types of their own.
func registerOwning(tb testing.TB, services []protoreflect.ServiceDescriptor) *action.Registry {
	tb.Helper()
	registry := must(action.NewRegistry(someSchemes()))
	for _, service := range services {
		nextTypes = nil
		for i := range service.Methods().Len() {
			nextTypes = append(nextTypes, service.Methods().Get(i).Input())
		}
		err := actiongen.Register(registry, byHand(tb, service, func(name string, open bool) actiongen.Method[*worker] {
			if open {
				return actiongen.Unary(name, func(*worker, context.Context, *action.AnonymousCall[ownRequest]) (*testv1.Response, error) {
					return nil, nil
				})
			}
			return actiongen.Unary(name, func(*worker, context.Context, *action.Call[ownRequest]) (*testv1.Response, error) {
				return &testv1.Response{}, nil
			})
		}), &worker{})
		if err != nil {
			tb.Fatal(err)
		}
	}
	return registry
}
