package account_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"connectrpc.com/connect/v2"
	"github.com/alexedwards/scs/v2"

	"github.com/sallyport-rpc/sallyport/action/actiontest"
	"github.com/sallyport-rpc/sallyport/cmd/demo/internal/password"
	demov1 "github.com/sallyport-rpc/sallyport/gen/demo/v1"
)

// down is a store of sessions that fails.
type down struct{}

var errBroken = errors.New("the disk is on fire")

func (down) Find(string) ([]byte, bool, error)      { return nil, false, errBroken }
func (down) Commit(string, []byte, time.Time) error { return errBroken }
func (down) Delete(string) error                    { return errBroken }

func TestFaults(t *testing.T) {
	t.Parallel()
	signIn := func(ctx context.Context, t *testing.T, f *fixture) error {
		_, err := f.service.SignIn(ctx, actiontest.NewAnonymousCall(t, &demov1.SignInRequest{Email: "member@example.com", Password: pass}))
		return err
	}
	signInUnknown := func(ctx context.Context, t *testing.T, f *fixture) error {
		_, err := f.service.SignIn(ctx, actiontest.NewAnonymousCall(t, &demov1.SignInRequest{Email: "unknown@example.com", Password: pass}))
		return err
	}
	signUp := func(ctx context.Context, t *testing.T, f *fixture) error {
		_, err := f.service.SignUp(ctx, actiontest.NewAnonymousCall(t, &demov1.SignUpRequest{Name: "New", Email: "new@example.com", Password: pass}))
		return err
	}
	get := func(ctx context.Context, t *testing.T, f *fixture) error {
		_, err := f.service.GetUser(ctx, as(t, f, "admin", &demov1.GetUserRequest{UserId: f.ids["member"]}))
		return err
	}
	remove := func(ctx context.Context, t *testing.T, f *fixture) error {
		_, err := f.service.DeleteUser(ctx, as(t, f, "admin", &demov1.DeleteUserRequest{UserId: f.ids["member"]}))
		return err
	}
	busy := func(_ *testing.T, f *fixture) { f.passwords.err = password.ErrBusy }
	closed := func(t *testing.T, f *fixture) {
		if err := f.users.Close(); err != nil {
			t.Fatal(err)
		}
	}
	broken := []scs.Store{down{}}
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	late, cancel := context.WithDeadline(t.Context(), time.Unix(1, 0))
	t.Cleanup(cancel)
	for name, test := range map[string]struct {
		ctx    context.Context // the test's, by default
		harm   func(*testing.T, *fixture)
		stores []scs.Store // of sessions, in place of the database's
		call   func(context.Context, *testing.T, *fixture) error
		want   connect.Code
		text   string
		cause  string // "" for one that the caller brought about
	}{
		"busy, signing in":                    {harm: busy, call: signIn, want: connect.CodeResourceExhausted, text: "too many passwords are waiting to be checked, try again soon"},
		"busy, signing in as an unknown user": {harm: busy, call: signInUnknown, want: connect.CodeResourceExhausted, text: "too many passwords are waiting to be checked, try again soon"},
		"busy, signing up":                    {harm: busy, call: signUp, want: connect.CodeResourceExhausted, text: "too many passwords are waiting to be checked, try again soon"},
		"no session store, signing in":        {stores: broken, call: signIn, want: connect.CodeUnavailable, text: "temporarily unavailable", cause: errBroken.Error()},
		"no session store, signing up":        {stores: broken, call: signUp, want: connect.CodeUnavailable, text: "temporarily unavailable", cause: errBroken.Error()},
		"no session store, deleting":          {stores: broken, call: remove, want: connect.CodeUnavailable, text: "temporarily unavailable", cause: errBroken.Error()},
		"no database, deleting":               {harm: closed, call: remove, want: connect.CodeInternal, text: "internal error", cause: "database is closed"},
		"no database, signing in":             {harm: closed, call: signIn, want: connect.CodeInternal, text: "internal error", cause: "database is closed"},
		"no database, signing up":             {harm: closed, call: signUp, want: connect.CodeInternal, text: "internal error", cause: "database is closed"},
		"no database, getting":                {harm: closed, call: get, want: connect.CodeInternal, text: "internal error", cause: "database is closed"},
		"the caller is gone":                  {ctx: canceled, call: get, want: connect.CodeCanceled, text: "canceled"},
		"the caller is gone, signing in":      {ctx: canceled, call: signIn, want: connect.CodeCanceled, text: "canceled"},
		"the caller's time is over":           {ctx: late, call: get, want: connect.CodeDeadlineExceeded, text: "deadline exceeded"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, test.stores...)
			if test.harm != nil {
				test.harm(t, f)
			}
			ctx := t.Context()
			if test.ctx != nil {
				ctx = test.ctx
			}
			err := test.call(ctx, t, f)
			failure, ok := errors.AsType[*connect.Error](err)
			if !ok || failure.Code() != test.want || failure.Message() != test.text || len(failure.Details()) > 0 {
				t.Errorf("got %v", err)
			}
			if cause := errors.Unwrap(failure); cause == nil || !strings.Contains(cause.Error(), test.cause) {
				t.Errorf("the cause is %v, want %q", cause, test.cause)
			}
			if log := f.log.String(); log != "" {
				t.Errorf("the handler logs %q beside the event", log)
			}
		})
	}
}

// TestFaultsOnTheWire looks for the cause of a fault: it is not in the answer, and in the
// log once for each call.
func TestFaultsOnTheWire(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.serve(t)
	f.change(t, "UPDATE users SET password_hash = 'unreadable' WHERE email = ?", "member@example.com")
	f.passwords.err = errBroken
	for _, email := range []string{"member@example.com", "unknown@example.com"} {
		reply := f.post(t, "/demo.v1.AccountService/SignIn", "", `{"email":"`+email+`","password":"`+pass+`"}`)
		if reply.status != 500 || reply.body != `{"code":"internal","message":"internal error"}` {
			t.Errorf("got %d %s", reply.status, reply.body)
		}
	}
	log := f.log.String()
	if strings.Count(log, "the disk is on fire") != 2 || strings.Count(log, "level=ERROR msg=ended") != 2 {
		t.Errorf("the log is %s", log)
	}
}
