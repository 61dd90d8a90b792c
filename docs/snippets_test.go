// Package docs holds the documents. Its tests keep their code true.
package docs

import (
	"bufio"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// root is the repository.
const root = ".."

// followed are the pages whose blocks `make newcomer` writes and runs.
var followed = []string{"docs/tutorial.md", "docs/guides/tenants.md"}

// A block is one fenced block of a page.
type block struct {
	page     string
	line     int
	language string
	from     string // the file that it is taken from
	lines    []string
}

func (b block) String() string { return fmt.Sprintf("%s:%d", b.page, b.line) }

// TestCode compares every block of Go, protobuf and YAML on every page with the file
// that its info string names (```go from=path/of/file.go). The file is compiled or
// run by other tests. The lines of a block stand in the file in the same order, one
// after the other; a line "…" or "// …" skips some.
func TestCode(t *testing.T) {
	t.Parallel()
	for _, page := range pages(t) {
		for _, block := range blocks(t, page) {
			switch {
			case slices.Contains(followed, page):
			case block.from != "":
				if err := compare(block); err != nil {
					t.Errorf("%s: %v", block, err)
				}
			case slices.Contains([]string{"go", "proto", "yaml"}, block.language):
				t.Errorf("%s: a block of %s says from=FILE, so that it can be compared with code that is tested", block, block.language)
			}
		}
	}
}

// compare holds a block against its file.
func compare(block block) error {
	content, err := os.ReadFile(filepath.Join(root, block.from))
	if err != nil {
		return err
	}
	rest := significant(strings.Split(string(content), "\n"))
	for _, part := range parts(block.lines) {
		at := find(rest, part)
		if at < 0 {
			return fmt.Errorf("%s does not have these lines:\n%s", block.from, strings.Join(part, "\n"))
		}
		rest = rest[at+len(part):]
	}
	return nil
}

// parts splits a block where it leaves lines out.
func parts(lines []string) [][]string {
	var all [][]string
	var part []string
	for _, line := range append(significant(lines), "…") {
		if strings.TrimLeft(line, "/# ") != "…" {
			part = append(part, line)
			continue
		}
		if len(part) > 0 {
			all = append(all, part)
		}
		part = nil
	}
	return all
}

// significant returns lines without indentation and without empty ones.
func significant(lines []string) []string {
	var kept []string
	for _, line := range lines {
		if line = strings.TrimSpace(line); line != "" {
			kept = append(kept, line)
		}
	}
	return kept
}

// find returns where part begins in lines, or -1.
func find(lines, part []string) int {
	for at := 0; at+len(part) <= len(lines); at++ {
		if slices.Equal(lines[at:at+len(part)], part) {
			return at
		}
	}
	return -1
}

// code is a block of code, in which brackets are no links.
var code = regexp.MustCompile("(?ms)^```.*?^```$")

var link = regexp.MustCompile(`\]\(([^)#\s]+)(#[^)\s]*)?\)`)

// TestLinks follows every link to a file of the repository.
func TestLinks(t *testing.T) {
	t.Parallel()
	for _, page := range pages(t) {
		content, err := os.ReadFile(filepath.Join(root, page))
		if err != nil {
			t.Fatal(err)
		}
		for _, match := range link.FindAllStringSubmatch(code.ReplaceAllString(string(content), ""), -1) {
			if strings.Contains(match[1], ":") {
				continue // another site
			}
			target := filepath.Join(root, filepath.Dir(page), match[1])
			if _, err := os.Stat(target); err != nil {
				t.Errorf("%s links to %s, which is not there", page, match[1])
			}
		}
	}
}

// TestSources looks for a guide that does not link to the Go files that its code is from,
// where a reader finds the imports and what surrounds the code.
func TestSources(t *testing.T) {
	t.Parallel()
	for _, page := range pages(t) {
		content, err := os.ReadFile(filepath.Join(root, page))
		if err != nil {
			t.Fatal(err)
		}
		for _, block := range blocks(t, page) {
			if filepath.Dir(page) == "docs/guides" && !slices.Contains(followed, page) && block.language == "go" && !strings.Contains(string(content), "](../../"+block.from+")") {
				t.Errorf("%s: the page does not link to %s", block, block.from)
			}
		}
	}
}

// TestIndex looks for a guide that the list of guides leaves out.
func TestIndex(t *testing.T) {
	t.Parallel()
	const list = "docs/guides/README.md"
	content, err := os.ReadFile(filepath.Join(root, list))
	if err != nil {
		t.Fatal(err)
	}
	for _, page := range pages(t) {
		if filepath.Dir(page) == filepath.Dir(list) && page != list && !strings.Contains(string(content), "("+filepath.Base(page)+")") {
			t.Errorf("%s does not list %s", list, page)
		}
	}
}

// pages returns the paths of all documents, from the root.
func pages(t *testing.T) []string {
	t.Helper()
	found, err := fs.Glob(os.DirFS(root), "*.md")
	if err != nil {
		t.Fatal(err)
	}
	err = fs.WalkDir(os.DirFS(root), "docs", func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() && filepath.Ext(path) == ".md" {
			found = append(found, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(found) < 3 {
		t.Fatalf("only %d documents: %v", len(found), found)
	}
	return found
}

// blocks returns the fenced blocks of a page.
func blocks(t *testing.T, page string) []block {
	t.Helper()
	file, err := os.Open(filepath.Join(root, page))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var found []block
	var open *block
	scanner := bufio.NewScanner(file)
	for line := 1; scanner.Scan(); line++ {
		text := scanner.Text()
		info, fence := strings.CutPrefix(strings.TrimSpace(text), "```")
		switch {
		case fence && open == nil:
			open = &block{page: page, line: line}
			words := strings.Fields(info)
			if len(words) > 0 {
				open.language = words[0]
			}
			for _, word := range words {
				if from, ok := strings.CutPrefix(word, "from="); ok {
					open.from = from
				}
			}
		case fence:
			found = append(found, *open)
			open = nil
		case open != nil:
			open.lines = append(open.lines, text)
		}
	}
	if err := scanner.Err(); err != nil {
		t.Fatal(err)
	}
	if open != nil {
		t.Errorf("%s is not closed", open)
	}
	return found
}

// TestPrograms compiles the programs that pages take code from. They are in testdata,
// which `go vet ./...` passes over.
func TestPrograms(t *testing.T) {
	t.Parallel()
	folders, err := filepath.Glob("testdata/*")
	if err != nil {
		t.Fatal(err)
	}
	var programs []string
	for _, folder := range folders {
		if files, _ := filepath.Glob(filepath.Join(folder, "*.go")); len(files) > 0 {
			programs = append(programs, "./"+folder)
		}
	}
	command := exec.CommandContext(t.Context(), "go", append([]string{"vet"}, programs...)...)
	if output, err := command.CombinedOutput(); err != nil || len(programs) == 0 {
		t.Errorf("%d programs: %v\n%s", len(programs), err, output)
	}
}
