package prove

import (
	"os"
	"strconv"
	"testing"

	"github.com/bufbuild/protocompile"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/sallyport-rpc/sallyport/internal/declare"
)

// contract is a service whose one method allows what a test says, of a request with a
// field of each kind.
const contract = `
	syntax = "proto3";
	package prove.v1;
	import "buf/validate/validate.proto";
	import "google/protobuf/duration.proto";
	import "google/protobuf/timestamp.proto";
	import "google/protobuf/wrappers.proto";
	import "sallyport/v1/action.proto";
	option (sallyport.v1.condition) = {name: "own" cel: "principal.id == request.owner"};
	enum Role {
		option (sallyport.v1.roles) = true;
		ROLE_UNSPECIFIED = 0;
		ROLE_MEMBER = 1 [(sallyport.v1.role) = {name: "member"}];
		ROLE_ADMIN = 2 [(sallyport.v1.role) = {name: "admin" includes: "member"}];
		ROLE_AUDITOR = 3 [(sallyport.v1.role) = {name: "auditor"}];
	}
	enum Scope {
		option (sallyport.v1.scope_catalogue) = true;
		SCOPE_UNSPECIFIED = 0;
		SCOPE_A = 1 [(sallyport.v1.scope) = {name: "a"}];
		SCOPE_B = 2 [(sallyport.v1.scope) = {name: "b"}];
	}
	enum State {
		STATE_UNSPECIFIED = 0;
		STATE_OPEN = 1;
		STATE_CLOSED = 2;
	}
	message Claims {
		option (sallyport.v1.claims) = true;
		string org_id = 1;
		repeated string org_ids = 2;
		optional string team = 3;
		repeated Membership memberships = 4;
		int32 level = 5;
		map<string, string> labels = 6;
		map<string, Membership> by_org = 7;
		map<string, bool> flags = 8;
		map<int64, string> numbered = 9;
	}
	message Membership {
		string org_id = 1;
		State state = 2;
		optional string title = 3;
	}
	message Request {
		string owner = 1 [(buf.validate.field).string.uuid = true];
		string org_id = 2 [(buf.validate.field).string.min_len = 1];
		string kind = 3 [(buf.validate.field).string = {in: ["small", "large"]}];
		optional string nick = 4;
		bool open = 5;
		int32 size = 6;
		int64 total = 7;
		State state = 8;
		repeated string tags = 9 [(buf.validate.field).repeated.items.string.min_len = 1];
		Inner inner = 10;
		google.protobuf.Timestamp from = 11;
		google.protobuf.Timestamp until = 12;
		google.protobuf.Duration length = 13;
		google.protobuf.StringValue wrapped = 14;
		oneof choice {
			string by_name = 15;
			int32 by_number = 16;
		}
		repeated Inner inners = 17;
		uint32 count = 18 [(buf.validate.field).uint32.lte = 100];
		string name = 19 [(buf.validate.field).string = {min_len: 3 pattern: "^[a-c]+$"}];
		optional bool maybe = 20;
		repeated State states = 21;
		string free = 22;
		map<string, string> extra = 23;
		message Inner {
			string id = 1 [(buf.validate.field).string.min_len = 1];
			optional string nick = 2;
			Inner again = 3;
			bool open = 4;
		}
	}
	message Doc {
		string owner = 1;
		string org_id = 2 [(buf.validate.field).string.min_len = 3];
		optional string nick = 3;
		int32 size = 4;
		State state = 5;
		repeated string tags = 6;
		Request.Inner inner = 7;
		repeated Membership members = 8;
		map<string, string> labels = 9;
		google.protobuf.Timestamp from = 10;
	}
	message Response {}
	service Service {
		rpc Do(Request) returns (Response) {
			option (sallyport.v1.action) = {
				authenticate: {schemes: ["session"]}
				authorize: {`

// declared reads the declaration of an action with the given authorize clause.
func declared(tb testing.TB, authorize string) *declare.Declaration {
	tb.Helper()
	return declaredIn(tb, contract+authorize+"}}; }}")
}

func declaredIn(tb testing.TB, source string) *declare.Declaration {
	tb.Helper()
	file := compiled(tb, source)
	reader, err := declare.NewReader(declare.Config{})
	if err != nil {
		tb.Fatal(err)
	}
	declarations, refusals := reader.File(file, declare.Given{})
	if len(refusals) > 0 {
		tb.Fatal(refusals)
	}
	return declarations[0]
}

func compiled(tb testing.TB, source string) protoreflect.FileDescriptor {
	tb.Helper()
	linked := protocompile.ResolverFunc(func(path string) (protocompile.SearchResult, error) {
		file, err := protoregistry.GlobalFiles.FindFileByPath(path)
		return protocompile.SearchResult{Desc: file}, err
	})
	compiler := protocompile.Compiler{Resolver: protocompile.CompositeResolver{
		&protocompile.SourceResolver{Accessor: protocompile.SourceAccessorFromMap(map[string]string{"prove/v1/prove.proto": source})}, linked,
	}}
	files, err := compiler.Compile(tb.Context(), "prove/v1/prove.proto")
	if err != nil {
		tb.Fatal(err)
	}
	return files[0]
}

// often is how often a test repeats: by default, or as an environment variable says.
func often(t *testing.T, variable string, byDefault int) int {
	t.Helper()
	text := os.Getenv(variable)
	if text == "" {
		return byDefault
	}
	count, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("%s: %v", variable, err)
	}
	return count
}

// expectAnswer looks at the outcome and, of what is undecided, at the rule.
func expectAnswer(t *testing.T, got Answer, want Outcome, byRule string) {
	t.Helper()
	rule := ""
	if got.Reason != nil {
		rule = got.Reason.Rule
	}
	if got.Outcome != want || rule != byRule {
		t.Errorf("it is %s by rule %q, want %s by %q: %v %v", got.Outcome, rule, want, byRule, got.Witness, got.Reason)
	}
}
