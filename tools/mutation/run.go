package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// A verdict is what came of a mutant.
type verdict struct {
	Mutant   mutant `json:"mutant"`
	Survived bool   `json:"survived"`
	Reached  bool   `json:"reached"`
}

// patience is how much longer than alone a test may take with a mutant, before it
// counts as stuck, which is a kill.
const patience = 10 * time.Second

// run runs the test binary in its package's folder.
func (t *target) run(ctx context.Context, timeout time.Duration, environment []string, arguments ...string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	command := exec.CommandContext(ctx, t.binary, append(arguments, "-test.timeout", timeout.String())...)
	command.Dir, command.Env = t.folder, append(os.Environ(), environment...)
	var output bytes.Buffer
	command.Stdout, command.Stderr = &output, &output
	command.WaitDelay = time.Second // a test may have started others
	err := command.Run()
	return output.Bytes(), err
}

// A test is one test function, with the mutants that it reaches.
type test struct {
	name    string
	alone   time.Duration
	reaches map[int]bool
}

var testName = regexp.MustCompile(`^(Test|Example|Fuzz)\S*$`)

// trace runs each test by itself, unchanged, and notes what it reaches.
func (t *target) trace(ctx context.Context, work string) ([]test, error) {
	listed, err := t.run(ctx, time.Minute, nil, "-test.list", ".")
	if err != nil {
		return nil, fmt.Errorf("list the tests of %s: %w", t.path, err)
	}
	var tests []test
	for name := range strings.SplitSeq(string(listed), "\n") {
		if !testName.MatchString(name) {
			continue
		}
		traced := filepath.Join(work, "trace")
		_ = os.Remove(traced)
		began := time.Now()
		output, err := t.run(ctx, 5*time.Minute, []string{"MUTANT_TRACE=" + traced}, "-test.run", "^"+name+"$")
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if err != nil {
			return nil, fmt.Errorf("%s of %s fails without a mutant: %w\n%s", name, t.path, err, tail(output))
		}
		reached, err := os.ReadFile(traced)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return nil, err
		}
		made := test{name: name, alone: time.Since(began), reaches: map[int]bool{}}
		for id := range strings.FieldsSeq(string(reached)) {
			if number, err := strconv.Atoi(id); err == nil {
				made.reaches[number] = true
			}
		}
		tests = append(tests, made)
	}
	slices.SortFunc(tests, func(a, b test) int { return int(a.alone - b.alone) })
	return tests, nil
}

// judge runs the tests that reach a mutant, until one fails.
func (t *target) judge(ctx context.Context, tests []test, m mutant) (verdict, error) {
	var names []string
	var alone time.Duration
	for _, test := range tests {
		if test.reaches[m.ID] {
			names, alone = append(names, test.name), alone+test.alone
		}
	}
	found := verdict{Mutant: m, Survived: true, Reached: len(names) > 0}
	if len(names) == 0 {
		return found, nil
	}
	_, err := t.run(ctx, 4*alone+patience, []string{"MUTANT=" + strconv.Itoa(m.ID)},
		"-test.failfast", "-test.run", "^("+strings.Join(names, "|")+")$")
	if ctx.Err() != nil {
		return verdict{}, ctx.Err()
	}
	found.Survived = err == nil
	return found, nil
}

// judgeAll judges all mutants of a package, but for those that a former run has judged,
// and keeps what it finds. It stops early when ctx ends.
func (t *target) judgeAll(ctx context.Context, work, kept string, workers int) ([]verdict, error) {
	name := filepath.Join(kept, strings.ReplaceAll(t.path, "/", "_")+"-"+t.digest+".jsonl")
	verdicts, err := recall(name)
	if err != nil {
		return nil, err
	}
	known := map[string]bool{}
	for _, verdict := range verdicts {
		known[verdict.Mutant.key()+strconv.Itoa(verdict.Mutant.ID)] = true
	}
	t.only(func(m mutant) bool { return !known[m.key()+strconv.Itoa(m.ID)] })
	if len(t.mutants) == 0 {
		return verdicts, nil
	}
	tests, err := t.trace(ctx, work)
	if err != nil {
		return verdicts, err
	}
	file, err := os.OpenFile(name, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	var mu sync.Mutex
	var group sync.WaitGroup
	queue := make(chan mutant)
	for range workers {
		group.Go(func() {
			for m := range queue {
				found, judgeErr := t.judge(ctx, tests, m)
				mu.Lock()
				if judgeErr != nil {
					err = judgeErr
				} else {
					verdicts = append(verdicts, found)
					line, _ := json.Marshal(found)
					_, _ = file.Write(append(line, '\n'))
				}
				mu.Unlock()
			}
		})
	}
	for _, m := range t.mutants {
		if ctx.Err() != nil {
			break
		}
		queue <- m
	}
	close(queue)
	group.Wait()
	return verdicts, errors.Join(err, ctx.Err())
}

// recall reads what former runs have kept.
func recall(name string) ([]verdict, error) {
	file, err := os.Open(name)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer file.Close()
	var verdicts []verdict
	scanner := bufio.NewScanner(file)
	for scanner.Scan() {
		var read verdict
		if json.Unmarshal(scanner.Bytes(), &read) == nil { // the last line may be cut
			verdicts = append(verdicts, read)
		}
	}
	return verdicts, scanner.Err()
}

func tail(output []byte) []byte { return output[max(0, len(output)-2000):] }
