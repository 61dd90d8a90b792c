package directory

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestOpenMakesPrivateFiles(t *testing.T) {
	t.Parallel()
	directory, path := openFile(t)
	add(t, directory, "ada", Admin)
	for _, name := range []string{path, path + "-wal", path + "-shm"} {
		info, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		if mode := info.Mode().Perm(); mode != 0o600 {
			t.Errorf("%s has mode %v", filepath.Base(name), mode)
		}
	}
}

func TestOpenSettings(t *testing.T) {
	t.Parallel()
	directory, _ := openFile(t)
	memory := openMemory(t)
	for name, want := range map[string]string{
		"journal_mode": "wal", "synchronous": "2", "foreign_keys": "1", "busy_timeout": "5000",
		"user_version": "7", "application_id": "1396788313",
	} {
		// Each of several connections must have them.
		var group sync.WaitGroup
		for range 4 {
			group.Go(func() {
				var got string
				if err := directory.db.QueryRowContext(t.Context(), "PRAGMA "+name).Scan(&got); err != nil || got != want {
					t.Errorf("%s is %s, want %s; %v", name, got, want, err)
				}
			})
		}
		group.Wait()
		if name == "foreign_keys" {
			var got string
			if err := memory.db.QueryRowContext(t.Context(), "PRAGMA "+name).Scan(&got); err != nil || got != want {
				t.Errorf("%s in memory is %s, want %s; %v", name, got, want, err)
			}
		}
	}
}

func TestOpenKeepsWhatWasWritten(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "a folder", "100% demo?x=1#y&mode=ro.db")
	if err := os.Mkdir(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	first := openPath(t, path)
	want := add(t, first, "ada", Admin)
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	got, err := openPath(t, path).Get(t.Context(), want.ID)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	left, err := os.ReadDir(filepath.Dir(path))
	if err != nil || !strings.HasPrefix(left[0].Name(), "100% demo?x=1#y&mode=ro.db") {
		t.Errorf("the folder holds %v, %v", left, err)
	}
}

func TestOpenTakesARelativePath(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, path := range []string{"demo.db", "./other.db", "file:odd.db", "-db"} {
		openPath(t, path)
		if _, err := os.Stat(path); err != nil {
			t.Error(err)
		}
	}
}

func TestMemoriesAreApart(t *testing.T) {
	t.Parallel()
	one, two := openMemory(t), openMemory(t)
	add(t, one, "ada", Admin)
	if empty, err := two.Empty(t.Context()); err != nil || !empty {
		t.Errorf("Empty = %v, %v", empty, err)
	}
	if _, err := os.Stat(Memory); err == nil {
		t.Error("memory has become a file")
	}
}

// TestMemorySurvivesInterruptions holds because the one connection is the database.
func TestMemorySurvivesInterruptions(t *testing.T) {
	t.Parallel()
	directory := openMemory(t)
	want := add(t, directory, "ada", Admin)
	for range 50 {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Microsecond)
		_, _, _ = directory.List(ctx, 10, "")
		_, _ = directory.Create(ctx, User{Name: "bob", Email: "bob@example.com", Role: Member})
		_ = directory.Sessions().CommitCtx(ctx, "token", []byte("{}"), time.Now().Add(time.Hour))
		cancel()
	}
	if _, err := directory.Get(t.Context(), want.ID); err != nil {
		t.Error(err)
	}
}

// TestOpenTogether has many openers race for one new file.
func TestOpenTogether(t *testing.T) {
	t.Parallel()
	for range 10 {
		path := filepath.Join(t.TempDir(), "demo.db")
		var group sync.WaitGroup
		for range 8 {
			group.Go(func() {
				directory, err := Open(t.Context(), path, Config{})
				if err != nil {
					t.Error(err)
					return
				}
				if err := directory.Close(); err != nil {
					t.Error(err)
				}
			})
		}
		group.Wait()
	}
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		// make makes what is to be refused and returns its path.
		make func(t *testing.T, folder string) string
		want string
	}{
		"no name":        {func(*testing.T, string) string { return "" }, "has no name: name a file"},
		"missing folder": {func(_ *testing.T, folder string) string { return filepath.Join(folder, "none", "demo.db") }, "is in a folder that does not exist: create the folder"},
		"a folder":       {func(_ *testing.T, folder string) string { return folder }, "is not a file: choose another"},
		"a file for a folder": {func(t *testing.T, folder string) string {
			return filepath.Join(write(t, folder, "x"), "demo.db")
		}, "cannot be used"},
		"an empty file": {func(t *testing.T, folder string) string { return write(t, folder, "") }, "is empty, as a copy without its -wal file can be: copy the -wal file too"},
		"an empty database": {func(t *testing.T, folder string) string {
			path := filepath.Join(folder, "demo.db")
			run(t, path, "PRAGMA journal_mode = WAL")
			return path
		}, "is empty, as a copy without its -wal file can be"},
		"a log without its database": {func(t *testing.T, folder string) string {
			path := database(t, folder, "")
			if err := os.Rename(path, path+"-wal"); err != nil {
				t.Fatal(err)
			}
			return path
		}, "is missing, but its -wal or -journal file is there: put the database back"},
		"a damaged page": {func(t *testing.T, folder string) string {
			path := database(t, folder, "PRAGMA journal_mode = DELETE")
			file, err := os.OpenFile(path, os.O_RDWR, 0)
			if err != nil {
				t.Fatal(err)
			}
			_, err = file.WriteAt(bytes.Repeat([]byte{0xff}, 64), 2*pageSize)
			if err := errors.Join(err, file.Close()); err != nil {
				t.Fatal(err)
			}
			return path
		}, "is not a SQLite database, or is damaged"},
		"a device": {func(*testing.T, string) string { return os.DevNull }, "is not a file"},
		"text": {func(t *testing.T, folder string) string {
			return write(t, folder, strings.Repeat("not a database\n", 1000))
		}, "is not a SQLite database, or is damaged: restore a backup"},
		"a short text": {func(t *testing.T, folder string) string { return write(t, folder, "x") }, "is not a SQLite database, or is damaged: restore a backup"},
		"header alone": {func(t *testing.T, folder string) string { return write(t, folder, "SQLite format 3\x00") }, "is not a SQLite database, or is damaged: restore a backup"},
		"cut off": {func(t *testing.T, folder string) string {
			whole, err := os.ReadFile(database(t, folder, ""))
			if err != nil {
				t.Fatal(err)
			}
			return write(t, folder, string(whole[:len(whole)/2]))
		}, "is not a SQLite database, or is damaged: restore a backup"},
		"another program's": {func(t *testing.T, folder string) string {
			path := filepath.Join(folder, "other.db")
			run(t, path, "CREATE TABLE users (name TEXT); INSERT INTO users VALUES ('ada')")
			return path
		}, "is the database of another program: choose"},
		"another program's, by its id": {func(t *testing.T, folder string) string {
			path := filepath.Join(folder, "other.db")
			run(t, path, "PRAGMA application_id = 252006674")
			return path
		}, "is the database of another program"},
		"ours without a version": {func(t *testing.T, folder string) string {
			return database(t, folder, "PRAGMA user_version = 0")
		}, "is the database of another program"},
		"a newer schema": {func(t *testing.T, folder string) string {
			return database(t, folder, "PRAGMA user_version = 1000")
		}, "was written by a newer version of this program: run that version"},
		// The 18th byte says by which version of the format a file may be written.
		"not to be written": {func(t *testing.T, folder string) string {
			path := database(t, folder, "PRAGMA journal_mode = DELETE")
			file, err := os.OpenFile(path, os.O_RDWR, 0)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := file.WriteAt([]byte{3}, 18); err != nil {
				t.Fatal(err)
			}
			if err := file.Close(); err != nil {
				t.Fatal(err)
			}
			return path
		}, "cannot be written: make the file and its folder writable"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			folder := t.TempDir()
			path := test.make(t, folder)
			before := contents(t, folder)
			directory, err := Open(t.Context(), path, Config{})
			if err == nil {
				t.Fatal(errors.Join(errors.New("opened"), directory.Close()))
			}
			if !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), path) || strings.Contains(err.Error(), "\n") {
				t.Errorf("the error is: %v", err)
			}
			if diff := cmp.Diff(before, contents(t, folder)); diff != "" {
				t.Errorf("the folder has changed: %s", diff)
			}
		})
	}
}

func TestOpenRefusesWhatItMayNotWrite(t *testing.T) {
	t.Parallel()
	if os.Geteuid() == 0 {
		t.Skip("root may write anything")
	}
	folder := t.TempDir()
	path := database(t, folder, "")
	if err := os.Chmod(path, 0o400); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), path, Config{}); err == nil || !strings.Contains(err.Error(), "cannot be written") {
		t.Errorf("a file that is read-only: %v", err)
	}
	if err := os.Chmod(folder, 0o500); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Chmod(folder, 0o700) })
	if _, err := Open(t.Context(), filepath.Join(folder, "new.db"), Config{}); err == nil || !strings.Contains(err.Error(), "cannot be written") {
		t.Errorf("a folder that is read-only: %v", err)
	}
}

func TestOpenRefusesWhatIsLocked(t *testing.T) {
	t.Parallel()
	for name, lock := range map[string]string{
		"by a writer":  "BEGIN IMMEDIATE",
		"by one alone": "BEGIN EXCLUSIVE",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := database(t, t.TempDir(), "")
			holder, err := sql.Open("sqlite", path)
			if err != nil {
				t.Fatal(err)
			}
			defer holder.Close()
			connection, err := holder.Conn(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer connection.Close()
			if _, err := connection.ExecContext(t.Context(), lock); err != nil {
				t.Fatal(err)
			}
			_, err = Open(t.Context(), path, Config{Patience: 50 * time.Millisecond})
			if err == nil || !strings.Contains(err.Error(), "is locked by another process: stop that process") {
				t.Errorf("the error is: %v", err)
			}
		})
	}
}

func TestOpenRefusesWhatAnotherProcessLocks(t *testing.T) {
	t.Parallel()
	path := database(t, t.TempDir(), "")
	lines, kill := startProcess(t, "lock", path)
	if !lines.Scan() || lines.Text() != "locked" {
		t.Fatalf("the other process said %q", lines.Text())
	}
	_, err := Open(t.Context(), path, Config{Patience: 50 * time.Millisecond})
	if err == nil || !strings.Contains(err.Error(), "is locked by another process: stop that process") {
		t.Errorf("the error is: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := Open(ctx, path, Config{}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("with no time to wait: %v", err)
	}
	kill()
	openPath(t, path)
}

func TestWhatWasWrittenSurvivesKill(t *testing.T) {
	t.Parallel()
	for range 3 {
		path := filepath.Join(t.TempDir(), "demo.db")
		lines, kill := startProcess(t, "write", path)
		var ids []string
		for len(ids) < 20 && lines.Scan() {
			ids = append(ids, lines.Text())
		}
		kill()
		if len(ids) < 20 {
			t.Fatalf("the other process wrote no more than %q", ids)
		}
		directory := openPath(t, path)
		for _, id := range ids {
			if _, err := directory.Get(t.Context(), id); err != nil {
				t.Errorf("%s: %v", id, err)
			}
		}
		var sound string
		if err := directory.db.QueryRowContext(t.Context(), "PRAGMA integrity_check").Scan(&sound); err != nil || sound != "ok" {
			t.Errorf("integrity check: %s, %v", sound, err)
		}
	}
}

func TestDefaultPath(t *testing.T) {
	home := t.TempDir()
	t.Setenv("HOME", home)
	t.Setenv("XDG_CACHE_HOME", filepath.Join(home, "cache"))
	for range 2 {
		path, err := DefaultPath()
		if err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(filepath.Dir(path))
		if err != nil || info.Mode().Perm() != 0o700 {
			t.Errorf("the folder is %v, %v", info, err)
		}
		openPath(t, path)
	}
	t.Setenv("XDG_CACHE_HOME", "")
	t.Setenv("HOME", "")
	if path, err := DefaultPath(); err == nil {
		t.Errorf("without a home: %s", path)
	}
}

func write(t *testing.T, folder, text string) string {
	t.Helper()
	path := filepath.Join(folder, "demo.db")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// database makes a directory with a user in it and runs a statement on its file.
func database(t *testing.T, folder, statement string) string {
	t.Helper()
	path := filepath.Join(folder, "demo.db")
	directory, err := Open(t.Context(), path, Config{})
	if err != nil {
		t.Fatal(err)
	}
	add(t, directory, "ada", Admin)
	if err := directory.Close(); err != nil {
		t.Fatal(err)
	}
	run(t, path, statement)
	return path
}

func run(t *testing.T, path, statement string) {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	_, err = db.ExecContext(t.Context(), statement)
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
}

func contents(t *testing.T, folder string) map[string]string {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	found := make(map[string]string)
	for _, entry := range entries {
		text, err := os.ReadFile(filepath.Join(folder, entry.Name()))
		if err != nil {
			t.Fatal(err)
		}
		found[entry.Name()] = string(text)
	}
	return found
}
