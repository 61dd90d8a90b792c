package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sallyport-rpc/sallyport/internal/declare"
	"github.com/sallyport-rpc/sallyport/internal/review"
	"github.com/sallyport-rpc/sallyport/internal/schema"
)

// contractWords say in the help of a verb where contracts are read from.
const contractWords = `DIR is a folder of .proto files from which their imports start, "proto" where it is
not given; REVISION:DIR is that folder in a git revision, such as main:proto. FILE is a
descriptor set, such as buf build -o FILE makes, and "-" is one on standard input. URL is
a running server that answers reflection, such as https://api.example.com; a server that
shows its caller only a part of its contract is refused.`

// contractFlags are the flags of the verbs that read contracts.
type contractFlags struct {
	sourceFlags

	headers []string
}

func (f *contractFlags) flags(command *cobra.Command) {
	f.sourceFlags.flags(command)
	command.Flags().StringArrayVarP(&f.headers, "header", "H", nil, "a header for a running server, such as \"Authorization: Bearer …\"; @FILE reads it from a file; may be repeated")
}

// isURL reports whether a source is a running server.
func isURL(source string) bool {
	return strings.HasPrefix(source, "http://") || strings.HasPrefix(source, "https://")
}

// read reads the contract of a source. Declarations that are refused are an error, which
// lists why.
func (f *contractFlags) read(ctx context.Context, source string, in io.Reader) (*review.Contract, error) {
	if isURL(source) {
		return f.reflected(ctx, source)
	}
	if len(f.headers) > 0 {
		return nil, misuse{"--header is for a running server, and " + cmp.Or(source, defaultSource) + " is none"}
	}
	read, err := f.schema(ctx, source, in)
	if err != nil {
		return nil, err
	}
	return f.contract(cmp.Or(source, defaultSource), read)
}

// contract reads the declarations of a schema.
func (f *contractFlags) contract(source string, read *schema.Schema) (*review.Contract, error) {
	reader, given, refusals, err := f.reader(read)
	switch {
	case err != nil:
		return nil, err
	case reader == nil:
		return nil, refused(source, refusals)
	}
	declarations, found := reader.Files(read.Own, given)
	if refusals = append(refusals, found...); len(refusals) > 0 {
		return nil, refused(source, refusals)
	}
	if len(declarations) == 0 {
		return nil, fmt.Errorf("%s declares no action", source)
	}
	return review.Of(declarations), nil
}

// maxRefusals is how many refusals an error lists.
const maxRefusals = 20

// refused is the error of declarations that cannot be reviewed since they are refused.
func refused(source string, refusals []declare.Refusal) error {
	declare.Sort(refusals)
	refusals = slices.Compact(refusals)
	var text strings.Builder
	fmt.Fprintf(&text, "%s is refused, so that there is no contract to look at:", source)
	for _, refusal := range refusals[:min(len(refusals), maxRefusals)] {
		fmt.Fprintf(&text, "\n%s", refusal)
	}
	if more := len(refusals) - maxRefusals; more > 0 {
		fmt.Fprintf(&text, "\nand %d more: see sallyport lint", more)
	}
	return failure{fmt.Errorf("%s", text.String())}
}
