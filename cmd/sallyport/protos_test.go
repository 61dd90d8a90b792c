package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sallyport-rpc/sallyport/proto"
)

const (
	actionProto   = "sallyport/v1/action.proto"
	validateProto = "buf/validate/validate.proto"
)

// listed returns the paths of all files in a folder.
func listed(t *testing.T, dir string) []string {
	t.Helper()
	var paths []string
	err := fs.WalkDir(os.DirFS(dir), ".", func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			paths = append(paths, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return paths
}

func TestProtos(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "third_party", "proto")
	actionPath, validatePath := filepath.Join(dir, actionProto), filepath.Join(dir, validateProto)
	want, err := proto.Files.ReadFile(actionProto)
	if err != nil {
		t.Fatal(err)
	}

	steps := []struct {
		name   string
		before func() error
		out    string
	}{
		{
			name: "all is written into a folder that is made",
			out:  "wrote " + actionPath + "\nwrote " + validatePath + "\n",
		},
		{
			name: "what is right already is kept",
			out:  "kept  " + actionPath + "\nkept  " + validatePath + "\n",
		},
		{
			name:   "what differs is written anew",
			before: func() error { return os.WriteFile(actionPath, []byte("edited"), 0o600) },
			out:    "wrote " + actionPath + "\nkept  " + validatePath + "\n",
		},
		{
			name:   "what is gone is written anew",
			before: func() error { return os.Remove(validatePath) },
			out:    "kept  " + actionPath + "\nwrote " + validatePath + "\n",
		},
	}
	for _, step := range steps {
		if step.before != nil {
			if err := step.before(); err != nil {
				t.Fatal(err)
			}
		}
		if diff := cmp.Diff(printed{exitDone, step.out, ""}, sallyport(t, "protos", dir), cmp.AllowUnexported(printed{})); diff != "" {
			t.Fatalf("%s (-want +got):\n%s", step.name, diff)
		}
		got, err := os.ReadFile(actionPath)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), string(got)); diff != "" {
			t.Fatalf("%s (-want +got):\n%s", step.name, diff)
		}
		if diff := cmp.Diff([]string{validateProto, actionProto}, listed(t, dir)); diff != "" {
			t.Fatalf("%s: files (-want +got):\n%s", step.name, diff)
		}
	}
}

func TestProtosWritesWhatIsNamed(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if got := sallyport(t, "protos", dir, validateProto); got.code != exitDone {
		t.Fatalf("exit code %d: %s", got.code, got.errs)
	}
	if diff := cmp.Diff([]string{validateProto}, listed(t, dir)); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
}

func TestProtosStaysInItsFolder(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		stand func(dir, outside string) error
	}{
		{"a folder that leads out", func(dir, outside string) error {
			return os.Symlink(outside, filepath.Join(dir, "sallyport"))
		}},
		{"a file that leads out", func(dir, outside string) error {
			if err := os.MkdirAll(filepath.Join(dir, "sallyport/v1"), 0o700); err != nil {
				return err
			}
			return os.Symlink(filepath.Join(outside, "victim"), filepath.Join(dir, actionProto))
		}},
		{"a folder in place of a file", func(dir, outside string) error {
			return os.MkdirAll(filepath.Join(dir, actionProto), 0o700)
		}},
		{"a file in place of a folder", func(dir, outside string) error {
			return os.WriteFile(filepath.Join(dir, "sallyport"), nil, 0o600)
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			dir, outside := t.TempDir(), t.TempDir()
			if err := os.WriteFile(filepath.Join(outside, "victim"), []byte("untouched"), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := test.stand(dir, outside); err != nil {
				t.Fatal(err)
			}
			before := listed(t, dir)
			got := sallyport(t, "protos", dir, actionProto)
			if got.code != exitFailed || got.out != "" {
				t.Errorf("exit code %d, stdout %q, want %d and nothing", got.code, got.out, exitFailed)
			}
			if strings.Count(got.errs, "\n") != 1 || !strings.Contains(got.errs, "cannot write "+actionProto) || !strings.Contains(got.errs, "remove what is in the way") {
				t.Errorf("stderr is not one line that says what to do: %q", got.errs)
			}
			if diff := cmp.Diff(before, listed(t, dir)); diff != "" {
				t.Errorf("files inside (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff([]string{"victim"}, listed(t, outside)); diff != "" {
				t.Errorf("files outside (-want +got):\n%s", diff)
			}
			if text, err := os.ReadFile(filepath.Join(outside, "victim")); err != nil || string(text) != "untouched" {
				t.Errorf("the file outside holds %q, %v", text, err)
			}
		})
	}
}

// A file where the folder should be, and a folder that cannot be made.
func TestProtosWithoutFolder(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{file, filepath.Join(file, "below")} {
		got := sallyport(t, "protos", dir, actionProto)
		if got.code != exitFailed || !strings.HasPrefix(got.errs, "sallyport protos: cannot make the folder: ") || strings.Count(got.errs, "\n") != 1 {
			t.Errorf("exit code %d, stderr %q", got.code, got.errs)
		}
	}
}

// Where one file cannot be had, none is written.
func TestProtosWithoutGo(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	dir := filepath.Join(t.TempDir(), "proto")
	got := sallyport(t, "protos", dir)
	want := printed{exitFailed, "", "sallyport protos: cannot get " + validateProto + ": it comes from the Go module " +
		protovalidate.String() + ", and there is no go command on the PATH: install Go\n"}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(printed{})); diff != "" {
		t.Errorf("printed (-want +got):\n%s", diff)
	}
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("the folder was made: %v", err)
	}
	if got := sallyport(t, "protos", dir, actionProto); got.code != exitDone {
		t.Errorf("our own needs no go command, but: %s", got.errs)
	}
}

// All that the files import is among them, or comes with buf and protoc.
func TestSchemasAreWhole(t *testing.T) {
	t.Parallel()
	all := schemas()
	for _, s := range all {
		text, err := s.read(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			quoted, ok := strings.CutPrefix(line, `import "`)
			if !ok {
				continue
			}
			path, _, _ := strings.Cut(quoted, `"`)
			if !strings.HasPrefix(path, "google/protobuf/") && !slices.ContainsFunc(all, func(s schemaFile) bool { return s.path == path }) {
				t.Errorf("%s imports %s, which no verb writes", s.path, path)
			}
		}
	}
}
