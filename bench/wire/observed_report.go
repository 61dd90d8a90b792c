package main

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
)

// What the rows must hold.
const (
	mostTelemetry   = 1.2   // the cost of telemetry over that of otelconnect alone
	leastStrictRate = 2_000 // calls in a second with the strict audit in SQLite
)

// compared are the pairs of rows whose cost is compared, round by round.
var compared = [][2]string{
	{"otelconnect alone", "off"},
	{"telemetry", "off"},
	{"telemetry", "otelconnect alone"},
	{"audit, best effort", "off"},
	{"audit, strict", "off"},
	{"audit, strict, PostgreSQL", "off"},
}

// reportObserved prints what observing costs. It fails where a row does not hold.
func reportObserved(to io.Writer, way string, results []result) error {
	if err := report(to, way, results); err != nil {
		return err
	}
	table := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintf(table, "\nround by round\tCPU a call\t(min to max)\tcalls/s\t(min to max)\n")
	var errs []error
	for _, pair := range compared {
		cpu, rate, ok := ratios(results, pair[0], pair[1])
		if !ok {
			continue
		}
		_, _ = fmt.Fprintf(table, "%s / %s\t%.2f ×\t(%.2f to %.2f)\t%.2f ×\t(%.2f to %.2f)\n",
			pair[0], pair[1], cpu.median, cpu.least, cpu.most, rate.median, rate.least, rate.most)
		if pair == [2]string{"telemetry", "otelconnect alone"} && cpu.median > mostTelemetry {
			errs = append(errs, fmt.Errorf("telemetry takes %.2f times the CPU of otelconnect alone, which must be at most %.2f", cpu.median, mostTelemetry))
		}
	}
	for _, result := range results {
		rate := spreadOf(result.Rounds, func(r round) float64 { return r.CallsPerSecond })
		if result.Peer == "audit, strict" && rate.median < leastStrictRate {
			errs = append(errs, fmt.Errorf("the strict audit lets %.0f calls a second in, which must be at least %d", rate.median, leastStrictRate))
		}
	}
	return errors.Join(append(errs, table.Flush())...)
}

// ratios returns what one peer took of CPU and did in a second, over what another did.
func ratios(results []result, of, over string) (cpu, rate spread, ok bool) {
	find := func(name string) int {
		return slices.IndexFunc(results, func(r result) bool { return r.Peer == name })
	}
	i, j := find(of), find(over)
	if i < 0 || j < 0 {
		return spread{}, spread{}, false
	}
	pairs := make([][2]float64, len(results[i].Rounds))
	for n, round := range results[i].Rounds {
		other := results[j].Rounds[n]
		pairs[n] = [2]float64{float64(round.CPU) / float64(max(other.CPU, 1)), round.CallsPerSecond / other.CallsPerSecond}
	}
	return spreadOf(pairs, func(p [2]float64) float64 { return p[0] }), spreadOf(pairs, func(p [2]float64) float64 { return p[1] }), true
}
