package session_test

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"connectrpc.com/connect/v2"
	"github.com/alexedwards/scs/v2"
	"github.com/alexedwards/scs/v2/memstore"

	"github.com/sallyport-rpc/sallyport/authn"
	"github.com/sallyport-rpc/sallyport/authn/session"
)

// anyUser is a Lookup that knows every user, as a member.
func anyUser(context.Context, string) (authn.Details, error) {
	return authn.Details{Roles: []string{"member"}}, nil
}

func newManager(t *testing.T, store scs.Store, options ...session.Option) *session.Manager {
	t.Helper()
	manager, err := session.New(store, anyUser, options...)
	if err != nil {
		t.Fatal(err)
	}
	return manager
}

// start begins a session outside any call.
func start(t *testing.T, manager *session.Manager, userID string) string {
	t.Helper()
	token, err := manager.Start(t.Context(), userID)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// headers are pairs of a name and a value; a name may come more than once.
type headers [][2]string

func (h headers) call() *connect.CallInfo {
	call := new(connect.CallInfo)
	for _, pair := range h {
		call.RequestHeader().Add(pair[0], pair[1])
	}
	return call
}

func bearer(token string) headers { return headers{{"Authorization", "Bearer " + token}} }

func cookie(token string) headers { return headers{{"Cookie", "__Host-session=" + token}} }

// within runs do as a handler of a call with the given headers, and returns the call.
func within(t *testing.T, sent headers, do func(ctx context.Context) error) *connect.CallInfo {
	t.Helper()
	call := sent.call()
	server := connect.NewServer()
	server.Register(connect.Method{
		Spec:    connect.Spec{Procedure: "/test/Do"},
		Handler: func(ctx context.Context, _ connect.Spec, _ connect.ServerStream) error { return do(ctx) },
	})
	if err := server.Call(t.Context(), "/test/Do", call, nil); err != nil {
		t.Fatal(err)
	}
	return call
}

// outcome is a kind of answer of Authenticate.
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
	case err != nil:
		return "fault"
	default:
		return "nothing at all"
	}
}

func authenticate(t *testing.T, manager *session.Manager, sent headers) string {
	t.Helper()
	return outcome(manager.Authenticate(t.Context(), sent.call()))
}

// A recorder is a store in memory that counts writes, remembers everything it was
// given, and lets a test in before it acts.
type recorder struct {
	*memstore.MemStore

	mu     sync.Mutex
	writes int
	seen   map[string]string
	// before, if set, runs before each operation and may fail it.
	before func(operation string) error
}

func newRecorder() *recorder {
	return &recorder{MemStore: memstore.NewWithCleanupInterval(0), seen: make(map[string]string)}
}

func (r *recorder) enter(operation, token string, b []byte) error {
	r.mu.Lock()
	if operation == "commit" {
		r.writes++
	}
	r.seen[token] += string(b)
	before := r.before
	r.mu.Unlock()
	if before == nil {
		return nil
	}
	return before(operation)
}

func (r *recorder) hook(before func(operation string) error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.before = before
}

func (r *recorder) written() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.writes
}

// everything returns all keys and data that the store was ever given.
func (r *recorder) everything() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Concat(slices.Collect(maps.Keys(r.seen)), slices.Collect(maps.Values(r.seen)))
}

func (r *recorder) Find(token string) ([]byte, bool, error) {
	if err := r.enter("find", token, nil); err != nil {
		return nil, false, err
	}
	return r.MemStore.Find(token)
}

func (r *recorder) Commit(token string, b []byte, expiry time.Time) error {
	if err := r.enter("commit", token, b); err != nil {
		return err
	}
	return r.MemStore.Commit(token, b, expiry)
}

func (r *recorder) Delete(token string) error {
	if err := r.enter("delete", token, nil); err != nil {
		return err
	}
	return r.MemStore.Delete(token)
}
