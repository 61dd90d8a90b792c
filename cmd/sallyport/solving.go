package main

import (
	"github.com/spf13/cobra"

	"github.com/sallyport-rpc/sallyport/internal/prove"
)

// solvingFlags say which solvers prove and diff ask. By default they ask none, so that answers
// do not depend on what is installed.
type solvingFlags struct {
	names []string
	all   bool
}

func (f *solvingFlags) flags(command *cobra.Command) {
	command.Flags().StringSliceVar(&f.names, "solvers", nil, "the `NAMES` of solvers to ask what is not decided without them: z3,cvc5")
	command.Flags().BoolVar(&f.all, "solve-all", false, "ask the solvers about what is decided without them, too")
}

func (f *solvingFlags) prover() (*prove.Prover, error) {
	if f.all && len(f.names) == 0 {
		return nil, misuse{"--solve-all asks solvers: name them by --solvers z3,cvc5"}
	}
	solvers, err := prove.NewSolvers(f.names)
	if err != nil {
		return nil, misuse{err.Error()}
	}
	return prove.NewProver(solvers, f.all), nil
}
