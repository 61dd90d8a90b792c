package prove

import (
	"fmt"
	"strings"
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

// What is loaded may be any object of its type, and the object of one field of the request
// is the same on both sides. That of another field is another one.
func TestResource(t *testing.T) {
	t.Parallel()
	// The grants that read the object ask for a role besides, which a new caller has not.
	const member = `allow: {cel: "resource.owner_id == principal.id" `
	const owner, admin = `allow: {cel: "resource.owner_id == principal.id"} `, `allow: {any_role: "admin"} `
	for name, test := range map[string]struct {
		old, now *declare.Declaration
		want     Verdict
		object   string // what the call that is let in, or kept out, is about; "" is not looked at
	}{
		"the same":                           {aboutDoc(t, "id", owner), aboutDoc(t, "id", owner), Same, ""},
		"written otherwise":                  {aboutDoc(t, "id", owner), aboutDoc(t, "id", `allow: {cel: "!(principal.id != resource.owner_id)"}`), Same, ""},
		"a role more":                        {aboutDoc(t, "id", owner), aboutDoc(t, "id", owner+admin), Looser, "resource {owner_id:"},
		"a role more, and only roles before": {aboutDoc(t, "id", member+"any_role: 'admin'} "), aboutDoc(t, "id", member+"any_role: 'admin'} allow: {any_role: 'clerk'} "), Looser, ""},
		"another field of it":                {aboutDoc(t, "id", owner), aboutDoc(t, "id", `allow: {cel: "resource.org_id == principal.id"}`), Different, `resource {owner_id:"`},
		"one field more":                     {aboutDoc(t, "id", owner), aboutDoc(t, "id", `allow: {cel: "resource.owner_id == principal.id && resource.org_id == 'x'"}`), Tighter, `resource {owner_id:"`},
		"beside the request":                 {aboutDoc(t, "id", `allow: {cel: "resource.org_id == principal.id && request.other_id == 'x'"}`), aboutDoc(t, "id", `allow: {cel: "resource.org_id == principal.id && request.other_id in ['x', 'y']"}`), Looser, `resource {org_id:"`},
		"another object":                     {aboutDoc(t, "id", owner), aboutDoc(t, "other_id", owner), Different, `, resource of the other declaration {owner_id:"`},
		"an object without a name":           {aboutDoc(t, "id", owner), aboutDoc(t, "id", owner+`allow: {cel: "request.id == ''"}`), Same, ""},
		"one that is and one that is not":    {aboutDoc(t, "id", owner+admin), aboutDoc(t, "id", owner+`allow: {any_role: "admin" cel: "request.id != ''"}`), Same, ""},
		"one name of two objects":            {aboutDoc(t, "id", owner), aboutDoc(t, "other_id", `allow: {cel: "resource.owner_id == principal.id && request.id == request.other_id && has(request.id)"}`), Tighter, ""},
		"what it counts":                     {aboutDoc(t, "id", owner), aboutDoc(t, "id", `allow: {cel: "size(resource.owner_id) == 2"}`), Undecided, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := Compare(test.old, test.now)
			if err != nil {
				t.Fatal(err)
			}
			if got.Verdict != test.want {
				t.Errorf("%v, want %v: %v, %v, %v", got.Verdict, test.want, got.Reason, got.Looser, got.Tighter)
			}
			witness := got.Looser
			if witness == nil {
				witness = got.Tighter
			}
			if test.object != "" && (witness == nil || !strings.Contains(witness.String(), test.object)) {
				t.Errorf("the call is %v, want one about %s", witness, test.object)
			}
			for by, witness := range map[*declare.Declaration]*Witness{test.now: got.Looser, test.old: got.Tighter} {
				if witness == nil {
					continue
				}
				if _, ok := find(by.Resource, witness.Request); !ok {
					t.Errorf("the request names no object: %v", witness)
				}
			}
		})
	}
}
