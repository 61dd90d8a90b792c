package main

import (
	"fmt"
	"os"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/sallyport-rpc/sallyport/audit"
)

func newAuditProve() *cobra.Command {
	var named databases
	var keys []string
	var log, event string
	command := &cobra.Command{
		Use:   "prove NUMBER",
		Short: "Prove that an event stands in an audit log",
		Long: `Prove prints a proof that the event with this number stands in a log, in the form of
https://c2sp.org/tlog-proof, and writes the event's bytes to a file. A person who has both and
the public key can check it with "sallyport audit check", without the log.`,
		Example: `  sallyport audit prove --database audit.db --key audit.pub --log example.com/audit/0f3a --event event.json 17 >event.tlog-proof`,
		Args:    oneArgument("name the number of the event, as sallyport audit query prints it"),
		RunE: verb(func(command *cobra.Command, arguments []string) error {
			number, err := strconv.ParseInt(arguments[0], 10, 64)
			if err != nil {
				return misuse{fmt.Sprintf("%q is no number of an event", arguments[0])}
			}
			if log == "" || event == "" {
				return misuse{"name the log with --log, and a file for the event with --event"}
			}
			verifiers, err := publicKeys(keys)
			if err != nil {
				return err
			}
			stores, done, err := named.open()
			if err != nil {
				return err
			}
			defer done()
			bytes, proof, err := stores[0].Prove(command.Context(), log, number, verifiers)
			if err != nil {
				return err
			}
			if err := os.WriteFile(event, bytes, 0o600); err != nil {
				return err
			}
			_, err = command.OutOrStdout().Write(proof)
			return err
		}),
	}
	named.flag(command, "the database of the log")
	command.Flags().StringArrayVar(&keys, "key", nil, "the public key of the log, or a file with it")
	command.Flags().StringVar(&log, "log", "", "the name of the log")
	command.Flags().StringVar(&event, "event", "", "the file to write the event to")
	return command
}

func newAuditCheck() *cobra.Command {
	var keys []string
	command := &cobra.Command{
		Use:     "check EVENT PROOF",
		Short:   "Check a proof that an event stands in an audit log",
		Example: `  sallyport audit check --key audit.pub event.json event.tlog-proof`,
		Args: func(_ *cobra.Command, arguments []string) error {
			if len(arguments) != 2 {
				return misuse{"name the file of the event and the file of the proof"}
			}
			return nil
		},
		RunE: verb(func(command *cobra.Command, arguments []string) error {
			verifiers, err := publicKeys(keys)
			if err != nil {
				return err
			}
			event, err := os.ReadFile(arguments[0])
			if err != nil {
				return err
			}
			proof, err := os.ReadFile(arguments[1])
			if err != nil {
				return err
			}
			said, number, err := audit.CheckProof(event, proof, verifiers)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(command.OutOrStdout(), "it is event %d of the log %s, which had %d events\n", number, said.Origin, said.Size)
			return err
		}),
	}
	command.Flags().StringArrayVar(&keys, "key", nil, "the public key of the log, or a file with it")
	return command
}
