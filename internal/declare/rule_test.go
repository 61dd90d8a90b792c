package declare

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"
	gocmp "github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	sallyportv1 "github.com/sallyport-rpc/sallyport/gen/sallyport/v1"
)

// parse parses the files of a folder that are no tests.
func parse(t *testing.T, folder string) map[string]*ast.File {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(folder, "*.go"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no Go files in %s: %v", folder, err)
	}
	files := map[string]*ast.File{}
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		files[filepath.Base(path)] = file
	}
	return files
}

// rules returns the constants of type Rule by their names.
func rules(t *testing.T) map[string]Rule {
	t.Helper()
	ids := map[string]Rule{}
	for base, file := range parse(t, ".") {
		if !isTable(base) {
			continue
		}
		ast.Inspect(file, func(node ast.Node) bool {
			spec, ok := node.(*ast.ValueSpec)
			if !ok {
				return true
			}
			if kind, ok := spec.Type.(*ast.Ident); !ok || kind.Name != "Rule" {
				return true
			}
			id, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
			if err != nil {
				t.Fatal(err)
			}
			ids[spec.Names[0].Name] = Rule(id)
			return true
		})
	}
	if len(ids) < 50 {
		t.Fatalf("only %d rules were found: %v", len(ids), ids)
	}
	return ids
}

// isTable reports whether a file is a part of the table of rules.
func isTable(base string) bool { return strings.HasPrefix(base, "rule") }

// used returns the names of the rules that the files of a folder speak of, apart
// from the table.
func used(t *testing.T, folder string, ids map[string]Rule) map[string]bool {
	t.Helper()
	names := map[string]bool{}
	for base, file := range parse(t, folder) {
		if isTable(base) {
			continue
		}
		ast.Inspect(file, func(node ast.Node) bool {
			if ident, ok := node.(*ast.Ident); ok && ids[ident.Name] != "" {
				names[ident.Name] = true
			}
			return true
		})
	}
	return names
}

// inSchema returns the ids of the rules that protovalidate applies to our options.
func inSchema(t *testing.T) map[Rule]bool {
	t.Helper()
	found := map[Rule]bool{}
	note := func(all []*validate.Rule) {
		for _, rule := range all {
			found[Rule(rule.GetId())] = true
		}
	}
	var field func(rules *validate.FieldRules)
	field = func(rules *validate.FieldRules) {
		if rules == nil {
			return
		}
		note(rules.GetCel())
		if rules.GetRepeated() != nil {
			field(rules.GetRepeated().GetItems())
		}
		if rules.GetMap() != nil {
			field(rules.GetMap().GetKeys())
			field(rules.GetMap().GetValues())
		}
		// Only rules of ours have ids of ours: a ready-made one would be refused under
		// protovalidate's name.
		plain := proto.CloneOf(rules)
		plain.Cel = nil
		if repeated := plain.GetRepeated(); repeated != nil {
			repeated.Items = nil
			if proto.Size(repeated) == 0 {
				plain.Type = nil
			}
		}
		if kind := plain.GetMap(); kind != nil {
			kind.Keys, kind.Values = nil, nil
			if proto.Size(kind) == 0 {
				plain.Type = nil
			}
		}
		if proto.Size(plain) > 0 {
			t.Errorf("a rule without an id of ours: %v", plain)
		}
	}
	var walk func(messages protoreflect.MessageDescriptors)
	walk = func(messages protoreflect.MessageDescriptors) {
		for i := range messages.Len() {
			message := messages.Get(i)
			rules, _ := proto.GetExtension(message.Options(), validate.E_Message).(*validate.MessageRules)
			note(rules.GetCel())
			for j := range message.Fields().Len() {
				rules, _ := proto.GetExtension(message.Fields().Get(j).Options(), validate.E_Field).(*validate.FieldRules)
				field(rules)
			}
			walk(message.Messages())
		}
	}
	walk(sallyportv1.File_sallyport_v1_action_proto.Messages())
	return found
}

// Each rule stands in the table once, with sentences for people.
func TestTable(t *testing.T) {
	t.Parallel()
	ids := rules(t)
	kebab := regexp.MustCompile(`^[a-z]+(-[a-z]+)+$`)
	names := map[Rule]string{}
	for name, id := range ids {
		if before, ok := names[id]; ok {
			t.Errorf("%s and %s are both %q", name, before, id)
		}
		names[id] = name
	}
	rows := map[Rule]int{}
	for _, section := range Sections() {
		if section.Title == "" || section.Walls.String() == "none" || len(section.Rules) == 0 {
			t.Errorf("the section %q has no walls or rules", section.Title)
		}
		for _, row := range section.Rules {
			if !kebab.MatchString(string(row.ID)) {
				t.Errorf("%q is not kebab-case", row.ID)
			}
			if !strings.HasSuffix(row.Refuses, ".") || !strings.HasSuffix(strings.TrimSuffix(row.Fix, "`"), ".") && !strings.HasSuffix(row.Fix, "`.") {
				t.Errorf("%s: %q and %q are no sentences", row.ID, row.Refuses, row.Fix)
			}
			if row.ID.Define() != row {
				t.Errorf("%s is defined as %v", row.ID, row.ID.Define())
			}
			rows[row.ID]++
		}
	}
	for id, name := range names {
		if rows[id] != 1 {
			t.Errorf("%s (%s) is in the table %d times", name, id, rows[id])
		}
		delete(rows, id)
	}
	for id := range rows {
		t.Errorf("%q is in the table and has no constant", id)
	}
	if got := Rule("ghost").Define(); got != (Definition{}) {
		t.Errorf("an unknown rule is defined: %v", got)
	}
}

// The ids in action.proto are in the table.
func TestRulesOfTheSchema(t *testing.T) {
	t.Parallel()
	ids := rules(t)
	known := slices.Collect(maps.Values(ids))
	for id := range inSchema(t) {
		if !slices.Contains(known, id) {
			t.Errorf("%q stands in action.proto and is no rule", id)
		}
	}
	// What neither the schema nor any code applies is no rule.
	inReader, inRegistry := used(t, ".", ids), used(t, "../../action", ids)
	for name, id := range ids {
		if !inSchema(t)[id] && !inReader[name] && !inRegistry[name] {
			t.Errorf("nothing applies %s (%s)", name, id)
		}
		if inSchema(t)[id] && inReader[name] {
			t.Errorf("%s (%s) is applied by the schema and by code", name, id)
		}
	}
}

// Every rule that a Reader applies has a test that is refused by it, and one right
// next to it that passes.
func TestEveryRuleIsTested(t *testing.T) {
	t.Parallel()
	refused, passes := map[Rule]bool{}, map[Rule]bool{}
	for _, test := range ruleTests {
		refused[test.rule] = refused[test.rule] || test.refused != ""
		passes[test.rule] = passes[test.rule] || test.passes != ""
	}
	texts := []string{faulty}
	for name, sources := range catalogueTests {
		texts = append(texts, slices.Collect(maps.Values(sources))...)
		if rule, _, isCycle := strings.Cut(name, " of "); isCycle {
			refused[Rule(rule)] = true
		}
	}
	for _, sources := range conditionTests {
		texts = append(texts, slices.Collect(maps.Values(sources))...)
	}
	for _, text := range texts {
		for line := range strings.SplitSeq(text, "\n") {
			if found := marker.FindStringSubmatch(line); found != nil {
				for rule := range strings.FieldsSeq(found[2]) {
					refused[Rule(rule)] = true
				}
			}
		}
	}
	// These have tests of their own, with their neighbours.
	for _, rule := range []Rule{RuleUnresolved, RuleUnknownField, RuleUnknownValue, RuleRoleAmbiguous, RuleWhenAmbiguous, RuleConditionUnresolved, RuleClaimsUnresolved, RuleClaimsTwice, RuleUseUnresolved, RuleUseUnknown, RuleDeclaredTwice, RuleDeclarationUnknown, RuleDeclarationUnread, RuleGivenTwice, RuleGoNameCollision, RuleGoFileLeftOut, RuleValidationUnbounded, RuleExtensionUnvalidated, RuleResourceCollision, RuleAuthorityField,
		RuleFieldUnresolved, RuleFieldEmpty, RuleFieldChoice, RuleFieldCheck, RuleFieldAnyoneReason, RuleFieldRequired, RuleFieldExtension, RuleFieldGroup, RuleFieldAnonymous,
		RuleFieldValueAlone, RuleFieldValueUnread, RuleWritesChoice, RuleWritesUnused, RuleWritesMask, RuleWritesEmptyMask, RuleWritesReplaces, RuleWritesPresence,
		RuleNamesChoice, RuleNamesReason, RuleNamesKind, RuleNamesType, RuleNamesUnmarked, RuleNamesFilter} {
		refused[rule], passes[rule] = true, true
	}
	// The neighbours of these are in TestCatalogue and TestNamedConditions.
	for _, rule := range []Rule{
		RuleCatalogueTwice, RuleCatalogueUnresolved, RuleRoleUnnamed, RuleRoleZero, RuleRoleOutside, RuleRoleRedefined,
		RuleRoleIncludesDuplicate, RuleRoleCycle, RuleCheckCollision, RuleConditionName, RuleConditionLength, RuleConditionTwice,
		RuleScopeCatalogueTwice, RuleScopeUnnamed, RuleScopeZero, RuleScopeOutside, RuleScopeRedefined,
	} {
		passes[rule] = true
	}
	refused[RuleCatalogueUnresolved] = true

	ids := rules(t)
	schema, reader := inSchema(t), used(t, ".", ids)
	for name, id := range ids {
		if !schema[id] && !reader[name] {
			continue // a registry's
		}
		if !refused[id] {
			t.Errorf("no test is refused by %s (%s)", name, id)
		}
		if !passes[id] {
			t.Errorf("no test passes next to %s (%s)", name, id)
		}
	}
}

// Refusals that a registry makes have the fix of the table.
func TestRefuse(t *testing.T) {
	t.Parallel()
	schema := compile(t, guarded)
	method := schema.file(t, "test/v1/files.proto").Services().Get(0).Methods().Get(0)
	got := []Refusal{
		Refuse(RuleMethodTwice, method, "twice in %s", "Go"),
		RefuseNamed(RuleOptionNil, "action.WithClock", "the clock is %v", nil),
	}
	if got[0].At != method {
		t.Errorf("at %v", got[0].At)
	}
	got[0].At = nil
	want := []Refusal{
		{Rule: RuleMethodTwice, Subject: read, Position: Position{"test/v1/files.proto", 15, 5}, Problem: "twice in Go", Fix: RuleMethodTwice.Define().Fix},
		{Rule: RuleOptionNil, Subject: "action.WithClock", Problem: "the clock is <nil>", Fix: RuleOptionNil.Define().Fix},
	}
	if diff := gocmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

// What these tests know of the schema they know from generated code.
func TestSchemaIsTheOneThatIsLinked(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../proto/sallyport/v1/action.proto")
	if err != nil {
		t.Fatal(err)
	}
	for id := range inSchema(t) {
		if !strings.Contains(string(text), `id: "`+string(id)+`"`) {
			t.Errorf("%q is in the generated code and not in action.proto: generate it anew", id)
		}
	}
}
