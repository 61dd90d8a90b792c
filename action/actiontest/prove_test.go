package actiontest_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sallyport-rpc/sallyport/action/actiontest"
	"github.com/sallyport-rpc/sallyport/authn"
)

// assertionsVariable names the file that a process of this test proves.
const assertionsVariable = "ACTIONTEST_ASSERTIONS"

// TestProveFile is the process that [TestProve] looks at.
func TestProveFile(t *testing.T) {
	t.Parallel()
	path := os.Getenv(assertionsVariable)
	if path == "" {
		t.Skip("TestProve runs it")
	}
	tokens := func(scheme string) authn.Authenticator { return actiontest.NewTokens(scheme, nil) }
	actiontest.Prove(t, everyAction(t)(authn.Schemes{"session": tokens("session"), "bearer": tokens("bearer")}), path)
}

func TestProve(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ assertion, told string }{
		"proved":            {`procedures: "*/Role" only {any_role: "viewer"}`, ""},
		"refuted":           {`procedures: "*/Role" only {any_role: "owner"}`, `is refuted: this call is let in without it: principal "`},
		"without a call":    {`procedures: "*/Public" authenticated {}`, "is refuted: it is anonymous"},
		"undecided":         {`procedures: "*/Costly" never: "principal.id == 'x'"`, "is undecided: prove-nested"},
		"of no action":      {`procedures: "*/Ghost" authenticated {}`, `no procedure matches "*/Ghost"`},
		"of no role":        {`procedures: "*/Role" only {any_role: "ghost"}`, `there is no role "ghost"`},
		"that says nothing": {`procedures: "*/Role"`, "it says nothing"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "assertions.txtpb")
			if err := os.WriteFile(path, []byte(`assertion {name: "a test" `+test.assertion+`}`), 0o600); err != nil {
				t.Fatal(err)
			}
			command := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestProveFile$")
			command.Env = append(os.Environ(), assertionsVariable+"="+path)
			output, err := command.CombinedOutput()
			if (err == nil) != (test.told == "") || !strings.Contains(string(output), test.told) {
				t.Errorf("ended with %v:\n%s", err, output)
			}
		})
	}
}
