package apikey_test

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sallyport-rpc/sallyport/authn/apikey"
)

// eachDatabase runs a test with a database of every kind, without a schema.
func eachDatabase(t *testing.T, test func(t *testing.T, db *sql.DB, database *apikey.Database)) {
	t.Helper()
	t.Run("SQLite", func(t *testing.T) {
		t.Parallel()
		db := openSQLite(t)
		test(t, db, apikey.SQLite(db))
	})
	t.Run("PostgreSQL", func(t *testing.T) {
		t.Parallel()
		db := openPostgreSQL(t)
		test(t, db, apikey.PostgreSQL(db))
	})
}

func TestMigrate(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, _ *sql.DB, database *apikey.Database) {
		manager := newManager(t, database)
		if _, _, err := manager.Issue(t.Context(), "ada", "", nil, time.Now().Add(time.Hour)); outcome(nil, err) != "unavailable" {
			t.Errorf("before Migrate: %v", err)
		}
		var group sync.WaitGroup
		for range 8 {
			group.Go(func() {
				if err := database.Migrate(t.Context()); err != nil {
					t.Errorf("at once: %v", err)
				}
			})
		}
		group.Wait()
		_, text := issue(t, manager, "ada")
		if err := database.Migrate(t.Context()); err != nil {
			t.Errorf("again: %v", err)
		}
		if got := authenticate(t, manager, bearer(text)); got != "ada" {
			t.Errorf("after a second Migrate: %s", got)
		}
	})
}

// TestDatabaseHoldsNoSecret looks for one in everything that the table holds.
func TestDatabaseHoldsNoSecret(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, db *sql.DB, database *apikey.Database) {
		manager := newManager(t, migrated(t, database))
		_, text := issue(t, manager, "ada")
		authenticate(t, manager, bearer(text))
		row := make([]any, 8)
		for i := range row {
			row[i] = new(any)
		}
		if err := db.QueryRowContext(t.Context(),
			"SELECT id, owner, name, scopes, hash, create_time, expire_time, last_use_time FROM sallyport_api_keys").Scan(row...); err != nil {
			t.Fatal(err)
		}
		var held strings.Builder
		for _, column := range row {
			fmt.Fprintf(&held, "%s\n%v\n", *column.(*any), *column.(*any))
		}
		for i := 20; i+10 <= len(text); i++ {
			if strings.Contains(held.String(), text[i:i+10]) {
				t.Fatalf("part of the secret is in\n%s", held.String())
			}
		}
	})
}

// TestDatabaseRefuses holds the rules that the schema itself keeps.
func TestDatabaseRefuses(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, db *sql.DB, database *apikey.Database) {
		manager := newManager(t, migrated(t, database))
		key, text := issue(t, manager, "ada", "files.read")
		record, _, err := database.Find(t.Context(), key.ID)
		if err != nil {
			t.Fatal(err)
		}
		if err := database.Add(t.Context(), record); err == nil {
			t.Error("an id was taken twice")
		}
		for _, change := range []string{"owner = ''", "owner = NULL", "hash = substr(hash, 2)", "hash = NULL", "expire_time = NULL"} {
			if _, err := db.ExecContext(t.Context(), "UPDATE sallyport_api_keys SET "+change); err == nil {
				t.Errorf("the schema took %s", change)
			}
		}
		if got := authenticate(t, manager, bearer(text)); got != "ada" {
			t.Errorf("after all that was refused: %s", got)
		}
	})
}

// TestKeysSurvive opens a database again, with a second manager.
func TestKeysSurvive(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "keys.db")
	var text string
	for i := range 3 {
		db, err := sql.Open("sqlite", "file:"+path)
		if err != nil {
			t.Fatal(err)
		}
		manager := newManager(t, migrated(t, apikey.SQLite(db)))
		if i == 0 {
			_, text = issue(t, manager, "ada")
		}
		if got := authenticate(t, manager, bearer(text)); got != "ada" {
			t.Errorf("opened for time %d: %s", i, got)
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		if got := authenticate(t, manager, bearer(text)); got != "unavailable" {
			t.Errorf("closed for time %d: %s", i, got)
		}
	}
}

// TestManagersShareADatabase revokes in one process what another one has just let in.
func TestManagersShareADatabase(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, db *sql.DB, database *apikey.Database) {
		here, there := newManager(t, migrated(t, database)), newManager(t, database)
		key, text := issue(t, here, "ada")
		if got := authenticate(t, there, bearer(text)); got != "ada" {
			t.Errorf("before: %s", got)
		}
		if err := here.Revoke(t.Context(), "ada", key.ID); err != nil {
			t.Fatal(err)
		}
		if got := authenticate(t, there, bearer(text)); got != "invalid" {
			t.Errorf("after: %s", got)
		}
	})
}

// TestLockedDatabaseLetsKeysIn holds the one write lock of a SQLite database for
// longer than any call may wait.
func TestLockedDatabaseLetsKeysIn(t *testing.T) {
	t.Parallel()
	db := openSQLite(t)
	manager := newManager(t, migrated(t, apikey.SQLite(db)))
	_, text := issue(t, manager, "ada")
	lock, err := db.BeginTx(t.Context(), nil) // IMMEDIATE, by _txlock
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	if got := outcome(manager.Authenticate(ctx, bearer(text).call())); got != "ada" {
		t.Errorf("while the database is locked: %s", got)
	}
	if keys, err := manager.List(t.Context(), "ada"); err != nil || !keys[0].LastUsedAt.IsZero() {
		t.Errorf("the lock held nothing: %v, %v", keys, err)
	}
	if err := lock.Rollback(); err != nil {
		t.Fatal(err)
	}
	if got := authenticate(t, manager, bearer(text)); got != "ada" {
		t.Errorf("afterwards: %s", got)
	}
	if keys, err := manager.List(t.Context(), "ada"); err != nil || keys[0].LastUsedAt.IsZero() {
		t.Errorf("the next use was not written down: %v, %v", keys, err)
	}
}
