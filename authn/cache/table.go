package cache

import (
	"container/list"
	"sync"
)

// A table holds a bounded number of answers. To make room it drops one that was not
// used, by the SIEVE algorithm (Zhang et al., NSDI 2024): a pointer moves along the queue
// from old to new, spares once what was used, and drops what was not. That is as good
// as LRU or better, and asks nothing of a reader but one bit, so that readers take no
// lock and do not wait for one another.
type table struct {
	limit   int
	answers sync.Map // of key to *answer

	mu    sync.Mutex    // held by changes
	queue list.List     // of *answer, the newest in front
	next  *list.Element // where the pointer stands; nil is the oldest
}

func newTable(limit int) *table { return &table{limit: limit} }

// find returns the answer under a key, or nil.
func (t *table) find(key key) *answer {
	found, _ := t.answers.Load(key)
	answer, _ := found.(*answer)
	return answer
}

// put adds an answer, in place of any other under its key.
func (t *table) put(answer *answer) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.remove(answer.key)
	if t.queue.Len() >= t.limit {
		t.evict()
	}
	answer.place = t.queue.PushFront(answer)
	t.answers.Store(answer.key, answer)
}

// drop removes the answer under a key, if there is one.
func (t *table) drop(key key) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.remove(key)
}

func (t *table) remove(key key) {
	answer := t.find(key)
	if answer == nil {
		return
	}
	if t.next == answer.place {
		t.next = answer.place.Prev()
	}
	t.queue.Remove(answer.place)
	t.answers.Delete(key)
}

// evict removes an answer that was not used since the pointer passed it. It ends,
// because the pointer marks every answer that it spares as unused.
func (t *table) evict() {
	for {
		if t.next == nil {
			t.next = t.queue.Back()
		}
		answer, ok := t.next.Value.(*answer)
		if !ok {
			return
		}
		if !answer.touched.Swap(false) {
			t.remove(answer.key)
			return
		}
		t.next = t.next.Prev()
	}
}
