package validation

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A predefined rule costs what it may look at in the field that it is used on, and not
// where it is defined.
func TestDearPredefined(t *testing.T) {
	t.Parallel()
	const defined = `edition = "2023"; package m; import "buf/validate/validate.proto";
		extend buf.validate.RepeatedRules {
			bool apart = 1100 [(buf.validate.predefined).cel = {
				id: "apart" message: "no two are equal" expression: "!rule || this.all(x, this.filter(y, x == y).size() == 1)" }];
			int32 most = 1101 [(buf.validate.predefined).cel = {id: "most" message: "too many" expression: "this.size() <= rule" }];
		}
		message Rules { extend buf.validate.StringRules {
			bool letters = 1102 [(buf.validate.predefined).cel = {id: "letters" message: "no letters" expression: "!rule || this.matches('^LONG$')" }];
			repeated string none_of = 1103 [(buf.validate.predefined).cel = {id: "none-of" message: "no" expression: "!(this in rule) && !(this in rules.not_in)" }];
		} }
		message M { FIELDS }`
	for name, test := range map[string]struct {
		fields string
		want   []string // ids, each with its fixes
	}{
		"not used":     {`repeated int32 a = 1;`, nil},
		"one look":     {`repeated int32 a = 1 [(buf.validate.field).repeated.(most) = 10];`, nil},
		"two looks":    {`repeated int32 a = 1 [(buf.validate.field).repeated.(apart) = true];`, []string{"apart: (buf.validate.field).repeated.max_items on m.M.a"}},
		"at few items": {`repeated int32 a = 1 [(buf.validate.field).repeated = {max_items: 100, [m.apart]: true}];`, nil},
		"ignored":      {`repeated int32 a = 1 [(buf.validate.field) = {ignore: IGNORE_ALWAYS, repeated: {[m.apart]: true}}];`, nil},
		"a text":       {`string a = 1 [(buf.validate.field).string.(Rules.letters) = true];`, []string{"letters: (buf.validate.field).string.max_len on m.M.a"}},
		"a short text": {`string a = 1 [(buf.validate.field).string = {max_len: 1000, [m.Rules.letters]: true}];`, nil},
		"elements": {`repeated string a = 1 [(buf.validate.field).repeated.items.string.(Rules.letters) = true];`,
			[]string{"letters: (buf.validate.field).repeated.items.string.max_len on m.M.a"}},
		"values": {`map<int32, string> a = 1 [(buf.validate.field).map.values.string.(Rules.letters) = true];`,
			[]string{"letters: (buf.validate.field).map.values.string.max_len on m.M.a"}},
		"a list of the rule's own": {`string a = 1 [(buf.validate.field).string.(Rules.none_of) = "x"];`, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			source := strings.NewReplacer("FIELDS", test.fields, "LONG", strings.Repeat("[a-z]+", 40)).Replace(defined)
			dear, err := New().Dear(fileOf(t, source).Messages().ByName("M"))
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
