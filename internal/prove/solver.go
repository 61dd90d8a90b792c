package prove

import (
	"context"
	"fmt"
	"slices"
	"strings"

	sallyportv1 "github.com/sallyport-rpc/sallyport/gen/sallyport/v1"
	"github.com/sallyport-rpc/sallyport/internal/declare"
	"github.com/sallyport-rpc/sallyport/internal/prove/smt"
)

// solverSteps is how many steps a solver takes for one question at most, by a measure of
// its own: so many that it takes some seconds.
const solverSteps = 200_000

// A Solver is asked what this package does not decide by itself. It is safe for concurrent
// use.
type Solver interface {
	// Name is that of the solver.
	Name() string
	// Ask asks whether terms can be true together. An error may be [smt.ErrMissing].
	Ask(ctx context.Context, question *smt.Question) (smt.Answer, error)
}

// NewSolvers returns the solvers of names, z3 and cvc5. Whether they are installed is seen
// when they are asked.
func NewSolvers(names []string) ([]Solver, error) {
	made := make([]Solver, len(names))
	for i, name := range names {
		solver, err := smt.NewSolver(name, solverSteps)
		if err != nil {
			return nil, err
		}
		for _, other := range made[:i] {
			if other.Name() == name {
				return nil, fmt.Errorf("solver %q is named twice", name)
			}
		}
		made[i] = solver
	}
	return made, nil
}

// A Prover decides assertions, with solvers or without. Make one with [NewProver]. It is
// not safe for concurrent use.
type Prover struct{ prover *prover }

// NewProver returns a prover that asks solvers what it does not decide by itself. What
// they alone decide is proved where there are two of them or more and all say so, and
// refuted where the gate's own evaluation lets in a call that one of them finds. every is
// whether they are asked about the rest as well: it is proved then where they say so too,
// and a solver that says otherwise than the gate is an error.
func NewProver(solvers []Solver, every bool) *Prover {
	made := newProver()
	made.solvers, made.every = solvers, every
	return &Prover{made}
}

// Assert is [Assert].
func (p *Prover) Assert(ctx context.Context, declaration *declare.Declaration, assertion *sallyportv1.Assertion) (Answer, error) {
	return p.prover.assert(ctx, ofAction(declaration), assertion)
}

// AssertOf decides an assertion about a target. Of a field it is proved where it is for the
// callers of each action that can answer it.
func (p *Prover) AssertOf(ctx context.Context, target Target, assertion *sallyportv1.Assertion) (Answer, error) {
	if target.Declaration != nil {
		return p.Assert(ctx, target.Declaration, assertion)
	}
	var worst Answer
	steps := 0
	for i, of := range target.asked {
		answer, err := p.prover.assert(ctx, of, assertion)
		if err != nil || answer.Outcome == Refuted {
			return answer, err
		}
		steps += answer.Steps
		if i == 0 || answer.Outcome == Open {
			worst = answer
		}
	}
	worst.Steps = steps
	return worst, nil
}

// Relies reports whether something was proved with solvers since the prover was made:
// [Assumed] is assumed then.
func (p *Prover) Relies() bool { return p.prover.relies }

// AddsNothing is [AddsNothing].
func (p *Prover) AddsNothing(ctx context.Context, declaration *declare.Declaration) ([]string, error) {
	return p.prover.addsNothing(ctx, declaration)
}

// Reaches is [Reaches].
func (p *Prover) Reaches(ctx context.Context, declarations []*declare.Declaration) ([]Reach, error) {
	return p.prover.reach(ctx, declarations)
}

// solve asks the solvers about one grant. The witness and the reason are what came of it
// without them.
func (q *question) solve(ctx context.Context, grant declare.Grant, witness *Witness, reason *Reason) (*Witness, *Reason, error) {
	posed, err := q.pose(grant)
	if err != nil {
		return nil, nil, err
	}
	if len(posed.must) == 0 {
		return witness, posed.reason, nil
	}
	var proved []string
	var undecided *Reason
	for _, solver := range q.solvers {
		said, err := posed.ask(ctx, solver)
		switch {
		case err != nil:
			return nil, nil, err
		case said.witness != nil && witness == nil && reason == nil:
			return nil, nil, fmt.Errorf("prove: without solvers it is proved what %s refutes of %s: %s", said.by, q.lets.Procedure, said.witness)
		case said.proved && witness != nil:
			return nil, nil, fmt.Errorf("prove: %s proves what the gate refutes of %s: %s", said.by, q.lets.Procedure, witness)
		case said.witness != nil:
			return said.witness, nil, nil
		case said.proved:
			proved = append(proved, said.by)
		case undecided == nil:
			undecided = said.reason
		}
	}
	switch {
	case witness != nil:
		return witness, nil, nil
	case undecided != nil && len(proved) > 0 && undecided.Rule == RuleNotReproduced:
		return nil, &Reason{Rule: RuleSolversDiffer, Text: fmt.Sprintf("the solvers do not agree about grant %s, as %s proves it", grant.Name, strings.Join(proved, ", ")),
			Hint: "report it, and look at the condition by hand"}, nil
	case undecided != nil:
		return nil, undecided, nil
	case len(proved) < 2 && reason != nil:
		return nil, &Reason{Rule: RuleSolverAlone, Text: fmt.Sprintf("%s alone proves it of grant %s", strings.Join(proved, ", "), grant.Name),
			Hint: "name a second solver: " + strings.Join(smt.Names(), ", ")}, nil
	}
	for _, name := range proved {
		q.relies = true
		if !slices.Contains(q.by, name) {
			q.by = append(q.by, name)
		}
	}
	return nil, nil, nil
}
