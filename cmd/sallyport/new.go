package main

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"text/template"

	"github.com/spf13/cobra"
	"golang.org/x/mod/module"
)

// ownModule is the path of the module that a project requires.
const ownModule = "github.com/sallyport-rpc/sallyport"

// projectFiles are the files of a project, as templates.
//
//go:embed project
var projectFiles embed.FS

// A project is what its templates are filled in with.
type project struct {
	// Name is what the README calls it, and Module its path.
	Name, Module string
	// Version is that of Sallyport, and Replace the folder that stands in for it, or "".
	Version, Replace string
}

func newNew() *cobra.Command {
	var name, replace string
	command := &cobra.Command{
		Use:   "new DIR",
		Short: "Write a working project into an empty folder",
		Long: `New writes a project with one service, sessions, tests, assertions and CI, which builds
and serves as it is. DIR is made, or is there and empty.

It takes Go and make, and asks no schema registry. "make" in the folder generates, lints,
tests and proves; "make serve" serves. buf is built from source, unless BUF=buf names one
that is installed.`,
		Example: `  go run ` + ownModule + `/cmd/sallyport@latest new notes --module example.com/notes
  cd notes && make && make serve`,
		Args: oneArgument("name the folder of the project, such as notes"),
		RunE: verb(func(command *cobra.Command, arguments []string) error {
			of, err := projectIn(arguments[0], name, replace)
			if err != nil {
				return err
			}
			if err := of.write(arguments[0]); err != nil {
				return err
			}
			_, err = fmt.Fprintf(command.OutOrStdout(), "wrote %s: next\n  cd %s && make && make serve\n", of.Module, arguments[0])
			return err
		}),
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return nil, cobra.ShellCompDirectiveFilterDirs
		},
	}
	command.Flags().StringVar(&name, "module", "", "the `PATH` of the Go module; example.com/ and the folder's name without it")
	command.Flags().StringVar(&replace, "replace", "", "a `DIR` with the source of Sallyport, in place of the version that this program was built from")
	must(command.MarkFlagDirname("replace"))
	return command
}

// projectIn says what a project in a folder is like.
func projectIn(dir, name, replace string) (project, error) {
	full, err := filepath.Abs(dir)
	if err != nil {
		return project{}, err
	}
	of := project{Name: filepath.Base(full), Module: name}
	if name == "" {
		of.Module = "example.com/" + of.Name
	}
	if err := module.CheckPath(of.Module); err != nil {
		return project{}, misuse{fmt.Sprintf("%v: name the module by --module, such as example.com/notes", err)}
	}
	if replace != "" {
		of.Version = "v0.0.0"
		if of.Replace, err = filepath.Abs(replace); err != nil {
			return project{}, err
		}
		if _, err := os.Stat(filepath.Join(of.Replace, "go.mod")); err != nil {
			return project{}, fmt.Errorf("--replace: %w: name the folder that has the go.mod of %s", err, ownModule)
		}
		if strings.ContainsAny(of.Replace, " \t\"`'()") {
			return project{}, fmt.Errorf("--replace: go.mod cannot have the path %q: name a folder without spaces and quotes", of.Replace)
		}
		return of, nil
	}
	build, ok := debug.ReadBuildInfo()
	if of.Version = releaseOf(build); !ok || of.Version == "" {
		return project{}, misuse{"this program was built from a work tree, which has no version that go.mod could require: name the tree by --replace DIR"}
	}
	return of, nil
}

// releaseOf returns the version of Sallyport that a program was built from, or "" where it
// has none that others can require.
func releaseOf(build *debug.BuildInfo) string {
	if build == nil {
		return ""
	}
	for _, of := range append(build.Deps, &build.Main) {
		if of.Path != ownModule {
			continue
		}
		if of.Replace != nil || !strings.HasPrefix(of.Version, "v") || strings.Contains(of.Version, "+dirty") {
			return ""
		}
		return of.Version
	}
	return ""
}

// write writes the project into a folder that is empty or not there.
func (p project) write(dir string) error {
	switch entries, err := os.ReadDir(dir); {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return err
	case len(entries) > 0:
		return fmt.Errorf("%s is not empty, and holds %s: name a folder that is empty, or not there", dir, entries[0].Name())
	}
	texts, err := p.files()
	if err != nil {
		return err
	}
	into, err := openFolder(dir)
	if err != nil {
		return err
	}
	defer into.Close()
	for path, text := range texts {
		if _, err := into.put(path, text); err != nil {
			return err
		}
	}
	return nil
}

// files returns the texts of the files, by their paths.
func (p project) files() (map[string][]byte, error) {
	texts := map[string][]byte{}
	err := fs.WalkDir(projectFiles, "project", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := projectFiles.ReadFile(path)
		if err != nil {
			return err
		}
		// Protobuf and workflows have braces of their own.
		filled, err := template.New(path).Delims("[[", "]]").Option("missingkey=error").Parse(string(text))
		if err != nil {
			return err
		}
		var out bytes.Buffer
		if err := filled.Execute(&out, p); err != nil {
			return err
		}
		texts[projectPath(path)] = out.Bytes()
		return nil
	})
	return texts, err
}

// projectPath is where a template's file goes. Hidden ones have no dot as templates.
func projectPath(template string) string {
	path := strings.TrimSuffix(strings.TrimPrefix(template, "project/"), ".tmpl")
	switch {
	case path == "gitignore", strings.HasPrefix(path, "github/"):
		return "." + path
	default:
		return path
	}
}
