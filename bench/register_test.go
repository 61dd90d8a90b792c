package bench

import (
	"fmt"
	"time"
)

// registerTable registers services of which the descriptors are there already, as
// they are in a program that links its generated code.
func registerTable() table {
	t := table{
		title:  "registering so many actions, each with a request type, a rule and two grants of its own",
		target: target{row: 2, over: noRow, time: 2 * time.Second, bytes: 100 << 20},
	}
	for _, n := range []int{10, 1_000, 10_000} {
		many := newMany(n)
		kept := new(any)
		t.rows = append(t.rows, row{name: actionsName(n), retains: kept, op: func() error {
			registry := newRegistry(nil)
			*kept = registry
			return many.register(registry)
		}})
	}
	return t
}

func actionsName(n int) string { return fmt.Sprintf("%d actions", n) }
