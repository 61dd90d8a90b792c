package demo

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/alexedwards/scs/goredisstore"
	"github.com/alexedwards/scs/v2"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/logging"
	"github.com/redis/go-redis/v9/maintnotifications"

	"github.com/sallyport-rpc/sallyport/authn/revocation"
	"github.com/sallyport-rpc/sallyport/authn/revocation/pgbus"
	"github.com/sallyport-rpc/sallyport/authn/revocation/redisbus"
	"github.com/sallyport-rpc/sallyport/authn/session/pgstore"
	"github.com/sallyport-rpc/sallyport/cmd/demo/internal/directory"
)

// patience is how long a server of sessions may take to answer at the start, and
// PostgreSQL to any statement.
const patience = 5 * time.Second

// A sessionServer keeps sessions that several demos share. The zero sessionServer is none:
// then the database of the users keeps them. The server must keep every entry until it
// expires: a Redis that evicts ends the sessions whose entries it drops.
type sessionServer struct {
	store scs.Store
	// One of these is the connection.
	postgres *pgxpool.Pool
	redis    *redis.Client
}

// parseSessions reads -sessions. The error does not repeat the text, which may hold a
// password.
func parseSessions(text string) (*url.URL, error) {
	address, err := url.Parse(text)
	if err == nil {
		switch address.Scheme {
		case "postgres", "postgresql", "redis", "rediss":
			return address, nil
		}
	}
	return nil, errors.New("-sessions must be a URL such as postgres://user@host/database or redis://host")
}

// openSessions connects to the server that keeps sessions, if there is one. The error says
// in one line which server cannot be used, and why.
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
		return sessionServer{}, fmt.Errorf("keep sessions in %s: %s: start that server, or choose another -sessions", shown(address), line(err))
	}
	return server, nil
}

// errParameters replaces errors that may repeat a password.
var errParameters = errors.New("its URL has unknown parameters")

// postgresSchema keeps the demo's table apart from others in the database. The lock is
// there because two demos may start at once.
const postgresSchema = `
SELECT pg_advisory_xact_lock(6008771947331347322);
CREATE SCHEMA IF NOT EXISTS sallyport_demo;
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
	store, err := pgstore.New(pool)
	if err == nil {
		_, err = pool.Exec(ctx, postgresSchema)
	}
	if err == nil {
		err = store.Migrate(ctx)
	}
	if err != nil {
		pgstore.Close(pool)
		return sessionServer{}, err
	}
	return sessionServer{store: store, postgres: pool}, nil
}

func openRedis(ctx context.Context, address string) (sessionServer, error) {
	options, err := redis.ParseURL(address)
	if err != nil {
		return sessionServer{}, errParameters
	}
	// It would print what it also returns as errors.
	logging.Disable()
	// The deadline of a call holds for its commands, too.
	options.ContextTimeoutEnabled = true
	options.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	client := redis.NewClient(options)
	if err := client.Ping(ctx).Err(); err != nil {
		_ = client.Close() // the first error says what is wrong
		return sessionServer{}, err
	}
	return sessionServer{store: goredisstore.NewWithPrefix(client, "sallyport-demo:"), redis: client}, nil
}

// newBus returns the bus that carries revocations between the demos that share the server of
// their sessions, or else their PostgreSQL database, or nil where they share neither. The
// caller closes it before the connections.
func newBus(shared sessionServer, users *directory.Directory) (*revocation.Bus, error) {
	var link revocation.Link
	var err error
	switch {
	case shared.postgres != nil:
		link, err = pgbus.New(shared.postgres)
	case shared.redis != nil:
		link, err = redisbus.New(shared.redis)
	case users.Pool() != nil:
		link, err = pgbus.New(users.Pool())
	default:
		return nil, nil //nolint:nilnil // said above
	}
	if err != nil {
		return nil, err
	}
	return revocation.New(link)
}

// ping reports whether the server can be reached.
func (s sessionServer) ping(ctx context.Context) error {
	if s.postgres != nil {
		return s.postgres.Ping(ctx)
	}
	return s.redis.Ping(ctx).Err()
}

// close closes the connections, if there are any.
func (s sessionServer) close() {
	switch {
	case s.postgres != nil:
		pgstore.Close(s.postgres)
	case s.redis != nil:
		_ = s.redis.Close() // no command is under way
	}
}

// shown returns an address without its user, password and parameters.
func shown(address *url.URL) string {
	return (&url.URL{Scheme: address.Scheme, Host: address.Host, Path: address.Path}).String()
}

// line returns the text of an error in one line.
func line(err error) string { return strings.Join(strings.Fields(err.Error()), " ") }
