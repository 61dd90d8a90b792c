package declare

import (
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	sallyportv1 "github.com/sallyport-rpc/sallyport/gen/sallyport/v1"
)

// claims is a file with messages, and an action whose grant has an expression.
func claims(marker, expression, messages string) sources {
	return sources{"test/v1/claims.proto": `syntax!
package test.v1;
import "buf/validate/validate.proto";
import "sallyport/v1/action.proto";
` + messages + `
message Request {
  singular string org_id = 1 [(buf.validate.field).required = true, (buf.validate.field).string.min_len = 1];
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

const (
	ownOrg    = "request.org_id in principal.claims.org_ids"
	orgClaims = `
message Claims {
  option (sallyport.v1.claims) = true;
  repeated string org_ids = 1;
}`
)

// claimsTests are one file each, which `//!` says what is refused in.
var claimsTests = map[string]sources{
	"read":                claims("", ownOrg, orgClaims),
	"nested":              claims("", ownOrg, "message Outer {"+orgClaims+"\n}"),
	"not marked":          claims(" //! /test.v1.Orgs/Read cel-invalid", ownOrg, "message Claims {\n  repeated string org_ids = 1;\n}"),
	"marked as none":      claims(" //! /test.v1.Orgs/Read cel-invalid", ownOrg, "message Claims {\n  option (sallyport.v1.claims) = false;\n  repeated string org_ids = 1;\n}"),
	"a field of others":   claims(" //! /test.v1.Orgs/Read cel-invalid", "request.org_id in principal.claims.orgs", orgClaims),
	"another type":        claims(" //! /test.v1.Orgs/Read cel-invalid", "principal.claims.org_ids == request.org_id", orgClaims),
	"claims-twice":        claims("", ownOrg, orgClaims+"\nmessage More { //! test.v1.More claims-twice\n  option (sallyport.v1.claims) = true;\n}"),
	"another, not marked": claims("", ownOrg, orgClaims+"\nmessage More {\n  option (sallyport.v1.claims) = false;\n}"),
}

func TestClaims(t *testing.T) {
	t.Parallel()
	for name, sources := range claimsTests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, declaration := range check(t, nil, sources, "test/v1/claims.proto") {
				if name := declaration.Claims.Name(); name != "Claims" {
					t.Errorf("the claims are %s", name)
				}
			}
		})
	}
}

// A mark that cannot be read is not the same as none.
func TestUnresolvedClaims(t *testing.T) {
	t.Parallel()
	linked := compile(t, claims("", "request.org_id == principal.id", orgClaims).in("proto3"))
	for name, test := range map[string]struct {
		known some
		want  []Rule
	}{
		"linked":     {some{sallyportv1.E_Action, sallyportv1.E_Claims}, nil},
		"not linked": {some{sallyportv1.E_Action}, []Rule{RuleClaimsUnresolved}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			made := linked.overWire(t, test.known)
			_, refusals := newReader(t, made.files).File(made.file(t, "test/v1/claims.proto"), Given{})
			var got []Rule
			for _, refusal := range refusals {
				got = append(got, refusal.Rule)
				if refusal.At == nil {
					t.Errorf("%s is of no message", refusal)
				}
			}
			if diff := gocmp.Diff(test.want, got); diff != "" {
				t.Errorf("-want +got\n%s%s", diff, texts(refusals))
			}
		})
	}
}

// The type of the claims is part of what code is generated from.
func TestFingerprintOfClaims(t *testing.T) {
	t.Parallel()
	of := func(messages string) string {
		schema := compile(t, claims("", "request.org_id == principal.id", messages).in("proto3"))
		service := schema.file(t, "test/v1/claims.proto").Services().Get(0)
		declarations, refusals := newReader(t, schema.files).Service(service, Given{})
		if len(refusals) > 0 {
			t.Fatal(texts(refusals))
		}
		return Fingerprint(service, declarations)
	}
	if of(orgClaims) == of("") {
		t.Error("claims do not change the fingerprint")
	}
}
