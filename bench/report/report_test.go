package main

import (
	"encoding/xml"
	"errors"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sallyport-rpc/sallyport/bench/raw"
)

// bench is the folder of the bench.
const bench = ".."

// TestReadmeIsMadeOfData fails where a table of the README, or a plot, is not what data/
// makes: someone edited it, or measured and made no report.
func TestReadmeIsMadeOfData(t *testing.T) {
	t.Parallel()
	all, err := read(bench)
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(bench + "/README.md")
	if err != nil {
		t.Fatal(err)
	}
	want, err := all.readme(string(got))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("run `go run ./report` in bench/ (-what data/ makes, +README.md):\n%s", diff)
	}
	for name, plot := range all.plots() {
		drawn, err := plot.draw()
		if err != nil {
			t.Fatal(err)
		}
		kept, err := os.ReadFile(bench + "/plots/" + name + ".svg")
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(drawn, string(kept)); diff != "" {
			t.Errorf("%s: run `go run ./report` in bench/:\n%s", name, diff)
		}
	}
}

// Every figure that is asked for was measured, and a figure of 0 was not for want of a row.
func TestDemandsAreMeasured(t *testing.T) {
	t.Parallel()
	all, err := read(bench)
	if err != nil {
		t.Fatal(err)
	}
	for _, demand := range all.demands() {
		if demand.measured == (raw.Spread{}) && !strings.Contains(demand.what, "allocations") {
			t.Errorf("%s: not measured", demand.what)
		}
	}
}

func TestVerdict(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name     string
		least    bool
		measured raw.Spread
		want     string
	}{
		{"at least, reached", true, raw.Spread{Least: 0.9, Median: 1, Most: 1.1}, "met"},
		{"at least, in the spread", true, raw.Spread{Least: 0.8, Median: 0.9, Most: 1}, "met within the spread"},
		{"at least, below", true, raw.Spread{Least: 0.8, Median: 0.9, Most: 0.99}, "**missed**"},
		{"at most, reached", false, raw.Spread{Least: 0.9, Median: 1, Most: 1.1}, "met"},
		{"at most, in the spread", false, raw.Spread{Least: 1, Median: 1.1, Most: 1.2}, "met within the spread"},
		{"at most, above", false, raw.Spread{Least: 1.01, Median: 1.1, Most: 1.2}, "**missed**"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if got := (demand{limit: 1, least: test.least, measured: test.measured}).verdict(); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestPlot(t *testing.T) {
	t.Parallel()
	table := raw.Table{Rows: []raw.Row{
		{Name: "100", Samples: []raw.Sample{{raw.Time: 30}}},
		{Name: "10", Samples: []raw.Sample{{raw.Time: 10}, {raw.Time: 20}}},
		{Name: "not a number", Samples: []raw.Sample{{raw.Time: 10}}},
	}}
	drawn, err := plot{title: "a", along: "b", write: func(float64) string { return "" }, points: points(table, raw.Time)}.draw()
	if err != nil {
		t.Fatal(err)
	}
	// The scale ends at 30, which is its top: 15, the median of 10 and 20, is half way.
	if want := `points="70.0,150.0 520.0,40.0"`; !strings.Contains(drawn, want) {
		t.Errorf("the line is not %s:\n%s", want, drawn)
	}
	decoder := xml.NewDecoder(strings.NewReader(drawn))
	for {
		if _, err := decoder.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
	if _, err := (plot{}).draw(); err == nil {
		t.Error("a plot without points was drawn")
	}
}
