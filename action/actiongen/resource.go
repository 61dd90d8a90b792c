package actiongen

import (
	"context"

	"connectrpc.com/connect/v2"
	"google.golang.org/protobuf/proto"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/internal/unguarded"
)

// ResourceUnary ties a unary RPC that is about a resource to its handler.
func ResourceUnary[Impl, Req, Obj, Res any, ReqP message[Req], ObjP message[Obj], ResP message[Res]](
	name string, handle func(Impl, context.Context, *action.ResourceCall[Req, Obj]) (*Res, error),
) Method[Impl] {
	method := about[Impl, Req, Obj, Res, ReqP, ObjP, ResP](name, connect.StreamTypeUnary)
	method.method.New = func() (proto.Message, any, any) {
		request, call := newResourceCall[Req, Obj, ReqP]()
		return request, call, nil
	}
	if handle != nil {
		method.handle = func(implementation Impl, ctx context.Context, call, _ any) (proto.Message, error) {
			response, err := handle(implementation, ctx, call.(*action.ResourceCall[Req, Obj])) //nolint:forcetypeassert // New made it
			return single[Res, ResP](response, err)
		}
	}
	return method
}

// ResourceServerStreaming ties a server-streaming RPC that is about a resource to its
// handler.
func ResourceServerStreaming[Impl, Req, Obj, Res any, ReqP message[Req], ObjP message[Obj], ResP message[Res]](
	name string, handle func(Impl, context.Context, *action.ResourceCall[Req, Obj], *action.ServerStream[Res]) error,
) Method[Impl] {
	method := about[Impl, Req, Obj, Res, ReqP, ObjP, ResP](name, connect.StreamTypeServer)
	method.method.New = func() (proto.Message, any, any) {
		request, call := newResourceCall[Req, Obj, ReqP]()
		return request, call, new(action.ServerStream[Res])
	}
	if handle != nil {
		method.handle = func(implementation Impl, ctx context.Context, call, responses any) (proto.Message, error) {
			return nil, handle(implementation, ctx, call.(*action.ResourceCall[Req, Obj]), responses.(*action.ServerStream[Res])) //nolint:forcetypeassert // New made them
		}
	}
	return method
}

// ResourceClientStreaming ties a client-streaming RPC that is about a resource to its
// handler.
func ResourceClientStreaming[Impl, Req, Obj, Res any, ReqP message[Req], ObjP message[Obj], ResP message[Res]](
	name string, handle func(Impl, context.Context, *action.ResourceClientStream[Req, Obj]) (*Res, error),
) Method[Impl] {
	method := about[Impl, Req, Obj, Res, ReqP, ObjP, ResP](name, connect.StreamTypeClient)
	method.method.New = func() (proto.Message, any, any) {
		return ReqP(new(Req)), new(action.ResourceClientStream[Req, Obj]), nil
	}
	if handle != nil {
		method.handle = func(implementation Impl, ctx context.Context, stream, _ any) (proto.Message, error) {
			response, err := handle(implementation, ctx, stream.(*action.ResourceClientStream[Req, Obj])) //nolint:forcetypeassert // New made it
			return single[Res, ResP](response, err)
		}
	}
	return method
}

// ResourceBidiStreaming ties a bidirectional RPC that is about a resource to its handler.
func ResourceBidiStreaming[Impl, Req, Obj, Res any, ReqP message[Req], ObjP message[Obj], ResP message[Res]](
	name string, handle func(Impl, context.Context, *action.ResourceBidiStream[Req, Obj, Res]) error,
) Method[Impl] {
	method := about[Impl, Req, Obj, Res, ReqP, ObjP, ResP](name, connect.StreamTypeBidi)
	method.method.New = func() (proto.Message, any, any) {
		return ReqP(new(Req)), new(action.ResourceBidiStream[Req, Obj, Res]), nil
	}
	if handle != nil {
		method.handle = func(implementation Impl, ctx context.Context, stream, _ any) (proto.Message, error) {
			return nil, handle(implementation, ctx, stream.(*action.ResourceBidiStream[Req, Obj, Res])) //nolint:forcetypeassert // New made it
		}
	}
	return method
}

// about is a method that is about a resource, without its handler.
func about[Impl, Req, Obj, Res any, ReqP message[Req], ObjP message[Obj], ResP message[Res]](name string, shape connect.StreamType) Method[Impl] {
	return Method[Impl]{method: unguarded.Method{
		Name: name, Stream: shape, Request: ReqP(new(Req)), Response: ResP(new(Res)), Resource: ObjP(nil).ProtoReflect().Descriptor(),
	}}
}

// newResourceCall makes a call with its request, in one piece of memory.
func newResourceCall[Req, Obj any, ReqP message[Req]]() (proto.Message, any) {
	made := &struct {
		call    action.ResourceCall[Req, Obj]
		request Req
	}{}
	return ReqP(&made.request), &made.call
}
