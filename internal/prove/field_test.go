package prove

import (
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	sallyportv1 "github.com/sallyport-rpc/sallyport/gen/sallyport/v1"
	fieldsv1 "github.com/sallyport-rpc/sallyport/gen/test/fields/v1"
	testv1 "github.com/sallyport-rpc/sallyport/gen/test/v1"
	writesv1 "github.com/sallyport-rpc/sallyport/gen/test/writes/v1"
	"github.com/sallyport-rpc/sallyport/internal/declare"
)

// declaredBy are the declarations of linked files.
func declaredBy(t *testing.T, files ...protoreflect.FileDescriptor) []*declare.Declaration {
	t.Helper()
	reader, err := declare.NewReader(declare.Config{Files: protoregistry.GlobalFiles})
	if err != nil {
		t.Fatal(err)
	}
	var all []*declare.Declaration
	for _, file := range files {
		declarations, refusals := reader.File(file, declare.Given{})
		if len(refusals) > 0 {
			t.Fatal(refusals)
		}
		all = append(all, declarations...)
	}
	return all
}

// TestAssertFields decides what is said of who may read a field of a person: its own, by
// auditors too, or open.
func TestAssertFields(t *testing.T) {
	t.Parallel()
	declarations := declaredBy(t, fieldsv1.File_test_fields_v1_fields_proto)
	const (
		email = "test.fields.v1.User.email"
		phone = "test.fields.v1.User.phone"
		name  = "test.fields.v1.User.name"
	)
	for title, test := range map[string]struct {
		field, says string
		want        Outcome
	}{
		"never, proved":             {email, `never: "this.id != principal.id && !('auditor' in principal.roles)"`, Proved},
		"never, of auditors":        {email, `never: "this.id != principal.id"`, Refuted},
		"never, of its own":         {email, `never: "!('auditor' in principal.roles)"`, Refuted},
		"never, by the time":        {phone, `never: "this.id != principal.id && now > timestamp('2020-01-01T00:00:00Z')"`, Proved},
		"never, of an open field":   {name, `never: "this.id != principal.id"`, Refuted},
		"never, open, of no matter": {name, `never: "this.id == 'a' && this.id == 'b'"`, Proved},
		"never, undecided":          {phone, `never: "this.name.matches('(?m)^x') && false"`, Open},
		"only, proved":              {"test.fields.v1.Salary.amount", `only {any_role: "auditor"}`, Proved},
		"only, of others too":       {email, `only {any_role: "auditor"}`, Refuted},
		"only, of an open field":    {name, `only {any_role: "auditor"}`, Refuted},
		"equal, proved":             {email, `equal: "'auditor' in principal.roles || this.id == principal.id"`, Proved},
		"equal, of fewer":           {email, `equal: "this.id == principal.id"`, Refuted},
		"equal, of more":            {phone, `equal: "'auditor' in principal.roles || this.id == principal.id"`, Refuted},
		"reachable":                 {email, `reachable {}`, Proved},
		"below another message":     {"test.fields.v1.*.amount", `only {any_role: "auditor"}`, Proved},
	} {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			assertion := asserted(t, test.says)
			assertion.Procedures, assertion.Fields = nil, []string{test.field}
			selected, err := Select(declarations, assertion)
			if err != nil || len(selected) != 1 {
				t.Fatal(selected, err)
			}
			answer, err := NewProver(nil, false).AssertOf(t.Context(), selected[0], assertion)
			if err != nil {
				t.Fatal(err)
			}
			if answer.Outcome != test.want {
				t.Errorf("it is %s: %s %v %v", answer.Outcome, answer.Text, answer.Witness, answer.Reason)
			}
			if answer.Outcome == Refuted && (answer.Witness == nil || answer.Witness.Object == nil || !strings.Contains(answer.Text, "field")) {
				t.Errorf("it says %s, by %v", answer.Text, answer.Witness)
			}
		})
	}
}

// What names no field of an answer, or no role, or reads a request, is refused.
func TestAssertFieldsRefused(t *testing.T) {
	t.Parallel()
	declarations := declaredBy(t, fieldsv1.File_test_fields_v1_fields_proto)
	for name, test := range map[string]struct {
		assertion *sallyportv1.Assertion
		want      string
	}{
		"no field":             {&sallyportv1.Assertion{Fields: []string{"test.fields.v1.User.mail"}}, `no field of an answer matches "test.fields.v1.User.mail"`},
		"a field of a request": {&sallyportv1.Assertion{Fields: []string{"test.fields.v1.UserRequest.*"}}, "no field of an answer matches"},
		"all left out":         {&sallyportv1.Assertion{Fields: []string{"*"}, Except: []string{"*"}}, "`except` leaves no field of an answer"},
		"a role that is none": {&sallyportv1.Assertion{
			Fields: []string{"*.email"}, Says: &sallyportv1.Assertion_Never{Never: "'admin' in principal.roles"},
		}, `there is no role "admin"`},
		"a request": {&sallyportv1.Assertion{
			Fields: []string{"*.email"}, Says: &sallyportv1.Assertion_Never{Never: "request.id == principal.id"},
		}, "undeclared reference to 'request'"},
		"a field that there is not": {&sallyportv1.Assertion{
			Fields: []string{"*.email"}, Says: &sallyportv1.Assertion_Never{Never: "this.owner == principal.id"},
		}, "undefined field 'owner'"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			selected, err := Select(declarations, test.assertion)
			for _, target := range selected {
				_, err = NewProver(nil, false).AssertOf(t.Context(), target, test.assertion)
			}
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
}

// A field that is answered to callers of several kinds is asked about for each of them.
func TestFieldsOfSeveralCallers(t *testing.T) {
	t.Parallel()
	declarations := declaredBy(t, fieldsv1.File_test_fields_v1_fields_proto, testv1.File_test_v1_test_proto)
	with := *declarations[0]
	with.Includes = map[string][]string{"auditor": nil, "stranger": nil}
	open := with
	open.Fields = nil
	assertion := asserted(t, `only {any_role: "auditor"}`)
	assertion.Procedures, assertion.Fields = nil, []string{"test.fields.v1.Salary.amount"}
	for name, test := range map[string]struct {
		further *declare.Declaration
		want    Outcome
	}{"guarded in both": {&with, Proved}, "open in one": {&open, Refuted}} {
		selected, err := Select(append(slices.Clip(declarations), test.further), assertion)
		if err != nil || len(selected) != 1 {
			t.Fatal(selected, err)
		}
		if answer, err := NewProver(nil, false).AssertOf(t.Context(), selected[0], assertion); err != nil || answer.Outcome != test.want {
			t.Errorf("%s: %v, %v", name, answer, err)
		}
	}
}

// Whether a field is kept from someone who is let in: where it is, there is a call of one; where
// no one is let in but who may, that is proved. What cannot be asked is said.
func TestKeptFrom(t *testing.T) {
	t.Parallel()
	declarations := declaredBy(t, writesv1.File_test_writes_v1_vault_proto, writesv1.File_test_writes_v1_letters_proto,
		writesv1.File_test_writes_v1_writes_proto, writesv1.File_test_writes_v1_parts_proto)
	calls := NewCalls()
	for _, test := range []struct {
		procedure, field string
		reads            bool
		asked, kept      bool
	}{
		{"VaultService/OpenVault", "Vault.gold", true, true, false},
		{"LetterService/Get", "Letter.secret", true, true, true},
		{"VaultService/FillVault", "Vault.gold", false, true, false},
		{"VaultService/FillBox", "Box.text", false, true, false},
		{"VaultService/FillBox", "Box.owner_id", false, false, false},
		{"NoteService/Update", "Note.stage", false, true, true},
		{"NoteService/Patch", "Part.seal", false, true, true},
		{"PartService/SendOpen", "Part.seal", false, true, true},
		{"LetterService/Replace", "Letter.secret", false, true, true},
	} {
		declaration := declarations[slices.IndexFunc(declarations, func(of *declare.Declaration) bool { return of.Procedure == "/test.writes.v1."+test.procedure })]
		var rules []*declare.FieldRule
		if rules = declaration.Fields; !test.reads {
			rules = declaration.Writing.Rules
		}
		rule := rules[slices.IndexFunc(rules, func(of *declare.FieldRule) bool { return string(of.Field.FullName()) == "test.writes.v1."+test.field })]
		of, ok := ReadRule(rule.Field, rule, declaration), true
		if !test.reads {
			of, ok = WriteRule(rule, declaration)
		}
		if ok != test.asked {
			t.Errorf("%s of %s: it is asked: %t, want %t", test.field, test.procedure, ok, test.asked)
		}
		if !ok {
			continue
		}
		witness, reason, err := calls.KeptFrom(of)
		if (witness != nil) != test.kept || reason != nil || err != nil {
			t.Errorf("%s of %s: kept from %v, and %v, %v, want one: %t", test.field, test.procedure, witness, reason, err, test.kept)
		}
	}
}
