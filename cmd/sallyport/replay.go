package main

import (
	"bufio"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/sallyport-rpc/sallyport/internal/review"
)

// replayOutputs are the ways to print what comes of recorded calls.
var replayOutputs = []string{"text", "markdown", "json"}

func newReplay() *cobra.Command {
	var flags contractFlags
	var output, against string
	command := &cobra.Command{
		Use:   "replay EVENTS --against {DIR|REVISION:DIR|FILE|URL}",
		Short: "Decide recorded calls again by another contract",
		Long: `Replay takes the calls of last week, and says which of them a new contract would deny,
and which it would let in. EVENTS is a file of events as "sallyport audit query -o json"
prints them, or "-" for standard input. They have what conditions read where the program
records it, with action.WithEventValues.

` + contractWords + `

Each call is decided by its scheme, the age of the sign-in, what a scoped credential
carries, and the grants. A call whose event lacks something that decides it is undecided,
and says what is lacking; so is one of a caller under a pseudonym where a condition reads
the id. Calls that were denied before the grants were looked at are counted, and are not
decided again. Validation rules, limits, checks in Go and credentials are not looked at
again: a check answers as it did.

It exits with 1 where a call is decided in another way, or is undecided.`,
		Example: `  sallyport audit query --database audit.db --since 168h -o json >events.json
  sallyport replay events.json --against proto
  sallyport replay events.json --against next.binpb -o markdown`,
		Args: oneArgument("name the file of events, or - for standard input"),
		RunE: verb(func(command *cobra.Command, arguments []string) error {
			if err := checkOutput(output, replayOutputs); err != nil {
				return err
			}
			switch {
			case against == "":
				return misuse{"name the contract that decides again, such as --against proto"}
			case against == "-" && arguments[0] == "-":
				return misuse{"standard input cannot be both the events and the contract"}
			}
			contract, err := flags.read(command.Context(), against, command.InOrStdin())
			if err != nil {
				return err
			}
			from, done, err := openEvents(arguments[0], command.InOrStdin())
			if err != nil {
				return err
			}
			defer done()
			replay, err := contract.Replay(command.Context(), review.ReadEvents(from))
			if err != nil {
				return fmt.Errorf("%s: %w", arguments[0], err)
			}
			switch output {
			case "markdown":
				err = replay.WriteMarkdown(command.OutOrStdout())
			case "json":
				err = replay.WriteJSON(command.OutOrStdout())
			default:
				err = replay.WriteText(command.OutOrStdout())
			}
			if err == nil && replay.Differs() {
				return errFound
			}
			return err
		}),
	}
	flags.flags(command)
	command.Flags().StringVar(&against, "against", "", "the `CONTRACT` that decides again")
	outputFlag(command, &output, replayOutputs...)
	return command
}

// openEvents opens a file of events, or takes standard input for "-".
func openEvents(path string, in io.Reader) (from io.Reader, done func(), err error) {
	if path == "-" {
		return bufio.NewReader(in), func() {}, nil
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, nil, err
	}
	return bufio.NewReader(file), func() { _ = file.Close() }, nil
}
