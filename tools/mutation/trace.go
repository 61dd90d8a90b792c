package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// A test is one test function, with the mutants that it reaches.
type test struct {
	name    string
	alone   time.Duration // how long it takes, without the start of the binary
	reaches map[int]bool
}

var testName = regexp.MustCompile(`^(Test|Example|Fuzz)\S*$`)

// trace runs each test by itself, unchanged, and notes what it reaches. It returns the
// tests, the quickest first.
func (s *suite) trace(ctx context.Context, work string, workers int) ([]test, error) {
	began := time.Now()
	listed, err := s.list(ctx)
	if err != nil {
		return nil, fmt.Errorf("list the tests of %s: %w", s.path, err)
	}
	start := time.Since(began)
	var mu sync.Mutex
	var group sync.WaitGroup
	var tests []test
	var failed error
	queue := make(chan string)
	for i := range workers {
		traced := filepath.Join(work, "trace"+strconv.Itoa(i))
		group.Go(func() {
			for name := range queue {
				made, err := s.traceOne(ctx, name, traced, start)
				mu.Lock()
				tests, failed = append(tests, made), errors.Join(failed, err)
				mu.Unlock()
			}
		})
	}
	for _, name := range listed {
		if ctx.Err() != nil {
			break
		}
		queue <- name
	}
	close(queue)
	group.Wait()
	if err := errors.Join(ctx.Err(), failed); err != nil {
		return nil, err
	}
	slices.SortFunc(tests, func(a, b test) int { return int(a.alone - b.alone) })
	return tests, nil
}

// list returns the names of the tests, examples and fuzz targets.
func (s *suite) list(ctx context.Context) ([]string, error) {
	command := s.command(ctx, nil, "-test.list", ".")
	listed, err := command.Output()
	names := strings.Split(string(listed), "\n")
	return slices.DeleteFunc(names, func(name string) bool { return !testName.MatchString(name) || !s.only.MatchString(name) }), err
}

// traceOne runs one test. A test that fails without a mutant may try once more.
func (s *suite) traceOne(ctx context.Context, name, traced string, start time.Duration) (test, error) {
	var output string
	var err error
	for range 2 {
		_ = os.Remove(traced)
		began := time.Now()
		output, err = s.run(ctx, 5*time.Minute, []string{"MUTANT_TRACE=" + traced}, "-test.run", "^"+name+"$")
		if ctx.Err() != nil {
			return test{}, ctx.Err()
		}
		if err != nil {
			continue
		}
		reached, err := os.ReadFile(traced)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return test{}, err
		}
		made := test{name: name, alone: max(0, time.Since(began)-start), reaches: map[int]bool{}}
		for id := range strings.FieldsSeq(string(reached)) {
			if number, err := strconv.Atoi(id); err == nil {
				made.reaches[number] = true
			}
		}
		return made, nil
	}
	return test{}, fmt.Errorf("%s of %s fails without a mutant: %w\n%s", name, s.path, err, output)
}
