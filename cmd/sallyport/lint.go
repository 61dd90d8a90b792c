package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/spf13/cobra"

	"github.com/sallyport-rpc/sallyport/internal/declare"
	"github.com/sallyport-rpc/sallyport/internal/schema"
)

// lintFlags are the flags of lint.
type lintFlags struct {
	imports      []string
	declarations string
	output       string
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
		Args: func(_ *cobra.Command, arguments []string) error {
			if len(arguments) > 1 {
				return misuse{"name one folder or file"}
			}
			return nil
		},
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return nil, cobra.ShellCompDirectiveDefault // files and folders
		},
	}
	command.RunE = verb(func(command *cobra.Command, arguments []string) error { return flags.lint(command, arguments) })
	command.Flags().StringArrayVarP(&flags.imports, "import", "I", nil, "a further `DIR` that imports start from; may be repeated")
	command.Flags().StringVar(&flags.declarations, "declarations", "", "a `FILE` of declarations for services whose .proto is not yours (.txtpb or .json)")
	command.Flags().StringVarP(&flags.output, "output", "o", "text", "how refusals are printed: text or json")
	must(command.MarkFlagDirname("import"))
	must(command.MarkFlagFilename("declarations", "txtpb", "textproto", "textpb", "json"))
	must(command.RegisterFlagCompletionFunc("output", cobra.FixedCompletions(outputs, cobra.ShellCompDirectiveNoFileComp)))
	return command
}

// outputs are the ways to print refusals.
var outputs = []string{"text", "json"}

// must is for what fails only where a flag is misspelt in this program.
func must(err error) {
	if err != nil {
		panic(err)
	}
}

func (f *lintFlags) lint(command *cobra.Command, arguments []string) error {
	if !slices.Contains(outputs, f.output) {
		return misuse{fmt.Sprintf("there is no output %q: write text or json", f.output)}
	}
	path := "proto"
	if len(arguments) > 0 {
		path = arguments[0]
	} else if _, err := os.Stat(path); err != nil {
		return misuse{"there is no folder proto here: name the folder of your .proto files"}
	}
	read, err := schema.Read(command.Context(), schema.Source{Path: path, Imports: f.imports, Stdin: command.InOrStdin()})
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
	given, refusals := declare.ReadDeclarations(f.declarations)
	if len(refusals) > 0 {
		return refusals, nil
	}
	reader, err := declare.NewReader(declare.Config{Files: read.Files})
	if err != nil {
		return nil, err
	}
	procedures := read.Procedures()
	refusals = given.Unmatched(func(procedure string) bool { return slices.Contains(procedures, procedure) })
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
