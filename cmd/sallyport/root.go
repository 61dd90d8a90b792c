package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// The exit codes.
const (
	exitDone = iota
	exitFailed
	exitMisused
)

// A failure is the error of a verb that understood what it was asked and could not do
// it, or found what it looks for. Every other error is one of the command line.
type failure struct{ error }

func (f failure) Unwrap() error { return f.error }

// A misuse is the error of arguments that a verb does not understand.
type misuse struct{ problem string }

func (m misuse) Error() string { return m.problem }

// errFound says that a verb found what it looks for, and has printed it.
var errFound = errors.New("found")

// newRoot returns the command with its verbs.
func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:     "sallyport VERB",
		Version: version(),
		Short:   "Look at declarations of who may call an RPC, and write the schemas that they import",
		Long: `Sallyport is for people who declare, in their .proto files, who may call each RPC.

It exits with 0 when it did what it was asked, 1 when it could not or when it found
what it looks for (lint: a refusal), and 2 when it did not understand.`,
		Example: `  sallyport protos third_party/proto
  sallyport lint proto`,
		SilenceErrors:              true, // run prints them
		SilenceUsage:               true,
		SuggestionsMinimumDistance: 2,
		RunE: func(*cobra.Command, []string) error {
			return misuse{"name a verb, such as lint or protos"}
		},
		Args: func(command *cobra.Command, arguments []string) error {
			if len(arguments) > 0 {
				return misuse{unknownVerb(command, arguments[0])}
			}
			return nil
		},
	}
	root.AddCommand(newLint(), newProtos(), newAudit(), newMatrix(), newDiff(), newExplain(), newProve(), newReplay(), newNew())
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return misuse{err.Error()} })
	return root
}

// version is the module's, as it was built.
func version() string {
	if build, ok := debug.ReadBuildInfo(); ok && build.Main.Version != "" {
		return build.Main.Version
	}
	return "(unknown)"
}

// unknownVerb says that there is no such verb, and which may be meant.
func unknownVerb(root *cobra.Command, name string) string {
	problem := fmt.Sprintf("there is no verb %q", name)
	if near := root.SuggestionsFor(name); len(near) > 0 {
		return problem + fmt.Sprintf("; did you mean %q?", near[0])
	}
	return problem
}

// verb is the RunE of a verb: what it returns is a failure unless it is a misuse.
func verb(do func(*cobra.Command, []string) error) func(*cobra.Command, []string) error {
	return func(command *cobra.Command, arguments []string) error {
		err := do(command, arguments)
		if _, misused := errors.AsType[misuse](err); err == nil || misused {
			return err
		}
		return failure{err}
	}
}

// run does what the arguments ask for and returns the exit code.
func run(ctx context.Context, arguments []string, in io.Reader, out, errs io.Writer) int {
	root := newRoot()
	root.SetArgs(arguments)
	root.SetIn(in)
	root.SetOut(out)
	root.SetErr(errs)
	command, err := root.ExecuteContextC(ctx)
	if err == nil {
		return exitDone
	}
	failed, isFailure := errors.AsType[failure](err)
	if isFailure && errors.Is(failed, errFound) {
		return exitFailed
	}
	fmt.Fprintf(errs, "%s: %v\n", command.CommandPath(), err)
	if isFailure {
		return exitFailed
	}
	fmt.Fprintf(errs, "usage: %s\n%q says more\n", command.UseLine(), command.CommandPath()+" --help")
	return exitMisused
}
