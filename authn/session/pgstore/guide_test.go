package pgstore_test

import (
	"context"
	"testing"
	"time"

	"connectrpc.com/connect/v2"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/sallyport-rpc/sallyport/authn"
	"github.com/sallyport-rpc/sallyport/authn/apikey"
	"github.com/sallyport-rpc/sallyport/authn/revocation"
	"github.com/sallyport-rpc/sallyport/authn/session"
	"github.com/sallyport-rpc/sallyport/internal/testservices"
)

// TestGuide runs the code of docs/guides/postgresql-and-redis.md.
func TestGuide(t *testing.T) {
	t.Parallel()
	known := func(context.Context, string) (authn.Details, error) { return authn.Details{}, nil }
	for name, open := range map[string]func(t *testing.T) (*session.Manager, func(), error){
		"PostgreSQL": func(t *testing.T) (*session.Manager, func(), error) {
			t.Helper()
			return onPostgreSQL(t.Context(), testservices.Environment(t, "SALLYPORT_TEST_POSTGRES"), known)
		},
		"Redis": func(t *testing.T) (*session.Manager, func(), error) {
			t.Helper()
			return onRedis(testservices.Environment(t, "SALLYPORT_TEST_REDIS"), known)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sessions, end, err := open(t)
			if err != nil {
				t.Fatal(err)
			}
			defer end()
			token, err := sessions.Start(t.Context(), "ada of the guide")
			if err != nil {
				t.Fatal(err)
			}
			call := new(connect.CallInfo)
			call.RequestHeader().Set("Authorization", "Bearer "+token)
			if principal, err := sessions.Authenticate(t.Context(), call); err != nil || principal.ID() != "ada of the guide" {
				t.Errorf("%v, %v", principal, err)
			}
			if err := sessions.EndAll(t.Context(), "ada of the guide"); err != nil {
				t.Error(err)
			}
			if _, err := sessions.Authenticate(t.Context(), call); err == nil {
				t.Error("the session did not end")
			}
		})
	}
}

// TestGuideKeys issues an API key beside the sessions and revokes it.
func TestGuideKeys(t *testing.T) {
	t.Parallel()
	pool, err := pgxpool.New(t.Context(), testservices.Environment(t, "SALLYPORT_TEST_POSTGRES"))
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	bus, err := revocation.New(silent{})
	if err != nil {
		t.Fatal(err)
	}
	defer bus.Close()
	lookup := func(_ context.Context, key apikey.Key) (authn.Details, error) {
		return authn.Details{Scopes: key.Scopes}, nil
	}
	keys, err := keysOnBus(t.Context(), pool, lookup, bus)
	if err != nil {
		t.Fatal(err)
	}
	key, text, err := keys.Issue(t.Context(), "ada of the guide", "backup", []string{"files.read"}, time.Now().Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	call := new(connect.CallInfo)
	call.RequestHeader().Set("Authorization", "Bearer "+text)
	if principal, err := keys.Authenticate(t.Context(), call); err != nil || principal.ID() != "ada of the guide" {
		t.Errorf("%v, %v", principal, err)
	}
	if err := keys.Revoke(t.Context(), "ada of the guide", key.ID); err != nil {
		t.Error(err)
	}
	if _, err := keys.Authenticate(t.Context(), call); err == nil {
		t.Error("the key was not revoked")
	}
}

// silent is a link that carries nothing.
type silent struct{}

func (silent) Publish(ctx context.Context, _ revocation.Revocation) error { return ctx.Err() }

func (silent) Subscribe(ctx context.Context, _ func(revocation.Revocation)) error {
	<-ctx.Done()
	return ctx.Err()
}
