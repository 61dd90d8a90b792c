package limit

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"sync"
	"time"

	"github.com/sallyport-rpc/sallyport/internal/option"
)

// A MemoryOption changes what [NewMemory] makes.
type MemoryOption interface{ option.Option[memorySettings] }

type memorySettings struct{ most int }

// WithMaxCallers sets how many callers each limit tells apart at a time: principals, or
// addresses. The default is 65,536, which takes some 4 MiB where a limit has so many.
// A caller whose calls have all come back is forgotten when there is no room for another.
// Callers beyond these count as one, so that a caller who has used a limit up is
// never forgotten for strangers that come after it. At least it is 1.
func WithMaxCallers(most int) MemoryOption {
	return option.Func[memorySettings](func(s *memorySettings) error {
		if most < 1 {
			return fmt.Errorf("limit: %d callers are less than one", most)
		}
		s.most = most
		return nil
	})
}

// Memory is a [Limiter] within the process. It is exact: a bucket never lets through
// more than its burst and what came back meanwhile. Its memory does not grow with the
// number of callers, see [WithMaxCallers]. Make one with [NewMemory]. It is safe for
// concurrent use.
//
// It counts by the generic cell rate algorithm (ITU-T I.371): of each bucket it knows
// the time at which all its calls will have come back.
type Memory struct {
	most  int
	start time.Time // of a clock that is not set back
	seeds [2]maphash.Seed

	mu     sync.Mutex
	tables map[tableKey]*table
}

// NewMemory returns a limiter that has counted nothing. The error names everything that
// is wrong with the options.
func NewMemory(options ...MemoryOption) (*Memory, error) {
	settings := memorySettings{most: 65_536}
	if err := option.Apply("limit", &settings, options); err != nil {
		return nil, err
	}
	return &Memory{
		most:   settings.most,
		start:  time.Now(),
		seeds:  [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()},
		tables: map[tableKey]*table{},
	}, nil
}

// Take implements [Limiter]. Its only error is that the Memory was not made by NewMemory.
func (m *Memory) Take(_ context.Context, buckets []Bucket) (wait time.Duration, over int, err error) {
	if m == nil || m.tables == nil {
		return 0, 0, errors.New("limit: the Memory was not made by NewMemory")
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	now := time.Since(m.start)
	for i := range buckets {
		if longer := m.wait(&buckets[i], now); longer > wait {
			wait, over = longer, i
		}
	}
	if wait > 0 {
		return wait, over, nil
	}
	for i := range buckets {
		m.count(&buckets[i], now)
	}
	return 0, 0, nil
}

// wait returns after how long a bucket has room for a call, and 0 where it has now.
func (m *Memory) wait(bucket *Bucket, now time.Duration) time.Duration {
	interval := bucket.Limit.Interval()
	if bucket.Limit.Burst < 1 || interval > time.Duration(1<<62)/time.Duration(bucket.Limit.Burst) {
		return 1<<63 - 1 // it lets nothing through
	}
	back, _ := m.table(bucket).find(m.key(bucket), now)
	return max(0, max(back, now)+interval*time.Duration(1-bucket.Limit.Burst)-now)
}

// count counts a call in a bucket that has room for it.
func (m *Memory) count(bucket *Bucket, now time.Duration) {
	table, key := m.table(bucket), m.key(bucket)
	back, common := table.find(key, now)
	back = max(back, now) + bucket.Limit.Interval()
	if common {
		table.common = back
	} else {
		table.back[key] = back
	}
}

// A callerKey stands for a caller: two hashes with seeds that no caller knows, so that a
// long id takes no more room than a short one, and none can be chosen to meet another.
type callerKey [2]uint64

func (m *Memory) key(bucket *Bucket) callerKey {
	switch bucket.Limit.Per {
	case Principal:
		return callerKey{maphash.String(m.seeds[0], bucket.Principal), maphash.String(m.seeds[1], bucket.Principal)}
	case Address:
		return callerKey{maphash.Comparable(m.seeds[0], bucket.Network), maphash.Comparable(m.seeds[1], bucket.Network)}
	case Action:
	}
	return callerKey{}
}

// A tableKey is one limit of an action.
type tableKey struct {
	procedure string
	limit     Limit
}

// A table is what is known of the callers of one limit.
type table struct {
	most   int
	back   map[callerKey]time.Duration // when all calls of a caller will have come back
	common time.Duration               // the same of the callers that are not told apart
	swept  time.Duration
}

// sweepInterval is how often at most a full table is searched for callers to forget.
const sweepInterval = time.Second

// table returns the table of a bucket's limit. There are as many as
// declarations have limits.
func (m *Memory) table(bucket *Bucket) *table {
	key := tableKey{bucket.Procedure, bucket.Limit}
	known := m.tables[key]
	if known == nil {
		known = &table{most: m.most, back: map[callerKey]time.Duration{}, swept: -sweepInterval}
		m.tables[key] = known
	}
	return known
}

// find returns when all calls of a caller will have come back. common says that it counts
// together with others, since there is no room to tell it apart.
func (t *table) find(key callerKey, now time.Duration) (back time.Duration, common bool) {
	if back, ok := t.back[key]; ok {
		return back, false
	}
	if len(t.back) >= t.most && now-t.swept >= sweepInterval {
		t.swept = now
		for key, back := range t.back {
			if back <= now {
				delete(t.back, key)
			}
		}
	}
	if len(t.back) >= t.most {
		return t.common, true
	}
	// It may have counted among the others until now, and owes what they owe.
	return t.common, false
}
