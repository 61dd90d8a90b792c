package main

import (
	"cmp"
	"runtime"
	"slices"
	"strings"
)

// A site is a function that allocates, and how often it did.
type site struct {
	Function string
	Objects  int64
}

// ownSites are those of this process, which has GODEBUG=memprofilerate=1, so that every
// allocation counts. Functions of the runtime count for who called them.
func ownSites() []site {
	runtime.GC()
	runtime.GC() // the profile is that of two collections ago
	records := make([]runtime.MemProfileRecord, 10_000)
	n, ok := runtime.MemProfile(records, true)
	for !ok {
		records = make([]runtime.MemProfileRecord, n+1_000)
		n, ok = runtime.MemProfile(records, true)
	}
	objects := make(map[string]int64)
	for _, record := range records[:n] {
		objects[allocating(record.Stack())] += record.AllocObjects
	}
	sites := make([]site, 0, len(objects))
	for function, count := range objects {
		sites = append(sites, site{function, count})
	}
	slices.SortFunc(sites, func(a, b site) int {
		return cmp.Or(cmp.Compare(b.Objects, a.Objects), cmp.Compare(a.Function, b.Function))
	})
	return sites
}

// allocating is the innermost function of a stack that is not the runtime's.
func allocating(stack []uintptr) string {
	frames := runtime.CallersFrames(stack)
	for {
		frame, more := frames.Next()
		if !strings.HasPrefix(frame.Function, "runtime.") && !strings.HasPrefix(frame.Function, "internal/runtime/") && frame.Function != "" {
			return frame.Function
		}
		if !more {
			return "runtime"
		}
	}
}
