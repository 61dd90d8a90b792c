package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"

	"github.com/sallyport-rpc/sallyport/cmd/demo/internal/directory"
)

// The exit codes.
const (
	exitDone = iota
	exitFailed
	exitMisused
)

const usage = `usage: demo [-addr ADDRESS] [-db FILE]

It serves a directory of users until it is interrupted. What it prints at the start
says who may call what, and how to try it.

`

// A config is what the flags say.
type config struct {
	address string
	// path is the database's.
	path string
}

// run does what the arguments ask for and returns the exit code. Results go to out;
// errors, one line each, and the log go to errs.
func run(ctx context.Context, arguments []string, out, errs io.Writer) int {
	flags := flag.NewFlagSet("demo", flag.ContinueOnError)
	flags.SetOutput(io.Discard) // errors are told below, like any other
	address := flags.String("addr", "127.0.0.1:8080", "TCP `address` to listen on; port 0 is one of the system's choice")
	path := flags.String("db", "", "database `file`, or "+directory.Memory+" (default sallyport/demo.db in your cache folder)")
	err := flags.Parse(arguments)
	switch {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprint(out, usage)
		flags.SetOutput(out)
		flags.PrintDefaults()
		return exitDone
	case err == nil && flags.NArg() > 0:
		err = fmt.Errorf("there is no argument %q", flags.Arg(0))
	}
	if err != nil {
		fmt.Fprintf(errs, "demo: %v: \"demo -h\" says what there is\n", err)
		return exitMisused
	}
	// An empty -db is a shell variable that is not set, and no wish for the default.
	if !given(flags, "db") {
		if *path, err = directory.DefaultPath(); err != nil {
			fmt.Fprintf(errs, "demo: %v\n", err)
			return exitFailed
		}
	}
	log := slog.New(slog.NewTextHandler(errs, nil))
	if err := serve(ctx, config{address: *address, path: *path}, out, log); err != nil {
		fmt.Fprintf(errs, "demo: %v\n", err)
		return exitFailed
	}
	return exitDone
}

// given reports whether a flag was set.
func given(flags *flag.FlagSet, name string) bool {
	found := false
	flags.Visit(func(set *flag.Flag) { found = found || set.Name == name })
	return found
}
