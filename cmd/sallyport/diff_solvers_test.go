package main

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Solvers compare what is not decided without them, where they are installed, and show
// calls that the gate lets in.
func TestDiffWithSolvers(t *testing.T) {
	counted := func(rule string) string { return strings.Replace(declared, "principal.id == request.id", rule, 1) }
	dir := folderOf(t, map[string]string{
		"old/acme/notes/v1/notes.proto":    counted("principal.id == request.id && size(request.id) > 2"),
		"same/acme/notes/v1/notes.proto":   counted("size(request.id) >= 3 && principal.id == request.id"),
		"looser/acme/notes/v1/notes.proto": counted("principal.id == request.id && size(request.id) > 1"),
	})
	diff := func(old, updated string, more ...string) printed {
		return sallyport(t, append([]string{"diff", filepath.Join(dir, old), filepath.Join(dir, updated)}, more...)...)
	}
	expect := func(t *testing.T, got printed, code int, out, errs string) {
		t.Helper()
		if got.code != code || !strings.Contains(got.out, out) || !strings.Contains(got.errs, errs) || out == "" && got.out != "" {
			t.Errorf("got %d\n%s%s", got.code, got.out, got.errs)
		}
	}
	const both = "--solvers=z3,cvc5"
	expect(t, diff("old", "same"), exitFailed, "[grants-undecided]", "1 change to look at")
	expect(t, diff("old", "same", "--solvers=z4"), exitMisused, "", `there is no solver "z4"`)
	expect(t, diff("old", "same", "--solve-all"), exitMisused, "", "name them by --solvers z3,cvc5")
	t.Run("installed", func(t *testing.T) {
		for _, program := range []string{"z3", "cvc5"} {
			if _, err := exec.LookPath(program); err != nil {
				t.Skipf("%s is not installed", program)
			}
		}
		expect(t, diff("old", "same", both), exitDone, "", "characters above U+2FFFF")
		expect(t, diff("old", "looser", both), exitFailed, "[grants-looser]\n           now let in: principal ", "1 change to look at")
		expect(t, diff("looser", "old", both), exitDone, "[grants-tighter]\n           now kept out: principal ", "")
		expect(t, diff("looser", "old", both, "-o", "json"), exitDone, `"by": [`, "")
		expect(t, diff("old", "same", "--solvers=z3"), exitFailed, "prove-solver-alone", "")
	})
	t.Run("missing", func(t *testing.T) {
		t.Setenv("PATH", t.TempDir())
		expect(t, diff("old", "same", both), exitFailed, "prove-solver-missing", "1 change to look at")
	})
}
