package client

import (
	"context"

	"connectrpc.com/connect/v2"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
)

// A Service is a protobuf service that a generated client calls over a connection.
// Generated code makes it; applications use the generated client.
type Service struct {
	client *connect.Client
	specs  map[string]connect.Spec // by method
}

// NewService returns the service of a descriptor, over client. Generated code calls it.
func NewService(client *connect.Client, descriptor protoreflect.ServiceDescriptor) *Service {
	methods := descriptor.Methods()
	service := &Service{client: client, specs: make(map[string]connect.Spec, methods.Len())}
	for i := range methods.Len() {
		method := methods.Get(i)
		service.specs[string(method.Name())] = specOf(method)
	}
	return service
}

// specOf returns what describes a method to connect.
func specOf(method protoreflect.MethodDescriptor) connect.Spec {
	spec := connect.Spec{
		Procedure: "/" + string(method.Parent().FullName()) + "/" + string(method.Name()),
		Schema:    method,
	}
	if method.IsStreamingClient() {
		spec.StreamType |= connect.StreamTypeClient
	}
	if method.IsStreamingServer() {
		spec.StreamType |= connect.StreamTypeServer
	}
	options, _ := method.Options().(*descriptorpb.MethodOptions)
	switch options.GetIdempotencyLevel() {
	case descriptorpb.MethodOptions_NO_SIDE_EFFECTS:
		spec.IdempotencyLevel = connect.IdempotencyNoSideEffects
	case descriptorpb.MethodOptions_IDEMPOTENT:
		spec.IdempotencyLevel = connect.IdempotencyIdempotent
	case descriptorpb.MethodOptions_IDEMPOTENCY_UNKNOWN:
	}
	return spec
}

// spec returns what describes a method, and an error where nothing can be called.
func (s *Service) spec(method string) (connect.Spec, error) {
	spec, ok := s.specs[method]
	switch {
	case !ok:
		return spec, connect.Errorf(connect.CodeInternal, "the service has no method %q", method)
	case s.client == nil:
		return spec, connect.NewError(connect.CodeInternal, "the client was made without a connection")
	}
	return spec, nil
}

// CallUnary calls a unary method. Generated code calls it.
func CallUnary[Res, Req any](ctx context.Context, service *Service, method string, request *Req) (*Res, error) {
	spec, err := service.spec(method)
	if err != nil {
		return nil, err
	}
	response := new(Res)
	if err := service.client.CallUnary(ctx, spec, request, response); err != nil {
		return nil, err
	}
	return response, nil
}

// OpenServerStream calls a method that answers one request with a stream. Generated
// code calls it.
func OpenServerStream[Res, Req any](ctx context.Context, service *Service, method string, request *Req) (*ServerStream[Res], error) {
	opened, err := service.open(ctx, method)
	if err != nil {
		return nil, err
	}
	if err := opened.sendOnly(request); err != nil {
		opened.close()
		return nil, err
	}
	return &ServerStream[Res]{opened}, nil
}

// OpenClientStream calls a method that answers a stream of requests with one response.
// Generated code calls it.
func OpenClientStream[Req, Res any](ctx context.Context, service *Service, method string) (*ClientStream[Req, Res], error) {
	opened, err := service.open(ctx, method)
	if err != nil {
		return nil, err
	}
	return &ClientStream[Req, Res]{opened}, nil
}

// OpenBidiStream calls a method with a stream in either direction. Generated code calls
// it.
func OpenBidiStream[Req, Res any](ctx context.Context, service *Service, method string) (*BidiStream[Req, Res], error) {
	opened, err := service.open(ctx, method)
	if err != nil {
		return nil, err
	}
	return &BidiStream[Req, Res]{opened}, nil
}
