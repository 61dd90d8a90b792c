package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net/url"

	"github.com/sallyport-rpc/sallyport/cmd/demo/internal/directory"
)

// The exit codes.
const (
	exitDone = iota
	exitFailed
	exitMisused
)

const usage = `usage: demo [-addr ADDRESS] [-db FILE] [-sessions URL] [-oidc-issuer URL -oidc-audience NAME]

It serves a directory of users until it is interrupted. What it prints at the start
says who may call what, and how to try it.

`

// A config is what the flags say.
type config struct {
	address string
	// path is the database's.
	path string
	// sessions is the server that keeps them, or nil for the database.
	sessions *url.URL
	// issuer makes tokens for the audience. They are both empty or neither is.
	issuer, audience string
}

// run does what the arguments ask for and returns the exit code. Results go to out;
// errors, one line each, and the log go to errs.
func run(ctx context.Context, arguments []string, out, errs io.Writer) int {
	flags := flag.NewFlagSet("demo", flag.ContinueOnError)
	flags.SetOutput(io.Discard) // errors are told below, like any other
	address := flags.String("addr", "127.0.0.1:8080", "TCP `address` to listen on; port 0 is one of the system's choice")
	path := flags.String("db", "", "database `file`, or "+directory.Memory+" (default sallyport/demo.db in your cache folder)")
	sessions := flags.String("sessions", "", "PostgreSQL or Redis `URL` to keep sessions in, which several demos may share\n(default the database file)")
	issuer := flags.String("oidc-issuer", "", "`URL` of an OpenID provider whose tokens are taken; it says what roles they have")
	audience := flags.String("oidc-audience", "", "`name` of this API in those tokens")
	err := flags.Parse(arguments)
	config := config{address: *address, issuer: *issuer, audience: *audience}
	switch {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprint(out, usage)
		flags.SetOutput(out)
		flags.PrintDefaults()
		return exitDone
	case err == nil && flags.NArg() > 0:
		err = fmt.Errorf("there is no argument %q", flags.Arg(0))
	// An empty flag is a shell variable that is not set, and no wish for the default.
	case err == nil && (given(flags, "oidc-issuer") || given(flags, "oidc-audience")) && (*issuer == "" || *audience == ""):
		err = errors.New("-oidc-issuer and -oidc-audience go together")
	case err == nil && given(flags, "sessions"):
		config.sessions, err = parseSessions(*sessions)
	}
	if err != nil {
		fmt.Fprintf(errs, "demo: %v: \"demo -h\" says what there is\n", err)
		return exitMisused
	}
	config.path = *path
	if !given(flags, "db") {
		if config.path, err = directory.DefaultPath(); err != nil {
			fmt.Fprintf(errs, "demo: %v\n", err)
			return exitFailed
		}
	}
	log := slog.New(slog.NewTextHandler(errs, nil))
	if err := serve(ctx, config, out, log); err != nil {
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
