package actiontest

import (
	"context"
	"slices"

	"connectrpc.com/connect/v2"
	"google.golang.org/protobuf/proto"

	"github.com/sallyport-rpc/sallyport/action/event"
	"github.com/sallyport-rpc/sallyport/authn"
	"github.com/sallyport-rpc/sallyport/internal/condition"
	"github.com/sallyport-rpc/sallyport/internal/declare"
)

// decide says which grant lets a principal in, or the code and stage of what does not: the
// loader or what a grant asks fails, or no grant holds. It counts both.
func (j *judge) decide(a *attempt, principal *authn.Principal, request proto.Message, counted *tally) (grant string, code connect.Code, stage event.Stage) {
	if j.loads(a, principal, request) {
		counted.loads++
		if a.load != loadsIt && counted.loads > a.loadsWell {
			return "", a.load.code(), event.StageLoad
		}
	}
	grant, code = j.authorize(a, principal, request, counted)
	return grant, code, event.StageAuthorize
}

// authorize says which grant lets a principal in, or the code of why none does. The request
// is nil where none was read. What a credential lacks is not concealed: it says nothing of
// the request.
func (j *judge) authorize(a *attempt, principal *authn.Principal, request proto.Message, counted *tally) (grant string, code connect.Code) {
	if principal != nil && principal.Scoped() && !j.carries(principal) {
		return "", connect.CodePermissionDenied
	}
	if j.declaration.Anyone {
		return "anyone", Allowed
	}
	for i, grant := range j.declaration.Grants {
		held, undecided := j.conditions(a, principal, request, i)
		if undecided {
			return "", j.refused()
		}
		if yes, code := j.asks(a, i, held, counted); code != Allowed {
			return "", code
		} else if yes && len(held) > 0 {
			if j.declaration.Resource != nil && j.resource(a, request) == nil {
				return "", connect.CodeNotFound
			}
			return grant.Name, Allowed
		}
	}
	return "", j.refused()
}

// carries reports whether a scoped credential has what the action needs of one.
func (j *judge) carries(principal *authn.Principal) bool {
	needed := j.declaration.CredentialScopes
	return len(needed) > 0 && !slices.ContainsFunc(needed, func(scope string) bool { return !principal.CredentialCarries(scope) })
}

// conditions says of each condition of a grant whether it holds, and whether they come to one
// that cannot be decided.
func (j *judge) conditions(a *attempt, principal *authn.Principal, request proto.Message, grant int) (held []bool, undecided bool) {
	input := condition.Input{Principal: principal, Request: request, Now: a.now, Subject: j.resource(a, request)}
	return hold(j.declaration.Grants[grant].Conditions, &input, a.answers)
}

// hold says of each of conditions whether it holds of an input, and by the answers of what
// they ask. They are undecided where they come to one that cannot be decided before one that
// does not hold: that ends a decision, and no other grant counts.
func hold(conditions []declare.Condition, input *condition.Input, answers map[string]bool) (held []bool, undecided bool) {
	held = make([]bool, len(conditions))
	principal, request := input.Principal, input.Request
	decided := true
	for i, of := range conditions {
		var err error
		switch of := of.(type) {
		case declare.AnyRole:
			held[i] = slices.ContainsFunc(of.Named, principal.Has)
		case declare.AllScopes:
			held[i] = !slices.ContainsFunc(of.Named, func(scope string) bool { return !principal.CarriesScope(scope) })
		case declare.When:
			held[i], err = isTrue(of.Expression, input)
		case declare.CEL:
			held[i], err = isTrue(of.Expression, input)
		case declare.Check:
			held[i] = request != nil && answers[of.Name]
		case declare.Relation:
			held[i], err = isTrue(of.Usable, input)
			held[i] = held[i] && answers[of.String()]
		}
		undecided = undecided || decided && err != nil
		decided = decided && held[i]
	}
	return held, undecided
}

// heldBy is the place of the first grant of which all conditions hold, or -1. undecided is
// whether they come to a grant that cannot be decided, which ends it.
func heldBy(grants []declare.Grant, input *condition.Input, answers map[string]bool) (by int, undecided bool) {
	for i, grant := range grants {
		held, undecided := hold(grant.Conditions, input, answers)
		switch {
		case undecided:
			return -1, true
		case len(held) > 0 && !slices.Contains(held, false):
			return i, false
		}
	}
	return -1, false
}

// isTrue reports whether an expression is true of an input, which may lack what it reads.
func isTrue(expression *condition.Expression, input *condition.Input) (bool, error) {
	if expression.ReadsRequest() && input.Request == nil || expression.ReadsSubject() && input.Subject == nil {
		return false, nil
	}
	return expression.Holds(context.Background(), input)
}
