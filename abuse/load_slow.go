package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

const (
	// mostOfSlow is how many bytes a slow connection may take of the server's memory, and
	// mostSlower how many times as long the calls of others may take meanwhile.
	mostOfSlow = 64 << 10
	mostSlower = 2.0
	// slowCalls are timed with the slow connections and as many without, in each round.
	slowCalls = 1000
)

// measureSlow measures what connections take whose headers or bodies come slowly, and
// what they cost others, in alternating rounds with and without them.
func measureSlow(long bool) ([]figure, error) {
	connections, rounds := choose(long, 9500, 2000), choose(long, 5, 3)
	server, address, _, err := startServer(fmt.Sprintf("-max-connections=%d", 4*connections))
	if err != nil {
		return nil, err
	}
	defer server.stop()
	plain, at, err := startPlain()
	if err != nil {
		return nil, err
	}
	defer plain.stop()
	ours, others := &slowed{server: server, address: address}, &slowed{server: plain, address: at}
	defer ours.close()
	defer others.close()
	for round := -1; round < rounds; round++ {
		for _, one := range []*slowed{ours, others} {
			if round < 0 { // the first calls compile rules, and the heap grows
				_, err = timeCalls(one.client(), one.address, slowCalls)
			} else {
				err = one.round(connections)
			}
			if err != nil {
				return nil, err
			}
		}
	}
	ratio, plainly := median(ours.ratios), median(others.ratios)
	return []figure{
		{fmt.Sprintf("%d take %s of memory each, at most %s (of net/http alone, %s)",
			connections, size(ours.most), size(mostOfSlow), size(others.most)), ours.most <= mostOfSlow, false},
		{fmt.Sprintf("p99 of another client's calls is %.2f x (%.2f to %.2f in %d rounds), at most %.0f x (of net/http alone, %.2f x, %.2f to %.2f)",
			ratio, ours.ratios[0], ours.ratios[rounds-1], rounds, mostSlower, plainly, others.ratios[0], others.ratios[rounds-1]), ratio <= mostSlower, true},
	}, nil
}

// slowed is a server that is measured with slow connections and without.
type slowed struct {
	server  *process
	address string
	good    *http.Client

	ratios []float64 // of the p99 with them to that without
	most   int64     // bytes of memory that a slow connection took
}

func (s *slowed) client() *http.Client {
	if s.good == nil {
		s.good = &http.Client{Transport: &http.Transport{}, Timeout: time.Minute}
	}
	return s.good
}

func (s *slowed) close() { s.client().CloseIdleConnections() }

// round times a good client's calls without slow connections and with them.
func (s *slowed) round(connections int) error {
	quiet, err := timeCalls(s.client(), s.address, slowCalls)
	if err != nil {
		return err
	}
	before, err := s.server.resident()
	if err != nil {
		return err
	}
	slow, err := openSlow(s.address, connections)
	if err != nil {
		slow.close()
		return err
	}
	loud, err := slow.besides(s.client(), s.address)
	after, failed := s.server.resident()
	slow.close()
	if err := errors.Join(err, failed); err != nil {
		return err
	}
	s.most = max(s.most, (after-before)/int64(connections))
	s.ratios = append(s.ratios, float64(percentile(loud, 99))/float64(percentile(quiet, 99)))
	return nil
}

// timeCalls makes calls one after the other, and returns how long each took.
func timeCalls(client *http.Client, address string, calls int) ([]time.Duration, error) {
	times := make([]time.Duration, 0, calls)
	for range calls {
		began := time.Now()
		status, _, err := spendOnce(context.Background(), client, address, "good")
		if err == nil && status != http.StatusOK {
			err = fmt.Errorf("status %d", status)
		}
		if err != nil {
			return nil, fmt.Errorf("a good client's call: %w", err)
		}
		times = append(times, time.Since(began))
	}
	return times, nil
}

// spendOnce makes a small call as a principal, and returns the status and the header of
// its answer.
func spendOnce(ctx context.Context, client *http.Client, address, principal string) (int, http.Header, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+address+spend, strings.NewReader(`{"number": "1"}`))
	if err != nil {
		return 0, nil, err
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Authorization", "Bearer "+principal)
	response, err := client.Do(request)
	if err != nil {
		return 0, nil, err
	}
	defer func() { _ = response.Body.Close() }()
	_, err = io.Copy(io.Discard, response.Body)
	return response.StatusCode, response.Header, err
}

// slow are connections whose requests are not complete.
type slow []net.Conn

// openSlow opens connections, half of which are in their header and half in their body.
func openSlow(address string, connections int) (slow, error) {
	const head = "POST " + spend + " HTTP/1.1\r\nHost: x\r\n"
	const workers = 8
	var mu sync.Mutex
	var opened slow
	var failed error
	var group sync.WaitGroup
	for worker := range workers {
		group.Go(func() {
			for i := worker; i < connections; i += workers {
				sent := head
				if i%2 == 0 {
					sent += "Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{"
				}
				conn, err := (&net.Dialer{LocalAddr: from(i)}).DialContext(context.Background(), "tcp", address)
				if err == nil {
					_, err = io.WriteString(conn, sent)
				}
				mu.Lock()
				if err != nil {
					failed = err
				}
				if conn != nil {
					opened = append(opened, conn)
				}
				mu.Unlock()
			}
		})
	}
	group.Wait()
	return opened, failed
}

// besides times a good client's calls while a little more comes on each connection.
func (s slow) besides(good *http.Client, address string) ([]time.Duration, error) {
	ctx, stop := context.WithCancel(context.Background())
	var dripping sync.WaitGroup
	dripping.Go(func() {
		for _, conn := range s {
			if ctx.Err() != nil {
				return
			}
			_, _ = io.WriteString(conn, "X") // the server may have closed it
			time.Sleep(time.Millisecond)
		}
	})
	defer dripping.Wait()
	defer stop()
	return timeCalls(good, address, slowCalls)
}

func (s slow) close() {
	for _, conn := range s {
		_ = conn.Close() // the server may have closed it
	}
}
