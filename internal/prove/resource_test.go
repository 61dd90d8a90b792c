package prove

import (
	"fmt"
	"testing"

	"github.com/sallyport-rpc/sallyport/internal/declare"
)

// aboutDoc is an action about a document, that some grants let in.
func aboutDoc(t *testing.T, key, grants string) *declare.Declaration {
	t.Helper()
	return declaredIn(t, fmt.Sprintf(`syntax = "proto3";
package prove.v1;
import "sallyport/v1/action.proto";
enum Role {
  option (sallyport.v1.roles) = true;
  ROLE_UNSPECIFIED = 0;
  ROLE_ADMIN = 1 [(sallyport.v1.role) = {name: "admin"}];
  ROLE_CLERK = 2 [(sallyport.v1.role) = {name: "clerk"}];
}
message Doc { string owner_id = 1; string org_id = 2; }
message Request { string id = 1; string other_id = 2; }
message Response {}
service Docs {
  rpc Get(Request) returns (Response) {
    option (sallyport.v1.action) = {
      authenticate: {schemes: "session"} resource: {type: "prove.v1.Doc" key: "request.%s"} authorize: {%s}
    };
  }
}
`, key, grants))
}

// Nothing is assumed of what is loaded: what is the same is the same, and what is not is
// undecided. Another object is not the same.
func TestResource(t *testing.T) {
	t.Parallel()
	// The grants that read the object ask for a role besides, which a new caller has not.
	const member = `allow: {cel: "resource.owner_id == principal.id" `
	const owner, admin = `allow: {cel: "resource.owner_id == principal.id"} `, `allow: {any_role: "admin"} `
	for name, test := range map[string]struct {
		old, now *declare.Declaration
		want     Verdict
		rule     string
	}{
		"the same":                           {aboutDoc(t, "id", owner), aboutDoc(t, "id", owner), Same, ""},
		"a role more":                        {aboutDoc(t, "id", owner), aboutDoc(t, "id", owner+admin), Undecided, RuleResource},
		"a role more, and only roles before": {aboutDoc(t, "id", member+"any_role: 'admin'} "), aboutDoc(t, "id", member+"any_role: 'admin'} allow: {any_role: 'clerk'} "), Looser, ""},
		"another field of it":                {aboutDoc(t, "id", owner), aboutDoc(t, "id", `allow: {cel: "resource.org_id == principal.id"}`), Undecided, RuleResource},
		"another object":                     {aboutDoc(t, "id", owner), aboutDoc(t, "other_id", owner), Undecided, RuleResource},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := Compare(test.old, test.now)
			if err != nil {
				t.Fatal(err)
			}
			rule := ""
			if got.Reason != nil {
				rule = got.Reason.Rule
			}
			if got.Verdict != test.want || rule != test.rule {
				t.Errorf("%v by %q, want %v by %q", got.Verdict, rule, test.want, test.rule)
			}
		})
	}
}
