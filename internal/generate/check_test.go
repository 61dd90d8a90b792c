package generate

import (
	"bytes"
	"errors"
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"testing"
)

// A checker type-checks generated packages as the Go compiler does, against the
// packages of this module and of its dependencies. The tests themselves compiled those
// already, so nothing is built for it.
type checker struct {
	t      testing.TB
	fset   *token.FileSet
	parsed map[string][]*ast.File // by import path
	known  map[string]*types.Package
	built  types.Importer
}

// exported returns where the compiler's export data of each package is that
// generated code may import.
var exported = sync.OnceValues(func() (map[string]string, error) {
	arguments := []string{"list", "-export", "-deps", "-f", "{{with .Export}}{{$.ImportPath}}={{.}}{{end}}"}
	if build, ok := debug.ReadBuildInfo(); ok {
		for _, setting := range build.Settings {
			if setting.Key == "-race" && setting.Value == "true" {
				arguments = append(arguments, "-race") // compiled that way already
			}
		}
	}
	command := exec.Command("go", append(arguments,
		"github.com/sallyport-rpc/sallyport/action",
		"github.com/sallyport-rpc/sallyport/action/actiongen",
		"github.com/sallyport-rpc/sallyport/client",
		"google.golang.org/protobuf/types/known/emptypb",
		"google.golang.org/protobuf/types/known/timestamppb",
		"google.golang.org/protobuf/types/known/wrapperspb",
	)...)
	var stderr bytes.Buffer
	command.Stderr = &stderr
	output, err := command.Output()
	if err != nil {
		return nil, fmt.Errorf("%w\n%s", err, stderr.String())
	}
	found := map[string]string{}
	for line := range strings.Lines(string(output)) {
		importPath, file, _ := strings.Cut(strings.TrimSpace(line), "=")
		found[importPath] = file
	}
	return found, nil
})

func newChecker(tb testing.TB) *checker {
	tb.Helper()
	data, err := exported()
	if err != nil {
		tb.Fatal(err)
	}
	fset := token.NewFileSet()
	return &checker{
		t:      tb,
		fset:   fset,
		parsed: map[string][]*ast.File{},
		known:  map[string]*types.Package{},
		built: importer.ForCompiler(fset, runtime.Compiler, func(importPath string) (io.ReadCloser, error) {
			file, ok := data[importPath]
			if !ok {
				return nil, fmt.Errorf("generated code imports %s", importPath)
			}
			return os.Open(file)
		}),
	}
}

// another returns a checker that knows what is built, and nothing that was added. It
// must not be used at the same time as the first.
func (c *checker) another() *checker {
	return &checker{t: c.t, fset: c.fset, parsed: map[string][]*ast.File{}, known: map[string]*types.Package{}, built: c.built}
}

// add parses generated files, by name. The folder of a file is its import path, with
// what comes before the names of the files in front.
func (c *checker) add(prefix string, files map[string]string) {
	c.t.Helper()
	for name, content := range files {
		file, err := parser.ParseFile(c.fset, name, content, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			c.t.Fatal(err)
		}
		importPath := path.Join(prefix, path.Dir(name))
		c.parsed[importPath] = append(c.parsed[importPath], file)
	}
}

// Import finds a package among those that were added, and else among those built.
func (c *checker) Import(importPath string) (*types.Package, error) {
	if known := c.known[importPath]; known != nil {
		return known, nil
	}
	files := c.parsed[importPath]
	if files == nil {
		return c.built.Import(importPath)
	}
	var faults []error
	config := types.Config{Importer: c, Error: func(err error) { faults = append(faults, err) }}
	checked, _ := config.Check(importPath, c.fset, files, nil)
	c.known[importPath] = checked
	return checked, errors.Join(faults...)
}

// check type-checks all that was added.
func (c *checker) check() error {
	var faults []error
	for importPath := range c.parsed {
		if _, err := c.Import(importPath); err != nil {
			faults = append(faults, err)
		}
	}
	return errors.Join(faults...)
}
