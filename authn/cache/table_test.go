package cache

import (
	"encoding/binary"
	"math/rand/v2"
	"testing"
)

// check holds a table to what it is: as many answers in the queue as in the map, the
// same ones, each once, and no more than the limit.
func (t *table) check(tb testing.TB) {
	tb.Helper()
	seen := map[key]bool{}
	for element := t.queue.Front(); element != nil; element = element.Next() {
		answer, ok := element.Value.(*answer)
		if !ok || seen[answer.key] || t.find(answer.key) != answer || answer.place != element {
			tb.Fatalf("the queue holds %v wrongly", element.Value)
		}
		seen[answer.key] = true
	}
	stored := 0
	t.answers.Range(func(any, any) bool { stored++; return true })
	if stored != len(seen) || len(seen) > t.limit {
		tb.Fatalf("%d answers in the map, %d in the queue, with room for %d", stored, len(seen), t.limit)
	}
	if t.next != nil {
		if at, ok := t.next.Value.(*answer); !ok || !seen[at.key] {
			tb.Fatal("the pointer stands outside the queue")
		}
	}
}

func keyOf(n uint64) (made key) {
	binary.BigEndian.PutUint64(made[:], n)
	return made
}

// The queue does not grow while answers are put, used and dropped in any order.
func TestTable(t *testing.T) {
	t.Parallel()
	for _, limit := range []int{1, 2, 3, 10} {
		table := newTable(limit)
		for range 20_000 {
			of := keyOf(rand.Uint64N(uint64(3 * limit)))
			switch rand.IntN(4) {
			case 0:
				table.drop(of)
			case 1:
				if found := table.find(of); found != nil {
					found.used()
				}
			default:
				made := &answer{key: of}
				table.put(made)
				if table.find(of) != made {
					t.Fatal("what was put is not found")
				}
			}
			table.check(t)
		}
	}
}

// An answer that is put again takes the place of the first.
func TestTableReplaces(t *testing.T) {
	t.Parallel()
	table := newTable(10)
	for range 100 {
		table.put(&answer{key: keyOf(1)})
		table.check(t)
	}
	if got := table.queue.Len(); got != 1 {
		t.Errorf("one key takes %d places", got)
	}
}

// An answer that is used outlives those that are not.
func TestTableKeepsWhatIsUsed(t *testing.T) {
	t.Parallel()
	table := newTable(3)
	regular := &answer{key: keyOf(0)}
	table.put(regular)
	for n := range uint64(1000) {
		regular.used()
		table.put(&answer{key: keyOf(n + 1)})
		table.check(t)
		if table.find(keyOf(0)) != regular {
			t.Fatalf("dropped after %d others", n+1)
		}
	}
}
