package condition

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
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

// leaf returns the one form of a condition that has a part, whatever connects it.
func (f *Form) leaf() *Form {
	for f.Part == nil {
		f = f.Forms[0]
	}
	return f
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
		{`item.value || item.flag`, "or(other, ==(item.flag))"},
		{`item.maybe_bool || item.flag`, "or(==(item.maybe_bool.value), ==(item.flag))"},
		{`item.tags == ["a"]`, "other"},
		{`has(item.nick) == request.flag`, "other"},
		{`request.user_id in ["a", item.nick]`, "other"},
		{`"a" in item.value.a`, "other"},
		{`"a" in item.struct`, "other"},
		{`request.owner in item.members`, "other"},
		{`request.int64 in item.numbers`, "contains(item.numbers)"},
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

// What a field is compared with is evaluated without the subject, and is of a Go type.
func TestPart(t *testing.T) {
	t.Parallel()
	kind := requestType(t)
	full := `user_id: "alice" nick: "al" flag: true int64: 7 uint32: 8 at {seconds: 9} tags: "a" tags: "b" color: COLOR_RED
		labels {key: "k" value: "v"} numbers: 1 value {number_value: 1.5} double: 0.5`
	tests := []struct {
		text, request string
		truth         Truth
		value         any   // nil where it is absent, or is of no type that is compared
		values        []any // of a list, nil where it is absent
	}{
		{text: `item.user_id == request.user_id`, request: full, value: "alice"},
		{text: `item.user_id == request.nick`, request: full, value: "al"},
		{text: `item.user_id == request.nick`, request: ``, truth: Absent},
		{text: `item.int64 < request.int64`, request: full, value: int64(7)},
		{text: `item.color == request.color`, request: full, value: int64(1)},
		{text: `item.uint32 == request.uint32`, request: full, value: uint64(8)},
		{text: `item.at <= request.at`, request: full, value: time.Unix(9, 0).UTC()},
		{text: `item.at <= request.at`, request: ``, truth: Absent},
		{text: `item.at <= now`, request: full, value: now},
		{text: `item.flag == request.flag`, request: full, truth: True, value: true},
		{text: `item.flag == request.flag`, request: ``, truth: False, value: false},
		{text: `item.flag`, request: ``, truth: True, value: true},
		{text: `item.user_id in []`, request: ``, truth: False, value: false},
		{text: `item.int64 == request.value`, request: full},
		{text: `item.int64 == request.value`, request: ``, truth: Absent},
		{text: `item.user_id in request.tags`, request: full, values: []any{"a", "b"}},
		{text: `item.user_id in request.tags`, request: ``, values: []any{}},
		{text: `item.user_id in request.labels`, request: full, values: []any{"k"}},
		{text: `item.user_id in [request.user_id, "c"]`, request: full, values: []any{"alice", "c"}},
		{text: `item.user_id in [request.user_id, request.nick]`, request: `user_id: "alice"`},
		{text: `item.int64 in request.numbers`, request: full, values: []any{int64(1)}},
		{text: `item.user_id in request.value`, request: `value {list_value {values {string_value: "a"} values {number_value: 1} values {null_value: NULL_VALUE} values {string_value: "b"}}}`, values: []any{"a", "b"}},
		{text: `item.user_id in request.value`, request: full},
		{text: `request.flag && principal.id == "alice"`, request: full, truth: True, value: true},
		{text: `request.flag ? item.flag : false`, request: full, truth: True, value: true},
		{text: `request.int64 in item.numbers`, request: full, value: int64(7)},
	}
	environment := environment(t).WithSubject(Subject{Name: ItemName, Type: kind})
	for _, test := range tests {
		t.Run(test.text, func(t *testing.T) {
			t.Parallel()
			form, err := compiled(t, environment, test.text, kind).Form()
			if err != nil {
				t.Fatal(err)
			}
			part, input := form.leaf().Part, Input{Principal: alice(), Request: message(t, kind, test.request), Now: now}
			if form.Kind == FormAmong {
				values, ok, err := part.Values(t.Context(), &input)
				if !slices.Equal(values, test.values) || ok != (test.values != nil) || err != nil {
					t.Errorf("Values: %v, %t, %v; want %v", values, ok, err, test.values)
				}
				return
			}
			if value, ok, err := part.Value(t.Context(), &input); value != test.value || ok != (test.value != nil) || err != nil {
				t.Errorf("Value: %v, %t, %v; want %v", value, ok, err, test.value)
			}
			if truth, err := part.Truth(t.Context(), &input); truth != test.truth || err != nil {
				t.Errorf("Truth: %v, %v; want %v", truth, err, test.truth)
			}
		})
	}
}

// A part ends as a condition does, and says why.
func TestPartThatEnds(t *testing.T) {
	t.Parallel()
	kind := requestType(t)
	environment := environment(t).WithSubject(Subject{Name: ItemName, Type: kind})
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	for name, test := range map[string]struct {
		ctx     context.Context
		request proto.Message
		want    string
	}{
		"too much to look at":           {t.Context(), numbers(t, 1000), ErrCost.Error()},
		"a caller who is gone":          {gone, numbers(t, 1), context.Canceled.Error()},
		"a request that cannot be read": {t.Context(), broken{}, "could not be evaluated"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			input := Input{Principal: alice(), Request: test.request, Now: now}
			ended := func(what string, err error, said bool) {
				t.Helper()
				if err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), brokenText) || said {
					t.Errorf("%s: %v, and a value: %t; want %s", what, err, said, test.want)
				}
			}
			form, err := compiled(t, environment, `item.flag == `+squares, kind).Form()
			if err != nil {
				t.Fatal(err)
			}
			truth, err := form.Part.Truth(test.ctx, &input)
			ended("Truth", err, truth != False)
			value, ok, err := form.Part.Value(test.ctx, &input)
			ended("Value", err, ok || value != nil)
			values, ok, err := form.Part.Values(test.ctx, &input)
			ended("Values", err, ok || values != nil)
			holds, err := compiled(t, environment, squares, kind).Holds(test.ctx, &input)
			ended("Holds", err, holds)
			may, err := compiled(t, environment, `item.flag && `+squares, kind).MayHold(test.ctx, &input)
			ended("MayHold", err, may)
		})
	}
}

// A broken message cannot be read.
type broken struct{ proto.Message }

const brokenText = "hunter2"

func (broken) ProtoReflect() protoreflect.Message { panic(brokenText) }

// What is no condition of this environment is not taken apart.
func TestNoForm(t *testing.T) {
	t.Parallel()
	kind := requestType(t)
	for text, want := range map[string]string{
		`request.ghost`: `read the condition "request.ghost" again`,
		`int("x") == 1`: "type conversion error",
		`request.user_id == "a" && int("x") == request.int64`: "type conversion error",
	} {
		expression := *compiled(t, environment(t), `true`, kind)
		expression.text = text
		form, err := expression.Form()
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s has the form %v, %v; want %s", text, form, err, want)
		}
	}
}
