package pgbus_test

import (
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/sallyport-rpc/sallyport/authn/revocation/pgbus"
)

// What a link does is tested in package revocation, beside the other one.

func newPool(t *testing.T) *pgxpool.Pool {
	t.Helper()
	pool, err := pgxpool.New(t.Context(), "postgres://127.0.0.1:1/nothing") // it does not connect yet
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	return pool
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	pool := newPool(t)
	for name, test := range map[string]struct {
		pool    *pgxpool.Pool
		options []pgbus.Option
		want    []string
	}{
		"no pool":           {nil, nil, []string{"a pool is required"}},
		"no channel":        {pool, []pgbus.Option{pgbus.WithChannel("")}, []string{`"" is no channel name`}},
		"long channel":      {pool, []pgbus.Option{pgbus.WithChannel(strings.Repeat("x", 64))}, []string{"is no channel name"}},
		"channel of zeroes": {pool, []pgbus.Option{pgbus.WithChannel("a\x00b")}, []string{"is no channel name"}},
		"no heartbeat":      {pool, []pgbus.Option{pgbus.WithHeartbeat(0)}, []string{"a heartbeat of 0s"}},
		"slow heartbeat":    {pool, []pgbus.Option{pgbus.WithHeartbeat(16 * time.Second)}, []string{"a heartbeat of 16s"}},
		"everything": {nil, []pgbus.Option{pgbus.WithChannel(""), pgbus.WithHeartbeat(-1)}, []string{
			"a pool is required", "is no channel name", "a heartbeat of -1ns",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			link, err := pgbus.New(test.pool, test.options...)
			if link != nil || err == nil {
				t.Fatalf("got %v and %v", link, err)
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q is not in %v", want, err)
				}
			}
		})
	}
}

func TestNewTakesTheExtremes(t *testing.T) {
	t.Parallel()
	pool := newPool(t)
	for _, channel := range []string{"x", strings.Repeat("x", 63), `a"b;--`} {
		if _, err := pgbus.New(pool, pgbus.WithChannel(channel), pgbus.WithHeartbeat(15*time.Second)); err != nil {
			t.Error(err)
		}
	}
}
