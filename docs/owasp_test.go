package docs

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	riskHeading = regexp.MustCompile(`(?m)^## (API\d+): `)
	shownBy     = regexp.MustCompile("`([a-z/]+_test\\.go)` ((?:Test\\w+)(?: and Test\\w+)*)")
	testName    = regexp.MustCompile(`Test\w+`)
)

// TestRisks holds the page about OWASP's list to the code: it has all ten risks, and each
// test that it names is there.
func TestRisks(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("guides/owasp.md")
	if err != nil {
		t.Fatal(err)
	}
	risks := riskHeading.FindAllSubmatchIndex(page, -1)
	if len(risks) != 10 {
		t.Fatalf("the page has %d risks, want 10", len(risks))
	}
	for i, at := range risks {
		end := len(page)
		if i+1 < len(risks) {
			end = risks[i+1][0]
		}
		risk, text := string(page[at[2]:at[3]]), string(page[at[1]:end])
		if !strings.Contains(text, "**Does.**") || !strings.Contains(text, "**Left.**") {
			t.Errorf("%s does not say what is done and what is left", risk)
		}
		shown := shownBy.FindAllStringSubmatch(text, -1)
		if len(shown) == 0 {
			t.Errorf("%s names no test", risk)
		}
		for _, by := range shown {
			source, err := os.ReadFile(filepath.Join("..", by[1]))
			if err != nil {
				t.Errorf("%s: %v", risk, err)
			}
			for _, name := range testName.FindAllString(by[2], -1) {
				if !strings.Contains(string(source), "\nfunc "+name+"(") {
					t.Errorf("%s: %s has no %s", risk, by[1], name)
				}
			}
		}
	}
}
