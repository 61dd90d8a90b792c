package bench

import (
	"testing"

	"github.com/sallyport-rpc/sallyport/bench/raw"
)

// A table is what is measured beside each other.
type table struct {
	title string
	rows  []row
	// base, if not empty, is the row that the others are compared with.
	base string
}

// A row is one thing that is measured.
type row struct {
	name string
	op   func() error
	// each is how many things an op does, of which the figures are of one; 0 is 1.
	each int
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

// sample measures the row once. Its time is that of the processor, with the garbage
// collection that ran meanwhile and without what other processes did.
func (r row) sample() raw.Sample {
	result := testing.Benchmark(r.benchmark)
	if result.N == 0 {
		panic(r.name + " failed")
	}
	each := float64(max(1, r.each))
	return raw.Sample{
		raw.Time:      result.Extra[cpuUnit] / each,
		raw.Allocated: float64(result.MemAllocs) / float64(result.N) / each,
		raw.Bytes:     float64(result.MemBytes) / float64(result.N) / each,
	}
}

// measure takes the samples of each row, a round at a time, there and back: what else the
// machine does then falls on all of them.
func (t table) measure(name string, rounds int) raw.Table {
	measured := raw.Table{Name: name, Title: t.title, Base: t.base}
	for _, row := range t.rows {
		measured.Rows = append(measured.Rows, raw.Row{Name: row.name})
	}
	for round := range rounds {
		for i := range t.rows {
			if round%2 == 1 {
				i = len(t.rows) - 1 - i
			}
			measured.Rows[i].Samples = append(measured.Rows[i].Samples, t.rows[i].sample())
		}
	}
	return measured
}
