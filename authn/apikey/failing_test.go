package apikey_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"testing"
	"time"

	"github.com/sallyport-rpc/sallyport/authn/apikey"
)

// Every operation on a closed database fails.
func TestClosedDatabase(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, db *sql.DB, database *apikey.Database) {
		migrated(t, database)
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		_, _, findErr := database.Find(t.Context(), "id")
		_, listErr := database.List(t.Context(), "ada")
		_, removeErr := database.Remove(t.Context(), "ada", "id")
		for name, err := range map[string]error{
			"Migrate": database.Migrate(t.Context()), "Find": findErr, "List": listErr, "Remove": removeErr,
			"RemoveAll": database.RemoveAll(t.Context(), "ada"), "MarkUsed": database.MarkUsed(t.Context(), "id", time.Now(), time.Now()),
		} {
			if err == nil {
				t.Errorf("%s did not fail", name)
			}
		}
	})
}

// A key that something else has spoilt in the database is a fault, not an outage, and a
// list with it fails and holds no connection.
func TestUnreadableKey(t *testing.T) {
	t.Parallel()
	db := openSQLite(t)
	manager := newManager(t, migrated(t, apikey.SQLite(db)))
	_, text := issue(t, manager, "ada")
	conn, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, statement := range []string{"PRAGMA ignore_check_constraints = ON", "UPDATE sallyport_api_keys SET hash = substr(hash, 2)"} {
		if _, err := conn.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	if err := conn.Close(); err != nil {
		t.Fatal(err)
	}
	if got := authenticate(t, manager, bearer(text)); got != "fault" {
		t.Errorf("Authenticate: %s", got)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for range 10 { // more than there are connections
		if keys, err := manager.List(ctx, "ada"); outcome(nil, err) != "fault" || keys != nil {
			t.Fatalf("List: %v, %v", keys, err)
		}
	}
}

// breaking is a driver whose rows, and whose count of what was changed, break off.
type breaking struct{}

var errBroken = errors.New("the connection broke")

func (b breaking) Connect(context.Context) (driver.Conn, error) { return b, nil }
func (breaking) Driver() driver.Driver                          { return nil }
func (b breaking) Prepare(string) (driver.Stmt, error)          { return b, nil }
func (breaking) Begin() (driver.Tx, error)                      { return nil, errBroken }
func (breaking) Close() error                                   { return nil }
func (breaking) NumInput() int                                  { return -1 }
func (b breaking) Exec([]driver.Value) (driver.Result, error)   { return b, nil }
func (b breaking) Query([]driver.Value) (driver.Rows, error)    { return b, nil }
func (breaking) Columns() []string                              { return make([]string, 9) }
func (breaking) Next([]driver.Value) error                      { return errBroken }
func (breaking) LastInsertId() (int64, error)                   { return 0, errBroken }
func (breaking) RowsAffected() (int64, error)                   { return 0, errBroken }

// A connection that breaks in the middle of an answer gives no shorter list, and no word
// that a key was not there.
func TestBrokenConnection(t *testing.T) {
	t.Parallel()
	db := sql.OpenDB(breaking{})
	defer db.Close()
	database := apikey.SQLite(db)
	if keys, err := database.List(t.Context(), "ada"); !errors.Is(err, errBroken) {
		t.Errorf("List = %v, %v", keys, err)
	}
	if removed, err := database.Remove(t.Context(), "ada", "id"); !errors.Is(err, errBroken) {
		t.Errorf("Remove = %v, %v", removed, err)
	}
}
