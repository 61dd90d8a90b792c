package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/sallyport-rpc/sallyport/audit"
)

func newAuditVerify() *cobra.Command {
	var named databases
	var keys, kept []string
	var output string
	command := &cobra.Command{
		Use:   "verify",
		Short: "Find what was changed, removed or added in audit logs",
		Long: `Verify reads every log of the databases, and holds it against the signed checkpoints
of the databases and of the files that --checkpoints names, and against what other logs
say of it. It exits with 1 where something is wrong.

A checkpoint that is kept where those who can change the database cannot change it is what
makes a cut or a rewrite be found. What no checkpoint covers yet is said, and not judged.`,
		Example: `  sallyport audit verify --database audit.db --key audit.pub --checkpoints /mnt/elsewhere/checkpoints
  sallyport audit verify --database postgres://audit@db/audit --key audit.pub -o json`,
		Args: cobra.NoArgs,
		RunE: verb(func(command *cobra.Command, _ []string) error {
			if err := checkOutput(output, outputs); err != nil {
				return err
			}
			verifiers, err := publicKeys(keys)
			if err != nil {
				return err
			}
			var files []audit.Kept
			for _, name := range kept {
				file, err := os.ReadFile(name)
				if err != nil {
					return err
				}
				files = append(files, audit.Kept{Name: name, Checkpoints: file})
			}
			stores, done, err := named.open()
			if err != nil {
				return err
			}
			defer done()
			report, err := audit.Verify(command.Context(), verifiers, stores, files...)
			if err != nil {
				return err
			}
			if err := printReport(command.OutOrStdout(), report, output); err != nil {
				return err
			}
			if len(report.Findings) > 0 {
				return errFound
			}
			return nil
		}),
	}
	named.flag(command, "a database of the logs")
	command.Flags().StringArrayVar(&keys, "key", nil, "a public key that may sign, or a file with it")
	command.Flags().StringArrayVar(&kept, "checkpoints", nil, "a file of checkpoints that was kept elsewhere")
	outputFlag(command, &output, outputs...)
	return command
}

// outputFlag adds -o with its values, of which the first is the default.
func outputFlag(command *cobra.Command, output *string, values ...string) {
	command.Flags().StringVarP(output, "output", "o", values[0], "how to print: "+joined(values))
	_ = command.RegisterFlagCompletionFunc("output", cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp))
}

// checkOutput refuses a value of -o that is none of its values.
func checkOutput(output string, values []string) error {
	if !slices.Contains(values, output) {
		return misuse{fmt.Sprintf("there is no output %q: write %s", output, joined(values))}
	}
	return nil
}

// joined is the values as a sentence has them: "text, json or csv".
func joined(values []string) string {
	last := len(values) - 1
	return strings.Join(values[:last], ", ") + " or " + values[last]
}

func printReport(out io.Writer, report *audit.Report, output string) error {
	if output == "json" {
		encoder := json.NewEncoder(out)
		encoder.SetIndent("", "  ")
		return encoder.Encode(report)
	}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "LOG\tEVENTS\tCOVERED\tCHECKPOINTS\tEND")
	for _, log := range report.Logs {
		end := "open, or its process was killed"
		if log.Closed {
			end = "closed"
		}
		fmt.Fprintf(table, "%s\t%d\t%d\t%d\t%s\n", log.Name, log.Events, log.Covered, log.Checkpoints, end)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	for _, finding := range report.Findings {
		if _, err := fmt.Fprintf(out, "%s: %s: %s\n", finding.Kind, finding.Log, finding.Text); err != nil {
			return err
		}
	}
	said := "nothing was changed, removed or added"
	if len(report.Findings) > 0 {
		said = fmt.Sprintf("%d findings", len(report.Findings))
	} else if len(report.Logs) == 0 {
		said = "there is no log"
	}
	_, err := fmt.Fprintln(out, said)
	return err
}
