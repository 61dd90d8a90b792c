package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"sync"
)

// A suite is the tests of a package, compiled with the mutants of a target, which is
// that package or one that it uses.
type suite struct {
	path, folder string
	overlay      string // the file that lists the changed files
	binary       string
	only         *regexp.Regexp // which tests judge

	mu    sync.Mutex
	kills map[string]int // how many mutants each test has killed in this run
}

// compile builds the test binary with the changed files. A package without tests is an
// error: all mutants would survive it.
func (s *suite) compile(ctx context.Context) error {
	command := exec.CommandContext(ctx, "go", "test", "-c", "-vet=off", "-overlay", s.overlay, "-o", s.binary, s.path)
	command.Dir = s.folder
	if output, err := command.CombinedOutput(); ctx.Err() != nil {
		return ctx.Err()
	} else if err != nil {
		return fmt.Errorf("compile the mutants for the tests of %s: %w\n%s", s.path, err, output)
	}
	if _, err := os.Stat(s.binary); err != nil {
		return fmt.Errorf("%s has no tests", s.path)
	}
	return nil
}

// command is the test binary with arguments.
func (s *suite) command(ctx context.Context, environment []string, arguments ...string) *exec.Cmd {
	command := exec.CommandContext(ctx, s.binary, arguments...)
	command.Dir, command.Env = s.folder, append(os.Environ(), environment...)
	command.WaitDelay = waitDelay
	return command
}

// killed notes that a test has killed a mutant.
func (s *suite) killed(test string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.kills == nil {
		s.kills = map[string]int{}
	}
	s.kills[test]++
}
