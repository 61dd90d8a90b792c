package prove

import (
	"context"
	"slices"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/sallyport-rpc/sallyport/internal/declare"
)

// Calls finds calls of actions by what is declared of them, for tests. It is not safe for
// concurrent use. Make one with [NewCalls].
type Calls struct{ prover *prover }

// NewCalls returns a finder of calls.
func NewCalls() *Calls { return &Calls{newProver()} }

// LetIn finds a call that an action lets in. An error is a fault of the declaration's
// rules; without a witness the reason says why none was found, or it is nil where there is
// none to be found.
func (c *Calls) LetIn(declaration *declare.Declaration) (*Witness, *Reason, error) {
	return c.find(declaration, without(declaration))
}

// OnlyBy finds a call that the grant at a place lets in and no other grant does.
func (c *Calls) OnlyBy(declaration *declare.Declaration, grant int) (*Witness, *Reason, error) {
	alone, others := without(declaration), without(declaration)
	alone.Grants = declaration.Grants[grant : grant+1]
	others.Grants = slices.Delete(slices.Clone(declaration.Grants), grant, grant+1)
	return c.find(alone, others)
}

// ButFor finds a call that an action keeps out, though all conditions of the grant at a
// place hold but one.
func (c *Calls) ButFor(declaration *declare.Declaration, grant, condition int) (*Witness, *Reason, error) {
	lets := without(declaration)
	lets.Anyone = len(declaration.Grants[grant].Conditions) == 1
	if !lets.Anyone {
		loose := declaration.Grants[grant]
		loose.Conditions = slices.Delete(slices.Clone(loose.Conditions), condition, condition+1)
		lets.Grants = []declare.Grant{loose}
	}
	return c.find(lets, declaration)
}

// Seen finds a principal, a request and a message of which the grant at a place of a rule
// holds, and no other.
func (c *Calls) Seen(rule Rule, grant int) (*Witness, *Reason, error) {
	alone, others := rule, rule
	alone.Grants = rule.Grants[grant : grant+1]
	others.Grants = slices.Delete(slices.Clone(rule.Grants), grant, grant+1)
	return c.prover.between(context.Background(), besides(alone.side(), others.side()))
}

// UnseenBut finds a principal, a request and a message of which all conditions of the grant at
// a place of a rule hold but one, and no grant.
func (c *Calls) UnseenBut(rule Rule, grant, condition int) (*Witness, *Reason, error) {
	loose := rule
	if loose.Anyone = len(rule.Grants[grant].Conditions) == 1; !loose.Anyone {
		of := rule.Grants[grant]
		of.Conditions = slices.Delete(slices.Clone(of.Conditions), condition, condition+1)
		loose.Grants = []declare.Grant{of}
	}
	return c.prover.between(context.Background(), besides(loose.side(), rule.side()))
}

// KeptFrom finds a call that the action of a rule lets in, and a message of which the rule does
// not hold for its caller.
func (c *Calls) KeptFrom(rule Rule) (*Witness, *Reason, error) {
	return c.prover.between(context.Background(), besides(newSide(rule.Within), rule.side()))
}

func (c *Calls) find(lets, keeps *declare.Declaration) (*Witness, *Reason, error) {
	return c.prover.looser(context.Background(), lets, keeps)
}

// Complete sets what the validation rules of a message ask for and it has not. It reports
// whether the rules accept the message then.
func (c *Calls) Complete(message proto.Message) (bool, error) {
	return c.prover.complete(message, func(string) bool { return false })
}

// Values are values that a field may take, or an element of it where it is a list: what its
// validation rules are written with, and some of each form. The rules need not accept them.
func Values(field protoreflect.FieldDescriptor) []protoreflect.Value {
	var values []protoreflect.Value
	for _, sample := range samples(field) {
		if value, ok := elementOf(field, sample); ok {
			values = append(values, value)
		}
	}
	return values
}
