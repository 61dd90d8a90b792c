package raw_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sallyport-rpc/sallyport/bench/raw"
)

func row(values ...float64) raw.Row {
	var row raw.Row
	for _, value := range values {
		row.Samples = append(row.Samples, raw.Sample{raw.Rate: value})
	}
	return row
}

func TestSpread(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name      string
		got, want raw.Spread
	}{
		{"none", row().Spread(raw.Rate), raw.Spread{}},
		{"not measured", row(1).Spread(raw.CPU), raw.Spread{}},
		{"odd", row(3, 1, 2).Spread(raw.Rate), raw.Spread{Least: 1, Median: 2, Most: 3}},
		{"even", row(4, 1, 2, 3).Spread(raw.Rate), raw.Spread{Least: 1, Median: 2.5, Most: 4}},
		// Each pair is compared by itself: a slow round is slow for both.
		{"ratio", row(10, 100, 30).Ratio(row(20, 200, 20), raw.Rate), raw.Spread{Least: 0.5, Median: 0.5, Most: 1.5}},
		{"difference", row(10, 100, 30).Difference(row(8, 98, 29), raw.Rate), raw.Spread{Least: 1, Median: 2, Most: 2}},
		{"pairs only", row(10, 100).Ratio(row(5), raw.Rate), raw.Spread{Least: 2, Median: 2, Most: 2}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(test.want, test.got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestRunIsReadAsWritten(t *testing.T) {
	t.Parallel()
	file := t.TempDir() + "/run.json"
	run := &raw.Run{Environment: raw.Surroundings(), Tables: []raw.Table{{Name: "a", Title: "A", Rows: []raw.Row{row(1, 2.5)}}}}
	if err := run.Write(file); err != nil {
		t.Fatal(err)
	}
	got, err := raw.Read(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(run, got); diff != "" {
		t.Error(diff)
	}
	if _, err := raw.Read(file + ".missing"); err == nil {
		t.Error("a file that is not there was read")
	}
}
