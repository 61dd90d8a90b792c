package demo

import (
	"bytes"
	"context"
	"database/sql"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sallyport-rpc/sallyport/cmd/demo/internal/directory"
)

// runAlone runs the demo in this process, when it is not to serve.
func runAlone(t *testing.T, arguments ...string) (code int, out, errs string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	var outBuffer, errsBuffer bytes.Buffer
	code = run(ctx, nil, arguments, &outBuffer, &errsBuffer)
	return code, outBuffer.String(), errsBuffer.String()
}

func TestRefusesToStart(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = taken.Close() })
	const anyPort = "127.0.0.1:0"

	for name, test := range map[string]struct {
		// path makes the database in a folder and returns its path.
		path      func(t *testing.T, folder string) string
		arguments []string // before -db
		code      int
		want      string
	}{
		"unknown flag":    {arguments: []string{"-x"}, code: exitMisused, want: `flag provided but not defined: -x: "demo -h" lists the flags`},
		"argument":        {arguments: []string{"serve"}, code: exitMisused, want: `unexpected argument "serve"`},
		"no address":      {arguments: []string{"-addr", ""}, code: exitMisused, want: `-addr has an empty value`},
		"no port":         {arguments: []string{"-addr", "127.0.0.1"}, code: exitFailed, want: `listen on "127.0.0.1": address 127.0.0.1: missing port`},
		"impossible port": {arguments: []string{"-addr", "127.0.0.1:65536"}, code: exitFailed, want: `invalid port`},
		"port in use": {arguments: []string{"-addr", taken.Addr().String()}, code: exitFailed,
			want: `listen on "` + taken.Addr().String() + `": the port is in use: stop the program that listens there, or choose another -addr`},
		"another machine's address": {arguments: []string{"-addr", "192.0.2.1:0"}, code: exitFailed, want: `listen on "192.0.2.1:0"`},

		"issuer alone":   {arguments: []string{"-oidc-issuer", "https://id.example.com"}, code: exitMisused, want: "-oidc-issuer and -oidc-audience go together"},
		"audience alone": {arguments: []string{"-oidc-audience", "demo"}, code: exitMisused, want: "-oidc-issuer and -oidc-audience go together"},
		"empty audience": {arguments: []string{"-oidc-issuer", "https://id.example.com", "-oidc-audience", ""}, code: exitMisused, want: "-oidc-audience has an empty value"},
		"empty issuer":   {arguments: []string{"-oidc-issuer", "", "-oidc-audience", ""}, code: exitMisused, want: "-oidc-audience has an empty value"},
		"issuer in clear": {arguments: []string{"-addr", anyPort, "-oidc-issuer", "http://id.example.com", "-oidc-audience", "demo"}, code: exitFailed,
			want: `bearer tokens: bearer: the issuer: "http://id.example.com" is not https: choose another`},
		"issuer and audience": {arguments: []string{"-addr", anyPort, "-oidc-issuer", "id.example.com", "-oidc-audience", "a\"b"}, code: exitFailed,
			want: `the realm "a\"b" does not fit into a header bearer: the issuer: "id.example.com" is no absolute URL`},

		"proxies":                    {arguments: []string{"-proxies", "10.0.0.1,proxy"}, code: exitMisused, want: `-proxies: "proxy" is not an address or a network`},
		"every proxy":                {arguments: []string{"-addr", anyPort, "-proxies", "0.0.0.0/0"}, code: exitFailed, want: "every address"},
		"hosts":                      {arguments: []string{"-addr", anyPort, "-hosts", "demo.example,*"}, code: exitFailed, want: `"*" is no host`},
		"OpenFGA without it":         {arguments: []string{"-openfga", "memory"}, code: exitMisused, want: `-openfga needs the program that has OpenFGA, "go run -C cmd/demo/openfga . -openfga memory": "demo -h" lists the flags`},
		"OpenFGA, backed up":         {arguments: []string{"-openfga", "memory", "-backup", "copy.db"}, code: exitMisused, want: "-openfga and -backup do not go together"},
		"OpenFGA in memory, of many": {arguments: []string{"-openfga", "memory", "-postgres", "postgres://127.0.0.1/demo"}, code: exitMisused, want: "-openfga memory and -postgres do not go together"},
		"OpenFGA nowhere":            {arguments: []string{"-openfga", ""}, code: exitMisused, want: "-openfga has an empty value"},
		"backup of none":             {arguments: []string{"-backup", "copy.db"}, code: exitFailed, want: "does not exist: choose another file"},
		"backup nowhere":             {arguments: []string{"-backup", ""}, code: exitMisused, want: "-backup has an empty value"},

		"sessions nowhere":   {arguments: []string{"-sessions", ""}, code: exitMisused, want: "-sessions has an empty value"},
		"sessions elsewhere": {arguments: []string{"-sessions", "mysql://ada:hush@127.0.0.1/demo"}, code: exitMisused, want: "-sessions must be a URL such as postgres://"},
		"sessions no URL":    {arguments: []string{"-sessions", "postgres://ada:hush@127.0.0.1:x/demo"}, code: exitMisused, want: "-sessions must be a URL such as postgres://"},
		"no PostgreSQL": {arguments: []string{"-addr", anyPort, "-sessions", "postgres://ada:hush@127.0.0.1:1/demo?password=hush"}, code: exitFailed,
			want: "keep sessions in postgres://127.0.0.1:1/demo: "},
		"PostgreSQL parameters": {arguments: []string{"-addr", anyPort, "-sessions", "postgres://ada:hush@127.0.0.1:1/demo?sslmode=hush"}, code: exitFailed,
			want: "keep sessions in postgres://127.0.0.1:1/demo: its URL has unknown parameters"},
		"no Redis": {arguments: []string{"-addr", anyPort, "-sessions", "redis://ada:hush@127.0.0.1:1/0"}, code: exitFailed,
			want: "keep sessions in redis://127.0.0.1:1/0: "},
		"Redis parameters": {arguments: []string{"-addr", anyPort, "-sessions", "redis://ada:hush@127.0.0.1:1/hush"}, code: exitFailed,
			want: "its URL has unknown parameters: start that server, or choose another -sessions"},

		"no name":        {path: func(*testing.T, string) string { return "" }, code: exitMisused, want: "-db has an empty value"},
		"missing folder": {path: func(_ *testing.T, folder string) string { return filepath.Join(folder, "none", "demo.db") }, code: exitFailed, want: "in a folder that does not exist"},
		"no database": {path: func(t *testing.T, folder string) string {
			return write(t, folder, strings.Repeat("my notes\n", 1000))
		}, code: exitFailed, want: "is not a SQLite database, or is damaged"},
		"another program's": {path: func(t *testing.T, folder string) string {
			return alter(t, folder, "CREATE TABLE notes (day TEXT)")
		}, code: exitFailed, want: "is the database of another program"},
		"newer schema": {path: func(t *testing.T, folder string) string {
			return alter(t, database(t, folder), "PRAGMA user_version = 1000")
		}, code: exitFailed, want: "was written by a newer version"},
		// A file that says so itself is read-only for root as well.
		"read-only": {path: func(t *testing.T, folder string) string {
			path := alter(t, database(t, folder), "PRAGMA journal_mode = DELETE")
			file, err := os.OpenFile(path, os.O_RDWR, 0)
			if err != nil {
				t.Fatal(err)
			}
			defer file.Close()
			if _, err := file.WriteAt([]byte{3}, 18); err != nil {
				t.Fatal(err)
			}
			return path
		}, code: exitFailed, want: "cannot be written"},
		"locked": {path: func(t *testing.T, folder string) string {
			path := alter(t, database(t, folder), "PRAGMA journal_mode = DELETE")
			db, err := sql.Open("sqlite", path)
			if err != nil {
				t.Fatal(err)
			}
			db.SetMaxOpenConns(1)
			t.Cleanup(func() { _ = db.Close() })
			if _, err := db.ExecContext(t.Context(), "BEGIN EXCLUSIVE"); err != nil {
				t.Fatal(err)
			}
			return path
		}, code: exitFailed, want: "is locked by another process"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			folder := t.TempDir()
			path := filepath.Join(folder, "new.db")
			arguments := test.arguments
			if test.path != nil {
				path, arguments = test.path(t, folder), []string{"-addr", anyPort}
			}
			before := contents(t, folder)
			code, out, errs := runAlone(t, append(arguments, "-db", path)...)
			if code != test.code || out != "" || !strings.HasPrefix(errs, "demo: ") || !strings.Contains(errs, test.want) {
				t.Errorf("it ended with %d, printed %q and said: %s", code, out, errs)
			}
			if strings.Index(errs, "\n") != len(errs)-1 {
				t.Errorf("that is not one line: %q", errs)
			}
			if strings.Contains(errs, ":hush") {
				t.Errorf("it prints a password: %s", errs)
			}
			if diff := cmp.Diff(before, contents(t, folder)); diff != "" {
				t.Errorf("the folder has changed: %s", diff)
			}
		})
	}
}

func TestHelp(t *testing.T) {
	t.Parallel()
	code, out, errs := runAlone(t, "-h")
	if code != exitDone || errs != "" {
		t.Errorf("it ended with %d: %s", code, errs)
	}
	for _, want := range []string{"usage: demo [flags]\n       demo [-db FILE] -backup COPY\n", `(default "127.0.0.1:8080")`, "(default sallyport/demo.db in your cache folder)"} {
		if !strings.Contains(out, want) {
			t.Errorf("the help lacks %q: %s", want, out)
		}
	}
}

// write writes a file, and database makes one as the demo does. Both return a path,
// as does alter, which runs a statement in one.

func write(t *testing.T, folder, text string) string {
	t.Helper()
	path := filepath.Join(folder, "demo.db")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func database(t *testing.T, folder string) string {
	t.Helper()
	users, err := directory.Open(t.Context(), filepath.Join(folder, "demo.db"), directory.Config{})
	if err != nil {
		t.Fatal(err)
	}
	if err := users.Close(); err != nil {
		t.Fatal(err)
	}
	return folder
}

func alter(t *testing.T, folder, statement string) string {
	t.Helper()
	path := filepath.Join(folder, "demo.db")
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(t.Context(), statement); err != nil {
		t.Fatal(err)
	}
	return path
}
