package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
)

func protosVerb() verb {
	var paths strings.Builder
	for _, s := range schemas() {
		paths.WriteString("  " + s.path + "\n")
	}
	return verb{
		name:      "protos",
		arguments: "DIR [FILE...]",
		summary:   "write the .proto files that yours import into DIR",
		help: `protos writes the .proto files that declarations import into DIR, or only the
FILEs that are named:

` + paths.String() + `
They are those of this version of sallyport, and of the protovalidate it runs
with, so run it again when the version in go.mod changes. A file that is there
already as it should be is left alone.`,
		prepare: func(*flag.FlagSet) work { return protos },
	}
}

// protos writes schemas into a folder. It reads all of them first, so that where
// one cannot be had nothing is written.
func protos(ctx context.Context, arguments []string, out io.Writer) error {
	if len(arguments) == 0 || arguments[0] == "" {
		return misuse{"name the folder to write to, such as third_party/proto"}
	}
	dir, chosen := arguments[0], schemas()
	if wanted := arguments[1:]; len(wanted) > 0 {
		for _, path := range wanted {
			if !slices.ContainsFunc(chosen, func(s schema) bool { return s.path == path }) {
				return misuse{fmt.Sprintf("there is no file %q to write; \"sallyport protos -h\" lists those there are", path)}
			}
		}
		chosen = slices.DeleteFunc(chosen, func(s schema) bool { return !slices.Contains(wanted, s.path) })
	}
	texts := make([][]byte, len(chosen))
	for i, s := range chosen {
		text, err := s.read(ctx)
		if err != nil {
			return fmt.Errorf("cannot have %s: %w", s.path, err)
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
