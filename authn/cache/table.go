package cache

import (
	"container/list"
	"sync"
)

// A table holds a bounded number of answers. To make room it drops one that nobody
// used, by the SIEVE algorithm (Zhang et al., NSDI 2024): a hand goes along the queue
// from old to new, spares once what was used, and drops what was not. That is as good
// as LRU or better, and asks nothing of a reader but one bit, so that readers take no
// lock and do not wait for one another.
type table struct {
	limit   int
	answers sync.Map // of key to *answer

	mu    sync.Mutex // for whoever changes the table
	queue list.List  // of *answer, the newest in front
	hand  *list.Element
}

func newTable(limit int) *table { return &table{limit: limit} }

// find returns the answer under a key, or nil.
func (t *table) find(key key) *answer {
	found, ok := t.answers.Load(key)
	if !ok {
		return nil
	}
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
	if t.hand == answer.place {
		t.hand = answer.place.Prev()
	}
	t.queue.Remove(answer.place)
	t.answers.Delete(key)
}

// evict removes an answer that was not used since the hand came by last. It ends,
// because the hand leaves every answer that it spares as unused.
func (t *table) evict() {
	for {
		if t.hand == nil {
			t.hand = t.queue.Back()
		}
		answer, ok := t.hand.Value.(*answer)
		if !ok {
			return
		}
		if !answer.touched.Swap(false) {
			t.remove(answer.key)
			return
		}
		t.hand = t.hand.Prev()
	}
}
