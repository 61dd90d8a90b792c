package generate

import (
	"errors"
	"flag"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write testdata anew from what is generated now")

// A golden is a folder of testdata: .proto files, and in its folder want what is
// generated from them. The parameter of the plugin is paths=source_relative, unless
// there is a file with another.
type golden struct {
	name, folder, parameter string
}

func goldens(t *testing.T) []golden {
	t.Helper()
	folders, err := filepath.Glob("testdata/*")
	if err != nil || len(folders) == 0 {
		t.Fatalf("no testdata: %v", err)
	}
	var found []golden
	for _, folder := range folders {
		parameter, err := os.ReadFile(filepath.Join(folder, "parameter"))
		switch {
		case errors.Is(err, fs.ErrNotExist):
			parameter = []byte("paths=source_relative")
		case err != nil:
			t.Fatal(err)
		}
		text := strings.ReplaceAll(strings.TrimSpace(string(parameter)), "declarations=", "declarations="+folder+"/")
		found = append(found, golden{filepath.Base(folder), folder, text})
	}
	return found
}

// root is the import path of the folder that file names begin in.
func (g golden) root() string {
	for option := range strings.SplitSeq(g.parameter, ",") {
		if module, ok := strings.CutPrefix(option, "module="); ok {
			return module
		}
		if option == "paths=source_relative" {
			return "example.com/" + g.name
		}
	}
	return ""
}

func TestGolden(t *testing.T) {
	t.Parallel()
	for _, golden := range goldens(t) {
		t.Run(golden.name, func(t *testing.T) {
			t.Parallel()
			made, err := files(run(t, request(t, sources(t, golden.folder), golden.parameter)))
			if err != nil {
				text := strings.ReplaceAll(err.Error(), golden.folder+"/", "")
				made = map[string]string{"error.txt": text + "\n"}
			}
			compareGolden(t, filepath.Join(golden.folder, "want"), made)
		})
	}
}

// What is generated compiles, with what protoc-gen-go makes beside it.
func TestGoldenCompiles(t *testing.T) {
	t.Parallel()
	built := newChecker(t)
	for _, golden := range goldens(t) {
		asked := request(t, sources(t, golden.folder), golden.parameter)
		made, err := files(run(t, asked))
		if err != nil {
			continue // refused, and TestGolden tells for what
		}
		messages, err := files(runGo(t, asked))
		if err != nil {
			t.Fatal(err)
		}
		checker := built.another()
		checker.add(golden.root(), messages)
		checker.add(golden.root(), made)
		if err := checker.check(); err != nil {
			t.Errorf("%s does not compile:\n%v", golden.name, err)
		}
	}
}

// compareGolden compares files with those of a folder, or writes them there.
func compareGolden(t *testing.T, folder string, got map[string]string) {
	t.Helper()
	if *update {
		if err := os.RemoveAll(folder); err != nil {
			t.Fatal(err)
		}
		for name, content := range got {
			path := filepath.Join(folder, filepath.FromSlash(name))
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		return
	}
	want := map[string]string{}
	err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) || err == nil && entry.IsDir() {
			return nil // a folder without files is in no repository
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name, err := filepath.Rel(folder, path)
		want[filepath.ToSlash(name)] = strings.ReplaceAll(string(content), "\r\n", "\n")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(slices.Sorted(maps.Keys(want)), slices.Sorted(maps.Keys(got))); diff != "" {
		t.Errorf("files: -want +got\n%s", diff)
	}
	for name, content := range got {
		if diff := cmp.Diff(want[name], content); diff != "" {
			t.Errorf("%s (go test -update writes it anew): -want +got\n%s", name, diff)
		}
	}
}
