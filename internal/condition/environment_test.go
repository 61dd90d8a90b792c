package condition

import (
	"strings"
	"testing"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// The types of a file are read once, for each type of claims and each subject.
func TestEnvironmentRemembers(t *testing.T) {
	t.Parallel()
	kind, environment := requestType(t), environment(t)
	of := func(environment *Environment, kind protoreflect.MessageDescriptor) *Expression {
		return compiled(t, environment, `principal.id == "alice"`, kind)
	}
	about := environment.WithSubject(Subject{Name: ItemName, Type: kind})
	first := of(environment, kind)
	for name, test := range map[string]struct {
		other *Expression
		same  bool
	}{
		"the same":         {of(environment, kind), true},
		"of the same file": {of(environment, kind.Messages().ByName("Inner")), true},
		"the same claims":  {of(environment.WithClaims(sampleClaims()), kind), true},
		"no request":       {of(environment, nil), false},
		"other claims":     {of(environment.WithClaims(nil), kind), false},
		"a subject":        {of(about, kind), false},
		"another file":     {of(environment, requestType(t)), false},
	} {
		if same := test.other.env == first.env; same != test.same {
			t.Errorf("%s: remembered: %t, want %t", name, same, test.same)
		}
	}
	if of(about, kind).env != of(environment.WithSubject(about.subject), kind).env {
		t.Error("a subject is not remembered")
	}
}

// A condition knows the types of all fields that can be reached, in whichever file they are.
func TestTypesOfOtherFiles(t *testing.T) {
	t.Parallel()
	kind := file(t, "request.proto", map[string]string{
		"request.proto": `
			syntax = "proto3";
			package test;
			import "kind.proto";
			import "far.proto";
			message Request {
				Kind kind = 1;
				repeated Within within = 2;
				message Within { Beyond beyond = 1; message Beyond { far.Far far = 1; } }
			}`,
		"kind.proto": `
			syntax = "proto3";
			package test;
			enum Kind { KIND_UNSPECIFIED = 0; KIND_HOME = 1; }`,
		"far.proto": `
			syntax = "proto3";
			package far;
			import "shade.proto";
			message Far { string text = 1; Far.Of of = 2; message Of { far.Shade shade = 1; } }`,
		"shade.proto": `
			syntax = "proto3";
			package far;
			enum Shade { SHADE_UNSPECIFIED = 0; SHADE_DARK = 1; }`,
	}).Messages().Get(0)
	environment := environment(t)
	request := message(t, kind, `kind: KIND_HOME within {beyond {far {text: "a" of {shade: SHADE_DARK}}}}`)
	for _, text := range []string{
		`request.kind == test.Kind.KIND_HOME`,
		`request.within.exists(w, w.beyond.far.text == "a")`,
		`request.within[0].beyond.far.of.shade == far.Shade.SHADE_DARK`,
	} {
		if got, err := truth(t, compiled(t, environment, text, kind), Input{Principal: alice(), Request: request, Now: now}); got != True || err != nil {
			t.Errorf("%s: %v, %v", text, got, err)
		}
	}
}

// A type that CEL would take for one of its own is an error, of the file and not of the
// condition.
func TestTypeThatCELCannotHave(t *testing.T) {
	t.Parallel()
	kind := file(t, "request.proto", map[string]string{"request.proto": `
		syntax = "proto3";
		message Request { bool flag = 1; list of = 2; }
		message list { string text = 1; }`}).Messages().ByName("Request")
	expression, err := environment(t).Compile(`request.flag`, kind)
	if err == nil || expression != nil || !strings.Contains(err.Error(), "read the types of request.proto") {
		t.Errorf("%v, %v", expression, err)
	}
}

// CEL is told of each name that a condition can read, and of no other.
func TestActivation(t *testing.T) {
	t.Parallel()
	kind := requestType(t)
	full := message(t, kind, `user_id: "alice"`)
	subject := Subject{Name: ThisName, Type: kind, Value: kind.Fields().ByName("user_id")}
	with := compiled(t, environment(t).WithSubject(subject), `value == this.user_id`, kind)
	without := compiled(t, environment(t), `true`, kind)
	principal := alice()
	all := Input{Principal: principal, Request: full, Now: now, Subject: full, Value: full}
	for _, test := range []struct {
		name string
		of   *Expression
		in   Input
		want any // nil where there is nothing
	}{
		{"principal", with, all, principal},
		{"principal", with, Input{}, nil},
		{"request", with, all, full},
		{"request", with, Input{}, nil},
		{"now", with, all, now},
		{"this", with, all, full},
		{"this", with, Input{}, nil},
		{"this", without, all, nil},
		{"value", with, all, "alice"},
		{"value", with, Input{}, nil},
		{"value", with, Input{Value: message(t, sampleClaims(), ``)}, nil},
		{"value", without, all, nil},
		{"item", with, all, nil},
		{"ghost", with, all, nil},
	} {
		got, ok := activation{test.in, test.of}.ResolveName(test.name)
		if ok != (test.want != nil) || ok && got != test.want {
			t.Errorf("%s of %q: %v, %t, want %v", test.name, test.of.Text(), got, ok, test.want)
		}
	}
}

// Of what is no principal the fields of one are not set, and cannot be read.
func TestFieldsOfNoPrincipal(t *testing.T) {
	t.Parallel()
	made := provider{environment(t).known.types, sampleClaims()}
	names, ok := made.FindStructFieldNames(principalTypeName)
	if !ok || len(names) != len(principalFields)+1 {
		t.Errorf("the fields are %v, %t", names, ok)
	}
	for _, name := range names {
		field, ok := made.FindStructFieldType(principalTypeName, name)
		if !ok {
			t.Errorf("there is no %s", name)
			continue
		}
		if !field.IsSet(alice()) {
			t.Errorf("%s is not set", name)
		}
		if _, err := field.GetFrom(alice()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if field.IsSet("alice") {
			t.Errorf("%s of a text is set", name)
		}
		if got, err := field.GetFrom("alice"); err == nil || got != nil || !strings.Contains(err.Error(), "is a string") {
			t.Errorf("%s of a text: %v, %v", name, got, err)
		}
	}
	if names, ok := made.FindStructFieldNames("ghost"); ok {
		t.Errorf("what is not there has the fields %v", names)
	}
}
