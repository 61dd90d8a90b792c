package account_test

import (
	"maps"
	"testing"
	"time"

	"connectrpc.com/connect/v2"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/sallyport-rpc/sallyport/action/actiontest"
	demov1 "github.com/sallyport-rpc/sallyport/gen/demo/v1"
	"github.com/sallyport-rpc/sallyport/gen/demo/v1/demov1client"
)

// TestMatrix asks the gates alone, over every protocol.
func TestMatrix(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	names := []string{"anonymous", "member", "other", "auditor", "admin"}
	callers := []actiontest.Caller{{Name: "anonymous"}}
	for _, name := range names[1:] {
		callers = append(callers, actiontest.Bearer(name, f.tokens[name]))
	}
	const (
		yes     = actiontest.Allowed
		no      = connect.CodePermissionDenied
		who     = connect.CodeUnauthenticated
		invalid = connect.CodeInvalidArgument
	)
	// Each caller has a parameter, so none can be left out.
	want := func(anonymous, member, other, auditor, admin connect.Code) map[string]connect.Code {
		return maps.Collect(func(yield func(string, connect.Code) bool) {
			for i, code := range []connect.Code{anonymous, member, other, auditor, admin} {
				if !yield(names[i], code) {
					return
				}
			}
		})
	}
	all := func(code connect.Code) map[string]connect.Code { return want(code, code, code, code, code) }
	member := f.ids["member"]
	actiontest.Matrix(t, f.registry, callers, []actiontest.Expectation{
		{Procedure: demov1client.AccountServiceSignUpProcedure, Want: all(yes),
			Request: &demov1.SignUpRequest{Name: "New", Email: "new@example.com", Password: "a new password"}},
		{Procedure: demov1client.AccountServiceSignUpProcedure, Case: "invalid", Want: all(invalid)},
		{Procedure: demov1client.AccountServiceSignInProcedure, Want: all(yes),
			Request: &demov1.SignInRequest{Email: "member@example.com", Password: "wrong"}},
		{Procedure: demov1client.AccountServiceSignInProcedure, Case: "invalid", Want: all(invalid)},
		{Procedure: demov1client.AccountServiceSignOutProcedure, Want: want(who, yes, yes, yes, yes)},
		{Procedure: demov1client.AccountServiceCreateApiKeyProcedure, Want: want(who, yes, yes, yes, yes),
			Request: &demov1.CreateApiKeyRequest{Name: "nightly backup", Lifetime: durationpb.New(time.Hour), Scopes: []string{demov1client.ScopeUsersRead}}},
		{Procedure: demov1client.AccountServiceCreateApiKeyProcedure, Case: "invalid", Want: all(invalid)},
		{Procedure: demov1client.AccountServiceListApiKeysProcedure, Want: want(who, yes, yes, yes, yes)},
		{Procedure: demov1client.AccountServiceRevokeApiKeyProcedure, Want: want(who, yes, yes, yes, yes),
			Request: &demov1.RevokeApiKeyRequest{Id: "none"}},
		{Procedure: demov1client.AccountServiceRevokeApiKeyProcedure, Case: "invalid", Want: all(invalid)},
		{Procedure: demov1client.AccountServiceGetUserProcedure, Want: want(who, yes, no, yes, yes),
			Request: &demov1.GetUserRequest{UserId: member}},
		{Procedure: demov1client.AccountServiceGetUserProcedure, Case: "invalid", Want: all(invalid)},
		{Procedure: demov1client.AccountServiceUpdateProfileProcedure, Want: want(who, yes, no, no, no),
			Request: &demov1.UpdateProfileRequest{UserId: member, Name: "New", Email: "new@example.com"}},
		{Procedure: demov1client.AccountServiceUpdateProfileProcedure, Case: "invalid", Want: all(invalid),
			Request: &demov1.UpdateProfileRequest{UserId: member, Name: "New", Email: "none"}},
		{Procedure: demov1client.AccountServiceDeleteUserProcedure, Want: want(who, yes, no, no, yes),
			Request: &demov1.DeleteUserRequest{UserId: member}},
		{Procedure: demov1client.AccountServiceDeleteUserProcedure, Case: "invalid", Want: all(invalid)},
		{Procedure: demov1client.AccountServiceListUsersProcedure, Want: want(who, no, no, yes, yes)},
		{Procedure: demov1client.AccountServiceListUsersProcedure, Case: "invalid", Want: all(invalid),
			Request: &demov1.ListUsersRequest{PageSize: -1}},
		{Procedure: demov1client.AccountServiceGrantRoleProcedure, Want: want(who, no, no, no, yes),
			Request: &demov1.GrantRoleRequest{UserId: member, Role: "admin"}},
		{Procedure: demov1client.AccountServiceGrantRoleProcedure, Case: "invalid", Want: all(invalid),
			Request: &demov1.GrantRoleRequest{UserId: member, Role: "Admin"}},
		{Procedure: demov1client.AccountServiceWatchUsersProcedure, Want: want(who, no, no, yes, yes)},
		{Procedure: demov1client.AccountServiceImportUsersProcedure, Want: want(who, no, no, no, yes),
			Request: &demov1.ImportUsersRequest{Name: "New", Email: "new@example.com"}},
		{Procedure: demov1client.AccountServiceImportUsersProcedure, Case: "invalid", Want: all(invalid),
			Request: &demov1.ImportUsersRequest{Name: "New", Email: "none"}},
		{Procedure: demov1client.AccountServiceSyncProfilesProcedure, Want: want(who, yes, no, no, no),
			Request: &demov1.SyncProfilesRequest{UserId: member, Name: "New", Email: "new@example.com"}},
		{Procedure: demov1client.AccountServiceSyncProfilesProcedure, Case: "invalid", Want: all(invalid),
			Request: &demov1.SyncProfilesRequest{UserId: member, Name: "", Email: "new@example.com"}},
	})
}
