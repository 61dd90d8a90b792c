package account_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"connectrpc.com/connect/v2"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/action/actiontest"
	"github.com/sallyport-rpc/sallyport/authn"
	demov1 "github.com/sallyport-rpc/sallyport/gen/demo/v1"
)

// as returns a call as a gate would make it for one of the users.
func as[Req any](t *testing.T, f *fixture, name string, message *Req) *action.Call[Req] {
	t.Helper()
	return actiontest.NewCall(t, authn.NewPrincipal(f.ids[name], authn.Details{Unscoped: true, Roles: []string{name}}), message)
}

func TestGetUser(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	got, err := f.service.GetUser(t.Context(), as(t, f, "admin", &demov1.GetUserRequest{UserId: f.ids["auditor"]}))
	if err != nil {
		t.Fatal(err)
	}
	want := &demov1.User{Id: f.ids["auditor"], Name: "auditor", Email: "auditor@example.com", Roles: []string{"auditor"}}
	if diff := cmp.Diff(want, got.GetUser(), protocmp.Transform(), protocmp.IgnoreFields(want, "create_time")); diff != "" {
		t.Error(diff)
	}
	if err := got.GetUser().GetCreateTime().CheckValid(); err != nil {
		t.Error(err)
	}
	_, err = f.service.GetUser(t.Context(), as(t, f, "admin", &demov1.GetUserRequest{UserId: missing}))
	if failure := action.NotFound(); connect.CodeOf(err) != failure.Code() || err.Error() != failure.Error() {
		t.Errorf("an account that does not exist: %v", err)
	}
}

func TestUpdateProfile(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	request := &demov1.UpdateProfileRequest{UserId: f.ids["member"], Name: "Zoë ☃", Email: "zoe@example.com"}
	changed, err := f.service.UpdateProfile(t.Context(), as(t, f, "member", request))
	if err != nil {
		t.Fatal(err)
	}
	want := &demov1.User{Id: f.ids["member"], Name: "Zoë ☃", Email: "zoe@example.com", Roles: []string{"member"}}
	if diff := cmp.Diff(want, changed.GetUser(), protocmp.Transform(), protocmp.IgnoreFields(want, "create_time")); diff != "" {
		t.Error(diff)
	}
	got, err := f.service.GetUser(t.Context(), as(t, f, "admin", &demov1.GetUserRequest{UserId: f.ids["member"]}))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(changed.GetUser(), got.GetUser(), protocmp.Transform()); diff != "" {
		t.Error(diff)
	}
}

func TestListUsersPageByPage(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for _, size := range []int32{0, 1, 3, 4, 100} {
		var names []string
		request := &demov1.ListUsersRequest{PageSize: size}
		for {
			page, err := f.service.ListUsers(t.Context(), as(t, f, "admin", request))
			if err != nil {
				t.Fatal(err)
			}
			if got := len(page.GetUsers()); size > 0 && got > int(size) {
				t.Errorf("a page of %d has %d users", size, got)
			}
			for _, user := range page.GetUsers() {
				names = append(names, user.GetName())
			}
			if page.GetNextPageToken() == "" {
				break
			}
			request.PageToken = page.GetNextPageToken()
		}
		if want := []string{"admin", "auditor", "member", "other"}; !slices.Equal(names, want) {
			t.Errorf("pages of %d hold %q", size, names)
		}
	}
}

func TestDeletedUserHasNoSession(t *testing.T) {
	t.Parallel()
	for _, by := range []string{"admin", "member"} {
		t.Run("by the "+by, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			f.serve(t)
			// A second session, on another device.
			second, err := f.client(t, "").SignIn(t.Context(), &demov1.SignInRequest{Email: "member@example.com", Password: pass})
			if err != nil {
				t.Fatal(err)
			}
			if f.sessionsOf(t, "member") < 2 {
				t.Fatal("there are no two sessions")
			}
			if _, err := f.client(t, f.tokens[by]).DeleteUser(t.Context(), &demov1.DeleteUserRequest{UserId: f.ids["member"]}); err != nil {
				t.Fatal(err)
			}
			if left := f.sessionsOf(t, "member"); left != 0 {
				t.Errorf("%d entries of sessions are left", left)
			}
			for _, token := range []string{f.tokens["member"], second.GetSessionToken()} {
				if _, err := f.client(t, token).SignOut(t.Context(), &demov1.SignOutRequest{}); connect.CodeOf(err) != connect.CodeUnauthenticated {
					t.Errorf("with a session of the deleted user: %v", err)
				}
			}
			if _, err := f.client(t, "").SignIn(t.Context(), &demov1.SignInRequest{Email: "member@example.com", Password: pass}); connect.CodeOf(err) != connect.CodeUnauthenticated {
				t.Errorf("signing in again: %v", err)
			}
			// The address is free, and the old tokens are not those of its new owner.
			if _, err := f.client(t, "").SignUp(t.Context(), &demov1.SignUpRequest{Name: "New", Email: "member@example.com", Password: "a new password"}); err != nil {
				t.Error(err)
			}
			if _, err := f.client(t, f.tokens["member"]).SignOut(t.Context(), &demov1.SignOutRequest{}); connect.CodeOf(err) != connect.CodeUnauthenticated {
				t.Errorf("with an old session, after signing up: %v", err)
			}
		})
	}
}

func TestLastAdminStays(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.serve(t)
	admin := f.client(t, f.tokens["admin"])
	grant := func(name, role string) error {
		_, err := admin.GrantRole(t.Context(), &demov1.GrantRoleRequest{UserId: f.ids[name], Role: role})
		return err
	}
	refused := func(what string, err error) {
		t.Helper()
		if connect.CodeOf(err) != connect.CodeFailedPrecondition || !strings.Contains(err.Error(), "last admin") {
			t.Errorf("%s: %v", what, err)
		}
	}
	_, err := admin.DeleteUser(t.Context(), &demov1.DeleteUserRequest{UserId: f.ids["admin"]})
	refused("deleting the last admin", err)
	for _, role := range []string{"member", "auditor"} {
		refused("making the last admin a "+role, grant("admin", role))
	}
	for _, step := range []struct{ name, role string }{{"admin", "admin"}, {"other", "admin"}, {"admin", "member"}} {
		if err := grant(step.name, step.role); err != nil {
			t.Fatalf("making %s a %s: %v", step.name, step.role, err)
		}
	}
	other := f.client(t, f.tokens["other"])
	_, err = other.DeleteUser(t.Context(), &demov1.DeleteUserRequest{UserId: f.ids["other"]})
	refused("deleting who is the last admin now", err)
	if _, err = other.DeleteUser(t.Context(), &demov1.DeleteUserRequest{UserId: f.ids["admin"]}); err != nil {
		t.Errorf("deleting who was an admin before: %v", err)
	}
}

// TestRoleHoldsFromTheNextCall uses one session throughout.
func TestRoleHoldsFromTheNextCall(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.serve(t)
	admin, member := f.client(t, f.tokens["admin"]), f.client(t, f.tokens["member"])
	for i, step := range []struct {
		role string
		want connect.Code
	}{
		{"member", connect.CodePermissionDenied}, {"auditor", 0}, {"member", connect.CodePermissionDenied}, {"admin", 0}, {"member", connect.CodePermissionDenied},
	} {
		granted, err := admin.GrantRole(t.Context(), &demov1.GrantRoleRequest{UserId: f.ids["member"], Role: step.role})
		if err != nil {
			t.Fatal(err)
		}
		if roles := granted.GetUser().GetRoles(); !slices.Equal(roles, []string{step.role}) {
			t.Errorf("the roles are %q", roles)
		}
		_, err = member.ListUsers(t.Context(), &demov1.ListUsersRequest{})
		if got := outcomeOf(t, nil, err).code; got != step.want {
			t.Errorf("%s: %v", fmt.Sprint(i, " as ", step.role), err)
		}
	}
}
