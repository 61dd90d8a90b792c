package pgstore_test

import (
	"context"
	"testing"

	"connectrpc.com/connect/v2"

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

func TestKeysOnBus(t *testing.T) {
	t.Parallel()
	bus, err := revocation.New(silent{})
	if err != nil {
		t.Fatal(err)
	}
	defer bus.Close()
	lookup := func(context.Context, apikey.Key) (authn.Details, error) { return authn.Details{}, nil }
	if keys, err := keysOnBus(none{}, lookup, bus); keys == nil || err != nil {
		t.Errorf("%v, %v", keys, err)
	}
}

// none is a store of keys that is not asked.
type none struct{ apikey.Store }

// silent is a link that carries nothing.
type silent struct{}

func (silent) Publish(ctx context.Context, _ revocation.Revocation) error { return ctx.Err() }

func (silent) Subscribe(ctx context.Context, _ func(revocation.Revocation)) error {
	<-ctx.Done()
	return ctx.Err()
}
