package validation

import (
	"errors"
	"math/rand/v2"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"
)

// The sizes of a small message are looked at after the rules only where no rule is written
// in CEL and the rules ask for all that the sizes do.
func TestLate(t *testing.T) {
	t.Parallel()
	const sized = `string a = 1 [(buf.validate.field).string.max_len = 3];`
	const cel = `{id: "x" expression: "true"}`
	for name, test := range map[string]struct {
		source string
		want   bool
	}{
		"standard rules":                   {`message M { ` + sized + ` string b = 2 [(buf.validate.field).string.pattern = "^a*$"]; }`, true},
		"of elements":                      {`message M { repeated string a = 1 [(buf.validate.field).repeated = {max_items: 2, items: {string: {max_len: 3}}}]; }`, true},
		"below":                            {`message M { N n = 1; } message N { ` + sized + ` M m = 2; }`, true},
		"no sizes":                         {`message M { string a = 1 [(buf.validate.field).string.min_len = 3]; }`, false},
		"CEL of a field":                   {`message M { ` + sized + ` string b = 2 [(buf.validate.field).cel = ` + cel + `]; }`, false},
		"an expression of one":             {`message M { ` + sized + ` string b = 2 [(buf.validate.field).cel_expression = "true"]; }`, false},
		"CEL of elements":                  {`message M { ` + sized + ` repeated string b = 2 [(buf.validate.field).repeated.items.cel = ` + cel + `]; }`, false},
		"CEL of keys":                      {`message M { ` + sized + ` map<string, string> b = 2 [(buf.validate.field).map.keys.cel = ` + cel + `]; }`, false},
		"CEL of the message":               {`message M { option (buf.validate.message).cel = ` + cel + `; ` + sized + ` }`, false},
		"an expression of it":              {`message M { option (buf.validate.message).cel_expression = "true"; ` + sized + ` }`, false},
		"CEL below":                        {`message M { ` + sized + ` N n = 2; } message N { option (buf.validate.message).cel = ` + cel + `; }`, false},
		"CEL below, in a map":              {`message M { ` + sized + ` map<string, N> n = 2; } message N { string b = 1 [(buf.validate.field).cel = ` + cel + `]; }`, false},
		"a time, which no rule asks about": {`message M { ` + sized + ` google.protobuf.Timestamp at = 2; }`, false},
		"a duration below":                 {`message M { ` + sized + ` N n = 2; } message N { M m = 1; google.protobuf.Duration long = 2; }`, false},
	} {
		if got := rulesOf(t, message(t, test.source)).late; got != test.want {
			t.Errorf("%s: late is %t", name, got)
		}
	}
}

// In which order the sizes and the rules are looked at makes no difference to a caller.
func TestLateSaysTheSame(t *testing.T) {
	t.Parallel()
	descriptor := message(t, `message M {
		string a = 1 [(buf.validate.field).string = {min_len: 2, max_len: 4}];
		repeated string b = 2 [(buf.validate.field).repeated = {max_items: 2, unique: true, items: {string: {max_len: 3, pattern: "^x*$"}}}];
		map<string, bytes> c = 3 [(buf.validate.field).map = {max_pairs: 1, keys: {string: {max_bytes: 2}}, values: {bytes: {max_len: 1}}}];
		google.protobuf.StringValue d = 4 [(buf.validate.field).string.len = 2];
		M e = 5;
		string f = 6 [(buf.validate.field) = {ignore: IGNORE_IF_ZERO_VALUE, string: {len_bytes: 2}}];
		string g = 7 [(buf.validate.field) = {ignore: IGNORE_ALWAYS, string: {max_len: 1}}];
	}`)
	rules := rulesOf(t, descriptor)
	if !rules.late {
		t.Fatal("the rules are not late")
	}
	parts := [][]string{
		{`"a": "xx"`, `"a": "xx"`, `"a": "x"`, `"a": "xxxxx"`},
		{``, `"b": ["x", "xx"]`, `"b": ["x", "x"]`, `"b": ["y"]`, `"b": ["", "x", "xx"]`, `"b": ["xxxx"]`},
		{``, `"c": {"k": "AA=="}`, `"c": {"kkk": ""}`, `"c": {"k": "AAAA"}`, `"c": {"k": "", "l": ""}`},
		{``, `"d": "xx"`, `"d": "xxx"`, `"d": "x"`},
		{``, `"e": {"a": "xx"}`, `"e": {}`, `"e": {"a": "xx", "b": ["xxxx"]}`},
		{``, `"f": "xx"`, `"f": "xxx"`, `"g": "xx"`},
	}
	outcomes := map[string]int{}
	random := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		var chosen []string
		for _, options := range parts {
			if part := options[random.IntN(3)*random.IntN(len(options))/2]; part != "" {
				chosen = append(chosen, part)
			}
		}
		text := "{" + strings.Join(chosen, ", ") + "}"
		of := decode(t, descriptor, text)
		early, late := rules.Validate(t.Context(), of, 0), rules.Validate(t.Context(), of, max(1, proto.Size(of)))
		if early == nil && late == nil {
			outcomes["valid"]++
			continue
		}
		var first, second *Violations
		if !errors.As(early, &first) || !errors.As(late, &second) || first.More != second.More || first.Error() != second.Error() {
			t.Fatalf("%s: %v; with the sizes later %v", text, early, late)
		}
		if diff := cmp.Diff(first.Told, second.Told, protocmp.Transform()); diff != "" {
			t.Fatalf("%s: -early +late:\n%s", text, diff)
		}
		if rules.sizes.hold(of.ProtoReflect()) {
			outcomes["invalid"]++
		} else {
			outcomes["too large"]++
		}
	}
	if outcomes["valid"] < 3 || outcomes["invalid"] == 0 || outcomes["too large"] == 0 {
		t.Errorf("outcomes: %v", outcomes)
	}
}
