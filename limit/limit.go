package limit

import (
	"fmt"
	"strings"
	"time"
)

// A Per is what a limit counts by itself. Its zero value is of no limit.
type Per uint8

// What limits count.
const (
	// Principal: each principal, by its id: all its credentials count as one.
	Principal Per = iota + 1
	// Address: each address that calls come from. All of an IPv6 /64 counts as one.
	Address
	// Action: all calls of the action together.
	Action
)

var pers = [...]string{"", "principal", "address", "action"}

// String returns what is counted in lower case, "principal", and "" for the zero value.
func (p Per) String() string {
	if int(p) < len(pers) {
		return pers[p]
	}
	return "unknown"
}

// A Limit is how often an action may be called: Requests a Window in the long run, and
// Burst at once. Its zero value lets no call through.
type Limit struct {
	// Per is what is counted by itself.
	Per Per
	// Requests is how many calls come back in a window: 1 to 1,000,000.
	Requests int
	// Window is 1 second to 24 hours.
	Window time.Duration
	// Burst is how many calls may come at once: 1 to 1,000,000.
	Burst int
}

// String says the limit in words: "10 a second of each address, 20 at once".
func (l Limit) String() string {
	counted := "of each " + l.Per.String()
	if l.Per == Action {
		counted = "in all"
	}
	return fmt.Sprintf("%d %s %s, %d at once", l.Requests, window(l.Window), counted, l.Burst)
}

var windows = map[time.Duration]string{time.Second: "a second", time.Minute: "a minute", time.Hour: "an hour", 24 * time.Hour: "a day"}

// window says how long a window is: "a minute", "in 1m30s".
func window(length time.Duration) string {
	if name, ok := windows[length]; ok {
		return name
	}
	text := length.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return "in " + text
}

// Interval is the time in which one call comes back, rounded up to a nanosecond, so that
// no window lets through more than the limit says. It is the longest there is for a limit
// that lets no call through.
func (l Limit) Interval() time.Duration {
	if l.Requests < 1 || l.Window <= 0 {
		return 1<<63 - 1
	}
	requests := time.Duration(l.Requests)
	interval := l.Window / requests
	if l.Window%requests != 0 {
		interval++
	}
	return interval
}
