package action_test

import (
	"context"
	"errors"
	"io"
	"slices"
	"testing"
	"testing/synctest"

	"connectrpc.com/connect/v2"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/authn"
	testv1 "github.com/sallyport-rpc/sallyport/gen/test/v1"
	"github.com/sallyport-rpc/sallyport/gen/test/v1/testv1action"
	"github.com/sallyport-rpc/sallyport/internal/declare/declaretest"
	"github.com/sallyport-rpc/sallyport/internal/unguarded"
)

// TestAdmittedStream uses a stream that a test made for a handler: it is the caller's, has
// the messages of its source, and is over once it was released.
func TestAdmittedStream(t *testing.T) {
	t.Parallel()
	in, source := new(dialogue), &script{owners: []string{"alice"}}
	release := action.Unguarded(unguarded.Give()).AdmitStream(t.Context(), in, aliceTheEditor, source)
	if in.Principal().ID() != "alice" || in.Grant() != "" {
		t.Errorf("it is of %s, by %q", in.Principal().ID(), in.Grant())
	}
	if request, err := in.Receive(); err != nil || request.GetOwner() != "alice" {
		t.Errorf("received %v, %v", request, err)
	}
	if _, err := in.Receive(); !errors.Is(err, io.EOF) {
		t.Errorf("the end is %v", err)
	}
	if err := in.Send(&testv1.Response{}); err != nil || len(source.sent) != 1 {
		t.Errorf("sent %d: %v", len(source.sent), err)
	}
	release()
	if err := in.Send(&testv1.Response{}); connect.CodeOf(err) != connect.CodeCanceled || len(source.sent) != 1 {
		t.Errorf("after its end it sent %d: %v", len(source.sent), err)
	}
}

// TestAdmittedStreamBreaks has the source of a stream that a test made break: the stream has
// ended with that.
func TestAdmittedStreamBreaks(t *testing.T) {
	t.Parallel()
	in, source := new(requests), &script{owners: []string{"alice"}, breaks: connect.NewError(connect.CodeUnavailable, "broken")}
	release := action.Unguarded(unguarded.Give()).AdmitStream(t.Context(), in, aliceTheEditor, source)
	defer release()
	if _, err := in.Receive(); err != nil {
		t.Error(err)
	}
	for range 2 {
		if _, err := in.Receive(); connect.CodeOf(err) != connect.CodeUnavailable {
			t.Errorf("a source that broke: %v", err)
		}
	}
}

// TestDeclarations returns what each action of a registry declares, and none where the
// registry does not serve.
func TestDeclarations(t *testing.T) {
	t.Parallel()
	declarations, err := action.Unguarded(unguarded.Give()).Declarations(newRehearsed(t).registry)
	if err != nil || len(declarations) == 0 {
		t.Errorf("%d declarations, %v", len(declarations), err)
	}
	if declarations, err := action.Unguarded(unguarded.Give()).Declarations(new(action.Registry)); err == nil || declarations != nil {
		t.Errorf("of a zero registry: %v, %v", declarations, err)
	}
}

// TestDecide asks the grants of an action alone.
func TestDecide(t *testing.T) {
	t.Parallel()
	behind, registry := action.Unguarded(unguarded.Give()), newRehearsed(t).registry
	own := must(behind.Decide(registry, unary("Own"), noon))
	for owner, want := range map[string]bool{"alice": true, "bob": false} {
		if allowed, err := own(t.Context(), aliceAlone, owned(owner)); err != nil || allowed != want {
			t.Errorf("%s's: %t, %v", owner, allowed, err)
		}
	}
	// A role includes others, as the registry says.
	owner := authn.NewPrincipal("alice", authn.Details{Unscoped: true, Roles: []string{"owner"}})
	if allowed, err := must(behind.Decide(registry, unary("Role"), noon))(t.Context(), owner, owned("alice")); err != nil || !allowed {
		t.Errorf("a role that includes the one of the grant: %t, %v", allowed, err)
	}
	for _, procedure := range []string{unary("Public"), "/made.up.Service/Name"} {
		if decide, err := behind.Decide(registry, procedure, noon); err == nil || decide != nil {
			t.Errorf("%s looks at grants", procedure)
		}
	}
	refusing := newRehearsed(t).registry
	if err := testv1action.RegisterStreamService(refusing, &handlers{}); err == nil {
		t.Fatal("a service is registered twice")
	}
	for name, registry := range map[string]*action.Registry{"zero": {}, "refused": refusing} {
		if decide, err := behind.Decide(registry, unary("Own"), noon); err == nil || decide != nil {
			t.Errorf("a %s registry decides", name)
		}
	}
	costly := owned("alice")
	costly.Tags = slices.Repeat([]string{"x"}, 60)
	if allowed, err := must(behind.Decide(registry, unary("Costly"), noon))(t.Context(), aliceAlone, costly); err == nil || allowed {
		t.Errorf("what cannot be decided: %t, %v", allowed, err)
	}
}

// TestAdmittedStreamEndsWithItsContext has the context of a stream that a test made end. Its
// handler is told so.
func TestAdmittedStreamEndsWithItsContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		in, source := new(dialogue), &script{owners: []string{"alice"}}
		release := action.Unguarded(unguarded.Give()).AdmitStream(ctx, in, aliceTheEditor, source)
		defer release()
		if err := in.Send(&testv1.Response{}); err != nil {
			t.Error(err)
		}
		cancel()
		synctest.Wait()
		if err := in.Send(&testv1.Response{}); connect.CodeOf(err) != connect.CodeCanceled || len(source.sent) != 1 {
			t.Errorf("sent %d: %v", len(source.sent), err)
		}
		if request, err := in.Receive(); connect.CodeOf(err) != connect.CodeCanceled {
			t.Errorf("received %v, %v", request, err)
		}
	})
}

// TestRegisterByHand registers methods that no generated code makes. They are refused.
func TestRegisterByHand(t *testing.T) {
	t.Parallel()
	service := describe(t, "HandService", rpc{name: "Get", action: anonymous()})
	linked := testv1.File_test_v1_test_proto
	copied := must(protodesc.NewFile(protodesc.ToFileDescriptorProto(linked), protoregistry.GlobalFiles))
	other := func(name protoreflect.Name) proto.Message {
		return dynamicpb.NewMessage(copied.Messages().ByName(name))
	}
	handle := func(context.Context, any, any) (proto.Message, error) { return &testv1.Response{}, nil }
	made := func() (request proto.Message, call, responses any) { return &testv1.Request{}, new(anonymousCall), nil }
	for name, test := range map[string]struct {
		method unguarded.Method
		rules  []string
	}{
		"sound":              {unguarded.Method{Request: &testv1.Request{}, Response: &testv1.Response{}, Handle: handle}, nil},
		"without messages":   {unguarded.Method{Handle: handle}, []string{"method-missing"}},
		"without a handler":  {unguarded.Method{Request: &testv1.Request{}, Response: &testv1.Response{}}, []string{"method-missing"}},
		"another's request":  {unguarded.Method{Request: other("Request"), Response: &testv1.Response{}, Handle: handle}, []string{"descriptor-other"}},
		"another's response": {unguarded.Method{Request: &testv1.Request{}, Response: other("Response"), Handle: handle}, []string{"descriptor-other"}},
		"both are another's": {unguarded.Method{Request: other("Request"), Response: other("Response"), Handle: handle}, []string{"descriptor-other"}},
	} {
		method := test.method
		method.Name, method.Stream, method.Anonymous, method.New = "Get", connect.StreamTypeUnary, true, made
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			expectRules(t, action.Unguarded(unguarded.Give()).Register(must(action.NewRegistry(nil)), unguarded.Service{
				Descriptor: service, Fingerprint: declaretest.Fingerprint(t, service), Implementation: &worker{}, Methods: []unguarded.Method{method},
			}), test.rules...)
		})
	}
}
