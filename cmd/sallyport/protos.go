package main

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

func newProtos() *cobra.Command {
	paths := make([]string, len(schemas()))
	for i, s := range schemas() {
		paths[i] = s.path
	}
	return &cobra.Command{
		Use:   "protos DIR [FILE...]",
		Short: "Write the .proto files that yours import into DIR",
		Long: `Protos writes the .proto files that declarations import into DIR, or only the FILEs
that are named:

  ` + strings.Join(paths, "\n  ") + `

They are those of this version of sallyport, and of the protovalidate it runs with, so
run it again when the version in go.mod changes. A file that is there already as it
should be is left alone.`,
		Example: `  sallyport protos third_party/proto
  sallyport protos third_party/proto buf/validate/validate.proto`,
		Args: func(_ *cobra.Command, arguments []string) error {
			if len(arguments) == 0 || arguments[0] == "" {
				return misuse{"name the folder to write to, such as third_party/proto"}
			}
			for _, path := range arguments[1:] {
				if !slices.Contains(paths, path) {
					return misuse{fmt.Sprintf("there is no file %q to write; there are: %s", path, strings.Join(paths, ", "))}
				}
			}
			return nil
		},
		ValidArgsFunction: func(_ *cobra.Command, arguments []string, _ string) ([]string, cobra.ShellCompDirective) {
			if len(arguments) == 0 {
				return nil, cobra.ShellCompDirectiveFilterDirs
			}
			return paths, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: verb(func(command *cobra.Command, arguments []string) error {
			return protos(command.Context(), arguments[0], arguments[1:], command.OutOrStdout())
		}),
	}
}

// protos writes schemas into a folder, those that are wanted, or all. It reads all of
// them first, so that where one cannot be had nothing is written.
func protos(ctx context.Context, dir string, wanted []string, out io.Writer) error {
	chosen := slices.DeleteFunc(schemas(), func(s schemaFile) bool { return len(wanted) > 0 && !slices.Contains(wanted, s.path) })
	texts := make([][]byte, len(chosen))
	for i, s := range chosen {
		text, err := s.read(ctx)
		if err != nil {
			return fmt.Errorf("cannot get %s: %w", s.path, err)
		}
		texts[i] = text
	}
	folder, err := openFolder(dir)
	if err != nil {
		return err
	}
	defer folder.Close()
	for i, s := range chosen {
		written, err := folder.put(s.path, texts[i])
		if err != nil {
			return err
		}
		did := "kept "
		if written {
			did = "wrote"
		}
		fmt.Fprintln(out, did, filepath.Join(dir, filepath.FromSlash(s.path)))
	}
	return nil
}
