package declare

import (
	"cmp"
	"fmt"
	"strings"
	"testing"
	"unicode"
)

// An action is an RPC and the option with which it is declared.
type action struct{ name, rpc, option string }

// limits are so many limits, each of another window.
func limits(count int) string {
	var text strings.Builder
	for i := range count {
		fmt.Fprintf(&text, " limit: {per: ADDRESS requests: 1 window: {seconds: %d} burst: 1}", i+1)
	}
	return text.String()
}

// file is a file in which RPCs declare the given options, and in which nothing else
// is to be refused. Rules are those that refuse an action.
func file(actions []action, rules func(int) []Rule) sources {
	var text strings.Builder
	text.WriteString(`syntax!
package test.v1;
import "buf/validate/validate.proto";
import "google/protobuf/any.proto";
import "google/protobuf/wrappers.proto";
import "sallyport/v1/action.proto";
option (sallyport.v1.condition) = {name: "own" cel: "principal.id == request.user_id"};
option (sallyport.v1.condition) = {name: "ghostly" cel: "request.ghost == principal.id"};
option (sallyport.v1.condition) = {name: "text" cel: "principal.id"};
option (sallyport.v1.condition) = {name: "always" cel: "principal.id == principal.id"};
option (sallyport.v1.condition) = {name: "never" cel: "false"};
option (sallyport.v1.condition) = {name: "of_nothing" cel: "now > timestamp('2026-01-01T00:00:00Z')"};
option (sallyport.v1.condition) = {name: "divides" cel: "request.number / 0 == 1"};
option (sallyport.v1.condition) = {name: "free" cel: "principal.id == request.free_id"};
enum Role {
  option (sallyport.v1.roles) = true;
  ROLE_UNSPECIFIED = 0;
  ROLE_MEMBER = 1 [(sallyport.v1.role) = {name: "member"}];
  ROLE_AUDITOR = 2 [(sallyport.v1.role) = {name: "auditor"}];
  ROLE_ADMIN = 3 [(sallyport.v1.role) = {name: "admin", includes: ["member", "auditor"]}];
  ROLE_OLD = 4 [deprecated = true, (sallyport.v1.role) = {name: "old"}];
  ROLE_OLDER = 5 [deprecated = true, (sallyport.v1.role) = {name: "older", includes: "old"}];
}
enum Scope {
  option (sallyport.v1.scope_catalogue) = true;
  SCOPE_UNSPECIFIED = 0;
  SCOPE_LOWER_A = 1 [(sallyport.v1.scope) = {name: "a"}];
  SCOPE_UPPER_A = 2 [(sallyport.v1.scope) = {name: "A"}];
  SCOPE_B = 3 [(sallyport.v1.scope) = {name: "b"}];
  SCOPE_C = 4 [(sallyport.v1.scope) = {name: "c"}];
  SCOPE_S = 5 [(sallyport.v1.scope) = {name: "s"}];
  SCOPE_X = 6 [(sallyport.v1.scope) = {name: "x"}];
  SCOPE_Y = 7 [(sallyport.v1.scope) = {name: "y"}];
  SCOPE_FILES_READ = 8 [(sallyport.v1.scope) = {name: "files.read"}];
  SCOPE_URL = 9 [(sallyport.v1.scope) = {name: "https://example.com/a!#~b"}];
  SCOPE_LONGEST = 10 [(sallyport.v1.scope) = {name: "` + repeated("s", 255) + `"}];
}
message Request {
  singular string user_id = 1 [(buf.validate.field).required = true, (buf.validate.field).string.min_len = 1];
  singular string free_id = 2;
  singular Owner owner = 3 [(buf.validate.field).required = true];
  singular Owner free_owner = 4;
  repeated string ids = 5 [(buf.validate.field).repeated.items.string.min_len = 1];
  repeated string free_ids = 6;
  repeated Owner owners = 7;
  map<string, string> by_id = 8;
  singular google.protobuf.StringValue maybe_id = 9 [(buf.validate.field).string.min_len = 1];
  singular int64 number = 10;
  singular int64 other_number = 11;
  repeated string some_ids = 12 [(buf.validate.field).repeated.min_items = 1];
  singular google.protobuf.Any any = 13;
  singular State state = 14;
  repeated Document documents = 15;
}
enum State {
  STATE_NONE = 0;
  STATE_DRAFT = 1;
}
message Thing {
  repeated string reader_ids = 1;
  repeated string tags = 2;
  singular string owner_id = 3;
  singular string org_id = 4;
  singular string prefix = 5;
  message Part {
    singular string owner_id = 1;
  }
}
message Document {
  singular string id = 1;
  repeated string reader_ids = 2;
}
message Part {
  singular string id = 1;
}
message PutRequest {
  singular string thing_id = 1;
  singular Thing thing = 2;
}
message PutDocumentRequest {
  singular string document_id = 1;
  singular Document document = 2;
}
message Owner {
  singular string id = 1 [(buf.validate.field).required = true, (buf.validate.field).string.min_len = 1];
  singular string free_id = 2;
}
message Response {}
message Page {
  repeated Document documents = 1;
  repeated Thing things = 2;
  singular Document document = 3;
  singular Page next = 4;
  map<string, Document> by_id = 5;
  repeated google.protobuf.StringValue texts = 6;
  singular google.protobuf.StringValue text = 7;
  singular int32 total_size = 8;
  singular string token = 9;
  repeated int64 sizes = 10;
  repeated Page pages = 11;
}
service Files {
`)
	for i, of := range actions {
		want := ""
		if rules := rules(i); len(rules) > 0 {
			want = fmt.Sprintf(" //! /test.v1.Files/%s %s", of.name, strings.Trim(fmt.Sprint(rules), "[]"))
		}
		rpc := cmp.Or(of.rpc, unary)
		if of.option == none {
			fmt.Fprintf(&text, "  rpc %s%s;%s\n", of.name, rpc, want)
			continue
		}
		fmt.Fprintf(&text, "  rpc %s%s {\n    option (sallyport.v1.action) = {%s\n%s\n    };\n  }\n", of.name, rpc, want, of.option)
	}
	return sources{"test/v1/files.proto": text.String() + "}\n"}
}

const (
	unary        = "(Request) returns (Response)"
	clientStream = "(stream Request) returns (Response)"
	serverStream = "(Request) returns (stream Response)"
	bidiStream   = "(stream Request) returns (stream Response)"

	// none is no option at all, as opposed to an empty one.
	none = "none"

	session = `authenticate: {schemes: "session"} `
	anyone  = `authorize: {anyone: "it is public"} `
	admin   = `authorize: {allow: {any_role: "admin"}} `
	// paged and pages answer with elements; readers says who sees those that have readers.
	paged   = "(Request) returns (Page)"
	pages   = "(Request) returns (stream Page)"
	readers = `allow: {cel: "principal.id in item.reader_ids"}`
	// about and reader are a resource, and a grant that reads it.
	about  = `resource: {type: "test.v1.Thing" key: "request.user_id"} `
	reader = `authorize: {allow: {cel: "principal.id in resource.reader_ids"}} `
	own    = `authorize: {allow: {cel: "principal.id == request.user_id"}} `
)

func repeated(text string, times int) string { return strings.Repeat(text, times) }

// first is a stream that is authorized by its first message.
const first = `stream: {authorize: FIRST_MESSAGE} `

// each says who sees which elements of what anyone may ask for.
func each(field, grants string) string {
	return `authorize: {anyone: "it is public" each: {` + field + " " + grants + `}} `
}

// A ruleTest says of one rule what it refuses, and what, next to that, it lets pass.
type ruleTest struct {
	rule    Rule
	name    string
	rpc     string // unary where it is empty
	refused string // "" where another test has the neighbour
	also    []Rule // the other rules that refuse it
	passes  string // "" where nothing next to it would pass
}

var ruleTests = []ruleTest{
	{rule: RuleMissing, name: "no option", refused: none, passes: session + admin},
	{rule: RuleMissing, name: "no option on a stream", rpc: bidiStream, refused: none, passes: session + admin + `stream: {authorize: FIRST_MESSAGE}`},
	{rule: RuleEmpty, name: "empty option", refused: ` `, passes: session + admin},
	{rule: RuleAuthenticateMissing, name: "no authenticate", refused: admin, passes: session + admin},
	{rule: RuleAuthorizeMissing, name: "no authorize", refused: session, passes: session + anyone},
	{rule: RuleAuthenticateMissing, name: "only stream", rpc: bidiStream, refused: `stream: {authorize: OPEN}`, also: []Rule{RuleAuthorizeMissing}, passes: session + anyone + `stream: {authorize: OPEN}`},

	{rule: RuleAuthenticateChoice, name: "neither", refused: `authenticate: {} ` + anyone, passes: `authenticate: {anonymous: "no caller has an account yet"} ` + anyone},
	{rule: RuleAuthenticateChoice, name: "neither, with max_age", refused: `authenticate: {max_age: {seconds: 60}} ` + anyone, passes: `authenticate: {schemes: "session" max_age: {seconds: 60}} ` + anyone},
	{rule: RuleAuthenticateChoice, name: "both", refused: `authenticate: {schemes: "session" anonymous: "why not"} ` + anyone, passes: session + anyone},
	{rule: RuleAuthenticateChoice, name: "both, and a grant", refused: `authenticate: {schemes: "session" anonymous: "why not"} ` + admin, passes: session + admin},
	{rule: RuleAuthenticateChoice, name: "both, and scopes of the credential", refused: `authenticate: {schemes: "session" anonymous: "why not"} authorize: {anyone: "x" credential_scopes: "a"}`},
	{rule: RuleAuthenticateChoice, name: "neither, and scopes of the credential", refused: `authenticate: {} authorize: {anyone: "x" credential_scopes: "a"}`},
	{rule: RuleSchemeName, name: "empty", refused: `authenticate: {schemes: ""} ` + anyone, passes: `authenticate: {schemes: "s"} ` + anyone},
	{rule: RuleSchemeName, name: "upper case", refused: `authenticate: {schemes: "Session"} ` + anyone, passes: `authenticate: {schemes: "session-2_a"} ` + anyone},
	{rule: RuleSchemeName, name: "upper case, and misspelt", refused: `authenticate: {schemes: "Sesion"} ` + anyone},
	{rule: RuleSchemeName, name: "digit first", refused: `authenticate: {schemes: "2fa"} ` + anyone, passes: `authenticate: {schemes: "f2a"} ` + anyone},
	{rule: RuleSchemeName, name: "65 characters", refused: `authenticate: {schemes: "` + repeated("s", 65) + `"} ` + anyone, passes: `authenticate: {schemes: "` + repeated("s", 64) + `"} ` + anyone},
	{rule: RuleSchemeName, name: "line break after it", refused: `authenticate: {schemes: "session\n"} ` + anyone},
	{rule: RuleSchemeName, name: "two of three", refused: `authenticate: {schemes: ["A", "session", "B"]} ` + anyone, also: []Rule{RuleSchemeName}, passes: `authenticate: {schemes: ["a", "session", "b"]} ` + anyone},
	{rule: RuleSchemeName, name: "beside one that is nearly another", refused: `authenticate: {schemes: ["sesion", "B!"]} ` + anyone},
	{rule: RuleSchemeDuplicate, name: "twice", refused: `authenticate: {schemes: ["session", "bearer", "session"]} ` + anyone, passes: `authenticate: {schemes: ["session", "bearer"]} ` + anyone},
	{rule: RuleAnonymousReason, name: "empty", refused: `authenticate: {anonymous: ""} ` + anyone, passes: `authenticate: {anonymous: "."} ` + anyone},
	{rule: RuleAnonymousReason, name: "blank", refused: `authenticate: {anonymous: " \t\n"} ` + anyone},
	{rule: RuleAnonymousReason, name: "501 characters", refused: `authenticate: {anonymous: "` + repeated("þ", 501) + `"} ` + anyone, passes: `authenticate: {anonymous: "` + repeated("þ", 500) + `"} ` + anyone},
	{rule: RuleMaxAgeAnonymous, name: "anonymous", refused: `authenticate: {anonymous: "x" max_age: {seconds: 60}} ` + anyone, passes: `authenticate: {schemes: "x" max_age: {seconds: 60}} ` + anyone},
	{rule: RuleMaxAgeAnonymous, name: "anonymous, for a long reason", refused: `authenticate: {anonymous: "` + repeated("x", 500) + `" max_age: {seconds: 60}} ` + anyone},
	{rule: RuleMaxAgeRange, name: "zero", refused: `authenticate: {schemes: "x" max_age: {}} ` + anyone, passes: `authenticate: {schemes: "x" max_age: {nanos: 1}} ` + anyone},
	{rule: RuleMaxAgeRange, name: "negative", refused: `authenticate: {schemes: "x" max_age: {seconds: -1}} ` + anyone},
	{rule: RuleMaxAgeRange, name: "more than a year", refused: `authenticate: {schemes: "x" max_age: {seconds: 31622400 nanos: 1}} ` + anyone, passes: `authenticate: {schemes: "x" max_age: {seconds: 31622400}} ` + anyone},
	{rule: RuleMaxAgeRange, name: "more than there is time", refused: `authenticate: {schemes: "x" max_age: {seconds: 9223372036854775807}} ` + anyone},

	{rule: RuleAuthorizeChoice, name: "neither", refused: session + `authorize: {}`, passes: session + anyone},
	{rule: RuleAuthorizeChoice, name: "neither, but conceal", refused: session + `authorize: {conceal: true}`, passes: session + `authorize: {conceal: true allow: {any_role: "admin"}}`},
	{rule: RuleAuthorizeChoice, name: "both", refused: session + `authorize: {anyone: "it is public" allow: {any_role: "admin"}}`, passes: session + admin},
	{rule: RuleAuthorizeChoice, name: "both, and a grant to keep", refused: session + `authorize: {anyone: "it is public" allow: {any_role: "member"}}`},
	{rule: RuleAuthorizeChoice, name: "both, and nothing in the grant", refused: session + `authorize: {anyone: "it is public" allow: {cel: ""}}`, also: []Rule{RuleCELLength}},
	{rule: RuleAnyoneReason, name: "empty", refused: session + `authorize: {anyone: ""}`, passes: session + `authorize: {anyone: "."}`},
	{rule: RuleAnyoneReason, name: "blank", refused: session + `authorize: {anyone: "   "}`},
	{rule: RuleAnyoneReason, name: "500 spaces", refused: session + `authorize: {anyone: "` + repeated(" ", 500) + `"}`},
	{rule: RuleAnyoneReason, name: "501 characters", refused: session + `authorize: {anyone: "` + repeated("x", 501) + `"}`, passes: session + `authorize: {anyone: "` + repeated("x", 500) + `"}`},
	{rule: RuleConcealAnyone, name: "anyone", refused: session + `authorize: {anyone: "it is public" conceal: true}`, passes: session + `authorize: {anyone: "it is public" conceal: false}`},
	{rule: RuleAnonymousGrant, name: "role", refused: `authenticate: {anonymous: "x"} ` + admin, passes: `authenticate: {anonymous: "x"} ` + anyone},
	{rule: RuleAnonymousGrant, name: "role, and no reason", refused: `authenticate: {anonymous: ""} ` + admin, also: []Rule{RuleAnonymousReason}},
	{rule: RuleAnonymousGrant, name: "and elements", rpc: paged, refused: `authenticate: {anonymous: "x"} authorize: {allow: {any_role: "admin"} each: {items: "documents" ` + readers + `}}`, also: []Rule{RuleEachAnonymous}},
	{rule: RuleAnonymousGrant, name: "condition of the request alone", refused: `authenticate: {anonymous: "x"} authorize: {allow: {cel: "request.number > 3"}}`},

	{rule: RuleStreamMissing, name: "client", rpc: clientStream, refused: session + admin, passes: session + admin + `stream: {authorize: EVERY_MESSAGE}`},
	{rule: RuleStreamMissing, name: "server", rpc: serverStream, refused: session + admin, passes: session + admin + `stream: {authorize: FIRST_MESSAGE}`},
	{rule: RuleStreamMissing, name: "both", rpc: bidiStream, refused: session + admin, passes: session + admin + `stream: {authorize: OPEN}`},
	{rule: RuleStreamUnary, name: "unary", refused: session + admin + `stream: {authorize: OPEN}`, passes: session + admin},
	{rule: RuleStreamAuthorize, name: "unset", rpc: bidiStream, refused: session + admin + `stream: {}`, passes: session + admin + `stream: {authorize: OPEN}`},
	{rule: RuleStreamAuthorize, name: "unspecified", rpc: bidiStream, refused: session + admin + `stream: {authorize: TIMING_UNSPECIFIED}`},
	{rule: RuleStreamUnary, name: "unary, of whose request there is something to ask", refused: session + own + `stream: {authorize: OPEN}`},
	{rule: RuleStreamUnary, name: "unary and unset", refused: session + admin + `stream: {}`, also: []Rule{RuleStreamAuthorize}},
	{rule: RuleStreamOpenRequest, name: "condition", rpc: bidiStream, refused: session + own + `stream: {authorize: OPEN}`, passes: session + own + `stream: {authorize: FIRST_MESSAGE}`},
	{rule: RuleStreamOpenRequest, name: "check", rpc: serverStream, refused: session + `authorize: {allow: {check: "is_owner"}} stream: {authorize: OPEN}`, passes: session + `authorize: {allow: {check: "is_owner"}} stream: {authorize: EVERY_MESSAGE}`},
	{rule: RuleStreamOpenRequest, name: "condition of the principal alone", rpc: bidiStream, passes: session + `authorize: {allow: {cel: "'member' in principal.roles"}} stream: {authorize: OPEN}`},
	{rule: RuleRecheckRange, name: "too short", rpc: bidiStream, refused: session + admin + `stream: {authorize: OPEN recheck: {nanos: 999999999}}`, passes: session + admin + `stream: {authorize: OPEN recheck: {seconds: 1}}`},
	{rule: RuleRecheckRange, name: "too long", rpc: bidiStream, refused: session + admin + `stream: {authorize: OPEN recheck: {seconds: 86400 nanos: 1}}`, passes: session + admin + `stream: {authorize: OPEN recheck: {seconds: 86400}}`},
	{rule: RuleAuthenticateMissing, name: "with a recheck", rpc: serverStream, refused: anyone + `stream: {authorize: OPEN recheck: {seconds: 60}}`},
	{rule: RuleRecheckAnonymous, name: "no reason", rpc: serverStream, refused: `authenticate: {anonymous: ""} ` + anyone + `stream: {authorize: OPEN recheck: {seconds: 60}}`, also: []Rule{RuleAnonymousReason}},
	{rule: RuleRecheckAnonymous, name: "anonymous", rpc: serverStream, refused: `authenticate: {anonymous: "x"} ` + anyone + `stream: {authorize: OPEN recheck: {seconds: 60}}`, passes: `authenticate: {anonymous: "x"} ` + anyone + `stream: {authorize: OPEN}`},

	{rule: RuleLimitPer, name: "none", refused: session + admin + `limit: {requests: 1 window: {seconds: 1} burst: 1}`, passes: session + admin + `limit: {per: PRINCIPAL requests: 1 window: {seconds: 1} burst: 1}`},
	{rule: RuleLimitPer, name: "unspecified", refused: session + admin + `limit: {per: PER_UNSPECIFIED requests: 1 window: {seconds: 1} burst: 1}`, passes: session + admin + `limit: {per: ACTION requests: 1 window: {seconds: 1} burst: 1}`},
	{rule: RuleLimitRequests, name: "none", refused: session + admin + `limit: {per: ADDRESS window: {seconds: 1} burst: 1}`, passes: session + admin + `limit: {per: ADDRESS requests: 1 window: {seconds: 1} burst: 1}`},
	{rule: RuleLimitRequests, name: "none, of a principal", refused: session + admin + `limit: {per: PRINCIPAL window: {seconds: 1} burst: 1}`},
	{rule: RuleLimitRequests, name: "none, of an anonymous action", refused: `authenticate: {anonymous: "x"} ` + anyone + `limit: {per: ACTION window: {seconds: 1} burst: 1}`},
	{rule: RuleLimitDuplicate, name: "the second one stricter", refused: session + admin + `limit: {per: ADDRESS requests: 10 window: {seconds: 1} burst: 10} limit: {per: ADDRESS requests: 5 window: {seconds: 1} burst: 3}`},
	{rule: RuleLimitRequests, name: "too many", refused: session + admin + `limit: {per: ADDRESS requests: 1000001 window: {seconds: 1} burst: 1}`, passes: session + admin + `limit: {per: ADDRESS requests: 1000000 window: {seconds: 1} burst: 1}`},
	{rule: RuleLimitRequests, name: "so many that a product overflows", refused: session + admin + `limit: {per: ADDRESS requests: 4294967295 window: {seconds: 1} burst: 1}`},
	{rule: RuleLimitWindow, name: "none", refused: session + admin + `limit: {per: ADDRESS requests: 1 burst: 1}`},
	{rule: RuleLimitWindow, name: "zero", refused: session + admin + `limit: {per: ADDRESS requests: 1 window: {} burst: 1}`},
	{rule: RuleLimitWindow, name: "too short", refused: session + admin + `limit: {per: ADDRESS requests: 1 window: {nanos: 999999999} burst: 1}`, passes: session + admin + `limit: {per: ADDRESS requests: 1 window: {seconds: 1} burst: 1}`},
	{rule: RuleLimitWindow, name: "too long", refused: session + admin + `limit: {per: ADDRESS requests: 1 window: {seconds: 86400 nanos: 1} burst: 1}`, passes: session + admin + `limit: {per: ADDRESS requests: 1 window: {seconds: 86400} burst: 1}`},
	{rule: RuleLimitWindow, name: "negative", refused: session + admin + `limit: {per: ADDRESS requests: 1 window: {seconds: -1} burst: 1}`},
	{rule: RuleLimitBurst, name: "none", refused: session + admin + `limit: {per: ADDRESS requests: 1 window: {seconds: 1}}`},
	{rule: RuleLimitBurst, name: "too many", refused: session + admin + `limit: {per: ADDRESS requests: 1000000 window: {seconds: 1} burst: 1000001}`, passes: session + admin + `limit: {per: ADDRESS requests: 1000000 window: {seconds: 1} burst: 1000000}`},
	{rule: RuleLimitBurst, name: "too many for its requests", refused: session + admin + `limit: {per: ADDRESS requests: 2 window: {seconds: 1} burst: 201}`, passes: session + admin + `limit: {per: ADDRESS requests: 2 window: {seconds: 1} burst: 200}`},
	{rule: RuleLimitDuplicate, name: "twice", refused: session + admin + `limit: {per: ADDRESS requests: 1 window: {seconds: 1} burst: 1} limit: {per: ADDRESS requests: 2 window: {seconds: 1} burst: 2}`, passes: session + admin + `limit: {per: ADDRESS requests: 1 window: {seconds: 1} burst: 1} limit: {per: ADDRESS requests: 2 window: {seconds: 2} burst: 2} limit: {per: ACTION requests: 1 window: {seconds: 1} burst: 1}`},
	{rule: RuleLimitDuplicate, name: "twice, and no windows", refused: session + admin + `limit: {per: ADDRESS requests: 1 burst: 1} limit: {per: ADDRESS requests: 2 burst: 2}`, also: []Rule{RuleLimitWindow, RuleLimitWindow}},
	{rule: RuleLimitCount, name: "nine", refused: session + admin + limits(9), passes: session + admin + limits(8)},
	{rule: RuleLimitPrincipalAnonymous, name: "anonymous", refused: `authenticate: {anonymous: "x"} ` + anyone + `limit: {per: PRINCIPAL requests: 1 window: {seconds: 1} burst: 1}`, passes: `authenticate: {anonymous: "x"} ` + anyone + `limit: {per: ADDRESS requests: 1 window: {seconds: 1} burst: 1}`},
	{rule: RuleLimitPrincipalAnonymous, name: "no reason", refused: `authenticate: {anonymous: ""} ` + anyone + `limit: {per: PRINCIPAL requests: 1 window: {seconds: 1} burst: 1}`, also: []Rule{RuleAnonymousReason}},

	{rule: RuleGrantEmpty, name: "empty", refused: session + `authorize: {allow: {}}`, passes: session + admin},
	{rule: RuleGrantEmpty, name: "empty lists", refused: session + `authorize: {allow: {any_role: [] all_scopes: []}}`},
	{rule: RuleGrantEmpty, name: "second of two", refused: session + `authorize: {allow: {any_role: "admin"} allow: {}}`},
	{rule: RuleRoleName, name: "empty", refused: session + `authorize: {allow: {any_role: ""}}`, passes: session + admin},
	{rule: RuleRoleName, name: "upper case", refused: session + `authorize: {allow: {any_role: "ADMIN"}}`},
	{rule: RuleRoleName, name: "65 characters", refused: session + `authorize: {allow: {any_role: "` + repeated("r", 65) + `"}}`},
	{rule: RuleRoleUnknown, name: "64 characters, which is a name", refused: session + `authorize: {allow: {any_role: "` + repeated("r", 64) + `"}}`},
	{rule: RuleRoleDuplicate, name: "twice", refused: session + `authorize: {allow: {any_role: ["member", "member"]}}`, passes: session + `authorize: {allow: {any_role: ["member", "auditor"]}}`},
	{rule: RuleRoleDuplicate, name: "twice in two grants", passes: session + `authorize: {allow: {any_role: "member" check: "a"} allow: {any_role: "member" check: "b"}}`},
	{rule: RuleRoleUnknown, name: "unknown", refused: session + `authorize: {allow: {any_role: "admn"}}`, passes: session + admin},
	{rule: RuleRoleUnknown, name: "two of three", refused: session + `authorize: {allow: {any_role: ["x", "admin", "y"]}}`, also: []Rule{RuleRoleUnknown}},
	{rule: RuleScopeName, name: "empty", refused: session + `authorize: {allow: {all_scopes: ""}}`, passes: session + `authorize: {allow: {all_scopes: "s"}}`},
	{rule: RuleScopeName, name: "space", refused: session + `authorize: {allow: {all_scopes: "a b"}}`, passes: session + `authorize: {allow: {all_scopes: "https://example.com/a!#~b"}}`},
	{rule: RuleScopeName, name: "quote", refused: session + `authorize: {allow: {all_scopes: "a\"b"}}`},
	{rule: RuleScopeName, name: "backslash", refused: session + `authorize: {allow: {all_scopes: "a\\b"}}`},
	{rule: RuleScopeName, name: "not ASCII", refused: session + `authorize: {allow: {all_scopes: "þ"}}`},
	{rule: RuleScopeName, name: "256 characters", refused: session + `authorize: {allow: {all_scopes: "` + repeated("s", 256) + `"}}`, passes: session + `authorize: {allow: {all_scopes: "` + repeated("s", 255) + `"}}`},
	{rule: RuleScopeUnknown, name: "misspelt", refused: session + `authorize: {allow: {all_scopes: "files.raed"}}`, passes: session + `authorize: {allow: {all_scopes: "files.read"}}`},
	{rule: RuleScopeUnknown, name: "two of three", refused: session + `authorize: {allow: {all_scopes: ["nothing.like.it", "a", "files.READ"]}}`, also: []Rule{RuleScopeUnknown}},
	{rule: RuleScopeUnknown, name: "of credentials", refused: session + `authorize: {anyone: "x" credential_scopes: ["files.raed", "a"]}`, passes: session + `authorize: {anyone: "x" credential_scopes: ["files.read", "a"]}`},
	{rule: RuleScopeName, name: "of credentials", refused: session + `authorize: {anyone: "x" credential_scopes: "a b"}`},
	{rule: RuleScopeDuplicate, name: "of credentials", refused: session + `authorize: {anyone: "x" credential_scopes: ["a", "a"]}`, passes: session + `authorize: {allow: {any_role: "admin"} credential_scopes: ["a", "A"]}`},
	{rule: RuleCredentialScopesAnonymous, name: "anonymous", refused: `authenticate: {anonymous: "x"} authorize: {anyone: "x" credential_scopes: "a"}`, passes: `authenticate: {anonymous: "x"} authorize: {anyone: "x"}`},
	{rule: RuleShadowEmpty, name: "empty", refused: session + `authorize: {anyone: "x" shadow: {}}`, passes: session + `authorize: {anyone: "x" shadow: {allow: {any_role: "admin"}}}`},
	{rule: RuleShadowAnonymous, name: "anonymous", refused: `authenticate: {anonymous: "x"} authorize: {anyone: "x" shadow: {allow: {any_role: "admin"}}}`, passes: session + `authorize: {allow: {any_role: "member"} shadow: {allow: {any_role: "admin"}}}`},
	{rule: RuleRoleUnknown, name: "in a shadow", refused: session + `authorize: {allow: {any_role: "admin"} shadow: {allow: {any_role: "admn"}}}`, passes: session + `authorize: {allow: {any_role: "admin"} shadow: {allow: {any_role: "admin"}}}`},
	{rule: RuleRoleDuplicate, name: "in a shadow", refused: session + `authorize: {allow: {any_role: "admin"} shadow: {allow: {any_role: ["admin", "admin"]}}}`},
	{rule: RuleGrantEmpty, name: "in a shadow", refused: session + `authorize: {allow: {any_role: "admin"} shadow: {allow: {}}}`},
	{rule: RuleGrantRedundant, name: "in a shadow", refused: session + `authorize: {allow: {any_role: "admin"} shadow: {allow: {any_role: "admin"} allow: {any_role: "admin" all_scopes: "a"}}}`,
		passes: session + `authorize: {allow: {any_role: "admin"} shadow: {allow: {any_role: "admin"} allow: {all_scopes: "a"}}}`},
	{rule: RuleCELInvalid, name: "in a shadow", refused: session + `authorize: {allow: {any_role: "admin"} shadow: {allow: {cel: "principal.id == request.number"}}}`},
	{rule: RuleScopeUnknown, name: "a role", refused: session + `authorize: {allow: {all_scopes: "member"}}`, passes: session + `authorize: {allow: {any_role: "member"}}`},
	{rule: RuleScopeDuplicate, name: "twice", refused: session + `authorize: {allow: {all_scopes: ["a", "a"]}}`, passes: session + `authorize: {allow: {all_scopes: ["a", "A"]}}`},

	{rule: RuleCELLength, name: "empty", refused: session + `authorize: {allow: {cel: ""}}`, passes: session + own},
	{rule: RuleCELLength, name: "blank", refused: session + `authorize: {allow: {cel: " \n\t"}}`},
	{rule: RuleCELLength, name: "4096 spaces", refused: session + `authorize: {allow: {cel: "` + repeated(" ", 4096) + `"}}`},
	{rule: RuleCELLength, name: "4097 characters", refused: session + `authorize: {allow: {cel: "` + repeated(" ", 4097-18) + `request.number == 3"}}`, passes: session + `authorize: {allow: {cel: "` + repeated(" ", 4096-19) + `request.number == 3"}}`},
	{rule: RuleCELInvalid, name: "does not parse", refused: session + `authorize: {allow: {cel: "principal.id =="}}`, passes: session + own},
	{rule: RuleCELInvalid, name: "does not type-check", refused: session + `authorize: {allow: {cel: "principal.id == request.number"}}`},
	{rule: RuleCELInvalid, name: "no field", refused: session + `authorize: {allow: {cel: "principal.id == request.ghost"}}`},
	{rule: RuleCELInvalid, name: "field of the response", refused: session + `authorize: {allow: {cel: "response.ok"}}`},
	{rule: RuleCELInvalid, name: "not boolean", refused: session + `authorize: {allow: {cel: "request.user_id"}}`},
	{rule: RuleCELInvalid, name: "enums without their package", refused: session + `authorize: {allow: {cel: "request.number in [Role.ROLE_OLD, Role.ROLE_ADMIN]"}}`, passes: session + `authorize: {allow: {cel: "request.number in [test.v1.Role.ROLE_OLD, test.v1.Role.ROLE_ADMIN]"}}`},
	{rule: RuleCELInvalid, name: "in two of three grants", refused: session + `authorize: {allow: {cel: "a"} allow: {cel: "request.number == 1"} allow: {cel: "b"}}`, also: []Rule{RuleCELInvalid}},
	{rule: RuleCELAlwaysTrue, name: "true", refused: session + `authorize: {allow: {cel: "true"}}`, passes: session + own},
	{rule: RuleCELAlwaysTrue, name: "beside a role", refused: session + `authorize: {allow: {any_role: "admin" cel: "request.number == request.number"}}`, passes: session + `authorize: {allow: {any_role: "admin" cel: "request.number == 1"}}`},
	{rule: RuleCELAlwaysTrue, name: "either way", refused: session + `authorize: {allow: {cel: "request.number == 1 || request.number != 1"}}`},
	{rule: RuleCELAlwaysFalse, name: "false", refused: session + `authorize: {allow: {cel: "false"}}`, passes: session + own},
	{rule: RuleCELAlwaysFalse, name: "false, in one of two grants", refused: session + `authorize: {allow: {any_role: "admin"} allow: {cel: "false"}}`},
	{rule: RuleCELAlwaysFalse, name: "contradiction", refused: session + `authorize: {allow: {cel: "request.number == 1 && !(request.number == 1)"}}`},
	{rule: RuleCELReadsNothing, name: "time alone", refused: session + `authorize: {allow: {cel: "now.getHours() < 12"}}`, passes: session + `authorize: {allow: {cel: "now.getHours() < 12 && request.number == 1"}}`},
	{rule: RuleCELIdentity, name: "field", refused: session + `authorize: {allow: {cel: "principal.id == request.free_id"}}`, passes: session + own},
	{rule: RuleCELIdentity, name: "the other way round", refused: session + `authorize: {allow: {cel: "request.free_id == principal.id"}}`, passes: session + `authorize: {allow: {cel: "request.user_id == principal.id"}}`},
	{rule: RuleCELIdentity, name: "field of a message", refused: session + `authorize: {allow: {cel: "principal.id == request.owner.free_id"}}`, passes: session + `authorize: {allow: {cel: "principal.id == request.owner.id"}}`},
	{rule: RuleCELIdentity, name: "field of a message that may be missing", passes: session + `authorize: {allow: {cel: "principal.id == request.free_owner.id"}}`},
	{rule: RuleCELIdentity, name: "in a list", refused: session + `authorize: {allow: {cel: "principal.id in request.free_ids"}}`, passes: session + `authorize: {allow: {cel: "principal.id in request.ids"}}`},
	{rule: RuleCELIdentity, name: "of an element", refused: session + `authorize: {allow: {cel: "request.owners.exists(o, o.free_id == principal.id)"}}`, passes: session + `authorize: {allow: {cel: "request.owners.exists(o, o.id == principal.id)"}}`},
	{rule: RuleCELIdentity, name: "key of a map", refused: session + `authorize: {allow: {cel: "principal.id in request.by_id"}}`},
	{rule: RuleCELIdentity, name: "something made of a field", refused: session + `authorize: {allow: {cel: "principal.id == request.user_id + ''"}}`},
	{rule: RuleCELIdentity, name: "a constant", passes: session + `authorize: {allow: {cel: "principal.id == 'root'"}}`},

	{rule: RuleWhenName, name: "upper case", refused: session + `authorize: {allow: {when: "Own"}}`, passes: session + `authorize: {allow: {when: "own"}}`},
	{rule: RuleWhenName, name: "empty", refused: session + `authorize: {allow: {when: ""}}`},
	{rule: RuleWhenName, name: "65 characters", refused: session + `authorize: {allow: {when: "` + repeated("c", 65) + `"}}`},
	{rule: RuleWhenUnknown, name: "misspelt", refused: session + `authorize: {allow: {when: "ownn"}}`, passes: session + `authorize: {allow: {when: "own"}}`},
	{rule: RuleWhenUnknown, name: "64 characters", refused: session + `authorize: {allow: {when: "` + repeated("c", 64) + `"}}`},
	{rule: RuleWhenInvalid, name: "of another request", refused: session + `authorize: {allow: {when: "ghostly"}}`, passes: session + `authorize: {allow: {when: "own"}}`},
	{rule: RuleWhenInvalid, name: "no condition", refused: session + `authorize: {allow: {when: "text"}}`},
	{rule: RuleCELAlwaysTrue, name: "named", refused: session + `authorize: {allow: {when: "always"}}`, passes: session + `authorize: {allow: {when: "own"}}`},
	{rule: RuleCELAlwaysFalse, name: "named", refused: session + `authorize: {allow: {when: "never"}}`, passes: session + `authorize: {allow: {when: "own"}}`},
	{rule: RuleCELReadsNothing, name: "named", refused: session + `authorize: {allow: {when: "of_nothing"}}`, passes: session + `authorize: {allow: {when: "own"}}`},
	{rule: RuleCELIdentity, name: "named", refused: session + `authorize: {allow: {when: "free"}}`, passes: session + `authorize: {allow: {when: "own"}}`},
	{rule: RuleStreamOpenRequest, name: "named condition", rpc: bidiStream, refused: session + `authorize: {allow: {when: "own"}} stream: {authorize: OPEN}`, passes: session + `authorize: {allow: {when: "own"}} stream: {authorize: FIRST_MESSAGE}`},
	{rule: RuleCELMessage, name: "all of the principal", refused: session + `authorize: {allow: {cel: "principal == principal"}}`, passes: session + own},
	{rule: RuleCELMessage, name: "all of the request", refused: session + `authorize: {allow: {cel: "request == request"}}`},
	{rule: RuleCELMessage, name: "a message", refused: session + `authorize: {allow: {cel: "request.owner != test.v1.Owner{}"}}`, passes: session + `authorize: {allow: {cel: "request.owner.id != 'x'"}}`},
	{rule: RuleCELMessage, name: "a list of messages", refused: session + `authorize: {allow: {cel: "request.owners == []"}}`, passes: session + `authorize: {allow: {cel: "size(request.owners) == 0"}}`},
	{rule: RuleCELNull, name: "a wrapper", refused: session + `authorize: {allow: {cel: "request.maybe_id == null"}}`, passes: session + `authorize: {allow: {cel: "!has(request.maybe_id)"}}`},
	{rule: RuleCELDyn, name: "dyn", refused: session + `authorize: {allow: {cel: "dyn(request.user_id) == 'x'"}}`, passes: session + own},
	{rule: RuleCELDyn, name: "a ternary of two types", refused: session + `authorize: {allow: {cel: "(request.number == 1 ? dyn(request.owner) : dyn(request.number)) == 1"}}`, also: []Rule{RuleCELDyn, RuleCELDyn}, passes: session + `authorize: {allow: {cel: "(request.number == 1 ? request.owner.id : request.user_id) == 'x'"}}`},
	{rule: RuleCELAny, name: "its type", refused: session + `authorize: {allow: {cel: "request.any.type_url == 'x'"}}`, passes: session + `authorize: {allow: {cel: "has(request.any)"}}`},
	{rule: RuleCELPattern, name: "sent", refused: session + `authorize: {allow: {cel: "principal.id.matches(request.user_id)"}}`, passes: session + `authorize: {allow: {cel: "principal.id.matches('^svc-[a-z]+$')"}}`},
	{rule: RuleCELPattern, name: "of the principal", refused: session + `authorize: {allow: {cel: "request.user_id.matches(principal.id)"}}`, passes: session + `authorize: {allow: {cel: "request.user_id.matches('^[a-z]+$')"}}`},
	{rule: RuleCELPart, name: "a prefix that is sent", refused: session + `authorize: {allow: {cel: "principal.id.startsWith(request.user_id)"}}`, passes: session + `authorize: {allow: {cel: "principal.id.startsWith('svc-')"}}`},
	{rule: RuleCELPart, name: "a part of what is sent", refused: session + `authorize: {allow: {cel: "request.user_id.contains(principal.id)"}}`, passes: session + `authorize: {allow: {cel: "request.user_id.endsWith('@example.com')"}}`},
	{rule: RuleCELPart, name: "accepted", passes: session + `authorize: {allow: {cel: "request.user_id.startsWith(principal.id + '/')" accept: {rule: "cel-part" reason: "names end in a slash, which no id has"}}}`},
	{rule: RuleCELEmptyList, name: "all", refused: session + `authorize: {allow: {cel: "request.free_ids.all(i, i == 'x')"}}`, passes: session + `authorize: {allow: {cel: "size(request.free_ids) > 0 && request.free_ids.all(i, i == 'x')"}}`},
	{rule: RuleCELEmptyList, name: "all, with a rule of its own", passes: session + `authorize: {allow: {cel: "request.some_ids.all(i, i == 'x')"}}`},
	{rule: RuleCELEmptyList, name: "not exists", refused: session + `authorize: {allow: {cel: "!request.free_ids.exists(i, i == 'x')"}}`, passes: session + `authorize: {allow: {cel: "request.free_ids.exists(i, i == 'x')"}}`},
	{rule: RuleCELEmptyList, name: "an empty filter", refused: session + `authorize: {allow: {cel: "size(request.free_ids.filter(i, i != 'x')) == 0"}}`, passes: session + `authorize: {allow: {cel: "size(request.free_ids.filter(i, i == 'x')) > 0"}}`},
	{rule: RuleCELEmptyList, name: "an equal to the empty filter", refused: session + `authorize: {allow: {cel: "request.free_ids.filter(i, i != 'x') == []"}}`, passes: session + `authorize: {allow: {cel: "!(request.free_ids.filter(i, i == 'x') == [])"}}`},
	{rule: RuleCELEmptyList, name: "accepted", passes: session + `authorize: {allow: {cel: "request.free_ids.all(i, i == 'x')" accept: {rule: "cel-empty-list" reason: "without ids nothing is returned"}}}`},
	{rule: RuleCELBothEmpty, name: "two fields", refused: session + `authorize: {allow: {cel: "request.free_id == request.owner.free_id"}}`, passes: session + `authorize: {allow: {cel: "request.user_id == request.owner.free_id"}}`},
	{rule: RuleCELBothEmpty, name: "asked for", passes: session + `authorize: {allow: {cel: "request.free_id != '' && request.free_id == request.owner.free_id"}}`},
	{rule: RuleCELBothEmpty, name: "in a list", refused: session + `authorize: {allow: {cel: "request.free_id in request.free_ids"}}`, passes: session + `authorize: {allow: {cel: "request.free_id in request.ids"}}`},
	{rule: RuleCELBothEmpty, name: "a key", refused: session + `authorize: {allow: {cel: "request.by_id[request.free_id] == 'x'"}}`, passes: session + `authorize: {allow: {cel: "request.by_id[request.user_id] == 'x'"}}`},
	{rule: RuleCELBothEmpty, name: "numbers", refused: session + `authorize: {allow: {cel: "request.number == request.other_number"}}`, passes: session + `authorize: {allow: {cel: "request.number > 0 && request.number == request.other_number"}}`},
	{rule: RuleCELBothEmpty, name: "a role", passes: session + `authorize: {allow: {cel: "request.free_id in principal.roles"}}`},
	{rule: RuleCELBothEmpty, name: "a literal", passes: session + `authorize: {allow: {cel: "request.free_id == ''"}}`},
	{rule: RuleCELBothEmpty, name: "accepted", passes: session + `authorize: {allow: {cel: "request.free_id == request.owner.free_id" accept: {rule: "cel-both-empty" reason: "both empty is the public one"}}}`},
	{rule: RuleCELNameUnknown, name: "a role", refused: session + `authorize: {allow: {cel: "!('admim' in principal.roles)"}}`, passes: session + `authorize: {allow: {cel: "!('admin' in principal.roles)"}}`},
	{rule: RuleCELNameUnknown, name: "a role in a loop", refused: session + `authorize: {allow: {cel: "principal.roles.exists(r, r == 'admim')"}}`, passes: session + `authorize: {allow: {cel: "principal.roles.exists(r, r == 'admin')"}}`},
	{rule: RuleCELNameUnknown, name: "roles in a loop", refused: session + `authorize: {allow: {cel: "['admin', 'memper'].exists(r, r in principal.roles)"}}`, passes: session + `authorize: {allow: {cel: "['admin', 'member'].exists(r, r in principal.roles)"}}`},
	{rule: RuleCELNameUnknown, name: "a scope", refused: session + `authorize: {allow: {cel: "'files.raed' in principal.scopes"}}`, passes: session + `authorize: {allow: {cel: "'files.read' in principal.scopes"}}`},
	{rule: RuleCELNameUnknown, name: "a scheme", refused: `authenticate: {schemes: ["session", "bearer"]} authorize: {allow: {cel: "principal.scheme != 'sesion' && request.number == 1"}}`, passes: `authenticate: {schemes: ["session", "bearer"]} authorize: {allow: {cel: "principal.scheme != 'session' && request.number == 1"}}`},
	{rule: RuleCELTimeZone, name: "no zone", refused: session + `authorize: {allow: {cel: "now.getHours('Europe/Oslu') < 12 && request.number == 1"}}`, passes: session + `authorize: {allow: {cel: "now.getHours('UTC') < 12 && request.number == 1"}}`},
	{rule: RuleCELTimeZone, name: "no offset", refused: session + `authorize: {allow: {cel: "now.getHours('+2:00') < 12 && request.number == 1"}}`, passes: session + `authorize: {allow: {cel: "now.getHours('+02:00') < 12 && request.number == 1"}}`},
	{rule: RuleCELTimeZone, name: "made of two", refused: session + `authorize: {allow: {cel: "now.getHours('Europe/' + 'Oslu') < 12 && request.number == 1"}}`, passes: session + `authorize: {allow: {cel: "now.getHours('Europe/' + 'Oslo') < 12 && request.number == 1"}}`},
	{rule: RuleCELTimeZone, name: "made of two for some", refused: session + `authorize: {allow: {cel: "now.getHours('Europe/' + (principal.id == 'a' ? 'Oslu' : 'Paris')) < 12"}}`, passes: session + `authorize: {allow: {cel: "now.getHours('Europe/' + (principal.id == 'a' ? 'Oslo' : 'Paris')) < 12"}}`},
	{rule: RuleCELTimeZone, name: "an element", refused: session + `authorize: {allow: {cel: "now.getHours(['UTC', 'Europe/Oslu'][1]) < 12 && request.number == 1"}}`, passes: session + `authorize: {allow: {cel: "now.getHours(['UTC', 'Europe/Oslu'][0]) < 12 && request.number == 1"}}`},
	{rule: RuleCELTimeZone, name: "made in a loop", refused: session + `authorize: {allow: {cel: "request.number == 1 && ['Oslo', 'Oslu'].exists(z, now.getHours('Europe/' + z) < 12)"}}`, passes: session + `authorize: {allow: {cel: "request.number == 1 && ['Oslo', 'Paris'].exists(z, now.getHours('Europe/' + z) < 12)"}}`},
	{rule: RuleCELTimeZone, name: "no zone for some", refused: session + `authorize: {allow: {cel: "now.getHours(principal.id == 'a' ? 'Europe/Oslu' : 'UTC') < 12"}}`, passes: session + `authorize: {allow: {cel: "now.getHours(principal.id == 'a' ? 'Europe/Oslo' : 'UTC') < 12"}}`},
	{rule: RuleCELTimeZone, name: "no zone in a loop", refused: session + `authorize: {allow: {cel: "request.number == 1 && ['UTC', 'Europe/Oslu'].exists(z, now.getHours(z) < 12)"}}`, passes: session + `authorize: {allow: {cel: "request.number == 1 && ['UTC', 'Europe/Oslo'].exists(z, now.getHours(z) < 12)"}}`},
	{rule: RuleCELZoneChosen, name: "sent", refused: session + `authorize: {allow: {cel: "now.getHours(request.user_id) < 12 && 'member' in principal.roles"}}`, passes: session + `authorize: {allow: {cel: "now.getHours('Europe/Oslo') < 12 && 'member' in principal.roles"}}`},
	{rule: RuleCELZoneChosen, name: "none", passes: session + `authorize: {allow: {cel: "now.getHours() < 12 && 'member' in principal.roles"}}`},
	{rule: RuleCELZoneChosen, name: "made of what is sent", refused: session + `authorize: {allow: {cel: "principal.authenticated_at.getDayOfWeek('Europe/' + request.user_id) == 1"}}`, passes: session + `authorize: {allow: {cel: "principal.authenticated_at.getDayOfWeek('Europe/' + principal.id) == 1"}}`},
	{rule: RuleCELZoneChosen, name: "in a loop", refused: session + `authorize: {allow: {cel: "request.some_ids.exists(zone, now.getHours(zone) < 12)"}}`, passes: session + `authorize: {allow: {cel: "request.some_ids.exists(zone, zone == 'UTC' && now.getHours('UTC') < 12)"}}`},
	{rule: RuleCELZoneChosen, name: "one of two", refused: session + `authorize: {allow: {cel: "now.getHours(request.number == 1 ? 'UTC' : 'Europe/Oslo') < 12"}}`, passes: session + `authorize: {allow: {cel: "now.getHours(principal.id == 'root' ? 'UTC' : 'Europe/Oslo') < 12"}}`},
	{rule: RuleCELInvalid, name: "no duration", refused: session + `authorize: {allow: {cel: "now - principal.authenticated_at < duration('1x')"}}`, passes: session + `authorize: {allow: {cel: "now - principal.authenticated_at < duration('1h')"}}`},
	{rule: RuleCELInvalid, name: "a number that is none", refused: session + `authorize: {allow: {cel: "request.number == int('x')"}}`, passes: session + `authorize: {allow: {cel: "request.number == int('7')"}}`},
	{rule: RuleCELInvalid, name: "a division by zero", refused: session + `authorize: {allow: {cel: "request.number > 1 / 0"}}`, passes: session + `authorize: {allow: {cel: "request.number > 1 / 1"}}`},
	{rule: RuleCELInvalid, name: "a key that is not there", refused: session + `authorize: {allow: {cel: "request.number == {'a': 1}['b']"}}`, passes: session + `authorize: {allow: {cel: "request.number == {'a': 1}['a']"}}`},
	{rule: RuleWhenInvalid, name: "a division by zero", refused: session + `authorize: {allow: {when: "divides"}}`},
	{rule: RuleCELInvalid, name: "no pattern", refused: session + `authorize: {allow: {cel: "principal.id.matches('(')"}}`},
	{rule: RuleCELAlwaysTrue, name: "has an id", refused: session + `authorize: {allow: {cel: "has(principal.id)"}}`, passes: session + `authorize: {allow: {cel: "has(principal.expires_at)"}}`},
	{rule: RuleCELAlwaysTrue, name: "an id that is not empty", refused: session + `authorize: {allow: {cel: "principal.id != ''"}}`, passes: session + `authorize: {allow: {cel: "principal.id != 'root'"}}`},
	{rule: RuleCELAlwaysTrue, name: "an id of some length", refused: session + `authorize: {allow: {cel: "size(principal.id) > 0"}}`, passes: session + `authorize: {allow: {cel: "size(principal.id) > 1"}}`},
	{rule: RuleCELAlwaysTrue, name: "the one scheme", refused: session + `authorize: {allow: {cel: "principal.scheme == 'session'"}}`, passes: `authenticate: {schemes: ["session", "bearer"]} authorize: {allow: {cel: "principal.scheme == 'session'"}}`},
	{rule: RuleCELAlwaysTrue, name: "every scheme", refused: `authenticate: {schemes: ["session", "bearer"]} authorize: {allow: {cel: "principal.scheme in ['session', 'bearer']"}}`, passes: `authenticate: {schemes: ["session", "bearer", "mtls"]} authorize: {allow: {cel: "principal.scheme in ['session', 'bearer']"}}`},
	{rule: RuleCELAlwaysTrue, name: "some scheme", refused: session + `authorize: {allow: {cel: "principal.scheme != ''"}}`},
	{rule: RuleCELAlwaysTrue, name: "the empty prefix", refused: session + `authorize: {allow: {cel: "principal.id.startsWith('')"}}`},
	{rule: RuleCELAlwaysTrue, name: "every pattern", refused: session + `authorize: {allow: {cel: "principal.id.matches('.+')"}}`, passes: session + `authorize: {allow: {cel: "principal.id.matches('^a.+')"}}`},
	{rule: RuleCELAlwaysFalse, name: "no id", refused: session + `authorize: {allow: {cel: "principal.id == '' && request.number == 1"}}`},
	{rule: RuleCELAlwaysFalse, name: "two ids", refused: session + `authorize: {allow: {cel: "principal.id == 'a' && principal.id == 'b'"}}`, passes: session + `authorize: {allow: {cel: "principal.id == 'a' || principal.id == 'b'"}}`},
	{rule: RuleCELIdentity, name: "asked for", passes: session + `authorize: {allow: {cel: "has(request.free_id) && principal.id == request.free_id"}}`},
	{rule: RuleCELIdentity, name: "accepted", passes: session + `authorize: {allow: {cel: "principal.id == request.free_id" accept: {rule: "cel-identity-empty" reason: "the handler refuses it"}}}`},
	{rule: RuleAcceptRule, name: "true of all", refused: session + `authorize: {allow: {any_role: "admin" accept: {rule: "cel-always-true" reason: "x"}}}`, passes: session + admin},
	{rule: RuleAcceptReason, name: "blank", refused: session + `authorize: {allow: {cel: "request.free_ids.all(i, i == 'x')" accept: {rule: "cel-empty-list" reason: " "}}}`},
	{rule: RuleAcceptReason, name: "one character", passes: session + `authorize: {allow: {cel: "request.free_ids.all(i, i == 'x')" accept: {rule: "cel-empty-list" reason: "."}}}`},
	{rule: RuleAcceptUnused, name: "nothing to accept", refused: session + `authorize: {allow: {cel: "principal.id == request.user_id" accept: {rule: "cel-identity-empty" reason: "x"}}}`, passes: session + own},
	{rule: RuleAcceptUnused, name: "twice", refused: session + `authorize: {allow: {cel: "request.free_ids.all(i, i == 'x')" accept: {rule: "cel-empty-list" reason: "x"} accept: {rule: "cel-empty-list" reason: "x"}}}`},
	{rule: RuleGrantName, name: "upper case", refused: session + `authorize: {allow: {any_role: "admin" name: "Admin"}}`, passes: session + `authorize: {allow: {any_role: "admin" name: "by_admin"}}`},
	{rule: RuleGrantName, name: "anyone", refused: session + `authorize: {allow: {any_role: "admin" name: "anyone"}}`},
	{rule: RuleGrantEmpty, name: "a name alone", refused: session + `authorize: {allow: {name: "by_admin"}}`},
	{rule: RuleGrantNameTwice, name: "twice", refused: session + `authorize: {allow: {any_role: "admin" name: "a"} allow: {cel: "principal.id == request.user_id" name: "a"}}`, passes: session + `authorize: {allow: {any_role: "admin" name: "a"} allow: {cel: "principal.id == request.user_id" name: "b"}}`},

	{rule: RuleGrantRedundant, name: "one and the same condition, by name and written out", refused: session + `authorize: {allow: {when: "own"} allow: {cel: "principal.id == request.user_id"}}`, passes: session + `authorize: {allow: {when: "own"} allow: {cel: "principal.id == request.owner.id"}}`},
	{rule: RuleGrantRedundant, name: "a named condition and more", refused: session + `authorize: {allow: {when: "own"} allow: {when: "own" any_role: "admin"}}`, passes: session + `authorize: {allow: {when: "own"} allow: {any_role: "admin"}}`},
	{rule: RuleCheckName, name: "upper case", refused: session + `authorize: {allow: {check: "IsOwner"}}`, passes: session + `authorize: {allow: {check: "is_owner2"}}`},
	{rule: RuleCheckName, name: "empty", refused: session + `authorize: {allow: {check: ""}}`},
	{rule: RuleCheckName, name: "65 characters", refused: session + `authorize: {allow: {check: "` + repeated("c", 65) + `"}}`, passes: session + `authorize: {allow: {check: "` + repeated("c", 64) + `"}}`},
	{rule: RuleCheckName, name: "underscore last", refused: session + `authorize: {allow: {check: "is_"}}`},
	{rule: RuleRelationName, name: "a space", refused: session + `authorize: {allow: {relation: {name: "can edit" object: "thing" id: "request.user_id"}}} `, passes: session + `authorize: {allow: {relation: {name: "can_edit" object: "thing" id: "request.user_id"}}} `},
	{rule: RuleRelationName, name: "no name", refused: session + `authorize: {allow: {relation: {name: "" object: "thing" id: "request.user_id"}}} `},
	{rule: RuleRelationName, name: "no type", refused: session + `authorize: {allow: {relation: {name: "editor" object: "" id: "request.user_id"}}} `},
	{rule: RuleRelationName, name: "a userset", refused: session + `authorize: {allow: {relation: {name: "editor" object: "thing#owner" id: "request.user_id"}}} `, passes: session + `authorize: {allow: {relation: {name: "editor" object: "Thing-2" id: "request.user_id"}}} `},
	{rule: RuleRelationName, name: "a digit first", refused: session + `authorize: {allow: {relation: {name: "1st" object: "thing" id: "request.user_id"}}} `},
	{rule: RuleRelationName, name: "51 characters", refused: session + `authorize: {allow: {relation: {name: "` + repeated("r", 51) + `" object: "thing" id: "request.user_id"}}}`, passes: session + `authorize: {allow: {relation: {name: "` + repeated("r", 50) + `" object: "thing" id: "request.user_id"}}}`},
	{rule: RuleRelationID, name: "none", refused: session + `authorize: {allow: {relation: {name: "editor" object: "thing" id: ""}}} `, passes: session + `authorize: {allow: {relation: {name: "editor" object: "thing" id: "request.user_id"}}} `},
	{rule: RuleRelationID, name: "a constant", refused: session + `authorize: {allow: {relation: {name: "editor" object: "thing" id: "x1"}}} `},
	{rule: RuleRelationID, name: "of the principal", refused: session + `authorize: {allow: {relation: {name: "editor" object: "thing" id: "principal.id"}}} `},
	{rule: RuleRelationID, name: "the request", refused: session + `authorize: {allow: {relation: {name: "editor" object: "thing" id: "request"}}} `},
	{rule: RuleRelationID, name: "misspelt", refused: session + `authorize: {allow: {relation: {name: "editor" object: "thing" id: "request.usr_id"}}} `},
	{rule: RuleRelationID, name: "below a message", refused: session + `authorize: {allow: {relation: {name: "editor" object: "thing" id: "request.owner"}}} `, passes: session + `authorize: {allow: {relation: {name: "editor" object: "thing" id: "request.owner.id"}}} `},
	{rule: RuleRelationID, name: "below a text", refused: session + `authorize: {allow: {relation: {name: "editor" object: "thing" id: "request.user_id.id"}}} `},
	{rule: RuleRelationID, name: "an element", refused: session + `authorize: {allow: {relation: {name: "editor" object: "thing" id: "request.ids"}}} `},
	{rule: RuleRelationID, name: "of elements", refused: session + `authorize: {allow: {relation: {name: "editor" object: "thing" id: "request.owners.id"}}} `},
	{rule: RuleRelationID, name: "a number", refused: session + `authorize: {allow: {relation: {name: "editor" object: "thing" id: "request.number"}}} `},
	{rule: RuleRelationID, name: "a wrapper", refused: session + `authorize: {allow: {relation: {name: "editor" object: "thing" id: "request.maybe_id"}}} `},
	{rule: RuleRelationID, name: "a resource that is not declared", refused: session + `authorize: {allow: {relation: {name: "editor" object: "thing" id: "resource.owner_id"}}} `, passes: session + `authorize: {allow: {relation: {name: "editor" object: "thing" id: "resource.owner_id"}}} resource: {type: "test.v1.Thing" key: "request.user_id"} `},
	{rule: RuleResourceUnread, name: "a relation to what is not it", refused: session + `authorize: {allow: {relation: {name: "editor" object: "thing" id: "request.user_id"}}} resource: {type: "test.v1.Thing" key: "request.user_id"} `, passes: session + `authorize: {allow: {relation: {name: "editor" object: "thing" id: "resource.owner_id"}}} resource: {type: "test.v1.Thing" key: "request.user_id"} `},
	{rule: RuleStreamOpenRequest, name: "a relation", rpc: bidiStream, refused: session + `authorize: {allow: {relation: {name: "editor" object: "thing" id: "request.user_id"}}} stream: {authorize: OPEN}`, passes: session + `authorize: {allow: {relation: {name: "editor" object: "thing" id: "request.user_id"}}} stream: {authorize: FIRST_MESSAGE}`},
	{rule: RuleGrantRedundant, name: "a relation and more", refused: session + `authorize: {allow: {relation: {name: "editor" object: "thing" id: "request.user_id"}} allow: {relation: {name: "editor" object: "thing" id: "request.user_id"} any_role: "admin"}} `, passes: session + `authorize: {allow: {relation: {name: "editor" object: "thing" id: "request.user_id"}} allow: {relation: {name: "owner" object: "thing" id: "request.user_id"} any_role: "admin"}} `},
	{rule: RuleGrantRedundant, name: "twice", refused: session + `authorize: {allow: {any_role: "admin"} allow: {any_role: "admin"}}`, passes: session + `authorize: {allow: {any_role: "member"} allow: {any_role: "auditor"}}`},
	{rule: RuleGrantRedundant, name: "included role", refused: session + `authorize: {allow: {any_role: "admin"} allow: {any_role: "member"}}`},
	{rule: RuleGrantRedundant, name: "narrower", refused: session + `authorize: {allow: {any_role: "member"} allow: {any_role: "member" check: "is_owner"}}`},
	{rule: RuleGrantRedundant, name: "more scopes", refused: session + `authorize: {allow: {all_scopes: ["a", "b"]} allow: {all_scopes: "a"}}`, passes: session + `authorize: {allow: {all_scopes: ["a", "b"]} allow: {all_scopes: "c"}}`},
	{rule: RuleResourceType, name: "none", refused: session + reader + `resource: {key: "request.user_id"}`, passes: session + reader + about},
	{rule: RuleResourceType, name: "misspelt", refused: session + reader + `resource: {type: "test.v1.Thin" key: "request.user_id"}`},
	{rule: RuleResourceType, name: "misspelt, nested", refused: session + reader + `resource: {type: "test.v1.Thing.Par" key: "request.user_id"}`},
	{rule: RuleResourceType, name: "without its package", refused: session + reader + `resource: {type: "Thing" key: "request.user_id"}`},
	{rule: RuleResourceType, name: "an enum", refused: session + reader + `resource: {type: "test.v1.Role" key: "request.user_id"}`},
	{rule: RuleResourceType, name: "the entry of a map", refused: session + reader + `resource: {type: "test.v1.Request.ByIdEntry" key: "request.user_id"}`},
	{rule: RuleResourceType, name: "of a file that is not imported", refused: session + reader + `resource: {type: "google.type.Date" key: "request.user_id"}`},
	{rule: RuleResourceType, name: "a value to CEL", refused: session + reader + `resource: {type: "google.protobuf.StringValue" key: "request.user_id"}`},
	{rule: RuleResourceType, name: "nested", passes: session + `authorize: {allow: {cel: "resource.owner_id == principal.id"}} resource: {type: "test.v1.Thing.Part" key: "request.user_id"}`},
	{rule: RuleResourceKey, name: "none", refused: session + reader + `resource: {type: "test.v1.Thing"}`, passes: session + reader + about},
	{rule: RuleResourceKey, name: "of the principal", refused: session + reader + `resource: {type: "test.v1.Thing" key: "principal.id"}`},
	{rule: RuleResourceKey, name: "the request", refused: session + reader + `resource: {type: "test.v1.Thing" key: "request"}`},
	{rule: RuleResourceKey, name: "misspelt", refused: session + reader + `resource: {type: "test.v1.Thing" key: "request.usr_id"}`},
	{rule: RuleResourceKey, name: "below a message", refused: session + reader + `resource: {type: "test.v1.Thing" key: "request.owner"}`, passes: session + reader + `resource: {type: "test.v1.Thing" key: "request.owner.id"}`},
	{rule: RuleResourceKey, name: "below a text", refused: session + reader + `resource: {type: "test.v1.Thing" key: "request.user_id.id"}`},
	{rule: RuleResourceKey, name: "an element", refused: session + reader + `resource: {type: "test.v1.Thing" key: "request.ids"}`},
	{rule: RuleResourceKey, name: "of elements", refused: session + reader + `resource: {type: "test.v1.Thing" key: "request.owners.id"}`},
	{rule: RuleResourceKey, name: "of a map", refused: session + reader + `resource: {type: "test.v1.Thing" key: "request.by_id"}`},
	{rule: RuleResourceKey, name: "an enum", refused: session + reader + `resource: {type: "test.v1.Thing" key: "request.state"}`, passes: session + `authorize: {allow: {cel: "resource.id == principal.id"}} resource: {type: "test.v1.Part" key: "request.other_number"}`},
	{rule: RuleResourceKey, name: "a wrapper", refused: session + reader + `resource: {type: "test.v1.Thing" key: "request.maybe_id"}`},
	{rule: RuleResourceKey, name: "a number of no kind", refused: session + reader + `resource: {type: "test.v1.Thing" key: "request.1"}`},
	{rule: RuleResourceRequest, name: "many of it", refused: session + reader + `resource: {type: "test.v1.Document" key: "request.user_id"}`},
	{rule: RuleResourceRequest, name: "beside it", rpc: "(PutDocumentRequest) returns (Response)", refused: session + `authorize: {allow: {cel: "resource.id == principal.id"}} resource: {type: "test.v1.Document" key: "request.document_id"}`, passes: session + `authorize: {allow: {cel: "resource.id == principal.id"}} resource: {type: "test.v1.Document" key: "request.document.id"}`},
	{rule: RuleResourceAnonymous, name: "anonymous", refused: `authenticate: {anonymous: "x"} ` + anyone + about, passes: session + reader + about},
	{rule: RuleResourceOpen, name: "open", rpc: bidiStream, refused: session + reader + about + `stream: {authorize: OPEN}`, passes: session + reader + about + `stream: {authorize: FIRST_MESSAGE}`},
	{rule: RuleResourceOpen, name: "every message", rpc: bidiStream, passes: session + reader + about + `stream: {authorize: EVERY_MESSAGE}`},
	{rule: RuleResourceUnread, name: "a role alone", refused: session + admin + about, passes: session + `authorize: {allow: {any_role: "admin"} allow: {cel: "principal.id in resource.reader_ids"}} ` + about},
	{rule: RuleResourceUnread, name: "anyone", refused: session + anyone + about},
	{rule: RuleResourceUnread, name: "a check alone", refused: session + `authorize: {allow: {check: "is_owner"}} ` + about},
	{rule: RuleResourceUnread, name: "the shadow alone", refused: session + `authorize: {allow: {any_role: "admin"} shadow: {allow: {cel: "principal.id in resource.reader_ids"}}} ` + about},
	{rule: RuleCELInvalid, name: "a resource that is not declared", refused: session + reader, passes: session + reader + about},
	{rule: RuleCELInvalid, name: "a field that the resource does not have", refused: session + `authorize: {allow: {cel: "principal.id in resource.readers"}} ` + about},
	{rule: RuleCELUnset, name: "what must not be", refused: session + `authorize: {allow: {cel: "!('secret' in resource.tags)"}} ` + about, passes: session + `authorize: {allow: {cel: "'public' in resource.tags"}} ` + about},
	{rule: RuleCELUnset, name: "beside an owner", refused: session + `authorize: {allow: {cel: "principal.id in resource.reader_ids || !('secret' in resource.tags)"}} ` + about, passes: session + `authorize: {allow: {cel: "principal.id in resource.reader_ids && !('secret' in resource.tags)"}} ` + about},
	{rule: RuleCELUnset, name: "accepted", passes: session + `authorize: {allow: {cel: "!('secret' in resource.tags)" accept: {rule: "cel-unset-resource" reason: "no tag means that all may read"}}} ` + about},
	{rule: RuleCELBothEmpty, name: "of the resource", refused: session + `authorize: {allow: {cel: "request.free_id in resource.tags"}} ` + about, passes: session + `authorize: {allow: {cel: "request.user_id in resource.tags"}} ` + about},
	{rule: RuleCELPattern, name: "of the resource", refused: session + `authorize: {allow: {cel: "resource.tags.exists(t, principal.id.matches(t))"}} ` + about, passes: session + `authorize: {allow: {cel: "resource.prefix.matches('^a')"}} ` + about},
	{rule: RuleCELPart, name: "of the resource", refused: session + `authorize: {allow: {cel: "resource.tags.exists(t, principal.id.startsWith(t))"}} ` + about, passes: session + `authorize: {allow: {cel: "resource.tags.exists(t, t.startsWith('public-'))"}} ` + about},
	{rule: RuleCELEmptyList, name: "of the resource", refused: session + `authorize: {allow: {cel: "resource.tags.all(t, t == principal.id)"}} ` + about, also: []Rule{RuleCELUnset}, passes: session + `authorize: {allow: {cel: "size(resource.tags) > 0 && resource.tags.all(t, t == principal.id)"}} ` + about},
	{rule: RuleEachChoice, name: "neither", rpc: paged, refused: session + each("", readers), passes: session + each(`items: "documents"`, readers)},
	{rule: RuleEachChoice, name: "both", rpc: pages, refused: session + first + each(`items: "documents" item: "document"`, readers), passes: session + first + each(`item: "document"`, readers)},
	{rule: RuleAuthorizeChoice, name: "elements alone", rpc: paged, refused: session + `authorize: {each: {items: "documents" ` + readers + `}}`, passes: session + each(`items: "documents"`, readers)},
	{rule: RuleAnyoneReason, name: "anonymous, with elements", rpc: paged, refused: `authenticate: {anonymous: "x"} authorize: {anyone: "" each: {items: "documents" ` + readers + `}}`, also: []Rule{RuleEachAnonymous}},
	{rule: RuleCELAlwaysTrue, name: "of elements", rpc: paged, refused: session + each(`items: "documents"`, `allow: {cel: "true"}`)},
	{rule: RuleCELAlwaysFalse, name: "of elements, beside two grants", rpc: paged, refused: session + `authorize: {allow: {any_role: "auditor"} allow: {any_role: "member"} each: {items: "documents" allow: {cel: "false"}}}`},
	{rule: RuleEachEmpty, name: "no grant", rpc: paged, refused: session + each(`items: "documents"`, ""), passes: session + each(`items: "documents"`, `allow: {any_role: "admin"}`)},
	{rule: RuleEachCheck, name: "a check", rpc: paged, refused: session + each(`items: "documents"`, `allow: {check: "is_open"}`), passes: session + each(`items: "documents"`, `allow: {all_scopes: "a"} allow: {when: "own"}`)},
	{rule: RuleEachCheck, name: "a check beside a relation", rpc: paged, refused: session + each(`items: "documents"`, `allow: {check: "is_open" relation: {name: "viewer" object: "document" id: "item.id"}}`), passes: session + each(`items: "documents"`, `allow: {relation: {name: "viewer" object: "document" id: "item.id"}}`)},
	{rule: RuleRelationID, name: "an element's, of the request", rpc: paged, refused: session + each(`items: "documents"`, `allow: {relation: {name: "viewer" object: "document" id: "request.user_id"}}`)},
	{rule: RuleRelationID, name: "the element itself", rpc: paged, refused: session + each(`items: "documents"`, `allow: {relation: {name: "viewer" object: "document" id: "item"}}`)},
	{rule: RuleRelationID, name: "an element's, misspelt", rpc: paged, refused: session + each(`items: "documents"`, `allow: {relation: {name: "viewer" object: "document" id: "item.idd"}}`), passes: session + each(`items: "documents"`, `allow: {any_role: "admin" relation: {name: "viewer" object: "document" id: "item.id"}}`)},
	{rule: RuleRelationID, name: "an element's, one of many", rpc: paged, refused: session + each(`items: "documents"`, `allow: {relation: {name: "viewer" object: "document" id: "item.reader_ids"}}`)},
	{rule: RuleRelationID, name: "an element's, of a grant", rpc: paged, refused: session + `authorize: {allow: {relation: {name: "viewer" object: "document" id: "item.id"}} each: {items: "documents" ` + readers + `}}`},
	{rule: RuleRelationID, name: "the resource's, of an element", rpc: paged, refused: session + about + `authorize: {allow: {cel: "principal.id in resource.reader_ids"} each: {items: "documents" allow: {relation: {name: "viewer" object: "document" id: "resource.owner_id"}}}}`},
	{rule: RuleRelationName, name: "of an element", rpc: paged, refused: session + each(`items: "documents"`, `allow: {relation: {name: "can view" object: "document" id: "item.id"}}`)},
	{rule: RuleStreamOpenRequest, name: "a relation to elements", rpc: pages, passes: session + `stream: {authorize: OPEN} ` + each(`item: "document"`, `allow: {relation: {name: "viewer" object: "document" id: "item.id"}}`)},
	{rule: RuleEachCheck, name: "a check besides", rpc: paged, refused: session + each(`items: "documents"`, `allow: {any_role: "admin" check: "is_open"}`)},
	{rule: RuleEachCheck, name: "a check beside another grant", rpc: pages, refused: session + first + each(`item: "document"`, `allow: {any_role: "admin"} allow: {check: "is_open"}`)},
	{rule: RuleEachCheck, name: "a check, of a field that is not there", rpc: paged, refused: session + each(`items: "ghosts"`, `allow: {check: "is_open"}`), also: []Rule{RuleEachField}},
	{rule: RuleGrantEmpty, name: "of elements", rpc: paged, refused: session + each(`items: "documents"`, `allow: {}`)},
	{rule: RuleRoleUnknown, name: "of elements", rpc: paged, refused: session + each(`items: "documents"`, `allow: {any_role: "adnin"}`)},
	{rule: RuleEachAnonymous, name: "anonymous", rpc: paged, refused: `authenticate: {anonymous: "x"} ` + each(`items: "documents"`, readers), passes: session + each(`items: "documents"`, readers)},
	{rule: RuleEachUnary, name: "unary", rpc: paged, refused: session + each(`item: "document"`, readers), passes: session + each(`items: "documents"`, readers)},
	{rule: RuleEachUnary, name: "one answer to a stream", rpc: "(stream Request) returns (Page)", refused: session + first + each(`item: "document"`, readers), passes: session + first + each(`items: "documents"`, readers)},
	{rule: RuleEachUnary, name: "a stream of answers", rpc: "(stream Request) returns (stream Page)", passes: session + first + each(`item: "document"`, readers)},
	{rule: RuleEachField, name: "misspelt", rpc: paged, refused: session + each(`items: "document_s"`, readers), passes: session + each(`items: "documents"`, readers)},
	{rule: RuleEachField, name: "misspelt above", rpc: paged, refused: session + each(`items: "nxt.documents"`, readers)},
	{rule: RuleEachField, name: "misspelt above what is single", rpc: paged, refused: session + each(`items: "nxt.document"`, readers)},
	{rule: RuleEachField, name: "single", rpc: paged, refused: session + each(`items: "document"`, readers)},
	{rule: RuleEachField, name: "repeated", rpc: pages, refused: session + first + each(`item: "documents"`, readers), passes: session + first + each(`item: "document"`, readers)},
	{rule: RuleEachField, name: "a map", rpc: paged, refused: session + each(`items: "by_id"`, readers)},
	{rule: RuleEachField, name: "texts", rpc: paged, refused: session + each(`items: "texts"`, readers)},
	{rule: RuleEachField, name: "a text", rpc: pages, refused: session + first + each(`item: "text"`, readers)},
	{rule: RuleEachField, name: "numbers", rpc: paged, refused: session + each(`items: "sizes"`, readers)},
	{rule: RuleEachField, name: "below", rpc: paged, refused: session + each(`items: "next.document"`, readers), passes: session + each(`items: "next.documents"`, readers)},
	{rule: RuleEachField, name: "below elements", rpc: paged, refused: session + each(`items: "pages.documents"`, readers), passes: session + each(`items: "next.next.documents"`, readers)},
	{rule: RuleEachField, name: "below a map", rpc: paged, refused: session + each(`items: "by_id.documents"`, readers)},
	{rule: RuleEachField, name: "below a text", rpc: paged, refused: session + each(`items: "token.documents"`, readers)},
	{rule: RuleEachField, name: "a part without a name", rpc: paged, refused: session + each(`items: "next..documents"`, readers)},
	{rule: RuleEachTwice, name: "twice", rpc: paged, refused: session + "authorize: {anyone: \"x\" each: {items: \"documents\" " + readers + "} each: {items: \"documents\" allow: {any_role: \"admin\"}}}", passes: session + "authorize: {anyone: \"x\" each: {items: \"documents\" " + readers + "} each: {items: \"things\" " + readers + "}}"},
	{rule: RuleEachTotal, name: "misspelt", rpc: paged, refused: session + each(`items: "documents" total: "total_siz"`, readers), passes: session + each(`items: "documents" total: "total_size"`, readers)},
	{rule: RuleEachTotal, name: "misspelt, and a role", rpc: paged, refused: session + each(`items: "documents" total: "total_siz"`, `allow: {any_role: "adnin"}`), also: []Rule{RuleRoleUnknown}},
	{rule: RuleEachTotal, name: "a text", rpc: paged, refused: session + each(`items: "documents" total: "token"`, readers)},
	{rule: RuleEachTotal, name: "many", rpc: paged, refused: session + each(`items: "documents" total: "sizes"`, readers)},
	{rule: RuleEachTotal, name: "below", rpc: paged, passes: session + each(`items: "documents" total: "next.total_size"`, readers)},
	{rule: RuleEachTotal, name: "of one element", rpc: pages, refused: session + first + each(`item: "document" total: "total_size"`, readers), passes: session + first + each(`items: "documents" total: "total_size"`, readers)},
	{rule: RuleStreamOpenRequest, name: "of elements", rpc: pages, refused: session + `stream: {authorize: OPEN} ` + each(`item: "document"`, `allow: {cel: "item.id == request.user_id"}`), passes: session + `stream: {authorize: OPEN} ` + each(`item: "document"`, readers)},
	{rule: RuleCELInvalid, name: "an item of a grant", rpc: paged, refused: session + `authorize: {allow: {cel: "principal.id in item.reader_ids"} each: {items: "documents" ` + readers + `}}`},
	{rule: RuleCELInvalid, name: "a resource of elements", rpc: paged, refused: session + about + `authorize: {allow: {cel: "principal.id in resource.reader_ids"} each: {items: "documents" allow: {cel: "principal.id in resource.reader_ids"}}}`, passes: session + about + `authorize: {allow: {cel: "principal.id in resource.reader_ids"} each: {items: "documents" ` + readers + `}}`},
	{rule: RuleResourceUnread, name: "the elements alone", rpc: paged, refused: session + about + `authorize: {allow: {any_role: "admin"} each: {items: "documents" ` + readers + `}}`},
	{rule: RuleCELUnset, name: "of elements", rpc: paged, refused: session + each(`items: "documents"`, `allow: {cel: "!(principal.id in item.reader_ids)"}`), passes: session + each(`items: "documents"`, `allow: {cel: "!(principal.id in item.reader_ids)" accept: {rule: "cel-unset-resource" reason: "what has no readers is for all"}}`)},
	{rule: RuleGrantRedundant, name: "of elements", rpc: paged, refused: session + each(`items: "documents"`, `allow: {any_role: "admin"} allow: {any_role: "member"}`), passes: session + each(`items: "documents"`, `allow: {any_role: "auditor"} allow: {any_role: "member"}`)},
	{rule: RuleGrantNameTwice, name: "of elements", rpc: paged, refused: session + each(`items: "documents"`, `allow: {name: "a" any_role: "auditor"} allow: {name: "a" any_role: "member"}`), passes: session + `authorize: {allow: {name: "a" any_role: "admin"} each: {items: "documents" allow: {name: "a" any_role: "member"}}}`},
	{rule: RuleGrantUnreachable, name: "deprecated", refused: session + `authorize: {allow: {any_role: "old"}}`, passes: session + `authorize: {allow: {any_role: ["old", "admin"]}}`},
}

func (test ruleTest) action(option string) action {
	name := strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return r
		}
		return '_'
	}, string(test.rule)+"__"+test.name)
	return action{name, test.rpc, option}
}

func TestRules(t *testing.T) {
	t.Parallel()
	var refused, passing []action
	var rules [][]Rule
	for _, test := range ruleTests {
		if test.refused != "" {
			refused = append(refused, test.action(test.refused))
			rules = append(rules, append(test.also, test.rule))
		}
		if test.passes != "" {
			passing = append(passing, test.action(test.passes))
		}
	}
	t.Run("refused", func(t *testing.T) {
		t.Parallel()
		of := file(refused, func(i int) []Rule { return rules[i] })
		checkIn(t, everyWay(), newReader(t, nil), of, "test/v1/files.proto")
	})
	t.Run("passing", func(t *testing.T) {
		t.Parallel()
		of := file(passing, func(int) []Rule { return nil })
		if declared := checkIn(t, everyWay(), newReader(t, nil), of, "test/v1/files.proto"); len(declared) != len(passing) {
			t.Errorf("%d declarations of %d", len(declared), len(passing))
		}
	})
}
