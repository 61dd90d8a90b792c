package review

import (
	"testing"

	"buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"
	"google.golang.org/protobuf/encoding/prototext"
)

// TestNarrows has rules that accept no more than others, and their neighbours that may.
func TestNarrows(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, old, now string
		want, back     bool
	}{
		{"the same", "string {min_len: 1}", "string {min_len: 1}", true, true},
		{"none, and one", "", "string {min_len: 1}", true, false},
		{"a higher minimum", "string {min_len: 1}", "string {min_len: 2}", true, false},
		{"a lower maximum", "string {max_bytes: 9}", "string {max_bytes: 8}", true, false},
		{"one up and one up", "string {min_len: 1 max_len: 5}", "string {min_len: 2 max_len: 6}", false, false},
		{"a rule more", "string {min_len: 1}", "string {min_len: 1 uuid: true}", true, false},
		{"another rule", "string {email: true}", "string {uuid: true}", false, false},
		{"another pattern", `string {pattern: "^a"}`, `string {pattern: "^ab"}`, false, false},
		{"required", "string {min_len: 1}", "required: true string {min_len: 1}", true, false},
		{"ignored in more cases", "string {min_len: 1}", "ignore: IGNORE_IF_ZERO_VALUE string {min_len: 1}", false, false},
		{"ignored at all", "string {min_len: 1}", "ignore: IGNORE_ALWAYS string {min_len: 1}", false, false},
		{"in less", `string {in: ["a", "b"]}`, `string {in: "b"}`, true, false},
		{"in another", `string {in: ["a", "b"]}`, `string {in: ["a", "c"]}`, false, false},
		{"not in more", `string {not_in: "a"}`, `string {not_in: ["a", "b"]}`, true, false},
		{"a number", "int64 {gte: 1 lt: 10}", "int64 {gte: 2 lt: 9}", true, false},
		{"an unsigned number", "uint32 {lte: 100}", "uint32 {lte: 99}", true, false},
		{"a negative number", "sint32 {gt: -5}", "sint32 {gt: -4}", true, false},
		{"a fraction", "double {lt: 0.5}", "double {lt: 0.25}", true, false},
		{"no number", "double {lt: 0.5}", "double {lt: nan}", false, false},
		{"another bound", "int64 {gt: 1}", "int64 {gte: 2}", false, false},
		{"outside of two numbers", "int64 {gt: 10 lt: 5}", "int64 {gt: 10 lt: 4}", false, false},
		{"outside, the same", "int64 {gt: 10 lt: 5}", "int64 {gt: 10 lt: 5}", true, true},
		{"outside, and inside", "int64 {gt: 1 lt: 5}", "int64 {gt: 10 lt: 5}", false, false},
		{"a duration", "duration {lte: {seconds: 5}}", "duration {lte: {seconds: 4 nanos: 1}}", true, false},
		{"a time", "timestamp {gt: {seconds: 5}}", "timestamp {gt: {seconds: 6}}", true, false},
		{"elements", "repeated {items {string {min_len: 1}} max_items: 5}", "repeated {items {string {min_len: 2}} max_items: 5}", true, false},
		{"elements, ignored", "repeated {items {string {min_len: 1}}}", "repeated {items {ignore: IGNORE_ALWAYS string {min_len: 1}}}", false, false},
		{"unique", "repeated {max_items: 5}", "repeated {max_items: 5 unique: true}", true, false},
		{"a rule in CEL more", `cel {id: "a" expression: "this > 0"}`, `cel {id: "a" expression: "this > 0"} cel {id: "b" expression: "this < 9"}`, true, false},
		{"another rule in CEL", `cel {id: "a" expression: "this > 0"}`, `cel {id: "a" expression: "this > 1"}`, false, false},
		{"an example", `string {min_len: 1 example: "a"}`, `string {min_len: 1}`, false, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			rules := func(text string) []*validate.FieldRules {
				made := &validate.FieldRules{}
				if err := prototext.Unmarshal([]byte(text), made); err != nil {
					t.Fatal(err)
				}
				return []*validate.FieldRules{nil, made}
			}
			old, now := rules(test.old), rules(test.now)
			if got := narrows(old, now); got != test.want {
				t.Errorf("got %t", got)
			}
			if got := narrows(now, old); got != test.back {
				t.Errorf("the other way round: %t", got)
			}
		})
	}
	if narrows([]*validate.FieldRules{nil}, []*validate.FieldRules{nil, nil}) {
		t.Error("other paths are compared")
	}
}
