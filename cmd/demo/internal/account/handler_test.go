package account_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/action/event"
	"github.com/sallyport-rpc/sallyport/cmd/demo/internal/account"
	"github.com/sallyport-rpc/sallyport/cmd/demo/internal/password"
	demov1 "github.com/sallyport-rpc/sallyport/gen/demo/v1"
)

// fakeHasher is a password hasher without the cost. It counts its calls.
type fakeHasher struct {
	hashed, verified, none atomic.Int64
	// err, if not nil, is what it fails with.
	err error
	// queue, if not nil, is where passwords wait for their turns, each of which takes a
	// while.
	queue *password.Queue
}

func (c *fakeHasher) hash(password string) string {
	sum := sha256.Sum256([]byte(password))
	return hex.EncodeToString(sum[:])
}

func (c *fakeHasher) Hash(_ context.Context, _ password.Source, password string) (string, error) {
	c.hashed.Add(1)
	return c.hash(password), c.err
}

func (c *fakeHasher) Verify(ctx context.Context, source password.Source, hash, password string) (bool, error) {
	c.verified.Add(1)
	right := hash == c.hash(password)
	if err := c.wait(ctx, source, right); err != nil {
		return false, err
	}
	return right, c.err
}

func (c *fakeHasher) VerifyNone(ctx context.Context, source password.Source, _ string) error {
	c.none.Add(1)
	if err := c.wait(ctx, source, false); err != nil {
		return err
	}
	return c.err
}

// wait has a turn in the queue, if there is one.
func (c *fakeHasher) wait(ctx context.Context, source password.Source, right bool) error {
	if c.queue == nil {
		return nil
	}
	if err := c.queue.Enter(ctx, source, true); err != nil {
		return err
	}
	time.Sleep(hashTime)
	c.queue.Leave(source, true, right)
	return nil
}

// hashTime is how long a turn takes. A real one takes longer.
const hashTime = 5 * time.Millisecond

// countingHandler counts the calls that come to a handler.
type countingHandler struct {
	service *account.Service
	ran     atomic.Int64
	// streams counts those that were streams, and left those of them that returned.
	streams, left atomic.Int64
}

func (w *countingHandler) SignUp(ctx context.Context, call *action.AnonymousCall[demov1.SignUpRequest]) (*demov1.SignUpResponse, error) {
	w.ran.Add(1)
	return w.service.SignUp(ctx, call)
}

func (w *countingHandler) SignIn(ctx context.Context, call *action.AnonymousCall[demov1.SignInRequest]) (*demov1.SignInResponse, error) {
	w.ran.Add(1)
	return w.service.SignIn(ctx, call)
}

func (w *countingHandler) SignOut(ctx context.Context, call *action.Call[demov1.SignOutRequest]) (*demov1.SignOutResponse, error) {
	w.ran.Add(1)
	return w.service.SignOut(ctx, call)
}

func (w *countingHandler) CreateApiKey(ctx context.Context, call *action.Call[demov1.CreateApiKeyRequest]) (*demov1.CreateApiKeyResponse, error) { //nolint:revive // the schema's name
	w.ran.Add(1)
	return w.service.CreateApiKey(ctx, call)
}

func (w *countingHandler) ListApiKeys(ctx context.Context, call *action.Call[demov1.ListApiKeysRequest]) (*demov1.ListApiKeysResponse, error) { //nolint:revive // the schema's name
	w.ran.Add(1)
	return w.service.ListApiKeys(ctx, call)
}

func (w *countingHandler) RevokeApiKey(ctx context.Context, call *action.Call[demov1.RevokeApiKeyRequest]) (*demov1.RevokeApiKeyResponse, error) { //nolint:revive // the schema's name
	w.ran.Add(1)
	return w.service.RevokeApiKey(ctx, call)
}

func (w *countingHandler) GetUser(ctx context.Context, call *action.Call[demov1.GetUserRequest]) (*demov1.GetUserResponse, error) {
	w.ran.Add(1)
	return w.service.GetUser(ctx, call)
}

func (w *countingHandler) UpdateProfile(ctx context.Context, call *action.Call[demov1.UpdateProfileRequest]) (*demov1.UpdateProfileResponse, error) {
	w.ran.Add(1)
	return w.service.UpdateProfile(ctx, call)
}

func (w *countingHandler) DeleteUser(ctx context.Context, call *action.Call[demov1.DeleteUserRequest]) (*demov1.DeleteUserResponse, error) {
	w.ran.Add(1)
	return w.service.DeleteUser(ctx, call)
}

func (w *countingHandler) ListUsers(ctx context.Context, call *action.Call[demov1.ListUsersRequest]) (*demov1.ListUsersResponse, error) {
	w.ran.Add(1)
	return w.service.ListUsers(ctx, call)
}

func (w *countingHandler) GrantRole(ctx context.Context, call *action.Call[demov1.GrantRoleRequest]) (*demov1.GrantRoleResponse, error) {
	w.ran.Add(1)
	return w.service.GrantRole(ctx, call)
}

func (w *countingHandler) WatchUsers(ctx context.Context, call *action.Call[demov1.WatchUsersRequest], out *action.ServerStream[demov1.WatchUsersResponse]) error {
	w.ran.Add(1)
	w.streams.Add(1)
	defer w.left.Add(1)
	return w.service.WatchUsers(ctx, call, out)
}

func (w *countingHandler) ImportUsers(ctx context.Context, in *action.ClientStream[demov1.ImportUsersRequest]) (*demov1.ImportUsersResponse, error) {
	w.ran.Add(1)
	w.streams.Add(1)
	defer w.left.Add(1)
	return w.service.ImportUsers(ctx, in)
}

func (w *countingHandler) SyncProfiles(ctx context.Context, in *action.BidiStream[demov1.SyncProfilesRequest, demov1.SyncProfilesResponse]) error {
	w.ran.Add(1)
	w.streams.Add(1)
	defer w.left.Add(1)
	return w.service.SyncProfiles(ctx, in)
}

// recorder keeps decisions, and logs them as the demo does.
type recorder struct {
	event.Recorder

	mu     sync.Mutex
	denied []event.Decision
}

func (d *recorder) Record(ctx context.Context, e *event.Event) error {
	d.mu.Lock()
	// What came to no gate leaves an event of its own kind.
	if e.Outcome == event.Deny && e.Kind != event.Ended && e.Kind != event.Refused {
		d.denied = append(d.denied, e.Decision)
	}
	d.mu.Unlock()
	return d.Recorder.Record(ctx, e)
}

// takeDenials returns the codes of the denials since the last time.
func (d *recorder) takeDenials() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	var codes []string
	for _, decision := range d.denied {
		codes = append(codes, decision.Code.String())
	}
	d.denied = nil
	return codes
}

// lines is a log, down to the last detail.
type logBuffer struct {
	mu     sync.Mutex
	buffer bytes.Buffer
}

func (l *logBuffer) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buffer.Write(line)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buffer.String()
}
