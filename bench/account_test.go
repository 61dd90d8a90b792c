package bench

import (
	"context"
	"errors"
	"fmt"

	"connectrpc.com/connect/v2"

	"github.com/sallyport-rpc/sallyport/action"
	demov1 "github.com/sallyport-rpc/sallyport/gen/demo/v1"
	"github.com/sallyport-rpc/sallyport/gen/demo/v1/demov1action"
)

// All engines are asked what the demo declares for DeleteUser: an admin may, and
// the owner of the account.
const (
	deleteUser = demov1action.AccountServiceDeleteUserProcedure
	owner      = "0198e9c6-5f5c-7d3a-9b1e-3c1f2a4b5c6d"
	stranger   = "0198e9c6-5f5c-7d3a-9b1e-3c1f2a4b5c6e"
)

// deletion is what everybody asks for.
var deletion = &demov1.DeleteUserRequest{UserId: owner}

// An asker is one who asks for it.
type asker struct {
	name  string
	id    string
	roles []string
	// allowed is what every engine must say.
	allowed bool
}

var (
	byAdmin = asker{name: "an admin", id: stranger, roles: []string{"member", "admin"}, allowed: true}
	byOwner = asker{name: "the owner", id: owner, roles: []string{"member"}, allowed: true}
	byOther = asker{name: "somebody else", id: stranger, roles: []string{"member"}}
)

func (a *asker) principal() *action.Principal {
	return action.NewPrincipal(a.id, action.Claims{Roles: a.roles})
}

var errWrong = errors.New("it decided otherwise than the policy says")

// accounts is the service without anything to do.
type accounts struct {
	demov1action.AccountServiceHandler
}

func (accounts) DeleteUser(context.Context, *action.Call[demov1.DeleteUserRequest]) (*demov1.DeleteUserResponse, error) {
	return &demov1.DeleteUserResponse{}, nil
}

// sessions finds callers in memory, by their bearer token.
type sessions[User any] map[string]User

// find returns who a call is from.
func (s sessions[User]) find(call *connect.CallInfo) (user User, err error) {
	user, ok := s[call.RequestHeader().Get("Authorization")]
	if !ok {
		return user, action.InvalidCredential("unknown token")
	}
	return user, nil
}

// token is the credential that the measured calls bring.
const token = "Bearer 5f1d7a84c0f34c6b9a1e"

// memory authenticates from memory.
type memory struct {
	sessions[*action.Principal]
}

func (m memory) Authenticate(_ context.Context, call *connect.CallInfo) (*action.Principal, error) {
	return m.find(call)
}

// newRegistry returns a registry that knows one caller.
func newRegistry(caller *action.Principal) *action.Registry {
	return must(action.NewRegistry(action.Schemes{"session": memory{sessions[*action.Principal]{token: caller}}}))
}

// demoRegistry returns a registry with the demo's actions.
func demoRegistry(caller *action.Principal) *action.Registry {
	registry := newRegistry(caller)
	must(0, demov1action.RegisterAccountService(registry, accounts{}))
	return registry
}

func failed(what string, err error) error { return fmt.Errorf("%s: %w", what, err) }
