package declare

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"buf.build/go/protovalidate"
	gocmp "github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
)

func TestRefusalString(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		refusal Refusal
		want    string
	}{
		{
			"all of it",
			Refusal{Rule: RuleGrantEmpty, Subject: "/a.B/C", Position: Position{"a.proto", 3, 5}, Problem: "it is empty", Fix: "fill it"},
			"a.proto:3:5: /a.B/C: it is empty [grant-empty]\n  fix:\n    fill it",
		},
		{
			"no source information",
			Refusal{Rule: RuleGrantEmpty, Subject: "/a.B/C", Position: Position{File: "a.proto"}, Problem: "it is empty", Fix: "fill it"},
			"a.proto: /a.B/C: it is empty [grant-empty]\n  fix:\n    fill it",
		},
		{
			"no descriptor",
			Refusal{Rule: RuleOptionNil, Subject: "action.WithClock", Problem: "the clock is nil", Fix: "wind it up"},
			"action.WithClock: the clock is nil [option-nil]\n  fix:\n    wind it up",
		},
		{
			"no fix",
			Refusal{Rule: RuleOptionNil, Subject: "action.WithClock", Problem: "the clock is nil"},
			"action.WithClock: the clock is nil [option-nil]",
		},
		{
			"several lines",
			Refusal{Rule: RuleCELInvalid, Subject: "/a.B/C", Problem: "it is wrong\nghost\n^", Fix: "one {\n  two\n}"},
			"/a.B/C: it is wrong [cel-invalid]\n    ghost\n    ^\n  fix:\n    one {\n      two\n    }",
		},
	}
	for _, test := range tests {
		if diff := gocmp.Diff(test.want, test.refusal.String()); diff != "" {
			t.Errorf("%s: -want +got\n%s", test.name, diff)
		}
	}
}

func TestSort(t *testing.T) {
	t.Parallel()
	at := func(file string, line, column int, problem string) Refusal {
		return Refusal{Position: Position{file, line, column}, Problem: problem}
	}
	want := []Refusal{
		at("", 0, 0, "without a file"), at("a.proto", 0, 0, "without a line"), at("a.proto", 2, 9, ""), at("a.proto", 10, 1, "first"),
		at("a.proto", 10, 1, "second"), at("a.proto", 10, 2, ""), at("b.proto", 1, 1, ""),
	}
	for range 5 {
		got := []Refusal{want[5], want[3], want[6], want[4], want[1], want[2], want[0]}
		Sort(got)
		if diff := gocmp.Diff(want, got); diff != "" {
			t.Fatalf("-want +got\n%s", diff)
		}
	}
	empty := []Refusal(nil)
	Sort(empty)
	if !slices.Equal(empty, nil) {
		t.Error(empty)
	}
}

// Where a declaration stands, as near as the source tells: at the option, however it
// is spelt, or else at the RPC.
func TestPositions(t *testing.T) {
	t.Parallel()
	const text = `syntax = "proto3";
package test.v1;
import "sallyport/v1/action.proto";
message M {}
service S {
  rpc None(M) returns (M);
  rpc Body(M) returns (M) {}
  rpc Other(M) returns (M) {
    option deprecated = true;
  }
  rpc Whole(M) returns (M) {
    option deprecated = true;
      option (sallyport.v1.action) = {};
  }
  rpc Parts(M) returns (M) {
    option (sallyport.v1.action).stream = {};
  }
}
`
	want := map[string][]Position{
		"/test.v1.S/None": {{"test.proto", 6, 3}}, "/test.v1.S/Body": {{"test.proto", 7, 3}}, "/test.v1.S/Other": {{"test.proto", 9, 5}},
		"/test.v1.S/Whole": {{"test.proto", 13, 7}}, "/test.v1.S/Parts": {{"test.proto", 16, 5}},
	}
	schema := compile(t, sources{"test.proto": text})
	_, refusals := newReader(t, nil).File(schema.file(t, "test.proto"), Given{})
	got := map[string][]Position{}
	for _, refusal := range refusals {
		if of := got[refusal.Subject]; !slices.Contains(of, refusal.Position) {
			got[refusal.Subject] = append(of, refusal.Position)
		}
	}
	if diff := gocmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

// What is refused is found in the source by its path as by its position. A reserved range
// of an enum is not taken for it.
func TestSourcePaths(t *testing.T) {
	t.Parallel()
	const text = `syntax = "proto3";
package test.v1;
import "buf/validate/validate.proto";
import "sallyport/v1/action.proto";
enum Role {
  reserved 7;
  option (sallyport.v1.roles) = true;
  ROLE_UNSPECIFIED = 0;
}
enum Second {
  reserved 7;
  option (sallyport.v1.roles) = true;
  SECOND_UNSPECIFIED = 0;
}
message Claims { option (sallyport.v1.claims) = true; string id = 1; }
message More { option (sallyport.v1.claims) = true; string id = 1; }
message M {
  repeated string names = 1 [(buf.validate.field).cel = {id: "dear" expression: "this.all(a, this.all(b, this.all(c, a != b || b != c)))"}];
}
service S {
  rpc None(M) returns (M);
  rpc Option(M) returns (M) {
    option (sallyport.v1.action) = {};
  }
}
`
	schema := compile(t, sources{"test.proto": text})
	file := schema.file(t, "test.proto")
	_, refusals := newReader(t, nil).File(file, Given{})
	got := map[Rule]int{}
	for _, refusal := range refusals {
		got[refusal.Rule] = refusal.Position.Line
		path := refusal.SourcePath()
		if location := file.SourceLocations().ByPath(path); len(path) == 0 || location.StartLine+1 != refusal.Position.Line {
			t.Errorf("%s\nis at line %d by its path %v", refusal, location.StartLine+1, path)
		}
	}
	want := map[Rule]int{RuleCatalogueTwice: 10, RuleClaimsTwice: 16, RuleValidationUnbounded: 18, RuleMissing: 21, RuleEmpty: 23}
	if diff := gocmp.Diff(want, got); diff != "" {
		t.Errorf("lines: -want +got\n%s", diff)
	}
	if path := (Refusal{Rule: RuleOptionNil}).SourcePath(); path != nil {
		t.Errorf("what has no descriptor is at %v", path)
	}
}

// faultyRules are validation rules that do not run.
type faultyRules struct{ protovalidate.Validator }

func (faultyRules) Validate(proto.Message, ...protovalidate.ValidationOption) error {
	return errors.New("out of order")
}

// A declaration whose rules do not run is refused.
func TestRulesThatDoNotRun(t *testing.T) {
	t.Parallel()
	schema := compile(t, guarded)
	reader := newReader(t, nil)
	reader.validator = faultyRules{}
	declarations, refusals := reader.File(schema.file(t, "test/v1/files.proto"), Given{})
	if declarations != nil || !slices.ContainsFunc(refusals, func(refusal Refusal) bool {
		return refusal.Rule == RuleUnresolved && refusal.Subject == read && strings.Contains(refusal.Problem, "out of order")
	}) {
		t.Errorf("%d declarations, and\n%s", len(declarations), texts(refusals))
	}
}
