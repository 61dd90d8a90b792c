package prove

import (
	"context"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"testing"

	"github.com/sallyport-rpc/sallyport/internal/prove/smt"
)

// A said solver says what a test makes it say.
type said struct {
	name   string
	answer smt.Answer
	err    error
	asked  int
}

func (s *said) Name() string { return s.name }

// Ask gives those variables that the test does not give a value one that is nothing.
func (s *said) Ask(_ context.Context, question *smt.Question) (smt.Answer, error) {
	s.asked++
	answer := s.answer
	answer.Values = smt.Values{}
	for _, of := range question.Variables() {
		answer.Values[of.Name()] = map[smt.Sort]any{smt.Bool: false, smt.Int: new(big.Int), smt.String: ""}[of.Sort()]
		if value, ok := s.answer.Values[of.Name()]; ok {
			answer.Values[of.Name()] = value
		}
	}
	return answer, s.err
}

// Proved is what two solvers prove, and refuted what the gate lets in.
func TestReplies(t *testing.T) {
	t.Parallel()
	unsat, unknown := smt.Answer{Verdict: smt.Unsat}, smt.Answer{}
	const grant = "request.free.startsWith(principal.claims.org_id) && request.owner == principal.id"
	// Of these values the condition is true, and its expression too.
	call := smt.Values{
		"request.free": "xy", "principal.claims.org_id": "x", "request.owner": anID, "principal.id": anID,
	}
	wrong := smt.Values{
		"request.free": "y", "principal.claims.org_id": "x", "request.owner": anID, "principal.id": anID,
	}
	invalid := smt.Values{
		"request.free": "xy", "principal.claims.org_id": "x", "request.owner": "no uuid", "principal.id": "no uuid",
	}
	sat := func(values smt.Values) smt.Answer { return smt.Answer{Verdict: smt.Sat, Values: values} }
	missing := fmt.Errorf("z3: %w", smt.ErrMissing)
	tests := []struct {
		name    string
		answers []smt.Answer
		errs    []error
		want    Outcome
		rule    string
	}{
		{"two prove it", []smt.Answer{unsat, unsat}, nil, Proved, ""},
		{"one proves it", []smt.Answer{unsat}, nil, Open, RuleSolverAlone},
		{"one proves it, and one does not know", []smt.Answer{unsat, unknown}, nil, Open, RuleSolverSteps},
		{"none knows", []smt.Answer{unknown, unknown}, nil, Open, RuleSolverSteps},
		{"one refutes it", []smt.Answer{sat(call)}, nil, Refuted, ""},
		{"one refutes what the other does not know", []smt.Answer{unknown, sat(call)}, nil, Refuted, ""},
		{"one refutes what the other proves", []smt.Answer{unsat, sat(call)}, nil, Refuted, ""},
		{"one finds what is none", []smt.Answer{sat(wrong)}, nil, Open, RuleNotReproduced},
		{"both find what is none", []smt.Answer{sat(wrong), sat(wrong)}, nil, Open, RuleNotReproduced},
		{"one finds what is none, and one proves it", []smt.Answer{sat(wrong), unsat}, nil, Open, RuleSolversDiffer},
		{"what validation refuses", []smt.Answer{sat(invalid), unsat}, nil, Open, RuleInvalid},
		{"one is missing", []smt.Answer{unknown, unsat}, []error{missing, nil}, Open, RuleSolverMissing},
		{"one fails", []smt.Answer{unsat, unsat}, []error{nil, errors.New("out of memory")}, Open, RuleSolverFailed},
		{"one is late", []smt.Answer{{Late: true}, unsat}, nil, Open, RuleSolverTime},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var asked []Solver
			for i, answer := range test.answers {
				made := &said{name: []string{"one", "other"}[i], answer: answer}
				if test.errs != nil {
					made.err = test.errs[i]
				}
				asked = append(asked, made)
			}
			declaration := newContracts(t, 1).declaration(t, []string{"cel " + grant})
			answer, err := NewProver(asked, false).Assert(t.Context(), declaration, asserted(t, `never: "request.free.contains(principal.claims.org_id) && size(request.free) > 1"`))
			if err != nil {
				t.Fatal(err)
			}
			expectAnswer(t, answer, test.want, test.rule)
			if by := strings.Join(answer.By, " "); (by == "one other") != (test.want == Proved) {
				t.Errorf("it is proved by %q", by)
			}
		})
	}
}

// Solvers are asked no more than they are to be, and one that says otherwise than the gate
// is an error.
func TestSolversAreAsked(t *testing.T) {
	t.Parallel()
	unsat, unknown := smt.Answer{Verdict: smt.Unsat}, smt.Answer{}
	const decided, open = `cel request.owner == principal.id`, `cel size(request.free) > 3 && request.owner == principal.id`
	owners := `never: "request.owner != principal.id"`
	call := smt.Answer{Verdict: smt.Sat, Values: smt.Values{"request.owner": anID, "principal.id": anID, "request.free": "free"}}
	tests := []struct {
		name, grant, assertion string
		every                  bool
		answer                 smt.Answer
		want                   Outcome
		asked                  bool
		err                    string
	}{
		{"what is decided", decided, owners, false, unsat, Proved, false, ""},
		{"what is decided, to be sure", decided, owners, true, unsat, Proved, true, ""},
		{"what is decided, and is not known to them", decided, owners, true, unknown, Open, true, ""},
		{"what is refuted", decided, `never: "request.owner == principal.id"`, false, unsat, Refuted, false, ""},
		{"what is refuted, and they prove", decided, `never: "request.owner == principal.id"`, true, unsat, Open, true, "proves what the gate refutes"},
		{"what is refuted, and is not known to them", decided, `never: "request.owner == principal.id"`, true, unknown, Refuted, true, ""},
		{"what is not decided", open, `never: "request.free == 'x'"`, false, unsat, Proved, true, ""},
		{"what is never decided", `cel request.size * request.size == 4 && request.open`, `never: "request.size == 3"`, false, unknown, Open, true, ""},
		{"who is authenticated", decided, `authenticated {}`, true, unknown, Proved, false, ""},
		{"who is let in", open, `reachable {}`, false, call, Proved, true, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			one, other := &said{name: "one", answer: test.answer}, &said{name: "other", answer: test.answer}
			declaration := newContracts(t, 1).declaration(t, []string{test.grant})
			answer, err := NewProver([]Solver{one, other}, test.every).Assert(t.Context(), declaration, asserted(t, test.assertion))
			if (err != nil) != (test.err != "") || err != nil && !strings.Contains(err.Error(), test.err) {
				t.Fatalf("%v, want %q", err, test.err)
			}
			if answer.Outcome != test.want || (one.asked > 0) != test.asked {
				t.Errorf("it is %s, want %s, after %d and %d questions: %v", answer.Outcome, test.want, one.asked, other.asked, answer.Reason)
			}
		})
	}
	if _, err := NewSolvers([]string{"z3", "z3"}); err == nil || !strings.Contains(err.Error(), "named twice") {
		t.Error(err)
	}
	if _, err := NewSolvers([]string{"z4"}); err == nil {
		t.Error("an unknown solver is taken")
	}
}

// A list that a solver says is long is made so long, up to a limit.
func TestLongLists(t *testing.T) {
	t.Parallel()
	for size, want := range map[int64]Outcome{999: Refuted, 1_001: Open} {
		solver := &said{name: "one", answer: smt.Answer{Verdict: smt.Sat, Values: smt.Values{
			"request.owner": anID, "principal.id": anID, "size of request.tags": big.NewInt(size), "request.tags[0]?": true, "request.tags[0]": "x",
		}}}
		declaration := newContracts(t, 1).declaration(t, []string{`cel size(request.tags) > 500 && request.tags.all(t, t == 'x') && request.owner == principal.id`})
		answer, err := NewProver([]Solver{solver}, false).Assert(t.Context(), declaration, asserted(t, `never: "true"`))
		if err != nil || answer.Outcome != want {
			t.Errorf("%d: %v, %v, %v", size, answer.Outcome, answer.Reason, err)
		}
	}
}
