package main

import (
	"errors"
	"fmt"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
)

var hunk = regexp.MustCompile(`^@@ -\S+ \+(\d+)(?:,(\d+))? @@ ?(.*)`)

// errNoRevision says that the clone does not hold the revision to compare with.
var errNoRevision = errors.New("no such revision in this clone")

// changedSince returns a function that accepts the mutants on lines that changed since
// a revision, and those of the same functions. A shallow clone may not hold the
// revision, which is errNoRevision.
func changedSince(root, revision string) (func(mutant) bool, error) {
	verify := exec.Command("git", "rev-parse", "--verify", "--quiet", revision+"^{commit}")
	verify.Dir = root
	if verify.Run() != nil {
		return nil, errNoRevision
	}
	command := exec.Command("git", "diff", "--unified=0", revision, "--", "*.go")
	command.Dir = root
	output, err := command.Output()
	if err != nil {
		return nil, fmt.Errorf("git diff %s: %w", revision, err)
	}
	type lines struct{ from, to int }
	changed := map[string][]lines{}
	file := ""
	for line := range strings.SplitSeq(string(output), "\n") {
		if name, ok := strings.CutPrefix(line, "+++ b/"); ok {
			file = name
		}
		if match := hunk.FindStringSubmatch(line); match != nil {
			from, _ := strconv.Atoi(match[1])
			count := 1
			if match[2] != "" {
				count, _ = strconv.Atoi(match[2])
			}
			changed[file] = append(changed[file], lines{from, from + max(count, 1) - 1})
		}
	}
	return func(m mutant) bool {
		for _, lines := range changed[m.File] {
			if m.From <= lines.to && m.To >= lines.from {
				return true
			}
		}
		return false
	}, nil
}
