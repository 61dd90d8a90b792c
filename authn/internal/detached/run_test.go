package detached_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sallyport-rpc/sallyport/authn/internal/detached"
)

type key struct{}

func TestRun(t *testing.T) {
	t.Parallel()
	failure := errors.New("it failed")
	for name, test := range map[string]struct {
		takes  time.Duration
		err    error
		want   error
		within time.Duration
	}{
		"at once":               {},
		"in time":               {takes: 49 * time.Millisecond, within: 49 * time.Millisecond},
		"an error":              {err: failure, want: failure},
		"after the caller left": {takes: time.Second, want: context.Canceled, within: 50 * time.Millisecond},
		"an error, unawaited":   {takes: time.Second, err: failure, want: context.Canceled, within: 50 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(context.WithValue(t.Context(), key{}, "the call's"))
				time.AfterFunc(50*time.Millisecond, cancel)
				ended, began := false, time.Now()
				got, err := detached.Run(ctx, 5*time.Second, func(ctx context.Context) (int, error) {
					time.Sleep(test.takes)
					if ctx.Err() != nil || ctx.Value(key{}) != "the call's" {
						t.Errorf("its context: %v, %v", ctx.Err(), ctx.Value(key{}))
					}
					ended = true
					if test.err != nil {
						return 0, test.err
					}
					return 7, nil
				})
				if took := time.Since(began); !errors.Is(err, test.want) || (err == nil) != (got == 7) || took != test.within {
					t.Errorf("%d, %v after %v", got, err, took)
				}
				time.Sleep(time.Minute)
				synctest.Wait()
				if !ended {
					t.Error("the operation was cut short")
				}
			})
		})
	}
}

// An operation that heeds its context ends with the timeout, and one that does not is
// left behind.
func TestRunTooLong(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for _, heeds := range []bool{true, false} {
			began := time.Now()
			_, err := detached.Run(t.Context(), 5*time.Second, func(ctx context.Context) (int, error) {
				if heeds {
					<-ctx.Done()
					return 0, ctx.Err()
				}
				time.Sleep(time.Hour)
				return 7, nil
			})
			if took := time.Since(began); !errors.Is(err, context.DeadlineExceeded) || took != 5*time.Second {
				t.Errorf("%v after %v", err, took)
			}
		}
		time.Sleep(time.Hour) // the one that was left behind ends
	})
}

func TestRunPanics(t *testing.T) {
	t.Parallel()
	defer func() {
		if recovered := recover(); recovered != "it" {
			t.Errorf("recovered %v", recovered)
		}
	}()
	_, err := detached.Run(t.Context(), time.Second, func(context.Context) (int, error) { panic("it") })
	t.Errorf("it returned %v", err)
}

// What the operation started with its context ends with the operation, not with the
// timeout.
func TestRunEndsItsContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		contexts := make(chan context.Context, 1)
		if _, err := detached.Run(t.Context(), time.Hour, func(ctx context.Context) (int, error) {
			contexts <- ctx
			return 7, nil
		}); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if err := (<-contexts).Err(); !errors.Is(err, context.Canceled) {
			t.Errorf("its context after it has returned: %v", err)
		}
	})
}
