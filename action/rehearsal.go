package action

import (
	"context"
	"errors"
	"time"

	"connectrpc.com/connect/v2"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/sallyport-rpc/sallyport/action/event"
	"github.com/sallyport-rpc/sallyport/authn"
	"github.com/sallyport-rpc/sallyport/internal/policy"
	"github.com/sallyport-rpc/sallyport/internal/unguarded"
	"github.com/sallyport-rpc/sallyport/limit"
)

// Rehearsal seals a registry and returns its actions with their gates and without
// their handlers: what a gate lets through is answered with an empty response. No limit
// counts the calls. It is for actiontest.Matrix.
func (behind) Rehearsal(registry *Registry) ([]connect.Method, error) {
	if err := registry.Seal(); err != nil {
		return nil, err
	}
	methods := make([]connect.Method, len(registry.actions))
	for i, action := range registry.actions {
		uncounted := *action.gate
		uncounted.limits = nil
		methods[i] = connect.Method{Spec: action.serve.Spec, Handler: uncounted.serve(rehearsal(action.method, unguarded.Rehearsal{}))}
	}
	return methods, nil
}

// Rehearse is Rehearsal with the limits, for a registry that nothing has sealed yet: its
// events go to the recorder, the limiter counts its calls, and now tells its gates the time.
// What stands in for handlers and checks says what happened to a call. It is for
// actiontest.Denials.
func (behind) Rehearse(registry *Registry, recorder event.Recorder, limiter limit.Limiter, now func() time.Time, with unguarded.Rehearsal) ([]connect.Method, error) {
	if registry == nil || registry.reader == nil {
		return nil, registry.Seal()
	}
	if registry.sealed.Load() {
		return nil, errors.New("the registry is sealed already: return one that nothing has served yet")
	}
	registry.recorder, registry.elsewhere, registry.limiter, registry.now = recorder, recorder, limiter, now
	if err := registry.Seal(); err != nil {
		return nil, err
	}
	methods := make([]connect.Method, len(registry.actions))
	for i, action := range registry.actions {
		methods[i] = action.rehearse(with)
	}
	return methods, nil
}

// rehearse returns an action with its gate and without its handler, its checks and its
// loader.
func (r *registered) rehearse(with unguarded.Rehearsal) connect.Method {
	gate := *r.gate
	if with.Answer != nil {
		asked := r.declaration.Asked()
		for _, of := range r.declaration.ElementRelations() {
			asked = append(asked, of.String())
		}
		checks := map[string]policy.CheckFunc{}
		for _, name := range asked {
			checks[name] = func(ctx context.Context, _ *authn.Principal, request proto.Message) (bool, error) {
				return with.Answer(ctx, name, request)
			}
		}
		gate.policy = policy.New(r.declaration, checks)
		if each, err := elementsOf(r.declaration, policy.Deciders{Checks: checks}); err == nil { // it was made once
			gate.each = each
		}
	}
	if with.Load != nil && gate.about != nil {
		of := gate.about.Type
		gate.about = &loading{Resource: gate.about.Resource, load: func(ctx context.Context, _ *authn.Principal, key protoreflect.Value) (proto.Message, error) {
			return with.Load(ctx, of, key)
		}}
	}
	return connect.Method{Spec: r.serve.Spec, Handler: gate.serve(rehearsal(r.method, with))}
}

// rehearsal returns a method without its handler: what a gate lets through is
// answered with what is to be responded, by default an empty response.
func rehearsal(method unguarded.Method, with unguarded.Rehearsal) unguarded.Method {
	made := method.New
	method.New = func() (request proto.Message, call, responses any) {
		request, call, responses = made()
		return request, held(call), held(responses)
	}
	method.Handle = func(ctx context.Context, call, responses any) (proto.Message, error) {
		if with.Ran != nil {
			with.Ran(ctx, handedTo(call))
		}
		received := func(request proto.Message) {
			if with.Received != nil {
				with.Received(ctx, request)
			}
		}
		if requests, ok := call.(kindOfStream); ok {
			requests.drain(received) // what the gate refuses ends the stream, with or without an error here
		}
		response := method.Response.ProtoReflect().New().Interface()
		if with.Respond == nil || !with.Respond(ctx, response) {
			return response, nil
		}
		for _, of := range []any{call, responses} {
			if sending, ok := of.(*holding); ok && method.Stream&connect.StreamTypeServer != 0 {
				return nil, sending.on.send(response)
			}
		}
		return response, nil
	}
	return method
}

// A holding is a kind of stream that says which stream it carries.
type holding struct {
	kindOfStream

	on *stream
}

func (h *holding) carry(stream *stream) {
	h.on = stream
	h.kindOfStream.carry(stream)
}

// A taking is a kind of call that says which request it took.
type taking struct {
	kindOfCall

	request proto.Message
	passage *passage
}

func (t *taking) take(request proto.Message) *passage {
	t.request, t.passage = request, t.kindOfCall.take(request)
	return t.passage
}

// handedTo is what a handler has of a call.
func handedTo(call any) unguarded.Handed {
	switch of := call.(type) {
	case *taking:
		return unguarded.Handed{Request: of.request, Principal: of.passage.principal, Resource: of.passage.resource()}
	case *holding:
		return unguarded.Handed{Principal: of.on.principal, Resource: of.on.resource()}
	default:
		return unguarded.Handed{}
	}
}

// held returns a kind of stream or of call that says what it was given, and others as they
// are.
func held(of any) any {
	switch of := of.(type) {
	case kindOfStream:
		return &holding{kindOfStream: of}
	case kindOfCall:
		return &taking{kindOfCall: of}
	default:
		return of
	}
}
