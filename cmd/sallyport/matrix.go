package main

import (
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/sallyport-rpc/sallyport/internal/review"
)

// matrixOutputs are the ways to print a matrix.
var matrixOutputs = []string{"text", "markdown", "html", "csv", "json"}

func newMatrix() *cobra.Command {
	var flags contractFlags
	var output, users string
	command := &cobra.Command{
		Use:   "matrix [DIR|REVISION:DIR|FILE|URL]",
		Short: "Print who may call what",
		Long: `Matrix prints every action with how its callers authenticate, who may call it by which
grant (roles with those that include them, named conditions with what they stand for),
what scoped credentials need, when streams are authorized, limits, and the validation
rules of what its conditions read.

` + contractWords + `

html is one file for people, which can be searched and filtered by role, and needs no
network. markdown is for a file in the repository. csv and json carry the fingerprint of
the contract. With --users FILE, a JSON array such as [{"id": "ada", "roles": ["admin"],
"scopes": [], "claims": {}}], it prints what each user may do: yes, no, or depends, where
the request, a check in Go or the credential decides.`,
		Example: `  sallyport matrix
  sallyport matrix proto -o html > access.html
  sallyport matrix main:proto --import third_party/proto -o csv
  sallyport matrix --users users.json -o markdown
  sallyport matrix https://api.example.com -H @credential.txt`,
		Args: atMostOne("name one folder, file or server"),
		RunE: verb(func(command *cobra.Command, arguments []string) error {
			if err := checkOutput(output, matrixOutputs); err != nil {
				return err
			}
			contract, err := flags.read(command.Context(), first(arguments), command.InOrStdin())
			if err != nil {
				return err
			}
			if users != "" {
				return userTable(command, contract, users, output)
			}
			return map[string]func(io.Writer) error{
				"text": contract.WriteText, "markdown": contract.WriteMarkdown, "html": contract.WriteHTML,
				"csv": contract.WriteCSV, "json": contract.WriteJSON,
			}[output](command.OutOrStdout())
		}),
	}
	flags.flags(command)
	command.Flags().StringVar(&users, "users", "", "a `FILE` of users, to print what each may do")
	must(command.MarkFlagFilename("users", "json"))
	outputFlag(command, &output, matrixOutputs...)
	return command
}

// userTable prints what each user of a file may do.
func userTable(command *cobra.Command, contract *review.Contract, path, output string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	users, err := review.ReadUsers(file)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	table, err := contract.Table(command.Context(), users)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	write := map[string]func(io.Writer) error{
		"text": table.WriteText, "markdown": table.WriteMarkdown, "csv": table.WriteCSV, "json": table.WriteJSON,
	}[output]
	if write == nil {
		return misuse{"a table of users is printed as text, markdown, csv or json"}
	}
	return write(command.OutOrStdout())
}
