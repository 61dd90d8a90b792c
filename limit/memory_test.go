package limit_test

import (
	"math/rand/v2"
	"net/netip"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sallyport-rpc/sallyport/limit"
)

func memory(tb testing.TB, options ...limit.MemoryOption) *limit.Memory {
	tb.Helper()
	made, err := limit.NewMemory(options...)
	if err != nil {
		tb.Fatal(err)
	}
	return made
}

// ofAddress is a bucket of one of 2^24 addresses.
func ofAddress(of limit.Limit, number int) limit.Bucket {
	address := netip.AddrFrom4([4]byte{10, byte(number >> 16), byte(number >> 8), byte(number)})
	return limit.Bucket{Procedure: "/test", Limit: of, Network: netip.PrefixFrom(address, 32)}
}

// take takes from buckets, and returns after how long there is room.
func take(tb testing.TB, limiter limit.Limiter, buckets ...limit.Bucket) time.Duration {
	tb.Helper()
	wait, _, err := limiter.Take(tb.Context(), buckets)
	if err != nil {
		tb.Fatal(err)
	}
	return wait
}

func TestMemory(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		limiter := memory(t)
		bucket := ofAddress(limit.Limit{Per: limit.Address, Requests: 2, Window: time.Second, Burst: 3}, 1)
		for step, want := range []struct{ sleep, wait time.Duration }{
			{0, 0}, {0, 0}, {0, 0}, // the burst
			{0, 500 * time.Millisecond},
			{0, 500 * time.Millisecond}, // a refused call costs nothing
			{499 * time.Millisecond, time.Millisecond},
			{time.Millisecond, 0}, // one has come back
			{0, 500 * time.Millisecond},
			{time.Hour, 0}, {0, 0}, {0, 0}, // no more than the burst comes back
			{0, 500 * time.Millisecond},
		} {
			time.Sleep(want.sleep)
			if got := take(t, limiter, bucket); got != want.wait {
				t.Errorf("step %d: wait %v, want %v", step, got, want.wait)
			}
		}
	})
}

// Callers, limits and actions that differ are counted apart, and equal ones together.
func TestMemoryTellsApart(t *testing.T) {
	t.Parallel()
	each := limit.Limit{Per: limit.Principal, Requests: 1, Window: time.Hour, Burst: 1}
	all, address := each, each
	all.Per, address.Per = limit.Action, limit.Address
	alice := limit.Bucket{Procedure: "/a", Limit: each, Principal: "alice"}
	slower := each
	slower.Window = 2 * time.Hour
	for name, test := range map[string]struct {
		one, other limit.Bucket
		same       bool
	}{
		"the same principal":     {alice, alice, true},
		"another principal":      {alice, limit.Bucket{Procedure: "/a", Limit: each, Principal: "bob"}, false},
		"another action":         {alice, limit.Bucket{Procedure: "/b", Limit: each, Principal: "alice"}, false},
		"another window":         {alice, limit.Bucket{Procedure: "/a", Limit: slower, Principal: "alice"}, false},
		"another thing counted":  {alice, limit.Bucket{Procedure: "/a", Limit: all, Principal: "alice"}, false},
		"all callers":            {limit.Bucket{Procedure: "/a", Limit: all, Principal: "alice"}, limit.Bucket{Procedure: "/a", Limit: all, Principal: "bob"}, true},
		"another address":        {ofAddress(address, 1), ofAddress(address, 2), false},
		"the same address":       {ofAddress(address, 1), ofAddress(address, 1), true},
		"addresses not known":    {limit.Bucket{Limit: address}, limit.Bucket{Limit: address}, true},
		"an address beside none": {ofAddress(address, 1), limit.Bucket{Procedure: "/test", Limit: address}, false},
	} {
		limiter := memory(t)
		if take(t, limiter, test.one) > 0 {
			t.Errorf("%s: the first call is refused", name)
		}
		if got := take(t, limiter, test.other) > 0; got != test.same {
			t.Errorf("%s: refused %v, want %v", name, got, test.same)
		}
	}
}

// Of several limits the longest wait is told, and one that refuses keeps the others from
// being used up.
func TestMemorySeveral(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		limiter := memory(t)
		second := ofAddress(limit.Limit{Per: limit.Address, Requests: 1, Window: time.Second, Burst: 1}, 1)
		hour := ofAddress(limit.Limit{Per: limit.Address, Requests: 2, Window: time.Hour, Burst: 2}, 1)
		for step, want := range []struct {
			sleep, wait time.Duration
			over        int
		}{
			{0, 0, 0},
			{0, time.Second, 0}, // it is not counted by the hour
			{time.Second, 0, 0},
			{0, 30*time.Minute - time.Second, 1},
			{time.Second, 30*time.Minute - 2*time.Second, 1},
		} {
			time.Sleep(want.sleep)
			wait, over, err := limiter.Take(t.Context(), []limit.Bucket{second, hour})
			if err != nil || wait != want.wait || over != want.over {
				t.Errorf("step %d: wait %v over %d (%v), want %v over %d", step, wait, over, err, want.wait, want.over)
			}
		}
	})
}

// Limits and calls are made at random: no more are admitted in any time than the burst and
// what came back meanwhile, and a caller who waits as told is admitted.
func TestMemoryNeverAdmitsMore(t *testing.T) {
	t.Parallel()
	for seed := range uint64(200) {
		synctest.Test(t, func(t *testing.T) { neverAdmitsMore(t, rand.New(rand.NewPCG(seed, 1))) })
	}
}

func neverAdmitsMore(t *testing.T, random *rand.Rand) {
	t.Helper()
	of := limit.Limit{Per: limit.Address, Requests: 1 + random.IntN(50), Window: time.Second + time.Duration(random.Int64N(int64(time.Minute))), Burst: 1 + random.IntN(20)}
	limiter := memory(t, limit.WithMaxCallers(1+random.IntN(3)))
	admitted := map[int][]time.Time{}
	for range 300 {
		caller := random.IntN(5)
		wait := take(t, limiter, ofAddress(of, caller))
		if wait > 0 && random.IntN(4) == 0 {
			time.Sleep(wait)
			if again := take(t, limiter, ofAddress(of, caller)); again > 0 {
				t.Fatalf("%v: refused for %v after the wait of %v", of, again, wait)
			}
			wait = 0
		}
		if wait == 0 {
			admitted[caller] = append(admitted[caller], time.Now())
		}
		time.Sleep(time.Duration(random.Int64N(int64(of.Window)/int64(of.Requests)*2 + 1)))
		if random.IntN(40) == 0 {
			time.Sleep(of.Window)
		}
	}
	for caller, times := range admitted {
		for i := range times {
			for j := i; j < len(times); j++ {
				back := float64(times[j].Sub(times[i])) / float64(of.Window) * float64(of.Requests)
				if most := float64(of.Burst) + back; float64(j-i+1) > most+1e-6 {
					t.Fatalf("%v: caller %d was admitted %d times in %v, at most %f", of, caller, j-i+1, times[j].Sub(times[i]), most)
				}
			}
		}
	}
}

// A flood of addresses takes bounded memory, and makes the limiter forget none that has
// used its limit up. Those beyond its room count as one until there is room again.
func TestMemoryFlood(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		limiter := memory(t)
		of := limit.Limit{Per: limit.Address, Requests: 1, Window: time.Minute, Burst: 1}
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		admitted := 0
		for number := range 1_000_000 {
			if take(t, limiter, ofAddress(of, number)) == 0 {
				admitted++
			}
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 8<<20 {
			t.Errorf("the heap grew by %d bytes", grown)
		}
		if admitted != 65_536+1 {
			t.Errorf("%d addresses were admitted, want 65536, and one of the others", admitted)
		}
		if take(t, limiter, ofAddress(of, 0)) == 0 {
			t.Error("the first address of the flood was forgotten")
		}
		time.Sleep(2 * time.Minute)
		for number := range 1000 {
			if take(t, limiter, ofAddress(of, 2_000_000+number)) > 0 {
				t.Fatalf("address %d after the flood is refused", number)
			}
		}
		runtime.KeepAlive(limiter)
	})
}

// Calls that come at once are admitted as often as calls in a row.
func TestMemoryConcurrently(t *testing.T) {
	t.Parallel()
	limiter := memory(t)
	of := limit.Limit{Per: limit.Action, Requests: 1, Window: 24 * time.Hour, Burst: 100}
	var admitted atomic.Int64
	var group sync.WaitGroup
	for caller := range 8 {
		group.Go(func() {
			for range 100 {
				if take(t, limiter, limit.Bucket{Limit: of, Principal: strconv.Itoa(caller)}) == 0 {
					admitted.Add(1)
				}
			}
		})
	}
	group.Wait()
	if admitted.Load() != 100 {
		t.Errorf("%d calls were admitted, want 100", admitted.Load())
	}
}

// What was not made, or says nothing, lets nothing through.
func TestMemoryZero(t *testing.T) {
	t.Parallel()
	for name, zero := range map[string]*limit.Memory{"nil": nil, "zero": {}} {
		if _, _, err := zero.Take(t.Context(), nil); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	good := limit.Limit{Per: limit.Action, Requests: 1, Window: time.Second, Burst: 1}
	for name, change := range map[string]func(*limit.Limit){
		"nothing":     func(l *limit.Limit) { *l = limit.Limit{} },
		"no requests": func(l *limit.Limit) { l.Requests = 0 },
		"no window":   func(l *limit.Limit) { l.Window = 0 },
		"no burst":    func(l *limit.Limit) { l.Burst = 0 },
		"an overflow": func(l *limit.Limit) { l.Window, l.Burst = 24*time.Hour, 1<<40 },
	} {
		limiter, of := memory(t), good
		change(&of)
		if take(t, limiter, limit.Bucket{Limit: of}) == 0 {
			t.Errorf("%s: a call is let through", name)
		}
		if take(t, limiter, limit.Bucket{Limit: good}) > 0 {
			t.Errorf("%s: the good limit refuses", name)
		}
	}
	for name, options := range map[string][]limit.MemoryOption{"nil": {nil}, "no callers": {limit.WithMaxCallers(0)}} {
		if _, err := limit.NewMemory(options...); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func BenchmarkMemory(b *testing.B) {
	limiter := memory(b)
	of := limit.Limit{Per: limit.Address, Requests: 1_000_000, Window: time.Second, Burst: 1_000_000}
	buckets := []limit.Bucket{ofAddress(of, 1)}
	b.ReportAllocs()
	for b.Loop() {
		_, _, _ = limiter.Take(b.Context(), buckets)
	}
}
