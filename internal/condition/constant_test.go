package condition

import (
	"errors"
	"strings"
	"testing"
)

// loops is a constant that looks at so many numbers, to the third power.
func loops(numbers int) string {
	list := "[0" + strings.Repeat(", 0", numbers-1) + "]"
	return list + ".all(a, " + list + ".all(b, " + list + ".all(c, a + b == c)))"
}

// A part that reads nothing and cannot have a value is refused where it stands.
func TestFailingConstant(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, refused string
		column        int
		part          string
		passes        string
	}{
		{"int", `request.int64 == int('x')`, 21, "int(\"x\")", `request.int64 == int('7')`},
		{"uint", `request.uint64 == uint('-1')`, 23, "uint(\"-1\")", `request.uint64 == uint('1')`},
		{"uint of a negative number", `request.uint64 == uint(-1)`, 23, "uint(-1)", `request.uint64 == uint(1)`},
		{"double", `request.double > double('x')`, 24, "double(\"x\")", `request.double > double('1.5')`},
		{"bool", `request.flag == bool('x')`, 21, "bool(\"x\")", `request.flag == bool('true')`},
		{"timestamp made of two", `now > timestamp('2026' + '-01')`, 16, "timestamp(", `now > timestamp('2026-01-01' + 'T00:00:00Z')`},
		{"duration made of two", `now - principal.authenticated_at < duration('1' + 'x')`, 44, "duration(", `now - principal.authenticated_at < duration('1' + 'h')`},
		{"pattern made of two", `principal.id.matches('(') || 'a'.matches('(' + 'b')`, 0, "", `principal.id.matches('^a') || 'a'.matches('(' + 'b)')`},
		{"division", `request.int64 > 1 / 0`, 19, "1 / 0", `request.int64 > 1 / 1`},
		{"remainder", `request.int64 > 1 % 0`, 19, "1 % 0", `request.int64 > 1 % 2`},
		{"unsigned division", `request.uint64 > 1u / 0u`, 21, "1u / 0u", `request.uint64 > 1u / 2u`},
		{"division of what is sent", `request.int64 / 0 > 1`, 15, "request.int64 / 0", `request.int64 / 2 > 1`},
		{"division by zero of fractions", "", 0, "", `request.double > 1.0 / 0.0`},
		{"index", `request.user_id == [''][1]`, 24, "[\"\"][1]", `request.user_id == [''][0]`},
		{"index of an empty list", `request.user_id == [][0]`, 22, "[][0]", `request.user_id == ['a'][0]`},
		{"key", `request.int64 == {'a': 1}['b']`, 26, "{\"a\": 1}[\"b\"]", `request.int64 == {'a': 1}['a']`},
		{"overflow", `request.int64 < 9223372036854775807 + 1`, 37, "9223372036854775807 + 1", `request.int64 < 9223372036854775806 + 1`},
		{"within another constant", `request.int64 == 1 + (2 + int('x'))`, 30, "int(\"x\")", `request.int64 == 1 + (2 + int('3'))`},
		{"absorbed", `request.flag || 1 / 0 == 1`, 19, "1 / 0", `request.flag || 1 / 1 == 1`},
		{"absorbed by a constant", `request.flag && (true || int('x') == 1)`, 29, "int(\"x\")", `request.flag && (true || int('1') == 1)`},
		{"in a list", `request.int64 in [1, int('x')]`, 25, "int(\"x\")", `request.int64 in [1, int('2')]`},
		{"in a loop", `request.tags.exists(tag, tag == [''][1])`, 37, "[\"\"][1]", `request.tags.exists(tag, tag == [''][0])`},
		{"a loop", `request.flag && [0].exists(n, 1 / n == 1)`, 0, "1 / n", `request.flag && [1].exists(n, 1 / n == 1)`},
		{"on a branch", `request.flag ? principal.id == 'a' : 1 / 0 == 1`, 40, "1 / 0", `request.flag ? principal.id == 'a' : 1 / 1 == 1`},
		{"what a loop runs over", `[int('x')].exists(n, n == request.int64)`, 5, "int(\"x\")", `[int('1')].exists(n, n == request.int64)`},
		{"at an enum", `request.user_id == [''][test.v1.Color.COLOR_RED]`, 24, "[\"\"][test.v1.Color.COLOR_RED]", `request.user_id == [''][test.v1.Color.COLOR_UNSPECIFIED]`},
		{"the first of two", `request.int64 == int('x') || request.int64 == int('y')`, 21, "int(\"x\")", `request.int64 == int('1') || request.int64 == int('2')`},
		{"in what is divided by zero", `request.int64 == (1 / 0 == 1 ? 1 : 2) / 0`, 21, "1 / 0", `request.int64 == (1 / 1 == 1 ? 1 : 2) / 1`},
		{"a loop over what is no list", `dyn(1).exists(n, n == 1)`, 0, "dyn(1).exists(", `dyn([1]).exists(n, n == 1)`},
		{"a key that no map has", `dyn({1: 1})[b'a'] == 1`, 0, "dyn({1: 1})[b\"\\141\"] == 1` has no value: invalid qualifier", `dyn({1: 1})[1] == 1`},
		{"too much to look at", `request.flag && ` + loops(60), 0, "[0, ", `request.flag && ` + loops(2)},
		{"a text that is sent", "", 0, "", `request.int64 == int(request.user_id)`},
		{"a key that is sent", "", 0, "", `{'a': 1}[request.user_id] == 1`},
		{"an enum", "", 0, "", `request.color == test.v1.Color.COLOR_RED`},
	}
	environment, request := environment(t), requestType(t)
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if _, _, err := environment.Examine(test.passes, request, Facts{}); err != nil {
				t.Errorf("%s: %v", test.passes, err)
			}
			if test.refused == "" {
				return
			}
			_, _, err := environment.Examine(test.refused, request, Facts{})
			syntax, ok := errors.AsType[*SyntaxError](err)
			if !ok {
				t.Fatalf("%s: %v, want a SyntaxError", test.refused, err)
			}
			if test.part != "" && !strings.HasPrefix(syntax.Problem, "`"+test.part) {
				t.Errorf("%s: %s, want it of %s", test.refused, syntax.Problem, test.part)
			}
			if test.column > 0 && syntax.Column != test.column {
				t.Errorf("%s: column %d, want %d\n%s", test.refused, syntax.Column, test.column, syntax.Caret())
			}
		})
	}
}
