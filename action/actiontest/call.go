package actiontest

import (
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/authn"
	"github.com/sallyport-rpc/sallyport/internal/declare"
	"github.com/sallyport-rpc/sallyport/internal/unguarded"
)

// A CallOption changes a call that a test makes.
type CallOption interface{ apply(*callOptions) }

type callOption func(*callOptions)

func (o callOption) apply(options *callOptions) { o(options) }

// callOptions are what a call is made with.
type callOptions struct{ procedure string }

// OfAction says of which action a call is, by its procedure. Its .proto is linked. The call
// has the filters of its lists then, for the principal and the request as they are, and its
// roles are those of the catalogue. By default a call is of no action, and has none.
func OfAction(procedure string) CallOption {
	return callOption(func(options *callOptions) { options.procedure = procedure })
}

// NewCall returns a call as the gate would make it, for a test to hand to a handler
// directly. Nothing is validated, authenticated or authorized: that is what [Matrix]
// is for. It fails the test when the principal or the message is nil.
func NewCall[Req any](tb testing.TB, principal *authn.Principal, request *Req, options ...CallOption) *action.Call[Req] {
	tb.Helper()
	if principal == nil || request == nil {
		tb.Fatal("actiontest.NewCall needs a principal and a message; for an anonymous action use NewAnonymousCall")
	}
	call := new(action.Call[Req])
	admitCall(tb, call, principal, request, options)
	return call
}

// admitCall makes a call look as the gate leaves it. What is no test is turned away before
// anything else.
func admitCall(tb testing.TB, call any, principal *authn.Principal, of any, options []CallOption) {
	tb.Helper()
	behind := action.Unguarded(permit(tb))
	request := message(tb, of)
	var with callOptions
	for _, option := range options {
		if option == nil {
			tb.Fatal("actiontest: an option of a call is nil")
		}
		option.apply(&with)
	}
	if with.procedure == "" {
		behind.Admit(call, principal, request)
		return
	}
	declaration := linkedAction(tb, with.procedure)
	bound := principal.Bound(principal.Scheme(), authn.NewHierarchy(declaration.Includes))
	if err := behind.AdmitOf(call, declaration, bound, request); err != nil {
		tb.Fatal(err)
	}
}

// linkedAction is what the linked .proto of an action declares.
func linkedAction(tb testing.TB, procedure string) *declare.Declaration {
	tb.Helper()
	service, method, _ := strings.Cut(strings.TrimPrefix(procedure, "/"), "/")
	found, err := protoregistry.GlobalFiles.FindDescriptorByName(protoreflect.FullName(service))
	if err != nil {
		tb.Fatalf("actiontest.OfAction(%q): no linked .proto has the service: write \"/acme.v1.Service/Method\"", procedure)
	}
	of, ok := found.(protoreflect.ServiceDescriptor)
	if !ok || of.Methods().ByName(protoreflect.Name(method)) == nil {
		tb.Fatalf("actiontest.OfAction(%q): %s has no such method", procedure, service)
	}
	reader, err := declare.NewReader(declare.Config{Files: protoregistry.GlobalFiles})
	if err != nil {
		tb.Fatal(err)
	}
	declarations, refusals := reader.Service(of, declare.Given{})
	at := slices.IndexFunc(declarations, func(d *declare.Declaration) bool { return d.Procedure == procedure })
	if at < 0 {
		tb.Fatalf("actiontest.OfAction(%q): it is not declared: %v", procedure, refusals)
	}
	return declarations[at]
}

// NewResourceCall returns a call of an action that is about a resource, as the gate would
// make it, with the object that it is about. It fails the test when one of them is nil.
func NewResourceCall[Req, Obj any](
	tb testing.TB, principal *authn.Principal, request *Req, resource *Obj, options ...CallOption,
) *action.ResourceCall[Req, Obj] {
	tb.Helper()
	if principal == nil || request == nil || resource == nil {
		tb.Fatal("actiontest.NewResourceCall needs a principal, a message and a resource")
	}
	call := new(action.ResourceCall[Req, Obj])
	admitCall(tb, call, principal, request, options)
	action.Unguarded(permit(tb)).About(call, message(tb, request), message(tb, resource))
	return call
}

// NewAnonymousCall returns a call of an anonymous action as the gate would make it.
// It fails the test when the message is nil.
func NewAnonymousCall[Req any](tb testing.TB, request *Req) *action.AnonymousCall[Req] {
	tb.Helper()
	if request == nil {
		tb.Fatal("actiontest.NewAnonymousCall needs a message")
	}
	call := new(action.AnonymousCall[Req])
	action.Unguarded(permit(tb)).Admit(call, nil, message(tb, request))
	return call
}

// WithClock returns the option that sets what tells the time to a registry's gates: for
// expiry, max_age and `now` in conditions. Without it that is [time.Now]. The timers of
// streams do not follow it; a test of those runs in testing/synctest.
func WithClock(tb testing.TB, now func() time.Time) action.RegistryOption {
	tb.Helper()
	return action.Unguarded(permit(tb)).Clock(now)
}

// message returns a generated message as one.
func message(tb testing.TB, of any) proto.Message {
	tb.Helper()
	message, ok := of.(proto.Message)
	if !ok {
		tb.Fatalf("actiontest: %T is no message", of)
	}
	return message
}

// permit gives the permit to go around the gate, to tests alone.
func permit(tb testing.TB) unguarded.Permit {
	tb.Helper()
	if !testing.Testing() {
		panic("actiontest: this is not a test")
	}
	return unguarded.Give()
}
