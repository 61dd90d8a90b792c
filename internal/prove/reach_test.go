package prove

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sallyport-rpc/sallyport/internal/declare"
)

// What each role reaches, and what callers without a role do.
func TestReaches(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		authorize string
		want      map[string][]string // by role, the grants; "?" before those not decided
	}{
		"a role, and one that includes it": {`allow: {any_role: "member"}`, map[string][]string{"member": {"allow[0]"}, "admin": {"allow[0]"}}},
		"a role in CEL":                    {`allow: {cel: "'member' in principal.roles"}`, map[string][]string{"member": {"allow[0]"}, "admin": {"allow[0]"}}},
		"two grants":                       {`allow: {name: "own" when: "own"} allow: {any_role: "auditor"}`, map[string][]string{"": {"own"}, "auditor": {"allow[1]"}}},
		"a role, or the owner":             {`allow: {cel: "'admin' in principal.roles || principal.id == request.owner"}`, map[string][]string{"": {"allow[0]"}}},
		"two roles at once":                {`allow: {any_role: "auditor" cel: "'member' in principal.roles"}`, map[string][]string{}},
		"two roles, one of which includes": {`allow: {any_role: "admin" cel: "'member' in principal.roles"}`, map[string][]string{"admin": {"allow[0]"}}},
		"not of a role":                    {`allow: {cel: "!('member' in principal.roles) && 'auditor' in principal.roles"}`, map[string][]string{"auditor": {"allow[0]"}}},
		"a check":                          {`allow: {any_role: "auditor" check: "is_open"}`, map[string][]string{"auditor": {"allow[0]"}}},
		"a scope":                          {`allow: {all_scopes: "a"}`, map[string][]string{"": {"allow[0]"}}},
		"anyone":                           {`anyone: "a test"`, map[string][]string{"": {"anyone"}}},
		"what is not decided":              {`allow: {any_role: "auditor" cel: "size(request.tags) == 1 && request.owner == principal.id"}`, map[string][]string{"auditor": {"?allow[0]"}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			declaration := declared(t, test.authorize)
			reaches, err := Reaches([]*declare.Declaration{declaration})
			if err != nil {
				t.Fatal(err)
			}
			got := map[string][]string{}
			for i, reach := range reaches {
				if i > 0 && reaches[i-1].Role >= reach.Role {
					t.Errorf("the roles are in no order: %+v", reaches)
				}
				for _, action := range reach.Actions {
					got[reach.Role] = append(got[reach.Role], action.Grants...)
				}
				for _, action := range reach.Undecided {
					got[reach.Role] = append(got[reach.Role], "?"+action.Grants[0])
				}
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			if len(reaches) != 4 { // no role, admin, auditor, member
				t.Errorf("%d roles: %+v", len(reaches), reaches)
			}
		})
	}
}
