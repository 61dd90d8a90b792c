package main

import (
	"context"
	"io"
	"os"
	"slices"

	"github.com/spf13/cobra"

	"github.com/sallyport-rpc/sallyport/internal/declare"
	"github.com/sallyport-rpc/sallyport/internal/schema"
)

// sourceFlags are the flags of the verbs that read declarations from files.
type sourceFlags struct {
	imports      []string
	declarations string
}

func (f *sourceFlags) flags(command *cobra.Command) {
	command.Flags().StringArrayVarP(&f.imports, "import", "I", nil, "a further `DIR` that imports start from; may be repeated")
	command.Flags().StringVar(&f.declarations, "declarations", "", "a `FILE` of declarations for services whose .proto is not yours (.txtpb or .json)")
	must(command.MarkFlagDirname("import"))
	must(command.MarkFlagFilename("declarations", "txtpb", "textproto", "textpb", "json"))
	command.ValidArgsFunction = func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return nil, cobra.ShellCompDirectiveDefault // files and folders
	}
}

// defaultSource is the folder that is read where none is named.
const defaultSource = "proto"

// schema reads the schema of a source; "" is the default one.
func (f *sourceFlags) schema(ctx context.Context, source string, in io.Reader) (*schema.Schema, error) {
	if source == "" {
		source = defaultSource
		if _, err := os.Stat(source); err != nil {
			return nil, misuse{"there is no folder proto here: name the folder of your .proto files"}
		}
	}
	return schema.Read(ctx, schema.Source{Path: source, Imports: f.imports, Stdin: in})
}

// reader returns what reads the declarations of a schema, and those that the flags name
// besides. Refusals are of the latter; without a reader nothing more can be read.
func (f *sourceFlags) reader(read *schema.Schema) (*declare.Reader, declare.Given, []declare.Refusal, error) {
	given, refusals := declare.ReadDeclarations(f.declarations)
	if len(refusals) > 0 {
		return nil, given, refusals, nil
	}
	reader, err := declare.NewReader(declare.Config{Files: read.Files})
	if err != nil {
		return nil, given, nil, err
	}
	procedures := read.Procedures()
	return reader, given, given.Unmatched(func(procedure string) bool { return slices.Contains(procedures, procedure) }), nil
}

// atMostOne takes one argument or none; the problem says of more what to name.
func atMostOne(problem string) cobra.PositionalArgs {
	return func(_ *cobra.Command, arguments []string) error {
		if len(arguments) > 1 {
			return misuse{problem}
		}
		return nil
	}
}

// first returns the first argument, or "" where there is none.
func first(arguments []string) string {
	if len(arguments) == 0 {
		return ""
	}
	return arguments[0]
}
