package main

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
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

// quick is how long the tests of a first attempt take together: most mutants are killed
// by them, and the others need not run.
const quick = 1500 * time.Millisecond

// run runs the test binary in its package's folder, to the first test that fails. It
// returns the end of what the binary printed.
func (t *target) run(ctx context.Context, timeout time.Duration, environment []string, arguments ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout+time.Second)
	defer cancel()
	command := t.command(ctx, environment, append(arguments, "-test.timeout", timeout.String())...)
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

// command is the test binary with arguments.
func (t *target) command(ctx context.Context, environment []string, arguments ...string) *exec.Cmd {
	command := exec.CommandContext(ctx, t.binary, arguments...)
	command.Dir, command.Env = t.folder, append(os.Environ(), environment...)
	command.WaitDelay = time.Second // a test may have started others
	return command
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
// quick and those that have killed many mutants before it, and then the others.
func (t *target) judge(ctx context.Context, tests []test, m mutant) (verdict, error) {
	found := verdict{Mutant: m, Survived: true}
	reaching := t.promising(tests, m)
	found.Reached = len(reaching) > 0
	few, alone := 0, time.Duration(0)
	for few < len(reaching) && (few == 0 || alone+reaching[few].alone <= quick) {
		alone += reaching[few].alone
		few++
	}
	for _, attempt := range [][]test{reaching[:few], reaching[few:]} {
		if len(attempt) == 0 || !found.Survived {
			break
		}
		names, alone := make([]string, len(attempt)), time.Duration(0)
		for i, test := range attempt {
			names[i], alone = test.name, alone+test.alone
		}
		output, err := t.run(ctx, 4*alone+patience, []string{"MUTANT=" + strconv.Itoa(m.ID)},
			"-test.failfast", "-test.run", "^("+strings.Join(names, "|")+")$")
		if ctx.Err() != nil {
			return verdict{}, ctx.Err()
		}
		found.Survived = err == nil
		found.Stuck = err != nil && !strings.Contains(output, "--- FAIL") && strings.Contains(output, "test timed out")
		if failed := failedTest.FindStringSubmatch(output); failed != nil {
			t.killed(failed[1])
		}
	}
	return found, nil
}

var failedTest = regexp.MustCompile(`(?m)^--- FAIL: (\w+)`)

// killed notes that a test has killed a mutant.
func (t *target) killed(test string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.kills == nil {
		t.kills = map[string]int{}
	}
	t.kills[test]++
}

// promising are the tests that reach a mutant, those first that cost little for the
// mutants that they have killed.
func (t *target) promising(tests []test, m mutant) []test {
	t.mu.Lock()
	defer t.mu.Unlock()
	reaching := slices.DeleteFunc(slices.Clone(tests), func(of test) bool { return !of.reaches[m.ID] })
	slices.SortStableFunc(reaching, func(a, b test) int {
		return cmp.Compare(a.alone/time.Duration(1+t.kills[a.name]), b.alone/time.Duration(1+t.kills[b.name]))
	})
	return reaching
}

// judgeAll judges all mutants of a package, but for those that a former run has judged,
// and keeps what it finds. It stops early when ctx ends.
func (t *target) judgeAll(ctx context.Context, work, kept string, workers int) ([]verdict, error) {
	memory, err := recall(kept, t)
	if err != nil {
		return nil, err
	}
	defer memory.close()
	var left []mutant
	for _, m := range t.mutants {
		if !memory.knows(m) {
			left = append(left, m)
		}
	}
	if len(left) == 0 {
		return memory.verdicts, nil
	}
	tests, err := t.trace(ctx, work, workers)
	if err != nil {
		return memory.verdicts, err
	}
	var mu sync.Mutex
	var group sync.WaitGroup
	var failed error
	queue := make(chan mutant)
	for range workers {
		group.Go(func() {
			for m := range queue {
				found, err := t.judge(ctx, tests, m)
				mu.Lock()
				if err == nil {
					err = memory.note(found)
				}
				failed = errors.Join(failed, err)
				mu.Unlock()
			}
		})
	}
	for i, m := range left {
		if ctx.Err() != nil {
			break
		}
		if i%100 == 0 {
			fmt.Fprintf(os.Stderr, "%s: %d of %d mutants to judge\n", t.path, len(left)-i, len(t.mutants))
		}
		queue <- m
	}
	close(queue)
	group.Wait()
	if ctx.Err() != nil {
		return memory.verdicts, ctx.Err()
	}
	return memory.verdicts, failed
}
