package directory

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

func openMemory(t *testing.T) *Directory {
	t.Helper()
	return openPath(t, Memory)
}

func openFile(t *testing.T) (*Directory, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "demo.db")
	return openPath(t, path), path
}

func openPath(t *testing.T, path string) *Directory {
	t.Helper()
	directory, err := Open(t.Context(), path, Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := directory.Close(); err != nil {
			t.Error(err)
		}
	})
	return directory
}

func create3(t *testing.T, directory *Directory) (admin, auditor, member User) {
	t.Helper()
	return add(t, directory, "admin", Admin), add(t, directory, "auditor", Auditor), add(t, directory, "member", Member)
}

func add(t *testing.T, directory *Directory, name string, role Role) User {
	t.Helper()
	user, err := directory.Create(t.Context(), User{
		Name: name, Email: name + "@example.com", Role: role, PasswordHash: "hash of " + name,
	})
	if err != nil {
		t.Fatal(err)
	}
	return user
}

// otherProcess names what TestOtherProcess does, and otherPath the file it does it to.
const (
	otherProcess = "DIRECTORY_TEST_PROCESS"
	otherPath    = "DIRECTORY_TEST_PATH"
)

// TestOtherProcess is no test: it is what startProcess runs, in a process of its own.
// It prints a line for each thing done, and goes on until it is killed.
func TestOtherProcess(t *testing.T) {
	path := os.Getenv(otherPath)
	switch os.Getenv(otherProcess) {
	default:
		t.Skip("not called by another test")
	case "write":
		directory := openPath(t, path)
		for i := 0; ; i++ {
			fmt.Println(add(t, directory, fmt.Sprint("user", i), Member).ID)
		}
	case "lock":
		directory := openPath(t, path)
		if _, err := directory.db.BeginTx(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
		fmt.Println("locked")
		select {}
	}
}

// startProcess runs TestOtherProcess and returns the lines it prints, with a function
// that kills it as kill -9 does and waits until it is gone.
func startProcess(t *testing.T, what, path string) (lines *bufio.Scanner, kill func()) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	command := exec.CommandContext(ctx, os.Args[0], "-test.run=^TestOtherProcess$")
	command.Env = append(os.Environ(), otherProcess+"="+what, otherPath+"="+path)
	output, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	kill = func() {
		cancel()
		_ = command.Wait()
	}
	t.Cleanup(kill)
	return bufio.NewScanner(output), kill
}
