package action

import (
	"context"
	"errors"
	"testing"

	"github.com/sallyport-rpc/sallyport/action/event"
)

// A wait ends with its context where the function does not, and says so.
func TestUntilDone(t *testing.T) {
	t.Parallel()
	over, cancel := context.WithCancel(t.Context())
	cancel()
	never := make(chan struct{})
	defer close(never)
	got, err := untilDone(over, event.StageAuthorize, func() (bool, error) { <-never; return true, nil })
	if got || !errors.Is(err, context.Canceled) {
		t.Errorf("it returned %t, %v", got, err)
	}
}
