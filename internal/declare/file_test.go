package declare

import (
	"fmt"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
)

// faulty is a file with a fault of nearly every sort, all of which are reported at
// once; good is the same file with the faults fixed.
const (
	faulty = `syntax!
package test.v1;
import "buf/validate/validate.proto";
import "sallyport/v1/action.proto";
enum Role { //! test.v1.Role role-cycle
  option (sallyport.v1.roles) = true;
  ROLE_UNSPECIFIED = 0;
  ROLE_A = 1 [(sallyport.v1.role) = {name: "a", includes: "b"}];
  ROLE_B = 2 [(sallyport.v1.role) = {name: "b", includes: ["a", "ghost"]}]; //! test.v1.Role role-unknown
  ROLE_C = 3; //! test.v1.Role role-unnamed
}
message Request {
  singular string user_id = 1 [(buf.validate.field).required = true, (buf.validate.field).string.min_len = 1];
  enum Role { //! test.v1.Request.Role catalogue-twice
    option (sallyport.v1.roles) = true;
    ZERO = 0;
    ONE = 1 [(sallyport.v1.role) = {name: "one"}];
  }
}
service First {
  rpc Missing(Request) returns (Request); //! /test.v1.First/Missing action-missing
  rpc Good(Request) returns (Request) {
    option idempotency_level = NO_SIDE_EFFECTS;
    option (sallyport.v1.action) = {
      authenticate: {schemes: "session"}
      authorize: {allow: {any_role: "a" cel: "principal.id == request.user_id"}}
    };
  }
  rpc Many(Request) returns (Request) {
    option idempotency_level = IDEMPOTENT;
    option (sallyport.v1.action) = { //! /test.v1.First/Many scheme-name scheme-duplicate role-unknown scope-name cel-invalid grant-empty check-name
      authenticate: {schemes: ["Session", "bearer", "bearer"]}
      authorize: {
        allow: {any_role: ["a", "c"] all_scopes: "a b"}
        allow: {cel: "principal.id == 1"}
        allow: {}
        allow: {check: "IsOwner"}
      }
    };
  }
  rpc Empty(Request) returns (Request) {
    option (sallyport.v1.action) = {}; //! /test.v1.First/Empty action-empty
  }
}
service Second {
  rpc Stream(stream Request) returns (stream Request) {
    option (sallyport.v1.action) = { //! /test.v1.Second/Stream authorize-missing stream-missing
      authenticate: {schemes: "session"}
    };
  }
  rpc Anonymous(Request) returns (Request) {
    option (sallyport.v1.action) = { //! /test.v1.Second/Anonymous anonymous-grant anonymous-reason max-age-anonymous max-age-range stream-unary stream-authorize
      authenticate: {anonymous: "" max_age: {}}
      authorize: {allow: {any_role: "a"}}
      stream: {}
    };
  }
  rpc Check(Request) returns (Request) {
    option (sallyport.v1.action) = {
      authenticate: {schemes: "session"}
      authorize: {allow: {check: "of_a"}}
    };
  }
  rpc CheckOf(Request) returns (Request) {
    option (sallyport.v1.action) = { //! /test.v1.Second/CheckOf check-collision
      authenticate: {schemes: "session"}
      authorize: {allow: {check: "a"}}
    };
  }
}
`

	good = `syntax!
package test.v1;
import "buf/validate/validate.proto";
import "sallyport/v1/action.proto";
enum Role {
  option (sallyport.v1.roles) = true;
  ROLE_UNSPECIFIED = 0;
  ROLE_A = 1 [(sallyport.v1.role) = {name: "a"}];
  ROLE_B = 2 [(sallyport.v1.role) = {name: "b", includes: ["a"]}];
}
enum Scope {
  option (sallyport.v1.scope_catalogue) = true;
  SCOPE_UNSPECIFIED = 0;
  SCOPE_X = 1 [(sallyport.v1.scope) = {name: "x"}];
  SCOPE_Y = 2 [(sallyport.v1.scope) = {name: "y"}];
}
message Request {
  singular string user_id = 1 [(buf.validate.field).required = true, (buf.validate.field).string.min_len = 1];
}
service First {
  rpc Missing(Request) returns (Request) {
    option (sallyport.v1.action) = {
      authenticate: {anonymous: "no caller has an account yet"}
      authorize: {anyone: "everyone who knows the password may sign in"}
    };
  }
  rpc Many(Request) returns (Request) {
    option idempotency_level = IDEMPOTENT;
    option (sallyport.v1.action) = {
      authenticate: {schemes: ["session", "bearer"] max_age: {seconds: 900}}
      authorize: {
        allow: {any_role: ["a", "b"] all_scopes: ["x", "y"]}
        allow: {cel: "principal.id ==\n  request.user_id"}
        allow: {check: "is_owner"}
        conceal: true
      }
    };
  }
}
service Second {
  rpc Stream(stream Request) returns (stream Request) {
    option (sallyport.v1.action).authenticate.schemes = "session";
    option (sallyport.v1.action).authorize.anyone = "everyone who is signed in may listen";
    option (sallyport.v1.action).stream.authorize = OPEN;
    option (sallyport.v1.action).stream.recheck = {seconds: 60};
  }
}
service None {}
`
)

// One schema, be it faulty or good, in every syntax and come by in every way.
func TestOneSchemaInEveryWay(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{"faulty": faulty, "good": good} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			of := sources{"test/v1/files.proto": text}
			checkIn(t, everyWay(), newReader(t, nil), of, "test/v1/files.proto")
			checkIn(t, everyWay(), nil, of, "test/v1/files.proto")
		})
	}
}

// The declarations of the good one, said in Go.
func TestDeclarations(t *testing.T) {
	t.Parallel()
	declared := check(t, newReader(t, nil), sources{"test/v1/files.proto": good}, "test/v1/files.proto")
	var who []string
	for _, declaration := range declared {
		who = append(who, declaration.Procedure+": "+declaration.Who())
	}
	want := []string{
		"/test.v1.First/Missing: anyone",
		"/test.v1.First/Many: (a or b) and scope x and y; or principal.id == request.user_id; or is_owner()",
		"/test.v1.Second/Stream: anyone",
	}
	if diff := gocmp.Diff(want, who); diff != "" {
		t.Fatalf("-want +got\n%s", diff)
	}
	// A stream is looked at again as often as it says, and never more seldom than the
	// registry does.
	const most = 30 * time.Second
	for i, want := range map[int][2]time.Duration{1: {most, time.Hour}, 2: {most, time.Minute}} {
		if got := [2]time.Duration{declared[i].Recheck(most), declared[i].Recheck(time.Hour)}; got != want {
			t.Errorf("%s: recheck after %v, want %v", declared[i].Procedure, got, want)
		}
	}
}

// Generated code carries no source information: the same is refused, by file alone.
func TestWithoutSourceInformation(t *testing.T) {
	t.Parallel()
	of := sources{"test/v1/files.proto": faulty}.in("proto3")
	bare := compile(t, of).overWire(t, protoregistry.GlobalTypes, func(file *descriptorpb.FileDescriptorProto) { file.SourceCodeInfo = nil })
	want := of.faults(t)
	for i := range want {
		want[i].Line = 0
	}
	_, refusals := newReader(t, nil).File(bare.file(t, "test/v1/files.proto"), Given{})
	if diff := gocmp.Diff(sorted(want), faultsOf(refusals)); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	for _, refusal := range refusals {
		if got := refusal.Position.String(); got != "test/v1/files.proto" {
			t.Errorf("at %s", got)
		}
	}
}

// What a reviewer reads of a grant cannot be taken for more than it is.
func TestWho(t *testing.T) {
	t.Parallel()
	tests := []struct{ authorize, want string }{
		{`anyone: "it is public"`, "anyone"},
		{`allow: {any_role: "admin"}`, "admin"},
		{`allow: {any_role: ["member", "auditor"]}`, "member or auditor"},
		{`allow: {any_role: ["member", "auditor"] all_scopes: "x"}`, "(member or auditor) and scope x"},
		{`allow: {any_role: "admin" all_scopes: ["x", "y"]}`, "admin and scope x and y"},
		{`allow: {any_role: "admin"} allow: {all_scopes: "x"}`, "admin; or scope x"},
		{`allow: {cel: "request.number == 1 ||\n\t request.number == 2"}`, "request.number == 1 || request.number == 2"},
		{`allow: {cel: "request.number==1||request.number==2" check: "c"}`, "(request.number==1||request.number==2) and c()"},
		{`allow: {any_role: "admin" cel: "request.number > 1 ? request.user_id == 'x' : request.free_id == 'y'"}`,
			"admin and (request.number > 1 ? request.user_id == 'x' : request.free_id == 'y')"},
		{`allow: {any_role: "admin" cel: "request.number > 1 && request.user_id == 'x'" check: "c_d"}`,
			"admin and request.number > 1 && request.user_id == 'x' and c_d()"},
		{`allow: {any_role: ["member", "auditor"] check: "c"} allow: {all_scopes: "x"}`, "(member or auditor) and c(); or scope x"},
		{`allow: {cel: "request.user_id.startsWith(principal.id)" accept: {rule: "cel-part" reason: "an id\n is no prefix of another"}}`,
			"request.user_id.startsWith(principal.id) [accepts cel-part: an id is no prefix of another]"},
	}
	actions := make([]action, len(tests))
	for i, test := range tests {
		actions[i] = action{fmt.Sprintf("M%d", i), unary, session + "authorize: {" + test.authorize + "}"}
	}
	declared := check(t, nil, file(actions, func(int) []Rule { return nil }), "test/v1/files.proto")
	for i, test := range tests {
		if got := declared[i].Who(); got != test.want {
			t.Errorf("%s: %q, want %q", test.authorize, got, test.want)
		}
	}
}
