package calls

import (
	"runtime"
	"testing"
)

// TestBudget holds what a call may allocate: no more than at the commit ce95ba1, whose
// figures stand beside each budget. A change that raises a budget says why.
func TestBudget(t *testing.T) { //nolint:paralleltest // it counts what the whole process allocates
	for _, budget := range []struct {
		kind          Kind
		allocs, bytes float64
	}{
		{Unary, 3, 208},     // 3 and 208
		{Validated, 8, 561}, // 8 and 561
		{Denied, 27, 2082},  // 27 and 2,082: the event, what came of each grant, and the line
		{Open, 6, 353},      // 6 and 353
		{Every, 6, 353},     // 8 and 529; the grants read one field of the message
	} {
		t.Run(string(budget.kind), func(t *testing.T) {
			call, err := New(budget.kind)
			if err != nil {
				t.Fatal(err)
			}
			allocs, bytes := allocated(t, call)
			t.Logf("%.2f allocations and %.1f bytes a call", allocs, bytes)
			if allocs > budget.allocs+slack || bytes > budget.bytes+slackBytes {
				t.Errorf("%.2f allocations and %.1f bytes a call; the budget is %.2f and %.1f", allocs, bytes, budget.allocs, budget.bytes)
			}
		})
	}
}

// slack and slackBytes are what the runtime allocates besides, spread over the calls: less
// than one allocation, and less than the step from one size of allocation to the next.
const (
	slack      = 0.5
	slackBytes = 8
)

// allocated returns what one call allocates: what twice as many calls allocate more, so
// that the beginning of a stream and what is made once do not count.
func allocated(t *testing.T, call func(int) error) (allocs, bytes float64) {
	t.Helper()
	const count = 10_000
	measure := func(count int) (mallocs, total uint64) {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if err := call(count); err != nil {
			t.Fatal(err)
		}
		runtime.ReadMemStats(&after)
		return after.Mallocs - before.Mallocs, after.TotalAlloc - before.TotalAlloc
	}
	measure(count)
	once, onceBytes := measure(count)
	twice, twiceBytes := measure(2 * count)
	return (float64(twice) - float64(once)) / count, (float64(twiceBytes) - float64(onceBytes)) / count
}
