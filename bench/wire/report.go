package main

import (
	"fmt"
	"io"
	"runtime/debug"
	"slices"
	"text/tabwriter"
	"time"
)

// A result is what a peer did in one way.
type result struct {
	Way    string  `json:"way"`
	Peer   string  `json:"peer"`
	Rounds []round `json:"rounds"`
}

// report prints a way's table: medians with minimum and maximum, and Sallyport's ratio to
// each peer, taken round by round.
func report(to io.Writer, way string, results []result) error {
	table := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintf(table, "\n%s\tcalls/s\t(min to max)\tCPU a call\t%s / peer\t(min to max)\n", way, results[0].Peer)
	for _, result := range results {
		rate := spreadOf(result.Rounds, func(r round) float64 { return r.CallsPerSecond })
		cpu := spreadOf(result.Rounds, func(r round) float64 { return float64(r.CPU) })
		_, _ = fmt.Fprintf(table, "%s\t%.0f\t(%.0f to %.0f)\t%v", result.Peer, rate.median, rate.least, rate.most,
			time.Duration(cpu.median).Round(100*time.Nanosecond))
		if result.Peer != results[0].Peer {
			ratios := make([]float64, len(result.Rounds))
			for i, round := range result.Rounds {
				ratios[i] = results[0].Rounds[i].CallsPerSecond / round.CallsPerSecond
			}
			ratio := spreadOf(ratios, func(r float64) float64 { return r })
			_, _ = fmt.Fprintf(table, "\t%.2f ×\t(%.2f to %.2f)", ratio.median, ratio.least, ratio.most)
		}
		_, _ = fmt.Fprintln(table)
	}
	return table.Flush()
}

type spread struct{ least, median, most float64 }

func spreadOf[T any](all []T, value func(T) float64) spread {
	values := make([]float64, len(all))
	for i, one := range all {
		values[i] = value(one)
	}
	slices.Sort(values)
	return spread{values[0], values[len(values)/2], values[len(values)-1]}
}

// versions names what was measured.
func versions(to io.Writer) {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return
	}
	_, _ = fmt.Fprintln(to, info.GoVersion)
	for _, module := range info.Deps {
		switch module.Path {
		case "connectrpc.com/connect/v2", "google.golang.org/grpc", "buf.build/go/protovalidate", "google.golang.org/protobuf":
			_, _ = fmt.Fprintln(to, module.Path, module.Version)
		}
	}
}
