package cache_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"connectrpc.com/connect/v2"
	"go.uber.org/goleak"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/authn/cache"
)

// TestMain sees that no goroutine outlives its cache.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A verifier takes the whole Authorization header for a credential and counts what it
// is asked. Unless told otherwise it knows everybody under the credential itself, but
// for those that begin with "bad".
type verifier struct {
	tell  func(ctx context.Context, credential string) (*action.Principal, error)
	asked atomic.Int64
}

func (v *verifier) Credential(call *connect.CallInfo) (string, error) {
	switch credential := call.RequestHeader().Get("Authorization"); credential {
	case "":
		return "", action.ErrNoCredential
	case "nameless":
		return "", nil
	default:
		return credential, nil
	}
}

func (v *verifier) Verify(ctx context.Context, credential string) (*action.Principal, error) {
	v.asked.Add(1)
	if v.tell != nil {
		return v.tell(ctx, credential)
	}
	if strings.HasPrefix(credential, "bad") {
		return nil, action.InvalidCredential("it is bad")
	}
	return action.NewPrincipal(credential, action.Claims{}), nil
}

func (v *verifier) Authenticate(ctx context.Context, call *connect.CallInfo) (*action.Principal, error) {
	credential, err := v.Credential(call)
	if err != nil {
		return nil, err
	}
	return v.Verify(ctx, credential)
}

func newCache(t testing.TB, options ...cache.Option) *cache.Cache {
	t.Helper()
	made, err := cache.New(options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = made.Close() })
	return made
}

func calling(credential string) *connect.CallInfo {
	call := new(connect.CallInfo)
	call.RequestHeader().Set("Authorization", credential)
	return call
}

func authenticate(t testing.TB, authenticator action.Authenticator, credential string) string {
	t.Helper()
	return outcome(authenticator.Authenticate(t.Context(), calling(credential)))
}

// outcome is a kind of answer of an authenticator: who, or why not.
func outcome(principal *action.Principal, err error) string {
	switch {
	case principal != nil && err != nil:
		return "principal beside an error"
	case principal != nil:
		return principal.ID()
	case errors.Is(err, action.ErrNoCredential):
		return "none"
	case errors.Is(err, action.ErrInvalidCredential):
		return "invalid"
	case errors.Is(err, action.ErrUnavailable):
		return "unavailable"
	case errors.Is(err, context.Canceled):
		return "canceled"
	case errors.Is(err, context.DeadlineExceeded):
		return "late"
	case err != nil:
		return "fault"
	default:
		return "nothing at all"
	}
}

// A bus is a link in memory.
type bus struct {
	mu          sync.Mutex
	subscribers map[int]func(cache.Revocation)
	next        int
	down        chan struct{} // closed to break subscriptions
	failure     error         // of Publish
	joined      chan struct{} // a subscription began
}

var errDown = errors.New("the bus is down")

func newBus() *bus {
	return &bus{subscribers: map[int]func(cache.Revocation){}, down: make(chan struct{}), joined: make(chan struct{}, 100)}
}

func (b *bus) Publish(_ context.Context, revocation cache.Revocation) error {
	text, err := revocation.MarshalText()
	if err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.failure != nil {
		return b.failure
	}
	for _, receive := range b.subscribers {
		var received cache.Revocation
		if err := received.UnmarshalText(text); err != nil {
			return err
		}
		receive(received)
	}
	return nil
}

func (b *bus) Subscribe(ctx context.Context, receive func(cache.Revocation)) error {
	b.mu.Lock()
	id, down := b.next, b.down
	b.next++
	b.subscribers[id] = receive
	b.mu.Unlock()
	b.joined <- struct{}{}
	defer func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		delete(b.subscribers, id)
	}()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-down:
		return errDown
	}
}

// cut breaks all subscriptions.
func (b *bus) cut() {
	b.mu.Lock()
	defer b.mu.Unlock()
	close(b.down)
	b.down = make(chan struct{})
}

func (b *bus) fail(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.failure = err
}
