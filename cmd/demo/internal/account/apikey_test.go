package account_test

import (
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"connectrpc.com/connect/v2"
	"google.golang.org/protobuf/types/known/durationpb"

	demov1 "github.com/sallyport-rpc/sallyport/gen/demo/v1"
	"github.com/sallyport-rpc/sallyport/gen/demo/v1/demov1client"
)

// newKey lets a user make a key.
func newKey(t *testing.T, f *fixture, user, name string) *demov1.CreateApiKeyResponse {
	t.Helper()
	created, err := f.client(t, f.tokens[user]).CreateApiKey(t.Context(), &demov1.CreateApiKeyRequest{Name: name, Lifetime: durationpb.New(time.Hour), Scopes: []string{demov1client.ScopeUsersRead}})
	if err != nil {
		t.Fatal(err)
	}
	return created
}

// knows returns the code of a call with a credential for a user's account, 0 for a
// success.
func knows(t *testing.T, f *fixture, user, credential string) connect.Code {
	t.Helper()
	_, err := f.client(t, credential).GetUser(t.Context(), &demov1.GetUserRequest{UserId: f.ids[user]})
	if err == nil {
		return 0
	}
	return connect.CodeOf(err)
}

// TestApiKey follows a key from its creation to its end.
func TestApiKey(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.serve(t)
	member := f.client(t, f.tokens["member"])
	reply := f.post(t, demov1client.AccountServiceCreateApiKeyProcedure, f.tokens["member"], `{"name":"Ünïcode ☃","lifetime":"3600s","scopes":["users.read"]}`)
	if store := reply.header.Get("Cache-Control"); reply.status != http.StatusOK || store != "no-store" {
		t.Errorf("a secret may be cached: %d %q", reply.status, store)
	}
	created := newKey(t, f, "member", "nightly backup")
	id, secret := created.GetApiKey().GetId(), created.GetSecret()
	if !strings.HasPrefix(secret, "sp_"+id+"_") {
		t.Errorf("the key %q has the secret %q", id, secret)
	}
	list := func() []*demov1.ApiKey {
		t.Helper()
		reply := f.post(t, demov1client.AccountServiceListApiKeysProcedure, f.tokens["member"], `{}`)
		if reply.status != http.StatusOK || strings.Contains(reply.body, secret[len("sp_")+len(id)+1:]) || strings.Contains(reply.body, "sp_") {
			t.Errorf("the list is: %d %s", reply.status, reply.body)
		}
		listed, err := member.ListApiKeys(t.Context(), &demov1.ListApiKeysRequest{})
		if err != nil {
			t.Fatal(err)
		}
		return listed.GetApiKeys()
	}
	// Beside the key that the snapshot has.
	keys := list()
	if len(keys) != 3 || keys[0].GetId() != id || keys[1].GetName() != "Ünïcode ☃" || keys[2].GetId() != f.ownKeys["member"].id {
		t.Fatalf("the keys are not the member's, the newest first: %v", keys)
	}
	if got := keys[0]; got.GetName() != "nightly backup" || got.GetLastUseTime() != nil ||
		got.GetExpireTime().AsTime().Sub(got.GetCreateTime().AsTime()).Round(time.Second) != time.Hour {
		t.Errorf("got %v", got)
	}

	if got := knows(t, f, "member", secret); got != 0 {
		t.Errorf("with the key: %s", got)
	}
	if got := knows(t, f, "other", secret); got != connect.CodePermissionDenied {
		t.Errorf("another user with the key: %s", got)
	}
	if used := list()[0].GetLastUseTime(); used == nil || time.Since(used.AsTime()) > time.Minute {
		t.Errorf("it was last used at %v", used)
	}

	// The key of another user is not found, and stays valid.
	_, err := f.client(t, f.tokens["admin"]).RevokeApiKey(t.Context(), &demov1.RevokeApiKeyRequest{Id: id})
	if connect.CodeOf(err) != connect.CodeNotFound {
		t.Errorf("revoked by the admin: %v", err)
	}
	if got := knows(t, f, "member", secret); got != 0 {
		t.Errorf("with the key that another user tried to revoke: %s", got)
	}

	if _, err := member.RevokeApiKey(t.Context(), &demov1.RevokeApiKeyRequest{Id: id}); err != nil {
		t.Fatal(err)
	}
	if got := knows(t, f, "member", secret); got != connect.CodeUnauthenticated {
		t.Errorf("with the revoked key: %s", got)
	}
	if _, err := member.RevokeApiKey(t.Context(), &demov1.RevokeApiKeyRequest{Id: id}); connect.CodeOf(err) != connect.CodeNotFound {
		t.Errorf("revoked again: %v", err)
	}
	if keys := list(); len(keys) != 2 {
		t.Errorf("left are %v", keys)
	}
}

// TestApiKeyFollowsItsOwner changes the owner of a key.
func TestApiKeyFollowsItsOwner(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.serve(t)
	admin, byKey := f.client(t, f.tokens["admin"]), f.client(t, f.ownKeys["other"].secret)
	lists := func() connect.Code {
		if _, err := byKey.ListUsers(t.Context(), &demov1.ListUsersRequest{}); err != nil {
			return connect.CodeOf(err)
		}
		return 0
	}
	for _, step := range []struct {
		role string
		want connect.Code
	}{{"auditor", 0}, {"member", connect.CodePermissionDenied}, {"admin", 0}} {
		if _, err := admin.GrantRole(t.Context(), &demov1.GrantRoleRequest{UserId: f.ids["other"], Role: step.role}); err != nil {
			t.Fatal(err)
		}
		if got := lists(); got != step.want {
			t.Errorf("the key of a user who is now %s: %s", step.role, got)
		}
	}
	// Signing out ends sessions and no keys.
	if _, err := f.client(t, f.tokens["other"]).SignOut(t.Context(), &demov1.SignOutRequest{}); err != nil {
		t.Fatal(err)
	}
	if got := lists(); got != 0 {
		t.Errorf("the key of a user who signed out: %s", got)
	}
	if _, err := admin.DeleteUser(t.Context(), &demov1.DeleteUserRequest{UserId: f.ids["other"]}); err != nil {
		t.Fatal(err)
	}
	if got := lists(); got != connect.CodeUnauthenticated {
		t.Errorf("the key of a deleted user: %s", got)
	}
	for _, row := range f.dump(t) {
		if strings.Contains(row, f.ids["other"]) {
			t.Errorf("left of the deleted user: %s", row)
		}
	}
	if got := knows(t, f, "member", f.ownKeys["member"].secret); got != 0 {
		t.Errorf("the key of another user: %s", got)
	}
}

// TestBadApiKeys sends texts that are not valid keys.
func TestBadApiKeys(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.serve(t)
	f.change(t, "UPDATE sallyport_api_keys SET expire_time = 1 WHERE owner = ?", f.ids["auditor"])
	good := f.ownKeys["member"]
	for name, offered := range map[string]string{
		"expired":     f.ownKeys["auditor"].secret,
		"cut off":     good.secret[:len(good.secret)-1],
		"its id":      good.id,
		"mistyped":    strings.Replace(good.secret, good.id, f.ownKeys["other"].id, 1),
		"upper case":  strings.ToUpper(good.secret),
		"prefix only": "sp_",
	} {
		before := f.dump(t)
		reply := f.post(t, demov1client.AccountServiceGetUserProcedure, offered, `{"userId":"`+f.ids["member"]+`"}`)
		if reply.status != http.StatusUnauthorized || reply.body != `{"code":"unauthenticated","message":"a valid credential is needed"}` {
			t.Errorf("%s: %d %s", name, reply.status, reply.body)
		}
		if after := f.dump(t); strings.Join(before, "\n") != strings.Join(after, "\n") {
			t.Errorf("%s: the database has changed", name)
		}
	}
	// Beside a session, even one's own, it is one credential too many.
	reply := f.send(t, http.MethodPost, demov1client.AccountServiceGetUserProcedure, map[string]string{
		"Content-Type": "application/json", "Cookie": "session=" + f.tokens["member"], "Authorization": "Bearer " + good.secret,
	}, strings.NewReader(`{"userId":"`+f.ids["member"]+`"}`))
	if reply.status != http.StatusUnauthorized {
		t.Errorf("with a session: %d %s", reply.status, reply.body)
	}
}

func TestTooManyApiKeys(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.serve(t)
	for i := range 99 { // and the one that is there
		if _, _, err := f.keys.Issue(t.Context(), f.ids["member"], strconv.Itoa(i), nil, time.Now().Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
	}
	member := f.client(t, f.tokens["member"])
	request := &demov1.CreateApiKeyRequest{Name: "one more", Lifetime: durationpb.New(time.Minute), Scopes: []string{demov1client.ScopeUsersRead}}
	if _, err := member.CreateApiKey(t.Context(), request); connect.CodeOf(err) != connect.CodeResourceExhausted {
		t.Errorf("one key too many: %v", err)
	}
	if _, err := member.RevokeApiKey(t.Context(), &demov1.RevokeApiKeyRequest{Id: f.ownKeys["member"].id}); err != nil {
		t.Fatal(err)
	}
	if _, err := member.CreateApiKey(t.Context(), request); err != nil {
		t.Errorf("in place of one that was revoked: %v", err)
	}
	newKey(t, f, "other", "of another user")
	// Keys that have expired do not count.
	if _, err := member.CreateApiKey(t.Context(), request); connect.CodeOf(err) != connect.CodeResourceExhausted {
		t.Errorf("again one key too many: %v", err)
	}
	f.change(t, "UPDATE sallyport_api_keys SET expire_time = 1 WHERE owner = ? AND name < '5'", f.ids["member"])
	if _, err := member.CreateApiKey(t.Context(), request); err != nil {
		t.Errorf("where others have expired: %v", err)
	}
}
