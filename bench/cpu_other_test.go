//go:build !unix

package bench

import "time"

var start = time.Now()

// cpuTime is the time on the clock, where no CPU time is to be had.
func cpuTime() time.Duration { return time.Since(start) }
