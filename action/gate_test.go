package action

import (
	"context"
	"errors"
	"testing"
	"time"

	"connectrpc.com/connect/v2"

	"github.com/sallyport-rpc/sallyport/action/event"
	"github.com/sallyport-rpc/sallyport/authn"
	testv1 "github.com/sallyport-rpc/sallyport/gen/test/v1"
	writesv1 "github.com/sallyport-rpc/sallyport/gen/test/writes/v1"
	"github.com/sallyport-rpc/sallyport/internal/declare"
	"github.com/sallyport-rpc/sallyport/internal/field"
	"github.com/sallyport-rpc/sallyport/internal/policy"
	"github.com/sallyport-rpc/sallyport/internal/validation"
)

// unrecorded keeps nothing.
type unrecorded struct{}

func (unrecorded) Enabled(context.Context, event.Kind, event.Outcome) bool { return false }
func (unrecorded) Record(context.Context, *event.Event) error              { return nil }

// silent is a stream on which every message is empty.
type silent struct{ connect.ServerStream }

func (silent) Receive(any) error { return nil }

// TestImpossibleGates enters gates that no declaration can lead to. None of them
// lets anybody through.
func TestImpossibleGates(t *testing.T) {
	t.Parallel()
	sure, err := validation.New().Rules((&testv1.Request{}).ProtoReflect().Descriptor())
	if err != nil {
		t.Fatal(err)
	}
	request := &testv1.Request{Owner: "alice"}
	if err := sure.Validate(t.Context(), request, 0); err != nil {
		t.Fatalf("what these gates are asked is invalid, so they get no further: %v", err)
	}
	anyone := policy.New(&declare.Declaration{Anyone: true}, nil)
	role := policy.New(&declare.Declaration{Grants: []declare.Grant{{Name: "allow[0]", Conditions: []declare.Condition{declare.AnyRole{Unfolded: []string{"owner"}}}}}}, nil)
	registry := &Registry{recorder: unrecorded{}, now: time.Now}
	steps := map[string]step{"admit": (*gate).admit, "admitUnread": (*gate).admitUnread, "admitFirst": (*gate).admitFirst, "admitSingle": (*gate).admitSingle, "admitNext": (*gate).admitNext}
	for name, gate := range map[string]*gate{
		"no policy":                      {rules: sure},
		"a zero policy":                  {rules: sure, policy: &policy.Policy{}},
		"no principal":                   {rules: sure, policy: role},
		"a nil authenticator":            {rules: sure, policy: anyone, schemes: []scheme{{name: "session"}}},
		"every message of no validator":  {policy: anyone, timing: 3, schemes: []scheme{{name: "session"}}},
		"no validator, nor anything":     {},
		"no validator, concealed":        {conceal: true, policy: role},
		"no validator, with a principal": {policy: role, schemes: []scheme{{name: "session", authenticator: tells("alice"), ask: tells("alice").Authenticate}}},
	} {
		gate.registry = registry
		for stepName, step := range steps {
			if stepName == "admitNext" && gate.timing == 0 && gate.rules != nil {
				continue // the later messages of a stream that is authorized once
			}
			pass := passage{gate: gate}
			err := pass.enter(t.Context(), step, silent{}, request)
			if err == nil || pass.admitted {
				t.Errorf("%s, %s: a caller was let through", name, stepName)
			}
		}
	}
}

// A request is kept where a rule reads it later, and of a call that is let in.
func TestKeptRequest(t *testing.T) {
	t.Parallel()
	anyone := policy.New(&declare.Declaration{Anyone: true}, nil)
	role := policy.New(&declare.Declaration{Grants: []declare.Grant{{Name: "allow[0]", Conditions: []declare.Condition{declare.AnyRole{Unfolded: []string{"owner"}}}}}}, nil)
	for name, test := range map[string]struct {
		gate *gate
		kept bool
	}{
		"no rule reads it":         {&gate{policy: anyone}, false},
		"a rule reads it":          {&gate{policy: anyone, keeps: true}, true},
		"a rule would, and denied": {&gate{policy: role, keeps: true}, false},
	} {
		test.gate.registry = &Registry{recorder: unrecorded{}, now: time.Now}
		pass := &passage{gate: test.gate, principal: authn.NewPrincipal("alice", authn.Details{Unscoped: true})}
		_ = test.gate.decide(t.Context(), pass, &testv1.Request{Owner: "alice"})
		if kept := pass.extras != nil && pass.extras.request != nil; kept != test.kept {
			t.Errorf("%s: it is kept: %t", name, kept)
		}
	}
}

// What may be written is not, where its caller has left.
func TestWriteOfOneWhoHasLeft(t *testing.T) {
	t.Parallel()
	request := &writesv1.PartRequest{Part: &writesv1.Part{Text: "t"}}
	g := &gate{intake: &intake{writes: (&field.Rules{}).Writing(request.ProtoReflect().Descriptor(), nil, nil)}}
	gone, leave := context.WithCancel(t.Context())
	leave()
	refused := &field.RefusedError{Field: "test.writes.v1.Part.seal"}
	for name, test := range map[string]struct {
		err  error
		code connect.Code // 0 where it is written
	}{
		"it is written":                          {g.takeIn(t.Context(), &passage{gate: g}, request), 0},
		"it would be, and the caller has left":   {g.takeIn(gone, &passage{gate: g}, request), connect.CodeCanceled},
		"it is refused":                          {untaken(t.Context(), refused), connect.CodePermissionDenied},
		"it is refused, and the caller has left": {untaken(gone, refused), connect.CodeCanceled},
		"it cannot be decided":                   {untaken(t.Context(), errors.New("planted")), connect.CodeInternal},
	} {
		denied, ok := errors.AsType[*denial](test.err)
		if ok != (test.code != 0) || ok && denied.public.Code() != test.code || !ok && test.err != nil {
			t.Errorf("%s: %v, want %s", name, test.err, test.code)
		}
	}
}

// tells is an authenticator that takes every caller for one principal.
type tells string

func (t tells) Authenticate(context.Context, *connect.CallInfo) (*authn.Principal, error) {
	return authn.NewPrincipal(string(t), authn.Details{Unscoped: true}), nil
}
