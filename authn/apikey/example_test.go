package apikey_test

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"connectrpc.com/connect/v2"
	_ "modernc.org/sqlite"

	"github.com/sallyport-rpc/sallyport/authn"
	"github.com/sallyport-rpc/sallyport/authn/apikey"
)

func ExampleNew() {
	ctx := context.Background()
	db, err := sql.Open("sqlite", ":memory:")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer db.Close()
	db.SetMaxOpenConns(1) // each connection would have a memory of its own
	store := apikey.SQLite(db)
	if err := store.Migrate(ctx); err != nil {
		fmt.Println(err)
		return
	}
	roles := map[string]string{"ada": "admin"}
	lookup := func(_ context.Context, key apikey.Key) (authn.Details, error) {
		role, ok := roles[key.Owner]
		if !ok {
			return authn.Details{}, authn.InvalidCredential("user is gone")
		}
		return authn.Details{Roles: []string{role}, Scopes: key.Scopes}, nil
	}
	keys, err := apikey.New(store, lookup)
	if err != nil {
		fmt.Println(err)
		return
	}

	// A handler issues a key and shows its text once.
	expires := time.Now().AddDate(0, 3, 0)
	key, text, err := keys.Issue(ctx, "ada", "nightly backup", []string{"files.read"}, expires)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(text[:3], len(text))

	// The gate authenticates the calls that carry it.
	call := new(connect.CallInfo)
	call.RequestHeader().Set("Authorization", "Bearer "+text)
	principal, err := keys.Authenticate(ctx, call)
	fmt.Println(principal.ID(), principal.Roles(), principal.Scopes(), err)

	if err := keys.Revoke(ctx, "ada", key.ID); err != nil {
		fmt.Println(err)
		return
	}
	_, err = keys.Authenticate(ctx, call)
	fmt.Println(err)
	// Output:
	// sp_ 79
	// ada [admin] [files.read] <nil>
	// invalid credential: API key is unknown or revoked
}
