package apikey_test

import (
	"context"
	"database/sql"
	"errors"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sallyport-rpc/sallyport/authn/apikey"
	"github.com/sallyport-rpc/sallyport/internal/testservices"
)

// TestStrangersWhoLeave has strangers ask for keys and leave before the answer. An owner
// is served, no connection is lost over them, and a silent server keeps no call.
func TestStrangersWhoLeave(t *testing.T) {
	t.Parallel()
	db, name := openSchema(t)
	manager := newManager(t, migrated(t, apikey.PostgreSQL(db)))
	_, text := issue(t, manager, "ada")

	target, err := url.Parse(name)
	if err != nil {
		t.Fatal(err)
	}
	proxy := testservices.NewProxy(t, target.Host, 10*time.Millisecond)
	target.Host = proxy.Address()
	// It is not closed: what a silent server holds would keep the test waiting.
	pool := connect4(t, target.String())
	through := newManager(t, apikey.PostgreSQL(pool))
	// All connections are made first: who leaves while one is made costs another try.
	var made []*sql.Conn
	for range 4 {
		conn, err := pool.Conn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		made = append(made, conn)
	}
	for _, conn := range made {
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
	}
	var group sync.WaitGroup
	var left atomic.Int64
	leave := func() {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Millisecond)
		defer cancel()
		began := time.Now()
		_, err := through.Authenticate(ctx, bearer(text).call())
		switch {
		case errors.Is(err, context.DeadlineExceeded):
			left.Add(1)
		case err != nil: // on a busy machine the answer may be there before the timer
			t.Errorf("a stranger: %v", err)
		}
		if took := time.Since(began); took > time.Second {
			t.Errorf("a stranger has waited %v", took)
		}
	}
	for range 20 {
		for range 10 {
			group.Go(leave)
		}
		if got := authenticate(t, through, bearer(text)); got != "ada" {
			t.Errorf("the owner: %s", got)
		}
		group.Wait()
	}
	if got := proxy.Connections(); got > 4 {
		t.Errorf("%d connections were made, want at most 4", got)
	}
	if left.Load() == 0 {
		t.Error("no stranger has left before the answer")
	}
	proxy.Stall()
	left.Store(0)
	for range 10 {
		leave()
	}
	if got := left.Load(); got != 10 {
		t.Errorf("%d of 10 strangers have left a silent server", got)
	}
}
