package main

import (
	"cmp"
	"math"
	"slices"
	"time"
)

// A comparison says how two samples of times differ.
type comparison struct {
	// slower is the chance that a time of the first is more than one of the second, of which
	// equal ones count half: 0.5 where there is no difference.
	slower float64
	// z is by how many standard deviations that is from 0.5, by the Mann-Whitney test. Beyond
	// 3.3 on either side is chance in one of a thousand runs.
	z float64
}

// compare ranks the times of both samples together. Neither may be empty.
func compare(first, second []time.Duration) comparison {
	type ranked struct {
		time    time.Duration
		isFirst bool
	}
	all := make([]ranked, 0, len(first)+len(second))
	for _, took := range first {
		all = append(all, ranked{took, true})
	}
	for _, took := range second {
		all = append(all, ranked{took, false})
	}
	slices.SortFunc(all, func(a, b ranked) int { return cmp.Compare(a.time, b.time) })
	var ranks, ties float64 // the ranks of the first, and what ties take from the variance
	for from := 0; from < len(all); {
		to := from
		for to < len(all) && all[to].time == all[from].time {
			to++
		}
		equal := float64(to - from)
		ties += equal*equal*equal - equal
		for _, one := range all[from:to] {
			if one.isFirst {
				ranks += float64(from+to+1) / 2 // the ranks begin at 1
			}
		}
		from = to
	}
	n, m := float64(len(first)), float64(len(second))
	u := ranks - n*(n+1)/2
	variance := n * m / 12 * (n + m + 1 - ties/((n+m)*(n+m-1)))
	made := comparison{slower: u / (n * m)}
	if variance > 0 {
		made.z = (u - n*m/2) / math.Sqrt(variance)
	}
	return made
}

// quantile is the time that a share of a sample is below. It sorts the sample.
func quantile(of []time.Duration, share float64) time.Duration {
	slices.Sort(of)
	return of[min(int(share*float64(len(of))), len(of)-1)]
}
