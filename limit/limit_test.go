package limit_test

import (
	"testing"
	"time"

	"github.com/sallyport-rpc/sallyport/limit"
)

func TestLimitInWords(t *testing.T) {
	t.Parallel()
	for want, of := range map[string]limit.Limit{
		"10 a second of each address, 20 at once": {Per: limit.Address, Requests: 10, Window: time.Second, Burst: 20},
		"1 a minute of each principal, 1 at once": {Per: limit.Principal, Requests: 1, Window: time.Minute, Burst: 1},
		"100 an hour in all, 5 at once":           {Per: limit.Action, Requests: 100, Window: time.Hour, Burst: 5},
		"7 a day in all, 7 at once":               {Per: limit.Action, Requests: 7, Window: 24 * time.Hour, Burst: 7},
		"7 in 1h30m in all, 7 at once":            {Per: limit.Action, Requests: 7, Window: 90 * time.Minute, Burst: 7},
		"7 in 2h in all, 7 at once":               {Per: limit.Action, Requests: 7, Window: 2 * time.Hour, Burst: 7},
		"7 in 10s of each address, 7 at once":     {Per: limit.Address, Requests: 7, Window: 10 * time.Second, Burst: 7},
		"0 in 0s of each , 0 at once":             {},
		"1 a second of each unknown, 1 at once":   {Per: 9, Requests: 1, Window: time.Second, Burst: 1},
	} {
		if got := of.String(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// The calls of a window never come back sooner than the window is long.
func TestInterval(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		requests int
		window   time.Duration
		want     time.Duration
	}{
		"even":        {10, time.Second, 100 * time.Millisecond},
		"rounded up":  {3, time.Second, 333_333_334},
		"the finest":  {1_000_000, time.Second, time.Microsecond},
		"the longest": {1, 24 * time.Hour, 24 * time.Hour},
		"nothing":     {0, time.Second, 1<<63 - 1},
		"no window":   {1, 0, 1<<63 - 1},
	} {
		if got := (limit.Limit{Requests: test.requests, Window: test.window}).Interval(); got != test.want {
			t.Errorf("%s: %v, want %v", name, got, test.want)
		}
	}
}
