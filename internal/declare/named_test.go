package declare

import (
	"strconv"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"

	sallyportv1 "github.com/sallyport-rpc/sallyport/gen/sallyport/v1"
)

// conditions is a file that defines conditions, written as its lines, and an action
// that uses the one named own.
func conditions(marker string, lines ...string) sources {
	return sources{"test/v1/conditions.proto": `syntax!
package test.v1;
import "buf/validate/validate.proto";
import "sallyport/v1/action.proto";
` + strings.Join(lines, "\n") + `
message Request {
  singular string user_id = 1 [(buf.validate.field).required = true, (buf.validate.field).string.min_len = 1];
}
service Files {
  rpc Read(Request) returns (Request) {
    option (sallyport.v1.action) = {` + marker + `
      authenticate: {schemes: "session"}
      authorize: {allow: {when: "own"}}
    };
  }
}
`}
}

const (
	ownCondition   = `option (sallyport.v1.condition) = {name: "own" cel: "principal.id == request.user_id"};`
	noOwnCondition = ` //! /test.v1.Files/Read when-unknown`
)

// conditionTests are one file each, which `//!` says what is refused in.
var conditionTests = map[string]sources{
	"used":         conditions("", ownCondition),
	"never used":   conditions("", ownCondition, `option (sallyport.v1.condition) = {name: "other" cel: "request.ghost == 1"};`),
	"not there":    conditions(noOwnCondition),
	"of one name":  conditions("", ownCondition, ownCondition+" //! test.v1.own condition-twice", ownCondition+" //! test.v1.own condition-twice"),
	"by two names": conditions("", ownCondition, strings.Replace(ownCondition, "own", "mine", 1)),
	"condition-name": conditions(noOwnCondition,
		`option (sallyport.v1.condition) = {cel: "principal.id == 'x'"}; //! test/v1/conditions.proto condition-name`,
		`option (sallyport.v1.condition) = {name: "Own" cel: "principal.id == 'x'"}; //! test.v1.Own condition-name`,
		`option (sallyport.v1.condition) = {name: "own_" cel: "principal.id == 'x'"}; //! test.v1.own_ condition-name`),
	"condition-length": conditions("",
		`option (sallyport.v1.condition) = {name: "own"}; //! test.v1.own condition-length`,
		`option (sallyport.v1.condition) = {name: "blank" cel: " "}; //! test.v1.blank condition-length`,
		`option (sallyport.v1.condition) = {name: "long" cel: "`+strings.Repeat(" ", 4097)+`"}; //! test.v1.long condition-length`,
		`option (sallyport.v1.condition) = {name: "limit" cel: "`+strings.Repeat("x", 4096)+`"};`),
	// An expression that is refused where it is defined is not refused again where it is used.
	"condition-length, of one that is used": conditions("",
		`option (sallyport.v1.condition) = {name: "own" cel: "`+strings.Repeat("x", 4097)+`"}; //! test.v1.own condition-length`),
	"two without a name": conditions(noOwnCondition,
		`option (sallyport.v1.condition) = {cel: "principal.id == 'x'"}; //! test/v1/conditions.proto condition-name`,
		`option (sallyport.v1.condition) = {cel: "principal.id == 'y'"}; //! test/v1/conditions.proto condition-name`),
	"nothing": conditions(noOwnCondition, `option (sallyport.v1.condition) = {}; //! test/v1/conditions.proto condition-name condition-length`),
}

func TestNamedConditions(t *testing.T) {
	t.Parallel()
	for name, of := range conditionTests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			checkIn(t, everyWay(), nil, of, "test/v1/conditions.proto")
		})
	}
}

// Where a condition is looked for, and what is refused when it is there twice.
func TestVisibleConditions(t *testing.T) {
	t.Parallel()
	defines := func(packageName, cel string) string {
		handle := ""
		if name, _, _ := strings.Cut(packageName, "."); name != "test" {
			handle = "extend google.protobuf.FileOptions { singular sallyport.v1.Use " + name + "_ = 50" + strconv.Itoa(100+len(name)) + "; }\n"
		}
		return "syntax!\npackage " + packageName + ";\nimport \"google/protobuf/descriptor.proto\";\nimport \"sallyport/v1/action.proto\";\n" +
			handle + "option (sallyport.v1.condition) = {name: \"own\" cel: \"" + cel + "\"};\n"
	}
	uses := func(imports, marker string) string {
		for _, name := range []string{"other", "more"} {
			line := "import \"" + name + "/v1/a.proto\";\n"
			imports = strings.Replace(imports, "use "+name, line+"option ("+name+".v1."+name+"_) = {};\n", 1)
		}
		text := conditions(marker)["test/v1/conditions.proto"]
		return strings.Replace(text, "import \"buf", imports+"import \"buf", 1)
	}
	for name, test := range map[string]struct {
		of   sources
		want string // "" where it is refused
	}{
		"of the package, in another file": {sources{
			"test/v1/a.proto": defines("test.v1", "principal.id == 'a'"), "test/v1/conditions.proto": uses("", ""),
		}, "own (principal.id == 'a')"},
		"of another package, which is not imported": {sources{
			"other/v1/a.proto": defines("other.v1", "principal.id == 'a'"), "test/v1/conditions.proto": uses("", noOwnCondition),
		}, ""},
		"of a package that is imported and not used": {sources{
			"other/v1/a.proto": defines("other.v1", "principal.id == 'a'"), "test/v1/conditions.proto": uses("import \"other/v1/a.proto\";\n", noOwnCondition),
		}, ""},
		"of a package that is used": {sources{
			"other/v1/a.proto": defines("other.v1", "principal.id == 'a'"), "test/v1/conditions.proto": uses("use other", ""),
		}, "own (principal.id == 'a')"},
		"of the package before that of one that is used": {sources{
			"other/v1/a.proto": defines("other.v1", "principal.id == 'a'"), "test/v1/b.proto": defines("test.v1", "principal.id == 'b'"),
			"test/v1/conditions.proto": uses("use other", ""),
		}, "own (principal.id == 'b')"},
		"of two packages that are used": {sources{
			"other/v1/a.proto": defines("other.v1", "principal.id == 'a'"), "more/v1/a.proto": defines("more.v1", "principal.id == 'b'"),
			"test/v1/conditions.proto": uses("use other use more", " //! /test.v1.Files/Read when-ambiguous"),
		}, ""},
		"in two files of the package": {sources{
			"test/v1/a.proto": defines("test.v1", "principal.id == 'a'"),
			"test/v1/b.proto": strings.Replace(defines("test.v1", "principal.id == 'b'"), "};\n", "}; //! test.v1.own condition-twice\n", 1), "test/v1/conditions.proto": uses("", ""),
		}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			declarations := check(t, nil, test.of, "test/v1/conditions.proto")
			got := ""
			if len(declarations) > 0 {
				got = declarations[0].Who()
			}
			if got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

// A condition is shown with its expression.
func TestNamedConditionsAreShownExpanded(t *testing.T) {
	t.Parallel()
	of := conditions("", `option (sallyport.v1.condition) = {name: "own" cel: "principal.id ==\n  request.user_id"};`)
	declaration := check(t, nil, of, "test/v1/conditions.proto")[0]
	condition := declaration.Grants[0].Conditions[0]
	const expanded = "own (principal.id == request.user_id)"
	if got := []string{condition.String(), declaration.Who()}; !gocmp.Equal(got, []string{"when " + expanded, expanded}) {
		t.Errorf("got %q", got)
	}
	if !condition.ReadsRequest() {
		t.Error("it reads the request, and does not say so")
	}

	of = conditions("", `option (sallyport.v1.condition) = {name: "own" cel: "principal.ids == request.user_id"};`)
	schema := compile(t, of.in("proto3"))
	_, refusals := newReader(t, schema.files).File(schema.file(t, "test/v1/conditions.proto"), Given{})
	if len(refusals) != 1 || refusals[0].Rule != RuleWhenInvalid ||
		!strings.Contains(refusals[0].Problem, "authorize.allow[0].when own ") || !strings.Contains(refusals[0].Problem, "principal.ids == request.user_id\n") {
		t.Errorf("got %v", refusals)
	}
}

// A condition that cannot be read is not the same as none.
func TestUnresolvedConditions(t *testing.T) {
	t.Parallel()
	linked := compile(t, conditions("", ownCondition).in("proto3"))
	wrong := compile(t, conditions("", `option (sallyport.v1.condition) = {name: "own" cel: "request.ghost == 1"};`).in("proto3"))
	unknown := func(file *descriptorpb.FileDescriptorProto) {
		defined := proto.GetExtension(file.GetOptions(), sallyportv1.E_Condition).([]*sallyportv1.NamedCondition)
		defined[0].ProtoReflect().SetUnknown(protowire.AppendVarint(protowire.AppendTag(nil, 99, protowire.VarintType), 1))
	}
	for name, test := range map[string]struct {
		of   func() schema
		want []Rule
	}{
		"linked":                   {func() schema { return linked.overWire(t, some{sallyportv1.E_Action, sallyportv1.E_Condition}) }, nil},
		"not linked":               {func() schema { return linked.overWire(t, some{sallyportv1.E_Action}) }, []Rule{RuleConditionUnresolved, RuleWhenUnknown}},
		"with a field of tomorrow": {func() schema { return linked.overWire(t, protoregistry.GlobalTypes, unknown) }, []Rule{RuleConditionUnresolved}},
		"with a field of tomorrow, and an expression that is none": {func() schema { return wrong.overWire(t, protoregistry.GlobalTypes, unknown) }, []Rule{RuleConditionUnresolved}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			made := test.of()
			declarations, refusals := newReader(t, made.files).File(made.file(t, "test/v1/conditions.proto"), Given{})
			var got []Rule
			for _, refusal := range refusals {
				got = append(got, refusal.Rule)
			}
			if diff := gocmp.Diff(test.want, got); diff != "" {
				t.Errorf("-want +got\n%s%s", diff, texts(refusals))
			}
			if (declarations != nil) != (test.want == nil) {
				t.Errorf("it is read: %t", declarations != nil)
			}
		})
	}
}
