package review

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/sallyport-rpc/sallyport/authn"
	sallyportv1 "github.com/sallyport-rpc/sallyport/gen/sallyport/v1"
	"github.com/sallyport-rpc/sallyport/internal/declare"
	"github.com/sallyport-rpc/sallyport/internal/field"
	"github.com/sallyport-rpc/sallyport/internal/policy"
	"github.com/sallyport-rpc/sallyport/internal/validation"
)

// A Question is a call of an action that is to be explained.
type Question struct {
	// Caller is who calls.
	Caller Caller
	// Request is what is asked for, in JSON; "" is an empty message.
	Request string
	// Resource is what the action is about, in JSON, where its declaration says that; "" is
	// one that is not there.
	Resource string
	// Now is when the call comes.
	Now time.Time
	// Answers are those of checks, by their names. A check that is not among them says no.
	Answers map[string]bool
}

// An Explanation says step by step what a gate does with a call.
type Explanation struct {
	Procedure string `json:"procedure"`
	// Allowed is whether the call is let in, and Grant by what.
	Allowed bool   `json:"allowed"`
	Grant   string `json:"grant,omitempty"`
	// Steps are those of the gate, in turn, up to the one that decides.
	Steps []Step `json:"steps"`
	// Helps are the smallest sets of roles and scopes that would let the call in if the
	// caller had them too. They are looked for where a grant was missing.
	Helps []Help `json:"helps,omitempty"`
	// Unanswered are the checks that a grant asks and that the question does not answer.
	Unanswered []string `json:"unanswered_checks,omitempty"`

	// Recorded is what the event says, where a recorded call is explained.
	Recorded *Recorded `json:"recorded,omitempty"`
	// Because is why a recorded call is denied. It has nothing that the caller chose.
	Because string `json:"because,omitempty"`
	// Undecided is whether the event does not say enough, and Lacks what it does not have.
	Undecided bool     `json:"undecided,omitempty"`
	Lacks     []string `json:"lacks,omitempty"`
}

// A Step is one step of a gate.
type Step struct {
	// Name is "validate", "authenticate", "credential", "load", "authorize", "name",
	// "write" or, of what the answer may hold, "each".
	Name string `json:"name"`
	// Passed is whether the call goes on.
	Passed bool `json:"passed"`
	// Why says what was found, a line each.
	Why []string `json:"why"`
}

// A Help is roles and scopes that the caller lacks.
type Help struct {
	Roles  []string `json:"roles,omitempty"`
	Scopes []string `json:"scopes,omitempty"`
}

// String is the help in words.
func (h Help) String() string {
	words := make([]string, 0, len(h.Roles)+len(h.Scopes))
	for _, role := range h.Roles {
		words = append(words, "role "+role)
	}
	for _, scope := range h.Scopes {
		words = append(words, "scope "+scope)
	}
	return strings.Join(words, " and ")
}

// Explain says what the gate of an action does with a call. It is decided by the gate's
// own packages. An error says what is wrong with the question.
func (a Action) Explain(ctx context.Context, question Question) (*Explanation, error) {
	explained := &Explanation{Procedure: a.Procedure}
	request, err := requestOf(a.declaration.Method.Input(), question.Request)
	if err != nil {
		return nil, err
	}
	e := &explaining{
		declaration: a.declaration, question: question, request: request, explained: explained,
		roles: authn.NewHierarchy(a.declaration.Includes),
	}
	if question.Caller.Scheme == "" && !a.declaration.Anonymous() {
		e.question.Caller.Scheme = a.declaration.Schemes[0]
	}
	for _, step := range []func(context.Context) (bool, error){e.validate, e.authenticate, e.credential, e.load, e.authorize, e.name, e.write} {
		if passed, err := step(ctx); !passed || err != nil {
			return explained, err
		}
	}
	explained.Allowed = true
	if len(a.Each) > 0 {
		step := Step{Name: "each", Passed: true}
		for _, each := range a.Each {
			step.Why = append(step.Why, each.String())
		}
		explained.Steps = append(explained.Steps, step)
	}
	return explained, nil
}

// explaining is the state of explaining one call.
type explaining struct {
	declaration *declare.Declaration
	question    Question
	request     proto.Message
	resource    proto.Message // what the action is about; nil where it is not there
	roles       *authn.Hierarchy
	principal   *authn.Principal
	explained   *Explanation
}

func (e *explaining) step(name string, passed bool, why ...string) bool {
	e.explained.Steps = append(e.explained.Steps, Step{name, passed, why})
	return passed
}

func (e *explaining) validate(context.Context) (bool, error) {
	if e.declaration.Timing() == sallyportv1.Stream_OPEN {
		e.request = nil
		return e.step("validate", true, "the stream is authorized before its first message"), nil
	}
	validator, err := validation.New().For(e.request.ProtoReflect().Descriptor())
	if err != nil {
		return false, fmt.Errorf("the validation rules of %s: %w", e.request.ProtoReflect().Descriptor().FullName(), err)
	}
	if err := validator.Validate(e.request); err != nil {
		return e.step("validate", false, strings.Split(strings.TrimSpace(err.Error()), "\n")...), nil
	}
	return e.step("validate", true, "the request breaks no validation rule"), nil
}

// authenticate holds what the caller is against what the declaration asks of it.
func (e *explaining) authenticate(context.Context) (bool, error) {
	const name = "authenticate"
	if e.declaration.Anonymous() {
		return e.step(name, true, "callers need not authenticate"), nil
	}
	principal, err := e.question.Caller.principal(e.declaration.Claims, e.roles)
	if err != nil {
		return false, err
	}
	e.principal = principal
	switch {
	case !slices.Contains(e.declaration.Schemes, principal.Scheme()):
		return e.step(name, false, fmt.Sprintf("the action does not take scheme %q, but %s", principal.Scheme(), strings.Join(e.declaration.Schemes, " and "))), nil
	case principal.Expired(e.question.Now):
		return e.step(name, false, "the credential expired at "+principal.ExpiresAt().UTC().Format(time.RFC3339)), nil
	}
	found := "when the caller authenticated is not known"
	switch policy.FreshnessOf(principal, e.question.Now, e.declaration.MaxAge) {
	case policy.Fresh:
		return e.step(name, true, fmt.Sprintf("principal %q by scheme %q", principal.ID(), principal.Scheme())), nil
	case policy.TooLongAgo, policy.InTheFuture:
		found = "the caller authenticated at " + principal.AuthenticatedAt().UTC().Format(time.RFC3339)
	case policy.TimeUnknown:
	}
	return e.step(name, false, found+", and it must be within the last "+short(e.declaration.MaxAge)), nil
}

// credential holds what a scoped credential carries against what the action needs of one.
func (e *explaining) credential(context.Context) (bool, error) {
	switch {
	case e.principal == nil || !e.principal.Scoped():
		return true, nil
	case e.policy().Sufficient(e.principal):
		return e.step("credential", true, "the scoped credential carries "+strings.Join(e.declaration.CredentialScopes, " and ")), nil
	case len(e.declaration.CredentialScopes) == 0:
		return e.step("credential", false, "the action takes no scoped credential"), nil
	default:
		return e.step("credential", false, "the scoped credential must carry "+strings.Join(e.declaration.CredentialScopes, " and ")), nil
	}
}

// load takes the object of the question for what the action is about.
func (e *explaining) load(context.Context) (bool, error) {
	about := e.declaration.Resource
	switch {
	case about == nil && e.question.Resource != "":
		return false, fmt.Errorf("%s is about no resource", e.declaration.Procedure)
	case about == nil:
		return true, nil
	case e.question.Resource == "":
		return e.step("load", true, fmt.Sprintf("no %s was given, so it is taken as one that is not there", about.Type.FullName())), nil
	}
	resource, err := messageOf("resource", about.Type, e.question.Resource)
	if err != nil {
		return false, err
	}
	e.resource = resource
	return e.step("load", true, fmt.Sprintf("the %s that was given", about.Type.FullName())), nil
}

// policy is what the declaration allows, with the answers of the question.
func (e *explaining) policy() *policy.Policy {
	checks := map[string]policy.CheckFunc{}
	for _, name := range e.declaration.Asked() {
		answer := e.question.Answers[name]
		checks[name] = func(context.Context, *authn.Principal, proto.Message) (bool, error) { return answer, nil }
	}
	return policy.New(e.declaration, checks)
}

func (e *explaining) authorize(ctx context.Context) (bool, error) {
	for _, name := range e.declaration.Asked() {
		if _, answered := e.question.Answers[name]; !answered {
			e.explained.Unanswered = append(e.explained.Unanswered, name)
		}
	}
	input := policy.Input{Principal: e.principal, Request: e.request, Now: e.question.Now, Answers: map[string]bool{}, Resource: e.resource}
	decides := e.policy()
	decision, err := decides.Decide(ctx, input)
	if err != nil {
		return e.step("authorize", false, "a condition fails, which denies: "+err.Error()), nil //nolint:nilerr // it is what the call ends with
	}
	var why []string
	for _, outcome := range decides.Explain(ctx, input) {
		for _, condition := range outcome.Conditions {
			held := "does not hold"
			if condition.Held {
				held = "holds"
			}
			why = append(why, fmt.Sprintf("%s: %s %s: %s", outcome.Grant, condition.Condition, held, condition.Why))
		}
	}
	if decision.Allowed && e.declaration.Resource != nil && e.resource == nil {
		why = append(why, "what the action is about is not there: not_found")
		return e.step("authorize", false, why...), nil
	}
	if decision.Allowed {
		e.explained.Grant = decides.Grant(decision.Place)
		if e.declaration.Anyone {
			why = append(why, "anyone may call it")
		}
	} else {
		e.explained.Helps = e.helps(ctx, decides, input)
	}
	return e.step("authorize", decision.Allowed, why...), nil
}

// rules are who may read and write the fields that the action answers with and takes.
func (e *explaining) rules() *field.Rules {
	rules := slices.Concat(e.declaration.Fields, e.declaration.Details)
	if writes := e.declaration.Writing; writes != nil {
		rules = append(rules, writes.Rules...)
	}
	return field.NewRules(rules)
}

// name holds the names of fields in the request against what the caller may read.
func (e *explaining) name(ctx context.Context) (bool, error) {
	naming := e.rules().Naming(e.declaration.Method.Input(), e.declaration.Names)
	if naming == nil || e.request == nil {
		return true, nil
	}
	if err := naming.Check(ctx, field.Reader{Principal: e.principal, Now: e.question.Now}, e.request); err != nil {
		e.explained.Grant = ""
		return e.step("name", false, err.Error()), nil
	}
	return e.step("name", true, "the request names no field that its caller may not read"), nil
}

// write holds what the request writes against what the caller may write.
func (e *explaining) write(ctx context.Context) (bool, error) {
	if e.declaration.Writing == nil || e.request == nil {
		return true, nil
	}
	writing := e.rules().Writing(e.declaration.Method.Input(), e.declaration.Writing, e.declaration.Resource)
	if writing == nil {
		return true, nil
	}
	if err := writing.Write(ctx, field.Writer{Principal: e.principal, Stored: e.resource, Now: e.question.Now}, proto.Clone(e.request)); err != nil {
		e.explained.Grant = ""
		return e.step("write", false, err.Error()), nil
	}
	return e.step("write", true, "the request writes no field that its caller may not write"), nil
}

// maxHelp is how many roles and scopes a help has at most, and maxTried how many sets are
// tried.
const (
	maxHelp  = 3
	maxTried = 20_000
)

// helps looks for the smallest sets of roles and scopes that would let the call in. Sets
// that have a smaller one in them are left out.
func (e *explaining) helps(ctx context.Context, decides *policy.Policy, input policy.Input) []Help {
	type name struct {
		text  string
		scope bool
	}
	var lacking []name
	for _, role := range slices.Sorted(maps.Keys(e.declaration.Includes)) {
		if !e.principal.Has(role) {
			lacking = append(lacking, name{role, false})
		}
	}
	for _, scope := range e.scopes() {
		if !e.principal.CarriesScope(scope) {
			lacking = append(lacking, name{scope, true})
		}
	}
	var found []Help
	var sets [][]int
	tried := 0
	var try func(set []int, from, size int)
	try = func(set []int, from, size int) {
		if size == 0 {
			if tried++; tried > maxTried || slices.ContainsFunc(sets, func(smaller []int) bool { return isWithin(smaller, set) }) {
				return
			}
			caller, help := e.question.Caller, Help{}
			caller.Roles, caller.Scopes = slices.Clone(caller.Roles), slices.Clone(caller.Scopes)
			for _, at := range set {
				if lacking[at].scope {
					caller.Scopes, help.Scopes = append(caller.Scopes, lacking[at].text), append(help.Scopes, lacking[at].text)
				} else {
					caller.Roles, help.Roles = append(caller.Roles, lacking[at].text), append(help.Roles, lacking[at].text)
				}
			}
			with := input
			var err error
			if with.Principal, err = caller.principal(e.declaration.Claims, e.roles); err != nil {
				return
			}
			if decision, err := decides.Decide(ctx, with); err == nil && decision.Allowed {
				sets, found = append(sets, slices.Clone(set)), append(found, help)
			}
			return
		}
		for at := from; at < len(lacking); at++ {
			try(append(set, at), at+1, size-1)
		}
	}
	for size := 1; size <= min(maxHelp, len(lacking)); size++ {
		try(nil, 0, size)
	}
	return found
}

// isWithin reports whether all of part are in whole.
func isWithin(part, whole []int) bool {
	return !slices.ContainsFunc(part, func(at int) bool { return !slices.Contains(whole, at) })
}

// scopes are those that the grants name, sorted.
func (e *explaining) scopes() []string {
	var scopes []string
	for _, grant := range e.declaration.Grants {
		for _, condition := range grant.Conditions {
			if needed, ok := condition.(declare.AllScopes); ok {
				scopes = append(scopes, needed.Named...)
			}
		}
	}
	slices.Sort(scopes)
	return slices.Compact(scopes)
}
