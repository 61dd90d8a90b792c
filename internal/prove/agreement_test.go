package prove

import (
	"strconv"
	"strings"
	"testing"

	"github.com/sallyport-rpc/sallyport/internal/declare"
	"github.com/sallyport-rpc/sallyport/internal/policy"
	"github.com/sallyport-rpc/sallyport/internal/prove/smt"
)

// widePair is two contracts that are alike, of one grant each.
func (c *contracts) widePair() (lets, keeps string) {
	expression := c.wide
	if c.IntN(3) == 0 {
		expression = c.expression
	}
	text := expression(c.IntN(2))
	switch c.IntN(6) {
	case 0:
		return text, expression(c.IntN(2))
	case 1:
		return text, strings.Replace(text, c.oneOf("startsWith", "endsWith", " < ", " == ", " + ", "exists"), c.oneOf("contains", " <= ", " != ", " - ", "all"), 1)
	case 2:
		return text + " && " + expression(0), text
	case 3:
		return text, "!(!(" + text + ")) && (" + text + " || " + expression(0) + ")"
	case 4:
		return text, text + " || " + expression(0)
	default:
		return text, text + " && " + expression(0)
	}
}

// An agreement counts what was said of questions, by whom.
type agreement struct {
	asked, left     int
	proved, refuted map[string]int
	open            map[string]int // by the rule
}

// Where more than one of what is decided without solvers, z3 and cvc5 says something of a
// question, they agree; each call that a solver finds is let in by the gate; and no random
// call contradicts what one of them proves. Where SALLYPORT_TEST_SOLVED_CONDITIONS is set,
// it is of how many random pairs of conditions solvers are asked.
func TestAgreement(t *testing.T) {
	t.Parallel()
	asked := solvers(t)
	pairs := often(t, "SALLYPORT_TEST_SOLVED_CONDITIONS", 30)
	for i, solver := range asked {
		made, err := smt.NewSolver(solver.Name(), 20_000) // what takes longer is not decided
		if err != nil {
			t.Fatal(err)
		}
		asked[i] = made
	}
	parts := max(2, pairs/500)
	for i := range parts {
		seed := uint64(i)

		t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) {
			t.Parallel()
			of := agreementOf(t, asked, 3+seed, pairs/parts)
			t.Logf("%d questions, and %d that are not for solvers: proved %v, refuted %v, undecided %v", of.asked, of.left, of.proved, of.refuted, of.open)
			for _, solver := range asked {
				if name := solver.Name(); of.proved[name] < of.asked/10 || of.refuted[name] < of.asked/20 {
					t.Errorf("%s decides few: it proves %d, and refutes %d", name, of.proved[name], of.refuted[name])
				}
			}
		})
	}
}

// agreementOf asks about random pairs.
func agreementOf(t *testing.T, asked []Solver, seed uint64, pairs int) agreement {
	t.Helper()
	c := newContracts(t, seed)
	inputs := make([]policy.Input, 100)
	for i := range inputs {
		inputs[i] = c.wideCall(t)
	}
	counts := agreement{proved: map[string]int{}, refuted: map[string]int{}, open: map[string]int{}}
	for counts.asked < pairs {
		lets, keeps := c.widePair()
		if _, err := c.environment.Compile(keeps, c.like.Method.Input()); err != nil {
			continue // what was changed is none
		}
		counts.ask(t, asked, c.declaration(t, []string{"cel " + lets}), c.declaration(t, []string{"cel " + keeps}), inputs)
		if t.Failed() {
			t.Fatalf("%s\nand not\n%s", lets, keeps)
		}
	}
	return counts
}

func (a *agreement) ask(t *testing.T, solvers []Solver, lets, keeps *declare.Declaration, inputs []policy.Input) {
	t.Helper()
	prover := newProver()
	prover.most = 20_000
	q := &question{prover: prover, lets: lets, keeps: keeps, sides: [2]*side{newSide(lets), newSide(keeps)}}
	posed, err := q.pose(lets.Grants[0])
	if err != nil {
		t.Fatal(err)
	}
	if len(posed.must) == 0 || posed.reason != nil {
		a.left++
		return
	}
	a.asked++
	proved, refuted := map[string]bool{}, map[string]*Witness{}
	witness, reason, err := q.ask(t.Context(), lets.Grants[0], credential{})
	if err != nil {
		t.Fatal(err)
	}
	const without = "without solvers"
	proved[without] = witness == nil && reason == nil
	refuted[without] = witness
	for _, solver := range solvers {
		said, err := posed.ask(t.Context(), solver)
		if err != nil {
			t.Fatalf("%s: %v", solver.Name(), err)
		}
		proved[said.by], refuted[said.by] = said.proved, said.witness
		if said.reason != nil {
			a.open[said.by+" "+said.reason.Rule]++
			if said.reason.Rule == RuleNotReproduced || said.reason.Rule == RuleSolverFailed {
				t.Errorf("%s", said.reason)
			}
		}
	}
	for by, is := range proved {
		if !is {
			continue
		}
		a.proved[by]++
		for other, witness := range refuted {
			if witness != nil {
				t.Errorf("%s proves what %s refutes: %s", by, other, witness)
			}
		}
		was, is := decider(t, keeps), decider(t, lets)
		for _, input := range inputs {
			if is(input) && !was(input) {
				t.Errorf("%s proves what a call refutes: %v", by, newWitness(input, nil, ""))
			}
		}
	}
	for by, witness := range refuted {
		if witness != nil {
			a.refuted[by]++
		}
	}
}
