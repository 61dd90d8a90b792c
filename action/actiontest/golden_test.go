package actiontest_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/action/actiontest"
	"github.com/sallyport-rpc/sallyport/authn"
	"github.com/sallyport-rpc/sallyport/gen/test/v1/testv1action"
)

// goldenFile names, in the environment, the file that TestGoldenOf holds.
const goldenFile = "SALLYPORT_TEST_GOLDEN_FILE"

// TestGoldenOf is run by TestGolden in a process of its own, since a test that fails is
// part of what it tests.
func TestGoldenOf(t *testing.T) {
	t.Parallel()
	path := os.Getenv(goldenFile)
	if path == "" {
		t.Skip("TestGolden runs it")
	}
	registry, err := action.NewRegistry(authn.Schemes{"session": actiontest.NewTokens("session", nil), "bearer": actiontest.NewTokens("bearer", nil)})
	if err != nil {
		t.Fatal(err)
	}
	if err := testv1action.RegisterUnaryService(registry, unhandled{}, unhandled{}); err != nil {
		t.Fatal(err)
	}
	actiontest.Golden(t, registry, path, actiontest.Page{Pattern: "GET /healthz", Reason: "probes"}, actiontest.Page{Pattern: "GET /", Reason: "a front page"})
}

// TestGolden fails where the file is missing or differs, writes it where that is asked
// for, and passes where the file is what the declarations say.
func TestGolden(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "of", "access.md")
	run := func(environment ...string) (string, error) {
		command := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestGoldenOf$", "-test.v")
		command.Env = append(os.Environ(), append(environment, goldenFile+"="+path)...)
		output, err := command.CombinedOutput()
		return string(output), err
	}
	if output, err := run(); err == nil || !strings.Contains(output, "SALLYPORT_UPDATE=1") {
		t.Errorf("without a file: %v\n%s", err, output)
	}
	if output, err := run("SALLYPORT_UPDATE=1"); err != nil {
		t.Fatalf("writing it: %v\n%s", err, output)
	}
	written, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"# Who may call what", "## test.v1.UnaryService", "`Checked`", "check `is_open()`", "| `GET /` | a front page |\n| `GET /healthz` | probes |"} {
		if !strings.Contains(string(written), want) {
			t.Errorf("the file lacks %q:\n%s", want, written)
		}
	}
	if output, err := run(); err != nil {
		t.Errorf("with the file: %v\n%s", err, output)
	}
	if err := os.WriteFile(path, []byte(strings.Replace(string(written), "role owner or robot", "role viewer", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	if output, err := run(); err == nil || !strings.Contains(output, "+| `AnyRole` | session | **allow\\[0\\]**: role owner or robot") || !strings.Contains(output, "-| `AnyRole` | session | **allow\\[0\\]**: role viewer") {
		t.Errorf("with another file: %v\n%s", err, output)
	}
}
