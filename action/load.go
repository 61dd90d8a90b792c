package action

import (
	"context"
	"errors"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/sallyport-rpc/sallyport/action/event"
	"github.com/sallyport-rpc/sallyport/authn"
	"github.com/sallyport-rpc/sallyport/internal/declare"
	"github.com/sallyport-rpc/sallyport/internal/policy"
)

// A loading is how an action comes by what it is about.
type loading struct {
	*declare.Resource

	load func(ctx context.Context, principal *authn.Principal, key protoreflect.Value) (proto.Message, error)
}

// WithUnsharedResources says that no loader keeps what it returns, as is so of what was just
// read from a database. Then the gate does not copy it. By default it does: were an object of a
// cache not copied, a handler would change what is in the cache, and a decision could be made on
// an object that changes meanwhile.
func WithUnsharedResources() RegistryOption {
	return registryOption(func(r *Registry) { r.unshared = true })
}

// load loads what the action is about, for the grants to read and for the handler. Where no
// grant could hold it loads nothing, and where the object is not there it leaves the
// passage without: the grants deny in both as they deny for one that is there.
func (g *gate) load(ctx context.Context, pass *passage, request proto.Message) error {
	pass.step(event.StageLoad)
	with := pass.more()
	with.resource, with.load = nil, event.LoadSkipped
	if !g.policy.MayHold(ctx, policy.Input{Principal: pass.principal, Request: request, Now: pass.start}) {
		return nil
	}
	key, ok := g.about.find(request)
	if !ok {
		with.load = event.LoadNotFound
		return nil
	}
	with.load = event.LoadFailed // until it has returned
	loaded, err := g.about.load(ctx, pass.principal, key)
	switch {
	case ctx.Err() != nil:
		return interrupted(ctx.Err())
	case errors.Is(err, NotFound()):
		with.load = event.LoadNotFound
		return nil
	case errors.Is(err, authn.ErrUnavailable), errors.Is(err, context.DeadlineExceeded):
		return &denial{public: errUnavailable, reason: "what the action is about could not be loaded: unavailable", err: err}
	case err != nil:
		return &denial{public: errInternal, reason: "what the action is about could not be loaded: a fault", err: err}
	case loaded == nil:
		return fault(errors.New("the loader returned nothing and no error"))
	}
	if !g.registry.unshared {
		loaded = proto.Clone(loaded) // the loader may keep what it returned, and change it
	}
	with.resource, with.load = loaded, event.LoadFound
	return nil
}

// find returns what finds the object. ok is false where the request does not say: no object
// has an empty name.
func (l *loading) find(request proto.Message) (key protoreflect.Value, ok bool) {
	if request == nil {
		return protoreflect.Value{}, false
	}
	key, ok = l.Key.Find(request.ProtoReflect())
	return key, ok && (l.Key[len(l.Key)-1].Kind() != protoreflect.StringKind || key.String() != "")
}

// resource returns what was loaded for the passage, or nil.
func (p *passage) resource() proto.Message {
	if p.extras == nil {
		return nil
	}
	return p.extras.resource
}
