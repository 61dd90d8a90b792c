package schema

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"time"
)

// maxRevision is how many bytes of .proto files are read of a git revision.
const maxRevision = 64 << 20

// splitRevision splits "main:proto" into a git revision and a folder in it. ok is false for
// what is no such text.
func splitRevision(text string) (revision, folder string, ok bool) {
	revision, folder, ok = strings.Cut(text, ":")
	if !ok || revision == "" || strings.HasPrefix(revision, "-") || strings.ContainsAny(revision, `/\`) && filepath.IsAbs(revision) {
		return "", "", false
	}
	if folder == "" {
		folder = "."
	}
	return revision, folder, true
}

// readRevision compiles the .proto files of a folder as they are in a git revision of the
// repository that the current folder is in. What it imports from further folders comes from
// the work tree.
func readRevision(ctx context.Context, revision, folder string, imports []string) (*Schema, error) {
	git, err := exec.LookPath("git")
	if err != nil {
		return nil, fmt.Errorf("%s:%s is a git revision, and there is no git on the PATH: install git", revision, folder)
	}
	dir, err := os.MkdirTemp("", "sallyport-revision-*")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	command := exec.CommandContext(ctx, git, "archive", "--format=tar", revision, "--", folder) //nolint:gosec // a revision does not begin with "-"
	command.WaitDelay = time.Second
	var archive, said bytes.Buffer
	command.Stdout, command.Stderr = &limited{&archive, maxRevision}, &said
	if err := command.Run(); err != nil {
		if context.Cause(ctx) != nil {
			return nil, context.Cause(ctx)
		}
		return nil, fmt.Errorf("read %s of git revision %s: %w: %s", folder, revision, err, strings.TrimSpace(said.String()))
	}
	if err := unpack(&archive, dir); err != nil {
		return nil, fmt.Errorf("read %s of git revision %s: %w", folder, revision, err)
	}
	schema, err := compile(ctx, filepath.Join(dir, filepath.FromSlash(path.Clean(folder))), imports)
	if err != nil {
		return nil, fmt.Errorf("%s:%s: %w", revision, folder, err)
	}
	return schema, nil
}

// unpack writes the .proto files of an archive into a folder, and nothing outside of it.
func unpack(archive io.Reader, dir string) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	for reader := tar.NewReader(archive); ; {
		header, err := reader.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if header.Typeflag != tar.TypeReg || path.Ext(header.Name) != ".proto" {
			continue
		}
		text, err := io.ReadAll(reader)
		if err == nil {
			err = root.MkdirAll(path.Dir(header.Name), 0o700)
		}
		if err == nil {
			err = root.WriteFile(header.Name, text, 0o600)
		}
		if err != nil {
			return err
		}
	}
}

// limited writes no more than so many bytes.
type limited struct {
	to   io.Writer
	left int
}

func (l *limited) Write(data []byte) (int, error) {
	if l.left -= len(data); l.left < 0 {
		return 0, fmt.Errorf("it has more than %d bytes: name the folder of the .proto files alone", maxRevision)
	}
	return l.to.Write(data)
}
