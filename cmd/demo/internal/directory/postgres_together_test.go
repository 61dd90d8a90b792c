package directory

import (
	"context"
	"database/sql"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/sallyport-rpc/sallyport/authn"
	demov1 "github.com/sallyport-rpc/sallyport/gen/demo/v1"
	"github.com/sallyport-rpc/sallyport/internal/testservices"
)

// begin begins a transaction that ends with the test.
func begin(t *testing.T, directory *Directory, options *sql.TxOptions, statements ...string) *sql.Tx {
	t.Helper()
	tx, err := directory.db.BeginTx(context.Background(), options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = tx.Rollback() })
	for _, statement := range statements {
		if _, err := tx.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	return tx
}

// waiting waits until a statement of the directory waits for a lock.
func waiting(t *testing.T, directory *Directory) {
	t.Helper()
	for began := time.Now(); time.Since(began) < time.Minute; time.Sleep(time.Millisecond) {
		var waits bool
		err := directory.db.QueryRowContext(t.Context(), `SELECT EXISTS (SELECT 1 FROM pg_locks AS waits
			JOIN pg_locks AS held ON held.pid = waits.pid AND held.relation = 'users'::regclass WHERE NOT waits.granted)
			OR EXISTS (SELECT 1 FROM pg_locks AS waits
			JOIN pg_locks AS held ON held.pid = waits.pid AND held.relation = 'documents'::regclass WHERE NOT waits.granted)`).Scan(&waits)
		if err != nil {
			t.Fatal(err)
		}
		if waits {
			return
		}
	}
	t.Fatal("no statement waits")
}

// The schema keeps an administrator in every isolation of the transactions that remove them at
// the same moment, also those of other programs.
func TestLastAdminInEveryIsolation(t *testing.T) {
	t.Parallel()
	for _, isolation := range []sql.IsolationLevel{sql.LevelDefault, sql.LevelRepeatableRead} {
		for name, remove := range map[string]string{
			"deleted": "DELETE FROM users WHERE id = ?", "another role": "UPDATE users SET role = 'member' WHERE id = ?",
		} {
			t.Run(isolation.String()+" "+name, func(t *testing.T) {
				t.Parallel()
				directory := openPostgresAt(t, newSchema(t))
				ada, bob := add(t, directory, "ada", Admin), add(t, directory, "bob", Admin)
				options := &sql.TxOptions{Isolation: isolation}
				one, two := begin(t, directory, options, "SELECT 1 FROM users"), begin(t, directory, options, "SELECT 1 FROM users")
				if _, err := one.ExecContext(t.Context(), remove, ada.ID); err != nil {
					t.Fatal(err)
				}
				ended := make(chan error, 1)
				go func() { ended <- second(two.ExecContext(t.Context(), remove, bob.ID)) }()
				waiting(t, directory)
				if err := one.Commit(); err != nil {
					t.Fatal(err)
				}
				want := "SA001"
				if isolation == sql.LevelRepeatableRead {
					want = "40001"
				}
				if err := <-ended; postgresCode(err) != want {
					t.Errorf("the second: %v, want %s", err, want)
				}
				if left, err := directory.Get(t.Context(), bob.ID); err != nil || left.Role != Admin {
					t.Errorf("left is %v, %v", left, err)
				}
			})
		}
	}
}

func TestNoAdminIsTruncated(t *testing.T) {
	t.Parallel()
	directory := openPostgresAt(t, newSchema(t))
	add(t, directory, "ada", Member)
	if _, err := directory.db.ExecContext(t.Context(), "TRUNCATE users CASCADE"); err != nil {
		t.Error(err)
	}
	add(t, directory, "bob", Admin)
	if _, err := directory.db.ExecContext(t.Context(), "TRUNCATE users CASCADE"); postgresCode(err) != "SA001" {
		t.Error(err)
	}
}

// A guard that waited for another transaction sees the users that it left the document shared with.
func TestGuardSeesWhatItWaitedFor(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		meanwhile string
		want      error
	}{
		"taken away": {"DELETE FROM document_shares", ErrNotFound},
		"left":       {"UPDATE documents SET text = 'other'", nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			directory := openPostgresAt(t, newSchema(t))
			_, auditor, member := create3(t, directory)
			document, err := directory.CreateDocument(t.Context(), &demov1.Document{OrgId: "acme", OwnerId: member.ID, Title: "Plans"})
			if err != nil {
				t.Fatal(err)
			}
			id := document.GetId()
			if _, err := directory.ShareDocument(t.Context(), id, Every(), demov1.Document_STATE_DRAFT, []string{auditor.ID}); err != nil {
				t.Fatal(err)
			}
			guard := where("(EXISTS (SELECT 1 FROM document_shares WHERE document_id = documents.id AND user_id = ?))", auditor.ID)
			changes := map[string]func() error{
				"update": func() error { return second(directory.UpdateDocument(t.Context(), id, guard, "x", "x")) },
				"delete": func() error { return directory.DeleteDocument(t.Context(), id, guard) },
			}
			for _, what := range []string{"update", "delete"} {
				other := begin(t, directory, nil, "UPDATE documents SET state = 2", test.meanwhile)
				ended := make(chan error, 1)
				go func() { ended <- changes[what]() }()
				waiting(t, directory)
				if err := other.Commit(); err != nil {
					t.Fatal(err)
				}
				if err := <-ended; !errors.Is(err, test.want) {
					t.Errorf("%s: %v", what, err)
				}
			}
		})
	}
}

// Of two transactions that wait for each other, the one that is ended begins again.
func TestDeadlock(t *testing.T) {
	t.Parallel()
	directory := openPostgresAt(t, newSchema(t))
	ada, bob := add(t, directory, "ada", Admin), add(t, directory, "bob", Member)
	both := make(chan struct{}, 2)
	var group sync.WaitGroup
	for _, order := range [][2]User{{ada, bob}, {bob, ada}} {
		group.Go(func() {
			first := true
			err := directory.write(t.Context(), func() error {
				tx, err := directory.db.BeginTx(t.Context(), nil)
				if err != nil {
					return err
				}
				defer tx.Rollback()
				if err := directory.lock(t.Context(), tx, "users", order[0].ID); err != nil {
					return err
				}
				if first { // both have a row before either asks for the other
					first = false
					both <- struct{}{}
					for len(both) < 2 {
						time.Sleep(time.Millisecond)
					}
				}
				if err := directory.lock(t.Context(), tx, "users", order[1].ID); err != nil {
					return err
				}
				return tx.Commit()
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
}

func TestBusyPostgres(t *testing.T) {
	t.Parallel()
	address := newSchema(t)
	user := add(t, openPostgresAt(t, address), "ada", Member)
	directory, err := OpenPostgres(t.Context(), address, Config{Patience: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	defer directory.Close()

	holder := begin(t, openPostgresAt(t, address), nil, "SELECT 1 FROM users FOR UPDATE")
	var group sync.WaitGroup
	for name, write := range map[string]func() error{
		"GrantRole": func() error { return second(directory.GrantRole(t.Context(), user.ID, Auditor)) },
		"Sessions.CommitCtx": func() error {
			return directory.Sessions().CommitCtx(t.Context(), "token", []byte(`{"user":"`+user.ID+`"}`), time.Now().Add(time.Hour))
		},
		"EndSessions": func() error { return directory.EndSessions(t.Context(), user.ID) },
	} {
		group.Go(func() {
			if err := write(); !errors.Is(err, ErrBusy) {
				t.Errorf("%s: %v", name, err)
			}
		})
	}
	group.Wait()
	if err := holder.Rollback(); err != nil {
		t.Fatal(err)
	}
	if _, err := directory.GrantRole(t.Context(), user.ID, Auditor); err != nil {
		t.Errorf("once the row is free: %v", err)
	}
}

// behind returns the address of a directory behind a proxy, and a directory there.
func behind(t *testing.T, config Config) (*Directory, *testservices.Proxy, User) {
	t.Helper()
	address := newSchema(t)
	user := add(t, openPostgresAt(t, address), "ada", Admin)
	proxy := testservices.NewProxy(t, address.Host, 0)
	through := *address
	through.Host = proxy.Address()
	directory, err := OpenPostgres(t.Context(), &through, config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = directory.Close() })
	return directory, proxy, user
}

// A server that falls silent makes no session valid, and holds no call for long: neither one
// that leaves nor one without a deadline.
func TestSilentPostgres(t *testing.T) {
	t.Parallel()
	directory, proxy, user := behind(t, Config{Patience: time.Second})
	sessions := newSessions(t, directory)
	call := start(t, sessions, user)
	proxy.Stall()
	const bound = 20 * time.Second // the patience is for each of a call's statements
	began := time.Now()
	var group sync.WaitGroup
	for range 2 * connections {
		group.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
			defer cancel()
			if _, err := directory.Get(ctx, user.ID); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("a caller who leaves: %v", err)
			}
		})
	}
	group.Go(func() {
		if principal, err := sessions.Authenticate(t.Context(), call); principal != nil || !errors.Is(err, authn.ErrUnavailable) {
			t.Errorf("a session: %v, %v", principal, err)
		}
	})
	for name, do := range map[string]func() error{
		"Get":           func() error { return second(directory.Get(t.Context(), user.ID)) },
		"Ping":          func() error { return directory.Ping(t.Context()) },
		"UpdateProfile": func() error { return second(directory.UpdateProfile(t.Context(), user.ID, "x", "x")) },
		"EndSessions":   func() error { return directory.EndSessions(t.Context(), user.ID) },
		"Document":      func() error { return second(directory.Document(t.Context(), user.ID)) },
	} {
		group.Go(func() {
			if err := do(); !errors.Is(err, ErrUnreachable) {
				t.Errorf("%s: %v", name, err)
			}
		})
	}
	group.Wait()
	if took := time.Since(began); took > bound {
		t.Errorf("it took %v", took)
	}
	t.Logf("%d callers have left after %v", 2*connections, time.Since(began).Round(time.Millisecond))
}

// Calls that are given up while they wait for a row give their connections back.
func TestPostgresGivenUp(t *testing.T) {
	t.Parallel()
	address := newSchema(t)
	directory := openPostgresAt(t, address)
	user := add(t, directory, "ada", Admin)
	begin(t, openPostgresAt(t, address), nil, "SELECT 1 FROM users FOR UPDATE")
	var group sync.WaitGroup
	for range 2 * connections {
		group.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
			defer cancel()
			if err := directory.Sessions().CommitCtx(ctx, "token", []byte(`{"user":"`+user.ID+`"}`), time.Now().Add(time.Hour)); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("a call that is given up: %v", err)
			}
		})
	}
	group.Wait()
	for try := 0; ; try++ {
		got, err := directory.Get(t.Context(), user.ID)
		if err == nil && got == user {
			return
		}
		if !errors.Is(err, ErrUnreachable) || try == 4 {
			t.Fatalf("a call beside the lock: %v, %v", got, err)
		}
	}
}

// What was cut off works again once the server is back, at the first call.
func TestPostgresComesBack(t *testing.T) {
	t.Parallel()
	directory, proxy, user := behind(t, Config{})
	sessions := newSessions(t, directory)
	call := start(t, sessions, user)
	proxy.Cut()
	if principal, err := sessions.Authenticate(t.Context(), call); principal != nil || !errors.Is(err, authn.ErrUnavailable) {
		t.Errorf("a session: %v, %v", principal, err)
	}
	if _, err := directory.GrantRole(t.Context(), user.ID, Admin); !errors.Is(err, ErrUnreachable) {
		t.Errorf("a write: %v", err)
	}
	proxy.Open(t)
	if _, err := sessions.Authenticate(t.Context(), call); err != nil {
		t.Errorf("afterwards: %v", err)
	}
	if _, err := directory.GrantRole(t.Context(), user.ID, Admin); err != nil {
		t.Errorf("a write, afterwards: %v", err)
	}
}

// Callers who leave cost no connection: what they asked is soon answered.
func TestPostgresCallersWhoLeave(t *testing.T) {
	t.Parallel()
	directory, proxy, user := behind(t, Config{})
	if _, err := directory.Get(t.Context(), user.ID); err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	for range 200 {
		group.Go(func() {
			ctx, cancel := context.WithCancel(t.Context())
			time.AfterFunc(time.Millisecond, cancel)
			_, _ = directory.Get(ctx, user.ID)
		})
	}
	group.Wait()
	if got := proxy.Connections(); got > connections {
		t.Errorf("%d connections were made", got)
	}
	if got, err := directory.Get(t.Context(), user.ID); err != nil || got != user {
		t.Errorf("afterwards: %v, %v", got, err)
	}
}
