package main

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

func TestCompare(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		first, second []time.Duration
		slower, z     float64
	}{
		"equal":           {[]time.Duration{1, 1}, []time.Duration{1, 1}, 0.5, 0},
		"the same":        {[]time.Duration{1, 2, 3}, []time.Duration{1, 2, 3}, 0.5, 0},
		"all are slower":  {[]time.Duration{4, 5, 6}, []time.Duration{1, 2, 3}, 1, 1.9640},
		"all are quicker": {[]time.Duration{1, 2, 3}, []time.Duration{4, 5, 6}, 0, -1.9640},
		"one tie":         {[]time.Duration{2, 3}, []time.Duration{1, 2}, 0.875, 1.2247},
	} {
		if got := compare(test.first, test.second); math.Abs(got.slower-test.slower) > 1e-9 || math.Abs(got.z-test.z) > 1e-4 {
			t.Errorf("%s: got %v", name, got)
		}
	}
}

// A difference of a twentieth of the spread is found, and none is found where there is none.
func TestCompareFinds(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	sample := func(more float64) []time.Duration {
		all := make([]time.Duration, 50_000)
		for i := range all {
			all[i] = time.Duration(100_000 + 20_000*random.NormFloat64() + more)
		}
		return all
	}
	base := sample(0)
	if got := compare(sample(0), base); math.Abs(got.z) > 3.3 {
		t.Errorf("without a difference: %v", got)
	}
	if got := compare(sample(1_000), base); got.z < 3.3 {
		t.Errorf("with one: %v", got)
	}
}

func TestQuantile(t *testing.T) {
	t.Parallel()
	of := []time.Duration{3, 1, 2, 4}
	if got := []time.Duration{quantile(of, 0), quantile(of, 0.5), quantile(of, 1)}; got[0] != 1 || got[1] != 3 || got[2] != 4 {
		t.Errorf("got %v", got)
	}
}
