package actiontest_test

import (
	"bytes"
	"context"
	"maps"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"connectrpc.com/connect/v2"
	"google.golang.org/protobuf/proto"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/action/actiontest"
	demov1 "github.com/sallyport-rpc/sallyport/gen/demo/v1"
	"github.com/sallyport-rpc/sallyport/gen/demo/v1/demov1action"
	testv1 "github.com/sallyport-rpc/sallyport/gen/test/v1"
	"github.com/sallyport-rpc/sallyport/gen/test/v1/testv1action"
)

const (
	u = connect.CodeUnauthenticated
	p = connect.CodePermissionDenied
	i = connect.CodeInvalidArgument
	a = actiontest.Allowed
)

// A tally counts the decisions on each procedure.
type tally struct {
	mu     sync.Mutex
	counts map[string]int
}

func (*tally) Enabled(context.Context, action.Outcome) bool { return true }

func (c *tally) Record(_ context.Context, decision action.Decision) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.counts[decision.Procedure]++
}

// newRegistry returns a registry whose handlers would all panic, with a tally of
// what is decided in it.
func newRegistry(t *testing.T) (*action.Registry, *tally) {
	t.Helper()
	tally := &tally{counts: map[string]int{}}
	tokens := actiontest.Tokens{
		"member": action.NewPrincipal("11111111-1111-4111-8111-111111111111", action.Claims{Roles: []string{demov1action.RoleMember}}),
		"admin":  action.NewPrincipal("22222222-2222-4222-8222-222222222222", action.Claims{Roles: []string{demov1action.RoleAdmin}}),
	}
	registry, err := action.NewRegistry(action.Schemes{"session": tokens}, action.WithRecorder(tally))
	if err != nil {
		t.Fatal(err)
	}
	if err := demov1action.RegisterAccountService(registry, struct {
		demov1action.AccountServiceHandler
	}{}); err != nil {
		t.Fatal(err)
	}
	return registry, tally
}

func callers() []actiontest.Caller {
	return []actiontest.Caller{{Name: "stranger"}, actiontest.Bearer("member", "member"), actiontest.Bearer("admin", "admin")}
}

// expectations are right for every action of the demo.
func expectations() []actiontest.Expectation {
	want := func(stranger, member, admin connect.Code) map[string]connect.Code {
		return map[string]connect.Code{"stranger": stranger, "member": member, "admin": admin}
	}
	own, other := "11111111-1111-4111-8111-111111111111", "33333333-3333-4333-8333-333333333333"
	profile := func(id string) proto.Message {
		return &demov1.UpdateProfileRequest{UserId: id, Name: "Ada", Email: "ada@example.com"}
	}
	signUp := &demov1.SignUpRequest{Name: "Ada", Email: "ada@example.com", Password: "correct horse battery staple"}
	return []actiontest.Expectation{
		{Procedure: demov1action.AccountServiceSignUpProcedure, Request: signUp, Want: want(a, a, a)},
		{Procedure: demov1action.AccountServiceSignUpProcedure, Case: "nothing", Want: want(i, i, i)},
		{Procedure: demov1action.AccountServiceSignInProcedure, Case: "nothing", Want: want(i, i, i)},
		{Procedure: demov1action.AccountServiceSignOutProcedure, Want: want(u, a, a)},
		{Procedure: demov1action.AccountServiceGetUserProcedure, Case: "own", Request: &demov1.GetUserRequest{UserId: own}, Want: want(u, a, a)},
		{Procedure: demov1action.AccountServiceGetUserProcedure, Case: "other", Request: &demov1.GetUserRequest{UserId: other}, Want: want(u, p, a)},
		{Procedure: demov1action.AccountServiceUpdateProfileProcedure, Case: "own", Request: profile(own), Want: want(u, a, p)},
		{Procedure: demov1action.AccountServiceDeleteUserProcedure, Case: "other", Request: &demov1.DeleteUserRequest{UserId: other}, Want: want(u, p, a)},
		{Procedure: demov1action.AccountServiceListUsersProcedure, Want: want(u, p, a)},
		{Procedure: demov1action.AccountServiceGrantRoleProcedure, Request: &demov1.GrantRoleRequest{UserId: other, Role: demov1action.RoleAdmin}, Want: want(u, p, a)},
	}
}

// TestMatrix has a matrix that holds. Every cell was asked in every way.
func TestMatrix(t *testing.T) {
	t.Parallel()
	registry, tally := newRegistry(t)
	t.Cleanup(func() { // once all cells have been asked for
		const ways, kinds = 5, 3 // connect, connect-json, grpc, grpc-web, in-process
		want := map[string]int{}
		for _, expectation := range expectations() {
			want[expectation.Procedure] += ways * kinds
		}
		want[demov1action.AccountServiceListUsersProcedure] += kinds // by GET as well
		if !maps.Equal(tally.counts, want) {
			t.Errorf("decisions by procedure are %v, want %v", tally.counts, want)
		}
	})
	actiontest.Matrix(t, registry, callers(), expectations())
}

// TestMatrixOfStreams has a matrix of streams of every shape.
func TestMatrixOfStreams(t *testing.T) {
	t.Parallel()
	tokens := actiontest.Tokens{
		"owner":  action.NewPrincipal("ada", action.Claims{}),
		"editor": action.NewPrincipal("ed", action.Claims{Roles: []string{"editor"}}),
	}
	registry, err := action.NewRegistry(action.Schemes{"session": tokens})
	if err != nil {
		t.Fatal(err)
	}
	if err := testv1action.RegisterStreamService(registry, struct {
		testv1action.StreamServiceHandler
	}{}); err != nil {
		t.Fatal(err)
	}
	who := []actiontest.Caller{{Name: "stranger"}, actiontest.Bearer("owner", "owner"), actiontest.Bearer("editor", "editor"), actiontest.Bearer("forger", "x")}
	var cells []actiontest.Expectation
	for _, described := range registry.Actions() {
		want := map[string]connect.Code{"stranger": u, "owner": a, "editor": p, "forger": u}
		switch {
		case len(described.Schemes) == 0:
			want = map[string]connect.Code{"stranger": a, "owner": a, "editor": a, "forger": a}
		case strings.HasSuffix(described.Procedure, "Open"):
			want["owner"], want["editor"] = p, a
		}
		cells = append(cells, actiontest.Expectation{Procedure: described.Procedure, Request: &testv1.Request{Owner: "ada"}, Want: want})
	}
	actiontest.Matrix(t, registry, who, cells)
}

// failures are matrices that must fail, with what they must say.
var failures = map[string]struct {
	breaks func(registry **action.Registry, callers *[]actiontest.Caller, expectations *[]actiontest.Expectation)
	says   string
}{
	"an answer that is not expected": {
		func(_ **action.Registry, _ *[]actiontest.Caller, e *[]actiontest.Expectation) {
			(*e)[8].Want["member"] = a
		},
		"got permission_denied, want allowed",
	},
	"an allow that is not expected": {
		func(_ **action.Registry, _ *[]actiontest.Caller, e *[]actiontest.Expectation) {
			(*e)[8].Want["admin"] = p
		},
		"got allowed, want permission_denied",
	},
	"an action left out": {
		func(_ **action.Registry, _ *[]actiontest.Caller, e *[]actiontest.Expectation) { *e = (*e)[1:9] },
		"missing: nothing is expected of /demo.v1.AccountService/GrantRole",
	},
	"a caller left out": {
		func(_ **action.Registry, _ *[]actiontest.Caller, e *[]actiontest.Expectation) {
			delete((*e)[3].Want, "member")
		},
		`missing: /demo.v1.AccountService/SignOut "" expects nothing of caller "member"`,
	},
	"an action too many": {
		func(_ **action.Registry, _ *[]actiontest.Caller, e *[]actiontest.Expectation) {
			*e = append(*e, actiontest.Expectation{Procedure: "/demo.v1.AccountService/Haunt"})
		},
		"surplus: /demo.v1.AccountService/Haunt is no action of the registry",
	},
	"a caller too many": {
		func(_ **action.Registry, _ *[]actiontest.Caller, e *[]actiontest.Expectation) {
			(*e)[3].Want["ghost"] = u
		},
		`surplus: /demo.v1.AccountService/SignOut "" expects something of "ghost", who is no caller`,
	},
	"a case twice": {
		func(_ **action.Registry, _ *[]actiontest.Caller, e *[]actiontest.Expectation) {
			*e = append(*e, (*e)[4])
		},
		`surplus: /demo.v1.AccountService/GetUser has the case "own" twice`,
	},
	"no callers": {
		func(_ **action.Registry, c *[]actiontest.Caller, e *[]actiontest.Expectation) {
			*c = nil
			for i := range *e {
				(*e)[i].Want = nil
			}
		},
		"there are no callers",
	},
	"a caller twice": {
		func(_ **action.Registry, c *[]actiontest.Caller, _ *[]actiontest.Expectation) {
			*c = append(*c, (*c)[0])
		},
		`callers need different names; "stranger" is not`,
	},
	"a caller without a name": {
		func(_ **action.Registry, c *[]actiontest.Caller, _ *[]actiontest.Expectation) { (*c)[0].Name = "" },
		`callers need different names; "" is not`,
	},
	"a registry of nothing": {
		func(r **action.Registry, _ *[]actiontest.Caller, e *[]actiontest.Expectation) {
			*r, _ = action.NewRegistry(nil)
			*e = nil
		},
		"there are no actions",
	},
	"a registry that refused something": {
		func(r **action.Registry, _ *[]actiontest.Caller, _ *[]actiontest.Expectation) {
			_ = demov1action.RegisterAccountService(*r, nil)
		},
		"[implementation-nil]",
	},
}

// broken names the matrix that TestBrokenMatrix runs.
const broken = "ACTIONTEST_BROKEN_MATRIX"

// TestBrokenMatrix is run by TestMatrixFails, in a process of its own.
func TestBrokenMatrix(t *testing.T) {
	failure, ok := failures[os.Getenv(broken)]
	if !ok {
		t.Skip("run by TestMatrixFails")
	}
	registry, _ := newRegistry(t)
	callers, expectations := callers(), expectations()
	failure.breaks(&registry, &callers, &expectations)
	actiontest.Matrix(t, registry, callers, expectations)
}

func TestMatrixFails(t *testing.T) {
	t.Parallel()
	for name, failure := range failures {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			command := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestBrokenMatrix$", "-test.v")
			command.Env = append(os.Environ(), broken+"="+name)
			var output bytes.Buffer
			command.Stdout, command.Stderr = &output, &output
			if err := command.Run(); err == nil {
				t.Errorf("the matrix holds:\n%s", output.String())
			}
			if !strings.Contains(output.String(), failure.says) || strings.Contains(output.String(), "panic:") {
				t.Errorf("it does not say %q:\n%s", failure.says, output.String())
			}
		})
	}
}
