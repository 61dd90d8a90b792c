package docs

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
)

var (
	walkHeading = regexp.MustCompile(`(?m)^### (.+): (\d+) files, at most (\d+) lines$`)
	walkStep    = regexp.MustCompile("(?m)^\\d+\\. `([^`]+)`")
)

// TestWalks holds the walks of CONTRIBUTING.md to the code: each file of a walk is
// there, and a walk is as long as it says and no longer.
func TestWalks(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../CONTRIBUTING.md")
	if err != nil {
		t.Fatal(err)
	}
	headings := walkHeading.FindAllSubmatchIndex(text, -1)
	if len(headings) != 3 {
		t.Fatalf("CONTRIBUTING.md has %d walks, want 3", len(headings))
	}
	for i, heading := range headings {
		end := len(text)
		if i+1 < len(headings) {
			end = headings[i+1][0]
		} else if next := bytes.Index(text[heading[1]:], []byte("\n## ")); next >= 0 {
			end = heading[1] + next
		}
		name := string(text[heading[2]:heading[3]])
		files, most := number(t, text[heading[4]:heading[5]]), number(t, text[heading[6]:heading[7]])
		steps := walkStep.FindAllSubmatch(text[heading[1]:end], -1)
		lines := 0
		for _, step := range steps {
			source, err := os.ReadFile(filepath.Join("..", string(step[1])))
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			lines += bytes.Count(source, []byte("\n"))
		}
		t.Logf("%s: %d files, %d lines", name, len(steps), lines)
		if len(steps) != files || lines > most {
			t.Errorf("%s: %d files with %d lines; the heading says %d and at most %d", name, len(steps), lines, files, most)
		}
	}
}

func number(t *testing.T, text []byte) int {
	t.Helper()
	number, err := strconv.Atoi(string(text))
	if err != nil {
		t.Fatal(err)
	}
	return number
}
