package revocation_test

import (
	"context"
	"crypto/rand"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/redis/go-redis/v9"

	"github.com/sallyport-rpc/sallyport/authn/revocation"
	"github.com/sallyport-rpc/sallyport/authn/revocation/pgbus"
	"github.com/sallyport-rpc/sallyport/authn/revocation/redisbus"
	"github.com/sallyport-rpc/sallyport/internal/testservices"
)

// A service is a real server that links go through, with a channel of the test's own.
type service struct {
	// dial returns one process's link. A proxy is on the way, if not nil.
	dial func(t *testing.T, heartbeat time.Duration, by *testservices.Proxy) revocation.Link
	// kill makes the server end the connections that listen, and returns how many.
	kill func(t *testing.T) int
	// listening returns how many connections listen.
	listening func(t *testing.T) int
	// address is the server's.
	address string
}

// eachService runs a test with a server of every kind that the environment names.
func eachService(t *testing.T, test func(t *testing.T, service service)) {
	t.Helper()
	t.Run("PostgreSQL", func(t *testing.T) { t.Parallel(); test(t, postgreSQL(t)) })
	t.Run("Redis", func(t *testing.T) { t.Parallel(); test(t, redisServer(t)) })
}

func postgreSQL(t *testing.T) service {
	t.Helper()
	url := testservices.Environment(t, "SALLYPORT_TEST_POSTGRES")
	name := "test_" + strings.ToLower(rand.Text())
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		t.Fatal(err)
	}
	config.MaxConns = 2
	config.ConnConfig.RuntimeParams["application_name"] = name
	return service{
		address: config.ConnConfig.Host + ":" + portOf(config.ConnConfig.Port),
		dial: func(t *testing.T, heartbeat time.Duration, by *testservices.Proxy) revocation.Link {
			t.Helper()
			config := config.Copy()
			if by != nil {
				config.ConnConfig.Host, config.ConnConfig.Port = splitAddress(t, by.Address())
			}
			pool, err := pgxpool.NewWithConfig(context.WithoutCancel(t.Context()), config)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(pool.Close)
			link, err := pgbus.New(pool, pgbus.WithChannel(name), pgbus.WithHeartbeat(heartbeat))
			if err != nil {
				t.Fatal(err)
			}
			return link
		},
		kill: func(t *testing.T) int {
			t.Helper()
			conn, err := pgx.Connect(t.Context(), url)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close(context.WithoutCancel(t.Context()))
			killed, err := conn.Exec(t.Context(), `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
				WHERE application_name = $1 AND query LIKE 'LISTEN %'`, name)
			if err != nil {
				t.Fatal(err)
			}
			return int(killed.RowsAffected())
		},
		listening: func(t *testing.T) (count int) {
			t.Helper()
			conn, err := pgx.Connect(t.Context(), url)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close(context.WithoutCancel(t.Context()))
			if err := conn.QueryRow(t.Context(), `SELECT count(*) FROM pg_stat_activity
				WHERE application_name = $1 AND query LIKE 'LISTEN %'`, name).Scan(&count); err != nil {
				t.Fatal(err)
			}
			return count
		},
	}
}

func redisServer(t *testing.T) service {
	t.Helper()
	url := testservices.Environment(t, "SALLYPORT_TEST_REDIS")
	name := "test_" + strings.ToLower(rand.Text())
	options := func() *redis.Options {
		options, err := redis.ParseURL(url)
		if err != nil {
			t.Fatal(err)
		}
		options.ClientName = name
		return options
	}
	return service{
		address: options().Addr,
		dial: func(t *testing.T, heartbeat time.Duration, by *testservices.Proxy) revocation.Link {
			t.Helper()
			options := options()
			if by != nil {
				options.Addr = by.Address()
			}
			client := redis.NewClient(options)
			t.Cleanup(func() { client.Close() })
			link, err := redisbus.New(client, redisbus.WithChannel(name), redisbus.WithHeartbeat(heartbeat))
			if err != nil {
				t.Fatal(err)
			}
			return link
		},
		kill: func(t *testing.T) int {
			t.Helper()
			client := redis.NewClient(options())
			defer client.Close()
			ids := listeningTo(t, client, name)
			for _, id := range ids {
				if err := client.Do(t.Context(), "CLIENT", "KILL", "ID", id).Err(); err != nil {
					t.Fatal(err)
				}
			}
			return len(ids)
		},
		listening: func(t *testing.T) int {
			t.Helper()
			client := redis.NewClient(options())
			defer client.Close()
			return len(listeningTo(t, client, name))
		},
	}
}

// listeningTo returns the ids of the connections to Redis that have subscribed, of the
// client with a name.
func listeningTo(t *testing.T, client *redis.Client, name string) (ids []string) {
	t.Helper()
	listed, err := client.Do(t.Context(), "CLIENT", "LIST", "TYPE", "pubsub").Text()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(listed) {
		if strings.Contains(line, "name="+name+" ") {
			id, _, _ := strings.Cut(strings.TrimPrefix(line, "id="), " ")
			ids = append(ids, id)
		}
	}
	return ids
}

func portOf(port uint16) string { return strconv.Itoa(int(port)) }

func splitAddress(t *testing.T, address string) (string, uint16) {
	t.Helper()
	host, text, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	port, err := strconv.ParseUint(text, 10, 16)
	if err != nil {
		t.Fatal(err)
	}
	return host, uint16(port)
}
