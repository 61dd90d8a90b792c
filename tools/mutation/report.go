package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
)

// readEquivalent reads the list of mutants that mean the same as the code: file,
// function, kind, text and reason, with tabs between.
func readEquivalent(name string) (map[string]bool, error) {
	listed, err := readListed(name)
	if errors.Is(err, os.ErrNotExist) {
		return map[string]bool{}, nil
	}
	return listed, err
}

// readListed reads a list of that form.
func readListed(name string) (map[string]bool, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	listed := map[string]bool{}
	scanner := bufio.NewScanner(file)
	for line := 1; scanner.Scan(); line++ {
		text := scanner.Text()
		if text == "" || strings.HasPrefix(text, "#") {
			continue
		}
		fields := strings.Split(text, "\t")
		if len(fields) != 5 || strings.TrimSpace(fields[4]) == "" {
			return nil, fmt.Errorf("%s:%d: a line has file, function, kind, text and reason, with tabs between", name, line)
		}
		listed[strings.Join(fields[:4], "\t")] = true
	}
	return listed, scanner.Err()
}

// A report adds verdicts up.
type report struct {
	equivalent map[string]bool
	files      map[string]*row
	survivors  []verdict
	unlisted   int
	left       []string // packages with mutants that were not judged in time
}

// A row is the figures of one file. Those that were killed by time are among the killed.
type row struct{ killed, stuck, listed, survived int }

// judges reports whether a mutant has to be judged. It notes one that is listed as
// equivalent, which has not.
func (r *report) judges(m mutant) bool {
	if !r.equivalent[m.key()] && !r.equivalent[m.numbered()] {
		return true
	}
	r.row(m.File).listed++
	return false
}

// row returns the figures of a file.
func (r *report) row(file string) *row {
	if r.files == nil {
		r.files = map[string]*row{}
	}
	if r.files[file] == nil {
		r.files[file] = &row{}
	}
	return r.files[file]
}

func (r *report) add(v verdict) {
	figures := r.row(v.Mutant.File)
	switch {
	case !v.Survived:
		figures.killed++
		if v.Stuck {
			figures.stuck++
		}
	default:
		figures.survived++
		r.unlisted++
		r.survivors = append(r.survivors, v)
	}
}

// late notes how many mutants of a package were not judged in time.
func (r *report) late(path string, count int) {
	if count > 0 {
		r.left = append(r.left, fmt.Sprintf("%s: %d mutants were not judged within the limit; a further run goes on with them", path, count))
	}
}

func (r *report) print(out io.Writer) {
	slices.SortFunc(r.survivors, func(a, b verdict) int {
		return strings.Compare(fmt.Sprintf("%s:%06d", a.Mutant.File, a.Mutant.Line), fmt.Sprintf("%s:%06d", b.Mutant.File, b.Mutant.Line))
	})
	for _, survivor := range r.survivors {
		reached := ""
		if !survivor.Reached {
			reached = " (no test reaches it)"
		}
		fmt.Fprintf(out, "survived%s: line %d\t%s\n", reached, survivor.Mutant.Line, survivor.Mutant.key())
	}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "killed\tby time\tequivalent\tsurvived\tkilled of the rest\t file")
	total := &row{}
	line := func(name string, figures *row) {
		share := 100.0
		if rest := figures.killed + figures.survived; rest > 0 {
			share = 100 * float64(figures.killed) / float64(rest)
		}
		fmt.Fprintf(table, "%d\t%d\t%d\t%d\t%.1f %%\t %s\n", figures.killed, figures.stuck, figures.listed, figures.survived, share, name)
	}
	for _, name := range slices.Sorted(maps.Keys(r.files)) {
		figures := r.files[name]
		line(name, figures)
		total.killed, total.stuck = total.killed+figures.killed, total.stuck+figures.stuck
		total.listed, total.survived = total.listed+figures.listed, total.survived+figures.survived
	}
	line("all", total)
	_ = table.Flush()
	for _, line := range r.left {
		fmt.Fprintln(out, line)
	}
}
