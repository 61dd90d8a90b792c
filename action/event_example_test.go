package action_test

import (
	"context"
	"fmt"

	"connectrpc.com/connect/v2"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/action/event"
	"github.com/sallyport-rpc/sallyport/authn"
	demov1 "github.com/sallyport-rpc/sallyport/gen/demo/v1"
	"github.com/sallyport-rpc/sallyport/gen/demo/v1/demov1action"
	"github.com/sallyport-rpc/sallyport/gen/demo/v1/demov1client"
)

// denials prints the calls that were denied.
type denials struct{}

func (denials) Enabled(_ context.Context, kind event.Kind, outcome event.Outcome) bool {
	return kind == event.Decided && outcome == event.Deny
}

func (denials) Record(_ context.Context, event *event.Event) error {
	fmt.Println(event.Procedure, event.Code, event.Reason)
	return nil
}

// accounts are the handlers of the demo, none of which this example reaches.
type accounts struct {
	demov1action.AccountServiceHandler
}

// absent finds a credential on no call.
type absent struct{}

func (absent) Authenticate(context.Context, *connect.CallInfo) (*authn.Principal, error) {
	return nil, authn.ErrNoCredential
}

func (absent) ReportsAuthenticationTime() bool { return true }

// A recorder keeps the events that it wants, and makes the others free.
func ExampleWithRecorder() {
	registry, err := action.NewRegistry(authn.Schemes{"session": absent{}, "bearer": absent{}, "apikey": absent{}},
		action.WithRecorder(denials{}))
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
	client := demov1client.NewAccountServiceClient(connect.NewClient(transport))
	_, err = client.ListUsers(context.Background(), &demov1.ListUsersRequest{})
	fmt.Println(connect.CodeOf(err))
	// Output:
	// /demo.v1.AccountService/ListUsers unauthenticated no credential offered that the action takes
	// unauthenticated
}
