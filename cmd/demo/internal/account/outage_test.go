package account_test

import (
	"context"
	"database/sql"
	"errors"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"connectrpc.com/connect/v2"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/sallyport-rpc/sallyport/cmd/demo/internal/directory"
	demov1 "github.com/sallyport-rpc/sallyport/gen/demo/v1"
	"github.com/sallyport-rpc/sallyport/gen/demo/v1/demov1client"
)

// writing are the actions that write, as an admin calls them.
func writing(f *fixture) map[string]func(context.Context, demov1client.AccountServiceClient) error {
	return map[string]func(context.Context, demov1client.AccountServiceClient) error{
		"SignUp": func(ctx context.Context, client demov1client.AccountServiceClient) error {
			_, err := client.SignUp(ctx, &demov1.SignUpRequest{Name: "New", Email: "new@example.com", Password: pass})
			return err
		},
		"SignIn": func(ctx context.Context, client demov1client.AccountServiceClient) error {
			_, err := client.SignIn(ctx, &demov1.SignInRequest{Email: "member@example.com", Password: pass})
			return err
		},
		"SignOut": func(ctx context.Context, client demov1client.AccountServiceClient) error {
			_, err := client.SignOut(ctx, &demov1.SignOutRequest{})
			return err
		},
		"UpdateProfile": func(ctx context.Context, client demov1client.AccountServiceClient) error {
			_, err := client.UpdateProfile(ctx, &demov1.UpdateProfileRequest{UserId: f.ids["admin"], Name: "New", Email: "new@example.com"})
			return err
		},
		"DeleteUser": func(ctx context.Context, client demov1client.AccountServiceClient) error {
			_, err := client.DeleteUser(ctx, &demov1.DeleteUserRequest{UserId: f.ids["member"]})
			return err
		},
		"GrantRole": func(ctx context.Context, client demov1client.AccountServiceClient) error {
			_, err := client.GrantRole(ctx, &demov1.GrantRoleRequest{UserId: f.ids["member"], Role: "auditor"})
			return err
		},
		"ImportUsers": func(ctx context.Context, client demov1client.AccountServiceClient) error {
			_, err := ingest(ctx, client, [][2]string{{"New", "new@example.com"}})
			return err
		},
		"CreateApiKey": func(ctx context.Context, client demov1client.AccountServiceClient) error {
			_, err := client.CreateApiKey(ctx, &demov1.CreateApiKeyRequest{Name: "key", Lifetime: durationpb.New(time.Hour), Scopes: []string{demov1client.ScopeUsersRead}})
			return err
		},
		"RevokeApiKey": func(ctx context.Context, client demov1client.AccountServiceClient) error {
			_, err := client.RevokeApiKey(ctx, &demov1.RevokeApiKeyRequest{Id: f.ownKeys["admin"].id})
			return err
		},
		"SyncProfiles": func(ctx context.Context, client demov1client.AccountServiceClient) error {
			stream, err := client.SyncProfiles(ctx)
			if err != nil {
				return err
			}
			if err := stream.Send(&demov1.SyncProfilesRequest{UserId: f.ids["admin"], Name: "New", Email: "new@example.com"}); err != nil {
				return err
			}
			_, err = stream.Receive()
			return err
		},
	}
}

// TestLockedDatabase has another process hold the lock on the database: every action that
// writes answers the same, and the log names the file and what to do.
func TestLockedDatabase(t *testing.T) {
	t.Parallel()
	f := newFixtureWith(t, directory.Config{Patience: time.Millisecond})
	f.serve(t)
	admin := f.client(t, f.tokens["admin"])
	db, err := sql.Open("sqlite", f.path+"?_txlock=immediate")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	holder, err := db.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	before := f.dump(t)
	for name, call := range writing(f) {
		if err := call(t.Context(), admin); connect.CodeOf(err) != connect.CodeUnavailable || !strings.Contains(err.Error(), "temporarily unavailable") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if after := f.dump(t); strings.Join(before, "\n") != strings.Join(after, "\n") {
		t.Error("the database has changed")
	}
	if reply := f.post(t, demov1client.AccountServiceGetUserProcedure, f.tokens["admin"], `{"userId":"`+f.ids["admin"]+`"}`); reply.status != http.StatusOK {
		t.Errorf("reading: %d %s", reply.status, reply.body)
	}
	if log := f.log.String(); !strings.Contains(log, filepath.Base(f.path)) || !strings.Contains(log, "is locked by another process: stop that process") {
		t.Errorf("the log is %s", log)
	}
	if err := holder.Rollback(); err != nil {
		t.Fatal(err)
	}
	if err := writing(f)["GrantRole"](t.Context(), admin); err != nil {
		t.Errorf("once the lock is free: %v", err)
	}
}

// TestFullDatabase serves a database that has reached its size limit.
func TestFullDatabase(t *testing.T) {
	t.Parallel()
	f := newFixtureWith(t, directory.Config{MaxBytes: 1})
	f.limits.off.Store(true) // it takes many calls to fill a page
	f.serve(t)
	for name, call := range map[string]func(context.Context, demov1client.AccountServiceClient) error{
		"SignUp": writing(f)["SignUp"], "ImportUsers": writing(f)["ImportUsers"],
		// These fit into the pages that there are, until no page has room.
		"SignIn":       many(writing(f)["SignIn"]),
		"CreateApiKey": many(writing(f)["CreateApiKey"]),
	} {
		token := f.tokens["admin"]
		if strings.HasPrefix(name, "Sign") { // it would end the session that it carries
			token = ""
		}
		err := call(t.Context(), f.client(t, token))
		if connect.CodeOf(err) != connect.CodeUnavailable || !strings.Contains(err.Error(), "temporarily unavailable") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if log := f.log.String(); !strings.Contains(log, filepath.Base(f.path)) || !strings.Contains(log, "delete accounts") {
		t.Errorf("the log is %s", log)
	}
	if err := writing(f)["DeleteUser"](t.Context(), f.client(t, f.tokens["admin"])); err != nil {
		t.Errorf("deleting an account, to make room: %v", err)
	}
}

var errNoFailure = errors.New("no call failed")

// many repeats a call until it fails.
func many(call func(context.Context, demov1client.AccountServiceClient) error) func(context.Context, demov1client.AccountServiceClient) error {
	return func(ctx context.Context, client demov1client.AccountServiceClient) error {
		for range 90 {
			if err := call(ctx, client); err != nil {
				return err
			}
		}
		return errNoFailure
	}
}
