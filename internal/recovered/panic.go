// Package recovered describes panics that were recovered, for operators, without
// showing what they were thrown with.
package recovered

import (
	"fmt"
	"reflect"
	"runtime"
	"strings"
)

// A Panic is a panic that was recovered, as an error. It has the type of the panic's
// value and where it happened, and not the value, which may quote a request or a
// credential. What the runtime panics with quotes none, and its text is kept.
type Panic struct { //nolint:errname // it is what was recovered
	during string
	value  string
	frames string
}

// New describes what was recovered during something, such as "handle". It is called by
// the deferred function that recovered it, or by what that one calls. What was described
// before, in another goroutine, and thrown again stays as it was.
func New(during string, value any) *Panic {
	if known, ok := value.(*Panic); ok {
		return known
	}
	return &Panic{during: during, value: describe(value), frames: frames()}
}

// Error returns the description, with a line for each call that led to the panic.
func (p *Panic) Error() string {
	return fmt.Sprintf("panic in %s: %s%s", p.during, p.value, p.frames)
}

func describe(value any) string {
	kind := reflect.TypeOf(value)
	if kind == nil {
		return "nil"
	}
	own := kind
	if own.Kind() == reflect.Pointer {
		own = own.Elem()
	}
	// Other types can implement runtime.Error too.
	if err, ok := value.(runtime.Error); ok && own.PkgPath() == "runtime" {
		return err.Error()
	}
	return "a value of type " + kind.String()
}

// maxFrames is how many calls are shown of where a panic happened.
const maxFrames = 16

// frames lists the calls that led to the panic, the innermost first. Unlike a stack
// trace it has no arguments.
func frames() string {
	counters := make([]uintptr, 64)
	stack := runtime.CallersFrames(counters[:runtime.Callers(1, counters)])
	var text strings.Builder
	panicked, shown := false, 0
	for shown < maxFrames {
		frame, more := stack.Next()
		switch {
		case frame.Function == "runtime.gopanic":
			panicked = true
		case panicked && !strings.HasPrefix(frame.Function, "runtime."):
			fmt.Fprintf(&text, "\n\tat %s (%s:%d)", frame.Function, frame.File[strings.LastIndexByte(frame.File, '/')+1:], frame.Line)
			shown++
		}
		if !more {
			break
		}
	}
	return text.String()
}
