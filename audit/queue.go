package audit

import "sync"

// An item is an event that waits to be written.
type item struct {
	entry Entry
	// written, if set, is told what came of it. It has room for one.
	written chan error
}

// A queue holds the events that wait to be written.
type queue struct {
	most int
	wake chan struct{}

	mu     sync.Mutex
	items  []item
	lost   int   // events that did not fit since the log last said so
	closed bool  // nothing is added any more
	broken error // why nothing is written any more
}

func newQueue(most int) *queue { return &queue{most: most, wake: make(chan struct{}, 1)} }

// add adds an event, and fails where there is no room.
func (q *queue) add(one item) error {
	q.mu.Lock()
	switch {
	case q.broken != nil:
		q.mu.Unlock()
		return q.broken
	case q.closed:
		q.mu.Unlock()
		return ErrClosed
	case len(q.items) >= q.most:
		q.lost++
		q.mu.Unlock()
		return ErrFull
	}
	q.items = append(q.items, one)
	q.mu.Unlock()
	q.signal()
	return nil
}

// take removes and returns up to so many events, how many were lost before them, and
// whether this is the end.
func (q *queue) take(most int) (items []item, lost int, last bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	count := min(most, len(q.items))
	items = append(items, q.items[:count]...)
	rest := copy(q.items, q.items[count:])
	clear(q.items[rest:])
	q.items = q.items[:rest]
	lost, q.lost = q.lost, 0
	return items, lost, q.closed && rest == 0
}

// putBack puts events back where they were.
func (q *queue) putBack(items []item, lost int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.items = append(items, q.items...)
	q.lost += lost
}

func (q *queue) signal() {
	select {
	case q.wake <- struct{}{}:
	default: // it is awake
	}
}

func (q *queue) close() {
	q.mu.Lock()
	q.closed = true
	q.mu.Unlock()
	q.signal()
}

// fail ends the queue: what waits is told, and nothing is added any more. It returns how
// many events waited.
func (q *queue) fail(err error) int {
	q.mu.Lock()
	q.broken, q.closed = err, true
	items := q.items
	q.items = nil
	q.mu.Unlock()
	tell(items, err)
	return len(items)
}

// waiting returns how many events wait to be written.
func (q *queue) waiting() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.items)
}

func (q *queue) failure() error {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.broken
}

// tell tells those that wait for an event what came of it.
func tell(items []item, err error) {
	for _, one := range items {
		if one.written != nil {
			one.written <- err
		}
	}
}
