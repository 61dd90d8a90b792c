package main

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/sallyport-rpc/sallyport/internal/declare"
	"github.com/sallyport-rpc/sallyport/internal/schema"
)

// lintFlags are the flags of lint.
type lintFlags struct {
	sourceFlags

	output string
}

func newLint() *cobra.Command {
	flags := &lintFlags{}
	command := &cobra.Command{
		Use:   "lint [DIR|FILE]",
		Short: "Refuse RPCs that do not say who may call them",
		Long: `Lint applies the rules that the code generator and the registry apply, as far as the
schemas decide them, and prints each refusal with its place and a fix. For those who
have buf, the same rules are in buf lint: see cmd/buf-plugin-sallyport.

DIR is a folder of .proto files from which their imports start, "proto" where it is
not given. What they import of protobuf, protovalidate and Sallyport need not be
there; name a folder with other imports by --import.

FILE is a descriptor set, such as buf build -o FILE makes, and "-" is one on standard
input.

Lint exits with 1 where something is refused.`,
		Example: `  sallyport lint
  sallyport lint proto --import third_party/proto
  sallyport lint --declarations declarations.txtpb
  buf build -o - | sallyport lint -`,
		Args: atMostOne("name one folder or file"),
	}
	command.RunE = verb(flags.lint)
	flags.flags(command)
	command.Flags().StringVarP(&flags.output, "output", "o", "text", "how refusals are printed: text or json")
	must(command.RegisterFlagCompletionFunc("output", cobra.FixedCompletions(outputs, cobra.ShellCompDirectiveNoFileComp)))
	return command
}

// outputs are the ways to print what is a line, or an object, each.
var outputs = []string{"text", "json"}

// must is for what fails only where a flag is misspelt in this program.
func must(err error) {
	if err != nil {
		panic(err)
	}
}

func (f *lintFlags) lint(command *cobra.Command, arguments []string) error {
	if err := checkOutput(f.output, outputs); err != nil {
		return err
	}
	read, err := f.schema(command.Context(), first(arguments), command.InOrStdin())
	if err != nil {
		return err
	}
	refusals, err := f.refusals(read)
	if err != nil {
		return err
	}
	if err := f.print(command.OutOrStdout(), refusals); err != nil {
		return err
	}
	procedures := len(read.Procedures())
	if len(refusals) > 0 {
		fmt.Fprintf(command.ErrOrStderr(), "%s refused among %s\n", count(len(refusals), "fault"), count(procedures, "RPC"))
		return errFound
	}
	fmt.Fprintf(command.ErrOrStderr(), "nothing refused among %s\n", count(procedures, "RPC"))
	return nil
}

// refusals applies the rules to a schema.
func (f *lintFlags) refusals(read *schema.Schema) ([]declare.Refusal, error) {
	reader, given, refusals, err := f.reader(read)
	if reader == nil {
		return refusals, err
	}
	return append(refusals, reader.Lint(read.Own, given)...), nil
}

// A refusalLine is a refusal as lint prints it in JSON, one a line.
type refusalLine struct {
	Rule    declare.Rule `json:"rule"`
	Subject string       `json:"subject"`
	File    string       `json:"file,omitempty"`
	Line    int          `json:"line,omitempty"`
	Column  int          `json:"column,omitempty"`
	Problem string       `json:"problem"`
	Fix     string       `json:"fix"`
}

func (f *lintFlags) print(out io.Writer, refusals []declare.Refusal) error {
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	for _, refusal := range refusals {
		if f.output == "text" {
			if _, err := fmt.Fprintln(out, refusal); err != nil {
				return err
			}
			continue
		}
		if err := encoder.Encode(refusalLine{
			Rule: refusal.Rule, Subject: refusal.Subject, Problem: refusal.Problem, Fix: refusal.Fix,
			File: refusal.Position.File, Line: refusal.Position.Line, Column: refusal.Position.Column,
		}); err != nil {
			return err
		}
	}
	return nil
}

// count writes a number of things.
func count(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}
