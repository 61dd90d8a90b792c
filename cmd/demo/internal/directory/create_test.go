package directory

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// seed are the first users of a directory in these tests.
var seed = []User{
	{Name: "a", Email: "a@example.com", Role: Admin, PasswordHash: "hash of a"},
	{Name: "b", Email: "b@example.com", Role: Member, PasswordHash: "hash of b"},
}

// seeded returns a Config with the seed, and how often it was asked for it.
func seeded() (Config, *atomic.Int64) {
	asked := &atomic.Int64{}
	return Config{Seed: func(context.Context) ([]User, error) {
		asked.Add(1)
		return seed, nil
	}}, asked
}

func users(t *testing.T, directory *Directory) []User {
	t.Helper()
	list, _, err := directory.List(t.Context(), MaxPageSize, "")
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func TestSeed(t *testing.T) {
	t.Parallel()
	for name, path := range map[string]string{"file": filepath.Join(t.TempDir(), "demo.db"), "memory": Memory} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			config, _ := seeded()
			directory, err := Open(t.Context(), path, config)
			if err != nil {
				t.Fatal(err)
			}
			defer directory.Close()
			if !directory.Created() {
				t.Error("a new directory was not created")
			}
			if diff := cmp.Diff(seed, users(t, directory), cmpopts.IgnoreFields(User{}, "ID", "CreateTime"),
				cmpopts.SortSlices(func(a, b User) bool { return a.Name < b.Name })); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestSeedOnlyOnCreation opens directories that are there already, in all states that
// could be taken for a new one.
func TestSeedOnlyOnCreation(t *testing.T) {
	t.Parallel()
	for name, prepare := range map[string]func(t *testing.T, path string) (left int){
		"with users": func(t *testing.T, path string) int {
			t.Helper()
			add(t, openPath(t, path), "ada", Admin)
			return 1
		},
		"without users": func(t *testing.T, path string) int {
			t.Helper()
			openPath(t, path)
			return 0
		},
		// The log of the first directory stays behind, as it does when a file is copied while
		// it is in use.
		"a copy without its log": func(t *testing.T, path string) int {
			t.Helper()
			source := filepath.Join(t.TempDir(), "source.db")
			directory := openPath(t, source)
			add(t, directory, "ada", Admin)
			data, err := os.ReadFile(source)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, data, 0o600); err != nil {
				t.Fatal(err)
			}
			return 0
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "demo.db")
			left := prepare(t, path)
			config, asked := seeded()
			directory, err := Open(t.Context(), path, config)
			if err != nil {
				t.Fatal(err)
			}
			defer directory.Close()
			if got := len(users(t, directory)); got != left || directory.Created() || asked.Load() > 0 {
				t.Errorf("it has %d users and created is %v, the seed was asked for %d times", got, directory.Created(), asked.Load())
			}
		})
	}
}

// TestSeedInACopyWithoutItsLog: the first users are in the file from its first moment on.
func TestSeedInACopyWithoutItsLog(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "demo.db")
	config, asked := seeded()
	first, err := Open(t.Context(), path, config)
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	copied := filepath.Join(t.TempDir(), "copy.db")
	if err := os.WriteFile(copied, data, 0o600); err != nil {
		t.Fatal(err)
	}
	second, err := Open(t.Context(), copied, config)
	if err != nil {
		t.Fatal(err)
	}
	defer second.Close()
	if diff := cmp.Diff(users(t, first), users(t, second)); diff != "" || asked.Load() != 1 {
		t.Errorf("the seed was asked for %d times: %s", asked.Load(), diff)
	}
}

func TestSeedFails(t *testing.T) {
	t.Parallel()
	broken := errors.New("no seed today")
	for name, test := range map[string]struct {
		users []User
		err   error
		want  error
	}{
		"no seed":        {err: broken, want: broken},
		"one user twice": {users: []User{seed[0], seed[1], seed[1]}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			folder := t.TempDir()
			_, err := Open(t.Context(), filepath.Join(folder, "demo.db"), Config{Seed: func(context.Context) ([]User, error) { return test.users, test.err }})
			if err == nil || test.want != nil && !errors.Is(err, test.want) {
				t.Errorf("got %v", err)
			}
			if left, err := os.ReadDir(folder); err != nil || len(left) > 0 {
				t.Errorf("it left %v, %v", left, err)
			}
		})
	}
}

// TestSeedTogether has many openers race for one new file.
func TestSeedTogether(t *testing.T) {
	t.Parallel()
	for range 5 {
		folder := t.TempDir()
		path := filepath.Join(folder, "demo.db")
		config, _ := seeded()
		var group sync.WaitGroup
		var created atomic.Int64
		for range 8 {
			group.Go(func() {
				directory, err := Open(t.Context(), path, config)
				if err != nil {
					t.Error(err)
					return
				}
				defer directory.Close()
				if directory.Created() {
					created.Add(1)
				}
				if got := len(users(t, directory)); got != len(seed) {
					t.Errorf("there are %d users", got)
				}
			})
		}
		group.Wait()
		if created.Load() != 1 {
			t.Errorf("%d openers created the directory", created.Load())
		}
		if left, err := filepath.Glob(path + ".new-*"); err != nil || len(left) > 0 {
			t.Errorf("they left %q, %v", left, err)
		}
	}
}
