package main

import (
	"context"
	"testing"

	"connectrpc.com/connect/v2"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/action/actiontest"
	"github.com/sallyport-rpc/sallyport/authn"
	demov1 "github.com/sallyport-rpc/sallyport/gen/demo/v1"
	"github.com/sallyport-rpc/sallyport/gen/demo/v1/demov1action"
	"github.com/sallyport-rpc/sallyport/gen/demo/v1/demov1client"
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

// contract is the registry of the demo's own services, which handles no call.
func contract(t *testing.T) func(authn.Schemes) *action.Registry {
	t.Helper()
	return func(schemes authn.Schemes) *action.Registry {
		registry, err := action.NewRegistry(schemes)
		if err != nil {
			t.Fatal(err)
		}
		if err := demov1action.RegisterAccountService(registry, unhandled{}); err != nil {
			t.Fatal(err)
		}
		if err := demov1action.RegisterOrganisationService(registry, unhandled{}); err != nil {
			t.Fatal(err)
		}
		return registry
	}
}

// TestAccess keeps who may call what in access.md, for reviewers.
func TestAccess(t *testing.T) {
	t.Parallel()
	actiontest.Golden(t, contract(t)(authn.Schemes{"session": fresh{}, "bearer": fresh{}, "apikey": fresh{}}), "access.md")
}

// organisations are calls of a manager of an organisation and of its members. None is found
// from the declarations, since the role within an organisation is in a map.
func organisations() []actiontest.Option {
	const org = "acme"
	principal := func(id string, role demov1.OrgRole) *authn.Principal {
		return authn.NewPrincipal(id, authn.Details{Unscoped: true, Claims: &demov1.Claims{
			Memberships: map[string]*demov1.Membership{org: {Role: role}},
		}})
	}
	member, manager := principal("ben", demov1.OrgRole_ORG_ROLE_MEMBER), principal("ann", demov1.OrgRole_ORG_ROLE_MANAGER)
	set := &demov1.SetMemberRoleRequest{OrgId: org, UserId: "00000000-0000-4000-8000-000000000001", Role: demov1.OrgRole_ORG_ROLE_MEMBER}
	return []actiontest.Option{
		actiontest.WithSample(demov1client.OrganisationServiceListMembersProcedure, &demov1.ListMembersRequest{OrgId: org}, member),
		actiontest.WithSample(demov1client.OrganisationServiceSetMemberRoleProcedure, set, manager, member),
		actiontest.WithSample(demov1client.OrganisationServiceWatchMembersProcedure, &demov1.WatchMembersRequest{OrgId: org}, manager, member),
	}
}

// What the declarations deny is denied, over every protocol.
func TestDenials(t *testing.T) {
	t.Parallel()
	actiontest.Denials(t, contract(t), organisations()...)
}

// Each grant lets in a call that no other grant does.
func TestAllows(t *testing.T) {
	t.Parallel()
	actiontest.Allows(t, contract(t), organisations()...)
}

// What must always be true of the contract is proved.
func TestProof(t *testing.T) {
	t.Parallel()
	actiontest.Prove(t, contract(t)(authn.Schemes{"session": fresh{}, "bearer": fresh{}, "apikey": fresh{}}), "assertions.txtpb")
}
