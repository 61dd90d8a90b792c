package client_test

import (
	"context"
	"log/slog"
	"slices"
	"testing"

	"connectrpc.com/connect/v2"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/action/event"
	"github.com/sallyport-rpc/sallyport/authn"
	demov1 "github.com/sallyport-rpc/sallyport/gen/demo/v1"
	"github.com/sallyport-rpc/sallyport/gen/demo/v1/demov1action"
	"github.com/sallyport-rpc/sallyport/gen/demo/v1/demov1client"
)

// roles authenticates callers by the role that they name.
type roles struct{ named }

func (r roles) Authenticate(ctx context.Context, call *connect.CallInfo) (*authn.Principal, error) {
	principal, err := r.named.Authenticate(ctx, call)
	if err != nil {
		return nil, err
	}
	return authn.NewPrincipal(principal.ID(), authn.Details{Unscoped: true, Roles: []string{principal.ID()}}), nil
}

func TestGuide(t *testing.T) {
	t.Parallel()
	registry, err := action.NewRegistry(authn.Schemes{"session": roles{}, "bearer": roles{}, "apikey": roles{}},
		action.WithRecorder(event.LogRecorder(slog.New(slog.DiscardHandler))))
	if err != nil {
		t.Fatal(err)
	}
	if err := demov1action.RegisterAccountService(registry, users{}); err != nil {
		t.Fatal(err)
	}
	url := listen(t, registry)
	as := func(role string) demov1client.AccountServiceClient {
		accounts, err := connectTo(url, role)
		if err != nil {
			t.Fatal(err)
		}
		return accounts
	}
	const id = "0198e9c6-5f5c-7d3a-9b1e-3c1f2a4b5c6d"
	for role, want := range map[string]string{demov1client.RoleAdmin: "Ann", demov1client.RoleMember: "someone"} {
		if name, err := nameOf(t.Context(), as(role), id); name != want || err != nil {
			t.Errorf("%s: got %q, %v", role, name, err)
		}
	}
	var shown []string
	err = watch(t.Context(), as(demov1client.RoleAdmin), func(user *demov1.User) { shown = append(shown, user.GetName()) })
	if err != nil || !slices.Equal(shown, []string{"Ann", "Ben"}) {
		t.Errorf("watched %q, %v", shown, err)
	}
	if err := watch(t.Context(), as(demov1client.RoleMember), nil); connect.CodeOf(err) != connect.CodePermissionDenied {
		t.Errorf("a member watched: %v", err)
	}
	imports := []*demov1.ImportUsersRequest{{Name: "Ben", Email: "ben@example.com"}, {Name: "Eve", Email: "eve@example.com"}}
	if imported, err := importUsers(t.Context(), as(demov1client.RoleAdmin), imports); imported != 2 || err != nil {
		t.Errorf("imported %d, %v", imported, err)
	}
	if _, err := importUsers(t.Context(), as(demov1client.RoleMember), imports); connect.CodeOf(err) != connect.CodePermissionDenied {
		t.Errorf("a member imported: %v", err)
	}
}
