package action

import (
	"sync"
	"sync/atomic"
)

// liveStreams are the streams of a registry by who opened them. The zero value has
// none.
type liveStreams struct {
	mu   sync.Mutex
	byID map[string]map[*stream]struct{}
	// revocations counts how often streams were asked for.
	revocations atomic.Uint64
}

func (l *liveStreams) add(s *stream) {
	l.mu.Lock()
	defer l.mu.Unlock()
	id := s.principal.ID()
	if l.byID == nil {
		l.byID = map[string]map[*stream]struct{}{}
	}
	if l.byID[id] == nil {
		l.byID[id] = map[*stream]struct{}{}
	}
	l.byID[id][s] = struct{}{}
}

func (l *liveStreams) remove(s *stream) {
	l.mu.Lock()
	defer l.mu.Unlock()
	id := s.principal.ID()
	delete(l.byID[id], s)
	if len(l.byID[id]) == 0 {
		delete(l.byID, id)
	}
}

func (l *liveStreams) of(id string) []*stream {
	l.revocations.Add(1)
	l.mu.Lock()
	defer l.mu.Unlock()
	if id == "" {
		return l.all()
	}
	streams := make([]*stream, 0, len(l.byID[id]))
	for s := range l.byID[id] {
		streams = append(streams, s)
	}
	return streams
}

func (l *liveStreams) all() []*stream {
	var streams []*stream
	for _, ofOne := range l.byID {
		for s := range ofOne {
			streams = append(streams, s)
		}
	}
	return streams
}
