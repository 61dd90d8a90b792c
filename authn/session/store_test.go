package session_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alexedwards/scs/goredisstore"
	"github.com/alexedwards/scs/v2"
	"github.com/alexedwards/scs/v2/memstore"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/redis/go-redis/v9"

	"github.com/sallyport-rpc/sallyport/authn/session"
	"github.com/sallyport-rpc/sallyport/authn/session/pgstore"
	"github.com/sallyport-rpc/sallyport/internal/testservices"
)

// A shared store is one that several processes may open.
type shared struct {
	// open returns the store as one process sees it, and what ends its connections.
	open func() (store scs.Store, hangUp func())
	// everything returns all that the store holds, keys and data.
	everything func(t *testing.T) []string
}

// eachStore runs a test with an empty store of every kind: in memory, and on the
// servers that the environment names by the adapters of scs.
func eachStore(t *testing.T, test func(t *testing.T, store shared)) {
	t.Helper()
	t.Run("memory", func(t *testing.T) { t.Parallel(); test(t, inMemory()) })
	t.Run("PostgreSQL", func(t *testing.T) { t.Parallel(); test(t, onPostgreSQL(t)) })
	t.Run("Redis", func(t *testing.T) { t.Parallel(); test(t, onRedis(t)) })
}

func inMemory() shared {
	store := memstore.NewWithCleanupInterval(0)
	return shared{
		open: func() (scs.Store, func()) { return store, nil },
		everything: func(t *testing.T) []string {
			t.Helper()
			return flat(store.All())
		},
	}
}

func flat(entries map[string][]byte, err error) []string {
	all := []string{fmt.Sprint(err)}
	for key, data := range entries {
		all = append(all, key, string(data))
	}
	return all
}

func onPostgreSQL(t *testing.T) shared {
	t.Helper()
	config, err := pgxpool.ParseConfig(testservices.Environment(t, "SALLYPORT_TEST_POSTGRES"))
	if err != nil {
		t.Fatal(err)
	}
	config.MaxConns = 4
	schema := "session_" + strings.ToLower(rand.Text())
	config.ConnConfig.RuntimeParams["search_path"] = schema
	connect := func() *pgxpool.Pool {
		// A test's own context ends before its clean-up.
		pool, err := pgxpool.NewWithConfig(context.WithoutCancel(t.Context()), config.Copy())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(pool.Close)
		return pool
	}
	admin := connect()
	if _, err := admin.Exec(t.Context(), `CREATE SCHEMA `+schema); err != nil {
		t.Fatal(err)
	}
	if err := newPGStore(t, admin).Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if _, err := admin.Exec(context.Background(), "DROP SCHEMA "+schema+" CASCADE"); err != nil {
			t.Error(err)
		}
	})
	return shared{
		open: func() (scs.Store, func()) {
			pool := connect()
			return newPGStore(t, pool), pool.Close
		},
		everything: func(t *testing.T) []string {
			t.Helper()
			all := map[string][]byte{}
			rows, err := admin.Query(t.Context(), "SELECT token, data FROM sallyport_sessions")
			if err != nil {
				t.Fatal(err)
			}
			var token string
			var data []byte
			_, err = pgx.ForEachRow(rows, []any{&token, &data}, func() error { all[token] = bytes.Clone(data); return nil })
			return flat(all, err)
		},
	}
}

func newPGStore(t *testing.T, pool *pgxpool.Pool) *pgstore.Store {
	t.Helper()
	store, err := pgstore.New(pool)
	if err != nil {
		t.Fatal(err)
	}
	return store
}

func onRedis(t *testing.T) shared {
	t.Helper()
	options, err := redis.ParseURL(testservices.Environment(t, "SALLYPORT_TEST_REDIS"))
	if err != nil {
		t.Fatal(err)
	}
	prefix := "session_" + rand.Text() + ":"
	connect := func() (*goredisstore.RedisStore, func()) {
		options := *options
		client := redis.NewClient(&options)
		t.Cleanup(func() { client.Close() })
		return goredisstore.NewWithPrefix(client, prefix), func() { client.Close() }
	}
	return shared{
		open: func() (scs.Store, func()) { return connect() },
		everything: func(t *testing.T) []string {
			t.Helper()
			store, _ := connect()
			return flat(store.AllCtx(t.Context()))
		},
	}
}

// manager returns the manager of a process of its own.
func (s shared) manager(t *testing.T, options ...session.Option) *session.Manager {
	t.Helper()
	store, _ := s.open()
	return newManager(t, store, options...)
}

// What ends in one process has ended in the other, at the next call.
func TestProcessesShareSessions(t *testing.T) {
	t.Parallel()
	eachStore(t, func(t *testing.T, store shared) {
		here, there := store.manager(t), store.manager(t)
		expect := func(when string, manager *session.Manager, sent headers, want string) {
			t.Helper()
			if got := authenticate(t, manager, sent); got != want {
				t.Errorf("%s: %s, want %s", when, got, want)
			}
		}
		signedOut, kept, bob := start(t, here, "ada"), start(t, there, "ada"), start(t, here, "bob")
		for _, manager := range []*session.Manager{here, there} {
			expect("signed in", manager, cookie(signedOut), "ada")
			expect("signed in", manager, bearer(kept), "ada")
			expect("signed in", manager, bearer(bob), "bob")
		}

		within(t, cookie(signedOut), here.End)
		expect("signed out in the other process", there, cookie(signedOut), "invalid")
		expect("another session", there, bearer(kept), "ada")

		var rotated string
		within(t, cookie(kept), func(ctx context.Context) (err error) {
			rotated, err = there.Start(ctx, "ada")
			return err
		})
		expect("replaced in the other process", here, cookie(kept), "invalid")
		expect("the one in its place", here, cookie(rotated), "ada")

		for range 3 {
			again := start(t, there, "ada")
			expect("signed in again", here, bearer(again), "ada")
			if err := here.EndAll(t.Context(), "ada"); err != nil {
				t.Fatal(err)
			}
			for _, ended := range []string{again, rotated} {
				expect("all ended in the other process", there, bearer(ended), "invalid")
				expect("all ended in this one", here, bearer(ended), "invalid")
			}
			expect("another user", there, bearer(bob), "bob")
		}
	})
}

// A store drops what has expired by a clock of its own.
func TestStoresForget(t *testing.T) {
	t.Parallel()
	eachStore(t, func(t *testing.T, store shared) {
		for name, manager := range map[string]*session.Manager{
			"idle": store.manager(t, session.WithIdleTimeout(time.Second)),
			"old":  store.manager(t, session.WithLifetime(time.Second)),
		} {
			began := time.Now()
			sent := bearer(start(t, manager, "ada"))
			if got := authenticate(t, manager, sent); got != "ada" && time.Since(began) < 900*time.Millisecond {
				t.Errorf("%s: %s at first", name, got)
			}
			time.Sleep(time.Until(began.Add(1100 * time.Millisecond))) // longer than either
			// Its last use was just after it began, or it was refused then.
			for late := began.Add(10 * time.Second); ; time.Sleep(1100 * time.Millisecond) {
				if got := authenticate(t, manager, sent); got == "invalid" {
					break
				} else if time.Now().After(late) {
					t.Fatalf("%s: %s, long after", name, got)
				}
			}
		}
	})
}

func TestStoresSeeNoToken(t *testing.T) {
	t.Parallel()
	eachStore(t, func(t *testing.T, store shared) {
		manager := store.manager(t)
		token := start(t, manager, "ada")
		authenticate(t, manager, bearer(token))
		everything := store.everything(t)
		if len(everything) != 1+2*3 {
			t.Errorf("the store holds %d texts: %q", len(everything), everything)
		}
		for _, text := range everything {
			if strings.Contains(text, token[4:]) {
				t.Errorf("the token %s is in the store: %s", token, text)
			}
		}
	})
}

// While a store cannot be reached, no caller is let in, and calls end as unavailable.
func TestStoresOutOfReach(t *testing.T) {
	t.Parallel()
	eachStore(t, func(t *testing.T, store shared) {
		opened, hangUp := store.open()
		if hangUp == nil {
			t.Skip("it is always within reach")
		}
		manager := newManager(t, opened)
		token := start(t, manager, "ada")
		hangUp()
		if got := authenticate(t, manager, bearer(token)); got != "unavailable" {
			t.Errorf("authenticate: %s", got)
		}
		for name, do := range map[string]func() error{
			"Start":  func() error { _, err := manager.Start(t.Context(), "ada"); return err },
			"EndAll": func() error { return manager.EndAll(t.Context(), "ada") },
		} {
			if got := outcome(nil, do()); got != "unavailable" {
				t.Errorf("%s: %s", name, got)
			}
		}
	})
}

func TestConcurrentUse(t *testing.T) {
	t.Parallel()
	eachStore(t, func(t *testing.T, store shared) {
		managers := []*session.Manager{store.manager(t), store.manager(t)}
		var group sync.WaitGroup
		for i, userID := range []string{"ada", "bob", "cyd", "dan"} {
			here, there := managers[i%2], managers[1-i%2]
			group.Go(func() {
				var tokens []string
				for range 50 {
					token, err := here.Start(t.Context(), userID)
					if err != nil {
						t.Error(err)
					}
					tokens = append(tokens, token)
					if got := authenticate(t, there, bearer(token)); got != userID {
						t.Errorf("got %s, want %s", got, userID)
					}
					if len(tokens)%10 == 0 {
						if err := there.EndAll(t.Context(), userID); err != nil {
							t.Error(err)
						}
					}
				}
				if slices.ContainsFunc(tokens, func(token string) bool {
					return authenticate(t, here, bearer(token)) != "invalid"
				}) {
					t.Errorf("a session of %s outlived EndAll", userID)
				}
			})
		}
		group.Wait()
	})
}
