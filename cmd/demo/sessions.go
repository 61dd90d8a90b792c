package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/alexedwards/scs/goredisstore"
	"github.com/alexedwards/scs/pgxstore"
	"github.com/alexedwards/scs/v2"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/logging"
	"github.com/redis/go-redis/v9/maintnotifications"

	"github.com/sallyport-rpc/sallyport/authn/revocation"
	"github.com/sallyport-rpc/sallyport/authn/revocation/pgbus"
	"github.com/sallyport-rpc/sallyport/authn/revocation/redisbus"
)

// patience is how long a server of sessions may take to answer at the start, and
// PostgreSQL to any statement, since its adapter has no way to interrupt one.
const patience = 5 * time.Second

// A sessionServer keeps sessions that several demos share. The zero sessionServer is
// none: then they are in the database of the users. It must not drop what has not
// expired: a Redis that evicts can forget that sessions were ended.
type sessionServer struct {
	store scs.Store
	// One of these is how to reach it.
	postgres *pgxpool.Pool
	redis    *redis.Client
}

// parseSessions reads -sessions. The error does not repeat what may have a password
// in it.
func parseSessions(text string) (*url.URL, error) {
	address, err := url.Parse(text)
	if err == nil {
		switch address.Scheme {
		case "postgres", "postgresql", "redis", "rediss":
			return address, nil
		}
	}
	return nil, errors.New("-sessions is a URL such as postgres://user@host/database or redis://host")
}

// openSessions connects to where sessions are kept, if that is a server. The error says
// in one line which cannot be used, and why.
func openSessions(ctx context.Context, address *url.URL) (sessionServer, error) {
	if address == nil {
		return sessionServer{}, nil
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	open := openPostgres
	if strings.HasPrefix(address.Scheme, "redis") {
		open = openRedis
	}
	server, err := open(ctx, address.String())
	if err != nil {
		return sessionServer{}, fmt.Errorf("cannot keep sessions in %s: %s: see that it runs, or choose another -sessions", shown(address), line(err))
	}
	return server, nil
}

// errParameters stands for errors that may repeat a password.
var errParameters = errors.New("its URL has parameters that are not understood")

// postgresSchema is what the adapter asks for, in a schema of its own, since the name
// of the table is anybody's. The lock is there because two demos may start at once.
const postgresSchema = `
SELECT pg_advisory_xact_lock(6008771947331347322);
CREATE SCHEMA IF NOT EXISTS sallyport_demo;
CREATE TABLE IF NOT EXISTS sallyport_demo.sessions (token TEXT PRIMARY KEY, data BYTEA NOT NULL, expiry TIMESTAMPTZ NOT NULL);
CREATE INDEX IF NOT EXISTS sessions_by_expiry ON sallyport_demo.sessions (expiry);
`

func openPostgres(ctx context.Context, address string) (sessionServer, error) {
	config, err := pgxpool.ParseConfig(address)
	if err != nil {
		return sessionServer{}, errParameters
	}
	config.ConnConfig.ConnectTimeout = patience
	config.ConnConfig.RuntimeParams["search_path"] = "sallyport_demo"
	config.ConnConfig.RuntimeParams["statement_timeout"] = strconv.FormatInt(patience.Milliseconds(), 10)
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return sessionServer{}, err
	}
	if _, err := pool.Exec(ctx, postgresSchema); err != nil {
		pool.Close()
		return sessionServer{}, err
	}
	// It sweeps what has expired in a goroutine that ends with the process.
	return sessionServer{store: pgxstore.New(pool), postgres: pool}, nil
}

func openRedis(ctx context.Context, address string) (sessionServer, error) {
	options, err := redis.ParseURL(address)
	if err != nil {
		return sessionServer{}, errParameters
	}
	// It would tell the terminal what it also returns as errors.
	logging.Disable()
	// A call's deadline holds for what the call asks of Redis, too.
	options.ContextTimeoutEnabled = true
	options.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	client := redis.NewClient(options)
	if err := client.Ping(ctx).Err(); err != nil {
		_ = client.Close() // what is wrong is known already
		return sessionServer{}, err
	}
	return sessionServer{store: goredisstore.NewWithPrefix(client, "sallyport-demo:"), redis: client}, nil
}

// bus returns what tells the demos that share the server of each other's revocations,
// and nil where nobody shares it. The caller closes it, before the connections.
func (s sessionServer) bus() (*revocation.Bus, error) {
	var link revocation.Link
	var err error
	switch {
	case s.postgres != nil:
		link, err = pgbus.New(s.postgres)
	case s.redis != nil:
		link, err = redisbus.New(s.redis)
	default:
		return nil, nil //nolint:nilnil // said above
	}
	if err != nil {
		return nil, err
	}
	return revocation.New(link)
}

// close closes the connections, if there are any.
func (s sessionServer) close() {
	switch {
	case s.postgres != nil:
		s.postgres.Close()
	case s.redis != nil:
		_ = s.redis.Close() // nothing is under way
	}
}

// shown returns an address as it may be shown: without user, password and parameters.
func shown(address *url.URL) string {
	return (&url.URL{Scheme: address.Scheme, Host: address.Host, Path: address.Path}).String()
}

// line returns what an error says in one line.
func line(err error) string { return strings.Join(strings.Fields(err.Error()), " ") }
