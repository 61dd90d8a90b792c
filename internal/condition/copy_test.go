package condition

import (
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// copied is a request with something of every kind, and with what is not to be shown on every
// level.
const copied = `
	syntax = "proto3";
	package test;
	import "google/protobuf/any.proto";
	import "google/protobuf/timestamp.proto";
	message Request {
		string name = 1;
		string secret = 2 [debug_redact = true];
		Inner inner = 3;
		Inner hidden = 4 [debug_redact = true];
		repeated string names = 5;
		repeated Inner inners = 6;
		map<string, string> labels = 7;
		map<string, Inner> by_name = 8;
		google.protobuf.Any any = 9;
		google.protobuf.Timestamp at = 10;
		message Inner {
			string text = 1;
			string secret = 2 [debug_redact = true];
			Inner again = 3;
			google.protobuf.Any any = 4;
		}
	}`

// What is copied of a message is what is read of it, and nothing that is not to be shown; it
// is said where something was left out.
func TestCopy(t *testing.T) {
	t.Parallel()
	const packed = `any {type_url: "type.googleapis.com/test.Request" value: "\n\001x"}`
	tests := []struct {
		name, text string
		from, want string
		incomplete bool
		inner      string // the field `inner` of the message that comes, where its schema is another
		unknown    bool   // it has a field that its schema has not
	}{
		{name: "a field", text: `request.name == ""`, from: `name: "n" names: "a" inner {text: "t"}`, want: `name: "n"`},
		{name: "several", text: `request.name == "" || "a" in request.names`, from: `name: "n" names: "a" inner {text: "t"}`, want: `name: "n" names: "a"`},
		{name: "one that is not set", text: `request.name == ""`, from: `names: "a"`, want: ``},
		{name: "below a message", text: `request.inner.again.text == ""`, from: `inner {text: "t" again {text: "u" secret: "s"}}`, want: `inner {again {text: "u"}}`},
		{name: "below a message that is not set", text: `request.inner.again.text == ""`, from: `name: "n"`, want: ``},
		{name: "below an inner message that is not set", text: `request.inner.again.text == ""`, from: `inner {text: "t"}`, want: `inner {}`},
		{name: "a secret", text: `request.secret == ""`, from: `secret: "s" name: "n"`, want: ``, incomplete: true},
		{name: "a secret that is not set", text: `request.secret == ""`, from: `name: "n"`, want: ``},
		{name: "a secret of a message", text: `request.inner.secret == ""`, from: `inner {text: "t" secret: "s"}`, want: `inner {}`, incomplete: true},
		{name: "below a secret", text: `request.hidden.text == ""`, from: `hidden {text: "t"}`, want: ``, incomplete: true},
		{name: "a message", text: `has(request.inner)`, from: `inner {text: "t" again {text: "u" again {}}}`, want: `inner {text: "t" again {text: "u" again {}}}`},
		{name: "a message with a secret", text: `has(request.inner)`, from: `inner {text: "t" secret: "s"}`, want: `inner {text: "t"}`, incomplete: true},
		{name: "a message with one with a secret", text: `has(request.inner)`, from: `inner {again {text: "t" secret: "s"} text: "u"}`, want: `inner {again {text: "t"} text: "u"}`, incomplete: true},
		{name: "a message that CEL knows", text: `request.at < now`, from: `at {seconds: 7}`, want: `at {seconds: 7}`},
		{name: "an Any", text: `has(request.any)`, from: packed, want: `any {}`, incomplete: true},
		{name: "an empty Any", text: `has(request.any)`, from: `any {}`, want: `any {}`, incomplete: true},
		{name: "a message with an Any", text: `has(request.inner)`, from: `inner {text: "t" ` + packed + `}`, want: `inner {text: "t" any {}}`, incomplete: true},
		{name: "a list", text: `"a" in request.names`, from: `names: "a" names: "" name: "n"`, want: `names: "a" names: ""`},
		{name: "a list of messages", text: `request.inners.exists(i, i.text == "")`, from: `inners {text: "t"} inners {} inners {again {text: "u"}}`, want: `inners {text: "t"} inners {} inners {again {text: "u"}}`},
		{name: "a list with a secret, the first", text: `request.inners.exists(i, i.text == "")`, from: `inners {text: "t" secret: "s"} inners {text: "u"}`, want: `inners {text: "t"} inners {text: "u"}`, incomplete: true},
		{name: "a list with a secret, the last", text: `request.inners.exists(i, i.text == "")`, from: `inners {text: "t"} inners {text: "u" secret: "s"}`, want: `inners {text: "t"} inners {text: "u"}`, incomplete: true},
		{name: "a map", text: `request.labels.a == ""`, from: `labels {key: "a" value: "b"} labels {key: "c" value: ""}`, want: `labels {key: "a" value: "b"} labels {key: "c" value: ""}`},
		{
			name: "a map of messages", text: `request.by_name.a.text == ""`,
			from: `by_name {key: "a" value {text: "t"}} by_name {key: "b" value {}} by_name {key: "c" value {again {}}}`,
			want: `by_name {key: "a" value {text: "t"}} by_name {key: "b" value {}} by_name {key: "c" value {again {}}}`,
		},
		{
			name: "a map with a secret", text: `request.by_name.a.text == ""`,
			from:       `by_name {key: "a" value {text: "t"}} by_name {key: "b" value {secret: "s"}} by_name {key: "c" value {text: "u"}}`,
			want:       `by_name {key: "a" value {text: "t"}} by_name {key: "b" value {}} by_name {key: "c" value {text: "u"}}`,
			incomplete: true,
		},
		{
			name: "all of it", text: `request == request`,
			from: `name: "n" inner {text: "t"} names: "a" inners {text: "u"} labels {key: "a" value: "b"} at {seconds: 7}`,
			want: `name: "n" inner {text: "t"} names: "a" inners {text: "u"} labels {key: "a" value: "b"} at {seconds: 7}`,
		},
		{
			name: "all of it, with secrets", text: `request == request`,
			from:       `name: "n" secret: "s" inner {text: "t" secret: "s"} hidden {text: "s"} names: "a"`,
			want:       `name: "n" inner {text: "t"} names: "a"`,
			incomplete: true,
		},
		{name: "all of it, with more", text: `request == request`, from: `name: "n"`, want: `name: "n"`, unknown: true, incomplete: true},
		{name: "a field, with more", text: `request.name == ""`, from: `name: "n"`, want: `name: "n"`, unknown: true},
		{
			name: "a list twice", text: `request == request && "a" in request.names && has(request.inner) && request.inner.text == ""`,
			from: `names: "a" names: "b" inner {text: "t"}`, want: `names: "a" names: "b" inner {text: "t"}`,
		},

		{name: "claims", text: `principal.claims.team == ""`, from: `team: "red" org_ids: "a"`, want: `team: "red"`},
		{name: "a secret of the claims", text: `principal.claims.secret == ""`, from: `team: "red" secret: "s"`, want: ``, incomplete: true},
		{name: "below claims", text: `principal.claims.home.role == 1`, from: `home {role: ROLE_GUEST}`, want: `home {role: ROLE_GUEST}`},
		{name: "all claims", text: `has(principal.claims)`, from: `team: "red" org_ids: "a"`, want: `team: "red" org_ids: "a"`},
		{name: "all claims, with a secret", text: `has(principal.claims)`, from: `team: "red" secret: "s"`, want: `team: "red"`, incomplete: true},

		// A message of the same name may come of another schema.
		{name: "without the field", text: `request.inner.text == ""`, from: `name: "n"`, want: ``, inner: `string other = 3;`, incomplete: true},
		{name: "without the field below", text: `request.inner.text == ""`, from: `inner {role: 1}`, want: `inner {}`, inner: `Role inner = 3; message Role { int64 role = 1; }`, incomplete: true},
		{name: "a text in place of a message", text: `request.inner.text == ""`, from: `inner: "t"`, want: ``, inner: `string inner = 3;`, incomplete: true},
		{name: "a list in place of a message", text: `request.inner.text == ""`, from: `inner {text: "t"}`, want: ``, inner: `repeated Inner inner = 3; message Inner { string text = 1; }`, incomplete: true},
		{name: "a map in place of a message", text: `request.inner.value == ""`, from: `inner {key: "a" value: "t"}`, want: ``, inner: `map<string, string> inner = 3;`, incomplete: true},
		{name: "another secret", text: `request.inner.text == ""`, from: `inner {text: "t"}`, want: ``, inner: `Inner inner = 3 [debug_redact = true]; message Inner { string text = 1; }`, incomplete: true},
		{name: "a list in place of a text", text: `request.inner.text == ""`, from: `inner {text: "t" text: "u"}`, want: `inner {text: "t" text: "u"}`, inner: `Inner inner = 3; message Inner { repeated string text = 1; }`},
	}
	environment := environment(t)
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			schema := strings.Replace(copied, `string text = 1;`, `string text = 1; string value = 5;`, 1)
			kind := file(t, "test.proto", map[string]string{"test.proto": schema}).Messages().Get(0)
			reads := compiled(t, environment, test.text, kind).Reads()
			switch {
			case !reads[0].OfRequest():
				kind = sampleClaims()
			case test.inner != "":
				kind = file(t, "test.proto", map[string]string{"test.proto": `syntax = "proto3"; package test; message Request { string name = 1; ` + test.inner + ` }`}).Messages().Get(0)
			}
			from, want := message(t, kind, test.from), message(t, kind, test.want)
			if test.unknown {
				from.ProtoReflect().SetUnknown(protoreflect.RawFields("\xf8\x01\x01"))
			}
			before := proto.Clone(from)
			to, complete := from.ProtoReflect().New(), true
			for _, read := range reads {
				of := read.CopyRequest
				if !read.OfRequest() {
					of = read.CopyClaims
				}
				complete = of(to, from.ProtoReflect()) && complete
			}
			if got := to.Interface(); !proto.Equal(got, want) || complete == test.incomplete {
				t.Errorf("copied %v, complete: %t; want %v, %t", got, complete, want, !test.incomplete)
			}
			if !proto.Equal(from, before) {
				t.Errorf("what it was copied of is %v, and was %v", from, before)
			}
		})
	}
}

// A read says what it is of.
func TestReadIsOf(t *testing.T) {
	t.Parallel()
	kind := requestType(t)
	environment := environment(t).WithSubject(Subject{Name: ItemName, Type: kind})
	for text, want := range map[string]struct {
		principal        string
		request, subject bool
	}{
		`principal.roles == []`:       {principal: "roles"},
		`has(principal.claims)`:       {principal: "claims"},
		`principal.claims.team == ""`: {principal: "claims"},
		`dyn(principal) == principal`: {principal: "principal"},
		`request.owner.id == ""`:      {request: true},
		`request == request`:          {request: true},
		`item.flag`:                   {subject: true},
		`item == item`:                {subject: true},
	} {
		read := compiled(t, environment, text, kind).Reads()[0]
		if read.Principal() != want.principal || read.OfRequest() != want.request || read.OfSubject() != want.subject {
			t.Errorf("%s: of the principal %q, of the request %t, of the subject %t", text, read.Principal(), read.OfRequest(), read.OfSubject())
		}
	}
	if made := OfPrincipal("roles"); made.Principal() != "roles" || made.Name != "principal.roles" || made.OfRequest() {
		t.Errorf("OfPrincipal makes %+v", made)
	}
	if made := OfRequest(Path{kind.Fields().ByName("owner")}); !made.OfRequest() || made.Name != "request.owner" || made.Principal() != "" {
		t.Errorf("OfRequest makes %+v", made)
	}
}
