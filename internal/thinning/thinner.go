// Package thinning lets a log of refused calls grow no faster than a log should, with a
// count of what was left out.
package thinning

import (
	"sync"
	"time"
)

const (
	// burst is how many records of one source pass at once, and interval after how long
	// one more does.
	burst    = 20
	interval = time.Second
	// mostSources is how many sources are told apart at a time. The others count as one,
	// so that the memory does not grow with the number of sources.
	mostSources = 4096
)

// A Thinner says which records R of a source K pass. It is safe for concurrent use. Make
// one with [New].
type Thinner[K comparable, R any] struct {
	report func(record R, left int)

	mu      sync.Mutex
	sources map[K]*source[R]
	others  source[R]
	swept   time.Time
	waiting bool // a timer will report what was left out
}

// A source is what is known of one source of records.
type source[R any] struct {
	spent int       // of the burst
	since time.Time // when spent was right
	left  int       // how many did not pass since one did
	last  R         // of those that did not pass
}

// New returns a Thinner that has seen nothing. It calls report, on a goroutine of its
// own, where records did not pass and none of their source has passed for a while after
// them: with the last of these, and how many did not pass besides it. So every record
// that was left out is counted soon, by one that passes or by one that is reported.
func New[K comparable, R any](report func(record R, left int)) *Thinner[K, R] {
	return &Thinner[K, R]{report: report, sources: map[K]*source[R]{}}
}

// Pass reports whether a record of a source passes, and how many did not since the last
// that did. The first 20 of a source pass, and then one a second.
func (t *Thinner[K, R]) Pass(from K, record R) (passes bool, left int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := time.Now()
	source := t.find(from, now)
	if !source.spend(now) {
		source.left++
		source.last = record
		if !t.waiting {
			t.waiting = true
			time.AfterFunc(interval, t.reportLeft)
		}
		return false, 0
	}
	left, _ = source.forgive()
	return true, left
}

// spend takes one of the burst, and reports whether there was one.
func (s *source[R]) spend(now time.Time) bool {
	if passed := int(now.Sub(s.since) / interval); passed > 0 {
		s.spent, s.since = max(s.spent-passed, 0), now
	}
	if s.spent >= burst {
		return false
	}
	s.spent++
	return true
}

// forgive returns how many records did not pass, and the last of them, and begins anew.
func (s *source[R]) forgive() (left int, last R) {
	var none R
	left, last = s.left, s.last
	s.left, s.last = 0, none
	return left, last
}

// reportLeft reports what was left out of each source that may pass a record again. The
// timer calls it.
func (t *Thinner[K, R]) reportLeft() {
	type late struct {
		record R
		left   int
	}
	var reports []late
	t.mu.Lock()
	now := time.Now()
	t.waiting = false
	look := func(source *source[R]) {
		switch {
		case source.left == 0:
		case source.spend(now):
			left, last := source.forgive()
			reports = append(reports, late{last, left - 1})
		default:
			t.waiting = true
		}
	}
	for _, source := range t.sources {
		look(source)
	}
	look(&t.others)
	if t.waiting {
		time.AfterFunc(interval, t.reportLeft)
	}
	t.mu.Unlock()
	for _, late := range reports {
		t.report(late.record, late.left)
	}
}

// find returns what is known of a source, and makes room for one that is new.
func (t *Thinner[K, R]) find(from K, now time.Time) *source[R] {
	if known, ok := t.sources[from]; ok {
		return known
	}
	if len(t.sources) >= mostSources {
		t.sweep(now)
	}
	if len(t.sources) >= mostSources {
		return &t.others
	}
	fresh := &source[R]{since: now}
	t.sources[from] = fresh
	return fresh
}

// sweep forgets the sources that have been silent for long enough to begin anew, and of
// which all is reported. It does so once an interval at most.
func (t *Thinner[K, R]) sweep(now time.Time) {
	if now.Sub(t.swept) < interval {
		return
	}
	t.swept = now
	for from, source := range t.sources {
		if source.left == 0 && now.Sub(source.since) >= burst*interval {
			delete(t.sources, from)
		}
	}
}
