package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sallyport-rpc/sallyport/internal/declare"
	"github.com/sallyport-rpc/sallyport/internal/prove"
	"github.com/sallyport-rpc/sallyport/internal/review"
)

func newProve() *cobra.Command {
	var flags contractFlags
	var output, assertions, accepted string
	var solving solvingFlags
	command := &cobra.Command{
		Use:   "prove [DIR|REVISION:DIR|FILE|URL]",
		Short: "Prove or refute what must be true of every call",
		Long: `Prove decides assertions about a contract: for every principal and every valid request,
not for examples. An assertion is proved, refuted with a call that the gate's own
evaluation lets in, or undecided with the reason and how to write the rule otherwise.

` + contractWords + `

Assertions are a sallyport.v1.Assertions in a .txtpb, .json or .yaml file: a name, patterns of
procedures, and one of

  never: "request.user_id != principal.id && !('admin' in principal.roles)"
  only {any_role: "admin"}      all who are let in have it
  equal: "…"                    lets in where it is true, and nowhere else
  reachable {}                  each grant lets some call in
  authenticated {}              the action is not anonymous

In place of procedures it may have patterns of fields, such as "acme.v1.User.email": who reads
them, wherever they are answered. Its expressions read ` + "`principal`, `this`" + ` and ` + "`now`" + `.

A pattern that matches nothing, and an expression that does not compile for one of
the actions, are errors. Without assertions it prints the grants that add nothing, the
roles that reach nothing, and what each role reaches.

Nothing is asked of solvers unless --solvers names them. What is not decided without them is
proved then where all of them say so, and there are two or more; it is refuted where the
gate's own evaluation lets in a call that one of them finds. With --solve-all they are asked
about the rest, too. A solver that is not installed leaves undecided what it is asked.

Prove exits with 1 where something is refuted, or undecided unless --accept FILE has an
entry for it: a JSON array as diff takes it, whose "subject" is the procedure, and "kind"
the name of the assertion. What an assertion refutes cannot be accepted.`,
		Example: `  sallyport prove --assertions assertions.txtpb
  sallyport prove main:proto --assertions assertions.txtpb -o json
  sallyport prove --assertions assertions.txtpb --solvers z3,cvc5
  sallyport prove proto`,
		Args: atMostOne("name one folder, file or server"),
		RunE: verb(func(command *cobra.Command, arguments []string) error {
			if err := checkOutput(output, outputs); err != nil {
				return err
			}
			contract, err := flags.read(command.Context(), first(arguments), command.InOrStdin())
			if err != nil {
				return err
			}
			prover, err := solving.prover()
			if err != nil {
				return err
			}
			lines, err := proofs(command.Context(), prover, contract.Declarations(), assertions)
			if err != nil {
				return err
			}
			if accepted != "" {
				if err := acceptProofs(command, lines, accepted); err != nil {
					return err
				}
			}
			return printProofs(command, lines, output, len(solving.names) > 0)
		}),
	}
	flags.flags(command)
	command.Flags().StringVar(&assertions, "assertions", "", "a `FILE` of assertions (.txtpb, .json or .yaml)")
	command.Flags().StringVar(&accepted, "accept", "", "a `FILE` of undecided answers that are accepted (.json)")
	solving.flags(command)
	must(command.MarkFlagFilename("accept", "json"))
	must(command.MarkFlagFilename("assertions", "txtpb", "textproto", "textpb", "json", "yaml", "yml"))
	outputFlag(command, &output, outputs...)
	return command
}

// A proofLine is what came of one assertion about one action, as prove prints it in JSON,
// one a line.
type proofLine struct {
	Assertion string `json:"assertion"`
	// Procedure is what the assertion is about: "field acme.v1.User.email" of a field.
	Procedure string         `json:"procedure"`
	Outcome   string         `json:"outcome"`
	Problem   string         `json:"problem,omitempty"`
	Rule      string         `json:"rule,omitempty"`
	Witness   *prove.Witness `json:"witness,omitempty"`
	Steps     int            `json:"steps"`
	// By are the solvers by which it is proved, or none.
	By []string `json:"by,omitempty"`
	// Accepted is the reason for which an undecided answer does not fail, or "".
	Accepted string `json:"accepted,omitempty"`
	// Reaches are what a role reaches, and Undecided of what that is not decided.
	Reaches   []prove.ReachedAction `json:"reaches,omitempty"`
	Undecided []prove.ReachedAction `json:"reaches_undecided,omitempty"`

	remark  bool // nothing is let in that must not be, so that people may accept it
	ofField bool
}

// proofs decides the assertions of a file or, where none is named, that each grant adds
// something.
func proofs(ctx context.Context, prover *prove.Prover, declarations []*declare.Declaration, path string) ([]proofLine, error) {
	if path == "" {
		lines, err := grantsThatAddNothing(ctx, prover, declarations)
		if err != nil {
			return nil, err
		}
		reached, err := whatRolesReach(ctx, prover, declarations)
		return append(lines, reached...), err
	}
	assertions, err := prove.ReadAssertions(path)
	if err != nil {
		return nil, err
	}
	var lines []proofLine
	for _, assertion := range assertions {
		selected, err := prove.Select(declarations, assertion)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		for _, target := range selected {
			answer, err := prover.AssertOf(ctx, target, assertion)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", path, err)
			}
			line := proofLine{
				Assertion: assertion.GetName(), Procedure: target.Name, Outcome: answer.Outcome.String(),
				Problem: answer.Text, Witness: answer.Witness, Steps: answer.Steps, By: answer.By,
				ofField: target.Declaration == nil,
			}
			if answer.Reason != nil {
				line.Rule, line.Problem = answer.Reason.Rule, answer.Reason.String()
			}
			lines = append(lines, line)
		}
	}
	return lines, nil
}

func grantsThatAddNothing(ctx context.Context, prover *prove.Prover, declarations []*declare.Declaration) ([]proofLine, error) {
	const asserted = "each grant adds something"
	var lines []proofLine
	for _, declaration := range declarations {
		nothing, err := prover.AddsNothing(ctx, declaration)
		if err != nil {
			return nil, err
		}
		for _, grant := range nothing {
			lines = append(lines, proofLine{
				Assertion: asserted, Procedure: declaration.Procedure, Outcome: prove.Refuted.String(),
				Problem: "grant " + grant + " lets in no call that the others keep out", remark: true,
			})
		}
	}
	return lines, nil
}

// whatRolesReach has a line for each role.
func whatRolesReach(ctx context.Context, prover *prove.Prover, declarations []*declare.Declaration) ([]proofLine, error) {
	reaches, err := prover.Reaches(ctx, declarations)
	if err != nil {
		return nil, err
	}
	var lines []proofLine
	for _, reach := range reaches {
		line := proofLine{Assertion: "each role reaches something", Procedure: "role " + reach.Role, Reaches: reach.Actions, Undecided: reach.Undecided, remark: true}
		switch {
		case reach.Role == "":
			line.Assertion, line.Procedure, line.Outcome = "what callers without a role reach", "no role", prove.Proved.String()
		case len(reach.Actions) > 0:
			line.Outcome = prove.Proved.String()
		case len(reach.Undecided) > 0:
			line.Outcome = prove.Open.String()
		default:
			line.Outcome, line.Problem = prove.Refuted.String(), "no grant lets in a caller of it and of no other role"
		}
		lines = append(lines, line)
	}
	return lines, nil
}

// acceptProofs marks the undecided answers that a file accepts until today.
func acceptProofs(command *cobra.Command, lines []proofLine, path string) error {
	entries, err := acceptedIn(path)
	if err != nil {
		return err
	}
	changes := make([]review.Change, len(lines))
	for i, line := range lines {
		if line.Outcome == prove.Open.String() || line.remark && line.Outcome == prove.Refuted.String() {
			changes[i] = review.Change{Subject: line.Procedure, Kind: line.Assertion}
		}
	}
	for _, entry := range review.Accept(changes, entries, time.Now()) {
		fmt.Fprintf(command.ErrOrStderr(), "%s: no answer needs the entry of %s, %s: remove it\n", path, entry.Subject, entry.Kind)
	}
	for i, change := range changes {
		lines[i].Accepted = change.Accepted
	}
	return nil
}

// printProofs prints the lines, and reports that something was found where one is not
// proved.
func printProofs(command *cobra.Command, lines []proofLine, output string, solving bool) error {
	open, bySolvers, undecided := 0, false, false
	for _, line := range lines {
		bySolvers = bySolvers || len(line.By) > 0
		undecided = undecided || line.Outcome == prove.Open.String() && line.Accepted == ""
		if line.Outcome != prove.Proved.String() && line.Accepted == "" {
			open++
		}
		if err := line.print(command.OutOrStdout(), output); err != nil {
			return err
		}
	}
	errs := command.ErrOrStderr()
	if bySolvers {
		fmt.Fprintln(errs, prove.Assumed)
	}
	switch {
	case len(lines) == 0:
		fmt.Fprintln(errs, "there is nothing to prove")
		return nil
	case open > 0:
		fmt.Fprintf(errs, "%s of %d not proved\n", count(open, "answer"), len(lines))
		if undecided && !solving {
			fmt.Fprintln(errs, "solvers may decide what is undecided: --solvers z3,cvc5")
		}
		return errFound
	default:
		fmt.Fprintf(errs, "all of %s: %s\n", count(len(lines), "answer"), prove.Scope)
		if slices.ContainsFunc(lines, func(line proofLine) bool { return line.ofField }) {
			fmt.Fprintln(errs, prove.FieldScope)
		}
		return nil
	}
}

func (l proofLine) print(out io.Writer, output string) error {
	if output == "json" {
		encoder := json.NewEncoder(out)
		encoder.SetEscapeHTML(false)
		return encoder.Encode(l)
	}
	var text strings.Builder
	fmt.Fprintf(&text, "%-9s %s: %s\n", l.Outcome, l.Procedure, l.Assertion)
	if l.Problem != "" {
		fmt.Fprintf(&text, "  %s\n", l.Problem)
	}
	for _, reached := range l.Reaches {
		fmt.Fprintf(&text, "  %s by %s\n", reached.Procedure, strings.Join(reached.Grants, ", "))
	}
	for _, reached := range l.Undecided {
		fmt.Fprintf(&text, "  perhaps %s by %s\n", reached.Procedure, strings.Join(reached.Grants, ", "))
	}
	if len(l.By) > 0 {
		fmt.Fprintf(&text, "  by %s\n", strings.Join(l.By, " and "))
	}
	if l.Accepted != "" {
		fmt.Fprintf(&text, "  accepted: %s\n", l.Accepted)
	}
	if l.Witness != nil {
		fmt.Fprintf(&text, "  %s\n", l.Witness)
	}
	_, err := io.WriteString(out, text.String())
	return err
}
