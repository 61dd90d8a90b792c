package actiontest_test

import (
	"context"
	"errors"
	"io"
	"testing"
	"time"

	"connectrpc.com/connect/v2"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/action/actiontest"
	"github.com/sallyport-rpc/sallyport/action/event"
	"github.com/sallyport-rpc/sallyport/authn"
	demov1 "github.com/sallyport-rpc/sallyport/gen/demo/v1"
	"github.com/sallyport-rpc/sallyport/gen/demo/v1/demov1action"
	"github.com/sallyport-rpc/sallyport/gen/demo/v1/demov1client"
)

// accounts are the handlers that docs/guides/testing.md and the examples test. It has
// some of the service; the others are not called.
type accounts struct {
	demov1action.AccountServiceHandler
}

func (accounts) SignUp(_ context.Context, call *action.AnonymousCall[demov1.SignUpRequest]) (*demov1.SignUpResponse, error) {
	return &demov1.SignUpResponse{UserId: "id of " + call.Message().GetName()}, nil
}

func (accounts) SignOut(context.Context, *action.Call[demov1.SignOutRequest]) (*demov1.SignOutResponse, error) {
	return &demov1.SignOutResponse{}, nil
}

func (accounts) GetUser(_ context.Context, call *action.Call[demov1.GetUserRequest]) (*demov1.GetUserResponse, error) {
	return &demov1.GetUserResponse{User: &demov1.User{Id: call.Message().GetUserId()}}, nil
}

func (accounts) WatchUsers(_ context.Context, _ *action.Call[demov1.WatchUsersRequest], out *action.ServerStream[demov1.WatchUsersResponse]) error {
	for _, id := range []string{"ann", "ben"} {
		change := &demov1.WatchUsersResponse{Change: demov1.WatchUsersResponse_CHANGE_PRESENT, User: &demov1.User{Id: id}}
		if err := out.Send(change); err != nil {
			return err
		}
	}
	return nil
}

func (accounts) ImportUsers(_ context.Context, in *action.ClientStream[demov1.ImportUsersRequest]) (*demov1.ImportUsersResponse, error) {
	for imported := int32(0); ; imported++ {
		if _, err := in.Receive(); errors.Is(err, io.EOF) {
			return &demov1.ImportUsersResponse{Imported: imported}, nil
		} else if err != nil {
			return nil, err
		}
	}
}

func (accounts) SyncProfiles(_ context.Context, stream *action.BidiStream[demov1.SyncProfilesRequest, demov1.SyncProfilesResponse]) error {
	for {
		request, err := stream.Receive()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		user := &demov1.User{Id: stream.Principal().ID(), Name: request.GetName()}
		if err := stream.Send(&demov1.SyncProfilesResponse{User: user}); err != nil {
			return err
		}
	}
}

// A handler by itself.
func TestGetUser(t *testing.T) {
	t.Parallel()
	ann := authn.NewPrincipal("ann", authn.Details{Unscoped: true, Roles: []string{demov1client.RoleAdmin}})
	call := actiontest.NewCall(t, ann, &demov1.GetUserRequest{UserId: "ben"})
	response, err := accounts{}.GetUser(t.Context(), call)
	if err != nil || response.GetUser().GetId() != "ben" {
		t.Errorf("got %v, %v", response, err)
	}
}

// The handler of a stream by itself, up to its end and with an end in the middle.
func TestSyncProfiles(t *testing.T) {
	t.Parallel()
	ann := authn.NewPrincipal("ann", authn.Details{Unscoped: true})
	requests := actiontest.Requests(&demov1.SyncProfilesRequest{UserId: "ann", Name: "Ann"}, &demov1.SyncProfilesRequest{UserId: "ann", Name: "Anna"})
	signedOut := connect.NewError(connect.CodeUnauthenticated, "signed out")
	for name, test := range map[string]struct {
		script actiontest.Script[demov1.SyncProfilesRequest]
		want   error
	}{
		"ended by the client": {requests, nil},
		"ended by the gate":   {requests.EndWith(signedOut), signedOut},
	} {
		stream, sent := actiontest.NewBidiStream[demov1.SyncProfilesRequest, demov1.SyncProfilesResponse](t, ann, test.script)
		if err := (accounts{}).SyncProfiles(t.Context(), stream); !errors.Is(err, test.want) {
			t.Errorf("%s: got %v", name, err)
		}
		if got := len(sent.All()); got != 2 {
			t.Errorf("%s: %d responses", name, got)
		}
	}
}

// Who may call what: every action of the registry, as every caller, over every protocol.
func TestAccess(t *testing.T) {
	t.Parallel()
	sessions := actiontest.NewTokens("session", map[string]*authn.Principal{
		"ann": authn.NewPrincipal("ann", authn.Details{Unscoped: true, Roles: []string{demov1client.RoleAdmin}, AuthenticatedAt: time.Now()}),
		"ben": authn.NewPrincipal(ben, authn.Details{Unscoped: true, Roles: []string{demov1client.RoleMember}}),
	})
	registry, err := action.NewRegistry(authn.Schemes{
		"session": sessions,
		"bearer":  actiontest.NewTokens("bearer", nil),
		"apikey":  actiontest.NewTokens("apikey", nil),
	}, action.WithRecorder(discard{}))
	if err != nil {
		t.Fatal(err)
	}
	if err := demov1action.RegisterAccountService(registry, accounts{}); err != nil {
		t.Fatal(err)
	}
	callers := []actiontest.Caller{{Name: "stranger"}, sessions.Caller("ben", "ben"), sessions.Caller("ann", "ann")}
	want := func(stranger, ben, ann connect.Code) map[string]connect.Code {
		return map[string]connect.Code{"stranger": stranger, "ben": ben, "ann": ann}
	}
	const (
		allowed         = actiontest.Allowed
		unauthenticated = connect.CodeUnauthenticated
		denied          = connect.CodePermissionDenied
		invalid         = connect.CodeInvalidArgument
	)
	actiontest.Matrix(t, registry, callers, []actiontest.Expectation{
		{
			Procedure: demov1client.AccountServiceGetUserProcedure, Case: "ben's account",
			Request: &demov1.GetUserRequest{UserId: ben},
			Want:    want(unauthenticated, allowed, allowed),
		},
		{
			Procedure: demov1client.AccountServiceGetUserProcedure, Case: "another account",
			Request: &demov1.GetUserRequest{UserId: other},
			Want:    want(unauthenticated, denied, allowed),
		},
		{
			Procedure: demov1client.AccountServiceGetUserProcedure, Case: "an id that is none",
			Request: &demov1.GetUserRequest{UserId: "x"},
			Want:    want(invalid, invalid, invalid),
		},
		{
			Procedure: demov1client.AccountServiceListUsersProcedure,
			Want:      want(unauthenticated, denied, allowed),
		},
		// … one or more for every other action
		{
			Procedure: demov1client.AccountServiceSignUpProcedure,
			Request:   &demov1.SignUpRequest{Name: "Eve", Email: "eve@example.com", Password: "correct horse battery staple"},
			Want:      want(allowed, allowed, allowed),
		},
		{
			Procedure: demov1client.AccountServiceSignInProcedure,
			Request:   &demov1.SignInRequest{Email: "eve@example.com", Password: "correct horse battery staple"},
			Want:      want(allowed, allowed, allowed),
		},
		{Procedure: demov1client.AccountServiceSignOutProcedure, Want: want(unauthenticated, allowed, allowed)},
		{
			Procedure: demov1client.AccountServiceUpdateProfileProcedure,
			Request:   &demov1.UpdateProfileRequest{UserId: ben, Name: "Ben", Email: "ben@example.com"},
			Want:      want(unauthenticated, allowed, denied),
		},
		{
			Procedure: demov1client.AccountServiceDeleteUserProcedure,
			Request:   &demov1.DeleteUserRequest{UserId: other},
			Want:      want(unauthenticated, unauthenticated, allowed), // ben's sign-in has no time
		},
		{
			Procedure: demov1client.AccountServiceGrantRoleProcedure,
			Request:   &demov1.GrantRoleRequest{UserId: other, Role: demov1client.RoleAuditor},
			Want:      want(unauthenticated, denied, allowed),
		},
		{Procedure: demov1client.AccountServiceWatchUsersProcedure, Want: want(unauthenticated, denied, allowed)},
		{
			Procedure: demov1client.AccountServiceImportUsersProcedure,
			Request:   &demov1.ImportUsersRequest{Name: "Eve", Email: "eve@example.com"},
			Want:      want(unauthenticated, denied, allowed),
		},
		{
			Procedure: demov1client.AccountServiceSyncProfilesProcedure,
			Request:   &demov1.SyncProfilesRequest{UserId: ben, Name: "Ben", Email: "ben@example.com"},
			Want:      want(unauthenticated, allowed, denied),
		},
		{
			Procedure: demov1client.AccountServiceCreateApiKeyProcedure,
			Request:   &demov1.CreateApiKeyRequest{Name: "backup", Lifetime: durationpb.New(time.Hour), Scopes: []string{demov1client.ScopeUsersRead}},
			Want:      want(unauthenticated, allowed, allowed),
		},
		{Procedure: demov1client.AccountServiceListApiKeysProcedure, Want: want(unauthenticated, allowed, allowed)},
		{
			Procedure: demov1client.AccountServiceRevokeApiKeyProcedure,
			Request:   &demov1.RevokeApiKeyRequest{Id: other},
			Want:      want(unauthenticated, allowed, allowed),
		},
	})
}

const (
	ben   = "0198e9c6-5f5c-7d3a-9b1e-3c1f2a4b5c6d"
	other = "0198e9c6-5f5c-7d3a-9b1e-3c1f2a4b5c6e"
)

// discard keeps no events.
type discard struct{}

func (discard) Enabled(context.Context, event.Kind, event.Outcome) bool { return false }
func (discard) Record(context.Context, *event.Event) error              { return nil }
