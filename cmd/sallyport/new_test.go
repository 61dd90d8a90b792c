package main

import (
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestNew writes a project. `make new` has it generate, test and serve.
func TestNew(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "notes")
	got := sallyport(t, "new", dir, "--module", "example.org/team/notes", "--replace", "../..")
	if got.code != exitDone || got.errs != "" || !strings.Contains(got.out, "wrote example.org/team/notes") {
		t.Fatalf("%+v", got)
	}
	var files []string
	err := filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		within, err := filepath.Rel(dir, path)
		files = append(files, filepath.ToSlash(within))
		if text, err := os.ReadFile(path); err != nil || strings.Contains(string(text), "[[") || strings.Contains(string(text), "example.com/notes") {
			t.Errorf("%s, %v:\n%s", within, err, text)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(files)
	want := []string{
		".github/workflows/ci.yaml", ".gitignore", "Makefile", "README.md", "accepted.json", "access_test.go", "assertions.txtpb", "buf.gen.yaml", "buf.yaml",
		"go.mod", "main.go", "notes.go", "proto/notes/v1/notes.proto", "users.go",
	}
	if diff := cmp.Diff(want, files); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if got := sallyport(t, "lint", filepath.Join(dir, "proto")); got.code != exitDone {
		t.Errorf("its declarations are refused: %+v", got)
	}
	proved := sallyport(t, "prove", filepath.Join(dir, "proto"), "--assertions", filepath.Join(dir, "assertions.txtpb"))
	if proved.code != exitDone {
		t.Errorf("its assertions are not proved: %+v", proved)
	}
}

// TestNewRefuses leaves a folder alone that is not empty, and what it cannot name.
func TestNewRefuses(t *testing.T) {
	t.Parallel()
	dir := folderOf(t, map[string]string{"full/.hidden": "x", "file": "x", "odd name/go.mod": "module x"})
	empty := filepath.Join(dir, "empty")
	if err := os.Mkdir(empty, 0o700); err != nil {
		t.Fatal(err)
	}
	file := func(name string) string { return filepath.Join(dir, name) }
	for name, test := range map[string]struct {
		arguments []string
		code      int
		errs      string
	}{
		"a folder that is not empty":    {[]string{file("full"), "--replace", "../.."}, exitFailed, "full is not empty, and holds .hidden"},
		"an empty one":                  {[]string{empty, "--replace", "../.."}, exitDone, ""},
		"a file":                        {[]string{file("file"), "--replace", "../.."}, exitFailed, "not a directory"},
		"no folder":                     {nil, exitMisused, "name the folder of the project"},
		"a module that has no name":     {[]string{file("x"), "--module", "Not A Module", "--replace", "../.."}, exitMisused, "name the module by --module"},
		"a folder that is no name":      {[]string{file("a b"), "--replace", "../.."}, exitMisused, "name the module by --module"},
		"a work tree that is not there": {[]string{file("y"), "--replace", file("gone")}, exitFailed, "name the folder that has the go.mod"},
		"one that go.mod cannot have":   {[]string{file("z"), "--replace", file("odd name")}, exitFailed, "name a folder without spaces"},
		"a program of a work tree":      {[]string{file("v")}, exitMisused, "name the tree by --replace"},
	} {
		got := sallyport(t, append([]string{"new"}, test.arguments...)...)
		if got.code != test.code || !strings.Contains(got.errs, test.errs) || (test.errs == "") != (got.errs == "") {
			t.Errorf("%s: got %+v, want %d, %q", name, got, test.code, test.errs)
		}
	}
	if text, err := os.ReadFile(file("full/.hidden")); err != nil || string(text) != "x" {
		t.Errorf("the folder was touched: %q, %v", text, err)
	}
	for _, name := range []string{"x", "y", "z", "v", "a b"} {
		if _, err := os.Stat(file(name)); !os.IsNotExist(err) {
			t.Errorf("%s was made: %v", name, err)
		}
	}
}

// TestReleaseOf finds the version that go.mod can require.
func TestReleaseOf(t *testing.T) {
	t.Parallel()
	module := func(path, version string) debug.Module { return debug.Module{Path: path, Version: version} }
	replaced := module(ownModule, "v1.2.3")
	replaced.Replace = &debug.Module{Path: "../sallyport"}
	release := module(ownModule, "v1.2.3")
	for name, test := range map[string]struct {
		build *debug.BuildInfo
		want  string
	}{
		"a release":            {&debug.BuildInfo{Main: release}, "v1.2.3"},
		"a tool of a module":   {&debug.BuildInfo{Main: module("example.com/notes", "(devel)"), Deps: []*debug.Module{{Path: "a", Version: "v9.0.0"}, &release}}, "v1.2.3"},
		"replaced by a folder": {&debug.BuildInfo{Main: module("example.com/notes", "(devel)"), Deps: []*debug.Module{&replaced}}, ""},
		"a work tree":          {&debug.BuildInfo{Main: module(ownModule, "(devel)")}, ""},
		"a changed one":        {&debug.BuildInfo{Main: module(ownModule, "v0.0.0-20261126000000-0123456789ab+dirty")}, ""},
		"another program":      {&debug.BuildInfo{Main: module("example.com/x", "v1.0.0")}, ""},
		"nothing":              {nil, ""},
	} {
		if got := releaseOf(test.build); got != test.want {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
}
