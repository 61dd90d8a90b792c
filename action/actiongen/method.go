package actiongen

import (
	"context"

	"connectrpc.com/connect/v2"
	"google.golang.org/protobuf/proto"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/internal/unguarded"
)

// A Method ties an RPC to its handler. Make one with [Unary], [ClientStreaming],
// [ServerStreaming] or [BidiStreaming]; the zero Method is refused.
type Method[Impl any] struct {
	method unguarded.Method
	handle func(Impl, context.Context, any, any) (proto.Message, error) // nil where there is no handler
}

// bind returns the method of one implementation.
func (m Method[Impl]) bind(implementation Impl) unguarded.Method {
	method := m.method
	if handle := m.handle; handle != nil {
		method.Handle = func(ctx context.Context, call, responses any) (proto.Message, error) {
			return handle(implementation, ctx, call, responses)
		}
	}
	return method
}

// A message is a pointer to a generated message struct.
type message[M any] interface {
	*M
	proto.Message
}

// A call is a kind of call that the handler of a unary RPC or of a server stream may
// take.
type call[Req any] interface {
	*action.Call[Req] | *action.AnonymousCall[Req]
	Message() *Req
}

// A clientStream is a kind of stream that the handler of a client stream may take.
type clientStream[Req any] interface {
	*action.ClientStream[Req] | *action.AnonymousClientStream[Req]
	Receive() (*Req, error)
}

// A bidiStream is a kind of stream that the handler of a bidirectional stream may
// take.
type bidiStream[Req, Res any] interface {
	*action.BidiStream[Req, Res] | *action.AnonymousBidiStream[Req, Res]
	Receive() (*Req, error)
	Send(response *Res) error
}

// Unary ties a unary RPC to its handler.
func Unary[Impl, Req, Res any, C call[Req], ReqP message[Req], ResP message[Res]](
	name string, handle func(Impl, context.Context, C) (*Res, error),
) Method[Impl] {
	newCall, anonymous := callMaker[Req, C, ReqP]()
	method := Method[Impl]{method: unguarded.Method{
		Name: name, Stream: connect.StreamTypeUnary, Anonymous: anonymous, Request: ReqP(new(Req)), Response: ResP(new(Res)),
		New: func() (proto.Message, any, any) {
			request, call := newCall()
			return request, call, nil
		},
	}}
	if handle != nil {
		method.handle = func(implementation Impl, ctx context.Context, call, _ any) (proto.Message, error) {
			response, err := handle(implementation, ctx, call.(C)) //nolint:forcetypeassert // New made it
			return single[Res, ResP](response, err)
		}
	}
	return method
}

// ClientStreaming ties a client-streaming RPC to its handler.
func ClientStreaming[Impl, Req, Res any, S clientStream[Req], ReqP message[Req], ResP message[Res]](
	name string, handle func(Impl, context.Context, S) (*Res, error),
) Method[Impl] {
	_, anonymous := any(S(nil)).(*action.AnonymousClientStream[Req])
	method := Method[Impl]{method: unguarded.Method{
		Name: name, Stream: connect.StreamTypeClient, Anonymous: anonymous, Request: ReqP(new(Req)), Response: ResP(new(Res)),
		New: func() (proto.Message, any, any) {
			if anonymous {
				return ReqP(new(Req)), new(action.AnonymousClientStream[Req]), nil
			}
			return ReqP(new(Req)), new(action.ClientStream[Req]), nil
		},
	}}
	if handle != nil {
		method.handle = func(implementation Impl, ctx context.Context, stream, _ any) (proto.Message, error) {
			response, err := handle(implementation, ctx, stream.(S)) //nolint:forcetypeassert // New made it
			return single[Res, ResP](response, err)
		}
	}
	return method
}

// ServerStreaming ties a server-streaming RPC to its handler.
func ServerStreaming[Impl, Req, Res any, C call[Req], ReqP message[Req], ResP message[Res]](
	name string, handle func(Impl, context.Context, C, *action.ServerStream[Res]) error,
) Method[Impl] {
	newCall, anonymous := callMaker[Req, C, ReqP]()
	method := Method[Impl]{method: unguarded.Method{
		Name: name, Stream: connect.StreamTypeServer, Anonymous: anonymous, Request: ReqP(new(Req)), Response: ResP(new(Res)),
		New: func() (proto.Message, any, any) {
			request, call := newCall()
			return request, call, new(action.ServerStream[Res])
		},
	}}
	if handle != nil {
		method.handle = func(implementation Impl, ctx context.Context, call, responses any) (proto.Message, error) {
			return nil, handle(implementation, ctx, call.(C), responses.(*action.ServerStream[Res])) //nolint:forcetypeassert // New made them
		}
	}
	return method
}

// BidiStreaming ties a bidirectional RPC to its handler.
func BidiStreaming[Impl, Req, Res any, S bidiStream[Req, Res], ReqP message[Req], ResP message[Res]](
	name string, handle func(Impl, context.Context, S) error,
) Method[Impl] {
	_, anonymous := any(S(nil)).(*action.AnonymousBidiStream[Req, Res])
	method := Method[Impl]{method: unguarded.Method{
		Name: name, Stream: connect.StreamTypeBidi, Anonymous: anonymous, Request: ReqP(new(Req)), Response: ResP(new(Res)),
		New: func() (proto.Message, any, any) {
			if anonymous {
				return ReqP(new(Req)), new(action.AnonymousBidiStream[Req, Res]), nil
			}
			return ReqP(new(Req)), new(action.BidiStream[Req, Res]), nil
		},
	}}
	if handle != nil {
		method.handle = func(implementation Impl, ctx context.Context, stream, _ any) (proto.Message, error) {
			return nil, handle(implementation, ctx, stream.(S)) //nolint:forcetypeassert // New made it
		}
	}
	return method
}

// callMaker returns what makes a call of the kind C with its request, in one piece of
// memory, and whether the kind is anonymous.
func callMaker[Req any, C call[Req], ReqP message[Req]]() (newCall func() (proto.Message, any), anonymous bool) {
	switch any(C(nil)).(type) {
	case *action.AnonymousCall[Req]:
		return func() (proto.Message, any) {
			made := &struct {
				call    action.AnonymousCall[Req]
				request Req
			}{}
			return ReqP(&made.request), &made.call
		}, true
	default:
		return func() (proto.Message, any) {
			made := &struct {
				call    action.Call[Req]
				request Req
			}{}
			return ReqP(&made.request), &made.call
		}, false
	}
}

// single returns a handler's response as a message, and a nil interface for a nil
// response.
func single[Res any, ResP message[Res]](response *Res, err error) (proto.Message, error) {
	if response == nil {
		return nil, err
	}
	return ResP(response), err
}
