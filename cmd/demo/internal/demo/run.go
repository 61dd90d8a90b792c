package demo

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"net/url"
	"strings"

	"github.com/sallyport-rpc/sallyport/cmd/demo/internal/directory"
)

// The exit codes.
const (
	exitDone = iota
	exitFailed
	exitMisused
)

const usage = `usage: demo [flags]
       demo [-db FILE] -backup COPY

It serves a directory of users until it is interrupted. At the start it prints who may
call what, and commands to try it.

`

// A config is what the flags say.
type config struct {
	address string
	// grpc is where gRPC is served besides, on a port of its own, or is empty.
	grpc string
	// path is the database's, unless postgres is.
	path string
	// postgres is the database, or nil where it is a file.
	postgres *url.URL
	// backup is where to copy the database to, instead of serving it, or is empty.
	backup string
	// hosts are answered besides the names of this machine.
	hosts []string
	// proxies are trusted to say where a call comes from.
	proxies []netip.Prefix
	// admin is where the admin pages are served, or is empty.
	admin string
	// audit is the file of the audit log, or is empty.
	audit string
	// otlp is where traces and metrics are sent, or nil.
	otlp *url.URL
	// sessions is the server that keeps sessions, or nil where the database does.
	sessions *url.URL
	// openfga is which OpenFGA is asked which users documents are shared with, and opener opens it. It
	// is empty where the database is asked.
	openfga string
	opener  Opener
	// issuer makes tokens for the audience. They are both empty or neither is.
	issuer, audience string
}

// run does what the arguments ask for and returns the exit code. Results go to out;
// errors, one line each, and the log go to errs. The opener may be nil, where the program has no
// OpenFGA.
func run(ctx context.Context, opener Opener, arguments []string, out, errs io.Writer) int {
	config, err := parse(arguments, out)
	if config.opener = opener; err == nil && opener == nil && config.openfga != "" {
		err = errors.New(`-openfga needs the program that has OpenFGA, "go run -C cmd/demo/openfga . -openfga memory"`)
	}
	switch {
	case errors.Is(err, flag.ErrHelp):
		return exitDone
	case err != nil:
		fmt.Fprintf(errs, "demo: %v: \"demo -h\" lists the flags\n", err)
		return exitMisused
	}
	if config.path == "" && config.postgres == nil {
		if config.path, err = directory.DefaultPath(); err != nil {
			fmt.Fprintf(errs, "demo: %v\n", err)
			return exitFailed
		}
	}
	if config.backup != "" {
		err = backUp(ctx, config.path, config.backup, out)
	} else {
		err = serve(ctx, config, out, slog.New(slog.NewTextHandler(errs, nil)))
	}
	if err != nil {
		fmt.Fprintf(errs, "demo: %s\n", line(err))
		return exitFailed
	}
	return exitDone
}

// parse reads the arguments. Help goes to out.
func parse(arguments []string, out io.Writer) (config, error) {
	flags := flag.NewFlagSet("demo", flag.ContinueOnError)
	flags.SetOutput(io.Discard) // run prints the errors
	var config config
	flags.StringVar(&config.address, "addr", "127.0.0.1:8080", "TCP `address` to listen on; port 0 is a free one")
	flags.StringVar(&config.grpc, "grpc", "", "TCP `address` of a port for gRPC alone, through google.golang.org/grpc, such as\n127.0.0.1:9090 (default none; -addr serves gRPC too)")
	flags.StringVar(&config.path, "db", "", "database `file`, or "+directory.Memory+" (default sallyport/demo.db in your cache folder)")
	postgres := flags.String("postgres", "", "PostgreSQL `URL` of a database to use instead of a file, which several demos may share")
	flags.StringVar(&config.backup, "backup", "", "copy the database to a new `file` and stop; it may be in use meanwhile")
	hosts := flags.String("hosts", "", "`names` to answer for besides this machine's own, separated by commas\n(default none where only this machine can reach it, otherwise every name)")
	proxies := flags.String("proxies", "", "`addresses` or networks of proxies whose X-Forwarded-For counts, separated by commas")
	sessions := flags.String("sessions", "", "PostgreSQL or Redis `URL` to keep sessions in, which several demos may share\n(default the database)")
	flags.StringVar(&config.admin, "admin", "", "TCP `address` for metrics, health, profiles and the table of who may call what,\nsuch as 127.0.0.1:8081 (default none)")
	flags.StringVar(&config.audit, "audit", "", "`file` to keep an audit log in: a call runs only once its event is there\n(default none; see sallyport audit -h)")
	otlp := flags.String("otlp", "", "`URL` of an OpenTelemetry collector that takes OTLP over HTTP, such as http://127.0.0.1:4318\n(default none)")
	flags.StringVar(&config.openfga, "openfga", "", "OpenFGA to ask which users documents are shared with: memory, or the `URL` of a server, store and model\n(default none, the database is asked; docs/guides/relations.md)")
	flags.StringVar(&config.issuer, "oidc-issuer", "", "`URL` of an OpenID provider whose tokens are accepted; it says which roles they have")
	flags.StringVar(&config.audience, "oidc-audience", "", "`name` of this API in those tokens")
	if err := flags.Parse(arguments); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			fmt.Fprint(out, usage)
			flags.SetOutput(out)
			flags.PrintDefaults()
		}
		return config, err
	}
	if flags.NArg() > 0 {
		return config, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	// An empty value is a shell variable that is not set. It does not stand for the default.
	var empty error
	flags.Visit(func(set *flag.Flag) {
		if set.Value.String() == "" && empty == nil {
			empty = fmt.Errorf("-%s has an empty value", set.Name)
		}
	})
	if empty != nil {
		return config, empty
	}
	if err := parseOpenFGA(config, *postgres != ""); err != nil {
		return config, err
	}
	if (config.issuer == "") != (config.audience == "") {
		return config, errors.New("-oidc-issuer and -oidc-audience go together")
	}
	config.hosts = list(*hosts)
	for _, text := range list(*proxies) {
		prefix, err := parsePrefix(text)
		if err != nil {
			return config, err
		}
		config.proxies = append(config.proxies, prefix)
	}
	var err error
	if *otlp != "" {
		if config.otlp, err = parseCollector(*otlp); err != nil {
			return config, err
		}
	}
	if *postgres != "" {
		if config.postgres, err = parsePostgres(*postgres, config); err != nil {
			return config, err
		}
	}
	if *sessions == "" {
		return config, nil
	}
	config.sessions, err = parseSessions(*sessions)
	return config, err
}

// parsePostgres reads -postgres, which stands for -db. The error does not repeat the text,
// which may hold a password.
func parsePostgres(text string, config config) (*url.URL, error) {
	switch {
	case config.path != "":
		return nil, errors.New("-postgres and -db do not go together: name one database")
	case config.backup != "":
		return nil, errors.New("-postgres and -backup do not go together: back up with pg_dump, as docs/guides/backup.md says")
	}
	address, err := url.Parse(text)
	if err != nil || address.Scheme != "postgres" && address.Scheme != "postgresql" {
		return nil, errors.New("-postgres must be a URL such as postgres://user@host/database")
	}
	return address, nil
}

// database names the database, without a password.
func (c config) database() string {
	if c.postgres != nil {
		return shown(c.postgres)
	}
	return c.path
}

// databaseFlag is the flag that names another one.
func (c config) databaseFlag() string {
	if c.postgres != nil {
		return "-postgres"
	}
	return "-db"
}

// list splits a text at its commas.
func list(text string) []string {
	if text == "" {
		return nil
	}
	return strings.Split(text, ",")
}

// parsePrefix reads an address or a network.
func parsePrefix(text string) (netip.Prefix, error) {
	if address, err := netip.ParseAddr(text); err == nil {
		return address.Prefix(address.BitLen())
	}
	prefix, err := netip.ParsePrefix(text)
	if err != nil {
		return netip.Prefix{}, fmt.Errorf("-proxies: %q is not an address or a network such as 10.0.0.0/8", text)
	}
	return prefix, nil
}
