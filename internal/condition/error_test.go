package condition

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSyntaxError(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, text   string
		line, column int
		problem      string
		caret        string
	}{
		{
			"variable", `ghost`, 1, 1, "undeclared reference to 'ghost'", `
ghost
^`},
		{
			"field of principal", `principal.name == "x"`, 1, 10, "undefined field 'name'", `
principal.name == "x"
         ^`},
		{
			"field of request", `request.flag && request.ghost`, 1, 24, "undefined field 'ghost'", `
request.flag && request.ghost
                       ^`},
		{
			"field of another file", `request.owner.address.ghost == ""`, 1, 22, "undefined field 'ghost'", `
request.owner.address.ghost == ""
                     ^`},
		{
			"field asked for by has", `has(request.ghost)`, 1, 4, "undefined field 'ghost'", `
has(request.ghost)
   ^`},
		{
			"JSON name of a field", `request.userId == ""`, 1, 8, "undefined field 'userId'", `
request.userId == ""
       ^`},
		{
			"function", `lookup(principal.id)`, 1, 7, "undeclared reference to 'lookup'", `
lookup(principal.id)
      ^`},
		{
			"enum value", `request.color == test.v1.Color.GHOST`, 1, 18, "undeclared reference to 'test'", `
request.color == test.v1.Color.GHOST
                 ^`},
		{
			"enum value as text", `request.color == "COLOR_RED"`, 1, 15, "found no matching overload for '_==_' applied to '(int, string)'", `
request.color == "COLOR_RED"
              ^`},
		{
			"wrong type on the second line", "request.flag &&\n  principal.id == 1", 2, 16,
			"found no matching overload for '_==_' applied to '(string, int)'", `
  principal.id == 1
               ^`},
		{
			"behind tabs", "request.flag\n\t\t&& request.ghost\t== 1", 2, 13, "undefined field 'ghost'", `
  && request.ghost == 1
            ^`},
		{
			"behind text that is not ASCII", `principal.id == "Þórður" && ghost`, 1, 29, "undeclared reference to 'ghost'", `
principal.id == "Þórður" && ghost
                            ^`},
		{
			"behind a character of four bytes", `"😀" == ghost`, 1, 8, "undeclared reference to 'ghost'", `
"😀" == ghost
       ^`},
		{
			"on the third line, not ASCII", "request.flag\n// ást\n&& \"ást\" == ghost", 3, 13, "undeclared reference to 'ghost'", `
&& "ást" == ghost
            ^`},
		{
			"with carriage returns", "true &&\r\nghost\r\n&& true", 2, 1, "undeclared reference to 'ghost'", `
ghost
^`},
		{
			"with an escape sequence", "ghost == '\x1b[31m'", 1, 1, "undeclared reference to 'ghost'", `
ghost == ' [31m'
^`},
		{
			"a byte that is no text", "true\x00", 1, 5, "Syntax error: token recognition error at: ' '", `
true
    ^`},
		{
			"first of two", "ghost1 || ghost2", 1, 1, "undeclared reference to 'ghost1'", `
ghost1 || ghost2
^`},
		{
			"nothing", "", 1, 1, "Syntax error: mismatched input '<EOF>'", `

^`},
		{
			"half", "true &&\n  (principal.id ==\n", 3, 1, "Syntax error: mismatched input '<EOF>'", `

^`},
		{
			"two expressions", "true false", 1, 6, "Syntax error: extraneous input 'false' expecting <EOF>", `
true false
     ^`},
		{
			"a text that is no number", `request.flag && int("x") == 1`, 1, 1, "type conversion error from 'string' to 'int'", `
request.flag && int("x") == 1
^`},
		{
			"numbers of two types", "1 == 1.0", 1, 3, "found no matching overload for '_==_' applied to '(int, double)'", `
1 == 1.0
  ^`},
		{
			"order of two types", "request.int64 < request.uint64", 1, 15, "found no matching overload for '_<_' applied to '(int, uint)'", `
request.int64 < request.uint64
              ^`},
		{
			"list of two types", `principal.id in ["a", 1]`, 1, 23, "expected type 'string' but found 'int'", `
principal.id in ["a", 1]
                      ^`},
		{
			"map by bytes", `{b'a': true}[request.bytes]`, 1, 2, "a key of a map is of type bytes", `
{b'a': true}[request.bytes]
 ^`},
		{
			"map by bytes without a type", `{dyn(b'a'): true}.size() == 1`, 1, 5, "a key of a map is of type dyn", `
{dyn(b'a'): true}.size() == 1
    ^`},
		{
			"map by a fraction", `{request.double: true}.size() == 1`, 1, 9, "a key of a map is of type double", `
{request.double: true}.size() == 1
        ^`},
		{
			"pattern", `principal.id.matches("(")`, 1, 22, "invalid matches argument", `
principal.id.matches("(")
                     ^`},
		{
			"duration", `now - now < duration("soon")`, 1, 22, "invalid duration argument", `
now - now < duration("soon")
                     ^`},
		{
			"timestamp", `now > timestamp("yesterday")`, 1, 17, "invalid timestamp argument", `
now > timestamp("yesterday")
                ^`},
	}
	environment := environment(t)
	kind := requestType(t)
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			expression, err := environment.Compile(test.text, kind)
			syntax, ok := errors.AsType[*SyntaxError](err)
			if !ok || expression != nil {
				t.Fatalf("Compile(%q) = %v, %v", test.text, expression, err)
			}
			// What there is instead is for TestHint.
			problem, _, _ := strings.Cut(syntax.Problem, "; ")
			got := &SyntaxError{Expression: syntax.Expression, Line: syntax.Line, Column: syntax.Column, Problem: problem}
			want := &SyntaxError{Expression: test.text, Line: test.line, Column: test.column, Problem: test.problem}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
			if diff := cmp.Diff(test.caret, "\n"+syntax.Caret()); diff != "" {
				t.Errorf("caret: -want +got\n%s", diff)
			}
			if got, want := syntax.Error(), "the condition "+syntax.Problem; got != want || strings.Contains(got, "\n") {
				t.Errorf("error %q, want %q", got, want)
			}
		})
	}
}

// A condition is true or false and nothing else: not something that might be, and
// not something that CEL could take for it.
func TestNotBoolean(t *testing.T) {
	t.Parallel()
	tests := map[string]string{
		`1`:                         "int",
		`"true"`:                    "string",
		`null`:                      "null_type",
		`principal`:                 "sallyport.v1.Principal",
		`principal.id`:              "string",
		`principal.roles`:           "list(string)",
		`principal.claims.labels`:   "map(string, string)",
		`request`:                   "test.v1.Request",
		`request.color`:             "int",
		`request.maybe_bool`:        "wrapper(bool)",
		`request.value`:             "dyn",
		`request.struct.a`:          "dyn",
		`request.any`:               "google.protobuf.Any",
		`now`:                       "google.protobuf.Timestamp",
		`dyn(true)`:                 "dyn",
		`[][0]`:                     "dyn",
		`bool`:                      "type(bool)",
		`request.flag ? "yes" : ""`: "string",
	}
	environment := environment(t)
	kind := requestType(t)
	for text, of := range tests {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			_, err := environment.Compile(text, kind)
			syntax, ok := errors.AsType[*SyntaxError](err)
			want := &SyntaxError{Expression: text, Line: 1, Column: 1, Problem: "is of type " + of + "; a condition is true or false"}
			if diff := cmp.Diff(want, syntax); !ok || diff != "" {
				t.Errorf("Compile(%q): %v\n%s", text, err, diff)
			}
		})
	}
	// The neighbours that are boolean, though a bool was made of something else.
	for _, text := range []string{
		`true`, `request.flags[0]`, `{"a": true}["a"]`, `[true][0]`, `request.maybe_bool == true`,
		`request.flag ? request.flag : true`, `bool("true")`, `has(request.value)`, `{1: true}[request.int64]`, `{1u: true}[1u]`,
		`{true: true}[request.flag]`, `{request.maybe_string: true}["a"]`, `{request.color: true}[1]`,
	} {
		compiled(t, environment, text, kind)
	}
}

func TestCaretOutsideTheExpression(t *testing.T) {
	t.Parallel()
	for _, line := range []int{-1, 0, 2} {
		if got := (&SyntaxError{Expression: "text", Line: line}).Caret(); got != "text" {
			t.Errorf("line %d: %q", line, got)
		}
	}
}

// The error for a name that does not exist lists those that do. The fix replaces the name
// and leaves the rest of the expression as it was.
func TestHint(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, text, problem string
		wrong, replaced     string // replaced by "good"
	}{
		{
			"field of principal", `principal.nime == "x"`,
			"undefined field 'nime'; principal has: authenticated_at, claims, expires_at, id, roles, scheme, scopes",
			"nime", `principal.good == "x"`,
		},
		{
			"field of a message of a message", "request.flag\n&& request.owner.address.ghost == request.owner.id",
			"undefined field 'ghost'; request.owner.address has: city, kind", "ghost", "request.flag\n&& request.owner.address.good == request.owner.id",
		},
		{
			"the same name before and after", `request.owner.address.city == "owner" && request.owner.address.owner == "owner"`,
			"undefined field 'owner'; request.owner.address has: city, kind", "owner",
			`request.owner.address.city == "owner" && request.owner.address.good == "owner"`,
		},
		{
			"field of an element", `[request.owner].exists(o, o.ghost == "")`,
			"undefined field 'ghost'", "", "",
		},
		{
			"field of what is no message", `request.maybe_int.ghost == 1`,
			"type 'wrapper(int)' does not support field selection", "", "",
		},
		{"field that is set", `test.v1.Owner{ghost: ""} == request.owner`, "undefined field 'ghost'", "", ""},
		{
			"field on the next line", "request.owner.address.\nghost == \"\"",
			"undefined field 'ghost'; request.owner.address has: city, kind", "ghost", "",
		},
		{
			"field of an element that is made", `[1].map(i, request.owner.address)[0].ghost == ""`,
			"undefined field 'ghost'; [1].map(i, request.owner.address)[0] has: city, kind", "ghost",
			`[1].map(i, request.owner.address)[0].good == ""`,
		},
		{"variable", `true && ghost`, "undeclared reference to 'ghost'; there are: principal, request, now", "ghost", "true && good"},
		{"function", `lookup(principal.id)`, "undeclared reference to 'lookup'", "", ""},
		{"another fault", `1 == 1.0`, "found no matching overload for '_==_' applied to '(int, double)'", "", ""},
	}
	environment := environment(t)
	kind := requestType(t)
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			_, err := environment.Compile(test.text, kind)
			syntax, ok := errors.AsType[*SyntaxError](err)
			if !ok {
				t.Fatal(err)
			}
			got := []string{syntax.Problem, syntax.Wrong, syntax.Replaced("good")}
			if diff := cmp.Diff([]string{test.problem, test.wrong, test.replaced}, got); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
			if syntax.Wrong != "" && len(syntax.Known) == 0 {
				t.Error("no names are known")
			}
		})
	}
}

// As many fields are listed as a line can take, and the others are counted.
func TestHintOfManyFields(t *testing.T) {
	t.Parallel()
	for fields, more := range map[int]string{maxListed - 1: "", maxListed: "", maxListed + 1: " and 1 more", maxListed + 2: " and 2 more"} {
		var source strings.Builder
		source.WriteString("syntax = \"proto3\"; message Request {")
		var all []string
		for i := range fields {
			all = append(all, fmt.Sprintf("field%02d", i))
			fmt.Fprintf(&source, "string %s = %d;", all[i], i+1)
		}
		kind := file(t, "test.proto", map[string]string{"test.proto": source.String() + "}"}).Messages().Get(0)
		_, err := environment(t).Compile(`request.ghost == ""`, kind)
		want := "undefined field 'ghost'; request has: " + strings.Join(all[:min(fields, maxListed)], ", ") + more
		if syntax, ok := errors.AsType[*SyntaxError](err); !ok || syntax.Problem != want || len(syntax.Known) != fields {
			t.Errorf("of %d fields: %v, want %s", fields, err, want)
		}
	}
}
