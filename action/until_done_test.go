package action

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/sallyport-rpc/sallyport/action/event"
	"github.com/sallyport-rpc/sallyport/authn"
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

// A stream waits for its loader no longer than its context lasts.
func TestLoaderIsLeftBehind(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		over, cancel := context.WithCancel(t.Context())
		cancel()
		never := make(chan struct{})
		defer close(never)
		g := &gate{about: &loading{load: func(context.Context, *authn.Principal, protoreflect.Value) (proto.Message, error) {
			<-never
			return nil, nil //nolint:nilnil // no caller gets it
		}}}
		g.leaveBehind(nil)
		if _, err := g.about.load(over, nil, protoreflect.Value{}); !errors.Is(err, context.Canceled) {
			t.Errorf("it returned %v", err)
		}
	})
}
