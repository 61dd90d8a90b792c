package recovered

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
)

const secretText = "s3cr3t"

type (
	secretError  struct{ text string }
	secretString string
	// foreignError implements runtime.Error, and is none of the runtime's.
	foreignError struct{ secretError }
)

func (e secretError) Error() string { return e.text }
func (s secretString) String() string {
	return string(s)
}
func (foreignError) RuntimeError() {}

// The value of a panic is not shown, unless the runtime made it.
func TestHeldPanics(t *testing.T) {
	t.Parallel()
	var (
		list  = []int{1}
		index = 5
		none  map[string]int
		held  any = secretText
	)
	for name, test := range map[string]struct {
		panics func()
		want   string
	}{
		"a string":                      {func() { panic(secretText) }, "a value of type string"},
		"a number":                      {func() { panic(12345) }, "a value of type int"},
		"an error":                      {func() { panic(errors.New(secretText)) }, "a value of type *errors.errorString"},
		"an error of another type":      {func() { panic(secretError{secretText}) }, "a value of type recovered.secretError"},
		"a pointer":                     {func() { panic(&secretError{secretText}) }, "a value of type *recovered.secretError"},
		"a Stringer":                    {func() { panic(secretString(secretText)) }, "a value of type recovered.secretString"},
		"a map":                         {func() { panic(map[string]string{secretText: secretText}) }, "a value of type map[string]string"},
		"what looks like the runtime's": {func() { panic(foreignError{secretError{secretText}}) }, "a value of type recovered.foreignError"},
		"nil":                           {func() { panic(nil) }, "panic called with nil argument"},
		"an index":                      {func() { list[index]++ }, "runtime error: index out of range [5] with length 1"},
		"a nil map":                     {func() { none["x"]++ }, "assignment to entry in nil map"},
		"a wrong type":                  {func() { _ = held.(int) }, "interface conversion: interface {} is string, not int"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			held := thrown(test.panics)
			text := held.Error()
			if !strings.HasPrefix(text, "panic in handle: "+test.want+"\n\tat ") || strings.Contains(text, secretText) || strings.Contains(text, "0x") {
				t.Errorf("got %q, want it to begin %q", text, test.want)
			}
			if !strings.Contains(text, "TestHeldPanics") || !strings.Contains(text, "panic_test.go:") {
				t.Errorf("it does not say where: %q", text)
			}
			// A panic that was recovered in another goroutine, and is made again in this one, is
			// the same.
			if again := thrown(func() { panic(held) }); again != held {
				t.Errorf("made again it is %v", again)
			}
		})
	}
}

func thrown(panics func()) (held *Panic) {
	defer func() { held = New("handle", recover()) }()
	panics()
	return nil
}

// A deep stack is cut.
func TestDeepPanic(t *testing.T) {
	t.Parallel()
	var dig func(depth int)
	dig = func(depth int) {
		if depth == 0 {
			panic(fmt.Sprint(secretText, runtime.NumGoroutine()))
		}
		dig(depth - 1)
	}
	if text := thrown(func() { dig(1000) }).Error(); strings.Count(text, "\n") != maxFrames {
		t.Errorf("got %d lines:\n%s", strings.Count(text, "\n"), text)
	}
}
