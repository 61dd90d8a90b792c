package declare

import (
	"slices"
	"strings"
	"testing"
)

// printed is a schema whose fingerprint is taken, written so that each test changes
// one thing of it.
const printed = `syntax!
package test.v1;
import "buf/validate/validate.proto";
import "sallyport/v1/action.proto";
// A comment.
option (sallyport.v1.condition) = {name: "by_session" cel: "principal.id != 'root'"};
enum Role {
  option (sallyport.v1.roles) = true;
  ROLE_UNSPECIFIED = 0;
  ROLE_MEMBER = 1 [(sallyport.v1.role) = {name: "member"}];
  ROLE_ADMIN = 2 [(sallyport.v1.role) = {name: "admin", includes: "member"}];
  ROLE_OTHER = 3 [(sallyport.v1.role) = {name: "other"}];
}
enum Scope {
  option (sallyport.v1.scope_catalogue) = true;
  SCOPE_UNSPECIFIED = 0;
  SCOPE_A = 1 [(sallyport.v1.scope) = {name: "a"}];
  SCOPE_B = 2 [(sallyport.v1.scope) = {name: "b"}];
  SCOPE_C = 3 [(sallyport.v1.scope) = {name: "c"}];
  SCOPE_A_B = 4 [(sallyport.v1.scope) = {name: "a,b"}];
}
message Request { singular string user_id = 1 [(buf.validate.field).required = true, (buf.validate.field).string.min_len = 1]; }
message Response {}
message Another { singular string user_id = 1 [(buf.validate.field).required = true, (buf.validate.field).string.min_len = 1]; }
service Before {}
service Files {
  rpc Read(Request) returns (Response) {
    option (sallyport.v1.action) = {
      authenticate: {schemes: ["session", "bearer"] max_age: {seconds: 60}}
      authorize: {
        allow: {any_role: "member" all_scopes: ["a", "b"]}
        allow: {cel: "principal.id == request.user_id"}
        allow: {all_scopes: "c" when: "by_session"}
      }
    };
  }
  rpc Watch(Request) returns (stream Response) {
    option idempotency_level = NO_SIDE_EFFECTS;
    option (sallyport.v1.action) = {
      authenticate: {anonymous: "x"}
      authorize: {anyone: "y"}
      stream: {authorize: OPEN}
    };
  }
}
service After {}
`

// fingerprint returns that of the service Files in a schema.
func fingerprint(t *testing.T, reader *Reader, text, syntax, kind string) string {
	t.Helper()
	schema := kinds[kind](t, compile(t, sources{"test.proto": text}.in(syntax)))
	service := schema.file(t, "test.proto").Services().Get(1)
	declarations, refusals := reader.Service(service, Given{})
	if len(refusals) > 0 {
		t.Fatalf("refused:\n%s", texts(refusals))
	}
	return Fingerprint(service, declarations)
}

func TestFingerprintChanges(t *testing.T) {
	t.Parallel()
	tests := map[string][]string{ // what is replaced by what
		"package":                     {"package test.v1;", "package test.v2;"},
		"service":                     {"service Files", "service Folders"},
		"method":                      {"rpc Read(", "rpc Get("},
		"request":                     {"rpc Read(Request)", "rpc Read(Another)"},
		"response":                    {"rpc Read(Request) returns (Response)", "rpc Read(Request) returns (Another)"},
		"name of a message":           {"Request", "Question"},
		"shape":                       {"Watch(Request)", "Watch(stream Request)"},
		"idempotency":                 {"NO_SIDE_EFFECTS", "IDEMPOTENT"},
		"idempotency, left out":       {"option idempotency_level = NO_SIDE_EFFECTS;", ""},
		"idempotency, added":          {"(Response) {\n", "(Response) {\n option idempotency_level = IDEMPOTENT;\n"},
		"method less":                 {"  rpc Watch", "}\nservice Watching {\n  rpc Watch"},
		"scheme":                      {`"session"`, `"mtls"`},
		"order of schemes":            {`["session", "bearer"]`, `["bearer", "session"]`},
		"named condition":             {"principal.id != 'root'", "principal.id != 'guest'"},
		"scheme less":                 {`["session", "bearer"]`, `"session"`},
		"max_age":                     {"{seconds: 60}", "{seconds: 61}"},
		"max_age, finer":              {"{seconds: 60}", "{seconds: 60 nanos: 1}"},
		"max_age, left out":           {"max_age: {seconds: 60}", ""},
		"reason for anonymous":        {`anonymous: "x"`, `anonymous: "z"`},
		"reason for anyone":           {`anyone: "y"`, `anyone: "z"`},
		"role":                        {`any_role: "member"`, `any_role: "other"`},
		"role more":                   {`any_role: "member"`, `any_role: ["member", "other"]`},
		"role that comes to include":  {`{name: "other"}`, `{name: "other", includes: "member"}`},
		"role that no longer does":    {`, includes: "member"`, ``},
		"scope":                       {`["a", "b"]`, `["a", "c"]`},
		"scope less":                  {`["a", "b"]`, `["a"]`},
		"two scopes made one":         {`["a", "b"]`, `["a,b"]`},
		"scope of credentials":        {`request.user_id"}`, `request.user_id"} credential_scopes: "a"`},
		"condition":                   {`principal.id == request.user_id`, `principal.id != request.user_id`},
		"space in a condition":        {`principal.id == request.user_id`, `principal.id  == request.user_id`},
		"condition, made a check":     {`cel: "principal.id == request.user_id"`, `check: "is_owner"`},
		"grant less":                  {`allow: {cel: "principal.id == request.user_id"}`, ``},
		"two grants made one":         {"}\n        allow: {cel:", "cel:"},
		"order of grants":             {`allow: {any_role: "member" all_scopes: ["a", "b"]}`, ``, `request.user_id"}`, `request.user_id"} allow: {any_role: "member" all_scopes: ["a", "b"]}`},
		"conceal":                     {`request.user_id"}`, `request.user_id"} conceal: true`},
		"when a stream is authorized": {`OPEN`, `FIRST_MESSAGE`},
		"limit":                       {`OPEN}`, `OPEN} limit: {per: ADDRESS requests: 1 window: {seconds: 1} burst: 1}`},
		"limit, of another kind":      {`OPEN}`, `OPEN} limit: {per: ACTION requests: 1 window: {seconds: 1} burst: 1}`},
		"limit, of more requests":     {`OPEN}`, `OPEN} limit: {per: ADDRESS requests: 2 window: {seconds: 1} burst: 1}`},
		"limit, of another window":    {`OPEN}`, `OPEN} limit: {per: ADDRESS requests: 1 window: {seconds: 2} burst: 1}`},
		"limit, of another burst":     {`OPEN}`, `OPEN} limit: {per: ADDRESS requests: 1 window: {seconds: 1} burst: 2}`},
		"recheck":                     {`authenticate: {anonymous: "x"}`, `authenticate: {schemes: "session"}`, `OPEN`, `OPEN recheck: {seconds: 60}`},
	}
	reader := newReader(t, nil)
	seen := map[string]string{fingerprint(t, reader, printed, "proto3", "generated"): "the schema as it is"}
	for name, edit := range tests {
		altered := strings.NewReplacer(edit...).Replace(printed)
		if altered == printed {
			t.Errorf("%s: nothing is changed", name)
			continue
		}
		digest := fingerprint(t, reader, altered, "proto3", "generated")
		if before, ok := seen[digest]; ok {
			t.Errorf("%s: the same fingerprint as %s", name, before)
		}
		seen[digest] = name
	}
}

func TestFingerprintStays(t *testing.T) {
	t.Parallel()
	reader := newReader(t, nil)
	want := fingerprint(t, reader, printed, "proto3", "generated")
	for _, way := range everyWay() {
		if got := fingerprint(t, reader, printed, way.syntax, way.kind); got != want {
			t.Errorf("%v: %s, want %s", way, got, want)
		}
	}
	tests := map[string][]string{
		"comment":                  {"// A comment.", "// Another one."},
		"comment at a method":      {"  rpc Watch", "  // Watch it.\n  rpc Watch"},
		"order of messages":        {"message Response {}\n", "", "service Before {}", "message Response {}\nservice Before {}"},
		"order of fields":          {`{schemes: ["session", "bearer"] max_age: {seconds: 60}}`, `{max_age: {seconds: 60} schemes: ["session", "bearer"]}`},
		"order of options":         {"option idempotency_level = NO_SIDE_EFFECTS;\n", "", "stream: {authorize: OPEN}\n    };", "stream: {authorize: OPEN}\n    };\n option idempotency_level = NO_SIDE_EFFECTS;"},
		"order of roles":           {"  ROLE_OTHER = 3 [(sallyport.v1.role) = {name: \"other\"}];\n", "", "  ROLE_MEMBER", "  ROLE_OTHER = 3 [(sallyport.v1.role) = {name: \"other\"}];\n  ROLE_MEMBER"},
		"number of a role":         {"ROLE_OTHER = 3", "ROLE_OTHER = 4"},
		"role that no grant names": {"  ROLE_OTHER = 3 [(sallyport.v1.role) = {name: \"other\"}];\n", ""},
		"field of a message":       {"message Response {}", "message Response { repeated string names = 1; }"},
		"another service":          {"service After {}", "service Later {}"},
		"spelling of the option": {`option (sallyport.v1.action) = {
      authenticate: {anonymous: "x"}
      authorize: {anyone: "y"}
      stream: {authorize: OPEN}
    };`, `
    option (sallyport.v1.action).authenticate.anonymous = "x";
    option (sallyport.v1.action).authorize = {anyone: "y"};
    option (sallyport.v1.action).stream.authorize = OPEN;`},
		"spelling of a list": {`any_role: "member"`, `any_role: ["member"]`},
		"deprecated":         {"(Response) {\n", "(Response) {\n option deprecated = true;\n"},
	}
	for name, edit := range tests {
		altered := strings.NewReplacer(edit...).Replace(printed)
		if altered == printed {
			t.Errorf("%s: nothing is changed", name)
			continue
		}
		if got := fingerprint(t, reader, altered, "proto3", "generated"); got != want {
			t.Errorf("%s: another fingerprint", name)
		}
	}
}

// The shadow of an action rests on roles as its grants do.
func TestFingerprintOfShadow(t *testing.T) {
	t.Parallel()
	reader := newReader(t, nil)
	shadowed := strings.Replace(printed, `when: "by_session"}`, `when: "by_session"} shadow: {allow: {any_role: "other"}}`, 1)
	without := fingerprint(t, reader, printed, "proto3", "generated")
	before := fingerprint(t, reader, shadowed, "proto3", "generated")
	after := fingerprint(t, reader, strings.Replace(shadowed, `includes: "member"`, `includes: ["member", "other"]`, 1), "proto3", "generated")
	if before == without || before == after {
		t.Errorf("without a shadow %s, with one %s, with one role more that has it %s", without, before, after)
	}
}

// ruled is a schema with rules of elements and fields, and a resource, whose fingerprint is
// taken. Each test changes what the options of its actions rest on.
const ruled = `syntax!
package test.v1;
import "google/protobuf/field_mask.proto";
import "sallyport/v1/action.proto";
option (sallyport.v1.condition) = {name: "of_this" cel: "principal.id == this.owner_id"};
option (sallyport.v1.condition) = {name: "of_item" cel: "principal.id == item.owner_id"};
` + suggestRole + `
message User {
  singular string owner_id = 1;
  singular string email = 2 [(sallyport.v1.field).read.allow = {when: "of_this"}];
  singular string phone = 3 [(sallyport.v1.field).read.anyone = "a test"];
  optional string place = 4 [(sallyport.v1.field).write.allow = {any_role: "clerk"}];
  optional string stage = 5 [(sallyport.v1.field).write.anyone = "a test"];
  singular Written written = 6;
}
message Plain { singular string owner_id = 1; }
message Answered { singular string owner_id = 1; singular string note = 2 [(sallyport.v1.field).read.allow = {any_role: "clerk"}]; }
message Written { optional string note = 1 [(sallyport.v1.field).write.allow = {any_role: "clerk"}]; }
message Get { singular string id = 1; singular int64 number = 2; }
message Put { singular User user = 1; singular google.protobuf.FieldMask update_mask = 2; }
message Users { repeated User users = 1; singular User first = 2; singular Answered answered = 3; }
message Response {}
service Before {}
service Files {
  rpc List(Get) returns (Users) {
    option (sallyport.v1.action) = {authenticate: {schemes: "session"} authorize: {anyone: "a test" each: {items: "users" allow: {when: "of_item"}}}};
  }
  rpc Update(Put) returns (Response) {
    option (sallyport.v1.action) = {authenticate: {schemes: "session"} authorize: {anyone: "a test"} writes: {empty_mask: ALL}};
  }
}
`

func TestFingerprintOfRules(t *testing.T) {
	t.Parallel()
	reader := newReader(t, nil)
	seen := map[string]string{fingerprint(t, reader, ruled, "proto3", "generated"): "the schema as it is"}
	for name, edit := range map[string][2]string{
		"elements of another type":    {"repeated User users", "repeated Plain users"},
		"condition of elements":       {"principal.id == item.owner_id", "item.owner_id == principal.id"},
		"condition of a field":        {"principal.id == this.owner_id", "this.owner_id == principal.id"},
		"name of a field":             {"string phone = 3", "string mobile = 3"},
		"reason of a rule":            {`phone = 3 [(sallyport.v1.field).read.anyone = "a test"]`, `phone = 3 [(sallyport.v1.field).read.anyone = "another test"]`},
		"field that is answered":      {"singular Answered answered = 3", "singular Plain answered = 3"},
		"field that is written":       {"singular Written written = 6", "singular Plain written = 6"},
		"mask":                        {"FieldMask update_mask", "FieldMask mask"},
		"role that comes to include":  {`{name: "clerk"}`, `{name: "clerk" includes: "guest"}`},
		"name of a field with a mask": {"User user = 1", "User account = 1"},
	} {
		altered := strings.Replace(ruled, edit[0], edit[1], 1)
		if name == "role that comes to include" {
			altered = strings.Replace(altered, "ROLE_UNSPECIFIED = 0;", `ROLE_UNSPECIFIED = 0; ROLE_GUEST = 9 [(sallyport.v1.role) = {name: "guest"}];`, 1)
			altered = strings.Replace(altered, `note = 2 [(sallyport.v1.field).read.allow = {any_role: "clerk"}]`, `note = 2 [(sallyport.v1.field).read.allow = {any_role: "guest"}]`, 1)
		}
		digest := fingerprint(t, reader, altered, "proto3", "generated")
		if before, ok := seen[digest]; ok {
			t.Errorf("%s: the same fingerprint as %s", name, before)
		}
		seen[digest] = name
	}
	want := fingerprint(t, reader, ruled, "proto3", "generated")
	lines := strings.SplitAfter(ruled, "\n")
	for _, names := range [][2]string{{" email ", " phone "}, {" place ", " stage "}} {
		at := slices.IndexFunc(lines, func(line string) bool { return strings.Contains(line, names[0]) })
		swapped := slices.Clone(lines)
		swapped[at], swapped[at+1] = lines[at+1], lines[at]
		if !strings.Contains(lines[at+1], names[1]) || fingerprint(t, reader, strings.Join(swapped, ""), "proto3", "generated") != want {
			t.Errorf("with%sand%sthe other way round: another fingerprint", names[0], names[1])
		}
	}
	before := compile(t, sources{"test.proto": ruled}.in("proto3")).file(t, "test.proto").Services().Get(0)
	if Fingerprint(before, nil) == "" {
		t.Error("a service without methods has no fingerprint")
	}
}

// The fingerprint of a contract is one of all of its services, in any order.
func TestContractFingerprint(t *testing.T) {
	t.Parallel()
	both := strings.Replace(printed, "service After {}", `service After {
  rpc List(Request) returns (Response) {
    option (sallyport.v1.action) = {authenticate: {schemes: "session"} authorize: {allow: {any_role: "member"}}};
  }
}`, 1)
	read := func(text string) (files, after []*Declaration) {
		t.Helper()
		reader, schema := newReader(t, nil), kinds["generated"](t, compile(t, sources{"test.proto": text}.in("proto3")))
		for i, into := range []*[]*Declaration{1: &files, 2: &after} {
			if into == nil {
				continue
			}
			declarations, refusals := reader.Service(schema.file(t, "test.proto").Services().Get(i), Given{})
			if len(refusals) > 0 {
				t.Fatalf("refused:\n%s", texts(refusals))
			}
			*into = declarations
		}
		return files, after
	}
	files, after := read(both)
	_, other := read(strings.Replace(both, `schemes: "session"} authorize`, `schemes: "bearer"} authorize`, 1))
	want := ContractFingerprint(slices.Concat(files, after))
	for name, same := range map[string][]*Declaration{
		"the services the other way round": slices.Concat(after, files),
		"the methods the other way round":  {files[1], files[0], after[0]},
	} {
		if got := ContractFingerprint(same); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
	seen := map[string]string{want: "the contract"}
	for name, changed := range map[string][]*Declaration{
		"without a service": files, "without the other one": after, "without a method": {files[0], after[0]},
		"with another scheme": slices.Concat(files, other), "without anything": nil,
	} {
		got := ContractFingerprint(changed)
		if before, ok := seen[got]; ok {
			t.Errorf("%s: the same as %s", name, before)
		}
		seen[got] = name
	}
}
