package review

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/sallyport-rpc/sallyport/authn"
	sallyportv1 "github.com/sallyport-rpc/sallyport/gen/sallyport/v1"
	"github.com/sallyport-rpc/sallyport/internal/policy"
	"github.com/sallyport-rpc/sallyport/internal/prove"
)

// ErrNoDecision says of an event that it is no decision on a call.
var ErrNoDecision = errors.New("the event is no decision on a call: take the event of the kind decided or opened of the same call")

// Recorded is what an event says of the call that is explained.
type Recorded struct {
	// Outcome is "allow" or "deny", and Stage the step that decided.
	Outcome string `json:"outcome"`
	Stage   string `json:"stage"`
	Grant   string `json:"grant,omitempty"`
	Reason  string `json:"reason,omitempty"`
}

// ExplainEvent decides a recorded call again by the action's declaration, as far as its
// event has what that needs. The request was validated when the call came; the rules of
// the declaration's request are not applied again. An error is [ErrNoDecision].
func (a Action) ExplainEvent(ctx context.Context, event *Event) (*Explanation, error) {
	if !event.OfGrants() && (event.Kind != "decided" && event.Kind != "opened" && event.Kind != "message" || event.Stage == "") {
		return nil, ErrNoDecision
	}
	recorded := Recorded{Outcome: event.Outcome, Stage: event.Stage, Grant: event.Grant, Reason: event.Reason}
	explained := &Explanation{Procedure: a.Procedure, Recorded: &recorded}
	if !event.OfGrants() {
		why := "the event says: " + event.Reason
		explained.Steps = []Step{{Name: event.Stage, Why: []string{why}}}
		explained.Because = why
		return explained, nil
	}
	newRecaller(a).recall(ctx, event, explained)
	return explained, nil
}

// A recaller decides recorded calls of one action again. It is for one goroutine.
type recaller struct {
	action  Action
	roles   *authn.Hierarchy
	policy  *policy.Policy
	answers map[string]bool // of the event that is decided
}

func newRecaller(action Action) *recaller {
	r := &recaller{action: action, roles: authn.NewHierarchy(action.declaration.Includes)}
	checks := map[string]policy.CheckFunc{}
	for _, name := range action.declaration.Asked() {
		checks[name] = func(context.Context, *authn.Principal, proto.Message) (bool, error) { return r.answers[name], nil }
	}
	r.policy = policy.New(action.declaration, checks)
	return r
}

// recall goes through the steps of a gate, up to the one that decides or that the event
// lacks something for.
func (r *recaller) recall(ctx context.Context, event *Event, explained *Explanation) {
	of := &recalling{recaller: r, event: event, explained: explained}
	r.answers = nil
	if event.Values != nil {
		r.answers = event.Values.Answers
	}
	for _, step := range []func() bool{of.authenticate, of.credential} {
		if !step() {
			return
		}
	}
	of.authorize(ctx)
}

// recalling is the state of deciding one event.
type recalling struct {
	*recaller

	event     *Event
	principal *authn.Principal
	explained *Explanation
}

func (r *recalling) step(name string, passed bool, why ...string) bool {
	r.explained.Steps = append(r.explained.Steps, Step{name, passed, why})
	return passed
}

// denied ends with a denial, whose reason has nothing that the caller chose.
func (r *recalling) denied(step, because string) bool {
	r.explained.Because = because
	return r.step(step, false, because)
}

// lacks ends without a decision.
func (r *recalling) lacks(step string, names ...string) bool {
	r.explained.Undecided, r.explained.Lacks = true, names
	return r.step(step, false, "the event lacks "+strings.Join(names, ", "))
}

func (r *recalling) authenticate() bool {
	const name = "authenticate"
	declaration := r.action.declaration
	switch {
	case declaration.Anonymous():
		return r.step(name, true, "callers need not authenticate")
	case r.event.Scheme == "":
		return r.lacks(name, "principal")
	case !slices.Contains(declaration.Schemes, r.event.Scheme):
		return r.denied(name, fmt.Sprintf("the action does not take scheme %q", r.event.Scheme))
	}
	principal, err := r.boundPrincipal()
	if err != nil {
		return r.lacks(name, "principal.claims: "+err.Error())
	}
	r.principal = principal
	if declaration.MaxAge > 0 {
		if !r.event.knows("principal.authenticated_at") {
			return r.lacks(name, "principal.authenticated_at")
		}
		if policy.FreshnessOf(principal, r.event.Time, declaration.MaxAge) != policy.Fresh {
			return r.denied(name, "the caller did not authenticate within the last "+short(declaration.MaxAge))
		}
	}
	return r.step(name, true, fmt.Sprintf("principal %q by scheme %q", r.event.Principal, r.event.Scheme))
}

// boundPrincipal is the recorded caller as a gate of the action binds it.
func (r *recalling) boundPrincipal() (*authn.Principal, error) {
	witness := &prove.Witness{ID: r.event.Principal, Scheme: r.event.Scheme, Scoped: r.event.Scoped}
	if values := r.event.Values; values != nil {
		witness.Roles, witness.Scopes, witness.CarriedScopes = values.Roles, values.Scopes, values.CredentialScopes
		witness.AuthenticatedAt, witness.ExpiresAt = values.AuthenticatedAt, values.ExpiresAt
		if claims := r.action.declaration.Claims; claims != nil && len(values.Claims) > 0 {
			read, err := messageIn(claims, values.Claims)
			if err != nil {
				return nil, err
			}
			witness.Claims = read
		}
	}
	return witness.Principal().Bound(r.event.Scheme, r.roles), nil
}

// messageIn reads a message from JSON. Fields that the type does not have are left out:
// no condition reads them.
func messageIn(of protoreflect.MessageDescriptor, text []byte) (proto.Message, error) {
	read := dynamicpb.NewMessage(of)
	if err := (protojson.UnmarshalOptions{DiscardUnknown: true}).Unmarshal(text, read); err != nil {
		return nil, fmt.Errorf("what was recorded is no %s", of.FullName())
	}
	return read, nil
}

// credential holds what a scoped credential carries against what the action needs of one.
// An event has only those of its scopes that the declaration of that time named.
func (r *recalling) credential() bool {
	const name = "credential"
	if r.principal == nil || !r.event.Scoped {
		return true
	}
	needed := r.action.declaration.CredentialScopes
	if len(needed) == 0 {
		return r.denied(name, "the action takes no scoped credential")
	}
	var unknown []string
	for _, scope := range needed {
		switch {
		case r.principal.CredentialCarries(scope):
		case slices.Contains(r.event.MissingScopes, scope):
			return r.denied(name, "the scoped credential does not carry "+scope)
		default:
			unknown = append(unknown, "whether the credential carries "+scope)
		}
	}
	if len(unknown) > 0 {
		return r.lacks(name, unknown...)
	}
	return r.step(name, true, "the scoped credential carries "+strings.Join(needed, " and "))
}

func (r *recalling) authorize(ctx context.Context) {
	const name = "authorize"
	input := policy.Input{Principal: r.principal, Now: r.event.Time}
	known := r.event.knows
	if r.action.declaration.Timing() != sallyportv1.Stream_OPEN {
		request, err := r.request()
		if err != nil {
			known = func(read string) bool {
				return read != "request" && !strings.HasPrefix(read, "request.") && r.event.knows(read)
			}
		}
		input.Request = request
	}
	recalled := r.policy.Recall(ctx, input, known)
	var why []string
	for _, outcome := range recalled.Grants {
		for _, condition := range outcome.Conditions {
			held := "does not hold"
			switch {
			case condition.Held:
				held = "holds"
			case condition.Unknown:
				held = "is not decided"
			}
			why = append(why, fmt.Sprintf("%s: %s %s: %s", outcome.Grant, condition.Condition, held, condition.Why))
		}
	}
	switch {
	case !recalled.Decided:
		r.lacks(name, recalled.Lacks...)
	case !recalled.Allowed:
		r.denied(name, "no grant holds")
	default:
		r.explained.Allowed, r.explained.Grant = true, recalled.Grant
		if recalled.Grant == policy.Anyone {
			why = append(why, "anyone may call it")
		}
		r.step(name, true)
	}
	last := &r.explained.Steps[len(r.explained.Steps)-1]
	last.Why = append(why, last.Why...)
}

// request is what was recorded of the request: an empty message where conditions read
// nothing of it.
func (r *recalling) request() (proto.Message, error) {
	of := r.action.declaration.Method.Input()
	if r.event.Values == nil || len(r.event.Values.Request) == 0 {
		return dynamicpb.NewMessage(of), nil
	}
	return messageIn(of, r.event.Values.Request)
}
