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
	demov1action.DocumentServiceHandler
	demov1action.DocumentServiceLoaders
}

// contract is the registry of the demo's own services, which handles no call.
func contract(t *testing.T) func(authn.Schemes) *action.Registry {
	t.Helper()
	return func(schemes authn.Schemes) *action.Registry {
		registry, err := action.NewRegistry(schemes, action.WithRelations(actiontest.Relations{}))
		if err != nil {
			t.Fatal(err)
		}
		if err := demov1action.RegisterAccountService(registry, unhandled{}); err != nil {
			t.Fatal(err)
		}
		if err := demov1action.RegisterOrganisationService(registry, unhandled{}); err != nil {
			t.Fatal(err)
		}
		if err := demov1action.RegisterDocumentService(registry, unhandled{}, unhandled{}); err != nil {
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

// documents are calls of a document's owner, of those who may read it as well, and of
// others, with the documents. Whom it is shared with is a relation, and so a part of each call.
func documents() []actiontest.Option {
	const (
		draft     = "00000000-0000-4000-8000-00000000000d"
		published = "00000000-0000-4000-8000-00000000000f"
		ann       = "00000000-0000-4000-8000-000000000001"
	)
	in := func(id, org string, role demov1.OrgRole) *authn.Principal {
		return authn.NewPrincipal(id, authn.Details{Unscoped: true, Claims: &demov1.Claims{
			Memberships: map[string]*demov1.Membership{org: {Role: role}},
		}})
	}
	owner := authn.NewPrincipal(ann, authn.Details{Unscoped: true})
	member, manager := in("cleo", "acme", demov1.OrgRole_ORG_ROLE_MEMBER), in("dan", "acme", demov1.OrgRole_ORG_ROLE_MANAGER)
	of := func(id string, state demov1.Document_State) actiontest.Option {
		return actiontest.WithObject(id, &demov1.Document{Id: id, OrgId: "acme", OwnerId: ann, State: state})
	}
	return []actiontest.Option{
		of(draft, demov1.Document_STATE_DRAFT), of(published, demov1.Document_STATE_PUBLISHED),
		actiontest.WithSample(demov1client.DocumentServiceCreateDocumentProcedure, &demov1.CreateDocumentRequest{OrgId: "acme", Title: "t"}, member),
		actiontest.WithSample(demov1client.DocumentServiceGetDocumentProcedure, &demov1.GetDocumentRequest{DocumentId: draft}, owner, manager, member),
		actiontest.WithSample(demov1client.DocumentServiceGetDocumentProcedure, &demov1.GetDocumentRequest{DocumentId: published}, member),
		actiontest.WithSample(demov1client.DocumentServiceListDocumentsProcedure, &demov1.ListDocumentsRequest{}, owner, member, manager),
		actiontest.WithSample(demov1client.DocumentServiceUpdateDocumentProcedure, &demov1.UpdateDocumentRequest{DocumentId: draft, Title: "t"}, owner, manager),
		actiontest.WithSample(demov1client.DocumentServiceShareDocumentProcedure,
			&demov1.ShareDocumentRequest{DocumentId: draft, State: demov1.Document_STATE_PUBLISHED}, owner, manager, member),
		actiontest.WithSample(demov1client.DocumentServiceDeleteDocumentProcedure, &demov1.DeleteDocumentRequest{DocumentId: draft}, owner, manager, member),
	}
}

func samples() []actiontest.Option { return append(organisations(), documents()...) }

// What the declarations deny is denied, over every protocol.
func TestDenials(t *testing.T) {
	t.Parallel()
	actiontest.Denials(t, contract(t), samples()...)
}

// Each grant lets in a call that no other grant does.
func TestAllows(t *testing.T) {
	t.Parallel()
	actiontest.Allows(t, contract(t), samples()...)
}

// What must always be true of the contract is proved.
func TestProof(t *testing.T) {
	t.Parallel()
	actiontest.Prove(t, contract(t)(authn.Schemes{"session": fresh{}, "bearer": fresh{}, "apikey": fresh{}}), "assertions.txtpb")
}
