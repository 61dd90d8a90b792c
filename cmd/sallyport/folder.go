package main

import (
	"bytes"
	"cmp"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
)

// A folder is where files are written. Nothing outside of it is ever touched, also
// where a symbolic link in it leads out.
type folder struct{ *os.Root }

// openFolder opens a folder, which it makes where there is none.
func openFolder(dir string) (folder, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil { //nolint:gosec // sources are readable by all users
		return folder{}, fmt.Errorf("cannot make the folder: %w", err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return folder{}, fmt.Errorf("cannot open the folder: %w", err)
	}
	return folder{root}, nil
}

// put makes the file at a path, with slashes, hold a text. It reports whether it
// had to write. Who reads the file meanwhile sees the old text or the new one,
// whole.
func (f folder) put(file string, text []byte) (written bool, err error) {
	old, err := f.ReadFile(file)
	switch {
	case err == nil && bytes.Equal(old, text):
		return false, nil
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return false, f.failed(file, err)
	}
	if err := f.MkdirAll(path.Dir(file), 0o755); err != nil {
		return false, f.failed(file, err)
	}
	fresh := path.Join(path.Dir(file), "."+path.Base(file)+"."+rand.Text())
	err = f.write(fresh, text)
	if err == nil {
		err = f.Rename(fresh, file)
	}
	if err != nil {
		_ = f.Remove(fresh) // it may not be there; the first error is the one to report
		return false, f.failed(file, err)
	}
	return true, nil
}

// write makes a new file and returns when its text is on disk.
func (f folder) write(file string, text []byte) error {
	w, err := f.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	_, written := w.Write(text)
	return cmp.Or(written, w.Sync(), w.Close())
}

func (f folder) failed(file string, err error) error {
	return fmt.Errorf("cannot write %s in %s: %w; remove what is in the way, or name another folder", file, f.Name(), err)
}
