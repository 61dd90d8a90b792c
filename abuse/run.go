package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"
)

// The bounds hold for every attack, any number of connections, and on a fast machine as
// on a slow one.
const (
	mostAnswer = 16 << 10 // bytes of an answer that refuses a call
	// mostPeak and mostPeakMany are how many bytes of memory the server has at most. The
	// budget is 256 MiB, of which one address gets half. Go holds as much again before it
	// collects garbage, and net/http some 25 KB for each of 250 streams of a connection
	// before the server can refuse it.
	mostPeak     = 448 << 20
	mostPeakMany = 768 << 20
	// linesAtOnce lines about one network, and about one principal, are logged at once,
	// and then one a second.
	linesAtOnce = 20
	mostLine    = 512             // bytes; no attack here makes them longer
	mostWait    = 2 * time.Second // 99 of 100 of a bystander's calls
	// mostShed is how many of 100 of a bystander's calls may be refused or fail.
	mostShed = 1
)

// mostLog is how many bytes of log an attack from so many networks leaves at most, as
// one principal: some of its lines are the gates', and some the server's.
func mostLog(networks int, lasted time.Duration) int64 {
	return int64(2*(networks+1)) * (linesAtOnce + 1 + int64(lasted/time.Second)) * mostLine
}

// A result is what came of an attack.
type result struct {
	calls, answered, sent, received, largest int64
	peak, logged                             int64
	cpu, p99, lasted                         time.Duration
	bystander, shed, connections             int
	alive, unanswered                        bool
}

const within = "within"

// verdict says which bounds were passed.
func (r *result) verdict() string {
	var passed []string
	add := func(is bool, format string, arguments ...any) {
		if is {
			passed = append(passed, fmt.Sprintf(format, arguments...))
		}
	}
	add(!r.alive, "THE SERVER ENDED")
	add(r.largest > mostAnswer, "AN ANSWER OF %s", size(r.largest))
	add(r.peak > mostPeakMany || r.connections == 1 && r.peak > mostPeak, "MEMORY")
	add(r.logged > mostLog(r.connections, r.lasted), "LOG")
	add(r.bystander == 0, "NO CALL BESIDE IT")
	add(r.p99 > mostWait, "A BYSTANDER WAITED")
	add(r.shed*100 > mostShed*r.bystander, "%d OF %d BYSTANDERS WERE REFUSED", r.shed, r.bystander)
	add(r.calls == 0 || r.answered == 0 && !r.unanswered, "NO ATTACK CAME THROUGH")
	if len(passed) == 0 {
		return within
	}
	return strings.Join(passed, ", ")
}

// run starts a server, attacks it, and stops it.
func run(attack attack, connections int, lasts time.Duration) (*result, error) {
	server, address, target, err := startServer()
	if err != nil {
		return nil, err
	}
	defer server.stop()
	if !attack.native {
		target = address
	}
	beside, err := start("-bystander", address)
	if err != nil {
		return nil, err
	}
	defer beside.stop()
	if _, err := beside.line(); err != nil { // its first call
		return nil, err
	}
	began := time.Now()
	counts, err := attack.launch(target, connections, lasts)
	if err != nil {
		return nil, err
	}
	result := &result{
		connections: connections,
		calls:       counts.calls.Load(), answered: counts.answered.Load(), unanswered: attack.unanswered,
		sent: counts.sent.Load(), received: counts.received.Load(), largest: counts.largest.Load(),
		lasted: time.Since(began), alive: server.alive(),
	}
	if !result.alive {
		return result, nil
	}
	_ = beside.stdin.Close()
	if err := result.bystanders(beside); err != nil {
		return nil, err
	}
	result.logged = server.logged.Load()
	if result.peak, err = server.peak(); err != nil {
		return nil, err
	}
	result.cpu, err = server.cpu()
	return result, err
}

// grace is how long an attack waits for the answers to the calls that it began.
const grace = 30 * time.Second

// launch attacks over so many connections, and waits for what was begun.
func (a *attack) launch(address string, connections int, lasts time.Duration) (*counts, error) {
	calls, end := context.WithTimeout(context.Background(), lasts+grace)
	defer end()
	ctx, cancel := context.WithTimeout(calls, lasts)
	defer cancel()
	counts := &counts{}
	var attackers sync.WaitGroup
	for i := range connections {
		attackers.Go(func() {
			a.connect(&attacker{ctx: ctx, calls: calls, from: from(i), address: address, url: "http://" + address, counts: counts})
		})
	}
	attackers.Wait()
	if failed := counts.failed.Load(); failed != nil {
		return nil, *failed
	}
	return counts, nil
}

// bystanders reads what the bystander says at its end.
func (r *result) bystanders(beside *process) error {
	line, err := beside.line()
	if err != nil {
		return err
	}
	var p99 int64
	if _, err := fmt.Sscan(line, &p99, &r.bystander, &r.shed); err != nil {
		return fmt.Errorf("a bystander says %q: %w", line, err)
	}
	r.p99 = time.Duration(p99)
	return nil
}

// standBy makes small calls, as a principal from another address than the attacks,
// until its standard input ends. It prints a line after the first, and at the end how
// long all but one in a hundred took at most, in nanoseconds, how many there were, and
// how many of them were refused or failed.
func standBy(address string) error {
	const pause = 5 * time.Millisecond
	client := &http.Client{Transport: &http.Transport{}, Timeout: 2 * mostWait}
	defer client.CloseIdleConnections()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_, _ = os.Stdin.Read(make([]byte, 1))
	}()
	var took []time.Duration
	shed := 0
	for {
		began := time.Now()
		status, _, err := spendOnce(context.Background(), client, address, "bystander")
		if err != nil || status != http.StatusOK {
			shed++
		}
		took = append(took, time.Since(began))
		if len(took) == 1 {
			fmt.Println("begun")
			took, shed = took[:0], 0 // the first makes the connection, and compiles
			took = append(took, 0)
		}
		select {
		case <-ended:
			_, err := fmt.Println(int64(percentile(took, 99)), len(took), shed)
			return err
		case <-time.After(pause):
		}
	}
}
