package validation

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A rule in CEL is held against what it may have to look at, and the fix is for the
// very field.
func TestDear(t *testing.T) {
	t.Parallel()
	const overlap = `this.all(a, !this.exists(b, a != b && a.from < b.to && b.from < a.to))`
	for name, test := range map[string]struct {
		source string
		want   []string // ids, each with its fixes
	}{
		"no rule": {`message M { repeated M a = 1; }`, nil},
		"one look at a list": {`message M { repeated int32 a = 1 [(buf.validate.field).cel = {
			id: "positive" expression: "this.all(x, x > 0)" }]; }`, nil},
		"one look at elements": {`message M { repeated N a = 1 [(buf.validate.field).cel = {
			id: "ordered" expression: "this.all(x, x.from < x.to)" }]; } message N { int64 from = 1; int64 to = 2; }`, nil},
		"two looks at a list": {`message M { repeated N a = 1 [(buf.validate.field).cel = {
			id: "overlap" expression: "` + overlap + `" }]; } message N { int64 from = 1; int64 to = 2; }`,
			[]string{"overlap: (buf.validate.field).repeated.max_items on m.M.a"}},
		"two looks at a short list": {`message M { repeated N a = 1 [(buf.validate.field).repeated.max_items = 100, (buf.validate.field).cel = {
			id: "overlap" expression: "` + overlap + `" }]; } message N { int64 from = 1; int64 to = 2; }`, nil},
		"two looks at a long one": {`message M { repeated N a = 1 [(buf.validate.field).repeated.max_items = 50000, (buf.validate.field).cel = {
			id: "overlap" expression: "` + overlap + `" }]; } message N { int64 from = 1; int64 to = 2; }`,
			[]string{"overlap: lower the limits of what it looks at, or write it as a check in Go"}},
		"on the message": {`message M { option (buf.validate.message).cel = {
			id: "twice" expression: "this.a.all(x, this.a.exists_one(y, x == y))" }; repeated int32 a = 1; }`,
			[]string{"twice: (buf.validate.field).repeated.max_items on m.M.a"}},
		"in an expression alone": {`message M { option (buf.validate.message).cel_expression = "this.a.all(x, this.a.exists_one(y, x == y))"; repeated int32 a = 1; }`,
			[]string{"this.a.all(x, this.a.exists_one(y, x == y)): (buf.validate.field).repeated.max_items on m.M.a"}},
		"within": {`message M { N n = 1; } message N { repeated int32 a = 1 [(buf.validate.field).cel = {
			id: "twice" expression: "this.all(x, this.exists_one(y, x == y))" }]; }`,
			[]string{"twice: (buf.validate.field).repeated.max_items on m.N.a"}},
		"two lists": {`message M { option (buf.validate.message).cel = {
			id: "none" expression: "this.a.all(x, !(x in this.b))" };
			repeated int32 a = 1 [(buf.validate.field).repeated.max_items = 100]; repeated int32 b = 2; }`,
			[]string{"none: (buf.validate.field).repeated.max_items on m.M.b"}},
		"two maps": {`message M { option (buf.validate.message).cel = {
			id: "none" expression: "this.a.all(k, this.b.all(l, k != l))" }; map<string, string> a = 1; map<string, string> b = 2; }`,
			[]string{"none: (buf.validate.field).map.keys.string.max_len on m.M.a, (buf.validate.field).map.keys.string.max_len on m.M.b, (buf.validate.field).map.max_pairs on m.M.a, (buf.validate.field).map.max_pairs on m.M.b"}},
		"a short pattern":    {`message M { string a = 1 [(buf.validate.field).cel = { id: "p" expression: "this.matches('^[a-z]+$')" }]; }`, nil},
		"the text of a list": {`message M { repeated string a = 1 [(buf.validate.field).cel = { id: "p" expression: "this.all(x, x.startsWith('a'))" }]; }`, nil},
		"a long pattern": {`message M { string a = 1 [(buf.validate.field).cel = { id: "p" expression: "this.matches('^` + strings.Repeat("[a-z]+", 40) + `$')" }]; }`,
			[]string{"p: (buf.validate.field).string.max_len on m.M.a"}},
		"over a short text": {`message M { string a = 1 [(buf.validate.field).string.max_len = 1000, (buf.validate.field).cel = {
			id: "p" expression: "this.matches('^` + strings.Repeat("[a-z]+", 40) + `$')" }]; }`, nil},
		"elements": {`message M { repeated string a = 1 [(buf.validate.field).repeated.items.cel = {
			id: "p" expression: "this.matches('^` + strings.Repeat("[a-z]+", 40) + `$')" }]; }`,
			[]string{"p: (buf.validate.field).repeated.items.string.max_len on m.M.a"}},
		"unique": {`message M { repeated N a = 1 [(buf.validate.field).cel = {
			id: "u" expression: "this.map(x, x.id).unique()" }]; } message N { string id = 1; }`, nil},
		"ignored": {`message M { repeated int32 a = 1 [(buf.validate.field).ignore = IGNORE_ALWAYS, (buf.validate.field).cel = {
			id: "twice" expression: "this.all(x, this.exists_one(y, x == y))" }]; }`, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dear, err := New().Dear(message(t, test.source))
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, rule := range dear {
				got = append(got, rule.ID+": "+strings.Join(rule.Fixes, ", "))
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}
