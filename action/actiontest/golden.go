package actiontest

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/internal/review"
)

// goldenVariable, set to anything, has [Golden] write its files.
const goldenVariable = "SALLYPORT_UPDATE"

// A Page is what a server answers beside its actions, without a gate: one of
// server.Server.Unguarded.
type Page struct {
	// Pattern is what it answers, such as "GET /healthz".
	Pattern string
	// Reason is why it has no gate.
	Reason string
}

// Golden holds a file, such as access.md beside the test, against who may call what by
// the registry's declarations, in Markdown: a change of access shows as a change of the
// file, for a reviewer to see. The pages are those that the server answers without a gate.
//
// Where the file differs the test fails and shows how; with SALLYPORT_UPDATE=1 in the
// environment it writes the file. Golden seals the registry.
func Golden(t *testing.T, registry *action.Registry, path string, pages ...Page) {
	t.Helper()
	declarations, err := action.Unguarded(permit(t)).Declarations(registry)
	if err != nil {
		t.Fatal(err)
	}
	contract := review.Of(declarations)
	for _, page := range pages {
		contract.Pages = append(contract.Pages, review.Page(page))
	}
	slices.SortFunc(contract.Pages, review.Page.Compare)
	var got bytes.Buffer
	if err := contract.WriteMarkdown(&got); err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile(path) //nolint:gosec // the test names it
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	if bytes.Equal(want, got.Bytes()) {
		return
	}
	if os.Getenv(goldenVariable) == "" {
		t.Errorf("who may call what has changed: %s differs from the declarations (-file +declarations). Where that is meant, run the test with %s=1 and commit the file:\n%s",
			path, goldenVariable, differ(string(want), got.String()))
		return
	}
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, got.Bytes(), 0o644)); err != nil { //nolint:gosec // a source is readable by all users
		t.Fatal(err)
	}
	t.Logf("wrote %s", path)
}

// differ lists the lines that one text has and the other has not, each behind a sign.
func differ(file, declarations string) string {
	var text strings.Builder
	old, fresh := strings.Split(file, "\n"), strings.Split(declarations, "\n")
	for _, side := range []struct {
		sign          string
		lines, others []string
	}{{"-", old, fresh}, {"+", fresh, old}} {
		for _, line := range side.lines {
			if !slices.Contains(side.others, line) {
				text.WriteString(side.sign + line + "\n")
			}
		}
	}
	return text.String()
}
