package tables

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/sallyport-rpc/sallyport/bench/raw"
)

// A column is a measure, as it is written.
type column struct {
	measure, title string
	write          func(float64) string
	spread         bool // with the least and the most
}

var columns = []column{
	{raw.Rate, "calls/s", Count, true},
	{raw.Time, "time", Duration, true},
	{raw.Median, "p50", Duration, false},
	{raw.P99, "p99", Duration, false},
	{raw.CPU, "CPU a call", Duration, true},
	{raw.StartCPU, "CPU", Duration, true},
	{raw.BaseMemory, "memory before", Mebibytes, false},
	{raw.PeakMemory, "memory at peak", Mebibytes, true},
	{raw.PerStream, "bytes kept a stream", Count, true},
	{raw.Resident, "resident bytes a stream", Count, true},
	{raw.Allocated, "allocations", Decimal, false},
	{raw.Bytes, "bytes", Count, false},
	{raw.Sites, "allocations a call", Decimal, false},
}

// Table writes a table: medians with the least and the most of all rounds, and the ratios
// of its rows, taken round by round.
func Table(to io.Writer, table raw.Table) {
	shown := columnsOf(table)
	header := []string{table.Title}
	for _, column := range shown {
		header = append(header, column.title)
	}
	for _, name := range table.Ours {
		header = append(header, name+" ÷ it", "CPU of it ÷ "+name)
	}
	if table.Base != "" {
		header = append(header, "it ÷ "+table.Base)
	}
	_, _ = fmt.Fprintln(to)
	if table.Apart != nil {
		_, _ = fmt.Fprint(to, "Measured in a run of its own: ")
		Environment(to, *table.Apart)
		_, _ = fmt.Fprintln(to)
	}
	line(to, header)
	line(to, append([]string{":--"}, strings.Split(strings.Repeat("--: ", len(header)-1), " ")[:len(header)-1]...))
	for _, row := range table.Rows {
		cells := []string{row.Name}
		for _, column := range shown {
			cells = append(cells, column.cell(row))
		}
		for _, name := range table.Ours {
			ours := table.Row(name)
			cells = append(cells, ratio(row.Name == name, ours.Ratio(row, raw.Rate)), ratio(row.Name == name, row.Ratio(ours, raw.CPU)))
		}
		if table.Base != "" {
			cells = append(cells, ratio(row.Name == table.Base, row.Ratio(table.Row(table.Base), raw.Time)))
		}
		line(to, cells)
	}
}

// columnsOf are the measures that a row of the table has.
func columnsOf(table raw.Table) []column {
	return slices.DeleteFunc(slices.Clone(columns), func(c column) bool {
		return !slices.ContainsFunc(table.Rows, func(row raw.Row) bool { return row.Has(c.measure) })
	})
}

func line(to io.Writer, cells []string) {
	_, _ = fmt.Fprintln(to, "| "+strings.Join(cells, " | ")+" |")
}

func (c column) cell(row raw.Row) string {
	if !row.Has(c.measure) {
		return ""
	}
	spread := row.Spread(c.measure)
	if !c.spread || spread.Least == spread.Most {
		return c.write(spread.Median)
	}
	return fmt.Sprintf("%s (%s to %s)", c.write(spread.Median), c.write(spread.Least), c.write(spread.Most))
}

func ratio(itself bool, spread raw.Spread) string {
	if itself || spread == (raw.Spread{}) {
		return ""
	}
	return fmt.Sprintf("%.2f (%.2f to %.2f)", spread.Median, spread.Least, spread.Most)
}
