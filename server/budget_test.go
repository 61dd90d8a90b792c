package server

import (
	"errors"
	"net/http"
	"net/netip"
	"runtime"
	"sync"
	"testing"
)

func prefix(text string) netip.Prefix {
	peer := new(settings).peer(&http.Request{RemoteAddr: text})
	return peer.Network()
}

// One address gets no more than it leaves to others.
func TestBudgetIsShared(t *testing.T) {
	t.Parallel()
	const limit = 1000
	first, second, third := prefix("10.0.0.1:1"), prefix("10.0.0.2:1"), prefix("10.0.0.3:1")
	budget := newBudget(limit)
	if budget.take(first, limit/2+1) {
		t.Error("one address took more than half")
	}
	if !budget.take(first, limit/2) {
		t.Error("one address did not get half")
	}
	if budget.take(first, 1) {
		t.Error("one address took more than half in two pieces")
	}
	if !budget.take(second, limit/4) || budget.take(second, 1) {
		t.Error("the second address did not get half of what was left")
	}
	if !budget.take(third, 100) {
		t.Error("nothing was left for a third")
	}
	budget.give(first, limit/2)
	budget.give(second, limit/4)
	budget.give(third, 100)
	if budget.used != 0 || len(budget.shares) != 0 {
		t.Errorf("what was given back is still held: %d by %v", budget.used, budget.shares)
	}
}

func TestAddressOf(t *testing.T) {
	t.Parallel()
	for remote, want := range map[string]string{
		"10.0.0.1:80":               "10.0.0.1/32",
		"[::ffff:10.0.0.1]:80":      "10.0.0.1/32",
		"[2001:db8:1:2:3:4:5:6]:80": "2001:db8:1:2::/64",
		"[fe80::1%eth0]:80":         "fe80::/64",
		"@":                         "invalid Prefix",
		"":                          "invalid Prefix",
	} {
		if got := prefix(remote).String(); got != want {
			t.Errorf("%q: %s, want %s", remote, got, want)
		}
	}
}

func TestCharge(t *testing.T) {
	t.Parallel()
	budget := newBudget(8 * granule)
	open := func() *charge { return &charge{budget: budget} }

	// What a stranger's call reads and makes counts until it ends.
	stranger := open()
	if err := stranger.read(granule / growth); err != nil {
		t.Fatal(err)
	}
	if err := stranger.decode(granule/growth, granule); err != nil {
		t.Fatal(err)
	}
	stranger.done()
	if budget.used != granule {
		t.Errorf("after decoding %d is held, want what was made", budget.used)
	}
	if err := stranger.decode(granule, 3*granule+1); !errors.Is(err, errBusy) {
		t.Errorf("more than half was taken: %v", err)
	}
	if !stranger.isShed() {
		t.Error("the call does not know that it was shed")
	}
	stranger.end()
	if err := stranger.read(granule); err != nil || budget.used != 0 {
		t.Errorf("after its end a call holds %d: %v", budget.used, err)
	}

	// The call itself counts until its caller is known.
	call := open()
	if err := call.begin(0); err != nil || budget.used != callBytes {
		t.Errorf("a call that has begun holds %d: %v", budget.used, err)
	}
	if err := call.read(1); err != nil || budget.used != callBytes+granule {
		t.Errorf("a call that reads holds %d: %v", budget.used, err)
	}
	call.done()
	call.authenticate()
	if budget.used != 0 {
		t.Errorf("an authenticated call holds %d", budget.used)
	}

	// What a principal's call made is not counted, and what it reads is.
	principal := open()
	_ = principal.read(1)
	_ = principal.decode(1, 2*granule)
	principal.authenticate()
	if budget.used != 0 {
		t.Errorf("an authenticated call holds %d", budget.used)
	}
	if err := principal.decode(granule, granule); err != nil || budget.used != (growth+1)*granule {
		t.Errorf("while it decodes it holds %d: %v", budget.used, err)
	}
	principal.done()
	if budget.used != 0 {
		t.Errorf("after that it holds %d", budget.used)
	}
	principal.end()
}

// What is sent on an anonymous action counts until the connection has it; what a principal
// is sent is counted elsewhere.
func TestChargeOfAnswers(t *testing.T) {
	t.Parallel()
	budget := newBudget(8 * granule)
	call := &charge{budget: budget}
	holds := func(when string, want int64) {
		t.Helper()
		if budget.used != want || call.held != want {
			t.Errorf("%s %d is held, %d of the budget, want %d", when, call.held, budget.used, want)
		}
	}
	for range 2 {
		if err := call.send(granule); err != nil {
			t.Fatal(err)
		}
	}
	holds("once two answers are sent", 2*granule)
	if err := call.send(2*granule + 1); !errors.Is(err, errBusy) {
		t.Errorf("more than half was taken: %v", err)
	}
	holds("with what had no room", 2*granule)
	if err := call.send(2 * granule); err != nil {
		t.Errorf("half was not to be had after what had no room: %v", err)
	}
	holds("with half", 4*granule)
	for range 2 {
		call.took(granule)
	}
	holds("once the connection took two", 2*granule)
	call.sent()
	holds("once it took all", 0)
	call.took(granule)
	if err := call.send(granule); err != nil {
		t.Fatal(err)
	}
	holds("with more than was sent taken, one more", granule)
	call.authenticate()
	if err := call.send(granule); err != nil {
		t.Fatal(err)
	}
	call.sent()
	holds("what a principal is sent", 0)

	known := &charge{budget: budget}
	known.authenticate()
	if err := known.send(granule); err != nil || known.held != 0 {
		t.Errorf("what a principal is sent holds %d: %v", known.held, err)
	}
}

// What is set aside for decompression is a quarter of the budget at most, but for one.
func TestInflaters(t *testing.T) {
	t.Parallel()
	const mega = 1 << 20
	for name, test := range map[string]struct {
		message int
		pending int64
		most    int
		bytes   int64 // for each
	}{
		"the defaults":          {4 * mega, 0, 5, 12 * mega},
		"small messages":        {mega, 0, 21, 3 * mega},
		"the least":             {4 * mega, 32 * mega, 1, 12 * mega},
		"a gigabyte":            {1 << 30, 0, 1, 3 << 30},
		"messages of a byte":    {1, 16 * mega, 1 << 20, 3},
		"no size, which is off": {0, 0, 1 << 30, 3},
	} {
		limits := defaultLimits
		limits.messageBytes, limits.pendingBytes = test.message, test.pending
		places, bytes := limits.inflaters()
		if want := min(test.most, inflatersPerProcessor*runtime.GOMAXPROCS(0)); places != want || bytes != int64(places)*test.bytes {
			t.Errorf("%s: %d places of %d bytes together, want %d of %d each", name, places, bytes, want, test.bytes)
		}
	}
}

// Calls that read, decode and end at once leave nothing held.
func TestChargeConcurrently(t *testing.T) {
	t.Parallel()
	budget := newBudget(1 << 20)
	var group sync.WaitGroup
	for i := range 100 {
		group.Go(func() {
			charge := &charge{budget: budget, address: prefix([]string{"10.0.0.1:1", "10.0.0.2:1"}[i%2])}
			var within sync.WaitGroup
			_ = charge.begin(0)
			within.Go(func() {
				for range 100 {
					_ = charge.read(1000)
					_ = charge.decode(1000, 5000)
					charge.done()
				}
			})
			charge.authenticate()
			charge.end()
			within.Wait()
		})
	}
	group.Wait()
	if budget.used != 0 || len(budget.shares) != 0 {
		t.Errorf("%d is held, by %v", budget.used, budget.shares)
	}
}
