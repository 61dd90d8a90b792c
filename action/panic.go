package action

import (
	"fmt"
	"reflect"
	"runtime"
	"strings"
)

// A heldPanic is a panic that was recovered, as an error for operators. It has the type
// of the panic's value and where it happened, and not the value, which may quote a
// request. What the runtime panics with quotes none, and its text is kept.
type heldPanic struct {
	during Stage
	value  string
	frames string
}

// holdPanic describes what was recovered. It is called by a deferred function, or by
// what that one calls.
func holdPanic(during Stage, recovered any) *heldPanic {
	if held, ok := recovered.(*heldPanic); ok {
		return held // it was recovered before, in another goroutine
	}
	return &heldPanic{during: during, value: describePanic(recovered), frames: panicFrames()}
}

// Error implements error.
func (p *heldPanic) Error() string {
	return fmt.Sprintf("panic in %s: %s%s", p.during, p.value, p.frames)
}

func describePanic(recovered any) string {
	kind := reflect.TypeOf(recovered)
	if kind == nil {
		return "nil"
	}
	own := kind
	if own.Kind() == reflect.Pointer {
		own = own.Elem()
	}
	// Other types can implement runtime.Error too.
	if err, ok := recovered.(runtime.Error); ok && own.PkgPath() == "runtime" {
		return err.Error()
	}
	return "a value of type " + kind.String()
}

// maxFrames is how many calls are shown of where a panic happened.
const maxFrames = 16

// panicFrames lists the calls that led to the panic, the innermost first. Unlike a stack
// trace it has no arguments.
func panicFrames() string {
	counters := make([]uintptr, 64)
	frames := runtime.CallersFrames(counters[:runtime.Callers(1, counters)])
	var text strings.Builder
	panicked, shown := false, 0
	for shown < maxFrames {
		frame, more := frames.Next()
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
