package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// slots are the calls that the handler does at a time, and running those that the
	// server takes: one that waits for each that has a slot.
	slots   = 4
	running = 2 * slots
	// leastGoodput is how much of the peak must be done at twice the capacity.
	leastGoodput = 0.9
	// callTimeout is after how long a caller gives up.
	callTimeout = 5 * time.Second
)

// measureOverload measures how many calls a server does that is asked for twice as many
// as it can, by callers who do not wait for one another.
func measureOverload(long bool) ([]figure, error) {
	lasts := choose(long, time.Minute, 5*time.Second)
	server, address, _, err := startServer(fmt.Sprintf("-slots=%d", slots), fmt.Sprintf("-running=%d", running))
	if err != nil {
		return nil, err
	}
	defer server.stop()
	client := &http.Client{
		Transport: &http.Transport{MaxIdleConnsPerHost: 1000, DialContext: (&net.Dialer{}).DialContext}, Timeout: callTimeout,
	}
	defer client.CloseIdleConnections()
	before, err := capacity(client, address, lasts/4)
	if err != nil {
		return nil, err
	}
	done := &outcomes{}
	done.arrive(client, address, time.Duration(float64(time.Second)/(2*before)), lasts)
	after, err := capacity(client, address, lasts/4)
	if err != nil {
		return nil, err
	}
	peak := (before + after) / 2 // other programs may take some of the machine
	goodput := float64(done.served.Load()) / lasts.Seconds()
	return []figure{
		{fmt.Sprintf("%.0f calls/s of %.0f asked for, %.2f of the peak of %.0f before and after, at least %.1f",
			goodput, 2*before, goodput/peak, peak, leastGoodput), goodput >= leastGoodput*peak, true},
		{fmt.Sprintf("%d shed with a hint when to come again, %d ended in another way", done.shed.Load(), done.other.Load()),
			done.shed.Load() > 0 && done.other.Load() == 0, false},
	}, nil
}

// capacity returns how many calls a second as many callers get done as the server takes.
func capacity(client *http.Client, address string, lasts time.Duration) (float64, error) {
	ctx, cancel := context.WithTimeout(context.Background(), lasts)
	defer cancel()
	var calls atomic.Int64
	var failed atomic.Pointer[error]
	var callers sync.WaitGroup
	began := time.Now()
	for range running {
		callers.Go(func() {
			for ctx.Err() == nil {
				status, _, err := spendOnce(context.Background(), client, address, "busy")
				if err == nil && status != http.StatusOK {
					err = fmt.Errorf("status %d", status)
				}
				if err != nil {
					failed.Store(&err)
					return
				}
				calls.Add(1)
			}
		})
	}
	callers.Wait()
	if err := failed.Load(); err != nil {
		return 0, *err
	}
	return float64(calls.Load()) / time.Since(began).Seconds(), nil
}

// outcomes count how calls ended.
type outcomes struct{ served, shed, other atomic.Int64 }

// arrive makes calls at their times, whether those before are answered or not.
func (o *outcomes) arrive(client *http.Client, address string, every, lasts time.Duration) {
	var calls sync.WaitGroup
	began := time.Now()
	for next := time.Duration(0); next < lasts; next += every {
		time.Sleep(time.Until(began.Add(next)))
		calls.Go(func() {
			switch status, header, err := spendOnce(context.Background(), client, address, "busy"); {
			case err == nil && status == http.StatusOK:
				o.served.Add(1)
			case err == nil && status == http.StatusTooManyRequests && header.Get("Retry-After") != "":
				o.shed.Add(1)
			default:
				o.other.Add(1)
			}
		})
	}
	calls.Wait()
}
