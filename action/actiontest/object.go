package actiontest

import (
	"fmt"
	"maps"
	"slices"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/sallyport-rpc/sallyport/internal/declare"
)

// WithObject gives an object that actions are about, by what finds it: a string, or an
// integer of the key's own type. Loaders of the registry do not run; what is not given is
// not there. Give one for each grant that reads it, those of other owners too: calls are
// made about each of them. By default there are none, and the test of an action that is
// about an object fails.
func WithObject(key any, object proto.Message) Option {
	return trialOption(func(tr *trial) { tr.objects = append(tr.objects, given{key, object}) })
}

// A given is an object with what finds it.
type given struct {
	key    any
	object proto.Message
}

// objects are those that a test has given.
type objects []given

// of returns those of one message.
func (o objects) of(kind protoreflect.FullName) objects {
	return slices.DeleteFunc(slices.Clone(o), func(one given) bool { return one.object.ProtoReflect().Descriptor().FullName() != kind })
}

// find returns the object of a key, or nil.
func (o objects) find(kind protoreflect.FullName, key any) proto.Message {
	for _, one := range o.of(kind) {
		if one.key == key {
			return one.object
		}
	}
	return nil
}

// keyOf is what finds the object that a request is about. ok is false where it names none.
func (j *judge) keyOf(request proto.Message) (key any, ok bool) {
	about := j.declaration.Resource
	if about == nil || request == nil {
		return nil, false
	}
	value, ok := about.Key.Find(request.ProtoReflect())
	if !ok || value.Interface() == "" {
		return nil, false
	}
	return value.Interface(), true
}

// resource is what a request is about, or nil where that is not there.
func (j *judge) resource(a *attempt, request proto.Message) proto.Message {
	key, ok := j.keyOf(request)
	if !ok {
		return nil
	}
	return objectsOf(a, j.objects).find(j.declaration.Resource.Type.FullName(), key)
}

// objectsOf are the objects of an attempt, or those that the test has given.
func objectsOf(a *attempt, given objects) objects {
	if a != nil && a.objects != nil {
		return a.objects
	}
	return given
}

// about plans the call of a base about each object that there is, and about one that is
// not there.
func (p *plan) about(base attempt) {
	about := p.declaration.Resource
	if about == nil || len(base.requests) == 0 {
		return
	}
	for _, one := range p.objects.of(about.Type.FullName()) {
		p.add(base.but(fmt.Sprintf("about %v", one.key), func(a *attempt) { a.requests = withKey(a.requests, about, protoreflect.ValueOf(one.key)) }))
	}
	if about.Key[len(about.Key)-1].Kind() == protoreflect.StringKind {
		// Nothing has no name, and is not asked for.
		p.add(base.but("about nothing", func(a *attempt) {
			a.requests, a.load = withKey(a.requests, about, protoreflect.ValueOf("")), loadsPanic
		}))
	}
	gone := protoreflect.ValueOf("gone")
	if field := about.Key[len(about.Key)-1]; field.Kind() != protoreflect.StringKind {
		gone = field.Default()
	}
	p.add(base.but("about what is not there", func(a *attempt) { a.requests = withKey(a.requests, about, gone) }))
}

// withKey returns requests of which the first names another object.
func withKey(requests []proto.Message, about *declare.Resource, key protoreflect.Value) []proto.Message {
	requests = slices.Clone(requests)
	requests[0] = proto.Clone(requests[0])
	message := requests[0].ProtoReflect()
	for _, field := range about.Key[:len(about.Key)-1] {
		message = message.Mutable(message.Descriptor().Fields().ByName(field.Name())).Message()
	}
	message.Set(message.Descriptor().Fields().ByName(about.Key[len(about.Key)-1].Name()), key)
	return requests
}

// misgiven says what is wrong with the objects that a test has given.
func (tr *trial) misgiven() []string {
	keys := map[protoreflect.FullName]string{}
	for _, declaration := range tr.declarations {
		if about := declaration.Resource; about != nil {
			keys[about.Type.FullName()] = declare.KeyType(about.Key)
		}
	}
	var wrong []string
	for _, one := range tr.objects {
		kind := one.object.ProtoReflect().Descriptor().FullName()
		switch want, known := keys[kind]; {
		case !known:
			wrong = append(wrong, fmt.Sprintf("WithObject: no action is about a %s; there are actions about: %q", kind, slices.Sorted(maps.Keys(keys))))
		case fmt.Sprintf("%T", one.key) != want:
			wrong = append(wrong, fmt.Sprintf("WithObject: the key of a %s is a %T, and must be a %s", kind, one.key, want))
		}
	}
	return wrong
}
