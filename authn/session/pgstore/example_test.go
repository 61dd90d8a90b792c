package pgstore_test

import (
	"context"

	"github.com/alexedwards/scs/goredisstore"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/redis/go-redis/v9"

	"github.com/sallyport-rpc/sallyport/authn/apikey"
	"github.com/sallyport-rpc/sallyport/authn/revocation"
	"github.com/sallyport-rpc/sallyport/authn/revocation/pgbus"
	"github.com/sallyport-rpc/sallyport/authn/revocation/redisbus"
	"github.com/sallyport-rpc/sallyport/authn/session"
	"github.com/sallyport-rpc/sallyport/authn/session/pgstore"
)

// onPostgreSQL keeps sessions in PostgreSQL, and returns what ends everything.
func onPostgreSQL(ctx context.Context, url string, lookup session.Lookup) (*session.Manager, func(), error) {
	pool, err := pgxpool.New(ctx, url)
	if err != nil {
		return nil, nil, err
	}
	store, err := pgstore.New(pool)
	if err != nil {
		return nil, nil, err
	}
	if err := store.Migrate(ctx); err != nil {
		return nil, nil, err
	}
	link, err := pgbus.New(pool)
	if err != nil {
		return nil, nil, err
	}
	bus, err := revocation.New(link)
	if err != nil {
		return nil, nil, err
	}
	sessions, err := session.New(store, lookup, session.WithBus(bus))
	end := func() {
		_ = bus.Close() // it publishes what is pending
		pgstore.Close(pool)
	}
	return sessions, end, err
}

// onRedis keeps sessions in Redis, and returns what ends everything.
func onRedis(url string, lookup session.Lookup) (*session.Manager, func(), error) {
	options, err := redis.ParseURL(url)
	if err != nil {
		return nil, nil, err
	}
	options.ContextTimeoutEnabled = true // a call's deadline holds for its commands too
	client := redis.NewClient(options)
	link, err := redisbus.New(client)
	if err != nil {
		return nil, nil, err
	}
	bus, err := revocation.New(link)
	if err != nil {
		return nil, nil, err
	}
	sessions, err := session.New(goredisstore.New(client), lookup, session.WithBus(bus))
	end := func() {
		_ = bus.Close()
		_ = client.Close()
	}
	return sessions, end, err
}

// keysOnBus keeps API keys in the same database, and shares the bus with sessions.
func keysOnBus(ctx context.Context, pool *pgxpool.Pool, lookup apikey.Lookup, bus *revocation.Bus) (*apikey.Manager, error) {
	db := stdlib.OpenDBFromPool(pool)
	store := apikey.PostgreSQL(db)
	if err := store.Migrate(ctx); err != nil {
		return nil, err
	}
	return apikey.New(store, lookup, apikey.WithBus(bus))
}
