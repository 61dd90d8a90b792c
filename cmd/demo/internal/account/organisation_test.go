package account_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"connectrpc.com/connect/v2"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/client"
	"github.com/sallyport-rpc/sallyport/cmd/demo/internal/account"
	demov1 "github.com/sallyport-rpc/sallyport/gen/demo/v1"
	"github.com/sallyport-rpc/sallyport/gen/demo/v1/demov1action"
	"github.com/sallyport-rpc/sallyport/gen/demo/v1/demov1client"
)

// countingOrganisations counts the handlers that run.
type countingOrganisations struct {
	*account.Organisations

	ran atomic.Int64
}

func (c *countingOrganisations) ListMembers(ctx context.Context, call *action.Call[demov1.ListMembersRequest]) (*demov1.ListMembersResponse, error) {
	c.ran.Add(1)
	return c.Organisations.ListMembers(ctx, call)
}

func (c *countingOrganisations) SetMemberRole(ctx context.Context, call *action.Call[demov1.SetMemberRoleRequest]) (*demov1.SetMemberRoleResponse, error) {
	c.ran.Add(1)
	return c.Organisations.SetMemberRole(ctx, call)
}

// newOrganisations is a fixture with two organisations: member manages acme, where auditor
// is a member, and other manages globex. The admin is in neither.
func newOrganisations(t *testing.T) (*fixture, *countingOrganisations, func(credential string) demov1client.OrganisationServiceClient) {
	t.Helper()
	f := newFixture(t)
	service := &countingOrganisations{Organisations: account.NewOrganisations(f.users, f.sessions)}
	if err := demov1action.RegisterOrganisationService(f.registry, service); err != nil {
		t.Fatal(err)
	}
	documents := account.NewDocuments(f.users)
	if err := demov1action.RegisterDocumentService(f.registry, documents, racing{documents, f}); err != nil {
		t.Fatal(err)
	}
	if err := documents.MapColumns(f.registry); err != nil {
		t.Fatal(err)
	}
	for _, member := range []struct {
		orgID, name string
		role        demov1.OrgRole
	}{
		{"acme", "member", demov1.OrgRole_ORG_ROLE_MANAGER},
		{"acme", "auditor", demov1.OrgRole_ORG_ROLE_MEMBER},
		{"globex", "other", demov1.OrgRole_ORG_ROLE_MANAGER},
	} {
		if err := f.users.SetMember(t.Context(), member.orgID, f.ids[member.name], member.role); err != nil {
			t.Fatal(err)
		}
	}
	transport, err := f.registry.InProcess()
	if err != nil {
		t.Fatal(err)
	}
	return f, service, func(credential string) demov1client.OrganisationServiceClient {
		return demov1client.NewOrganisationServiceClient(connect.NewClient(transport, carrying(credential)))
	}
}

// A role within an organisation holds there and nowhere else.
func TestOrganisations(t *testing.T) {
	t.Parallel()
	const (
		denied  = connect.CodePermissionDenied
		invalid = connect.CodeInvalidArgument
	)
	for name, test := range map[string]struct {
		credential func(*testing.T, *fixture) string
		orgID      string
		list, set  connect.Code // 0 lets in
	}{
		"a manager in its own":        {signedIn("member"), "acme", 0, 0},
		"a manager in another":        {signedIn("member"), "globex", denied, denied},
		"a manager of the other":      {signedIn("other"), "globex", 0, 0},
		"of the other in the first":   {signedIn("other"), "acme", denied, denied},
		"a member":                    {signedIn("auditor"), "acme", 0, denied},
		"an admin of the directory":   {signedIn("admin"), "acme", denied, denied},
		"of none that there is":       {signedIn("member"), "hooli", denied, denied},
		"of no name":                  {signedIn("member"), "", invalid, invalid},
		"without a credential":        {func(*testing.T, *fixture) string { return "" }, "acme", connect.CodeUnauthenticated, connect.CodeUnauthenticated},
		"a manager's key, with scope": {apiKey("member"), "acme", 0, denied},
		"one with another scope":      {scopedKey("member", demov1client.ScopeUsersWrite), "acme", denied, denied},
		"one without scopes":          {scopedKey("member"), "acme", denied, denied},
		"a key in another":            {apiKey("member"), "globex", denied, denied},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, service, as := newOrganisations(t)
			caller := as(test.credential(t, f))
			for call, want := range map[string]connect.Code{"list": test.list, "set": test.set} {
				before := service.ran.Load()
				f.recorder.takeDenials()
				var err error
				if call == "list" {
					_, err = caller.ListMembers(t.Context(), &demov1.ListMembersRequest{OrgId: test.orgID})
				} else {
					_, err = caller.SetMemberRole(t.Context(), &demov1.SetMemberRoleRequest{OrgId: test.orgID, UserId: f.ids["admin"], Role: demov1.OrgRole_ORG_ROLE_MEMBER})
				}
				if (err == nil) != (want == 0) || err != nil && connect.CodeOf(err) != want {
					t.Errorf("%s: got %v, want %v", call, err, want)
				}
				if ran := service.ran.Load() - before; (ran == 1) != (want == 0) {
					t.Errorf("%s: the handler ran %d times", call, ran)
				}
				if denials := f.recorder.takeDenials(); len(denials) > 1 || (len(denials) == 1) != (want != 0) || want != 0 && denials[0] != want.String() {
					t.Errorf("%s: recorded %q, want %v", call, denials, want)
				}
			}
		})
	}
}

func signedIn(name string) func(*testing.T, *fixture) string {
	return func(_ *testing.T, f *fixture) string { return f.tokens[name] }
}

func apiKey(name string) func(*testing.T, *fixture) string {
	return func(_ *testing.T, f *fixture) string { return f.ownKeys[name].secret }
}

// scopedKey is a new key of a user with these scopes and no others.
func scopedKey(name string, scopes ...string) func(*testing.T, *fixture) string {
	return func(t *testing.T, f *fixture) string {
		t.Helper()
		_, secret, err := f.keys.Issue(t.Context(), f.ids[name], name, scopes, time.Now().Add(time.Hour))
		if err != nil {
			t.Fatal(err)
		}
		return secret
	}
}

// A manager who becomes a member loses the stream for managers at once, and one in another
// organisation keeps it.
func TestWatchMembersEndsWithTheRole(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), prompt)
	defer cancel()
	f, _, as := newOrganisations(t)
	watch := func(name, orgID string) *client.ServerStream[demov1.WatchMembersResponse] {
		stream, err := as(f.tokens[name]).WatchMembers(ctx, &demov1.WatchMembersRequest{OrgId: orgID})
		if err != nil {
			t.Fatal(err)
		}
		return stream
	}
	acme, globex := watch("member", "acme"), watch("other", "globex")
	for want, stream := range map[int]*client.ServerStream[demov1.WatchMembersResponse]{2: acme, 1: globex} {
		first, err := stream.Receive()
		if err != nil || len(first.GetMembers()) != want {
			t.Fatalf("got %v, %v, want %d members", first, err, want)
		}
	}
	start := time.Now()
	if _, err := as(f.tokens["member"]).SetMemberRole(ctx, &demov1.SetMemberRoleRequest{
		OrgId: "acme", UserId: f.ids["member"], Role: demov1.OrgRole_ORG_ROLE_MEMBER,
	}); err != nil {
		t.Fatal(err)
	}
	for {
		_, err := acme.Receive() // the change itself may come first
		if err == nil {
			continue
		}
		if connect.CodeOf(err) != connect.CodePermissionDenied {
			t.Errorf("the stream ended with %v after %v", err, time.Since(start))
		}
		break
	}
	if again, err := globex.Receive(); err != nil || len(again.GetMembers()) != 1 {
		t.Errorf("the other manager received %v, %v", again, err)
	}
}
