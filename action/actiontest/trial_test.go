package actiontest_test

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/action/actiontest"
	"github.com/sallyport-rpc/sallyport/authn"
	testv1 "github.com/sallyport-rpc/sallyport/gen/test/v1"
	"github.com/sallyport-rpc/sallyport/gen/test/v1/testv1client"
)

// trialVariable names the trial that a process of this test makes.
const trialVariable = "ACTIONTEST_TRIAL"

// trials are those that fail, and what they say.
var trials = map[string]struct {
	run  func(t *testing.T)
	told string
}{
	"without a sample": {
		func(t *testing.T) { actiontest.Denials(t, everyAction(t)) },
		`prove-nested: ` + "`request.tags.exists",
	},
	"without a sample, what to do": {
		func(t *testing.T) { actiontest.Allows(t, everyAction(t)) },
		`pass actiontest.WithSample("/test.v1.UnaryService/Costly", …) with a test.v1.Request that grant allow[0] lets in`,
	},
	"a sample of no action": {
		func(t *testing.T) {
			actiontest.Denials(t, everyAction(t), actiontest.WithSample("/test.v1.UnaryService/Ghost", &testv1.Request{}))
		},
		"there is a sample of /test.v1.UnaryService/Ghost, which is no action of the registry",
	},
	"a sample that no grant lets in": {
		func(t *testing.T) {
			actiontest.Denials(t, everyAction(t), actiontest.WithSample(testv1client.UnaryServiceCostlyProcedure, &testv1.Request{Owner: "x"}))
		},
		"no request was found that grant allow[0] lets in",
	},
	"a registry that is sealed": {
		func(t *testing.T) {
			actiontest.Denials(t, func(schemes authn.Schemes) *action.Registry {
				registry := everyAction(t)(schemes)
				_ = registry.Seal()
				return registry
			})
		},
		"the registry is sealed already",
	},
	"no registry": {
		func(t *testing.T) { actiontest.Denials(t, func(authn.Schemes) *action.Registry { return nil }) },
		"the registry was not made by NewRegistry",
	},
	"no action": {
		func(t *testing.T) {
			actiontest.Allows(t, func(schemes authn.Schemes) *action.Registry {
				registry, err := action.NewRegistry(schemes)
				if err != nil {
					t.Error(err)
				}
				return registry
			})
		},
		"the registry has no actions",
	},
	"no function":  {func(t *testing.T) { actiontest.Denials(t, nil) }, "there is no function that makes the registry"},
	"a nil option": {func(t *testing.T) { actiontest.Denials(t, everyAction(t), nil) }, "an option is nil"},
}

// TestTrial is the process that [TestTrialsThatFail] looks at.
func TestTrial(t *testing.T) {
	t.Parallel()
	trial, ok := trials[os.Getenv(trialVariable)]
	if !ok {
		t.Skip("TestTrialsThatFail runs it")
	}
	trial.run(t)
}

// What cannot be tried fails the test and says what to do. Nothing is skipped in silence.
func TestTrialsThatFail(t *testing.T) {
	t.Parallel()
	for name, trial := range trials {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			command := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestTrial$")
			command.Env = append(os.Environ(), trialVariable+"="+name)
			if output, err := command.CombinedOutput(); err == nil || !strings.Contains(string(output), trial.told) {
				t.Errorf("ended with %v, want %q:\n%.2000s", err, trial.told, output)
			}
		})
	}
}
