package action

import (
	"context"
	"testing"
	"time"

	"buf.build/go/protovalidate"
	"connectrpc.com/connect/v2"
	"google.golang.org/protobuf/proto"

	"github.com/sallyport-rpc/sallyport/authn"
	testv1 "github.com/sallyport-rpc/sallyport/gen/test/v1"
	"github.com/sallyport-rpc/sallyport/internal/declare"
	"github.com/sallyport-rpc/sallyport/internal/policy"
)

// unrecorded keeps nothing.
type unrecorded struct{}

func (unrecorded) Enabled(context.Context, Outcome) bool { return false }
func (unrecorded) Record(context.Context, Decision)      {}

// silent is a stream on which every message is empty.
type silent struct{ connect.ServerStream }

func (silent) Receive(any) error { return nil }

// sure is a validator that finds nothing wrong.
type sure struct{}

func (sure) Validate(proto.Message, ...protovalidate.ValidationOption) error { return nil }

// TestImpossibleGates enters gates that no declaration can lead to. None of them
// lets anybody through.
func TestImpossibleGates(t *testing.T) {
	t.Parallel()
	anyone := policy.New(&declare.Declaration{Anyone: true}, nil)
	role := policy.New(&declare.Declaration{Grants: []declare.Grant{{Name: "allow[0]", Conditions: []declare.Condition{declare.AnyRole{Unfolded: []string{"owner"}}}}}}, nil)
	registry := &Registry{recorder: unrecorded{}, now: time.Now}
	steps := map[string]step{"admit": (*gate).admit, "admitUnread": (*gate).admitUnread, "admitFirst": (*gate).admitFirst, "admitSingle": (*gate).admitSingle, "admitNext": (*gate).admitNext}
	for name, gate := range map[string]*gate{
		"no policy":                      {validator: sure{}},
		"a zero policy":                  {validator: sure{}, policy: &policy.Policy{}},
		"no principal":                   {validator: sure{}, policy: role},
		"a nil authenticator":            {validator: sure{}, policy: anyone, schemes: []scheme{{name: "session"}}},
		"every message of no validator":  {policy: anyone, when: 3, schemes: []scheme{{name: "session"}}},
		"no validator, nor anything":     {},
		"no validator, concealed":        {conceal: true, policy: role},
		"no validator, with a principal": {policy: role, schemes: []scheme{{name: "session", authenticator: tells("alice")}}},
	} {
		gate.registry = registry
		for stepName, step := range steps {
			if stepName == "admitNext" && gate.when == 0 && gate.validator != nil {
				continue // the later messages of a stream that is authorized once
			}
			pass := gate.begin()
			err := pass.enter(t.Context(), step, silent{}, &testv1.Request{})
			if err == nil || pass.admitted {
				t.Errorf("%s, %s: somebody was let through", name, stepName)
			}
		}
	}
}

// tells is an authenticator that takes every caller for somebody.
type tells string

func (t tells) Authenticate(context.Context, *connect.CallInfo) (*authn.Principal, error) {
	return authn.NewPrincipal(string(t), authn.Details{}), nil
}
