package actiongen

import (
	"context"
	"reflect"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/sallyport-rpc/sallyport/authn"
	"github.com/sallyport-rpc/sallyport/internal/unguarded"
)

// A Loader ties the resource that declarations name to the Go code that loads it. Make one
// with [NewLoader]; the zero Loader is refused.
type Loader struct{ loader unguarded.Loader }

// A key is what a resource is found by.
type key interface {
	string | int32 | int64 | uint32 | uint64
}

// NewLoader ties a message to the method of loaders that loads it.
//
// The method returns the object of a key, or [action.NotFound] where there is none. It
// must not write, and must not change the object while it returns it: the gate copies it
// then, and decides on the copy, which the handler gets. Nothing can tell that an object
// is that of another key. Any other error ends the call: [authn.Unavailable] as
// unavailable, the context's own error with its code, any other as internal, and so does
// nil without an error.
func NewLoader[Loaders any, Key key, Obj any, ObjP message[Obj]](
	loaders Loaders, load func(Loaders, context.Context, *authn.Principal, Key) (*Obj, error),
) Loader {
	loader := unguarded.Loader{Type: ObjP(nil).ProtoReflect().Descriptor(), Key: reflect.TypeFor[Key]().String(), Loaders: loaders}
	if load != nil {
		loader.Load = func(ctx context.Context, principal *authn.Principal, key protoreflect.Value) (proto.Message, error) {
			object, err := load(loaders, ctx, principal, keyOf[Key](key))
			return single[Obj, ObjP](object, err)
		}
	}
	return Loader{loader}
}

// keyOf returns a key, whose type registration compared.
func keyOf[Key key](value protoreflect.Value) Key {
	var of Key
	switch of := any(&of).(type) {
	case *string:
		*of = value.String()
	case *int32:
		*of = int32(value.Int()) //nolint:gosec // the field is of 32 bits
	case *int64:
		*of = value.Int()
	case *uint32:
		*of = uint32(value.Uint()) //nolint:gosec // the field is of 32 bits
	case *uint64:
		*of = value.Uint()
	}
	return of
}
