package policy

import (
	"fmt"
	"strconv"
	"testing"

	"github.com/sallyport-rpc/sallyport/authn"
	demov1 "github.com/sallyport-rpc/sallyport/gen/demo/v1"
	"github.com/sallyport-rpc/sallyport/internal/declare"
)

const userID = "8d4f0c3e-1111-4222-8333-444455556666"

// deleteUser is what the demo says of who may delete an account: admin or owner.
func deleteUser(tb testing.TB) *Policy {
	tb.Helper()
	reader, err := declare.NewReader(declare.Config{})
	if err != nil {
		tb.Fatal(err)
	}
	service := demov1.File_demo_v1_account_proto.Services().ByName("AccountService")
	declarations, refusals := reader.Service(service, declare.Given{})
	for _, declaration := range declarations {
		if declaration.Method.Name() == "DeleteUser" {
			return New(declaration, nil)
		}
	}
	tb.Fatalf("there is no DeleteUser: %v", refusals)
	return nil
}

// asker holds so many roles, of which the last may be admin.
func asker(id string, roles int, admin bool) *authn.Principal {
	held := make([]string, roles)
	for i := range held {
		held[i] = "role-" + strconv.Itoa(i)
	}
	if admin {
		held[roles-1] = "admin"
	}
	return authn.NewPrincipal(id, authn.Details{Unscoped: true, Roles: held, Scheme: "session"})
}

// BenchmarkDecide decides "admin or owner".
func BenchmarkDecide(b *testing.B) {
	policy := deleteUser(b)
	of := &demov1.DeleteUserRequest{UserId: userID}
	for _, roles := range []int{1, 10, 1000} {
		for _, by := range []struct {
			name      string
			principal *authn.Principal
			allowed   bool
		}{
			{"admin", asker("stranger", roles, true), true},
			{"owner", asker(userID, roles, false), true},
			{"other", asker("stranger", roles, false), false},
		} {
			b.Run(fmt.Sprintf("%s/%d roles", by.name, roles), func(b *testing.B) {
				ctx := b.Context()
				b.ReportAllocs()
				for b.Loop() {
					got, err := policy.Decide(ctx, Input{Principal: by.principal, Request: of, Now: noon})
					if err != nil || got.Allowed != by.allowed {
						b.Fatal(got, err)
					}
				}
			})
		}
	}
}

// TestDecideAllocatesNothing holds what the benchmark shows.
func TestDecideAllocatesNothing(t *testing.T) { //nolint:paralleltest // it counts what the process allocates
	policy := deleteUser(t)
	of := &demov1.DeleteUserRequest{UserId: userID}
	for _, principal := range []*authn.Principal{asker("stranger", 1000, true), asker(userID, 1000, false), asker("stranger", 1000, false)} {
		got := testing.AllocsPerRun(100, func() {
			if _, err := policy.Decide(t.Context(), Input{Principal: principal, Request: of, Now: noon}); err != nil {
				t.Error(err)
			}
		})
		if got > 0 {
			t.Errorf("a decision allocates %v times", got)
		}
	}
}
