package main

import (
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"time"
)

// A round is what one run of h2load found.
type round struct {
	CallsPerSecond float64       `json:"callsPerSecond"`
	CPU            time.Duration `json:"cpuPerCallNanoseconds"` // of the server
}

var (
	finished  = regexp.MustCompile(`finished in [0-9.]+[a-z]+, ([0-9.]+) req/s`)
	succeeded = regexp.MustCompile(`status codes: (\d+) 2xx, (\d+) 3xx, (\d+) 4xx`)
)

// load makes a number of calls over a few connections, from the other core or both.
func (w way) load(server *process, calls int) (round, error) {
	body, err := w.body(w.request())
	if err != nil {
		return round{}, err
	}
	file, err := os.CreateTemp("", "body")
	if err != nil {
		return round{}, err
	}
	defer func() { _ = os.Remove(file.Name()) }()
	if _, err := file.Write(body); err != nil {
		return round{}, err
	}
	if err := file.Close(); err != nil {
		return round{}, err
	}
	cores := "1"
	if w.shared {
		cores = "0,1"
	}
	arguments := []string{"-c", cores, "h2load", "-n", strconv.Itoa(calls), "-d", file.Name()}
	if w.http1 {
		arguments = append(arguments, "--h1", "-c", "16", "-m", "1")
	} else {
		arguments = append(arguments, "-c", "4", "-m", "16")
	}
	for _, header := range w.headers(token) {
		arguments = append(arguments, "-H", header[0]+": "+header[1])
	}
	before, err := server.cpu()
	if err != nil {
		return round{}, err
	}
	output, err := exec.Command("taskset", append(arguments, "http://"+server.address+procedure)...).CombinedOutput() //nolint:gosec,noctx // its calls are counted
	if err != nil {
		return round{}, fmt.Errorf("h2load: %w: %s", err, output)
	}
	after, err := server.cpu()
	if err != nil {
		return round{}, err
	}
	rate, statuses := finished.FindSubmatch(output), succeeded.FindSubmatch(output)
	if rate == nil || statuses == nil {
		return round{}, fmt.Errorf("h2load printed no result: %s", output)
	}
	answered := 1 // which of the statuses
	if !w.grpc && w.code >= 400 {
		answered = 3
	}
	if got := string(statuses[answered]); got != strconv.Itoa(calls) {
		return round{}, fmt.Errorf("%s calls of %d were answered as they must be", got, calls)
	}
	perSecond, err := strconv.ParseFloat(string(rate[1]), 64)
	return round{perSecond, (after - before) / time.Duration(calls)}, err
}
