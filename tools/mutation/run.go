package main

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// patience is how much longer than alone tests may take with a mutant, before it counts
// as stuck, which is a kill.
const patience = 5 * time.Second

// A first attempt is of tests that take as long as quick together, and each one after it of
// tests that take slower times as long as those before: most mutants are killed by the
// first few, and the others need not run.
const (
	quick  = 100 * time.Millisecond
	slower = 4
)

// waitDelay is how long a test binary that has ended may leave its output open: a test
// may have started others.
const waitDelay = time.Second

// run runs the test binary in its package's folder, by -test.short, to the first test that fails. It
// returns the end of what the binary printed.
func (s *suite) run(ctx context.Context, timeout time.Duration, environment []string, arguments ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout+time.Second)
	defer cancel()
	command := s.command(ctx, environment, append(arguments, "-test.short", "-test.timeout", timeout.String())...)
	reader, writer := io.Pipe()
	command.Stdout, command.Stderr = writer, writer
	if err := command.Start(); err != nil {
		return "", err
	}
	read := make(chan string)
	go func() { read <- follow(reader, cancel) }()
	err := command.Wait()
	_ = writer.Close()
	return <-read, err
}

// follow reads what a test binary prints, and stops the binary when a test has failed.
// It returns the last lines.
func follow(from io.Reader, stop func()) string {
	const keep = 40
	var lines []string
	scanner := bufio.NewReader(from)
	for {
		line, err := scanner.ReadString('\n')
		lines = append(lines, line)
		if strings.HasPrefix(line, "--- FAIL") {
			stop()
		}
		if err != nil {
			return strings.Join(lines[max(0, len(lines)-keep):], "")
		}
		if len(lines) > 10*keep {
			lines = append([]string(nil), lines[len(lines)-keep:]...)
		}
	}
}

// judge runs the tests that reach a mutant until one fails: first a few, those that are
// quick and those that have killed many mutants before it, and then ever more.
func (s *suite) judge(ctx context.Context, tests []test, m mutant) (verdict, error) {
	found := verdict{Mutant: m, Survived: true}
	reaching := s.promising(tests, m)
	found.Reached = len(reaching) > 0
	for within := quick; found.Survived && len(reaching) > 0; within *= slower {
		var names []string
		alone := time.Duration(0)
		for len(reaching) > 0 && (len(names) == 0 || alone+reaching[0].alone <= within) {
			names, alone = append(names, reaching[0].name), alone+reaching[0].alone
			reaching = reaching[1:]
		}
		output, err := s.run(ctx, 4*alone+patience, []string{"MUTANT=" + strconv.Itoa(m.ID)},
			"-test.failfast", "-test.run", "^("+strings.Join(names, "|")+")$")
		if ctx.Err() != nil {
			return verdict{}, ctx.Err()
		}
		found.Survived = err == nil
		found.Stuck = err != nil && !strings.Contains(output, "--- FAIL") && strings.Contains(output, "test timed out")
		if failed := failedTest.FindStringSubmatch(output); failed != nil {
			s.killed(failed[1])
		}
	}
	return found, nil
}

var failedTest = regexp.MustCompile(`(?m)^--- FAIL: (\w+)`)

// promising are the tests that reach a mutant, those first that cost little for the
// mutants that they have killed.
func (s *suite) promising(tests []test, m mutant) []test {
	s.mu.Lock()
	defer s.mu.Unlock()
	reaching := slices.DeleteFunc(slices.Clone(tests), func(of test) bool { return !of.reaches[m.ID] })
	slices.SortStableFunc(reaching, func(a, b test) int {
		return cmp.Compare(a.alone/time.Duration(1+s.kills[a.name]), b.alone/time.Duration(1+s.kills[b.name]))
	})
	return reaching
}

// judgeAll judges all mutants of a package, but for those that a former run has judged,
// and keeps what it finds. What survives the tests of the package is judged by those of
// the further ones. It stops early when ctx ends.
func (t *target) judgeAll(ctx context.Context, work, kept string, workers int) ([]verdict, error) {
	memory, err := recall(kept, t)
	if err != nil {
		return nil, err
	}
	defer memory.close()
	var left []verdict
	for _, m := range t.mutants {
		if !memory.knows(m) {
			left = append(left, verdict{Mutant: m})
		}
	}
	for i, suite := range t.suites {
		if len(left) == 0 {
			break
		}
		last := i == len(t.suites)-1
		note := func(found verdict) error {
			if found.Survived && !last {
				return nil
			}
			return memory.note(found)
		}
		if left, err = suite.judgeAll(ctx, work, workers, left, note); err != nil {
			break
		}
	}
	return memory.verdicts, err
}

// judgeAll judges mutants that have survived until now by the tests of the suite, and
// returns those that survive them too.
func (s *suite) judgeAll(ctx context.Context, work string, workers int, left []verdict, note func(verdict) error) ([]verdict, error) {
	if err := s.compile(ctx); err != nil {
		return nil, err
	}
	tests, err := s.trace(ctx, work, workers)
	if err != nil {
		return nil, err
	}
	var mu sync.Mutex
	var group sync.WaitGroup
	var failed error
	var survivors []verdict
	queue := make(chan verdict)
	for range workers {
		group.Go(func() {
			for before := range queue {
				found, err := s.judge(ctx, tests, before.Mutant)
				found.Reached = found.Reached || before.Reached
				mu.Lock()
				if err == nil {
					err = note(found)
				}
				if found.Survived {
					survivors = append(survivors, found)
				}
				failed = errors.Join(failed, err)
				mu.Unlock()
			}
		})
	}
	for i, before := range left {
		if ctx.Err() != nil {
			break
		}
		if i%100 == 0 {
			fmt.Fprintf(os.Stderr, "%s: %d mutants to judge\n", s.path, len(left)-i)
		}
		queue <- before
	}
	close(queue)
	group.Wait()
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	return survivors, failed
}
