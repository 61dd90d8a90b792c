package main

import (
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	demov1 "github.com/sallyport-rpc/sallyport/gen/demo/v1"
	"github.com/sallyport-rpc/sallyport/internal/declare"
	"github.com/sallyport-rpc/sallyport/internal/prove"
)

// demoDeclarations are those of the demo's services.
func demoDeclarations(t *testing.T) []*declare.Declaration {
	t.Helper()
	reader, err := declare.NewReader(declare.Config{Files: protoregistry.GlobalFiles})
	if err != nil {
		t.Fatal(err)
	}
	var declarations []*declare.Declaration
	for _, file := range []protoreflect.FileDescriptor{demov1.File_demo_v1_account_proto, demov1.File_demo_v1_organisation_proto, demov1.File_demo_v1_document_proto} {
		of, refusals := reader.File(file, declare.Given{})
		if len(refusals) > 0 {
			t.Fatal(refusals)
		}
		declarations = append(declarations, of...)
	}
	return declarations
}

// The assertions about the demo's contract are proved, in time for every pull request.
func TestAssertionsAreProved(t *testing.T) {
	t.Parallel()
	declarations := demoDeclarations(t)
	assertions, err := prove.ReadAssertions("assertions.txtpb")
	if err != nil {
		t.Fatal(err)
	}
	start, steps, answers := time.Now(), 0, 0
	for _, assertion := range assertions {
		selected, err := prove.Select(declarations, assertion)
		if err != nil {
			t.Fatal(err)
		}
		for _, target := range selected {
			answer, err := prove.NewProver(nil, false).AssertOf(t.Context(), target, assertion)
			if err != nil {
				t.Fatal(err)
			}
			if answer.Outcome != prove.Proved {
				t.Errorf("%s: %s is %s: %s %v %v", assertion.GetName(), target.Name, answer.Outcome, answer.Text, answer.Witness, answer.Reason)
			}
			steps, answers = steps+answer.Steps, answers+1
		}
	}
	t.Logf("%d answers in %s and %d steps", answers, time.Since(start), steps)
}

// What is asserted of who sees an email address is refuted where fields are open.
func TestFieldAssertionsAreRefuted(t *testing.T) {
	t.Parallel()
	declarations := demoDeclarations(t)
	for i, declaration := range declarations {
		opened := *declaration
		opened.Fields, declarations[i] = nil, &opened
	}
	assertions, err := prove.ReadAssertions("assertions.txtpb")
	if err != nil {
		t.Fatal(err)
	}
	refuted := 0
	for _, assertion := range assertions {
		if len(assertion.GetFields()) == 0 {
			continue
		}
		selected, err := prove.Select(declarations, assertion)
		if err != nil {
			t.Fatal(err)
		}
		for _, target := range selected {
			answer, err := prove.NewProver(nil, false).AssertOf(t.Context(), target, assertion)
			if err != nil || answer.Outcome != prove.Refuted || answer.Witness == nil || answer.Witness.Object == nil {
				t.Errorf("%s: %s is %s: %v %v %v", assertion.GetName(), target.Name, answer.Outcome, answer.Witness, answer.Reason, err)
			}
			refuted++
		}
	}
	if refuted == 0 {
		t.Error("nothing is asserted of a field")
	}
}

// Each assertion about the demo that says who gets in is refuted, with a call, where the
// actions that it is about are opened.
func TestAssertionsAreRefuted(t *testing.T) {
	t.Parallel()
	declarations := demoDeclarations(t)
	assertions, err := prove.ReadAssertions("assertions.txtpb")
	if err != nil {
		t.Fatal(err)
	}
	member := declare.Grant{Name: "members", Conditions: []declare.Condition{declare.AnyRole{Named: []string{"member"}, Unfolded: []string{"admin", "auditor", "member"}}}}
	refuted := 0
	for _, assertion := range assertions {
		if !strings.HasPrefix(assertion.GetName(), "only ") {
			continue
		}
		selected, err := prove.Select(declarations, assertion)
		if err != nil {
			t.Fatal(err)
		}
		for _, target := range selected {
			opened := *target.Declaration
			opened.Grants = append(slices.Clone(opened.Grants), member)
			answer, err := prove.Assert(&opened, assertion)
			if err != nil {
				t.Fatal(err)
			}
			if answer.Outcome != prove.Refuted || answer.Witness == nil || answer.Witness.Grant != "members" || slices.Contains(answer.Witness.Roles, "admin") {
				t.Errorf("%s: %s is %s: %v %v", assertion.GetName(), target.Name, answer.Outcome, answer.Witness, answer.Reason)
			}
			refuted++
		}
	}
	if refuted < 8 {
		t.Errorf("%d answers were looked at", refuted)
	}
}
