package bench

import (
	"context"
	"slices"
	"strconv"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/authn"
	"github.com/sallyport-rpc/sallyport/bench/many"
	demov1 "github.com/sallyport-rpc/sallyport/gen/demo/v1"
	"github.com/sallyport-rpc/sallyport/internal/unguarded"
)

// A decider answers whether a caller may delete an account. What an engine can prepare of
// the caller once is prepared, except where its name says otherwise.
type decider func(ctx context.Context, request *demov1.DeleteUserRequest) (bool, error)

// engines are those that are measured beside each other, each with the same policy.
var engines = []struct {
	name string
	made func(asker) decider
}{
	{"sallyport", sallyportDecider},
	{"sallyport, principal made anew", anewDecider},
	{"Go, by hand", handDecider},
	{"plain CEL (cel-go)", celDecider},
	{"cedar-go", cedarDecider},
	{"casbin", casbinDecider},
	{"OPA", opaDecider},
}

// looked is when the gate has looked at the call. It reads the clock once for all that it
// does, and no other engine reads it.
var looked = time.Date(2026, time.November, 26, 12, 0, 0, 0, time.UTC)

func decideTable(by asker) table {
	t := table{
		title: "admin or owner, asked by " + by.name,
		base:  "sallyport",
	}
	for _, engine := range engines {
		decide := engine.made(by)
		t.rows = append(t.rows, row{name: engine.name, op: func() error {
			return answered(decide, by.allowed)
		}})
	}
	return t
}

// answered asks, and wants an answer.
func answered(decide decider, want bool) error {
	allowed, err := decide(context.Background(), deletion)
	if err != nil {
		return err
	}
	if allowed != want {
		return errWrong
	}
	return nil
}

func sallyportDecider(by asker) decider {
	return registryDecider(accountRegistry(by.principal()), deleteUser, by.principal())
}

// anewDecider makes the principal of every question.
func anewDecider(by asker) decider {
	decide := must(action.Unguarded(unguarded.Give()).Decide(accountRegistry(by.principal()), deleteUser, looked))
	return func(ctx context.Context, request *demov1.DeleteUserRequest) (bool, error) {
		return decide(ctx, by.principal(), request)
	}
}

// registryDecider is the part of an action's gate that looks at the grants.
func registryDecider(registry *action.Registry, procedure string, principal *authn.Principal) decider {
	decide := must(action.Unguarded(unguarded.Give()).Decide(registry, procedure, looked))
	return func(ctx context.Context, request *demov1.DeleteUserRequest) (bool, error) {
		return decide(ctx, principal, request)
	}
}

func handDecider(by asker) decider {
	return func(_ context.Context, request *demov1.DeleteUserRequest) (bool, error) {
		return slices.Contains(by.roles, "admin") || by.id == request.GetUserId(), nil
	}
}

// actionsTable asks registries of different sizes.
func actionsTable() table {
	t := table{
		title: "admin or owner, asked by the owner, with so many actions registered",
	}
	for _, n := range []int{10, 100, 1_000, 10_000} {
		made := many.New(n)
		registry := newRegistry(nil)
		must(0, made.Register(registry))
		procedure, request := made.Last(owner)
		decide := must(action.Unguarded(unguarded.Give()).Decide(registry, procedure, looked))
		principal := byOwner.principal()
		t.rows = append(t.rows, row{name: strconv.Itoa(n), op: func() error {
			return allowedBy(decide, principal, request)
		}})
	}
	return t
}

// rolesTable asks for principals with many roles, of which the last one counts.
func rolesTable() table {
	const most = 1_000
	t := table{
		title: "any of 1,000 roles that the catalogue knows, with so many roles held",
	}
	roles := many.NewRoles(most)
	registry := newRegistry(nil)
	must(0, roles.Register(registry))
	procedure, request := roles.Last(owner)
	decide := must(action.Unguarded(unguarded.Give()).Decide(registry, procedure, looked))
	for _, n := range []int{1, 10, 100, most} {
		principal := authn.NewPrincipal("u", authn.Details{Unscoped: true, Roles: roles.Names[most-n:]})
		t.rows = append(t.rows, row{name: strconv.Itoa(n), op: func() error {
			return allowedBy(decide, principal, request)
		}})
	}
	return t
}

func allowedBy(
	decide func(context.Context, *authn.Principal, proto.Message) (bool, error), principal *authn.Principal, request proto.Message,
) error {
	allowed, err := decide(context.Background(), principal, request)
	if err == nil && !allowed {
		return errWrong
	}
	return err
}
