package actiontest_test

import (
	"bytes"
	"context"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"connectrpc.com/connect/v2"
	"google.golang.org/protobuf/proto"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/action/actiontest"
	"github.com/sallyport-rpc/sallyport/action/event"
	"github.com/sallyport-rpc/sallyport/authn"
	testv1 "github.com/sallyport-rpc/sallyport/gen/test/v1"
	"github.com/sallyport-rpc/sallyport/gen/test/v1/testv1action"
	"github.com/sallyport-rpc/sallyport/gen/test/v1/testv1client"
)

const (
	u = connect.CodeUnauthenticated
	p = connect.CodePermissionDenied
	i = connect.CodeInvalidArgument
	n = connect.CodeNotFound
	a = actiontest.Allowed
)

// A counter counts the decisions on each procedure.
type counter struct {
	mu     sync.Mutex
	counts map[string]int
}

func (*counter) Enabled(_ context.Context, kind event.Kind, _ event.Outcome) bool {
	return kind != event.Ended
}

func (c *counter) Record(_ context.Context, event *event.Event) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.counts[event.Procedure]++
	return nil
}

// unhandled has handlers that panic, all of them, and a check that holds.
type unhandled struct {
	testv1action.UnaryServiceHandler
	testv1action.StreamServiceHandler
}

func (unhandled) CheckedIsOpen(context.Context, *authn.Principal, *testv1.Request) (bool, error) {
	return true, nil
}

// newRegistry returns a registry whose handlers would all panic, with a counter of
// what is decided in it.
func newRegistry(t *testing.T) (*action.Registry, *counter) {
	t.Helper()
	decisions := &counter{counts: map[string]int{}}
	principals := map[string]*authn.Principal{
		"viewer": authn.NewPrincipal("vic", authn.Details{Unscoped: true, Roles: []string{"viewer"}}),
		"owner": authn.NewPrincipal("ada", authn.Details{
			Unscoped: true,
			Roles:    []string{"owner"}, Scopes: []string{"items.read", "items.write"},
			AuthenticatedAt: time.Now(),
		}),
	}
	registry, err := action.NewRegistry(authn.Schemes{
		"session": actiontest.NewTokens("session", principals), "bearer": actiontest.NewTokens("bearer", principals),
	}, action.WithRecorder(decisions))
	if err != nil {
		t.Fatal(err)
	}
	if err := testv1action.RegisterUnaryService(registry, unhandled{}, unhandled{}); err != nil {
		t.Fatal(err)
	}
	return registry, decisions
}

func callers() []actiontest.Caller {
	return []actiontest.Caller{{Name: "stranger"}, actiontest.Bearer("viewer", "session.viewer"), actiontest.Bearer("owner", "session.owner")}
}

// unary names the procedures of the registry.
func unary(method string) string { return "/" + testv1client.UnaryServiceName + "/" + method }

// expectations are right for every action of the registry.
func expectations() []actiontest.Expectation {
	// ada!, in three tags, is what Costly looks for.
	own := &testv1.Request{Owner: "ada", Tags: []string{"a", "da", "!"}}
	cell := func(method, name string, request proto.Message, stranger, viewer, owner connect.Code) actiontest.Expectation {
		return actiontest.Expectation{
			Procedure: unary(method), Case: name, Request: request,
			Want: map[string]connect.Code{"stranger": stranger, "viewer": viewer, "owner": owner},
		}
	}
	return []actiontest.Expectation{
		cell("Public", "", own, a, a, a),
		cell("Public", "nothing", nil, i, i, i),
		cell("Anyone", "", own, u, a, a),
		cell("Either", "", own, u, a, a),
		cell("Scoped", "", own, u, a, a),
		cell("Fresh", "", own, u, u, a),
		cell("Role", "", own, u, a, a),
		cell("AnyRole", "", own, u, p, a),
		cell("Scopes", "", own, u, p, a),
		cell("Own", "own", own, u, p, a),
		cell("Own", "another's", &testv1.Request{Owner: "eve"}, u, p, p),
		cell("Every", "", own, u, p, a),
		cell("Several", "", own, u, p, a),
		cell("Undecided", "", own, u, p, a),
		cell("Costly", "", own, u, p, a),
		cell("Checked", "", own, u, a, a),
		cell("Concealed", "", own, u, n, a),
		cell("Read", "", own, u, a, a),
	}
}

// of finds the expectations of a method.
func of(expectations []actiontest.Expectation, method string) *actiontest.Expectation {
	at := slices.IndexFunc(expectations, func(e actiontest.Expectation) bool { return e.Procedure == unary(method) })
	return &expectations[at]
}

// TestMatrix has a matrix that holds. Every cell was asked in every way.
func TestMatrix(t *testing.T) {
	t.Parallel()
	registry, decisions := newRegistry(t)
	t.Cleanup(func() { // once all cells have been asked for
		const ways, kinds = 5, 3 // connect, connect-json, grpc, grpc-web, in-process
		want := map[string]int{}
		for _, expectation := range expectations() {
			want[expectation.Procedure] += ways * kinds
		}
		want[unary("Read")] += kinds // by GET as well
		if !maps.Equal(decisions.counts, want) {
			t.Errorf("decisions by procedure are %v, want %v", decisions.counts, want)
		}
	})
	actiontest.Matrix(t, registry, callers(), expectations())
}

// TestMatrixOfStreams has a matrix of streams of every shape.
func TestMatrixOfStreams(t *testing.T) {
	t.Parallel()
	tokens := actiontest.NewTokens("session", map[string]*authn.Principal{
		"owner":  authn.NewPrincipal("ada", authn.Details{Unscoped: true}),
		"editor": authn.NewPrincipal("ed", authn.Details{Unscoped: true, Roles: []string{"editor"}}),
	})
	registry, err := action.NewRegistry(authn.Schemes{"session": tokens})
	if err != nil {
		t.Fatal(err)
	}
	if err := testv1action.RegisterStreamService(registry, struct {
		testv1action.StreamServiceHandler
	}{}); err != nil {
		t.Fatal(err)
	}
	who := []actiontest.Caller{{Name: "stranger"}, tokens.Caller("owner", "owner"), tokens.Caller("editor", "editor"), tokens.Caller("forger", "x")}
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

// A matrix is what can be broken of one.
type matrix struct {
	registry     *action.Registry
	callers      []actiontest.Caller
	expectations []actiontest.Expectation
}

// failures are matrices that must fail, with what they must say.
var failures = map[string]struct {
	breaks func(*matrix)
	says   string
}{
	"an answer that is not expected": {
		func(m *matrix) { of(m.expectations, "AnyRole").Want["viewer"] = a },
		`got permission_denied, want allowed: change the option of the RPC, or expect permission_denied of "viewer"`,
	},
	"an allow that is not expected": {
		func(m *matrix) { of(m.expectations, "AnyRole").Want["owner"] = p },
		`got allowed, want permission_denied: change the option of the RPC, or expect allowed of "owner"`,
	},
	"another denial than expected": {
		func(m *matrix) { of(m.expectations, "Concealed").Want["viewer"] = p },
		"got not_found, want permission_denied",
	},
	"a request that is not valid": {
		func(m *matrix) { of(m.expectations, "Anyone").Request = nil },
		`owner: must be at least 1 characters: make the Request of the case "" valid, or expect invalid_argument`,
	},
	"a request that is valid": {
		func(m *matrix) {
			at := of(m.expectations, "Anyone")
			at.Want["viewer"] = i
		},
		`got allowed, want invalid_argument: the Request of the case "" breaks no rule: change it, or expect allowed`,
	},
	"a caller without a credential": {
		func(m *matrix) { of(m.expectations, "Anyone").Want["stranger"] = a },
		`got unauthenticated, want allowed: the caller "stranger" sends no credential: give it a Header, or expect unauthenticated`,
	},
	"a caller with a credential of no scheme": {
		func(m *matrix) { m.callers[1] = actiontest.Bearer("viewer", "apikey.viewer") },
		`no scheme of the action takes what the caller "viewer" sends: change its Header, or expect unauthenticated`,
	},
	"an action left out": {
		func(m *matrix) { m.expectations = m.expectations[:len(m.expectations)-1] },
		"missing: nothing is expected of /test.v1.UnaryService/Read: add an Expectation of it",
	},
	"a caller left out": {
		func(m *matrix) { delete(of(m.expectations, "Own").Want, "viewer") },
		`missing: /test.v1.UnaryService/Own "own" expects nothing of caller "viewer": add Want["viewer"]`,
	},
	"an action too many": {
		func(m *matrix) {
			m.expectations = append(m.expectations, actiontest.Expectation{Procedure: unary("Missing")})
		},
		"surplus: /test.v1.UnaryService/Missing is no action of the registry: correct the Procedure, or remove the Expectation",
	},
	"a caller too many": {
		func(m *matrix) { of(m.expectations, "Role").Want["unnamed"] = u },
		`surplus: /test.v1.UnaryService/Role "" expects something of "unnamed", which is no caller: add a Caller of that name, or remove Want["unnamed"]`,
	},
	"a case twice": {
		func(m *matrix) { m.expectations = append(m.expectations, *of(m.expectations, "Own")) },
		`surplus: /test.v1.UnaryService/Own has the case "own" twice: give each Expectation of an action a Case of its own`,
	},
	"no callers": {
		func(m *matrix) {
			m.callers = nil
			for at := range m.expectations {
				m.expectations[at].Want = nil
			}
		},
		"there are no callers",
	},
	"a caller twice": {
		func(m *matrix) { m.callers = append(m.callers, m.callers[0]) },
		`callers: the name "stranger" is empty or used twice: give each Caller a name of its own`,
	},
	"a caller without a name": {
		func(m *matrix) { m.callers[0].Name = "" },
		`callers: the name "" is empty or used twice`,
	},
	"a registry of nothing": {
		func(m *matrix) {
			m.registry, _ = action.NewRegistry(nil)
			m.expectations = nil
		},
		"the registry has no actions: register a service before Matrix",
	},
	"a registry that refused something": {
		func(m *matrix) { _ = testv1action.RegisterStreamService(m.registry, nil) },
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
	matrix := &matrix{registry, callers(), expectations()}
	failure.breaks(matrix)
	actiontest.Matrix(t, matrix.registry, matrix.callers, matrix.expectations)
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
