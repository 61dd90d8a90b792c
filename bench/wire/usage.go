package main

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// What a process that measures may ask of one that serves, a line each.
const (
	askUsage   = "usage"
	askKept    = "kept"    // usage once garbage is collected
	askProfile = "profile" // which functions allocated
)

// A usage is what a process has used since it started, and what it holds.
type usage struct {
	CPU      time.Duration // user and system time
	Mallocs  uint64
	Bytes    uint64 // of all allocations
	Held     uint64 // bytes of heap and stacks in use
	Resident uint64 // bytes of memory
}

// ownUsage is that of this process.
func ownUsage(collect bool) (usage, error) {
	var times syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &times); err != nil {
		return usage{}, err
	}
	if collect {
		runtime.GC()
		runtime.GC() // the first lets go of pools only
	}
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	resident, err := residentBytes()
	return usage{
		CPU:      time.Duration(times.Utime.Nano() + times.Stime.Nano()),
		Mallocs:  stats.Mallocs,
		Bytes:    stats.TotalAlloc,
		Held:     stats.HeapAlloc + stats.StackInuse,
		Resident: resident,
	}, err
}

// residentBytes is the second number of statm, in pages.
func residentBytes() (uint64, error) {
	content, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0, err
	}
	fields := strings.Fields(string(content))
	if len(fields) < 2 {
		return 0, fmt.Errorf("/proc/self/statm says %q", content)
	}
	pages, err := strconv.ParseUint(fields[1], 10, 64)
	return pages * uint64(os.Getpagesize()), err //nolint:gosec // a page has a size
}
