package main

// runtimePath is the import path of the package with the switches. It exists in the
// overlay alone.
const runtimePath = modulePath + "/internal/zzmutation"

// runtimeSource is that package. MUTANT names the mutant that is switched on, and
// MUTANT_TRACE a file that receives the ids of those that were reached.
const runtimeSource = `package zzmutation

import (
	"cmp"
	"os"
	"strconv"
	"sync"
)

var current, _ = strconv.Atoi(os.Getenv("MUTANT"))

var trace = struct {
	sync.Mutex
	file *os.File
	seen map[int]bool
}{seen: map[int]bool{}}

func init() {
	if name := os.Getenv("MUTANT_TRACE"); name != "" {
		file, err := os.OpenFile(name, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if err != nil {
			panic(err)
		}
		trace.file = file
	}
}

// On reports whether a mutant is switched on.
func On(id int) bool {
	if trace.file != nil {
		trace.Lock()
		if !trace.seen[id] {
			trace.seen[id] = true
			_, _ = trace.file.WriteString(strconv.Itoa(id) + "\n")
		}
		trace.Unlock()
	}
	return id == current
}

// Not is a condition, negated by a mutant.
func Not(id int, holds bool) bool { return holds != On(id) }

// Guard is a condition, which a mutant makes false.
func Guard(id int, holds bool) bool { return !On(id) && holds }

// And is a && b, and a || b in a mutant.
func And(id int, a bool, b func() bool) bool {
	if On(id) {
		return a || b()
	}
	return a && b()
}

// Or is a || b, and a && b in a mutant.
func Or(id int, a bool, b func() bool) bool {
	if On(id) {
		return a && b()
	}
	return a || b()
}

// Less is a < b, and a <= b in a mutant.
func Less[T cmp.Ordered](id int, a, b T) bool { return a < b || On(id) && a == b }

// LessEqual is a <= b, and a < b in a mutant.
func LessEqual[T cmp.Ordered](id int, a, b T) bool { return a < b || !On(id) && a == b }
`
