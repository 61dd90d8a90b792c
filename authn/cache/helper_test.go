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

	"github.com/sallyport-rpc/sallyport/authn"
	"github.com/sallyport-rpc/sallyport/authn/cache"
	"github.com/sallyport-rpc/sallyport/authn/revocation"
)

// TestMain sees that no goroutine outlives its cache.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A verifier takes the whole Authorization header for a credential and counts what it
// is asked. By default it knows every credential as the principal of that id, but
// for those that begin with "bad".
type verifier struct {
	respond func(ctx context.Context, credential string) (*authn.Principal, error)
	asked   atomic.Int64
}

func (v *verifier) Credential(call *connect.CallInfo) (string, error) {
	switch credential := call.RequestHeader().Get("Authorization"); credential {
	case "":
		return "", authn.ErrNoCredential
	case "nameless":
		return "", nil
	default:
		return credential, nil
	}
}

func (v *verifier) Verify(ctx context.Context, credential string) (*authn.Principal, error) {
	v.asked.Add(1)
	if v.respond != nil {
		return v.respond(ctx, credential)
	}
	if strings.HasPrefix(credential, "bad") {
		return nil, authn.InvalidCredential("it is bad")
	}
	return authn.NewPrincipal(credential, authn.Details{Unscoped: true}), nil
}

func (v *verifier) Authenticate(ctx context.Context, call *connect.CallInfo) (*authn.Principal, error) {
	credential, err := v.Credential(call)
	if err != nil {
		return nil, err
	}
	return v.Verify(ctx, credential)
}

func newCache(tb testing.TB, options ...cache.Option) *cache.Cache {
	tb.Helper()
	made, err := cache.New(options...)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = made.Close() })
	return made
}

func calling(credential string) *connect.CallInfo {
	call := new(connect.CallInfo)
	call.RequestHeader().Set("Authorization", credential)
	return call
}

func authenticate(tb testing.TB, authenticator authn.Authenticator, credential string) string {
	tb.Helper()
	return outcome(authenticator.Authenticate(tb.Context(), calling(credential)))
}

// outcome is a kind of answer of an authenticator: who, or why not.
func outcome(principal *authn.Principal, err error) string {
	switch {
	case principal != nil && err != nil:
		return "principal beside an error"
	case principal != nil:
		return principal.ID()
	case errors.Is(err, authn.ErrNoCredential):
		return "none"
	case errors.Is(err, authn.ErrInvalidCredential):
		return "invalid"
	case errors.Is(err, authn.ErrUnavailable):
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

// A link carries revocations in memory, from Publish to every Subscribe.
type link struct {
	mu        sync.Mutex
	receivers map[int]func(revocation.Revocation)
	next      int
	cut       chan struct{} // closed while the link is down
}

var errDown = errors.New("the link is down")

func newLink() *link {
	return &link{receivers: map[int]func(revocation.Revocation){}, cut: make(chan struct{})}
}

func (l *link) Publish(_ context.Context, revoked revocation.Revocation) error {
	text, err := revoked.MarshalText()
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.down() {
		return errDown
	}
	for _, receive := range l.receivers {
		receive(revocation.Parse(text))
	}
	return nil
}

func (l *link) Subscribe(ctx context.Context, receive func(revocation.Revocation)) error {
	l.mu.Lock()
	id, cut := l.next, l.cut
	if l.down() {
		l.mu.Unlock()
		return errDown
	}
	l.next++
	l.receivers[id] = receive
	receive(revocation.OfEverything())
	l.mu.Unlock()
	defer func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		delete(l.receivers, id)
	}()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-cut:
		return errDown
	}
}

func (l *link) down() bool {
	select {
	case <-l.cut:
		return true
	default:
		return false
	}
}

// turn takes the link down, or up again.
func (l *link) turn(down bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if down {
		close(l.cut)
		return
	}
	l.cut = make(chan struct{})
}

func newBus(tb testing.TB, link revocation.Link) *revocation.Bus {
	tb.Helper()
	bus, err := revocation.New(link)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = bus.Close() })
	return bus
}
