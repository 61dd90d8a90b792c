package condition

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// A condition about a subject reads it by its name, says of what is not there that it is
// absent, and needs no request.
func TestSubject(t *testing.T) {
	t.Parallel()
	kind := requestType(t)
	field := func(name string) protoreflect.FieldDescriptor { return kind.Fields().ByName(protoreflect.Name(name)) }
	full := message(t, kind, `user_id: "alice" flag: true int64: 7 owner {id: "alice" address {city: "Vík"}} tags: "a" tags: "alice"
		color: COLOR_RED at {seconds: 1} labels {key: "a" value: "alice"} nick: "n" maybe_string {value: "m"} members {id: "alice"}`)
	bare := message(t, kind, `by_number: 1`)
	tests := []struct {
		text        string
		value       string // a field of the subject's type
		full, bare  Truth
		native      bool
		reads       string
		readsNoThis bool
	}{
		{text: `this.user_id == principal.id`, full: True, bare: False, native: true, reads: "this.user_id principal.id"},
		{text: `this.owner.id == principal.id`, full: True, bare: Absent, native: true, reads: "this.owner.id principal.id"},
		{text: `!(this.owner.id == principal.id)`, full: False, bare: Absent, native: true, reads: "this.owner.id principal.id"},
		{text: `has(this.owner) && this.flag`, full: True, bare: False, native: true, reads: "this.owner this.flag"},
		{text: `"auditor" in principal.roles`, full: True, bare: True, native: true, reads: "principal.roles", readsNoThis: true},
		{text: `this.int64 > 6 && now > this.at`, full: True, bare: False, reads: "this.int64 this.at"},
		{text: `this.members.exists(m, m.id == principal.id)`, full: True, bare: False, reads: "this.members principal.id"},
		{text: `principal.claims.labels.exists(this, this == "tenant")`, full: True, bare: True, reads: "principal.claims.labels", readsNoThis: true},
		{text: `size([this]) == 1`, full: True, bare: True, reads: "this"},
		{text: `value == "alice"`, value: "user_id", full: True, bare: False, reads: "value", readsNoThis: true},
		{text: `value`, value: "flag", full: True, bare: False, reads: "value", readsNoThis: true},
		{text: `value == this.int64`, value: "int64", full: True, bare: True, reads: "value this.int64"},
		{text: `value == test.v1.Color.COLOR_RED`, value: "color", full: True, bare: False, reads: "value", readsNoThis: true},
		{text: `"alice" in value`, value: "tags", full: True, bare: False, reads: "value", readsNoThis: true},
		{text: `value.a == principal.id`, value: "labels", full: True, bare: Absent, reads: "value principal.id", readsNoThis: true},
		{text: `value.id == principal.id`, value: "owner", full: True, bare: Absent, reads: "value principal.id", readsNoThis: true},
		{text: `value < now`, value: "at", full: True, bare: Absent, reads: "value", readsNoThis: true},
		{text: `value == "n"`, value: "nick", full: True, bare: Absent, reads: "value", readsNoThis: true},
		{text: `value == "m"`, value: "maybe_string", full: True, bare: Absent, reads: "value", readsNoThis: true},
		{text: `value.exists(v, v.id == principal.id)`, value: "members", full: True, bare: False, reads: "value principal.id", readsNoThis: true},
	}
	for _, test := range tests {
		t.Run(test.text, func(t *testing.T) {
			t.Parallel()
			subject := Subject{Name: ThisName, Type: kind}
			if test.value != "" {
				subject.Value = field(test.value)
			}
			expression := compiled(t, environment(t).WithSubject(subject), test.text, nil)
			if got := expression.native != nil; got != test.native {
				t.Errorf("native: %t, want %t", got, test.native)
			}
			for _, of := range []struct {
				this proto.Message
				want Truth
			}{{full, test.full}, {bare, test.bare}} {
				input := Input{Principal: alice(), Now: now, Subject: of.this, Value: of.this}
				if got, err := truth(t, expression, input); err != nil || got != of.want {
					t.Errorf("of %v: %v, %v, want %v", of.this, got, err, of.want)
				}
				if may, err := expression.MayHold(t.Context(), &input); err != nil || !may && of.want == True {
					t.Errorf("MayHold: %t, %v", may, err)
				}
			}
			if got, err := truth(t, expression, Input{Principal: alice(), Now: now}); err != nil || got == True && (!test.readsNoThis || test.value != "") {
				t.Errorf("of no subject: %v, %v", got, err)
			}
			for _, of := range []proto.Message{nil, full, bare} {
				missing := expression.Missing(t.Context(), Input{Principal: alice(), Now: now, Subject: of, Value: of}, Absent)
				if missing != nil {
					t.Errorf("missing in %v: %q", of, missing)
				}
			}
			if got := strings.Join(names(expression.Reads()), " "); got != test.reads {
				t.Errorf("reads %q, want %q", got, test.reads)
			}
			if got := expression.ReadsSubject(); got == test.readsNoThis || expression.ReadsRequest() || expression.ReadsValue() != (test.value != "") {
				t.Errorf("ReadsSubject %t, ReadsRequest %t, ReadsValue %t", got, expression.ReadsRequest(), expression.ReadsValue())
			}
			for _, read := range expression.Reads() {
				if want := strings.HasPrefix(read.Name, "this") || strings.HasPrefix(read.Name, "value"); read.OfSubject() != want {
					t.Errorf("%s is of the subject: %t", read.Name, read.OfSubject())
				}
			}
			if _, err := expression.Tree(); err != nil {
				t.Error(err)
			}
		})
	}
}

// A condition about an element reads the request beside it.
func TestSubjectAndRequest(t *testing.T) {
	t.Parallel()
	kind := requestType(t)
	environment := environment(t).WithSubject(Subject{Name: ItemName, Type: kind})
	own, other := message(t, kind, `user_id: "alice"`), message(t, kind, `user_id: "other"`)
	for _, test := range []struct {
		text                                       string
		bothOwn, ownRequest, ownItem, noItem, none Truth
		ofRequest, ofItem                          bool // what native code is given
	}{
		{text: `item.user_id == request.user_id`, bothOwn: True, noItem: Absent, none: Absent},
		{text: `item.user_id == principal.id`, bothOwn: True, ownItem: True, noItem: Absent, none: Absent, ofItem: true},
		{text: `request.user_id == principal.id`, bothOwn: True, ownRequest: True, noItem: True, none: Absent, ofRequest: true},
		{text: `principal.id == "alice"`, bothOwn: True, ownRequest: True, ownItem: True, noItem: True, none: True, ofRequest: true},
	} {
		expression := compiled(t, environment, test.text, kind)
		for _, of := range []struct {
			request, item proto.Message
			want          Truth
		}{{own, own, test.bothOwn}, {own, other, test.ownRequest}, {other, own, test.ownItem}, {own, nil, test.noItem}, {nil, nil, test.none}} {
			if got, err := truth(t, expression, Input{Principal: alice(), Now: now, Request: of.request, Subject: of.item}); err != nil || got != of.want {
				t.Errorf("%s of %v and %v: %v, %v, want %v", test.text, of.request, of.item, got, err, of.want)
			}
		}
		if reads := strings.Contains(test.text, "request"); expression.ReadsRequest() != reads {
			t.Errorf("%s reads the request: %t", test.text, expression.ReadsRequest())
		}
		if reads := strings.Contains(test.text, "item"); expression.ReadsSubject() != reads {
			t.Errorf("%s reads the subject: %t", test.text, expression.ReadsSubject())
		}
		if native := expression.native != nil; native != (test.ofRequest || test.ofItem) || native && expression.ofSubject != test.ofItem {
			t.Errorf("%s: native: %t, of the subject: %t", test.text, native, expression.ofSubject)
		}
	}
	if expression := compiled(t, environment.WithSubject(Subject{}), `principal.id == "alice"`, nil); expression.native != nil {
		t.Error("without a message there is nothing to give native code")
	}
}

// What is not there is refused with what there is.
func TestSubjectHints(t *testing.T) {
	t.Parallel()
	kind := requestType(t)
	tests := map[string]struct {
		subject Subject
		request protoreflect.MessageDescriptor
		text    string
		want    string
	}{
		"request in a field rule":  {Subject{Name: ThisName, Type: kind}, nil, `request.flag`, "there are: principal, now, this"},
		"resource in a field rule": {Subject{Name: ThisName, Type: kind}, nil, `resource.flag`, "there are: principal, now, this"},
		"value in a read rule":     {Subject{Name: ThisName, Type: kind}, nil, `value == ""`, "there are: principal, now, this"},
		"this in a write rule":     {Subject{Name: ResourceName, Type: kind, Value: kind.Fields().ByName("flag")}, nil, `this.flag`, "there are: principal, now, resource, value"},
		"resource in a list rule":  {Subject{Name: ItemName, Type: kind}, kind, `resource.flag`, "there are: principal, request, now, item"},
		"item of no list rule":     {Subject{}, kind, `item.flag`, "there are: principal, request, now"},
		"resource of none":         {Subject{}, kind, `resource.flag`, "the action declares no resource"},
		"a field that is not":      {Subject{Name: ItemName, Type: kind}, kind, `item.flat`, "flag"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := environment(t).WithSubject(test.subject).Compile(test.text, test.request)
			if syntax, ok := errors.AsType[*SyntaxError](err); !ok || !strings.Contains(syntax.Problem, test.want) {
				t.Errorf("%v, want %q", err, test.want)
			}
		})
	}
}

// manyRoles has more parts than are tried in every combination.
var manyRoles = func() string {
	var asked []string
	for i := range maxAtoms + 1 {
		asked = append(asked, fmt.Sprintf(`"role%d" in principal.roles`, i))
	}
	return strings.Join(asked, " || ")
}()

// alternatives is a condition of so many different parts, of the principal alone.
func alternatives(number int) string {
	parts := make([]string, number)
	for i := range parts {
		parts[i] = fmt.Sprintf("principal.id == 'caller %d'", i)
	}
	return strings.Join(parts, " || ")
}

// What holds of a resource's traps holds of every subject's, and what a field would become
// is the caller's own.
func TestSubjectTraps(t *testing.T) {
	t.Parallel()
	kind := requestType(t)
	about := func(name, value string) Subject {
		subject := Subject{Name: name, Type: kind}
		if value != "" {
			subject.Value = kind.Fields().ByName(protoreflect.Name(value))
		}
		return subject
	}
	tests := []struct {
		subject Subject
		text    string
		want    []TrapKind
	}{
		{about(ItemName, ""), `item.color != test.v1.Color.COLOR_RED`, []TrapKind{AdmitsEmpty}},
		{about(ItemName, ""), `item.color in [test.v1.Color.COLOR_RED]`, nil},
		{about(ThisName, ""), `!this.flag`, []TrapKind{AdmitsEmpty}},
		{about(ThisName, ""), `this.flag`, nil},
		{about(ThisName, ""), `this.user_id == principal.claims.team`, []TrapKind{BothEmpty, AdmitsEmpty}},
		{about(ThisName, ""), `this.user_id != "" && this.user_id == principal.claims.team`, nil},
		{about(ThisName, ""), `this.tags.all(t, t == principal.id)`, []TrapKind{EmptyList, AdmitsEmpty}},
		{about(ThisName, ""), `principal.id.startsWith(this.user_id)`, []TrapKind{ChosenPart, AdmitsEmpty}},
		{about(ThisName, ""), `has(this.user_id) && this.user_id == principal.claims.team`, nil},
		{about(ItemName, ""), `item.inner.ok`, nil},
		{about(ItemName, ""), `item.owner.id == principal.id`, nil},
		{about(ItemName, ""), `item.user_id == principal.id`, nil},
		{about(ItemName, ""), `item.user_id != principal.id`, []TrapKind{AdmitsEmpty}},
		{about(ItemName, ""), `!(item.user_id != principal.id)`, nil},
		{about(ItemName, ""), `!(item.user_id != principal.claims.team)`, []TrapKind{BothEmpty, AdmitsEmpty}},
		{about(ItemName, ""), `item.user_id + "a" == principal.id`, []TrapKind{AdmitsEmpty}},
		{about(ItemName, ""), `item.user_id in principal.roles`, nil},
		{about(ItemName, ""), `item.user_id + "a" in principal.roles`, []TrapKind{AdmitsEmpty}},
		{about(ItemName, ""), `item.user_id in principal.claims.org_ids`, []TrapKind{BothEmpty, AdmitsEmpty}},
		{about(ItemName, ""), `principal.id in item.tags`, nil},
		{about(ItemName, ""), `principal.id != "" || item.flag`, nil},
		{about(ItemName, ""), `item.flag && (` + alternatives(maxAtoms) + `)`, nil},
		{about(ItemName, ""), `item.flag && (` + alternatives(maxAtoms+1) + `)`, []TrapKind{AdmitsEmpty}}, // too many to try
		{about(ResourceName, "user_id"), `value == principal.id`, nil},
		{about(ResourceName, "user_id"), `value in principal.claims.org_ids`, []TrapKind{BothEmpty}},
		{about(ResourceName, "user_id"), `principal.id.startsWith(value)`, []TrapKind{ChosenPart}},
		{about(ResourceName, "user_id"), `principal.id.matches(value)`, []TrapKind{ChosenPattern}},
		{about(ResourceName, "user_id"), `now.getHours(value) > 3`, []TrapKind{ChosenZone}},
		{about(ResourceName, "user_id"), `value == ""`, nil},
		{about(ResourceName, "tags"), `value.all(v, v == principal.id)`, []TrapKind{EmptyList}},
		{Subject{}, manyRoles, nil}, // more than are tried, of no subject
		{about(ThisName, ""), `this.flag || ` + manyRoles, []TrapKind{AdmitsEmpty}},
	}
	for _, test := range tests {
		t.Run(test.text, func(t *testing.T) {
			t.Parallel()
			_, traps, err := environment(t).WithSubject(test.subject).Examine(test.text, nil, Facts{})
			if err != nil {
				t.Fatal(err)
			}
			var got []TrapKind
			for _, trap := range traps {
				got = append(got, trap.Kind)
			}
			if !slices.Equal(got, test.want) {
				t.Errorf("%v, want %v", got, test.want)
			}
		})
	}
}
