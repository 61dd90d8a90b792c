package prove

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"

	sallyportv1 "github.com/sallyport-rpc/sallyport/gen/sallyport/v1"
	"github.com/sallyport-rpc/sallyport/internal/condition"
	"github.com/sallyport-rpc/sallyport/internal/declare"
)

// An Outcome says what came of an assertion.
type Outcome uint8

// The outcomes.
const (
	// Open is the zero Outcome: the assertion is undecided.
	Open Outcome = iota
	// Proved: it is true of every call.
	Proved
	// Refuted: it is not.
	Refuted
)

// String returns "undecided", "proved" or "refuted".
func (o Outcome) String() string { return [...]string{"undecided", "proved", "refuted"}[o] }

// Scope says what a proof is about, for people to read beside it.
const Scope = "proved of the declarations, given that the request was validated; principals range over every set of known and " +
	"unknown roles, scopes and claims, with an id that is not empty; what an action is about is there, and may be any message of its " +
	"type; checks may answer anything, the same for the same arguments"

// An Answer is what came of an assertion about one action. The zero Answer is undecided.
type Answer struct {
	Outcome Outcome
	// Witness is a call that refutes it. It is nil where no call does, such as where a grant
	// lets none in.
	Witness *Witness
	// Text says, of one that is refuted, in which way.
	Text string
	// Reason says why it is undecided. It is nil otherwise.
	Reason *Reason
	// Steps is how many evaluations of a condition it took, with the questions to solvers.
	Steps int
	// By are the solvers by which it is proved, beyond what is proved without them: all of
	// them said so. [Assumed] is assumed then.
	By []string
}

// Assert decides an assertion about the declaration of an action. Of an anonymous action
// it takes it that every principal is let in. An error says that the assertion is none for
// this action: an expression in it does not compile, or names what there is not.
func Assert(declaration *declare.Declaration, assertion *sallyportv1.Assertion) (Answer, error) {
	return NewProver(nil, false).Assert(context.Background(), declaration, assertion)
}

// assert decides an assertion about an action, or about who may read a field.
func (p *prover) assert(ctx context.Context, of *matter, assertion *sallyportv1.Assertion) (answer Answer, err error) {
	declaration := of.declaration
	p.taken, p.by = 0, nil
	defer func() {
		if answer.Steps = p.taken; answer.Outcome == Proved {
			answer.By = p.by
		}
		if err != nil {
			err = fmt.Errorf("assertion %q about %s: %w", assertion.GetName(), declaration.Procedure, err)
		}
	}()
	switch says := assertion.GetSays().(type) {
	case *sallyportv1.Assertion_Authenticated:
		if declaration.Anonymous() {
			return Answer{Outcome: Refuted, Text: "it is anonymous"}, nil
		}
		return Answer{Outcome: Proved}, nil
	case *sallyportv1.Assertion_Never:
		given, err := p.expressionFor(of, says.Never)
		if err != nil {
			return Answer{}, err
		}
		return p.none(ctx, of, with(declaration, given), without(declaration), of.letIn+", and the expression is true of it")
	case *sallyportv1.Assertion_Only:
		only, err := onlyFor(declaration, says.Only)
		if err != nil {
			return Answer{}, err
		}
		return p.none(ctx, of, declaration, only, of.letIn+" without it")
	case *sallyportv1.Assertion_Equal:
		return p.equal(ctx, of, says.Equal)
	case *sallyportv1.Assertion_Reachable:
		return p.reachable(ctx, of)
	default:
		return Answer{}, errors.New("it says nothing")
	}
}

// A matter is what an assertion is about.
type matter struct {
	// declaration is the action, or has the grants of who may read a field.
	declaration *declare.Declaration
	// side is what other grants of it know.
	side func(*declare.Declaration) *side
	// subject is what expressions read besides, and request whether they read a request.
	subject condition.Subject
	request protoreflect.MessageDescriptor
	// letIn and keptOut say of a witness what it is.
	letIn, keptOut string
}

// ofAction is what an assertion about an action is about.
func ofAction(declaration *declare.Declaration) *matter {
	made := &matter{
		declaration: declaration, side: newSide, request: declaration.Method.Input(),
		letIn: "this call is let in", keptOut: "it is not let in",
	}
	if declaration.Resource != nil {
		made.subject = condition.Subject{Name: condition.ResourceName, Type: declaration.Resource.Type}
	}
	return made
}

// none is proved where one declaration lets in nothing that another keeps out.
func (p *prover) none(ctx context.Context, of *matter, lets, keeps *declare.Declaration, otherwise string) (Answer, error) {
	witness, reason, err := p.between(ctx, besides(of.side(lets), of.side(keeps)))
	switch {
	case err != nil:
		return Answer{}, err
	case witness != nil:
		return Answer{Outcome: Refuted, Witness: witness, Text: otherwise}, nil
	case reason != nil:
		return Answer{Reason: reason}, nil
	default:
		return Answer{Outcome: Proved}, nil
	}
}

func (p *prover) equal(ctx context.Context, of *matter, text string) (Answer, error) {
	declaration := of.declaration
	given, err := p.expressionFor(of, text)
	if err != nil {
		return Answer{}, err
	}
	other := without(declaration)
	other.Grants = []declare.Grant{{Name: "equal", Conditions: []declare.Condition{given}}}
	answer, err := p.none(ctx, of, declaration, other, of.letIn+", and the expression is not true of it")
	if err != nil || answer.Outcome == Refuted {
		return answer, err
	}
	reversed, err := p.none(ctx, of, other, declaration, "the expression is true of this, and "+of.keptOut)
	if err != nil || reversed.Outcome != Proved {
		return reversed, err
	}
	return answer, nil
}

func (p *prover) reachable(ctx context.Context, of *matter) (Answer, error) {
	declaration := of.declaration
	answer := Answer{Outcome: Proved}
	for _, grant := range declaration.Grants {
		alone := without(declaration)
		alone.Grants = []declare.Grant{grant}
		found, err := p.none(ctx, of, alone, without(declaration), "")
		switch {
		case err != nil:
			return Answer{}, err
		case found.Outcome == Proved:
			return Answer{Outcome: Refuted, Text: "grant " + grant.Name + " lets no call in"}, nil
		case found.Outcome == Open:
			answer = found
		}
	}
	return answer, nil
}

// AddsNothing returns the names of those grants of a declaration without which the same
// calls are let in.
func AddsNothing(declaration *declare.Declaration) ([]string, error) {
	return NewProver(nil, false).AddsNothing(context.Background(), declaration)
}

func (p *prover) addsNothing(ctx context.Context, declaration *declare.Declaration) ([]string, error) {
	var names []string
	for i, grant := range declaration.Grants {
		alone, others := without(declaration), without(declaration)
		alone.Grants = []declare.Grant{grant}
		others.Grants = slices.Delete(slices.Clone(declaration.Grants), i, i+1)
		answer, err := p.none(ctx, ofAction(declaration), alone, others, "")
		if err != nil {
			return nil, err
		}
		if answer.Outcome == Proved {
			names = append(names, grant.Name)
		}
	}
	return names, nil
}

// without is a declaration with no grant: it lets in nothing.
func without(of *declare.Declaration) *declare.Declaration {
	made := *of
	made.Grants, made.Anyone = nil, false
	return &made
}

// with is a declaration of which each grant requires a condition more.
func with(of *declare.Declaration, condition declare.Condition) *declare.Declaration {
	made := without(of)
	grants := of.Grants
	if of.Anyone {
		grants = []declare.Grant{{Name: "anyone"}}
	}
	for _, grant := range grants {
		grant.Conditions = append(slices.Clone(grant.Conditions), condition)
		made.Grants = append(made.Grants, grant)
	}
	return made
}

// expressionFor compiles an expression for what is asserted, and refuses names of roles and
// schemes that there are not.
func (p *prover) expressionFor(of *matter, text string) (declare.Condition, error) {
	declaration := of.declaration
	if p.environment == nil {
		var err error
		if p.environment, err = condition.NewEnvironment(); err != nil {
			return nil, err
		}
	}
	facts := condition.Facts{Roles: newSide(declaration).roles(), Schemes: declaration.Schemes}
	environment := p.environment.WithClaims(declaration.Claims).WithSubject(of.subject)
	expression, traps, err := environment.Examine(text, of.request, facts)
	if syntax, ok := errors.AsType[*condition.SyntaxError](err); ok {
		return nil, fmt.Errorf("the expression %s (line %d, column %d)\n%s", syntax.Problem, syntax.Line, syntax.Column, syntax.Caret())
	}
	if err != nil {
		return nil, err
	}
	for _, trap := range traps {
		if trap.Kind == condition.UnknownName {
			return nil, fmt.Errorf("there is no %s %q; there are: %s", trap.Of, trap.Name, strings.Join(trap.Known, ", "))
		}
	}
	return declare.CEL{Expression: expression}, nil
}

// onlyFor is a declaration that lets in whom `only` names.
func onlyFor(declaration *declare.Declaration, only *sallyportv1.Only) (*declare.Declaration, error) {
	side := newSide(declaration)
	var conditions []declare.Condition
	if named := only.GetAnyRole(); len(named) > 0 {
		of := declare.AnyRole{Named: named}
		for _, role := range named {
			if !slices.Contains(side.roles(), role) {
				return nil, fmt.Errorf("there is no role %q; there are: %s", role, strings.Join(side.roles(), ", "))
			}
			of.Unfolded = append(of.Unfolded, side.giving(role)...)
		}
		conditions = append(conditions, of)
	}
	if named := only.GetAllScopes(); len(named) > 0 {
		conditions = append(conditions, declare.AllScopes{Named: named})
	}
	made := without(declaration)
	made.Grants = []declare.Grant{{Name: "only", Conditions: conditions}}
	return made, nil
}
