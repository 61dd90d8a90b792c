package action_test

import (
	"errors"
	"io"
	"testing"

	"connectrpc.com/connect/v2"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/authn"
	testv1 "github.com/sallyport-rpc/sallyport/gen/test/v1"
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
	if decide, err := behind.Decide(new(action.Registry), unary("Own"), noon); err == nil || decide != nil {
		t.Error("a zero registry decides")
	}
}
