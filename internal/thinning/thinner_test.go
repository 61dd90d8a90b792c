package thinning

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// late is what a thinner reported.
type late struct{ record, left int }

// newThinner returns a thinner of numbers, and what it has reported by the time that
// everything in the bubble waits.
func newThinner() (*Thinner[int, int], func() []late) {
	reports := make(chan late, 10*mostSources)
	thinner := New[int](func(record, left int) { reports <- late{record, left} })
	return thinner, func() []late {
		synctest.Wait()
		var all []late
		for len(reports) > 0 {
			all = append(all, <-reports)
		}
		return all
	}
}

func TestPass(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		thinner, _ := newThinner()
		for i := range burst {
			if passes, left := thinner.Pass(1, i); !passes || left != 0 {
				t.Fatalf("record %d: passes %t, %d left out", i, passes, left)
			}
		}
		if passes, left := thinner.Pass(2, 0); !passes || left != 0 {
			t.Errorf("another source: passes %t, %d left out", passes, left)
		}
		time.Sleep(interval)
		if passes, left := thinner.Pass(1, 0); !passes || left != 0 {
			t.Errorf("an interval later: passes %t, %d left out", passes, left)
		}
		if passes, _ := thinner.Pass(1, 0); passes {
			t.Error("two pass in one interval")
		}
		time.Sleep((burst + 1) * interval)
		for i := range burst {
			if passes, left := thinner.Pass(1, i); !passes || left != 0 {
				t.Errorf("record %d after a silence: passes %t, %d left out", i, passes, left)
			}
		}
		time.Sleep(2 * interval) // nothing is left to report when the test ends
	})
}

// What did not pass is counted by the next that does, or is reported with the last of it.
func TestLeftIsCounted(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		thinner, reported := newThinner()
		for i := range burst + 100 {
			thinner.Pass(1, i)
		}
		if got := reported(); len(got) != 0 {
			t.Errorf("reported at once: %v", got)
		}
		time.Sleep(interval)
		if got := reported(); !slices.Equal(got, []late{{burst + 99, 99}}) {
			t.Errorf("an interval later %v is reported, want the last record with the other 99", got)
		}
		time.Sleep(10 * interval)
		if got := reported(); len(got) != 0 {
			t.Errorf("reported twice: %v", got)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		thinner, reported := newThinner()
		for i := range burst {
			thinner.Pass(1, i)
		}
		time.Sleep(interval / 2)
		thinner.Pass(1, 0) // its timer is due half an interval after the source may pass one
		time.Sleep(3 * interval / 4)
		if passes, left := thinner.Pass(1, 1); !passes || left != 1 {
			t.Errorf("the next that passes: %t, with %d left out, want 1", passes, left)
		}
		thinner.Pass(1, 2)
		time.Sleep(10 * interval)
		if got := reported(); !slices.Equal(got, []late{{2, 0}}) {
			t.Errorf("%v is reported, want what was left out since", got)
		}
	})
}

// Under a flood one record passes a second, and all are counted.
func TestFlood(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		thinner, reported := newThinner()
		const seconds, each = 10, 1000
		passed, counted := 0, 0
		for range seconds {
			for range each {
				if passes, left := thinner.Pass(1, 0); passes {
					passed++
					counted += 1 + left
				}
			}
			time.Sleep(interval)
		}
		time.Sleep(2 * interval)
		for _, late := range reported() {
			passed++
			counted += 1 + late.left
		}
		if most := burst + seconds + 2; passed > most {
			t.Errorf("%d pass in %d seconds, want %d at most", passed, seconds, most)
		}
		if counted != seconds*each {
			t.Errorf("%d of %d are counted", counted, seconds*each)
		}
	})
}

// The memory does not grow with the number of sources.
func TestManySources(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		thinner, reported := newThinner()
		for range burst + 5 {
			thinner.Pass(0, 0)
		}
		passed := 0
		for n := range 10 * mostSources {
			if passes, _ := thinner.Pass(n+1, n); passes {
				passed++
			}
		}
		if len(thinner.sources) != mostSources {
			t.Errorf("%d sources are kept, want %d", len(thinner.sources), mostSources)
		}
		if want := mostSources - 1 + burst; passed != want {
			t.Errorf("%d passed, want %d: one of each that is told apart, and a burst of the others", passed, want)
		}
		time.Sleep(interval)
		if got := reported(); len(got) != 2 {
			t.Errorf("%v is reported, want the last of one source, and of the others", got)
		}
		time.Sleep(burst * interval)
		if passes, left := thinner.Pass(20*mostSources, 0); !passes || left != 0 {
			t.Errorf("after a silence: passes %t, %d left out", passes, left)
		}
		if len(thinner.sources) > 2 {
			t.Errorf("%d sources are kept, want 2 at most", len(thinner.sources))
		}
	})
}
