package actiontest

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"connectrpc.com/connect/v2"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/sallyport-rpc/sallyport/action"
)

// Allowed is what a cell of a [Matrix] expects of a call that is let through. Any
// other code is the one with which it must be denied.
const Allowed connect.Code = 0

// A Caller is one kind of caller: a stranger, a member, an admin.
type Caller struct {
	// Name tells the caller apart. Required, unique.
	Name string
	// Header is what the caller sends to prove who it is. Empty proves nothing.
	Header map[string]string
}

// An Expectation says what one request of an action is answered, for every caller.
type Expectation struct {
	// Procedure is the action.
	Procedure string
	// Case tells apart several requests of one action, such as "own account".
	Case string
	// Request is what is sent. Nil sends an empty message.
	Request proto.Message
	// Want has the code for every caller by name.
	Want map[string]connect.Code
}

// Matrix calls every action of a registry as every caller over every protocol:
// Connect with binary and with JSON bodies, Connect GET where the action has no side
// effects, gRPC, gRPC-Web, and in process. The gates are those of the registry, and
// their answers must be the ones expected; handlers do not run, so what is let
// through changes nothing.
//
// It fails for an action without an expectation, for a caller without one in any of
// them, for an expectation of an action or a caller that there is not, and where there
// is nothing to call. It seals the registry.
func Matrix(t *testing.T, registry *action.Registry, callers []Caller, expectations []Expectation) {
	t.Helper()
	for _, problem := range incomplete(registry, callers, expectations) {
		t.Error(problem)
	}
	if t.Failed() {
		return
	}
	methods, err := action.Unguarded(permit(t)).Rehearsal(registry)
	if err != nil {
		t.Fatal(err)
	}
	specs := map[string]connect.Spec{}
	for _, method := range methods {
		specs[method.Spec.Procedure] = method.Spec
	}
	ways := waysIn(t, methods)
	for _, expectation := range expectations {
		spec := specs[expectation.Procedure]
		for _, caller := range callers {
			for _, way := range ways {
				if !way.serves(spec) {
					continue
				}
				t.Run(fmt.Sprintf("%s/%s/%s/%s", expectation.Procedure, expectation.Case, caller.Name, way.name), func(t *testing.T) {
					t.Parallel()
					err := call(t.Context(), way.client, spec, caller, expectation.Request)
					if got, want := codeOf(err), expectation.Want[caller.Name]; got != want {
						t.Errorf("got %s, want %s: %s", outcome(got), outcome(want), advice(err, want, caller, expectation))
					}
				})
			}
		}
	}
}

// incomplete lists what is missing from a matrix, and what is too much.
func incomplete(registry *action.Registry, callers []Caller, expectations []Expectation) []string {
	var problems []string
	named := map[string]bool{}
	for _, caller := range callers {
		if caller.Name == "" || named[caller.Name] {
			problems = append(problems, fmt.Sprintf("callers: the name %q is empty or used twice: give each Caller a name of its own", caller.Name))
		}
		named[caller.Name] = true
	}
	if len(callers) == 0 {
		problems = append(problems, "there are no callers: pass at least one, such as actiontest.Caller{Name: \"stranger\"}")
	}
	expected := map[string]bool{}
	for _, action := range registry.Actions() {
		expected[action.Procedure] = false
	}
	if len(expected) == 0 {
		problems = append(problems, "the registry has no actions: register a service before Matrix")
	}
	cases := map[[2]string]bool{}
	for _, expectation := range expectations {
		if _, exists := expected[expectation.Procedure]; !exists {
			problems = append(problems, fmt.Sprintf("surplus: %s is no action of the registry: correct the Procedure, or remove the Expectation", expectation.Procedure))
			continue
		}
		expected[expectation.Procedure] = true
		key := [2]string{expectation.Procedure, expectation.Case}
		if cases[key] {
			problems = append(problems, fmt.Sprintf("surplus: %s has the case %q twice: give each Expectation of an action a Case of its own", expectation.Procedure, expectation.Case))
		}
		cases[key] = true
		for _, caller := range callers {
			if _, ok := expectation.Want[caller.Name]; !ok {
				problems = append(problems, fmt.Sprintf("missing: %s %q expects nothing of caller %q: add Want[%q]", expectation.Procedure, expectation.Case, caller.Name, caller.Name))
			}
		}
		for name := range expectation.Want {
			if !named[name] {
				problems = append(problems, fmt.Sprintf("surplus: %s %q expects something of %q, which is no caller: add a Caller of that name, or remove Want[%q]", expectation.Procedure, expectation.Case, name, name))
			}
		}
	}
	for procedure, ok := range expected {
		if !ok {
			problems = append(problems, "missing: nothing is expected of "+procedure+": add an Expectation of it")
		}
	}
	slices.Sort(problems)
	return problems
}

// advice says what to do about an answer that is not the one expected.
func advice(err error, want connect.Code, caller Caller, expectation Expectation) string {
	switch got := codeOf(err); {
	case got == connect.CodeInvalidArgument:
		return fmt.Sprintf("%v: make the Request of the case %q valid, or expect invalid_argument", err, expectation.Case)
	case got == connect.CodeUnauthenticated && len(caller.Header) == 0:
		return fmt.Sprintf("the caller %q sends no credential: give it a Header, or expect unauthenticated", caller.Name)
	case got == connect.CodeUnauthenticated:
		return fmt.Sprintf("no scheme of the action takes what the caller %q sends: change its Header, or expect unauthenticated", caller.Name)
	case want == connect.CodeInvalidArgument:
		return fmt.Sprintf("the Request of the case %q breaks no rule: change it, or expect %s", expectation.Case, outcome(got))
	default:
		return fmt.Sprintf("change the option of the RPC, or expect %s of %q", outcome(got), caller.Name)
	}
}

// call sends one request and returns the error that it is answered.
func call(ctx context.Context, client *connect.Client, spec connect.Spec, caller Caller, request proto.Message) error {
	method, ok := spec.Schema.(protoreflect.MethodDescriptor)
	if !ok {
		return connect.Errorf(connect.CodeInternal, "%s has no descriptor", spec.Procedure)
	}
	if request == nil {
		request = dynamicpb.NewMessage(method.Input())
	}
	ctx, info := connect.NewClientContext(ctx)
	for name, value := range caller.Header {
		info.RequestHeader().Set(name, value)
	}
	_, err := exchange(ctx, client, spec, []proto.Message{request}, 0)
	return err
}

func codeOf(err error) connect.Code {
	if err == nil {
		return Allowed
	}
	return connect.CodeOf(err)
}

func outcome(code connect.Code) string {
	if code == Allowed {
		return "allowed"
	}
	return code.String()
}
