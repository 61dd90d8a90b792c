package declare

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/durationpb"

	sallyportv1 "github.com/sallyport-rpc/sallyport/gen/sallyport/v1"
)

// vendor is a file that is not ours to edit.
var vendor = sources{"vendor/v1/files.proto": `syntax = "proto3";
package vendor.v1;
message Request { string user_id = 1; }
service Files {
  rpc Read(Request) returns (Request);
  rpc Write(Request) returns (Request);
  rpc Watch(Request) returns (stream Request);
}
`}

func TestGiven(t *testing.T) {
	t.Parallel()
	signedIn := `{authenticate {schemes: "session"} authorize {anyone: "it is public"}}`
	streaming := `{authenticate {schemes: "session"} authorize {anyone: "it is public"} stream {authorize: OPEN}}`
	entry := func(procedure, action string) string {
		return `actions {key: "` + procedure + `" value ` + action + "}\n"
	}
	readWrite := entry("/vendor.v1.Files/Read", signedIn) + entry("/vendor.v1.Files/Write", signedIn)
	tests := []struct {
		name, text string
		want       []fault
	}{
		{"all", readWrite + entry("/vendor.v1.Files/Watch", streaming), nil},
		{"one is missing", readWrite, []fault{{RuleMissing, "/vendor.v1.Files/Watch", "vendor/v1/files.proto", 7}}},
		{"one is empty", readWrite + entry("/vendor.v1.Files/Watch", `{}`), []fault{{RuleEmpty, "/vendor.v1.Files/Watch", "vendor.txtpb", 0}}},
		{"one is refused", readWrite + entry("/vendor.v1.Files/Watch", signedIn), []fault{{RuleStreamMissing, "/vendor.v1.Files/Watch", "vendor.txtpb", 0}}},
		{"an unknown number", readWrite + entry("/vendor.v1.Files/Watch", `{stream {authorize: 9}}`), []fault{{RuleUnknownValue, "/vendor.v1.Files/Watch", "vendor.txtpb", 0}}},
		{"none", "", []fault{
			{RuleMissing, "/vendor.v1.Files/Read", "vendor/v1/files.proto", 5},
			{RuleMissing, "/vendor.v1.Files/Write", "vendor/v1/files.proto", 6},
			{RuleMissing, "/vendor.v1.Files/Watch", "vendor/v1/files.proto", 7},
		}},
		{"spelt without a slash", strings.Replace(readWrite, "/vendor", "vendor", 1) + entry("/vendor.v1.Files/Watch", streaming), []fault{
			{RuleMissing, "/vendor.v1.Files/Read", "vendor/v1/files.proto", 5},
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			given, unread := ParseDeclarations("vendor.txtpb", []byte(test.text))
			if unread != nil {
				t.Fatal(texts(unread))
			}
			reader, file := newReader(t, nil), compile(t, vendor).file(t, "vendor/v1/files.proto")
			declared, refusals := reader.File(file, given)
			if diff := gocmp.Diff(sorted(test.want), faultsOf(refusals)); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
			for _, declaration := range declared {
				if !declaration.Outside {
					t.Errorf("%s is not from outside", declaration.Procedure)
				}
			}
			// The reader does not remember what it was given.
			if _, refusals := reader.File(file, Given{}); len(refusals) != 3 {
				t.Errorf("with nothing given:\n%s", texts(refusals))
			}
		})
	}
}

// Neither goes before the other.
func TestDeclaredTwice(t *testing.T) {
	t.Parallel()
	reader := newReader(t, nil)
	file := compile(t, guarded).file(t, "test/v1/files.proto")
	declarations, refusals := reader.File(file, Given{Source: "files.txtpb", Actions: map[string]*sallyportv1.Action{
		read: {Authorize: &sallyportv1.Authorize{Anyone: new("it is public")}},
	}})
	if diff := gocmp.Diff([]fault{at(optionLine, read, RuleDeclaredTwice)}, faultsOf(refusals)); diff != "" || declarations != nil {
		t.Errorf("-want +got\n%s", diff)
	}
}

func TestUnmatched(t *testing.T) {
	t.Parallel()
	if got := (Given{}).Unmatched(func(string) bool { return false }); got != nil {
		t.Errorf("nothing was given:\n%s", texts(got))
	}
	given := Given{Source: "vendor.json", Actions: map[string]*sallyportv1.Action{"/a.B/Z": {}, "/a.B/C": {}, "/a.B/A": nil}}
	got := given.Unmatched(func(procedure string) bool { return procedure == "/a.B/C" })
	want := []fault{{RuleDeclarationUnknown, "/a.B/A", "vendor.json", 0}, {RuleDeclarationUnknown, "/a.B/Z", "vendor.json", 0}}
	if diff := gocmp.Diff(want, faultsOf(got)); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

func TestParseDeclarations(t *testing.T) {
	t.Parallel()
	want := &sallyportv1.Declarations{Actions: map[string]*sallyportv1.Action{"/a.B/C": {Authenticate: &sallyportv1.Authenticate{
		Schemes: []string{"session"}, MaxAge: durationpb.New(90e9),
	}}}}
	tests := []struct {
		name, text string
		ok         bool
	}{
		{"a.json", `{"actions": {"/a.B/C": {"authenticate": {"schemes": ["session"], "maxAge": "90s"}}}}`, true},
		{"A.JSON", `{"actions": {"/a.B/C": {"authenticate": {"schemes": ["session"], "max_age": "90s"}}}}`, true},
		{"a.txtpb", `actions {key: "/a.B/C" value {authenticate {schemes: "session" max_age {seconds: 90}}}}`, true},
		{"a.textproto", `actions {key: "/a.B/C" value {authenticate {schemes: "session" max_age {seconds: 90}}}}`, true},
		{"a.textpb", `actions: [{key: "/a.B/C", value: {authenticate: {schemes: ["session"], max_age: {seconds: 90}}}}] # it is`, true},
		{"a.yaml", `{"actions": {}}`, false},
		{"json", `{"actions": {}}`, false},
		{"a.json", ``, false},
		{"a.json", `{"actions": {"/a.B/C": {"authenticate": {"future": 1}}}}`, false},
		{"a.json", `{"actions": {"/a.B/C": {}, "/a.B/C": {}}}`, false},
		{"a.json", `{"actions": {"/a.B/C": {"stream": {"authorize": "FUTURE"}}}}`, false},
		{"a.txtpb", `actions {key: "/a.B/C" value {authenticate {future: 1}}}`, false},
		{"a.txtpb", `actions {key: "/a.B/C" value {stream {authorize: FUTURE}}}`, false},
		{"a.txtpb", `actions {`, false},
	}
	for _, test := range tests {
		got, refusals := ParseDeclarations(test.name, []byte(test.text))
		switch {
		case !test.ok && (len(refusals) != 1 || got.Actions != nil || refusals[0].Position.File != test.name || refusals[0].Rule != RuleDeclarationUnread):
			t.Errorf("%s, %s: %v, %s", test.name, test.text, got, texts(refusals))
		case test.ok && refusals != nil:
			t.Errorf("%s, %s: %s", test.name, test.text, texts(refusals))
		case test.ok:
			if diff := gocmp.Diff(Given{Source: test.name, Actions: want.GetActions()}, got, protocmp.Transform()); diff != "" {
				t.Errorf("%s, %s: -want +got\n%s", test.name, test.text, diff)
			}
		}
	}
}

// Of two entries for one procedure neither is taken, in any format and spelling.
func TestGivenTwice(t *testing.T) {
	t.Parallel()
	public := `{authenticate {anonymous: "x"} authorize {anyone: "x"}}`
	signedIn := `{authenticate {schemes: "session"} authorize {allow {any_role: "admin"}}}`
	tests := []struct {
		name, text string
		want       []fault
	}{
		{"a.txtpb", `actions {key: "/a.B/C" value ` + signedIn + "}\n\nactions {key: \"/a.B/D\"}\n" + `actions {key: "/a.B/C" value ` + public + "}",
			[]fault{{RuleGivenTwice, "/a.B/C", "a.txtpb", 4}}},
		{"a.txtpb", `actions: [{key: "/a.B/C"}, {key: '/a.B/\x43'}]`, []fault{{RuleGivenTwice, "/a.B/C", "a.txtpb", 0}}},
		{"a.txtpb", `actions {key: "/a.B/C"} actions {key: "/a.B/D"} actions {key: "/a.B/C"} actions {key: "/a.B/D"} actions {key: "/a.B/D"}`,
			[]fault{{RuleGivenTwice, "/a.B/C", "a.txtpb", 0}, {RuleGivenTwice, "/a.B/D", "a.txtpb", 0}}},
		{"a.txtpb", `actions {key: "/a.B/C" value ` + signedIn + `} actions {key: "/a.B/c" value ` + signedIn + `}`, nil},
		{"a.txtpb", `actions {key: "/a.B/C" value ` + signedIn + `value ` + public + `}`, []fault{{RuleDeclarationUnread, "declarations", "a.txtpb", 0}}},
		{"a.json", `{"actions": {"/a.B/C": {}, "/a.B/\u0043": {}}}`, []fault{{RuleDeclarationUnread, "declarations", "a.json", 0}}},
		{"a.json", `{"actions": {"/a.B/C": {}}, "actions": {"/a.B/C": {}}}`, []fault{{RuleDeclarationUnread, "declarations", "a.json", 0}}},
		{"a.json", `{"actions": {"/a.B/C": {}, "/a.B/c": {}}}`, nil},
	}
	for _, test := range tests {
		given, refusals := ParseDeclarations(test.name, []byte(test.text))
		if diff := gocmp.Diff(test.want, faultsOf(refusals)); diff != "" {
			t.Errorf("%s: -want +got\n%s%s", test.text, diff, texts(refusals))
		}
		if len(given.Actions) > 0 == (len(test.want) > 0) {
			t.Errorf("%s: %d declarations", test.text, len(given.Actions))
		}
	}
}

func TestJSON(t *testing.T) {
	t.Parallel()
	actions := []*sallyportv1.Action{
		{},
		{
			Authenticate: &sallyportv1.Authenticate{Schemes: []string{"a", "b"}, MaxAge: durationpb.New(1)},
			Authorize: &sallyportv1.Authorize{Conceal: true, Allow: []*sallyportv1.Grant{
				{AnyRole: []string{"x"}, AllScopes: []string{`<&>`}}, {Cel: new("request.a ==\n\t\"`þ\\u2028\u2028\"")}, {Check: new("")},
			}},
			Stream: &sallyportv1.Stream{Authorize: sallyportv1.Stream_EVERY_MESSAGE, Recheck: durationpb.New(60e9)},
		},
		{Authenticate: &sallyportv1.Authenticate{Anonymous: new("")}, Authorize: &sallyportv1.Authorize{Anyone: new("x")}},
	}
	for _, action := range actions {
		text, err := JSON(action)
		if err != nil {
			t.Fatal(err)
		}
		for range 10 {
			if again, _ := JSON(proto.CloneOf(action)); again != text {
				t.Fatalf("written as %s and as %s", text, again)
			}
		}
		read, err := ParseJSON(text)
		if diff := gocmp.Diff(action, read, protocmp.Transform()); err != nil || diff != "" {
			t.Errorf("%s: %v\n%s", text, err, diff)
		}
	}
	for _, text := range []string{``, `[]`, `{"future": 1}`, `{"stream": {"authorize": "FUTURE"}}`, `{} {}`} {
		if action, err := ParseJSON(text); err == nil {
			t.Errorf("%q is read as %v", text, action)
		}
	}
}

// A text that is not UTF-8 cannot be carried by generated code, and the error says so.
func TestJSONOfWhatIsNoText(t *testing.T) {
	t.Parallel()
	action := &sallyportv1.Action{Authorize: &sallyportv1.Authorize{Anyone: new("\xff")}}
	if text, err := JSON(action); text != "" || err == nil {
		t.Errorf("%q, %v", text, err)
	}
}

func TestJSONOfNoText(t *testing.T) {
	t.Parallel()
	text, err := JSON(&sallyportv1.Action{Authorize: &sallyportv1.Authorize{Anyone: new("\xff")}})
	if err == nil || !strings.Contains(err.Error(), "UTF-8") || text != "" {
		t.Errorf("it is written as %q: %v", text, err)
	}
}

// TestReadDeclarations reads files: no path stands for no declarations, and a file that
// is not there is refused, as it is not the same as none.
func TestReadDeclarations(t *testing.T) {
	t.Parallel()
	if given, refusals := ReadDeclarations(""); refusals != nil || given.Source != "" || given.Actions != nil {
		t.Errorf("no path is read as %v:\n%s", given, texts(refusals))
	}
	path := filepath.Join(t.TempDir(), "vendor.txtpb")
	given, refusals := ReadDeclarations(path)
	if diff := gocmp.Diff([]fault{{RuleDeclarationUnread, "declarations", path, 0}}, faultsOf(refusals)); diff != "" ||
		given.Actions != nil || !strings.Contains(texts(refusals), "no such file") {
		t.Errorf("a file that is not there is read as %v: -want +got\n%s%s", given, diff, texts(refusals))
	}
	if err := os.WriteFile(path, []byte(`actions {key: "/a.B/C" value {authorize {anyone: "it is public"}}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	given, refusals = ReadDeclarations(path)
	want := Given{Source: path, Actions: map[string]*sallyportv1.Action{"/a.B/C": {Authorize: &sallyportv1.Authorize{Anyone: new("it is public")}}}}
	if diff := gocmp.Diff(want, given, protocmp.Transform()); diff != "" || refusals != nil {
		t.Errorf("-want +got\n%s%s", diff, texts(refusals))
	}
}

// TestGivenByProgram gives one declaration for all methods of a service. What it says of
// streams holds for those that stream, in whichever direction.
func TestGivenByProgram(t *testing.T) {
	t.Parallel()
	file := compile(t, sources{"v.proto": `syntax = "proto3";
package v;
message M {}
service S {
  rpc Get(M) returns (M);
  rpc Watch(M) returns (stream M);
  rpc Put(stream M) returns (M);
  rpc Chat(stream M) returns (stream M);
}
`}).file(t, "v.proto")
	service := file.Services().Get(0)
	const authorize = `authenticate: {schemes: "session"} authorize: {anyone: "it is public"}`
	unary := &sallyportv1.Action{
		Authenticate: &sallyportv1.Authenticate{Schemes: []string{"session"}},
		Authorize:    &sallyportv1.Authorize{Anyone: new("it is public")},
	}
	streaming := proto.CloneOf(unary)
	streaming.Stream = &sallyportv1.Stream{Authorize: sallyportv1.Stream_OPEN}
	given, refusals := GivenByProgram(service, authorize+" stream: {authorize: OPEN}")
	want := Given{Source: "the program", Actions: map[string]*sallyportv1.Action{
		"/v.S/Get": unary, "/v.S/Watch": streaming, "/v.S/Put": streaming, "/v.S/Chat": streaming,
	}}
	if diff := gocmp.Diff(want, given, protocmp.Transform()); diff != "" || refusals != nil {
		t.Errorf("-want +got\n%s%s", diff, texts(refusals))
	}
	if _, refusals := newReader(t, nil).File(file, given); refusals != nil {
		t.Errorf("what was given is refused:\n%s", texts(refusals))
	}

	for text, rule := range map[string]Rule{
		"":                             RuleMissing,
		"# later":                      RuleMissing,
		"authorise: {}":                RuleDeclarationUnread,
		authorize + ` future: 1`:       RuleDeclarationUnread,
		`authorize: {anyone: "public"`: RuleDeclarationUnread,
	} {
		given, refusals := GivenByProgram(service, text)
		if diff := gocmp.Diff([]fault{{rule, "v.S", "the program", 0}}, faultsOf(refusals)); diff != "" || given.Actions != nil {
			t.Errorf("%q is read as %v: -want +got\n%s", text, given, diff)
			continue
		}
		fix, ok := strings.CutPrefix(refusals[0].Fix, "register it with a declaration such as\n")
		fixed, refusals := GivenByProgram(service, fix)
		if _, declared := newReader(t, nil).File(file, fixed); !ok || refusals != nil || declared != nil {
			t.Errorf("%q: the fix %q is refused:\n%s%s", text, fix, texts(refusals), texts(declared))
		}
	}
}
