package condition

import (
	"slices"
	"strings"
	"testing"

	"cel.dev/cel-go/common/operators"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// trapNames are the kinds of traps, for tests.
var trapNames = map[TrapKind]string{
	ComparesMessages: "ComparesMessages", ComparesNull: "ComparesNull", LosesType: "LosesType", ReadsAny: "ReadsAny",
	ChosenPattern: "ChosenPattern", ChosenPart: "ChosenPart", EmptyList: "EmptyList", BothEmpty: "BothEmpty",
	UnknownName: "UnknownName", UnknownZone: "UnknownZone", ChosenZone: "ChosenZone", AdmitsEmpty: "AdmitsEmpty",
}

// String writes the kind of a trap, and the name, the part or the paths that it is about.
func (t Trap) String() string {
	words := []string{trapNames[t.Kind]}
	switch t.Kind {
	case UnknownName, UnknownZone, ChosenZone:
		words = append(words, t.Name)
	case LosesType:
		words = append(words, t.Text)
	default:
		for _, path := range t.Paths {
			words = append(words, path.String())
		}
	}
	return strings.Join(words, " ")
}

// trapRequest is a request whose fields that are called "filled" have a rule that keeps them
// and their elements from being empty, by trapFacts. By these no claim that is given may be
// empty.
func trapRequest(tb testing.TB) protoreflect.MessageDescriptor {
	tb.Helper()
	return file(tb, "test.proto", map[string]string{"test.proto": `
		syntax = "proto3";
		package test;
		import "google/protobuf/any.proto";
		import "google/protobuf/struct.proto";
		message Request {
			string id = 1;
			string other = 2;
			string owner_id = 3;
			string filled = 4;
			optional string nick = 5;
			bool flag = 6;
			int64 number = 7;
			int64 sum = 8;
			double double = 9;
			double share = 10;
			bytes bytes = 11;
			bytes blob = 12;
			repeated string tags = 13;
			repeated string words = 14;
			repeated string filled_tags = 15;
			map<string, string> labels = 16;
			Member member = 17;
			repeated Member members = 18;
			google.protobuf.Value value = 19;
			google.protobuf.Any any = 20;
			message Member {
				string id = 1;
				repeated string roles = 2;
				Claims claims = 3;
				map<string, string> labels = 4;
			}
			message Claims { optional string team = 1; }
		}`}).Messages().Get(0)
}

var trapFacts = Facts{
	Schemes: []string{"session", "token"}, Roles: []string{"admin", "member"}, Scopes: []string{"read"},
	MayBeEmpty:      func(path Path, _ bool) bool { return !strings.HasPrefix(string(path.leaf().Name()), "filled") },
	ClaimMayBeEmpty: func(Path, bool) bool { return false },
}

// trapsOf returns the traps of a condition, written out.
func trapsOf(tb testing.TB, text string, request protoreflect.MessageDescriptor, facts Facts) string {
	tb.Helper()
	_, traps, err := environment(tb).Examine(text, request, facts)
	if err != nil {
		tb.Fatalf("Examine(%q): %v", text, err)
	}
	var got []string
	for _, trap := range traps {
		got = append(got, trap.String())
	}
	return strings.Join(got, "; ")
}

// A trapTest is a condition and its traps, written out.
type trapTest struct{ text, want string }

func testTraps(t *testing.T, tests []trapTest) {
	t.Helper()
	request := trapRequest(t)
	for _, test := range tests {
		t.Run(test.text, func(t *testing.T) {
			t.Parallel()
			if got := trapsOf(t, test.text, request, trapFacts); got != test.want {
				t.Errorf("%q, want %q", got, test.want)
			}
		})
	}
}

func TestTraps(t *testing.T) {
	t.Parallel()
	const (
		refused = `request.tags.filter(t, !(t in principal.roles))`
		empty   = "EmptyList request.tags"
	)
	tests := []trapTest{
		// A list without elements.
		{`request.tags.all(t, t == principal.id)`, empty},
		{`request.filled_tags.all(t, t == principal.id)`, ""},
		{`request.tags.exists(t, t == principal.id)`, ""},
		{`!request.tags.exists(t, t == principal.id)`, empty},
		{`!request.tags.all(t, t == principal.id)`, ""},
		{`!request.flag && request.tags.all(t, t == principal.id)`, empty},
		{`request.tags.all(t, t == principal.id) == request.flag`, empty},
		{`request.tags.exists(t, t == principal.id) == request.flag`, empty},
		{`request.tags.exists(t, t == "a") ? principal.id == "a" : principal.id == "b"`, empty},
		{`request.flag ? request.tags.exists(t, t == "a") : principal.id == "b"`, ""},
		{`["a"].all(t, t == request.id)`, ""},
		{`(request.flag ? [] : ["a"]).all(t, t == principal.id)`, ""},
		// What a filter leaves.
		{`size(` + refused + `) == 0`, empty},
		{`0 == size(` + refused + `)`, empty},
		{refused + `.size() < 1`, empty},
		{`1 > ` + refused + `.size()`, empty},
		{refused + ` == []`, empty},
		{`[] == ` + refused, empty},
		{`!(` + refused + ` != [])`, empty},
		{refused + ` != []`, ""},
		{`size(` + refused + `) > 0`, ""},
		{`0 < size(` + refused + `)`, ""},
		{`size(` + refused + `) == 1`, ""},
		{`size(` + refused + `) == request.number`, "BothEmpty request.number"},
		{refused + ` == request.tags`, "BothEmpty request.tags"},
		{refused + ` == ["a"]`, ""},
		{`!(` + refused + ` in [])`, ""},
		{`size(request.tags) == 0`, ""},
		{`size(request.tags.map(t, t)) == 0`, ""},
		// Types.
		{`size([]) == request.number`, ""},
		{`size([request.value]) > 0`, "LosesType [request.value]"},
		{`size({}) == request.number`, ""},
		{`size({"a": request.value}) > 0`, `LosesType {"a": request.value}`},
		{`dyn(request.id) == "a"`, "LosesType dyn(request.id)"},
		{`(request.flag ? request.value : request.value) == "a"`, "LosesType request.flag ? request.value : request.value"},
		{`(request.flag ? request.id : "b") == "a"`, ""},
		{`request.any == request.any`, "ReadsAny"},
		{`request.member == null`, "ComparesNull"},
		{`null != request.member`, "ComparesNull"},
		{`request.member != request.members[0]`, "ComparesMessages"},
		{`request.member in request.members`, "ComparesMessages"},
		// Parts of the principal's own.
		{`principal.roles.exists(r, r == "member") && principal.roles.exists(r, request.id.startsWith(r))`, "ChosenPart"},
		{`principal.roles.exists(r, r == "member") && principal.roles.exists(r, r.startsWith("a"))`, ""},
		// Time zones.
		{`now.getHours("UTC") > 3`, ""},
		{`now.getHours("23:59") > 3`, ""},
		{`now.getHours("24:00") > 3`, "UnknownZone 24:00"},
		{`now.getHours("01:60") > 3`, "UnknownZone 01:60"},
		{`now.getHours("+02:00") > 3`, ""},
		{`now.getHours("-02:00") > 3`, ""},
		{`now.getHours("++02:00") > 3`, "UnknownZone ++02:00"},
		{`now.getHours("1:00") > 3`, "UnknownZone 1:00"},
		{`now.getHours("ab:cd") > 3`, "UnknownZone ab:cd"},
		{`now.getHours(true ? "UTC" : principal.scheme == "token" ? "Ghost/Town" : "UTC") > 3`, "UnknownZone Ghost/Town"},
		// Names.
		{`"member" in principal.roles && principal.scheme == "token" && "read" in principal.scopes`, ""},
		{`"ghost" in principal.roles`, "UnknownName ghost"},
		{`"ghost" in principal.scopes`, "UnknownName ghost"},
		{`principal.scheme == "ghost"`, "UnknownName ghost"},
		{`"ghost" == principal.scheme`, "UnknownName ghost"},
		{`principal.scheme != ""`, ""},
		{`principal.scheme in ["session", "ghost"]`, "UnknownName ghost"},
		{`principal.scheme == (request.flag ? "session" : "ghost")`, "UnknownName ghost"},
		{`principal.roles == ["ghost"]`, "UnknownName ghost"},
		{`["ghost"] == principal.roles`, "UnknownName ghost"},
		{`principal.roles[0] == "ghost"`, "UnknownName ghost"},
		{`principal.roles.exists(r, r == "ghost")`, "UnknownName ghost"},
		{`["ghost"].exists(r, r in principal.roles)`, "UnknownName ghost"},
		{`"ghost" in principal.roles.filter(r, r != "member")`, "UnknownName ghost"},
		{`"ghost" in principal.roles.map(r, "my " + r)`, ""},
		{`request.members.exists(principal, "ghost" in principal.roles)`, ""},
		{`request.id == "ghost"`, ""},
	}
	testTraps(t, tests)
}

// Without facts every field may be empty, and no name is held against any.
func TestTrapsWithoutFacts(t *testing.T) {
	t.Parallel()
	request := trapRequest(t)
	for text, want := range map[string]string{
		`"ghost" in principal.roles || "ghost" in principal.scopes || principal.scheme == "ghost"`: "",
		`request.id == request.filled`: "BothEmpty request.id request.filled",
	} {
		if got := trapsOf(t, text, request, Facts{}); got != want {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
}

// The fix for a name replaces it where it names what there is not, and nowhere else.
func TestReplaced(t *testing.T) {
	t.Parallel()
	const text = `request.id == "ghost" || request.id == "Þórður" || "ghost" in principal.roles || "ghost" == request.id`
	_, traps, err := environment(t).Examine(text, trapRequest(t), trapFacts)
	if err != nil || len(traps) != 1 {
		t.Fatalf("%v, %v", traps, err)
	}
	const want = `request.id == "ghost" || request.id == "Þórður" || "member" in principal.roles || "ghost" == request.id`
	if got := traps[0].Replaced(text, "member"); got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if got := traps[0].Replaced(`"admin" in principal.roles`, "member"); got != "" {
		t.Errorf("a condition without the name: %q", got)
	}
}

// What comparisons say of sizes, which are 0, 1 and 2, and of the literal 1.
func TestCompareSize(t *testing.T) {
	t.Parallel()
	for function, want := range map[string]struct{ says, turned []bool }{
		operators.Equals:        {[]bool{false, true, false}, []bool{false, true, false}},
		operators.NotEquals:     {[]bool{true, false, true}, []bool{true, false, true}},
		operators.Less:          {[]bool{true, false, false}, []bool{false, false, true}},
		operators.LessEquals:    {[]bool{true, true, false}, []bool{false, true, true}},
		operators.Greater:       {[]bool{false, false, true}, []bool{true, false, false}},
		operators.GreaterEquals: {[]bool{false, true, true}, []bool{true, true, false}},
	} {
		var says, turned []bool
		for size := range int64(3) {
			said, known := compareSize(function, size, 1, false)
			saidTurned, knownTurned := compareSize(function, size, 1, true)
			if !known || !knownTurned {
				t.Errorf("%s is not known", function)
			}
			says, turned = append(says, said), append(turned, saidTurned)
		}
		if !slices.Equal(says, want.says) || !slices.Equal(turned, want.turned) {
			t.Errorf("%s: %v, %v, want %v", function, says, turned, want)
		}
	}
	if says, known := compareSize(operators.In, 1, 1, false); says || known {
		t.Errorf("%s: %t, %t", operators.In, says, known)
	}
}
