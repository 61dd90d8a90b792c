package account_test

import (
	"maps"
	"testing"
	"time"

	"connectrpc.com/connect/v2"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/sallyport-rpc/sallyport/action/actiontest"
	demov1 "github.com/sallyport-rpc/sallyport/gen/demo/v1"
	"github.com/sallyport-rpc/sallyport/gen/demo/v1/demov1action"
)

// TestMatrix asks the gates alone, over every protocol.
func TestMatrix(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	names := []string{"nobody", "member", "other", "auditor", "admin"}
	callers := []actiontest.Caller{{Name: "nobody"}}
	for _, name := range names[1:] {
		callers = append(callers, actiontest.Bearer(name, h.tokens[name]))
	}
	const (
		yes     = actiontest.Allowed
		no      = connect.CodePermissionDenied
		who     = connect.CodeUnauthenticated
		invalid = connect.CodeInvalidArgument
	)
	// Each caller has a parameter, so none can be left out.
	want := func(nobody, member, other, auditor, admin connect.Code) map[string]connect.Code {
		return maps.Collect(func(yield func(string, connect.Code) bool) {
			for i, code := range []connect.Code{nobody, member, other, auditor, admin} {
				if !yield(names[i], code) {
					return
				}
			}
		})
	}
	all := func(code connect.Code) map[string]connect.Code { return want(code, code, code, code, code) }
	member := h.ids["member"]
	actiontest.Matrix(t, h.registry, callers, []actiontest.Expectation{
		{Procedure: demov1action.AccountServiceSignUpProcedure, Want: all(yes),
			Request: &demov1.SignUpRequest{Name: "New", Email: "new@example.com", Password: "a new password"}},
		{Procedure: demov1action.AccountServiceSignUpProcedure, Case: "invalid", Want: all(invalid)},
		{Procedure: demov1action.AccountServiceSignInProcedure, Want: all(yes),
			Request: &demov1.SignInRequest{Email: "member@example.com", Password: "wrong"}},
		{Procedure: demov1action.AccountServiceSignInProcedure, Case: "invalid", Want: all(invalid)},
		{Procedure: demov1action.AccountServiceSignOutProcedure, Want: want(who, yes, yes, yes, yes)},
		{Procedure: demov1action.AccountServiceCreateApiKeyProcedure, Want: want(who, yes, yes, yes, yes),
			Request: &demov1.CreateApiKeyRequest{Name: "nightly backup", Lifetime: durationpb.New(time.Hour)}},
		{Procedure: demov1action.AccountServiceCreateApiKeyProcedure, Case: "invalid", Want: all(invalid)},
		{Procedure: demov1action.AccountServiceListApiKeysProcedure, Want: want(who, yes, yes, yes, yes)},
		{Procedure: demov1action.AccountServiceRevokeApiKeyProcedure, Want: want(who, yes, yes, yes, yes),
			Request: &demov1.RevokeApiKeyRequest{Id: "none"}},
		{Procedure: demov1action.AccountServiceRevokeApiKeyProcedure, Case: "invalid", Want: all(invalid)},
		{Procedure: demov1action.AccountServiceGetUserProcedure, Want: want(who, yes, no, yes, yes),
			Request: &demov1.GetUserRequest{UserId: member}},
		{Procedure: demov1action.AccountServiceGetUserProcedure, Case: "invalid", Want: all(invalid)},
		{Procedure: demov1action.AccountServiceUpdateProfileProcedure, Want: want(who, yes, no, no, no),
			Request: &demov1.UpdateProfileRequest{UserId: member, Name: "New", Email: "new@example.com"}},
		{Procedure: demov1action.AccountServiceUpdateProfileProcedure, Case: "invalid", Want: all(invalid),
			Request: &demov1.UpdateProfileRequest{UserId: member, Name: "New", Email: "none"}},
		{Procedure: demov1action.AccountServiceDeleteUserProcedure, Want: want(who, yes, no, no, yes),
			Request: &demov1.DeleteUserRequest{UserId: member}},
		{Procedure: demov1action.AccountServiceDeleteUserProcedure, Case: "invalid", Want: all(invalid)},
		{Procedure: demov1action.AccountServiceListUsersProcedure, Want: want(who, no, no, yes, yes)},
		{Procedure: demov1action.AccountServiceListUsersProcedure, Case: "invalid", Want: all(invalid),
			Request: &demov1.ListUsersRequest{PageSize: -1}},
		{Procedure: demov1action.AccountServiceGrantRoleProcedure, Want: want(who, no, no, no, yes),
			Request: &demov1.GrantRoleRequest{UserId: member, Role: "admin"}},
		{Procedure: demov1action.AccountServiceGrantRoleProcedure, Case: "invalid", Want: all(invalid),
			Request: &demov1.GrantRoleRequest{UserId: member, Role: "Admin"}},
		{Procedure: demov1action.AccountServiceWatchUsersProcedure, Want: want(who, no, no, yes, yes)},
		{Procedure: demov1action.AccountServiceImportUsersProcedure, Want: want(who, no, no, no, yes),
			Request: &demov1.ImportUsersRequest{Name: "New", Email: "new@example.com"}},
		{Procedure: demov1action.AccountServiceImportUsersProcedure, Case: "invalid", Want: all(invalid),
			Request: &demov1.ImportUsersRequest{Name: "New", Email: "none"}},
		{Procedure: demov1action.AccountServiceSyncProfilesProcedure, Want: want(who, yes, no, no, no),
			Request: &demov1.SyncProfilesRequest{UserId: member, Name: "New", Email: "new@example.com"}},
		{Procedure: demov1action.AccountServiceSyncProfilesProcedure, Case: "invalid", Want: all(invalid),
			Request: &demov1.SyncProfilesRequest{UserId: member, Name: "", Email: "new@example.com"}},
	})
}
