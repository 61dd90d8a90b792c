package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"golang.org/x/tools/go/packages"
)

// A target is a package under test, with its mutants compiled into its test binary.
type target struct {
	path    string // its import path
	folder  string
	mutants []mutant
	binary  string
	digest  string // of its files and tests

	mu    sync.Mutex
	kills map[string]int // how many mutants each test has killed in this run
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

// prepare mutates a package and compiles its tests into a folder, unless none of its
// mutants is accepted. When ctx ends before the tests are compiled, it returns the
// mutants with the error of ctx. A package without tests is an error: all of its mutants would
// survive.
func prepare(ctx context.Context, root, work string, pkg *packages.Package, accept func(mutant) bool) (*target, error) {
	made := &target{path: pkg.PkgPath, folder: filepath.Dir(pkg.CompiledGoFiles[0])}
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
	if !slices.ContainsFunc(made.mutants, accept) {
		made.mutants = nil
		return made, nil
	}
	return made, errors.Join(made.measure(), made.compile(ctx, root, work, overlay))
}

// compile builds the test binary with the changed files.
func (t *target) compile(ctx context.Context, root, work string, overlay map[string]string) error {
	list, err := json.Marshal(map[string]any{"Replace": overlay})
	if err != nil {
		return err
	}
	listed := filepath.Join(work, "overlay.json")
	if err := os.WriteFile(listed, list, 0o600); err != nil {
		return err
	}
	t.binary = filepath.Join(work, "test")
	command := exec.CommandContext(ctx, "go", "test", "-c", "-vet=off", "-overlay", listed, "-o", t.binary, t.path)
	command.Dir = root
	if output, err := command.CombinedOutput(); ctx.Err() != nil {
		return ctx.Err()
	} else if err != nil {
		return fmt.Errorf("compile the mutants of %s: %w\n%s", t.path, err, output)
	}
	if _, err := os.Stat(t.binary); err != nil {
		return fmt.Errorf("%s has no tests", t.path)
	}
	return nil
}

// measure digests the files of the package, tests and test data included.
func (t *target) measure() error {
	digest := sha256.New()
	err := filepath.WalkDir(t.folder, func(path string, entry os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			if path != t.folder && !strings.Contains(path, "testdata") {
				return filepath.SkipDir
			}
			return nil
		}
		content, err := os.ReadFile(path)
		name, _ := filepath.Rel(t.folder, path) // the verdicts of one clone hold in others
		fmt.Fprintf(digest, "%s %d\n%s", name, len(content), content)
		return err
	})
	t.digest = hex.EncodeToString(digest.Sum(nil))[:16]
	return err
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
