package condition

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/bufbuild/protocompile"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/sallyport-rpc/sallyport/authn"
)

// now is when all of these tests are run.
var now = time.Date(2026, time.May, 4, 12, 0, 0, 0, time.UTC)

// alice is a principal with something in every field.
func alice() *authn.Principal { return principalOf("alice", "session", aliceDetails()) }

// hierarchy has a role that includes another.
var hierarchy = authn.NewHierarchy(map[string][]string{"admin": {"member"}, "alice": {"bob"}, "auditor": {"reader"}})

// principalOf is a principal that a scheme authenticated and a gate let in.
func principalOf(id, scheme string, details authn.Details) *authn.Principal {
	return authn.NewPrincipal(id, details).Bound(scheme, hierarchy)
}

func aliceDetails() authn.Details {
	return authn.Details{
		Unscoped:        true,
		Roles:           []string{"member", "auditor"},
		Scopes:          []string{"users.read", "users.write"},
		Claims:          claimsOf(`labels {key: "tenant" value: "acme"} labels {key: "empty"}`),
		AuthenticatedAt: now.Add(-10 * time.Minute),
		ExpiresAt:       now.Add(time.Hour),
	}
}

// schema is a request with a field of every kind, and one of its types in another
// file.
var schema = map[string]string{
	"test/v1/request.proto": `
		syntax = "proto3";
		package test.v1;
		import "google/protobuf/any.proto";
		import "google/protobuf/duration.proto";
		import "google/protobuf/empty.proto";
		import "google/protobuf/struct.proto";
		import "google/protobuf/timestamp.proto";
		import "google/protobuf/wrappers.proto";
		import "test/v1/owner.proto";
		message Request {
			string user_id = 1;
			bool flag = 2;
			int32 int32 = 3;
			int64 int64 = 4;
			uint32 uint32 = 5;
			uint64 uint64 = 6;
			sint64 sint64 = 7;
			fixed32 fixed32 = 8;
			sfixed64 sfixed64 = 9;
			float float = 10;
			double double = 11;
			bytes bytes = 12;
			optional string nick = 13;
			Owner owner = 14;
			repeated Owner members = 15;
			repeated string tags = 16;
			repeated bool flags = 17;
			map<string, string> labels = 18;
			map<int64, Owner> owners = 19;
			Color color = 20;
			repeated Color colors = 21;
			google.protobuf.Timestamp at = 22;
			google.protobuf.Duration length = 23;
			google.protobuf.StringValue maybe_string = 24;
			google.protobuf.BoolValue maybe_bool = 25;
			google.protobuf.Int64Value maybe_int = 26;
			google.protobuf.Struct struct = 27;
			google.protobuf.Value value = 28;
			google.protobuf.Any any = 29;
			oneof choice {
				string by_name = 30;
				int64 by_number = 31;
			}
			Inner inner = 32;
			message Inner {
				string text = 1;
				Inner again = 2;
				repeated string words = 3;
				bool ok = 4;
			}
			google.protobuf.Empty empty = 33;
			repeated int64 numbers = 34;
		}
		enum Color {
			COLOR_UNSPECIFIED = 0;
			COLOR_RED = 1;
		}`,
	"test/v1/owner.proto": `
		syntax = "proto2";
		package test.v1;
		import "test/v1/address.proto";
		message Owner {
			optional string id = 1;
			optional Address address = 2;
			optional string country = 3 [default = "is"];
		}`,
	"test/v1/address.proto": `
		edition = "2023";
		package test.v1;
		message Address {
			string city = 1;
			Kind kind = 2;
		}
		enum Kind {
			KIND_UNSPECIFIED = 0;
			KIND_HOME = 1;
		}`,
}

// sampleClaims is the type of an application's claims, in a package of its own.
var sampleClaims = sync.OnceValue(func() protoreflect.MessageDescriptor {
	compiler := protocompile.Compiler{Resolver: protocompile.WithStandardImports(
		&protocompile.SourceResolver{Accessor: protocompile.SourceAccessorFromMap(map[string]string{"iam/v1/claims.proto": `
			syntax = "proto3";
			package iam.v1;
			message Claims {
				repeated string org_ids = 1;
				map<string, Membership> memberships = 2;
				string team = 3;
				Membership home = 4;
				map<string, string> labels = 5;
				string secret = 6 [debug_redact = true];
				message Membership { Role role = 1; }
			}
			enum Role { ROLE_UNSPECIFIED = 0; ROLE_OWNER = 1; ROLE_GUEST = 2; }`})})}
	files, err := compiler.Compile(context.Background(), "iam/v1/claims.proto")
	if err != nil {
		panic(err)
	}
	return files[0].Messages().ByName("Claims")
})

// claimsOf makes claims of their text form.
func claimsOf(text string) proto.Message {
	claims := dynamicpb.NewMessage(sampleClaims())
	if err := prototext.Unmarshal([]byte(text), claims); err != nil {
		panic(err)
	}
	return claims
}

// file compiles the first of the given sources.
func file(tb testing.TB, path string, sources map[string]string) protoreflect.FileDescriptor {
	tb.Helper()
	compiler := protocompile.Compiler{Resolver: protocompile.WithStandardImports(
		&protocompile.SourceResolver{Accessor: protocompile.SourceAccessorFromMap(sources)})}
	files, err := compiler.Compile(tb.Context(), path)
	if err != nil {
		tb.Fatal(err)
	}
	return files[0]
}

// requestType returns the message test.v1.Request, which no Go code was generated
// from.
func requestType(tb testing.TB) protoreflect.MessageDescriptor {
	tb.Helper()
	return file(tb, "test/v1/request.proto", schema).Messages().ByName("Request")
}

// message makes a message of its text form.
func message(tb testing.TB, kind protoreflect.MessageDescriptor, text string) proto.Message {
	tb.Helper()
	made := dynamicpb.NewMessage(kind)
	if err := prototext.Unmarshal([]byte(text), made); err != nil {
		tb.Fatal(err)
	}
	return made
}

func environment(tb testing.TB) *Environment {
	tb.Helper()
	made, err := NewEnvironment()
	if err != nil {
		tb.Fatal(err)
	}
	return made.WithClaims(sampleClaims())
}

// truth asks Truth, and asks CEL as well where Truth has a shorter way: the two must
// never differ.
func truth(tb testing.TB, expression *Expression, input Input) (Truth, error) {
	tb.Helper()
	got, err := expression.Truth(tb.Context(), &input)
	want, _, celErr := expression.evaluate(tb.Context(), input)
	if got != want || fmt.Sprint(err) != fmt.Sprint(celErr) {
		tb.Errorf("%s: Truth says %v, %v; CEL says %v, %v", expression.Text(), got, err, want, celErr)
	}
	if holds, _ := expression.Holds(tb.Context(), &input); holds != (got == True) {
		tb.Errorf("%s: Holds says %t of what is %v", expression.Text(), holds, got)
	}
	return got, err
}

// compiled returns a condition that must be a good one.
func compiled(tb testing.TB, environment *Environment, text string, request protoreflect.MessageDescriptor) *Expression {
	tb.Helper()
	expression, err := environment.Compile(text, request)
	if err != nil {
		tb.Fatalf("Compile(%q): %v", text, err)
	}
	return expression
}
