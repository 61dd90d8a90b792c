package action

import (
	"context"
	"errors"
	"testing"
	"time"

	"connectrpc.com/connect/v2"

	"github.com/sallyport-rpc/sallyport/limit"
)

// A limiterFunc is a limiter in one function.
type limiterFunc func(context.Context, []limit.Bucket) (time.Duration, int, error)

func (f limiterFunc) Take(ctx context.Context, buckets []limit.Bucket) (wait time.Duration, over int, err error) {
	return f(ctx, buckets)
}

// What a front door has counted, the gate of that action does not count again. The gate of
// another action does, and so does one of another call.
func TestCountedAtFrontDoor(t *testing.T) {
	t.Parallel()
	mine, others := &gate{}, &gate{}
	ctx := callContext(t, t.Context(), &connect.CallInfo{})
	counted := withCounted(ctx, mine)
	for name, test := range map[string]struct {
		ctx  context.Context
		gate *gate
		want bool
	}{
		"counted":                             {counted, mine, true},
		"counted, for another gate":           {counted, others, false},
		"not counted":                         {ctx, mine, false},
		"another call, made with its context": {callContext(t, counted, &connect.CallInfo{}), mine, false},
		"no call":                             {withCounted(t.Context(), mine), mine, false},
	} {
		if got := countedAtFrontDoor(test.ctx, test.gate); got != test.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}

// Which gates count addresses: no action, one without limits, and one that is limited as a
// whole do not.
func TestCountsAddresses(t *testing.T) {
	t.Parallel()
	one := func(per limit.Per) limit.Limit { return limit.Limit{Per: per, Requests: 1, Window: time.Minute} }
	for name, test := range map[string]struct {
		gate *gate
		want bool
	}{
		"no action":                {nil, false},
		"no limits":                {&gate{limits: limitsOf(nil)}, false},
		"the action":               {&gate{limits: limitsOf([]limit.Limit{one(limit.Action)})}, false},
		"principals":               {&gate{limits: limitsOf([]limit.Limit{one(limit.Principal)})}, false},
		"addresses":                {&gate{limits: limitsOf([]limit.Limit{one(limit.Address)})}, true},
		"addresses and the action": {&gate{limits: limitsOf([]limit.Limit{one(limit.Action), one(limit.Address)})}, true},
	} {
		if got := test.gate.countsAddresses(); got != test.want {
			t.Errorf("%s: %t", name, got)
		}
	}
	if limitsOf(nil) != nil {
		t.Error("an action without limits has some")
	}
}

// A call in the process has no address. Where addresses alone are counted, the limiter is
// not asked about it.
func TestLimitAddressesInProcess(t *testing.T) {
	t.Parallel()
	asked := 0
	g := &gate{
		limits: limitsOf([]limit.Limit{{Per: limit.Address, Requests: 1, Window: time.Minute}}),
		registry: &Registry{limiter: limiterFunc(func(context.Context, []limit.Bucket) (time.Duration, int, error) {
			asked++
			return 0, 0, nil
		})},
	}
	within := context.WithValue(t.Context(), inProcessKey{}, true)
	if err := g.limitCall(within, &passage{gate: g}); err != nil || asked != 0 {
		t.Errorf("in the process the limiter is asked %d times: %v", asked, err)
	}
	if err := g.limitCall(t.Context(), &passage{gate: g}); err != nil || asked != 1 {
		t.Errorf("else the limiter is asked %d times: %v", asked, err)
	}
}

// A limiter that fails because the call is over is no fault; any other that fails is.
func TestLimiterOfACallThatIsOver(t *testing.T) {
	t.Parallel()
	gone, leave := context.WithCancel(t.Context())
	leave()
	late, cancel := context.WithTimeout(t.Context(), 0)
	defer cancel()
	broken := errors.New("connection refused")
	g := &gate{registry: &Registry{limiter: limiterFunc(func(context.Context, []limit.Bucket) (time.Duration, int, error) {
		return 0, 0, broken
	})}}
	for name, test := range map[string]struct {
		ctx    context.Context
		public *connect.Error
		fault  bool
	}{
		"waits":    {t.Context(), errUnavailable, true},
		"gone":     {gone, errCanceled, false},
		"too late": {late, errDeadlineExceeded, false},
	} {
		err := g.take(test.ctx, &passage{gate: g}, []limit.Bucket{{}})
		denied := denialOf(err)
		if err == nil || denied.public != test.public || denied.gone == test.fault || errors.Is(denied.err, broken) != test.fault {
			t.Errorf("%s: %v, gone %t, fault %v", name, denied.public, denied.gone, denied.err)
		}
	}
}

// A denial says in a header when to come again where that is known, and there is one.
func TestSayWhen(t *testing.T) {
	t.Parallel()
	for wait, want := range map[time.Duration]string{0: "", time.Nanosecond: "1", 90 * time.Second: "90"} {
		info := &connect.CallInfo{}
		sayWhen(callContext(t, t.Context(), info), wait)
		if got := info.ResponseHeader().Get("Retry-After"); got != want {
			t.Errorf("%v: Retry-After is %q, want %q", wait, got, want)
		}
	}
	sayWhen(t.Context(), time.Minute) // there are no headers
}
