package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"go/ast"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/tools/go/packages"
)

// A target is a package under test, with its mutants and the tests that judge them.
type target struct {
	path    string // its import path
	mutants []mutant
	suites  []*suite // its own tests, and those of further packages
	digest  string   // of its files and of all tests
}

// load finds the packages that patterns name.
func load(ctx context.Context, root string, patterns []string) ([]*packages.Package, error) {
	config := &packages.Config{
		Context: ctx, Dir: root,
		Mode: packages.NeedName | packages.NeedFiles | packages.NeedCompiledGoFiles | packages.NeedSyntax |
			packages.NeedTypes | packages.NeedTypesInfo | packages.NeedImports,
	}
	found, err := packages.Load(config, patterns...)
	if err != nil {
		return nil, err
	}
	for _, pkg := range found {
		if len(pkg.Errors) > 0 {
			return nil, fmt.Errorf("%s: %w", pkg.PkgPath, pkg.Errors[0])
		}
	}
	return found, nil
}

// prepare mutates a package. Its tests, and those of the packages in judges, judge the
// mutants. There are none where none is accepted.
func prepare(root, work string, pkg *packages.Package, judges []string, accept func(mutant) bool) (*target, error) {
	made := &target{path: pkg.PkgPath}
	overlay := map[string]string{}
	write := func(name, text string) error {
		copied := filepath.Join(work, fmt.Sprintf("%d.go", len(overlay)))
		overlay[name] = copied
		return os.WriteFile(copied, []byte(text), 0o600)
	}
	if err := write(filepath.Join(root, "internal/zzmutation/zzmutation.go"), runtimeSource); err != nil {
		return nil, err
	}
	next := 0
	for i, file := range pkg.Syntax {
		name := pkg.CompiledGoFiles[i]
		content, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		relative, err := filepath.Rel(root, name)
		if err != nil || ast.IsGenerated(file) {
			continue
		}
		mutator := &mutator{
			pkg: pkg, name: relative, digest: digestOf(content), source: newSource(pkg.Fset.File(file.Pos()), content), next: &next,
			inBlock: map[ast.Stmt]bool{}, guards: map[ast.Expr]bool{},
		}
		for _, declaration := range file.Decls {
			if function, ok := declaration.(*ast.FuncDecl); ok {
				mutator.declaration(function)
			}
		}
		if len(mutator.found) == 0 {
			continue
		}
		mutator.source.close(file.Name.End(), `; import "`+runtimePath+`"`)
		if err := write(name, mutator.source.changed()); err != nil {
			return nil, err
		}
		made.mutants = append(made.mutants, mutator.found...)
	}
	seen := map[string]int{}
	for i := range made.mutants {
		key := made.mutants[i].key()
		made.mutants[i].nth = seen[key]
		seen[key]++
	}
	if !slices.ContainsFunc(made.mutants, accept) {
		made.mutants = nil
		return made, nil
	}
	list, err := json.Marshal(map[string]any{"Replace": overlay})
	if err != nil {
		return nil, err
	}
	listed := filepath.Join(work, "overlay.json")
	if err := os.WriteFile(listed, list, 0o600); err != nil {
		return nil, err
	}
	own := filepath.Dir(pkg.CompiledGoFiles[0])
	made.suites = []*suite{{path: pkg.PkgPath, folder: own, overlay: listed, binary: filepath.Join(work, "test")}}
	for i, judge := range judges {
		made.suites = append(made.suites, &suite{
			path: modulePath + "/" + judge, folder: filepath.Join(root, judge), overlay: listed,
			binary: filepath.Join(work, fmt.Sprintf("test%d", i+1)),
		})
	}
	return made, made.measure()
}

// measure digests the files of the package and of those that judge it, tests and test
// data included, and which services there are for the tests.
func (t *target) measure() error {
	digest := sha256.New()
	for _, service := range []string{"SALLYPORT_TEST_POSTGRES", "SALLYPORT_TEST_REDIS"} {
		fmt.Fprintln(digest, os.Getenv(service) != "")
	}
	for _, suite := range t.suites {
		if err := measure(digest, suite.folder); err != nil {
			return err
		}
	}
	t.digest = hex.EncodeToString(digest.Sum(nil))[:16]
	return nil
}

// measure writes the files of a package into a digest.
func measure(digest io.Writer, folder string) error {
	return filepath.WalkDir(folder, func(path string, entry os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			if path != folder && !strings.Contains(path, "testdata") {
				return filepath.SkipDir
			}
			return nil
		}
		content, err := os.ReadFile(path)
		name, _ := filepath.Rel(folder, path) // the verdicts of one clone hold in others
		fmt.Fprintf(digest, "%s %d\n%s", name, len(content), content)
		return err
	})
}

// digestOf is the digest of a file's content.
func digestOf(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:8])
}

// only keeps the mutants that a function accepts.
func (t *target) only(accept func(mutant) bool) {
	t.mutants = slices.DeleteFunc(t.mutants, func(m mutant) bool { return !accept(m) })
}
