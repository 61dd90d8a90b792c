package policy

import (
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/bufbuild/protocompile"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/sallyport-rpc/sallyport/authn"
	"github.com/sallyport-rpc/sallyport/internal/declare"
)

var noon = time.Date(2026, time.May, 4, 12, 0, 0, 0, time.UTC)

// schema is a service whose one method allows what a test says.
const schema = `
	syntax = "proto3";
	package policy.v1;
	import "buf/validate/validate.proto";
	import "google/protobuf/any.proto";
	import "sallyport/v1/action.proto";
	option (sallyport.v1.condition) = {name: "own" cel: "principal.id == request.owner"};
	enum Role {
		option (sallyport.v1.roles) = true;
		ROLE_UNSPECIFIED = 0;
		ROLE_MEMBER = 1 [(sallyport.v1.role) = {name: "member"}];
		ROLE_ADMIN = 2 [(sallyport.v1.role) = {name: "admin" includes: "member"}];
	}
	enum Scope {
		option (sallyport.v1.scope_catalogue) = true;
		SCOPE_UNSPECIFIED = 0;
		SCOPE_A = 1 [(sallyport.v1.scope) = {name: "a"}];
		SCOPE_B = 2 [(sallyport.v1.scope) = {name: "b"}];
		SCOPE_C = 3 [(sallyport.v1.scope) = {name: "c"}];
		SCOPE_D = 4 [(sallyport.v1.scope) = {name: "d"}];
	}
	message Claims {
		option (sallyport.v1.claims) = true;
		string team = 1;
		Home home = 2;
		string secret = 3 [debug_redact = true];
		map<string, string> facts = 4;
		message Home {
			string town = 1;
			string secret = 2 [debug_redact = true];
		}
	}
	message Request {
		string owner = 1 [(buf.validate.field).string.min_len = 1];
		string secret = 2 [debug_redact = true];
		repeated string tags = 3;
		Inner inner = 4;
		Inner hidden = 5 [debug_redact = true];
		repeated Inner inners = 6;
		map<string, Inner> by_name = 7;
		google.protobuf.Any any = 8;
		bool open = 9;
		message Inner {
			string text = 1;
			string secret = 2 [debug_redact = true];
			Inner again = 3;
		}
	}
	message Thing {
		string owner = 1;
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
	sources := map[string]string{"policy/v1/policy.proto": schema + authorize + "}}; }}"}
	linked := protocompile.ResolverFunc(func(path string) (protocompile.SearchResult, error) {
		file, err := protoregistry.GlobalFiles.FindFileByPath(path)
		return protocompile.SearchResult{Desc: file}, err
	})
	compiler := protocompile.Compiler{Resolver: protocompile.CompositeResolver{
		&protocompile.SourceResolver{Accessor: protocompile.SourceAccessorFromMap(sources)}, linked,
	}}
	files, err := compiler.Compile(tb.Context(), slices.Sorted(maps.Keys(sources))...)
	if err != nil {
		tb.Fatal(err)
	}
	reader, err := declare.NewReader(declare.Config{})
	if err != nil {
		tb.Fatal(err)
	}
	declarations, refusals := reader.File(files[0], declare.Given{})
	if len(refusals) > 0 {
		tb.Fatal(refusals)
	}
	return declarations[0]
}

// request is a request of a declaration's method, from protobuf text.
func request(tb testing.TB, of protoreflect.MessageDescriptor, text string) proto.Message {
	tb.Helper()
	message := dynamicpb.NewMessage(of)
	if err := prototext.Unmarshal([]byte(text), message); err != nil {
		tb.Fatal(err)
	}
	return message
}

// alice is a principal that a gate let in.
func alice(details authn.Details) *authn.Principal {
	details.Unscoped = true // scoped credentials are in a test of their own
	return authn.NewPrincipal("alice", details).Bound("", authn.NewHierarchy(map[string][]string{"admin": {"member"}}))
}
