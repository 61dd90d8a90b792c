package actiontest_test

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"testing"

	"github.com/sallyport-rpc/sallyport/action/actiontest"
	"github.com/sallyport-rpc/sallyport/action/event"
	"github.com/sallyport-rpc/sallyport/authn"
	testv1 "github.com/sallyport-rpc/sallyport/gen/test/v1"
)

func TestNewCall(t *testing.T) {
	t.Parallel()
	principal := authn.NewPrincipal("alice", authn.Details{Unscoped: true, Roles: []string{"owner"}, Scheme: "session"})
	message := &testv1.Request{Owner: "alice"}
	call := actiontest.NewCall(t, principal, message)
	if call.Message() != message {
		t.Errorf("the message is %v", call.Message())
	}
	if got := call.Principal(); got.ID() != "alice" || got.Scheme() != "session" || !slices.Equal(got.Roles(), []string{"owner"}) {
		t.Errorf("the principal is %v", got)
	}
	if got := call.Decision(); got.Outcome != event.Allow || got.Stage != event.StageHandle || got.PrincipalID != "alice" {
		t.Errorf("the decision is %+v", got)
	}
}

func TestNewAnonymousCall(t *testing.T) {
	t.Parallel()
	message := &testv1.Request{Owner: "alice"}
	call := actiontest.NewAnonymousCall(t, message)
	if call.Message() != message {
		t.Errorf("the message is %v", call.Message())
	}
	if got := call.Decision(); got.Outcome != event.Allow || got.PrincipalID != "" {
		t.Errorf("the decision is %+v", got)
	}
}

// failing is a test that ends where it fails.
type failing struct {
	testing.TB

	told string
}

func (*failing) Helper() {}

func (f *failing) Fatal(arguments ...any) {
	f.told = arguments[0].(string)
	panic(f)
}

func (f *failing) Fatalf(format string, arguments ...any) {
	f.told = fmt.Sprintf(format, arguments...)
	panic(f)
}

func TestNewCallOfNothing(t *testing.T) {
	t.Parallel()
	principal, message := authn.NewPrincipal("alice", authn.Details{Unscoped: true}), &testv1.Request{}
	for name, attempt := range map[string]struct {
		call func(*failing)
		told string
	}{
		"no principal": {func(f *failing) { actiontest.NewCall(f, nil, message) }, "actiontest.NewCall needs"},
		"no message":   {func(f *failing) { actiontest.NewCall[testv1.Request](f, principal, nil) }, "actiontest.NewCall needs"},
		"no principal of a client stream": {
			func(f *failing) { actiontest.NewClientStream(f, nil, script()) },
			"actiontest.NewClientStream needs a principal, such as authn.NewPrincipal(\"ann\", authn.Details{Unscoped: true}); for an anonymous action use NewAnonymousClientStream",
		},
		"no principal of a bidi stream": {
			func(f *failing) { actiontest.NewBidiStream[testv1.Request, testv1.Response](f, nil, script()) },
			"actiontest.NewBidiStream needs a principal",
		},
		"a request that is nil": {
			func(f *failing) { actiontest.NewAnonymousClientStream(f, actiontest.Requests(message, nil)) },
			"actiontest.Requests: request 2 is nil",
		},
		"a request that is no message": {
			func(f *failing) { actiontest.NewAnonymousClientStream(f, actiontest.Requests(new("text"))) },
			"*string is no message",
		},
		"no anonymous message": {func(f *failing) { actiontest.NewAnonymousCall[testv1.Request](f, nil) }, "actiontest.NewAnonymousCall needs"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fails := &failing{}
			defer func() {
				if recovered := recover(); recovered != fails || !strings.Contains(fails.told, attempt.told) {
					t.Errorf("got %v, told %q", recovered, fails.told)
				}
			}()
			attempt.call(fails)
		})
	}
}

// TestOutsideTests builds a program that is no test and runs it.
func TestOutsideTests(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("builds a program")
	}
	program := filepath.Join(t.TempDir(), "outside")
	arguments := []string{"build", "-o", program}
	if info, ok := debug.ReadBuildInfo(); ok && slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"}) {
		arguments = append(arguments, "-race") // what this test is made of is compiled already
	}
	if output, err := exec.CommandContext(t.Context(), "go", append(arguments, "./testdata/outside")...).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
	output, err := exec.CommandContext(t.Context(), program).CombinedOutput()
	if err == nil || !strings.Contains(string(output), "panic: actiontest: this is not a test") {
		t.Errorf("got %v\n%s", err, output)
	}
}
