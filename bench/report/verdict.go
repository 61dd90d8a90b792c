package main

import (
	"fmt"
	"strings"

	"github.com/sallyport-rpc/sallyport/bench/raw"
)

// A demand is a figure that is asked for.
type demand struct {
	what     string
	limit    float64
	least    bool // the limit is the least that will do, and not the most
	write    func(float64) string
	measured raw.Spread
}

// verdict is that of the median. A figure that misses its limit counts as met where the
// limit is within the spread of what was measured.
func (d demand) verdict() string {
	better := func(value float64) bool { return value == d.limit || value > d.limit == d.least }
	switch {
	case better(d.measured.Median):
		return "met"
	case better(d.measured.Least) || better(d.measured.Most):
		return "met within the spread"
	default:
		return "**missed**"
	}
}

// asked writes the table of what is asked for, beside what was measured.
func (r runs) asked() string {
	var text strings.Builder
	text.WriteString("| What | Asked | Measured | |\n| :-- | --: | --: | :-- |\n")
	for _, demand := range r.demands() {
		sign := "≤"
		if demand.least {
			sign = "≥"
		}
		_, _ = fmt.Fprintf(&text, "| %s | %s %s | %s (%s to %s) | %s |\n", demand.what, sign, demand.write(demand.limit),
			demand.write(demand.measured.Median), demand.write(demand.measured.Least), demand.write(demand.measured.Most), demand.verdict())
	}
	return text.String()
}
