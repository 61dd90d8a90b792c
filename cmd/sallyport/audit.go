package main

import (
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"strings"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
	"github.com/spf13/cobra"
	"golang.org/x/mod/sumdb/note"
	_ "modernc.org/sqlite" // the driver "sqlite"

	"github.com/sallyport-rpc/sallyport/audit"
)

func newAudit() *cobra.Command {
	command := &cobra.Command{
		Use:   "audit VERB",
		Short: "Verify, search and prove what an audit log holds",
		Long: `Audit is for the logs that package audit writes: events of who called what, kept so
that nothing can be changed, removed or added later without being found.`,
		SuggestionsMinimumDistance: 2,
		Example: `  sallyport audit key example.com/audit
  sallyport audit verify --database audit.db --key audit.pub --checkpoints checkpoints
  sallyport audit query --database audit.db --principal ada --outcome deny`,
		Args: func(command *cobra.Command, arguments []string) error {
			if len(arguments) > 0 {
				return misuse{unknownVerb(command, arguments[0])}
			}
			return nil
		},
		RunE: func(*cobra.Command, []string) error { return misuse{"name a verb, such as verify or query"} },
	}
	command.AddCommand(newAuditKey(), newAuditVerify(), newAuditQuery(), newAuditProve(), newAuditCheck(), newAuditErase())
	return command
}

func newAuditKey() *cobra.Command {
	return &cobra.Command{
		Use:   "key NAME",
		Short: "Make the key that a log signs its checkpoints with",
		Long: `Key makes an Ed25519 key and prints two lines: the private key, for the program that
writes the log, and the public key, for those who verify it. NAME is the name of the
logs, such as example.com/audit: without spaces and plus signs.`,
		Example: `  sallyport audit key example.com/audit >audit.key && tail -n 1 audit.key >audit.pub`,
		Args:    oneArgument("name the logs, such as example.com/audit"),
		RunE: verb(func(command *cobra.Command, arguments []string) error {
			if !audit.ValidName(arguments[0]) {
				return misuse{fmt.Sprintf("the name %q: use up to 128 printable ASCII characters, without spaces and plus signs", arguments[0])}
			}
			private, public, err := note.GenerateKey(rand.Reader, arguments[0])
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(command.OutOrStdout(), "%s\n%s\n", private, public)
			return err
		}),
	}
}

// oneArgument refuses all but one argument that is not empty.
func oneArgument(problem string) cobra.PositionalArgs {
	return func(_ *cobra.Command, arguments []string) error {
		if len(arguments) != 1 || arguments[0] == "" {
			return misuse{problem}
		}
		return nil
	}
}

// A databases flag names the databases of logs.
type databases []string

func (d *databases) flag(command *cobra.Command, what string) {
	command.Flags().StringArrayVar((*[]string)(d), "database", nil, what+": a file of SQLite, or a URL that begins with postgres://")
}

// open opens the databases. The function closes them.
func (d *databases) open() ([]*audit.Store, func(), error) {
	if len(*d) == 0 {
		return nil, nil, misuse{"name a database with --database"}
	}
	var stores []*audit.Store
	var opened []*sql.DB
	done := func() {
		for _, db := range opened {
			_ = db.Close()
		}
	}
	for _, name := range *d {
		driver, source, storeOf := "pgx", name, audit.PostgreSQL
		if !strings.HasPrefix(name, "postgres://") && !strings.HasPrefix(name, "postgresql://") {
			if _, err := os.Stat(name); err != nil {
				done()
				return nil, nil, err
			}
			driver, source, storeOf = "sqlite", "file:"+name+"?_pragma=busy_timeout(5000)", audit.SQLite
		}
		db, err := sql.Open(driver, source)
		if err != nil {
			done()
			return nil, nil, fmt.Errorf("the database of --database: %w", err)
		}
		opened = append(opened, db)
		stores = append(stores, storeOf(db))
	}
	return stores, done, nil
}

// publicKeys returns the keys that --key names: texts or files.
func publicKeys(named []string) (note.Verifiers, error) {
	if len(named) == 0 {
		return nil, misuse{"name the public key with --key: the second line that `sallyport audit key` printed, or a file with it"}
	}
	var keys []note.Verifier
	for _, name := range named {
		text := name
		if !strings.Contains(name, "+") {
			file, err := os.ReadFile(name)
			if err != nil {
				return nil, err
			}
			text = string(file)
		}
		for line := range strings.Lines(text) {
			if line = strings.TrimSpace(line); line == "" || strings.HasPrefix(line, "PRIVATE+KEY+") {
				continue
			}
			key, err := note.NewVerifier(line)
			if err != nil {
				return nil, fmt.Errorf("the public key of --key: %w", err)
			}
			keys = append(keys, key)
		}
	}
	if len(keys) == 0 {
		return nil, errors.New("there is no public key in the file of --key")
	}
	return note.VerifierList(keys...), nil
}

func newAuditErase() *cobra.Command {
	var named databases
	command := &cobra.Command{
		Use:   "erase PRINCIPAL",
		Short: "Delete the key of a principal's pseudonym",
		Long: `Erase deletes the key that made the pseudonym of one principal, where the log keeps
pseudonyms. The events stay, and nothing can tell any more that they are this
principal's. It cannot be undone.`,
		Example: `  sallyport audit erase --database audit.db ada`,
		Args:    oneArgument("name the principal whose pseudonym is to be erased"),
		RunE: verb(func(command *cobra.Command, arguments []string) error {
			stores, done, err := named.open()
			if err != nil {
				return err
			}
			defer done()
			erased := false
			for _, store := range stores {
				one, err := store.Erase(command.Context(), arguments[0])
				if err != nil {
					return err
				}
				erased = erased || one
			}
			if !erased {
				return fmt.Errorf("no database has a pseudonym of %q", arguments[0])
			}
			_, err = fmt.Fprintf(command.OutOrStdout(), "erased the pseudonym of %s\n", arguments[0])
			return err
		}),
	}
	named.flag(command, "a database of the logs")
	return command
}
