package bench

import (
	"context"
	"errors"
	"fmt"

	"connectrpc.com/connect/v2"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/action/actiongen"
	"github.com/sallyport-rpc/sallyport/authn"
	"github.com/sallyport-rpc/sallyport/bench/many"
	demov1 "github.com/sallyport-rpc/sallyport/gen/demo/v1"
)

// All engines decide by one policy: an admin may delete an account, and so may its
// owner.
const (
	deleteUser = "/bench.v1.Service/DeleteUser"
	owner      = "0198e9c6-5f5c-7d3a-9b1e-3c1f2a4b5c6d"
	stranger   = "0198e9c6-5f5c-7d3a-9b1e-3c1f2a4b5c6e"
)

// deletion is the request of every row.
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
	byOther = asker{name: "another member", id: stranger, roles: []string{"member"}}
)

func (a *asker) principal() *authn.Principal {
	return authn.NewPrincipal(a.id, authn.Details{Unscoped: true, Roles: a.roles})
}

var errWrong = errors.New("the decision is not that of the policy")

// accounts is the service without anything to do.
type accounts struct{}

func (accounts) deleteUser(context.Context, *action.Call[demov1.DeleteUserRequest]) (*demov1.DeleteUserResponse, error) {
	return &demov1.DeleteUserResponse{}, nil
}

// sessions finds callers in memory, by their bearer token.
type sessions[User any] map[string]User

// find returns who a call is from.
func (s sessions[User]) find(call *connect.CallInfo) (user User, err error) {
	user, ok := s[call.RequestHeader().Get("Authorization")]
	if !ok {
		return user, authn.InvalidCredential("unknown token")
	}
	return user, nil
}

// token is the credential that the measured calls bring.
const token = "Bearer 5f1d7a84c0f34c6b9a1e"

// memory authenticates from memory.
type memory struct {
	sessions[*authn.Principal]
}

// anew authenticates from memory and makes the principal anew at every call, as schemes
// do that do not keep principals.
type anew struct{ sessions[*asker] }

func (a anew) Authenticate(_ context.Context, call *connect.CallInfo) (*authn.Principal, error) {
	user, err := a.find(call)
	if err != nil {
		return nil, err
	}
	return user.principal(), nil
}

func (m memory) Authenticate(_ context.Context, call *connect.CallInfo) (*authn.Principal, error) {
	return m.find(call)
}

// newRegistry returns a registry that knows one caller.
func newRegistry(caller *authn.Principal, options ...action.RegistryOption) *action.Registry {
	return must(action.NewRegistry(authn.Schemes{"session": memory{sessions[*authn.Principal]{token: caller}}}, options...))
}

// accountRegistry returns a registry that guards accounts and knows one caller.
func accountRegistry(caller *authn.Principal, options ...action.RegistryOption) *action.Registry {
	return guardAccounts(newRegistry(caller, options...))
}

// guardAccounts registers accounts.
func guardAccounts(registry *action.Registry) *action.Registry {
	file := many.NewFile("bench.v1")
	file.EnumType = append(file.EnumType, many.Catalogue([]string{"admin"}))
	file.Method("DeleteUser", ".demo.v1.DeleteUserRequest", ".demo.v1.DeleteUserResponse", many.AdminOrOwner("admin"))
	service := file.Build()
	must(0, actiongen.Register(registry, actiongen.Service[accounts]{
		Descriptor:  service,
		Fingerprint: many.Fingerprints(service)[0],
		Methods:     []actiongen.Method[accounts]{actiongen.Unary("DeleteUser", accounts.deleteUser)},
	}, accounts{}))
	return registry
}

func failed(what string, err error) error { return fmt.Errorf("%s: %w", what, err) }
