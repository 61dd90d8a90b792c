package session_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"connectrpc.com/connect/v2"
	"github.com/alexedwards/scs/v2/memstore"

	"github.com/sallyport-rpc/sallyport/authn"
	"github.com/sallyport-rpc/sallyport/authn/session"
)

// A user is what the application's own database knows.
type user struct {
	role, password string
	generation     int
}

// users is that database. An application hashes passwords, and changes a user in one
// transaction.
type users map[string]*user

func (u users) lookup(_ context.Context, userID string) (authn.Details, error) {
	user, ok := u[userID]
	if !ok {
		return authn.Details{}, authn.InvalidCredential("user is gone")
	}
	return authn.Details{Roles: []string{user.role}}, nil
}

func (u users) generation(_ context.Context, userID string) (string, error) {
	user, ok := u[userID]
	if !ok {
		return "", authn.InvalidCredential("user is gone")
	}
	return strconv.Itoa(user.generation), nil
}

// accounts are the handlers.
type accounts struct {
	users    users
	sessions *session.Manager
}

func (a accounts) signIn(ctx context.Context, userID, password string) (token string, err error) {
	if user, ok := a.users[userID]; !ok || user.password != password {
		return "", errors.New("wrong name or password")
	}
	return a.sessions.Start(ctx, userID) // also sets the cookie
}

func (a accounts) signOut(ctx context.Context) error {
	return a.sessions.End(ctx)
}

func (a accounts) setPassword(ctx context.Context, userID, password string) error {
	user := a.users[userID]
	user.password, user.generation = password, user.generation+1
	return a.sessions.EndAll(ctx, userID)
}

func (a accounts) setRole(userID, role string) {
	a.users[userID].role = role
	a.sessions.Changed(userID) // live streams are rechecked at once
}

func ExampleManager() {
	users := users{"ada": {role: "member", password: "old", generation: 1}}
	sessions, err := session.New(memstore.New(), users.lookup, session.WithGeneration(users.generation))
	if err != nil {
		fmt.Println(err)
		return
	}
	accounts := accounts{users, sessions}

	ctx := context.Background()
	token, err := accounts.signIn(ctx, "ada", "old")
	if err != nil {
		fmt.Println(err)
		return
	}
	who := func() {
		call := new(connect.CallInfo)
		call.RequestHeader().Set("Authorization", "Bearer "+token)
		principal, err := sessions.Authenticate(ctx, call)
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(principal.ID(), principal.Roles())
	}
	who()
	accounts.setRole("ada", "admin")
	who()
	if err := accounts.setPassword(ctx, "ada", "new"); err != nil {
		fmt.Println(err)
	}
	who()
	if err := accounts.signOut(ctx); err != nil {
		fmt.Println(err)
	}
	// Output:
	// ada [member]
	// ada [admin]
	// invalid credential: session is unknown, ended or expired
}
