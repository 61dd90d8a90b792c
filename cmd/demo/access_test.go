package main

import (
	"context"
	"testing"

	"connectrpc.com/connect/v2"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/action/actiontest"
	"github.com/sallyport-rpc/sallyport/authn"
	"github.com/sallyport-rpc/sallyport/gen/demo/v1/demov1action"
)

// fresh knows no caller, and would know when one authenticated.
type fresh struct{}

func (fresh) Authenticate(context.Context, *connect.CallInfo) (*authn.Principal, error) {
	return nil, authn.ErrNoCredential
}
func (fresh) ReportsAuthenticationTime() bool { return true }

// unhandled has the actions, and handles none.
type unhandled struct {
	demov1action.AccountServiceHandler
	demov1action.OrganisationServiceHandler
}

// TestAccess keeps who may call what in access.md, for reviewers.
func TestAccess(t *testing.T) {
	t.Parallel()
	registry, err := action.NewRegistry(authn.Schemes{"session": fresh{}, "bearer": fresh{}, "apikey": fresh{}})
	if err != nil {
		t.Fatal(err)
	}
	if err := demov1action.RegisterAccountService(registry, unhandled{}); err != nil {
		t.Fatal(err)
	}
	if err := demov1action.RegisterOrganisationService(registry, unhandled{}); err != nil {
		t.Fatal(err)
	}
	actiontest.Golden(t, registry, "access.md")
}
