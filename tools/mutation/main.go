package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"time"

	"golang.org/x/tools/go/packages"
)

// settings are the flags.
type settings struct {
	root, kept, equivalent, since string
	listed                        string
	limit                         time.Duration
	workers                       int
	patterns                      []string
	judges                        map[string][]string
	by, tests, files              string
	only                          *regexp.Regexp // tests, compiled
}

func main() {
	var s settings
	flag.StringVar(&s.root, "dir", "..", "the root of the repository")
	flag.StringVar(&s.kept, "kept", "", "the folder for results; by default bin/mutation in the root")
	flag.StringVar(&s.equivalent, "equivalent", "", "the list of mutants that mean the same; by default tools/mutation/equivalent.txt in the root")
	flag.StringVar(&s.listed, "listed", "", "a further list, of mutants that the judging tests need not find")
	flag.StringVar(&s.since, "since", "", "only mutants in functions that changed since this git revision")
	flag.DurationVar(&s.limit, "limit", 0, "how long it may take; what was not judged by then is reported. 0 is no limit")
	flag.IntVar(&s.workers, "workers", runtime.NumCPU(), "how many mutants are judged at a time")
	flag.StringVar(&s.by, "by", "", "judge by the tests of this package alone, such as action/actiontest")
	flag.StringVar(&s.tests, "tests", "", "judge by tests whose names match this pattern alone")
	flag.StringVar(&s.files, "files", "", "only mutants in files whose names match this pattern")
	flag.Parse()
	s.patterns = flag.Args()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := mutation(ctx, s); err != nil {
		fmt.Fprintln(os.Stderr, "mutation:", err)
		os.Exit(1)
	}
}

// mutation judges the mutants of all packages and reports.
func mutation(ctx context.Context, s settings) error {
	root, err := filepath.Abs(s.root)
	if err != nil {
		return err
	}
	if s.kept == "" {
		s.kept = filepath.Join(root, "bin/mutation")
	}
	if s.equivalent == "" {
		s.equivalent = filepath.Join(root, "tools/mutation/equivalent.txt")
	}
	if err := os.MkdirAll(s.kept, 0o700); err != nil {
		return err
	}
	equivalent, err := readEquivalent(s.equivalent)
	if err != nil {
		return err
	}
	if s.listed != "" {
		further, err := readListed(filepath.Join(root, s.listed))
		if err != nil {
			return err
		}
		maps.Copy(equivalent, further)
		s.equivalent += " or " + s.listed
	}
	if s.judges, err = readJudges(root); err != nil {
		return err
	}
	accept := func(mutant) bool { return true }
	if s.since != "" {
		accept, err = changedSince(root, s.since)
		if errors.Is(err, errNoRevision) {
			fmt.Printf("nothing is looked at: this clone does not hold %s\n", s.since)
			return nil
		}
		if err != nil {
			return err
		}
	}
	files, err := regexp.Compile(s.files)
	if err != nil {
		return err
	}
	changed := accept
	accept = func(m mutant) bool { return files.MatchString(m.File) && changed(m) }
	tests, err := regexp.Compile(s.tests)
	if err != nil {
		return err
	}
	s.only = tests
	end := time.Now().Add(s.limit)
	loaded, err := load(ctx, root, s.patterns)
	if err != nil {
		return err
	}
	report := &report{equivalent: equivalent}
	for i, pkg := range loaded {
		if err := s.within(ctx, end, len(loaded)-i, func(ctx context.Context) error {
			return s.judge(ctx, root, pkg, accept, report)
		}); err != nil {
			return err
		}
	}
	report.print(os.Stdout)
	if report.unlisted > 0 {
		return fmt.Errorf("%d mutants survive that %s does not list: add a test, or a line with the reason why none is needed",
			report.unlisted, s.equivalent)
	}
	return nil
}

// within calls a function within its share of the time that is left, where there is a
// limit: what one package does not need is left to the next ones.
func (s settings) within(ctx context.Context, end time.Time, shares int, do func(context.Context) error) error {
	if s.limit == 0 {
		return do(ctx)
	}
	limited, cancel := context.WithTimeout(ctx, time.Until(end)/time.Duration(shares))
	defer cancel()
	return do(limited)
}

// judge judges the mutants of one package.
func (s settings) judge(ctx context.Context, root string, pkg *packages.Package, accept func(mutant) bool, report *report) error {
	work, err := os.MkdirTemp("", "mutation")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	judges := s.judges[strings.TrimPrefix(pkg.PkgPath, modulePath+"/")]
	target, err := prepare(root, work, pkg, judges, accept)
	if err != nil {
		return err
	}
	if s.by != "" {
		target.suites = slices.DeleteFunc(target.suites, func(of *suite) bool { return of.path != modulePath+"/"+s.by })
	}
	for _, suite := range target.suites {
		suite.only = s.only
	}
	target.only(accept)
	target.only(report.judges) // the others need no test: they survive as the list says
	all := len(target.mutants)
	if all == 0 {
		return nil
	}
	wanted := map[int]bool{}
	for _, m := range target.mutants {
		wanted[m.ID] = true
	}
	verdicts, err := target.judgeAll(ctx, work, s.kept, s.workers)
	if err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	judged := 0
	for _, verdict := range verdicts {
		if wanted[verdict.Mutant.ID] {
			judged++
			report.add(verdict)
		}
	}
	report.late(target.path, all-judged)
	return nil
}
