package condition

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/sallyport-rpc/sallyport/authn"
)

// For any text in a declaration, Compile answers, soon, with a condition or with
// a place in the text; and a condition answers too.
func FuzzCompile(f *testing.F) {
	for _, seed := range []string{
		"", " ", "true", `principal.id == request.user_id`, `"admin" in principal.roles || request.flag`,
		`request.members.exists(m, m.id == principal.id)`, `request.numbers.all(a, request.numbers.all(b, a + b > 0))`,
		`has(request.labels.x) ? request.labels["x"] == "y" : now > timestamp("2026-01-01T00:00:00Z")`,
		`request.user_id.matches("(a*)*$")`, "principal.id ==\r\n\t\"Þ😀\" && ghost", "// comment", "'''\n'''  == r\"\\\"", "b'\\xff' == request.bytes",
		"1 / 0 == 1", "\xff\x00", "((((((((((true))))))))))", strings.Repeat("(", 300), strings.Repeat("!", 300) + "true",
		strings.Repeat("[", 200), "true" + strings.Repeat(" || true", 400), strings.Repeat("request.inner.", 200), "test.v1.Request{inner: {}} == request",
		"{1: 2, 1: 3} == {}", "{b'a': 1} == {}", "{dyn(b'a'): 1} == {}", "-9223372036854775808 == 1", "1u - 2u == 0u", "[1,2,3].map(x, [x].map(y, [y].map(z, z))) == []",
		strings.Repeat("{1:", 30) + "1" + strings.Repeat("}", 30) + " == {}", "sallyport.v1.Principal{id: 'x'} == principal", "request.?user_id.orValue('') == ''", "`a-b` == 1", "principal.`id` == ''",
	} {
		f.Add(seed)
	}
	environment := environment(f)
	kind := requestType(f)
	request := message(f, kind, `user_id: "alice" numbers: [1, 2] tags: "x" labels {key: "x" value: "y"} members {id: "alice"}`)
	inputs := []Input{
		{Principal: alice(), Request: request, Now: now},
		{Principal: &authn.Principal{}, Request: message(f, kind, ""), Now: now},
		{Request: proto.Clone(request)},
	}
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 4096 {
			t.Skip("the option's own rule is before this")
		}
		start := time.Now()
		expression, err := environment.Compile(text, kind)
		if spent := time.Since(start); spent > 10*time.Second {
			t.Errorf("Compile took %s", spent)
		}
		if err != nil {
			syntax, ok := errors.AsType[*SyntaxError](err)
			if !ok {
				t.Fatalf("%q: %T %v", text, err, err)
			}
			if lines := strings.Count(text, "\n") + 1; syntax.Line < 1 || syntax.Line > lines || syntax.Column < 1 {
				t.Errorf("%q: at %d:%d", text, syntax.Line, syntax.Column)
			}
			if strings.Count(syntax.Caret(), "\n") != 1 || strings.ContainsAny(syntax.Error(), "\n\r\x1b") {
				t.Errorf("%q: %q\n%q", text, syntax.Error(), syntax.Caret())
			}
			return
		}
		for _, input := range inputs {
			if got, err := truth(t, expression, input); got != False && err != nil {
				t.Errorf("%q is %v, with an error: %v", text, got, err)
			} else if errors.Is(err, context.Canceled) {
				t.Errorf("%q: %v", text, err)
			}
		}
	})
}
