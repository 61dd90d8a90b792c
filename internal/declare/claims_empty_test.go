package declare

import (
	"strings"
	"testing"
)

// emptyClaims is a file with claims and a request, some of whose fields are held from
// being empty by rules.
func emptyClaims(marker, expression string) sources {
	return sources{"test/v1/claims.proto": `syntax!
package test.v1;
import "buf/validate/validate.proto";
import "sallyport/v1/action.proto";
message Home {
  singular string free = 1;
  singular string ruled = 2 [(buf.validate.field).required = true, (buf.validate.field).string.min_len = 1];
}
message Claims {
  option (sallyport.v1.claims) = true;
  optional string free = 1;
  optional string ruled = 2 [(buf.validate.field).string.min_len = 1];
  repeated string free_ids = 3;
  repeated string ruled_ids = 4 [(buf.validate.field).repeated.items.string.min_len = 1];
  map<string, string> free_roles = 5;
  map<string, string> ruled_roles = 6 [(buf.validate.field).map.keys.string.min_len = 1];
  singular Home home = 7;
}
message Request {
  singular string free = 1;
  singular string ruled = 2 [(buf.validate.field).required = true, (buf.validate.field).string.min_len = 1];
}
service Orgs {
  rpc Read(Request) returns (Request) {
    option (sallyport.v1.action) = {` + marker + `
      authenticate: {schemes: "session"}
      authorize: {allow: {cel: "` + expression + `"}}
    };
  }
}
`}
}

// A claim and a value of the request may not both be empty: the rules of either keep that
// from being so.
func TestEmptyClaims(t *testing.T) {
	t.Parallel()
	for expression, refused := range map[string]bool{
		"principal.claims.free == request.free":                                              true,
		"principal.claims.free == request.ruled":                                             false,
		"principal.claims.ruled == request.free":                                             false,
		"request.free == principal.claims.ruled":                                             false,
		"has(principal.claims.free) && principal.claims.free == request.free":                true, // set, and empty
		"principal.claims.free != '' && principal.claims.free == request.free":               false,
		"request.free in principal.claims.free_ids":                                          true,
		"request.ruled in principal.claims.free_ids":                                         false,
		"request.free in principal.claims.ruled_ids":                                         false,
		"principal.claims.free_ids.exists(id, id == request.free)":                           true,
		"principal.claims.ruled_ids.exists(id, id == request.free)":                          false,
		"principal.claims.free_roles[request.free] == 'owner'":                               true,
		"principal.claims.free_roles[request.ruled] == 'owner'":                              false,
		"principal.claims.ruled_roles[request.free] == 'owner'":                              false,
		"request.free in principal.claims.free_roles":                                        true,
		"request.free in principal.claims.ruled_roles":                                       false,
		"request.free != '' && principal.claims.free_roles[request.free] == 'owner'":         false,
		"principal.claims.home.free == request.free":                                         true,
		"principal.claims.home.ruled == request.free":                                        false,
		"principal.claims.free == principal.claims.home.free":                                true,
		"principal.claims.free == principal.claims.home.ruled":                               false,
		"principal.claims.free == request.free || principal.claims.ruled == request.free":    true,
		"principal.claims.ruled == request.free || principal.claims.ruled_ids == ['a', 'b']": false,
	} {
		t.Run(expression, func(t *testing.T) {
			t.Parallel()
			marker := ""
			if refused {
				marker = " //! /test.v1.Orgs/Read cel-both-empty"
			}
			check(t, nil, emptyClaims(marker, expression), "test/v1/claims.proto")
		})
	}
}

// Where no claims are given their rules do not run, and a field without presence reads as
// empty: a rule on it does not count, and one on the request does.
func TestEmptyClaimsWithoutPresence(t *testing.T) {
	t.Parallel()
	const messages = `
message Claims {
  option (sallyport.v1.claims) = true;
  string org_id = 1 [(buf.validate.field).required = true, (buf.validate.field).string.min_len = 1];
}
message Free { string org_id = 1; }`
	for request, want := range map[string][]Rule{"Free": {RuleCELBothEmpty}, "Request": nil} {
		of := claims("", "principal.claims.org_id == request.org_id", messages).in("proto3")
		schema := compile(t, sources{"test/v1/claims.proto": strings.Replace(of["test/v1/claims.proto"], "rpc Read(Request)", "rpc Read("+request+")", 1)})
		_, refusals := newReader(t, schema.files).File(schema.file(t, "test/v1/claims.proto"), Given{})
		var got []Rule
		for _, refusal := range refusals {
			got = append(got, refusal.Rule)
		}
		if len(got) != len(want) || len(got) > 0 && got[0] != want[0] {
			t.Errorf("of a %s: %v, want %v\n%s", request, got, want, texts(refusals))
		}
	}
}
