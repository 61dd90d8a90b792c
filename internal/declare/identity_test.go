package declare

import (
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
)

// TestMayBeEmpty holds conditions against the validation rules of what they read: those
// of the field itself count, and no others.
func TestMayBeEmpty(t *testing.T) {
	t.Parallel()
	const identity = `allow: {cel: "principal.id == request.user_id"}`
	tests := []struct {
		name, messages, authorize string
		want                      []Rule
	}{
		{"a rule of the field that fails to run where it is empty",
			`message M { string user_id = 1 [(buf.validate.field).cel = {id: "u" message: "u" expression: "1 / size(this) > 0"}]; }`, identity, nil},
		{"a rule of another field that fails to run",
			`message M { string user_id = 1; string other = 2 [(buf.validate.field).cel = {id: "o" message: "o" expression: "1 / size(this) > 0"}]; }`, identity,
			[]Rule{RuleCELIdentity}},
		{"a rule of another field beside one of the field",
			`message M { string user_id = 1 [(buf.validate.field).string.min_len = 1]; string other = 2 [(buf.validate.field).cel = {id: "o" message: "o" expression: "1 / size(this) > 0"}]; }`,
			identity, nil},
		{"a rule of the form of the field", `message M { string user_id = 1 [(buf.validate.field).string.uuid = true]; }`, identity, nil},
		{"a rule of the length of the field", `message M { string user_id = 1 [(buf.validate.field).string.len = 3]; }`, identity, nil},
		{"a field that is required", `message M { string user_id = 1 [(buf.validate.field).required = true]; }`, identity, nil},
		{"elements of a list that is required", `message M { repeated string user_ids = 1 [(buf.validate.field).required = true]; }`,
			`allow: {cel: "principal.id in request.user_ids"}`, []Rule{RuleCELIdentity}},
		{"a rule of the field that lets it be empty",
			`message M { string user_id = 1 [(buf.validate.field) = {ignore: IGNORE_IF_ZERO_VALUE string: {min_len: 1}}]; }`, identity, []Rule{RuleCELIdentity}},
		{"a rule that is ignored",
			`message M { string user_id = 1 [(buf.validate.field) = {ignore: IGNORE_ALWAYS string: {min_len: 1}}]; }`, identity, []Rule{RuleCELIdentity}},
		{"one of two fields, of which one is set",
			`message M { option (buf.validate.message).oneof = {fields: ["user_id", "other"] required: true}; string user_id = 1 [(buf.validate.field).string.min_len = 1]; string other = 2; }`,
			identity, []Rule{RuleCELIdentity}},
		{"another length than none", `message M { string user_id = 1 [(buf.validate.field).string.max_len = 3]; }`, identity, []Rule{RuleCELIdentity}},
		{"rules that do not compile, which registration refuses",
			`message M { string user_id = 1 [(buf.validate.field).cel = {id: "u" message: "u" expression: "this."}]; }`, identity, nil},
		{"a rule of the message above the field",
			`message M { O owner = 1 [(buf.validate.field).cel = {id: "o" message: "o" expression: "this.name != ''"}]; } message O { string id = 1; string name = 2; }`,
			`allow: {cel: "principal.id == request.owner.id"}`, []Rule{RuleCELIdentity}},
		{"a rule of the field beside one of the message above it",
			`message M { O owner = 1 [(buf.validate.field).cel = {id: "o" message: "o" expression: "this.name != ''"}]; } message O { string id = 1 [(buf.validate.field).string.min_len = 1]; string name = 2; }`,
			`allow: {cel: "principal.id == request.owner.id"}`, nil},
		{"a rule of the field below a message",
			`message M { O owner = 1; } message O { string id = 1 [(buf.validate.field).string.min_len = 1]; }`,
			`allow: {cel: "principal.id == request.owner.id"}`, nil},
		{"a rule of another field as deep",
			`message M { M next = 1 [(buf.validate.field).required = true]; string id = 2; }`,
			`allow: {cel: "principal.id == request.next.id"}`, []Rule{RuleCELIdentity}},
		{"keys that may be empty", `message M { map<string, string> by_id = 1; }`,
			`allow: {cel: "principal.id in request.by_id"}`, []Rule{RuleCELIdentity}},
		{"keys that may not be empty",
			`message M { map<string, string> by_id = 1 [(buf.validate.field).map.keys.string.min_len = 1]; }`,
			`allow: {cel: "principal.id in request.by_id"}`, nil},
		{"keys that may be empty, of values that may not",
			`message M { map<string, string> by_id = 1 [(buf.validate.field).map.values.string.min_len = 1]; }`,
			`allow: {cel: "principal.id in request.by_id"}`, []Rule{RuleCELIdentity}},
		{"keys that a rule of the map keeps from being empty",
			`message M { map<string, string> by_id = 1 [(buf.validate.field).cel = {id: "m" message: "m" expression: "this.all(k, k != '')"}]; }`,
			`allow: {cel: "principal.id in request.by_id"}`, nil},
		{"a member of a oneof", `message M { oneof of { string a = 1; string b = 2; } }`,
			`allow: {cel: "principal.id == request.a"}`, []Rule{RuleCELIdentity}},
		{"a member of a oneof, where it is asked for", `message M { oneof of { string a = 1; string b = 2; } }`,
			`allow: {cel: "has(request.a) && principal.id == request.a"}`, nil},
		{"a member of a oneof, with a rule", `message M { oneof of { string a = 1 [(buf.validate.field).string.min_len = 1]; string b = 2; } }`,
			`allow: {cel: "principal.id == request.a"}`, nil},
		{"a member of a oneof, where another is asked for", `message M { oneof of { string a = 1; string b = 2; } }`,
			`allow: {cel: "has(request.b) && principal.id == request.a"}`, []Rule{RuleCELIdentity}},
		{"bytes that both may be empty", `message M { optional bytes a = 1; optional bytes b = 2; }`,
			`allow: {cel: "request.a == request.b"}`, []Rule{RuleCELBothEmpty}},
		{"bytes of which one may not be empty", `message M { optional bytes a = 1 [(buf.validate.field).bytes.min_len = 1]; optional bytes b = 2; }`,
			`allow: {cel: "request.a == request.b"}`, nil},
		{"numbers that both may be zero", `message M { optional int64 a = 1; optional int64 b = 2; }`,
			`allow: {cel: "request.a == request.b"}`, []Rule{RuleCELBothEmpty}},
		{"numbers of which one may not be zero", `message M { optional int64 a = 1 [(buf.validate.field).int64.gt = 0]; optional int64 b = 2; }`,
			`allow: {cel: "request.a == request.b"}`, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			schema := compile(t, sources{"a.proto": suggestHead + suggestService(test.messages+"\n", declaredBy(test.authorize))})
			_, refusals := newReader(t, schema.files).File(schema.file(t, "a.proto"), Given{})
			var got []Rule
			for _, refusal := range refusals {
				got = append(got, refusal.Rule)
			}
			if diff := gocmp.Diff(test.want, got); diff != "" {
				t.Errorf("-want +got\n%s%s", diff, texts(refusals))
			}
		})
	}
}

// A text is seen not to be empty by one rule of its own alone, and by none where that may not
// be asked of it.
func TestPlainlyRefusesEmpty(t *testing.T) {
	t.Parallel()
	const minLen = `[(buf.validate.field).string.min_len = 1]`
	for name, test := range map[string]struct {
		message string
		want    bool
	}{
		"required":     {`string a = 1 [(buf.validate.field).required = true];`, true},
		"a uuid":       {`string a = 1 [(buf.validate.field).string.uuid = true];`, true},
		"a min length": {`string a = 1 ` + minLen + `;`, true},
		"a length":     {`string a = 1 [(buf.validate.field).string.len = 3];`, true},
		"no rule":      {`string a = 1;`, false},
		"a max length": {`string a = 1 [(buf.validate.field).string.max_len = 3];`, false},
		"ignored":      {`string a = 1 [(buf.validate.field) = {ignore: IGNORE_IF_ZERO_VALUE string: {min_len: 1}}];`, false},
		"presence":     {`optional string a = 1 ` + minLen + `;`, false},
		"a list":       {`repeated string a = 1 [(buf.validate.field).required = true];`, false},
		"a number":     {`int64 a = 1 [(buf.validate.field).required = true];`, false},
		"one of two":   {`option (buf.validate.message).oneof = {fields: ["a", "b"]}; string a = 1 ` + minLen + `; string b = 2;`, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file := compile(t, sources{"a.proto": `syntax = "proto3"; import "buf/validate/validate.proto"; message M { ` + test.message + ` }`}).file(t, "a.proto")
			if got := plainlyRefusesEmpty(file.Messages().Get(0).Fields().Get(0)); got != test.want {
				t.Errorf("got %t, want %t", got, test.want)
			}
		})
	}
}

// A default that is the empty text is left out of the field that the fix writes; one that
// is a text stays.
func TestFixOfAFieldWithADefault(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`""`:     "at a.proto:5:13:\noptional string user_id = 1 [(buf.validate.field).string.min_len = 1];",
		`"root"`: "at a.proto:5:13:\namong the options of user_id: (buf.validate.field).string.min_len = 1",
	} {
		got := refusalOf(t, sources{"a.proto": "syntax = \"proto2\";\npackage s.v1;\nimport \"buf/validate/validate.proto\";\nimport \"sallyport/v1/action.proto\";\n" +
			suggestService("message M { optional string user_id = 1 [default = "+text+"]; }\n",
				declaredBy(`allow: {cel: "principal.id == request.user_id"}`))}, "a.proto", Given{})
		if diff := gocmp.Diff(want, got.Fix); got.Rule != RuleCELIdentity || diff != "" {
			t.Errorf("default %s: -want +got\n%s%s", text, diff, got)
		}
	}
}
