package action

import (
	"context"
	"errors"
	"testing"
	"time"

	"connectrpc.com/connect/v2"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/sallyport-rpc/sallyport/authn"
	fieldsv1 "github.com/sallyport-rpc/sallyport/gen/test/fields/v1"
	"github.com/sallyport-rpc/sallyport/internal/condition"
	"github.com/sallyport-rpc/sallyport/internal/declare"
	"github.com/sallyport-rpc/sallyport/internal/policy"
)

// An answer whose elements could not be looked at is not sent.
func TestElementsThatCannotBeLookedAt(t *testing.T) {
	t.Parallel()
	users := (&fieldsv1.UsersResponse{}).ProtoReflect().Descriptor().Fields().ByName("users")
	// The rule lets no element be seen.
	g := &gate{each: []elements{{Each: &declare.Each{Name: "users", Field: condition.Path{users}}}}, registry: &Registry{now: time.Now}}
	reader := &passage{gate: g, principal: authn.NewPrincipal("ann", authn.Details{})}
	gone, leave := context.WithCancel(t.Context())
	leave()
	none, one := &fieldsv1.UsersResponse{}, &fieldsv1.UsersResponse{Users: []*fieldsv1.User{{Id: "ann"}}}
	for name, test := range map[string]struct {
		ctx      context.Context
		response proto.Message
		sent     int
		code     connect.Code
		canceled bool
	}{
		"none":                          {t.Context(), none, 1, 0, false},
		"none, and the caller has left": {gone, none, 0, 0, true},
		"one":                           {t.Context(), one, 0, connect.CodeInternal, false},
		"one, and the caller has left":  {gone, one, 0, 0, true},
		"it panics":                     {t.Context(), unreadable{}, 0, connect.CodeInternal, false},
	} {
		stream := &sent{}
		err := g.answer(test.ctx, stream, test.response, reader)
		if len(stream.messages) != test.sent || (err == nil) != (test.sent == 1) || errors.Is(err, context.Canceled) != test.canceled {
			t.Errorf("%s: %d sent, %v", name, len(stream.messages), err)
		}
		if denied, ok := errors.AsType[*denial](err); ok != (test.code != 0) || ok && connect.CodeOf(denied.public) != test.code {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := g.each[0].holdOne(gone, one.GetUsers()[0], policy.Input{}, nil, "users[0]"); !errors.Is(err, context.Canceled) {
		t.Errorf("an element that was not decided: %v", err)
	}
}

// A count says how many elements there are at least, in every kind of number.
func TestAtLeast(t *testing.T) {
	t.Parallel()
	for _, of := range []proto.Message{wrapperspb.UInt32(2), wrapperspb.UInt64(2), wrapperspb.Int32(2), wrapperspb.Int64(2)} {
		field := of.ProtoReflect().Descriptor().Fields().ByName("value")
		for count, want := range []bool{true, true, true, false} {
			if got := atLeast(of.ProtoReflect().Get(field), field, count); got != want {
				t.Errorf("a %s of 2 is at least %d: %t", field.Kind(), count, got)
			}
		}
	}
	if atLeast(protoreflect.ValueOfInt64(-1), wrapperspb.Int64(0).ProtoReflect().Descriptor().Fields().ByName("value"), 1) {
		t.Error("-1 is at least 1")
	}
}

// A stream of an action without a rule of elements keeps nothing to look at them with, and
// lets none be seen.
func TestNoSight(t *testing.T) {
	t.Parallel()
	live := &stream{passage: passage{gate: &gate{}, principal: authn.NewPrincipal("ann", authn.Details{})}}
	live.letIn(&live.passage)
	live.lookedAgain(&live.passage)
	if live.sight != nil {
		t.Error("something is kept")
	}
	if seen, earlier := live.seen(); seen.Principal != nil || earlier != nil {
		t.Errorf("elements are looked at with %v, %v", seen, earlier)
	}
}

// A request is kept for rules that read it when its handler has it, and for no others.
func TestNothingReadsLater(t *testing.T) {
	t.Parallel()
	grants := []declare.Grant{{Conditions: []declare.Condition{declare.AnyRole{Named: []string{"admin"}}}}}
	of := examined{declaration: &declare.Declaration{Grants: grants, Each: []*declare.Each{{Grants: grants}}}, guard: &policy.Guard{}}
	if of.readsLater() {
		t.Error("the request is kept for a role")
	}
}
