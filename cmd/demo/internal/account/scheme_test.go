package account_test

import (
	"testing"
	"time"

	"connectrpc.com/connect/v2"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/sallyport-rpc/sallyport/action/actiontest"
	demov1 "github.com/sallyport-rpc/sallyport/gen/demo/v1"
	"github.com/sallyport-rpc/sallyport/gen/demo/v1/demov1client"
)

// TestSchemes is [TestMatrix] by the way in which callers sign in: a role is not all
// that counts.
func TestSchemes(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.age(t, "auditor", 16*time.Minute)
	const (
		yes = actiontest.Allowed
		no  = connect.CodePermissionDenied
		who = connect.CodeUnauthenticated
	)
	callers := []actiontest.Caller{
		actiontest.Bearer("session, old", f.tokens["auditor"]),
		actiontest.Bearer("key, member", f.ownKeys["member"].secret),
		actiontest.Bearer("key, admin", f.ownKeys["admin"].secret),
		// It is about the issuer's member of that name, and not the directory's.
		actiontest.Bearer("token, member", newToken(t, f.ids["member"], 0, "member")),
		actiontest.Bearer("token, admin", newToken(t, "ada", 5*time.Minute, "admin")),
		actiontest.Bearer("token, admin, old", newToken(t, "ada", 16*time.Minute, "admin")),
		actiontest.Bearer("token, admin, undated", newToken(t, "ada", -1, "admin")),
		actiontest.Bearer("token, king", newToken(t, "ada", 0, "king")),
	}
	member := f.ids["member"]
	// The codes are in the order of the callers.
	row := func(procedure string, request proto.Message, codes ...connect.Code) actiontest.Expectation {
		want := map[string]connect.Code{}
		for i, code := range codes {
			want[callers[i].Name] = code
		}
		return actiontest.Expectation{Procedure: procedure, Request: request, Want: want}
	}
	actiontest.Matrix(t, f.registry, callers, []actiontest.Expectation{
		row(demov1client.AccountServiceSignUpProcedure, &demov1.SignUpRequest{Name: "New", Email: "new@example.com", Password: "a new password"},
			yes, yes, yes, yes, yes, yes, yes, yes),
		row(demov1client.AccountServiceSignInProcedure, &demov1.SignInRequest{Email: "member@example.com", Password: "wrong"},
			yes, yes, yes, yes, yes, yes, yes, yes),
		row(demov1client.AccountServiceSignOutProcedure, nil,
			yes, who, who, who, who, who, who, who),
		row(demov1client.AccountServiceGetUserProcedure, &demov1.GetUserRequest{UserId: member},
			yes, yes, yes, no, yes, yes, yes, no),
		row(demov1client.AccountServiceUpdateProfileProcedure, &demov1.UpdateProfileRequest{UserId: member, Name: "New", Email: "new@example.com"},
			no, yes, no, no, no, no, no, no),
		row(demov1client.AccountServiceDeleteUserProcedure, &demov1.DeleteUserRequest{UserId: member},
			who, who, who, no, yes, who, who, no),
		row(demov1client.AccountServiceListUsersProcedure, nil,
			yes, no, yes, no, yes, yes, yes, no),
		row(demov1client.AccountServiceGrantRoleProcedure, &demov1.GrantRoleRequest{UserId: member, Role: "admin"},
			no, no, no, no, yes, yes, yes, no),
		row(demov1client.AccountServiceWatchUsersProcedure, nil,
			yes, no, yes, no, yes, yes, yes, no),
		row(demov1client.AccountServiceImportUsersProcedure, &demov1.ImportUsersRequest{Name: "New", Email: "new@example.com"},
			no, no, yes, no, yes, yes, yes, no),
		row(demov1client.AccountServiceSyncProfilesProcedure, &demov1.SyncProfilesRequest{UserId: member, Name: "New", Email: "new@example.com"},
			no, yes, no, no, no, no, no, no),
		row(demov1client.AccountServiceCreateApiKeyProcedure, &demov1.CreateApiKeyRequest{Name: "backup", Lifetime: durationpb.New(time.Hour), Scopes: []string{demov1client.ScopeUsersRead}},
			yes, who, who, who, who, who, who, who),
		row(demov1client.AccountServiceListApiKeysProcedure, nil,
			yes, who, who, who, who, who, who, who),
		row(demov1client.AccountServiceRevokeApiKeyProcedure, &demov1.RevokeApiKeyRequest{Id: f.ownKeys["member"].id},
			yes, who, who, who, who, who, who, who),
	})
}

// TestFreshSignIn is about DeleteUser, which a stolen session must not be enough for.
func TestFreshSignIn(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.serve(t)
	request := `{"userId":"` + f.ids["member"] + `"}`
	f.age(t, "member", 16*time.Minute)
	before := f.dump(t)
	reply := f.post(t, demov1client.AccountServiceDeleteUserProcedure, f.tokens["member"], request)
	if reply.status != 401 || reply.body != `{"code":"unauthenticated","message":"a valid credential is needed"}` {
		t.Errorf("with an old session: %d %s", reply.status, reply.body)
	}
	// What RFC 9470 has for it.
	const stepUp = `Bearer realm="` + audience + `", error="insufficient_user_authentication", max_age="900"`
	if challenges := reply.header.Values("WWW-Authenticate"); len(challenges) != 2 || challenges[1] != stepUp {
		t.Errorf("the challenges are %q", challenges)
	}
	if f.handler.ran.Load() != 0 || len(before) != len(f.dump(t)) {
		t.Error("the handler ran")
	}
	if got := knows(t, f, "member", f.tokens["member"]); got != 0 {
		t.Errorf("what needs no fresh sign-in: %s", got)
	}
	// A key never signed in.
	if reply := f.post(t, demov1client.AccountServiceDeleteUserProcedure, f.ownKeys["member"].secret, request); reply.status != 401 {
		t.Errorf("with a key: %d %s", reply.status, reply.body)
	}
	again, err := f.client(t, f.tokens["member"]).SignIn(t.Context(), &demov1.SignInRequest{Email: "member@example.com", Password: pass})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.client(t, again.GetSessionToken()).DeleteUser(t.Context(), &demov1.DeleteUserRequest{UserId: f.ids["member"]}); err != nil {
		t.Errorf("having signed in again: %v", err)
	}
	// The time is not up yet.
	f.age(t, "other", 10*time.Minute)
	if _, err := f.client(t, f.tokens["other"]).DeleteUser(t.Context(), &demov1.DeleteUserRequest{UserId: f.ids["other"]}); err != nil {
		t.Errorf("with a session that is not old: %v", err)
	}
}

// age lets a user have signed in some time ago.
func (f *fixture) age(t *testing.T, name string, ago time.Duration) {
	t.Helper()
	f.change(t, `UPDATE sessions SET data = json_set(data, '$.authenticated_at', ?)
		WHERE user_id = ? AND data ->> 'authenticated_at' IS NOT NULL`, time.Now().Add(-ago).UTC().Format(time.RFC3339Nano), f.ids[name])
}
