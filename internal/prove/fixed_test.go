package prove

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/sallyport-rpc/sallyport/internal/condition"
	"github.com/sallyport-rpc/sallyport/internal/policy"
	"github.com/sallyport-rpc/sallyport/internal/prove/smt"
)

// A solver that is given an input says of the encoded term of a condition what the gate's
// own evaluation says. Where SALLYPORT_TEST_FIXED_INPUTS is set, it is about how many
// pairs of a condition and an input each solver is asked.
func TestFixedInputs(t *testing.T) {
	t.Parallel()
	asked := solvers(t)
	pairs := often(t, "SALLYPORT_TEST_FIXED_INPUTS", 30)
	c := newContracts(t, 11)
	sides := [2]*side{newSide(c.like), newSide(c.like)}
	var batch strings.Builder
	var texts []string
	for made := 0; made < pairs; {
		f, expression, said, left := c.encoded(t, sides)
		if left != nil {
			continue
		}
		text := expression.Text()
		input := c.wideCall(t)
		truth, err := expression.Truth(t.Context(), &condition.Input{Principal: input.Principal, Request: input.Request, Subject: input.Resource, Now: input.Now})
		if err != nil {
			t.Fatal(err)
		}
		expected := map[condition.Truth]*smt.Term{
			condition.True: smt.And(said.is, smt.Not(said.not)), condition.False: smt.And(said.not, smt.Not(said.is)), condition.Absent: smt.And(smt.Not(said.is), smt.Not(said.not)),
		}[truth]
		fixed := f.fixed(input)
		batch.WriteString(alone(smt.And(fixed, smt.Not(expected))) + alone(smt.And(fixed, expected)))
		texts = append(texts, text)
		if made++; len(texts) == 100 || made == pairs {
			for _, solver := range asked {
				saysOf(t, solver.Name(), batch.String(), texts)
			}
			batch.Reset()
			texts = nil
		}
	}
}

// fixed is that all variables are those of an input.
func (f *formula) fixed(input policy.Input) *smt.Term {
	all := smt.Truth(true)
	for name, value := range f.values(input) {
		if of := f.terms[name]; of != nil {
			all = smt.And(all, smt.Equal(of, termOf(value)))
		}
	}
	return all
}

// alone is a question whose values are not asked for, and which leaves nothing behind.
func alone(of *smt.Term) string {
	text := smt.Ask(of).String()
	if at := strings.Index(text, "(get-value"); at >= 0 {
		text = text[:at]
	}
	return text + "(reset)\n"
}

// saysOf asks a solver pairs of questions, of which the first is unsat and the other sat.
func saysOf(t *testing.T, solver, questions string, texts []string) {
	t.Helper()
	arguments := map[string][]string{"z3": {"-in", "-smt2"}, "cvc5": {"--lang=smt2", "--strings-exp", "--quiet", "--incremental"}}[solver]
	command := exec.CommandContext(t.Context(), solver, arguments...)
	command.Stdin = strings.NewReader(questions)
	output, err := command.CombinedOutput()
	answers := strings.Fields(string(output))
	if err != nil || len(answers) != 2*len(texts) {
		t.Fatalf("%s: %v: %.300s", solver, err, output)
	}
	for i, text := range texts {
		if answers[2*i] != "unsat" || answers[2*i+1] != "sat" {
			t.Errorf("%s says %s and %s of %s, want unsat and sat", solver, answers[2*i], answers[2*i+1], text)
		}
	}
}
