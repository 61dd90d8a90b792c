package smt

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"time"
)

// guard is after how long a solver is ended. Its steps end it before, unless the machine
// is very slow: an answer does not depend on the clock otherwise.
const guard = 60 * time.Second

// programs are the solvers that are known, with how each is told to read SMT-LIB 2 from
// its input and to stop after some steps, by its own measure.
var programs = map[string]func(steps int) []string{
	"z3": func(steps int) []string { return []string{"-in", "-smt2", fmt.Sprintf("rlimit=%d", 10*steps)} },
	"cvc5": func(steps int) []string {
		return []string{"--lang=smt2", "--strings-exp", "--quiet", fmt.Sprintf("--rlimit=%d", steps)}
	},
}

// Names returns those of the solvers that are known.
func Names() []string { return []string{"cvc5", "z3"} }

// ErrMissing says that a solver is not installed.
var ErrMissing = errors.New("it is not installed")

// A Solver is a program. Make one with [NewSolver]. It is safe for concurrent use.
type Solver struct {
	name  string
	steps int
	guard time.Duration
}

// NewSolver returns the solver of a name, which takes no more than some steps for one
// question. It does not look whether it is installed.
func NewSolver(name string, steps int) (*Solver, error) {
	if !slices.Contains(Names(), name) {
		return nil, fmt.Errorf("there is no solver %q; there are: %s", name, strings.Join(Names(), ", "))
	}
	return &Solver{name, steps, guard}, nil
}

// Name returns the name of the solver, which is that of its program and of Debian's
// package.
func (s *Solver) Name() string { return s.name }

// Ask runs the solver. An error is [ErrMissing], the context's, or says that the solver
// failed or wrote what cannot be read.
func (s *Solver) Ask(ctx context.Context, question *Question) (Answer, error) {
	path, err := exec.LookPath(s.name)
	if err != nil {
		return Answer{}, fmt.Errorf("%s: %w", s.name, ErrMissing)
	}
	limited, cancel := context.WithTimeout(ctx, s.guard)
	defer cancel()
	var output, problem bytes.Buffer
	command := exec.CommandContext(limited, path, programs[s.name](s.steps)...) //nolint:gosec // one of two names
	command.Stdin = strings.NewReader(question.text)
	command.Stdout, command.Stderr = &output, &problem
	command.WaitDelay = time.Second
	ran := command.Run()
	switch {
	case ctx.Err() != nil:
		return Answer{}, ctx.Err()
	case limited.Err() != nil:
		return Answer{Late: true}, nil
	}
	// z3 and cvc5 exit with an error where the values are asked for and there are none.
	answer, err := question.read(output.String())
	switch {
	case err == nil:
		return answer, nil
	case strings.TrimSpace(output.String()) == "" && isOutOfSteps(problem.String()):
		return Answer{}, nil
	case ran != nil:
		return Answer{}, fmt.Errorf("%s: %w: %w: %.200q", s.name, ran, err, problem.String())
	default:
		return Answer{}, fmt.Errorf("%s: %w", s.name, err)
	}
}

// isOutOfSteps reports whether a solver that wrote no answer says why.
func isOutOfSteps(problem string) bool { return strings.Contains(problem, "resource") }
