package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/sallyport-rpc/sallyport/bench/raw"
)

var (
	finished  = regexp.MustCompile(`finished in [0-9.]+[a-z]+, ([0-9.]+) req/s`)
	succeeded = regexp.MustCompile(`status codes: (\d+) 2xx, (\d+) 3xx, (\d+) 4xx`)
)

// load makes a number of calls over a few connections, from the other core or both. Of a stream,
// each message is one.
func (w way) load(p peer, server *process, calls int) (raw.Sample, error) {
	requests := calls / max(1, w.messages)
	folder, err := os.MkdirTemp("", "wire")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(folder) }()
	log := filepath.Join(folder, "log")
	arguments, err := w.arguments(p, folder, requests)
	if err != nil {
		return nil, err
	}
	before, err := server.usage(askUsage)
	if err != nil {
		return nil, err
	}
	output, err := exec.Command("taskset", append(arguments, "--log-file="+log, "http://"+server.address+w.procedure(p))...).CombinedOutput() //nolint:gosec,noctx // its calls are counted
	if err != nil {
		return nil, fmt.Errorf("h2load: %w: %s", err, output)
	}
	after, err := server.usage(askUsage)
	if err != nil {
		return nil, err
	}
	rate, statuses := finished.FindSubmatch(output), succeeded.FindSubmatch(output)
	if rate == nil || statuses == nil {
		return nil, fmt.Errorf("h2load printed no result: %s", output)
	}
	answered := 1 // which of the statuses
	if !w.grpc && w.code >= 400 {
		answered = 3
	}
	if got := string(statuses[answered]); got != strconv.Itoa(requests) {
		return nil, fmt.Errorf("%s calls of %d were answered as they must be", got, requests)
	}
	perSecond, err := strconv.ParseFloat(string(rate[1]), 64)
	if err != nil {
		return nil, err
	}
	count := float64(requests * max(1, w.messages))
	sample := raw.Sample{
		raw.Rate:      perSecond * float64(max(1, w.messages)),
		raw.CPU:       float64(after.CPU-before.CPU) / count,
		raw.Allocated: float64(after.Mallocs-before.Mallocs) / count,
		raw.Bytes:     float64(after.Bytes-before.Bytes) / count,
	}
	if w.messages == 0 { // h2load sees the end of a stream, and not its messages
		sample[raw.Median], sample[raw.P99], err = latencies(log)
	}
	return sample, err
}

// arguments are those of taskset, with h2load and all but the address.
func (w way) arguments(p peer, folder string, requests int) ([]string, error) {
	body, err := w.body(w.request())
	if err != nil {
		return nil, err
	}
	file := filepath.Join(folder, "body")
	if err := os.WriteFile(file, body, 0o600); err != nil {
		return nil, err
	}
	cores := "1"
	if w.shared {
		cores = "0,1"
	}
	arguments := []string{"-c", cores, "h2load", "-n", strconv.Itoa(requests), "-d", file}
	switch {
	case w.http1:
		arguments = append(arguments, "--h1", "-c", "16", "-m", "1")
	case w.messages > 0:
		arguments = append(arguments, "-c", "4", "-m", "1")
	default:
		arguments = append(arguments, "-c", "4", "-m", "16")
	}
	for _, header := range w.headers(p, token) {
		arguments = append(arguments, "-H", header[0]+": "+header[1])
	}
	return arguments, nil
}

// latencies reads how long calls took from h2load's log: the third column of a line, in
// microseconds.
func latencies(log string) (median, p99 float64, err error) {
	file, err := os.Open(log) //nolint:gosec // its folder is ours
	if err != nil {
		return 0, 0, err
	}
	defer func() { _ = file.Close() }()
	var took []float64
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		columns := strings.Fields(lines.Text())
		if len(columns) < 3 {
			return 0, 0, fmt.Errorf("h2load logged %q", lines.Text())
		}
		microseconds, err := strconv.ParseFloat(columns[2], 64)
		if err != nil {
			return 0, 0, err
		}
		took = append(took, microseconds*1000)
	}
	if len(took) == 0 {
		return 0, 0, errors.New("h2load logged no call")
	}
	slices.Sort(took)
	return took[len(took)/2], took[len(took)*99/100], lines.Err()
}
