package main

import (
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/sallyport-rpc/sallyport/internal/prove"
	"github.com/sallyport-rpc/sallyport/internal/review"
)

// diffOutputs are the ways to print changes.
var diffOutputs = []string{"text", "markdown", "json"}

func newDiff() *cobra.Command {
	var flags contractFlags
	var output, accepted string
	var solving solvingFlags
	command := &cobra.Command{
		Use:   "diff OLD [NEW]",
		Short: "Print what changed in who may call what",
		Long: `Diff compares two contracts, and judges each change by what it means: looser, tighter,
different, or undecided. NEW is the folder proto where it is not given. Of grants it
shows a call that is let in now and was not: a principal, a request, what the action is
about, and a time, decided by the gate's own code on both sides. Of who may read a field
it shows a caller, and the message that the field is in.

` + contractWords + `

It exits with 1 where something is looser, different with a call that is let in now, or
undecided, unless --accept FILE has an entry for it: a JSON array such as [{"subject":
"/acme.v1.Notes/Read", "kind": "scheme-added", "reason": "why", "until": "2027-01-31"}].
What a check in Go answers is not looked at.

Nothing is asked of solvers unless --solvers names them. What is not decided without them is
then the same, or tighter, where two or more and all of them say so, and looser where one
finds a call that the gate's own code lets in now. A solver that is not installed leaves
undecided what it is asked.`,
		Example: `  sallyport diff main:proto
  sallyport diff main:proto proto --import third_party/proto -o markdown
  sallyport diff main:proto --solvers z3,cvc5
  sallyport diff v1.binpb v2.binpb --accept accepted.json`,
		Args: func(_ *cobra.Command, arguments []string) error {
			if len(arguments) < 1 || len(arguments) > 2 {
				return misuse{"name the old contract, such as main:proto, and the new one"}
			}
			return nil
		},
		RunE: verb(func(command *cobra.Command, arguments []string) error {
			if err := checkOutput(output, diffOutputs); err != nil {
				return err
			}
			changes, err := flags.changes(command, &solving, arguments[0], first(arguments[1:]), accepted)
			if err != nil {
				return err
			}
			switch output {
			case "markdown":
				err = review.WriteChangesMarkdown(command.OutOrStdout(), changes)
			case "json":
				err = review.WriteChangesJSON(command.OutOrStdout(), changes)
			default:
				err = review.WriteChanges(command.OutOrStdout(), changes)
			}
			failing := 0
			for _, change := range changes {
				if change.Fails() {
					failing++
				}
			}
			if err == nil && failing > 0 {
				fmt.Fprintf(command.ErrOrStderr(), "%s to look at among %s\n", count(failing, "change"), count(len(changes), "change"))
				return errFound
			}
			return err
		}),
	}
	flags.flags(command)
	solving.flags(command)
	command.Flags().StringVar(&accepted, "accept", "", "a `FILE` of changes that are accepted (.json)")
	must(command.MarkFlagFilename("accept", "json"))
	outputFlag(command, &output, diffOutputs...)
	return command
}

// changes compares two sources, and marks what is accepted.
func (f *contractFlags) changes(command *cobra.Command, solving *solvingFlags, old, updated, accepted string) ([]review.Change, error) {
	prover, err := solving.prover()
	if err != nil {
		return nil, err
	}
	before, err := f.read(command.Context(), old, command.InOrStdin())
	if err != nil {
		return nil, err
	}
	now, err := f.read(command.Context(), updated, command.InOrStdin())
	if err != nil {
		return nil, err
	}
	changes, err := review.CompareBy(command.Context(), prover, before, now)
	if prover.Relies() {
		fmt.Fprintln(command.ErrOrStderr(), prove.Assumed)
	}
	if err != nil || accepted == "" {
		return changes, err
	}
	entries, err := acceptedIn(accepted)
	if err != nil {
		return nil, err
	}
	for _, entry := range review.Accept(changes, entries, time.Now()) {
		fmt.Fprintf(command.ErrOrStderr(), "%s: no change needs the entry of %s, %s: remove it\n", accepted, entry.Subject, entry.Kind)
	}
	return changes, nil
}

// acceptedIn reads a file of what is accepted.
func acceptedIn(path string) ([]review.Accepted, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	entries, err := review.ReadAccepted(file)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return entries, nil
}
