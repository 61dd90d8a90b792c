package main

import (
	"errors"
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/sallyport-rpc/sallyport/bench/raw"
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
func reportObserved(to io.Writer, measured raw.Table) error {
	table := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintf(table, "\nround by round\tCPU a call\t(min to max)\tcalls/s\t(min to max)\n")
	var errs []error
	for _, pair := range compared {
		of, over := measured.Row(pair[0]), measured.Row(pair[1])
		if !of.Has(raw.CPU) || !over.Has(raw.CPU) {
			continue
		}
		cpu, rate := of.Ratio(over, raw.CPU), of.Ratio(over, raw.Rate)
		_, _ = fmt.Fprintf(table, "%s / %s\t%.2f ×\t(%.2f to %.2f)\t%.2f ×\t(%.2f to %.2f)\n",
			pair[0], pair[1], cpu.Median, cpu.Least, cpu.Most, rate.Median, rate.Least, rate.Most)
		if pair == [2]string{"telemetry", "otelconnect alone"} && cpu.Median > mostTelemetry {
			errs = append(errs, fmt.Errorf("telemetry takes %.2f times the CPU of otelconnect alone, which must be at most %.2f", cpu.Median, mostTelemetry))
		}
	}
	if strict := measured.Row("audit, strict"); strict.Has(raw.Rate) && strict.Spread(raw.Rate).Median < leastStrictRate {
		errs = append(errs, fmt.Errorf("the strict audit lets %.0f calls a second in, which must be at least %d", strict.Spread(raw.Rate).Median, leastStrictRate))
	}
	return errors.Join(append(errs, table.Flush())...)
}
