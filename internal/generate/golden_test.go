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

// TestGolden compares what is generated from each folder of testdata with what lies
// in its folder want, and sees whether it compiles. The parameter of the plugin is
// paths=source_relative, unless there is a file with another.
func TestGolden(t *testing.T) {
	t.Parallel()
	folders, err := filepath.Glob("testdata/*")
	if err != nil || len(folders) == 0 {
		t.Fatalf("no testdata: %v", err)
	}
	for _, folder := range folders {
		t.Run(filepath.Base(folder), func(t *testing.T) {
			t.Parallel()
			parameter, err := os.ReadFile(filepath.Join(folder, "parameter"))
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				t.Fatal(err)
			}
			if err != nil {
				parameter = []byte("paths=source_relative")
			}
			parameters := strings.ReplaceAll(strings.TrimSpace(string(parameter)), "declarations=", "declarations="+folder+"/")
			asked := request(t, sources(t, folder), parameters)
			made, err := files(run(t, asked))
			got := maps.Clone(made)
			if err != nil {
				text := strings.ReplaceAll(err.Error(), folder+"/", "")
				got = map[string]string{"error.txt": text + "\n"}
			}
			compareGolden(t, filepath.Join(folder, "want"), got)
			if err != nil {
				return
			}
			messages, err := files(runGo(t, asked))
			if err != nil {
				t.Fatal(err)
			}
			prefix := ""
			for option := range strings.SplitSeq(parameters, ",") {
				if module, ok := strings.CutPrefix(option, "module="); ok {
					prefix = module
				} else if option == "paths=source_relative" {
					prefix = "example.com/" + filepath.Base(folder)
				}
			}
			checker := newChecker(t)
			checker.add(prefix, messages)
			checker.add(prefix, made)
			if err := checker.check(); err != nil {
				t.Errorf("what is generated does not compile:\n%v", err)
			}
		})
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
