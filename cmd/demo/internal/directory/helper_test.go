package directory

import (
	"bufio"
	"context"
	"crypto/rand"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/sallyport-rpc/sallyport/internal/testservices"
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

// each tests a directory in memory, and one in PostgreSQL where there is a server.
func each(t *testing.T, test func(t *testing.T, directory *Directory)) {
	t.Helper()
	t.Run("SQLite", func(t *testing.T) {
		t.Parallel()
		test(t, openMemory(t))
	})
	t.Run("PostgreSQL", func(t *testing.T) {
		t.Parallel()
		test(t, openPostgresAt(t, newSchema(t)))
	})
}

// eachTwice tests a directory in a file, and one in PostgreSQL where there is a server. Open
// opens it each time, as several processes do.
func eachTwice(t *testing.T, test func(t *testing.T, open func(*testing.T) *Directory)) {
	t.Helper()
	t.Run("SQLite", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(t.TempDir(), "demo.db")
		test(t, func(t *testing.T) *Directory { t.Helper(); return openPath(t, path) })
	})
	t.Run("PostgreSQL", func(t *testing.T) {
		t.Parallel()
		address := newSchema(t)
		test(t, func(t *testing.T) *Directory { t.Helper(); return openPostgresAt(t, address) })
	})
}

// newSchema returns the URL of a schema that is not there yet, on the server of tests. It is
// dropped with the test.
func newSchema(t *testing.T) *url.URL {
	t.Helper()
	address, err := url.Parse(testservices.Environment(t, "SALLYPORT_TEST_POSTGRES"))
	if err != nil {
		t.Fatal(err)
	}
	schema := "Test-" + rand.Text()
	t.Cleanup(func() { onServer(t, "DROP SCHEMA IF EXISTS "+pgx.Identifier{schema}.Sanitize()+" CASCADE") })
	address.RawQuery += "&search_path=" + schema
	return address
}

// onServer runs a statement on the server of tests, also while a test ends.
func onServer(t *testing.T, statement string) {
	t.Helper()
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, testservices.Environment(t, "SALLYPORT_TEST_POSTGRES"))
	if err != nil {
		t.Error(err)
		return
	}
	defer conn.Close(ctx)
	if _, err := conn.Exec(ctx, statement); err != nil {
		t.Error(err)
	}
}

func openPostgresAt(t *testing.T, address *url.URL) *Directory {
	t.Helper()
	directory, err := OpenPostgres(t.Context(), address, Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = directory.Close() }) // some tests close it
	return directory
}

// where is a filter whose arguments are numbered in their order.
func where(expression string, arguments ...any) Where {
	return func(int) (string, []any, error) { return expression, arguments, nil }
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
