package review_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sallyport-rpc/sallyport/internal/review"
)

// aboutThings is a contract of an action that is about an object.
const aboutThings = `syntax = "proto3";
package acme.things.v1;
import "sallyport/v1/action.proto";
enum Role {
  option (sallyport.v1.roles) = true;
  ROLE_UNSPECIFIED = 0;
  ROLE_ADMIN = 1 [(sallyport.v1.role) = {name: "admin"}];
}
message Thing { string owner = 1; }
message Other { string owner = 1; }
message Request {
  string thing_id = 1;
  string other_id = 2;
}
message Response {}
service ThingService {
  rpc Read(Request) returns (Response) {
    option (sallyport.v1.action) = {
      authenticate: {schemes: "session"}
      resource: {type: "acme.things.v1.Thing" key: "request.thing_id"}
      authorize: {
        allow: {any_role: "admin"}
        allow: {cel: "resource.owner == principal.id"}
      }
    };
  }
}
`

// thingsWith is the contract with changes, of pairs.
func thingsWith(t *testing.T, changes ...string) *review.Contract {
	t.Helper()
	text := strings.NewReplacer(changes...).Replace(aboutThings)
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "acme/things/v1"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "acme/things/v1/things.proto"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return contractOf(t, dir)
}

// What an action is about is compared: that it is about an object, of which type, and what
// finds it.
func TestCompareResources(t *testing.T) {
	t.Parallel()
	const clause, rule = `resource: {type: "acme.things.v1.Thing" key: "request.thing_id"}`, `allow: {cel: "resource.owner == principal.id"}`
	for name, test := range map[string]struct {
		changes         []string
		there, backward []string
	}{
		"nothing": {},
		"the name of a message that nothing is about": {changes: []string{"message Other { string owner = 1; }", "message Another { string owner = 1; }"}},
		"its type": {
			changes: []string{"acme.things.v1.Thing\"", "acme.things.v1.Other\""},
			there:   []string{"different resource-changed", "different grants-different"}, backward: []string{"different resource-changed", "different grants-different"},
		},
		"what finds it": {
			changes: []string{"request.thing_id\"", "request.other_id\""},
			there:   []string{"different resource-changed", "different grants-different"}, backward: []string{"different resource-changed", "different grants-different"},
		},
		"a field of it that decides": {
			changes: []string{"resource.owner == principal.id", "resource.org == principal.id", "message Thing { string owner = 1; }", "message Thing { string owner = 1; string org = 2; }"},
			there:   []string{"different grants-different"}, backward: []string{"different grants-different"},
		},
		"the same in other words": {changes: []string{"resource.owner == principal.id", "!(resource.owner != principal.id)"}},
		"one condition more": {
			changes: []string{"resource.owner == principal.id", "resource.owner == principal.id && principal.scheme == 'session'"},
			there:   []string{"tighter grants-tighter"}, backward: []string{"looser grants-looser"},
		},
		"that it is about one": {
			changes: []string{clause, "", rule, ""},
			there:   []string{"looser resource-removed", "tighter grants-tighter"}, backward: []string{"tighter resource-given", "looser grants-looser"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			old, updated := thingsWith(t), thingsWith(t, test.changes...)
			for direction, pair := range map[string]struct {
				from, to *review.Contract
				want     []string
			}{"there": {old, updated, test.there}, "and back": {updated, old, test.backward}} {
				changes, err := review.Compare(pair.from, pair.to)
				if err != nil {
					t.Fatal(err)
				}
				var got []string
				for _, change := range changes {
					got = append(got, string(change.Judgement)+" "+change.Kind)
				}
				if diff := cmp.Diff(pair.want, got); diff != "" {
					t.Errorf("%s: -want +got:\n%s", direction, diff)
				}
			}
		})
	}
}
