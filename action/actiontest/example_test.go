package actiontest_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"connectrpc.com/connect/v2"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/action/actiontest"
	"github.com/sallyport-rpc/sallyport/authn"
	demov1 "github.com/sallyport-rpc/sallyport/gen/demo/v1"
	"github.com/sallyport-rpc/sallyport/gen/demo/v1/demov1action"
	"github.com/sallyport-rpc/sallyport/gen/demo/v1/demov1client"
)

// An exampleTest stands for the *testing.T of a test.
type exampleTest struct{ testing.TB }

func (exampleTest) Helper()                  {}
func (exampleTest) Cleanup(func())           {}
func (exampleTest) Context() context.Context { return context.Background() }

func ExampleNewCall() {
	t := exampleTest{} // the *testing.T of a test
	ann := authn.NewPrincipal("ann", authn.Details{Unscoped: true, Roles: []string{demov1client.RoleAdmin}})
	call := actiontest.NewCall(t, ann, &demov1.GetUserRequest{UserId: "ben"})

	response, err := accounts{}.GetUser(context.Background(), call)
	fmt.Println(response.GetUser().GetId(), err)
	// Output: ben <nil>
}

func ExampleNewAnonymousCall() {
	t := exampleTest{} // the *testing.T of a test
	call := actiontest.NewAnonymousCall(t, &demov1.SignUpRequest{Name: "Ann"})

	response, err := accounts{}.SignUp(context.Background(), call)
	fmt.Println(response.GetUserId(), err)
	// Output: id of Ann <nil>
}

func ExampleNewClientStream() {
	t := exampleTest{} // the *testing.T of a test
	ann := authn.NewPrincipal("ann", authn.Details{Unscoped: true, Roles: []string{demov1client.RoleAdmin}})
	stream := actiontest.NewClientStream(t, ann, actiontest.Requests(
		&demov1.ImportUsersRequest{Name: "Ben"},
		&demov1.ImportUsersRequest{Name: "Eve"},
	))

	response, err := accounts{}.ImportUsers(context.Background(), stream)
	fmt.Println(response.GetImported(), err)
	// Output: 2 <nil>
}

func ExampleNewServerStream() {
	t := exampleTest{} // the *testing.T of a test
	ann := authn.NewPrincipal("ann", authn.Details{Unscoped: true, Roles: []string{demov1client.RoleAdmin}})
	call := actiontest.NewCall(t, ann, &demov1.WatchUsersRequest{})
	stream, sent := actiontest.NewServerStream[demov1.WatchUsersResponse](t)

	err := accounts{}.WatchUsers(context.Background(), call, stream)
	for _, response := range sent.All() {
		fmt.Println(response.GetChange(), response.GetUser().GetId())
	}
	fmt.Println(err)
	// Output:
	// CHANGE_PRESENT ann
	// CHANGE_PRESENT ben
	// <nil>
}

func ExampleNewBidiStream() {
	t := exampleTest{} // the *testing.T of a test
	ann := authn.NewPrincipal("ann", authn.Details{Unscoped: true})
	stream, sent := actiontest.NewBidiStream[demov1.SyncProfilesRequest, demov1.SyncProfilesResponse](t, ann,
		actiontest.Requests(&demov1.SyncProfilesRequest{UserId: "ann", Name: "Anna"}))

	err := accounts{}.SyncProfiles(context.Background(), stream)
	fmt.Println(sent.All()[0].GetUser().GetName(), err)
	// Output: Anna <nil>
}

func ExampleScript_EndWith() {
	t := exampleTest{} // the *testing.T of a test
	ann := authn.NewPrincipal("ann", authn.Details{Unscoped: true})
	signedOut := connect.NewError(connect.CodeUnauthenticated, "signed out")
	stream := actiontest.NewClientStream(t, ann, actiontest.Requests(&demov1.ImportUsersRequest{Name: "Ben"}).EndWith(signedOut))

	response, err := accounts{}.ImportUsers(context.Background(), stream)
	fmt.Println(response, connect.CodeOf(err))
	// Output: <nil> unauthenticated
}

// Tokens stand for the schemes of the application, and callers name themselves by them.
func ExampleNewTokens() {
	principals := map[string]*authn.Principal{
		"ann": authn.NewPrincipal("ann", authn.Details{Unscoped: true, Roles: []string{demov1client.RoleAdmin}, AuthenticatedAt: time.Now()}),
		"ben": authn.NewPrincipal("ben", authn.Details{Unscoped: true, Roles: []string{demov1client.RoleMember}}),
	}
	sessions, keys := actiontest.NewTokens("session", principals), actiontest.NewTokens("apikey", principals)
	_, err := action.NewRegistry(authn.Schemes{"session": sessions, "bearer": actiontest.NewTokens("bearer", nil), "apikey": keys})
	fmt.Println(err)
	fmt.Println(sessions.Caller("an admin", "ann").Header)
	fmt.Println(keys.Caller("a member's program", "ben").Header)
	// Output:
	// <nil>
	// map[Authorization:Bearer session.ann]
	// map[Authorization:Bearer apikey.ben]
}

func ExampleWithClock() {
	t := exampleTest{} // the *testing.T of a test
	now := time.Date(2030, time.January, 1, 12, 0, 0, 0, time.UTC)
	sessions := actiontest.NewTokens("session", map[string]*authn.Principal{
		"ann": authn.NewPrincipal("ann", authn.Details{Unscoped: true, ExpiresAt: now.Add(time.Hour)}),
	})
	none := actiontest.NewTokens("none", nil)
	registry, err := action.NewRegistry(authn.Schemes{"session": sessions, "bearer": none, "apikey": none},
		actiontest.WithClock(t, func() time.Time { return now }), action.WithRecorder(discard{}))
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := demov1action.RegisterAccountService(registry, accounts{}); err != nil {
		fmt.Println(err)
		return
	}
	transport, err := registry.InProcess()
	if err != nil {
		fmt.Println(err)
		return
	}
	calls := demov1client.NewAccountServiceClient(connect.NewClient(transport))
	ctx, info := connect.NewClientContext(context.Background())
	info.RequestHeader().Set("Authorization", "Bearer "+sessions.Token("ann"))

	_, err = calls.SignOut(ctx, &demov1.SignOutRequest{})
	fmt.Println(err)
	now = now.Add(time.Hour)
	_, err = calls.SignOut(ctx, &demov1.SignOutRequest{})
	fmt.Println(connect.CodeOf(err))
	// Output:
	// <nil>
	// unauthenticated
}
