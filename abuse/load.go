package main

import (
	"fmt"
	"regexp"
	"slices"
	"time"
)

// A figure is what a measurement of the server under load found.
type figure struct {
	text string
	met  bool
	// timed says that a busy machine can miss it. In a short run that is printed and no
	// failure.
	timed bool
}

// A load is one measurement. The size is the full one if long, else one of a few seconds.
type load struct {
	name    string
	measure func(long bool) ([]figure, error)
}

func loads() []load {
	return []load{
		{"slow connections", measureSlow},
		{"twice the capacity", measureOverload},
		{"gone clients", measureGone},
	}
}

// loadAll measures what matches, and prints the figures.
func loadAll(only string, long bool) error {
	pattern, err := regexp.Compile(only)
	if err != nil {
		return err
	}
	missed := 0
	for _, load := range loads() {
		if !pattern.MatchString(load.name) {
			continue
		}
		figures, err := load.measure(long)
		if err != nil {
			return fmt.Errorf("%s: %w", load.name, err)
		}
		for _, figure := range figures {
			verdict := "met"
			if !figure.met {
				verdict = "MISSED"
				if long || !figure.timed {
					missed++
				}
			}
			fmt.Printf("%-20s %s: %s\n", load.name, figure.text, verdict)
		}
	}
	if missed > 0 {
		return fmt.Errorf("%d figures were missed", missed)
	}
	return nil
}

// choose returns the size of a measurement.
func choose[Size any](long bool, full, short Size) Size {
	if long {
		return full
	}
	return short
}

// startServer starts a server, and returns it with its address and that of its port for
// gRPC.
func startServer(arguments ...string) (server *process, address, native string, err error) {
	if server, err = start(append([]string{"-serve"}, arguments...)...); err != nil {
		return nil, "", "", err
	}
	if address, err = server.line(); err == nil {
		native, err = server.line()
	}
	if err != nil {
		server.stop()
		return nil, "", "", err
	}
	return server, address, native, nil
}

// percentile returns the time that so many of a hundred did not take longer than. It
// sorts them.
func percentile(times []time.Duration, of int) time.Duration {
	slices.Sort(times)
	return times[(len(times)-1)*of/100]
}

// median returns the one in the middle. It sorts them.
func median(values []float64) float64 {
	slices.Sort(values)
	return values[len(values)/2]
}
