package bench

import (
	"cmp"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
	"slices"
	"testing"
	"text/tabwriter"
	"time"
)

// A table is what is measured beside each other.
type table struct {
	title string
	rows  []row
	// base is the row that the others are compared with.
	base int
	// target is what a row is to reach. The zero target says nothing.
	target target
}

// A row is one thing that is measured.
type row struct {
	name string
	op   func() error
	// retains is set where what counts is the memory that one op keeps, and not how
	// much it goes through; its result is kept in it until it is measured.
	retains *any
}

// A target is how much a row may take at most, over another row.
type target struct {
	row  int
	over int // noRow: over nothing
	time time.Duration
	// allocations are at most so many; where the row retains memory, bytes are.
	allocations int64
	bytes       int64
}

const noRow = -1

// retainedRounds bounds the rounds of rows that retain memory, which take long.
const retainedRounds = 3

// A sample is one measurement of a row.
type sample struct {
	// ns is the lesser of the time on the clock and the CPU time. Either can only be too
	// long: one counts what else the machine does, the other garbage collection that ran
	// at the same time.
	ns     float64
	bytes  int64
	allocs int64
}

func (r row) benchmark(b *testing.B) {
	b.ReportAllocs()
	before := cpuTime()
	for b.Loop() {
		if err := r.op(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(cpuTime()-before)/float64(b.N), cpuUnit)
}

// cpuUnit is what a benchmark calls its CPU time.
const cpuUnit = "cpu-ns/op"

func (r row) sample() sample {
	if r.retains != nil {
		return r.retained()
	}
	result := testing.Benchmark(r.benchmark)
	if result.N == 0 {
		panic(r.name + " failed")
	}
	return sample{
		ns:     min(result.Extra[cpuUnit], float64(result.T.Nanoseconds())/float64(result.N)),
		bytes:  result.AllocedBytesPerOp(),
		allocs: result.AllocsPerOp(),
	}
}

// retained runs op once and counts what it leaves behind. It is done as a program
// starts, so garbage is collected as it is then.
func (r row) retained() sample {
	defer debug.SetGCPercent(debug.SetGCPercent(100))
	*r.retains = nil
	before := heap()
	start, busy := time.Now(), cpuTime()
	must(0, r.op())
	spent := min(time.Since(start), cpuTime()-busy)
	after := heap()
	runtime.KeepAlive(r.retains)
	return sample{
		ns:     float64(spent.Nanoseconds()),
		bytes:  int64(after.HeapAlloc) - int64(before.HeapAlloc),
		allocs: int64(after.HeapObjects) - int64(before.HeapObjects),
	}
}

func heap() (stats runtime.MemStats) {
	runtime.GC()
	runtime.GC() // the first lets go of pools only
	runtime.ReadMemStats(&stats)
	return stats
}

// measure takes the samples of each row, a round at a time, there and back: what
// else the machine does then falls on all of them.
func (t table) measure(rounds int) [][]sample {
	samples := make([][]sample, len(t.rows))
	for round := range rounds {
		for i := range t.rows {
			if round%2 == 1 {
				i = len(t.rows) - 1 - i
			}
			samples[i] = append(samples[i], t.rows[i].sample())
		}
	}
	return samples
}

// print measures the table and writes it.
func (t table) print(to io.Writer, name string, rounds int) {
	memory, count := "B/op", "allocs/op"
	if t.rows[0].retains != nil {
		memory, count = "KiB kept", "objects kept"
		rounds = min(rounds, retainedRounds)
	}
	figures := make([]figure, len(t.rows))
	for i, samples := range t.measure(rounds) {
		figures[i] = newFigure(samples)
	}
	base := figures[t.base]
	fmt.Fprintf(to, "\n%s: %s\n", name, t.title)
	columns := tabwriter.NewWriter(to, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(columns, "time\tmedian\tratio\tover\t%s\t%s\t\n", memory, count)
	for i, figure := range figures {
		if t.rows[i].retains != nil {
			figure.bytes /= 1024
		}
		fmt.Fprintf(columns, "%s\t%s\t%.2f\t%s\t%d\t%d\t  %s\n", duration(figure.ns), duration(figure.median),
			figure.ns/base.ns, duration(figure.ns-base.ns), figure.bytes, figure.allocs, t.rows[i].name)
	}
	columns.Flush()
	fmt.Fprint(to, t.verdict(figures))
}

// A figure is what the samples of a row come to.
type figure struct {
	// The sample is one that a quarter of them are faster than: what disturbs a measurement
	// makes it slower, but for a garbage collection that fell outside of it.
	sample

	median float64
}

func newFigure(samples []sample) figure {
	slices.SortFunc(samples, func(a, b sample) int { return cmp.Compare(a.ns, b.ns) })
	return figure{sample: samples[len(samples)/4], median: samples[len(samples)/2].ns}
}

// verdict says whether the target was reached.
func (t table) verdict(figures []figure) string {
	if t.target == (target{}) {
		return ""
	}
	found, words := figures[t.target.row], ""
	if t.target.over != noRow {
		over := figures[t.target.over]
		found.ns, found.allocs = found.ns-over.ns, found.allocs-over.allocs
		words = fmt.Sprintf(" over %q", t.rows[t.target.over].name)
	}
	met := found.ns <= float64(t.target.time)
	memory := fmt.Sprintf("%d allocations; at most %s and %d", found.allocs, t.target.time, t.target.allocations)
	if t.target.bytes > 0 {
		met = met && found.bytes <= t.target.bytes
		memory = fmt.Sprintf("%d MiB; at most %s and %d MiB", found.bytes>>20, t.target.time, t.target.bytes>>20)
	} else {
		met = met && found.allocs <= t.target.allocations
	}
	state := "met"
	if !met {
		state = "MISSED"
	}
	return fmt.Sprintf("  %s: %q%s takes %s and %s\n", state, t.rows[t.target.row].name, words, duration(found.ns), memory)
}

// duration writes nanoseconds with about three digits.
func duration(ns float64) string {
	switch {
	case ns >= 1e9 || ns <= -1e9:
		return fmt.Sprintf("%.2f s", ns/1e9)
	case ns >= 1e6 || ns <= -1e6:
		return fmt.Sprintf("%.1f ms", ns/1e6)
	case ns >= 1e4 || ns <= -1e4:
		return fmt.Sprintf("%.1f µs", ns/1e3)
	case ns >= 100 || ns <= -100:
		return fmt.Sprintf("%.0f ns", ns)
	default:
		return fmt.Sprintf("%.1f ns", ns)
	}
}
