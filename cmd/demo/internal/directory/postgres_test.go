package directory

import (
	"context"
	"crypto/rand"
	"errors"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/sallyport-rpc/sallyport/authn"
	"github.com/sallyport-rpc/sallyport/authn/session/pgstore"
	demov1 "github.com/sallyport-rpc/sallyport/gen/demo/v1"
)

func TestNumbered(t *testing.T) {
	t.Parallel()
	for query, want := range map[string]string{
		"SELECT 1":                             "SELECT 1",
		"a = ? AND b = ?":                      "a = $1 AND b = $2",
		"a = ? AND (b = $2::text) AND c = ?":   "a = $1 AND (b = $2::text) AND c = $3",
		"a = $2, b = $1":                       "a = $2, b = $1",
		"($1 = b) AND (x, y) > (?, ?) LIMIT ?": "($1 = b) AND (x, y) > ($2, $3) LIMIT $4",
		"AS $$ x $$ ?":                         "AS $$ x $$ $1",
	} {
		if got := numbered(query); got != want {
			t.Errorf("%s is written %s, want %s", query, got, want)
		}
	}
}

// TestTranslatePostgres translates what a server says of a statement.
func TestTranslatePostgres(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		err  error
		is   error // or nil
		text string
	}{
		"an email":           {&pgconn.PgError{Code: "23505", ConstraintName: "users_by_email"}, ErrEmailTaken, ""},
		"another key":        {&pgconn.PgError{Code: "23505", ConstraintName: "users_pkey"}, nil, "SQLSTATE 23505"},
		"the last admin":     {&pgconn.PgError{Code: "SA001"}, ErrLastAdmin, ""},
		"NUL":                {&pgconn.PgError{Code: "22021"}, ErrBadText, ""},
		"no JSON":            {&pgconn.PgError{Code: "22P02"}, nil, "SQLSTATE 22P02"},
		"a full disk":        {&pgconn.PgError{Code: "53100"}, ErrFull, "is on a full disk: free disk space"},
		"out of connections": {&pgconn.PgError{Code: "53300"}, ErrUnreachable, "cannot be reached"},
		"too slow":           {&pgconn.PgError{Code: "57014"}, ErrBusy, "is held up by another transaction"},
		"a deadlock":         {&pgconn.PgError{Code: "40P01"}, ErrBusy, "is held up by another transaction"},
		"shut down":          {&pgconn.PgError{Code: "57P01"}, ErrUnreachable, "cannot be reached"},
		"a replica":          {&pgconn.PgError{Code: "25006"}, nil, "can only be read: name the primary"},
		"silent":             {errSilent, ErrUnreachable, "cannot be reached (it does not answer)"},
		"the caller left":    {context.Canceled, context.Canceled, ""},
		"too late":           {context.DeadlineExceeded, context.DeadlineExceeded, ""},
	} {
		got := translatePostgres("postgres://host/demo", test.err)
		if test.is != nil && !errors.Is(got, test.is) || !strings.Contains(got.Error(), test.text) {
			t.Errorf("%s: %v", name, got)
		}
		for _, kind := range []error{ErrNotFound, ErrEmailTaken, ErrLastAdmin, ErrBadText, ErrBusy, ErrUnreachable, ErrFull} {
			if !errors.Is(test.is, kind) && errors.Is(got, kind) {
				t.Errorf("%s: it is %v too", name, kind)
			}
		}
	}
}

// TestSeedTogetherInPostgres has many openers race for one new schema.
func TestSeedTogetherInPostgres(t *testing.T) {
	t.Parallel()
	address := newSchema(t)
	config, asked := seeded()
	var group sync.WaitGroup
	var created atomic.Int64
	for range 8 {
		group.Go(func() {
			directory, err := OpenPostgres(t.Context(), address, config)
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
	if created.Load() != 1 || asked.Load() != 1 {
		t.Errorf("%d openers created the directory, and %d asked for the seed", created.Load(), asked.Load())
	}
}

// A schema appears with its users, or not at all.
func TestSeedFailsInPostgres(t *testing.T) {
	t.Parallel()
	address := newSchema(t)
	broken := errors.New("no seed today")
	_, err := OpenPostgres(t.Context(), address, Config{Seed: func(context.Context) ([]User, error) { return nil, broken }})
	if !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
	if _, err := OpenPostgres(t.Context(), address, Config{MustExist: true}); !errors.Is(err, errMissing) {
		t.Errorf("it left something: %v", err)
	}
	config, asked := seeded()
	directory, err := OpenPostgres(t.Context(), address, config)
	if err != nil {
		t.Fatal(err)
	}
	defer directory.Close()
	if !directory.Created() || asked.Load() != 1 {
		t.Errorf("created: %t, seeded %d times", directory.Created(), asked.Load())
	}
}

func TestOpenPostgresRefuses(t *testing.T) {
	t.Parallel()
	run := func(t *testing.T, address *url.URL, statement string) {
		t.Helper()
		directory := openPostgresAt(t, address)
		if _, err := directory.db.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	for name, test := range map[string]struct {
		// change changes where the directory is, or what is there.
		change func(t *testing.T, address *url.URL)
		want   string
	}{
		"a wrong password": {func(_ *testing.T, address *url.URL) { address.User = url.UserPassword(address.User.Username(), "hush") },
			"refuses the user or the password: correct them in -postgres"},
		"no such database":   {func(_ *testing.T, address *url.URL) { address.Path = "/none" }, "does not exist: create the database"},
		"unknown parameters": {func(_ *testing.T, address *url.URL) { address.RawQuery = "sslmode=hush" }, "has unknown parameters in its URL"},
		"a replica": {func(_ *testing.T, address *url.URL) {
			address.RawQuery += "&default_transaction_read_only=on"
		}, "can only be read: name the primary server"},
		"a newer schema": {func(t *testing.T, address *url.URL) {
			run(t, address, "UPDATE sallyport_demo_version SET version = 1000")
		}, "was written by a newer version of this program: run that version"},
		"another program's": {func(t *testing.T, address *url.URL) {
			run(t, address, "DROP TABLE sallyport_demo_version")
		}, "has tables of another program in the schema: name another schema"},
		"no right to create": {func(t *testing.T, address *url.URL) {
			role := "test_" + strings.ToLower(rand.Text())
			onServer(t, "CREATE ROLE "+role+" LOGIN PASSWORD 'hush'")
			t.Cleanup(func() { onServer(t, "DROP ROLE "+role) })
			address.User = url.UserPassword(role, "hush")
		}, "does not let the user do this"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			address := newSchema(t)
			test.change(t, address)
			directory, err := OpenPostgres(t.Context(), address, Config{})
			if err == nil {
				t.Fatal(errors.Join(errors.New("opened"), directory.Close()))
			}
			if text := err.Error(); !strings.Contains(text, test.want) || !strings.Contains(text, address.Host+address.Path) ||
				strings.Contains(text, "\n") || strings.Contains(text, "hush") {
				t.Errorf("the error is: %v", err)
			}
		})
	}
}

func TestOpenPostgresThatIsNotThere(t *testing.T) {
	t.Parallel()
	_, err := OpenPostgres(t.Context(), &url.URL{Scheme: "postgres", Host: "127.0.0.1:1", Path: "/demo", User: url.UserPassword("ada", "hush")}, Config{})
	if !errors.Is(err, ErrUnreachable) || !strings.Contains(err.Error(), "start that server, or choose another -postgres") || strings.Contains(err.Error(), "hush") {
		t.Errorf("got %v", err)
	}
}

// Sessions that -sessions keeps may be there first. They are no other program's.
func TestOpenPostgresBesideSessions(t *testing.T) {
	t.Parallel()
	address := newSchema(t)
	schema := pgx.Identifier{address.Query().Get("search_path")}.Sanitize()
	onServer(t, "CREATE SCHEMA "+schema+"; SET LOCAL search_path = "+schema+";"+pgstore.Schema)
	directory := openPostgresAt(t, address)
	if !directory.Created() {
		t.Error("it was there")
	}
	add(t, directory, "ada", Admin)
}

// TestPostgresKeeps opens a directory again.
func TestPostgresKeeps(t *testing.T) {
	t.Parallel()
	address := newSchema(t)
	first := openPostgresAt(t, address)
	want := add(t, first, "ada", Admin)
	call := start(t, newSessions(t, first), want)
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := newSessions(t, first).Authenticate(t.Context(), call); !errors.Is(err, authn.ErrUnavailable) {
		t.Errorf("with the database closed: %v", err)
	}
	config, asked := seeded()
	second, err := OpenPostgres(t.Context(), address, config)
	if err != nil {
		t.Fatal(err)
	}
	defer second.Close()
	if diff := cmp.Diff([]User{want}, users(t, second)); diff != "" || second.Created() || asked.Load() > 0 {
		t.Errorf("created: %t, seeded %d times: %s", second.Created(), asked.Load(), diff)
	}
	if _, err := newSessions(t, second).Authenticate(t.Context(), call); err != nil {
		t.Errorf("its session: %v", err)
	}
}

// TestPostgresSchema holds the tables against those of SQLite.
func TestPostgresSchema(t *testing.T) {
	t.Parallel()
	columns := func(directory *Directory, query string) []string {
		t.Helper()
		rows, err := directory.db.QueryContext(t.Context(), query)
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		var all []string
		for rows.Next() {
			var column string
			if err := rows.Scan(&column); err != nil {
				t.Fatal(err)
			}
			all = append(all, column)
		}
		if err := rows.Err(); err != nil {
			t.Fatal(err)
		}
		return all
	}
	ours := columns(openPostgresAt(t, newSchema(t)), `SELECT (table_name || '.' || column_name || ' ' || is_nullable) COLLATE "C" AS column FROM information_schema.columns
		WHERE table_schema = current_schema() AND table_name NOT IN ('sallyport_demo_version', 'last_admin') ORDER BY 1`)
	theirs := columns(openMemory(t), `SELECT t.name || '.' || c.name || ' ' || iif(c."notnull" OR c.pk, 'NO', 'YES')
		FROM sqlite_schema AS t, pragma_table_info(t.name) AS c WHERE t.type = 'table' ORDER BY 1`)
	if diff := cmp.Diff(theirs, ours); diff != "" || len(ours) == 0 {
		t.Errorf("-SQLite +PostgreSQL\n%s", diff)
	}
	// All texts are compared by their bytes.
	if others := columns(openPostgresAt(t, newSchema(t)), `SELECT table_name || '.' || column_name FROM information_schema.columns
		WHERE table_schema = current_schema() AND data_type = 'text' AND collation_name IS DISTINCT FROM 'C'`); len(others) > 0 {
		t.Errorf("with another collation: %q", others)
	}
}

// Letters outside ASCII are as they are written, as in SQLite.
func TestEmailsBeyondASCII(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, directory *Directory) {
		t.Helper()
		for _, email := range []string{"é@example.com", "É@example.com"} {
			created, err := directory.Create(t.Context(), User{Name: "x", Email: email, Role: Member})
			if err != nil {
				t.Fatal(err)
			}
			if got, err := directory.ByEmail(t.Context(), strings.Replace(email, "example", "EXAMPLE", 1)); err != nil || got != created {
				t.Errorf("%s is %v, %v", email, got, err)
			}
		}
	})
}

// A text that PostgreSQL cannot keep is the caller's fault.
func TestNUL(t *testing.T) {
	t.Parallel()
	directory := openPostgresAt(t, newSchema(t))
	ada := add(t, directory, "ada", Admin)
	document, err := directory.CreateDocument(t.Context(), &demov1.Document{OrgId: "acme", OwnerId: ada.ID, Title: "Plans"})
	if err != nil {
		t.Fatal(err)
	}
	for name, do := range map[string]func() error{
		"Create": func() error {
			return second(directory.Create(t.Context(), User{Name: "a\x00b", Email: "x", Role: Member}))
		},
		"ByEmail":        func() error { return second(directory.ByEmail(t.Context(), "a\x00b")) },
		"UpdateProfile":  func() error { return second(directory.UpdateProfile(t.Context(), ada.ID, "a\x00b", "x")) },
		"CreateDocument": func() error { return second(directory.CreateDocument(t.Context(), &demov1.Document{Title: "a\x00b"})) },
		"UpdateDocument": func() error {
			return second(directory.UpdateDocument(t.Context(), document.GetId(), Every(), "a", "a\x00b"))
		},
		"Keys.Remove": func() error { return second(directory.Keys().Remove(t.Context(), ada.ID, "a\x00b")) },
	} {
		if err := do(); !errors.Is(err, ErrBadText) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if got, err := directory.Get(t.Context(), ada.ID); err != nil || got != ada {
		t.Errorf("what failed has changed the user to %v, %v", got, err)
	}
}
