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

// down is a store of sessions that does not work.
type down struct{}

var errBroken = errors.New("the disk is on fire")

func (down) Find(string) ([]byte, bool, error)      { return nil, false, errBroken }
func (down) Commit(string, []byte, time.Time) error { return errBroken }
func (down) Delete(string) error                    { return errBroken }

func TestFaults(t *testing.T) {
	t.Parallel()
	signIn := func(ctx context.Context, t *testing.T, h *house) error {
		_, err := h.service.SignIn(ctx, actiontest.NewAnonymousCall(t, &demov1.SignInRequest{Email: "member@example.com", Password: pass}))
		return err
	}
	signInUnknown := func(ctx context.Context, t *testing.T, h *house) error {
		_, err := h.service.SignIn(ctx, actiontest.NewAnonymousCall(t, &demov1.SignInRequest{Email: "nobody@example.com", Password: pass}))
		return err
	}
	signUp := func(ctx context.Context, t *testing.T, h *house) error {
		_, err := h.service.SignUp(ctx, actiontest.NewAnonymousCall(t, &demov1.SignUpRequest{Name: "New", Email: "new@example.com", Password: pass}))
		return err
	}
	get := func(ctx context.Context, t *testing.T, h *house) error {
		_, err := h.service.GetUser(ctx, as(t, h, "admin", &demov1.GetUserRequest{UserId: h.ids["member"]}))
		return err
	}
	remove := func(ctx context.Context, t *testing.T, h *house) error {
		_, err := h.service.DeleteUser(ctx, as(t, h, "admin", &demov1.DeleteUserRequest{UserId: h.ids["member"]}))
		return err
	}
	busy := func(_ *testing.T, h *house) { h.passwords.err = password.ErrBusy }
	closed := func(t *testing.T, h *house) {
		if err := h.users.Close(); err != nil {
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
		harm   func(*testing.T, *house)
		stores []scs.Store // of sessions, in place of the database's
		call   func(context.Context, *testing.T, *house) error
		want   connect.Code
		text   string
		logged string // "" for nothing
	}{
		"busy, signing in":               {harm: busy, call: signIn, want: connect.CodeResourceExhausted, text: "too many passwords are being checked, try again soon"},
		"busy, signing in as nobody":     {harm: busy, call: signInUnknown, want: connect.CodeResourceExhausted, text: "too many passwords are being checked, try again soon"},
		"busy, signing up":               {harm: busy, call: signUp, want: connect.CodeResourceExhausted, text: "too many passwords are being checked, try again soon"},
		"no session store, signing in":   {stores: broken, call: signIn, want: connect.CodeUnavailable, text: "temporarily unavailable", logged: errBroken.Error()},
		"no session store, signing up":   {stores: broken, call: signUp, want: connect.CodeUnavailable, text: "temporarily unavailable", logged: errBroken.Error()},
		"no session store, deleting":     {stores: broken, call: remove, want: connect.CodeUnavailable, text: "temporarily unavailable", logged: errBroken.Error()},
		"no database, signing in":        {harm: closed, call: signIn, want: connect.CodeInternal, text: "internal error", logged: "database is closed"},
		"no database, signing up":        {harm: closed, call: signUp, want: connect.CodeInternal, text: "internal error", logged: "database is closed"},
		"no database, getting":           {harm: closed, call: get, want: connect.CodeInternal, text: "internal error", logged: "database is closed"},
		"the caller is gone":             {ctx: canceled, call: get, want: connect.CodeCanceled, text: "canceled"},
		"the caller is gone, signing in": {ctx: canceled, call: signIn, want: connect.CodeCanceled, text: "canceled"},
		"the caller's time is over":      {ctx: late, call: get, want: connect.CodeDeadlineExceeded, text: "deadline exceeded"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t, test.stores...)
			if test.harm != nil {
				test.harm(t, h)
			}
			ctx := t.Context()
			if test.ctx != nil {
				ctx = test.ctx
			}
			err := test.call(ctx, t, h)
			failure, ok := errors.AsType[*connect.Error](err)
			if !ok || failure.Code() != test.want || failure.Message() != test.text || len(failure.Details()) > 0 {
				t.Errorf("got %v", err)
			}
			if log := h.log.String(); !strings.Contains(log, test.logged) || test.logged == "" && log != "" {
				t.Errorf("the log is %q", log)
			}
		})
	}
}

// TestFaultsTellNothing is about the wire: there, too, the cause stays at home.
func TestFaultsTellNothing(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.serve(t)
	h.change(t, "UPDATE users SET password_hash = 'unreadable' WHERE email = ?", "member@example.com")
	h.passwords.err = errBroken
	for _, email := range []string{"member@example.com", "nobody@example.com"} {
		reply := h.post(t, "/demo.v1.AccountService/SignIn", "", `{"email":"`+email+`","password":"`+pass+`"}`)
		if reply.status != 500 || reply.body != `{"code":"internal","message":"internal error"}` {
			t.Errorf("got %d %s", reply.status, reply.body)
		}
	}
	if log := h.log.String(); strings.Count(log, `msg="handler failed" procedure=/demo.v1.AccountService/SignIn error="the disk is on fire"`) != 2 {
		t.Errorf("the log is %s", log)
	}
}
