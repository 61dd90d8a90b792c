package directory

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestBackup(t *testing.T) {
	t.Parallel()
	directory, path := openFile(t)
	admin, _, member := create3(t, directory)
	if _, _, err := newKeys(t, directory).Issue(t.Context(), member.ID, "backup", nil, time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if err := directory.Sessions().Commit("secret session", []byte(`{"user":"`+admin.ID+`","x":"secret data"}`), time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	backup := filepath.Join(folder, "it's a \"copy\".db")
	if err := directory.Backup(t.Context(), backup); err != nil {
		t.Fatal(err)
	}
	if left, err := os.ReadDir(folder); err != nil || len(left) != 1 {
		t.Errorf("the folder holds %v, %v", left, err)
	}
	if info, err := os.Stat(backup); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("got %v, %v", info.Mode(), err)
	}
	data, err := os.ReadFile(backup)
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{"secret session", "secret data"} {
		if strings.Contains(string(data), secret) {
			t.Errorf("the copy holds %q", secret)
		}
	}
	before := users(t, directory)
	add(t, directory, "later", Member) // is not in the copy

	restored := openPath(t, backup)
	if diff := cmp.Diff(before, users(t, restored)); diff != "" || restored.Created() {
		t.Errorf("created is %v; %s", restored.Created(), diff)
	}
	if keys, err := restored.Keys().List(t.Context(), member.ID); err != nil || len(keys) != 1 {
		t.Errorf("the keys are %v, %v", keys, err)
	}
	if _, found, err := restored.Sessions().Find("secret session"); found || err != nil {
		t.Errorf("the copy has a session: %v, %v", found, err)
	}
	if _, found, err := directory.Sessions().Find("secret session"); !found || err != nil {
		t.Errorf("the original has no session: %v, %v", found, err)
	}
	// A session that another store keeps has ended in the copy, and not in the original.
	if was, is := generation(t, directory, admin), generation(t, restored, admin); was == is {
		t.Errorf("the copy has the generation %q of the original", is)
	}
	for _, taken := range []string{backup, path} {
		if err := directory.Backup(t.Context(), taken); !errors.Is(err, ErrBackupExists) {
			t.Errorf("over a file that is there: %v", err)
		}
	}
	if err := directory.Backup(t.Context(), filepath.Join(folder, "none", "copy.db")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("in a missing folder: %v", err)
	}
}

// TestBackupWhileWriting copies a directory that another goroutine writes to: each copy
// has all of a change or nothing of it.
func TestBackupWhileWriting(t *testing.T) {
	t.Parallel()
	directory, _ := openFile(t)
	var group sync.WaitGroup
	group.Go(func() {
		for i := range 30 {
			email := strings.Repeat("x", i+1)
			if _, err := directory.CreateAll(t.Context(), User{Email: email + "@1", Role: Member}, User{Email: email + "@2", Role: Member}); err != nil {
				t.Error(err)
			}
		}
	})
	for range 5 {
		backup := filepath.Join(t.TempDir(), "copy.db")
		if err := directory.Backup(t.Context(), backup); err != nil {
			t.Fatal(err)
		}
		if count := len(users(t, openPath(t, backup))); count%2 != 0 {
			t.Errorf("the copy has %d users", count)
		}
	}
	group.Wait()
}
