package session_test

import (
	"context"
	"fmt"
	"time"

	"connectrpc.com/connect/v2"
	"github.com/alexedwards/scs/v2/memstore"

	"github.com/sallyport-rpc/sallyport/authn"
	"github.com/sallyport-rpc/sallyport/authn/session"
)

func ExampleNew() {
	roles := map[string]string{"ada": "admin"}
	lookup := func(_ context.Context, userID string) (authn.Details, error) {
		role, ok := roles[userID]
		if !ok {
			return authn.Details{}, authn.InvalidCredential("user is gone")
		}
		return authn.Details{Roles: []string{role}}, nil
	}
	sessions, err := session.New(memstore.New(), lookup, session.WithIdleTimeout(30*time.Minute))
	if err != nil {
		fmt.Println(err)
		return
	}

	// A handler that has checked a password starts a session, within its call.
	ctx := context.Background()
	token, err := sessions.Start(ctx, "ada")
	if err != nil {
		fmt.Println(err)
		return
	}

	// The gate authenticates the calls that follow.
	call := new(connect.CallInfo)
	call.RequestHeader().Set("Authorization", "Bearer "+token)
	principal, err := sessions.Authenticate(ctx, call)
	fmt.Println(principal.ID(), principal.Roles(), err)

	// A role that is taken away is gone with the next call, and so is a user.
	roles["ada"] = "member"
	principal, err = sessions.Authenticate(ctx, call)
	fmt.Println(principal.ID(), principal.Roles(), err)

	if err := sessions.EndAll(ctx, "ada"); err != nil {
		fmt.Println(err)
		return
	}
	_, err = sessions.Authenticate(ctx, call)
	fmt.Println(err)
	// Output:
	// ada [admin] <nil>
	// ada [member] <nil>
	// invalid credential: session is unknown, ended or expired
}
