package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
)

// The exit codes.
const (
	exitDone = iota
	exitFailed
	exitMisused
)

// A verb is one thing that the command line does.
type verb struct {
	name string
	// arguments is what may follow the name, as usage texts write it.
	arguments string
	// summary is one line for the list of verbs.
	summary string
	// help is what -h says between the usage and the flags.
	help string
	// prepare defines the verb's flags and returns what runs once they are parsed.
	prepare func(*flag.FlagSet) work
}

// A work is what a verb does with the arguments that are no flags. Its error says
// in one line what is wrong and how to fix it.
type work func(ctx context.Context, arguments []string, out io.Writer) error

// A misuse is the error of arguments that a verb does not understand.
type misuse struct{ problem string }

func (m misuse) Error() string { return m.problem }

// verbs returns all verbs in the order in which help shows them.
func verbs() []verb {
	return []verb{protosVerb()}
}

// run does what the arguments ask for and returns the exit code.
func run(ctx context.Context, arguments []string, out, errs io.Writer) int {
	if len(arguments) == 0 {
		overview(errs)
		return exitMisused
	}
	name := arguments[0]
	switch name {
	case "help", "-h", "-help", "--help":
		overview(out)
		return exitDone
	}
	known := verbs()
	i := slices.IndexFunc(known, func(v verb) bool { return v.name == name })
	if i < 0 {
		fmt.Fprintf(errs, "sallyport: there is no verb %q; \"sallyport help\" lists them\n", name)
		return exitMisused
	}
	return known[i].run(ctx, arguments[1:], out, errs)
}

func (v verb) run(ctx context.Context, arguments []string, out, errs io.Writer) int {
	flags := flag.NewFlagSet(v.name, flag.ContinueOnError)
	flags.SetOutput(io.Discard) // errors are told below, like any other
	do := v.prepare(flags)
	err := flags.Parse(arguments)
	switch {
	case errors.Is(err, flag.ErrHelp):
		v.usage(out, flags)
		return exitDone
	case err != nil:
		err = misuse{err.Error()}
	default:
		err = do(ctx, flags.Args(), out)
	}
	if err == nil {
		return exitDone
	}
	fmt.Fprintf(errs, "sallyport %s: %v\n", v.name, err)
	if _, misused := errors.AsType[misuse](err); misused {
		fmt.Fprintf(errs, "usage: sallyport %s %s\n", v.name, v.arguments)
		return exitMisused
	}
	return exitFailed
}

// overview lists the verbs.
func overview(w io.Writer) {
	fmt.Fprint(w, "usage: sallyport VERB ...\n\n")
	for _, v := range verbs() {
		fmt.Fprintf(w, "  %-8s %s\n", v.name, v.summary)
	}
	fmt.Fprint(w, "\n\"sallyport VERB -h\" says more about one.\n")
}

// usage says all about one verb.
func (v verb) usage(w io.Writer, flags *flag.FlagSet) {
	fmt.Fprintf(w, "usage: sallyport %s %s\n\n%s\n", v.name, v.arguments, v.help)
	flags.SetOutput(w)
	flags.PrintDefaults()
}
