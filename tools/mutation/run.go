package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
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

// judge runs the tests that reach a mutant, the quick ones first, until one fails.
func (t *target) judge(ctx context.Context, tests []test, m mutant) (verdict, error) {
	found := verdict{Mutant: m, Survived: true}
	var names []string
	var alone time.Duration
	attempt := func() error {
		if len(names) == 0 {
			return nil
		}
		output, err := t.run(ctx, 4*alone+patience, []string{"MUTANT=" + strconv.Itoa(m.ID)},
			"-test.failfast", "-test.run", "^("+strings.Join(names, "|")+")$")
		if ctx.Err() != nil {
			return ctx.Err()
		}
		found.Survived = err == nil
		found.Stuck = err != nil && !strings.Contains(output, "--- FAIL") && strings.Contains(output, "test timed out")
		names, alone = nil, 0
		return nil
	}
	first := true
	for _, test := range tests {
		if !test.reaches[m.ID] {
			continue
		}
		found.Reached = true
		if first && len(names) > 0 && alone+test.alone > quick {
			first = false
			if err := attempt(); err != nil {
				return verdict{}, err
			}
			if !found.Survived {
				return found, nil
			}
		}
		names, alone = append(names, test.name), alone+test.alone
	}
	if err := attempt(); err != nil {
		return verdict{}, err
	}
	return found, nil
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
