package thinning

import (
	"net/netip"
	"testing"
	"time"
)

func network4(n int) netip.Prefix {
	return netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(n >> 16), byte(n >> 8), byte(n)}), 32)
}

func TestPass(t *testing.T) {
	t.Parallel()
	now := time.Unix(0, 0)
	thinner := New(func() time.Time { return now })
	first, second := network4(1), network4(2)
	for i := range burst {
		if passes, left := thinner.Pass(first); !passes || left != 0 {
			t.Fatalf("record %d: passes %t, %d left out", i, passes, left)
		}
	}
	for range 100 {
		if passes, _ := thinner.Pass(first); passes {
			t.Fatal("one more than a burst passes")
		}
	}
	if passes, left := thinner.Pass(second); !passes || left != 0 {
		t.Errorf("another network: passes %t, %d left out", passes, left)
	}
	now = now.Add(interval)
	if passes, left := thinner.Pass(first); !passes || left != 100 {
		t.Errorf("an interval later: passes %t, %d left out, want 100", passes, left)
	}
	if passes, _ := thinner.Pass(first); passes {
		t.Error("two pass in one interval")
	}
	now = now.Add(burst * interval)
	for i := range burst {
		if passes, left := thinner.Pass(first); !passes || left != map[bool]int{true: 1}[i == 0] {
			t.Errorf("record %d after a silence: passes %t, %d left out", i, passes, left)
		}
	}
}

// The memory does not grow with the number of networks, and the count of those that
// are forgotten is not.
func TestManyNetworks(t *testing.T) {
	t.Parallel()
	now := time.Unix(0, 0)
	thinner := New(func() time.Time { return now })
	for range burst + 5 {
		thinner.Pass(network4(0))
	}
	passed := 0
	for n := range 10 * mostNetworks {
		if passes, _ := thinner.Pass(network4(n + 1)); passes {
			passed++
		}
	}
	if len(thinner.networks) != mostNetworks {
		t.Errorf("%d networks are kept, want %d", len(thinner.networks), mostNetworks)
	}
	if want := mostNetworks - 1 + burst; passed != want {
		t.Errorf("%d passed, want %d: one of each that is told apart, and a burst of the others", passed, want)
	}
	now = now.Add(burst * interval)
	if passes, left := thinner.Pass(network4(20 * mostNetworks)); !passes || left != 5 {
		t.Errorf("after a silence: passes %t, %d left out, want the 5 of one that is forgotten", passes, left)
	}
	if len(thinner.networks) != 1 {
		t.Errorf("%d networks are kept, want 1", len(thinner.networks))
	}
}
