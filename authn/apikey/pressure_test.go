package apikey_test

import (
	"context"
	"errors"
	"net/url"
	"sync"
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
	through := newManager(t, apikey.PostgreSQL(connect4(t, target.String())))
	var group sync.WaitGroup
	for range 8 { // all connections are made
		group.Go(func() {
			for range 5 {
				if got := authenticate(t, through, bearer(text)); got != "ada" {
					t.Error(got)
				}
			}
		})
	}
	group.Wait()
	leave := func() {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Millisecond)
		defer cancel()
		began := time.Now()
		_, err := through.Authenticate(ctx, bearer(text).call())
		if !errors.Is(err, context.DeadlineExceeded) || time.Since(began) > time.Second {
			t.Errorf("a stranger: %v after %v", err, time.Since(began))
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
	proxy.Stall()
	for range 10 {
		leave()
	}
}
