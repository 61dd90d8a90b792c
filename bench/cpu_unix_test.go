//go:build unix

package bench

import (
	"syscall"
	"time"
)

// cpuTime is how long this process has kept a CPU busy, garbage collection
// included. It does not grow while the machine does something else.
func cpuTime() time.Duration {
	var usage syscall.Rusage
	must(0, syscall.Getrusage(syscall.RUSAGE_SELF, &usage))
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
