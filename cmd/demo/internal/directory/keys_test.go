package directory

import (
	"database/sql"
	"errors"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"connectrpc.com/connect/v2"
	"github.com/google/go-cmp/cmp"

	"github.com/sallyport-rpc/sallyport/authn"
	"github.com/sallyport-rpc/sallyport/authn/apikey"
)

func newKeys(t *testing.T, directory *Directory) *apikey.Manager {
	t.Helper()
	keys, err := apikey.New(directory.Keys(), directory.LookupKey)
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

func TestKeyOfAUser(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, directory *Directory) {
		t.Helper()
		keys := newKeys(t, directory)
		_, auditor, member := create3(t, directory)
		expires := time.Now().Add(time.Hour)
		_, secret, err := keys.Issue(t.Context(), auditor.ID, "backup", []string{"users.read"}, expires)
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := keys.Issue(t.Context(), member.ID, "backup", nil, expires); err != nil {
			t.Fatal(err)
		}
		call := new(connect.CallInfo)
		call.RequestHeader().Set("Authorization", "Bearer "+secret)
		for _, role := range []Role{Auditor, Admin, Member} {
			if _, err := directory.GrantRole(t.Context(), auditor.ID, role); err != nil {
				t.Fatal(err)
			}
			principal, err := keys.Authenticate(t.Context(), call)
			if err != nil {
				t.Fatal(err)
			}
			got := append([]string{principal.ID()}, append(principal.Roles(), principal.Scopes()...)...)
			if diff := cmp.Diff([]string{auditor.ID, string(role), "users.read"}, got); diff != "" {
				t.Error(diff)
			}
		}
		if err := directory.Delete(t.Context(), auditor.ID); err != nil {
			t.Fatal(err)
		}
		if _, err := keys.Authenticate(t.Context(), call); !errors.Is(err, authn.ErrInvalidCredential) {
			t.Errorf("the key of a user who is gone: %v", err)
		}
		if left, err := keys.List(t.Context(), auditor.ID); err != nil || len(left) > 0 {
			t.Errorf("left of a user who is gone: %v, %v", left, err)
		}
		if left, err := keys.List(t.Context(), member.ID); err != nil || len(left) != 1 {
			t.Errorf("left of another: %v, %v", left, err)
		}
		if _, _, err := keys.Issue(t.Context(), auditor.ID, "backup", nil, expires); !errors.Is(err, authn.ErrUnavailable) {
			t.Errorf("a new key of a user who is gone: %v", err)
		}
	})
}

// TestOpenBringsUpToDate opens a file as it was before there were keys.
func TestOpenBringsUpToDate(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "demo.db")
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.ExecContext(t.Context(), migrations[0]+
		"INSERT INTO users VALUES ('ada', 'Ada', 'ada@example.com', 'admin', 'hash', 1)"); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		directory := openPath(t, path)
		if user, err := directory.Get(t.Context(), "ada"); err != nil || user.Role != Admin {
			t.Errorf("got %v, %v", user, err)
		}
		if _, _, err := newKeys(t, directory).Issue(t.Context(), "ada", "backup", nil, time.Now().Add(time.Hour)); err != nil {
			t.Error(err)
		}
	}
}

// TestSchemaOfKeys holds the table against what package apikey would make.
func TestSchemaOfKeys(t *testing.T) {
	t.Parallel()
	directory := openMemory(t)
	theirs, err := sql.Open("sqlite", Memory)
	if err != nil {
		t.Fatal(err)
	}
	defer theirs.Close()
	theirs.SetMaxOpenConns(1)
	if err := apikey.SQLite(theirs).Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	columns := func(db *sql.DB) []string {
		t.Helper()
		var all []string
		rows, err := db.QueryContext(t.Context(), `SELECT name || ' ' || type || ' ' || "notnull" || ' ' || pk FROM pragma_table_info('sallyport_api_keys')`)
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
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
	if diff := cmp.Diff(columns(theirs), columns(directory.db)); diff != "" || len(columns(theirs)) == 0 {
		t.Errorf("the columns differ: %s", diff)
	}
}

// TestExpiredKeysAreRemoved issues a key where others have expired.
func TestExpiredKeysAreRemoved(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, directory *Directory) {
		t.Helper()
		keys := newKeys(t, directory)
		_, auditor, member := create3(t, directory)
		for _, owner := range []User{auditor, member} {
			for _, name := range []string{"expires", "stays"} {
				if _, _, err := keys.Issue(t.Context(), owner.ID, name, nil, time.Now().Add(time.Hour)); err != nil {
					t.Fatal(err)
				}
			}
		}
		if _, err := directory.db.ExecContext(t.Context(), "UPDATE sallyport_api_keys SET expire_time = 1 WHERE name = 'expires'"); err != nil {
			t.Fatal(err)
		}
		if _, _, err := keys.Issue(t.Context(), member.ID, "new", nil, time.Now().Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
		for owner, want := range map[string][]string{member.ID: {"stays", "new"}, auditor.ID: {"expires", "stays"}} {
			list, err := keys.List(t.Context(), owner)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, key := range list {
				got = append(got, key.Name)
			}
			slices.Sort(got)
			slices.Sort(want)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		}
	})
}
