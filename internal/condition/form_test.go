package condition

import (
	"strings"
	"testing"
)

// String writes a form, for tests: known parts as "known", and others as "other".
func (f *Form) String() string {
	names := map[FormKind]string{
		FormOther: "other", FormKnown: "known", FormAnd: "and", FormOr: "or", FormNot: "not", FormChoice: "choice",
		FormHas: "has", FormEquals: "==", FormLess: "<", FormLessEquals: "<=", FormGreater: ">", FormGreaterEquals: ">=",
		FormAmong: "among", FormContains: "contains",
	}
	var parts []string
	for _, form := range f.Forms {
		parts = append(parts, form.String())
	}
	if f.Path != nil {
		parts = append(parts, f.Path.below("item"))
	}
	if len(parts) == 0 {
		return names[f.Kind]
	}
	return names[f.Kind] + "(" + strings.Join(parts, ", ") + ")"
}

// A condition is taken apart as far as its parts have a form.
func TestForm(t *testing.T) {
	t.Parallel()
	tests := []struct{ text, want string }{
		{`item.user_id == principal.id`, "==(item.user_id)"},
		{`principal.id != item.user_id`, "not(==(item.user_id))"},
		{`item.user_id == item.nick`, "other"},
		{`item.user_id == item.nick || item.flag`, "or(other, ==(item.flag))"},
		{`principal.id == request.user_id`, "known"},
		{`principal.id == request.user_id && item.flag`, "and(known, ==(item.flag))"},
		{`!(item.flag || has(item.nick))`, "not(or(==(item.flag), has(item.nick)))"},
		{`has(item.owner.address)`, "has(item.owner.address)"},
		{`item.owner.address.city == "Vík"`, "==(item.owner.address.city)"},
		{`item.int64 < 7`, "<(item.int64)"},
		{`7 < item.int64`, ">(item.int64)"},
		{`7u >= item.uint32`, "<=(item.uint32)"},
		{`item.uint32 + 1u > 7u`, "other"},
		{`item.flag < true`, "other"},
		{`item.double < 1.0`, "other"},
		{`item.bytes == b"a"`, "other"},
		{`item.length == duration("1s")`, "other"},
		{`item.at <= now`, "<=(item.at)"},
		{`now <= item.at`, ">=(item.at)"},
		{`item.at + duration("1s") <= now`, "other"},
		{`item.maybe_string == "a"`, "==(item.maybe_string.value)"},
		{`item.maybe_bool == true`, "==(item.maybe_bool.value)"},
		{`item.color in [1, 2]`, "among(item.color)"},
		{`item.user_id in request.tags`, "among(item.user_id)"},
		{`item.user_id in request.labels`, "among(item.user_id)"},
		{`item.user_id in []`, "known"},
		{`item.user_id in ["a", item.nick]`, "other"},
		{`principal.id in item.tags`, "contains(item.tags)"},
		{`principal.id in item.labels`, "other"},
		{`item.user_id in item.tags`, "other"},
		{`request.flag ? item.flag : item.user_id == "a"`, "choice(==(item.flag), ==(item.user_id))"},
		{`item.flag ? request.flag : false`, "other"},
		{`item.members.exists(m, m.id == principal.id)`, "other"},
		{`principal.claims.org_ids.exists(item, item == "a")`, "known"},
		{`principal.claims.org_ids.exists(o, o == item.user_id)`, "other"},
		{`item.user_id.startsWith("a")`, "other"},
		{`item.user_id < "b"`, "<(item.user_id)"},
		{`item.labels.a == "b"`, "other"},
		{`(item.flag) == (principal.id == "a")`, "==(item.flag)"},
		{`true`, "known"},
	}
	kind := requestType(t)
	for _, test := range tests {
		t.Run(test.text, func(t *testing.T) {
			t.Parallel()
			expression, err := environment(t).WithSubject(Subject{Name: ItemName, Type: kind}).Compile(test.text, kind)
			if err != nil {
				t.Fatal(err)
			}
			form, err := expression.Form()
			if err != nil {
				t.Fatal(err)
			}
			if got := form.String(); got != test.want {
				t.Errorf("%s, want %s", got, test.want)
			}
		})
	}
}
