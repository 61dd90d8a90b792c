// Package detached runs an operation that must not be cancelled for a call that may
// leave.
package detached

import (
	"context"
	"time"
)

// Run runs an operation in a goroutine of its own and returns what it returns or, as
// soon as ctx ends or the timeout is over, the error of that. The operation then goes
// on by itself. Its context has the values of ctx, is not cancelled with it, and lasts
// for the timeout. A panic of the operation is the caller's, if the caller still waits.
func Run[T any](ctx context.Context, timeout time.Duration, operation func(context.Context) (T, error)) (T, error) {
	type outcome struct {
		result   T
		err      error
		panicked any
	}
	own, cancel := context.WithTimeout(context.WithoutCancel(ctx), timeout)
	late := time.After(timeout)
	done := make(chan outcome, 1)
	go func() {
		var o outcome
		defer cancel()
		defer func() {
			o.panicked = recover()
			done <- o
		}()
		o.result, o.err = operation(own)
	}()
	var none T
	select {
	case o := <-done:
		if o.panicked != nil {
			panic(o.panicked)
		}
		return o.result, o.err
	case <-ctx.Done():
		return none, ctx.Err()
	case <-late:
		return none, context.DeadlineExceeded
	}
}
