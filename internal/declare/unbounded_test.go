package declare

import (
	"strings"
	"testing"

	"google.golang.org/protobuf/reflect/protoregistry"
)

// A validation rule that is too dear at worst is refused, with the field to limit, once
// for all the actions that take it; one that is bounded is not.
func TestUnbounded(t *testing.T) {
	t.Parallel()
	const source = `syntax = "proto3";
package test.v1;
import "buf/validate/validate.proto";
import "sallyport/v1/action.proto";
message Request {
  repeated Span spans = 1 [BOUND(buf.validate.field).cel = {
    id: "spans-overlap"
    message: "no two spans overlap"
    expression: "this.all(a, !this.exists(b, a != b && a.from < b.to && b.from < a.to))"
  }];
}
message Span { int64 from = 1; int64 to = 2; }
message Response {}
service Files {
  rpc Read(Request) returns (Response) { option (sallyport.v1.action) = {authenticate: {schemes: "session"} authorize: {anyone: "a test"}}; }
  rpc Write(Request) returns (Response) { option (sallyport.v1.action) = {authenticate: {schemes: "session"} authorize: {anyone: "a test"}}; }
}`
	for bound, refused := range map[string]bool{
		"": true,
		"(buf.validate.field).repeated.max_items = 100000, ": true,
		"(buf.validate.field).repeated.max_items = 100, ":    false,
	} {
		schema := compile(t, sources{"test/v1/files.proto": strings.Replace(source, "BOUND", bound, 1)})
		reader, err := NewReader(Config{Files: protoregistry.GlobalFiles})
		if err != nil {
			t.Fatal(err)
		}
		service := schema.file(t, "test/v1/files.proto").Services().Get(0)
		declarations, refusals := reader.Service(service, Given{})
		if !refused {
			if len(refusals) > 0 || len(declarations) != 2 {
				t.Errorf("%q: %v", bound, refusals)
			}
			continue
		}
		if len(refusals) != 1 || declarations != nil {
			t.Errorf("%q: %v, with %d declarations", bound, refusals, len(declarations))
			continue
		}
		got := refusals[0]
		if got.Rule != RuleValidationUnbounded || got.Subject != "test.v1.Request.spans" || got.Position.Line != 6 || !strings.Contains(got.Problem, `"spans-overlap"`) {
			t.Errorf("%q: %v", bound, got)
		}
		if bound == "" && got.Fix != "limit what the rule looks at: (buf.validate.field).repeated.max_items on test.v1.Request.spans" {
			t.Errorf("the fix is %q", got.Fix)
		}
	}
}

// A rule that others predefined is refused where it is used: it costs what the field may
// hold there.
func TestUnboundedPredefined(t *testing.T) {
	t.Parallel()
	const predefined = `syntax = "proto2";
package test.v1;
import "buf/validate/validate.proto";
extend buf.validate.RepeatedRules {
  optional bool apart = 80048952 [(buf.validate.predefined).cel = {
    id: "repeated.apart"
    message: "no two are equal"
    expression: "!rule || this.all(x, this.filter(y, x == y).size() == 1)"
  }];
}`
	const source = `syntax = "proto3";
package test.v1;
import "buf/validate/validate.proto";
import "sallyport/v1/action.proto";
import "test/v1/rules.proto";
message Request {
  repeated int64 ids = 1 [(buf.validate.field).repeated = {BOUND[test.v1.apart]: true}];
}
message Response {}
service Files {
  rpc Read(Request) returns (Response) { option (sallyport.v1.action) = {authenticate: {schemes: "session"} authorize: {anyone: "a test"}}; }
}`
	for bound, want := range map[string]int{"": 1, "max_items: 100000, ": 1, "max_items: 100, ": 0} {
		schema := compile(t, sources{
			"test/v1/rules.proto": predefined,
			"test/v1/files.proto": strings.Replace(source, "BOUND", bound, 1),
		})
		reader, err := NewReader(Config{Files: protoregistry.GlobalFiles})
		if err != nil {
			t.Fatal(err)
		}
		declarations, refusals := reader.Service(schema.file(t, "test/v1/files.proto").Services().Get(0), Given{})
		if len(refusals) != want || len(declarations) != 1-want {
			t.Errorf("%q: %v, with %d declarations", bound, refusals, len(declarations))
			continue
		}
		for _, got := range refusals {
			if got.Rule != RuleValidationUnbounded || got.Subject != "test.v1.Request.ids" || !strings.Contains(got.Problem, `"repeated.apart"`) {
				t.Errorf("%q: %v", bound, got)
			}
		}
	}
}
