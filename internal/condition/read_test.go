package condition

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/apipb"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/sourcecontextpb"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/typepb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/sallyport-rpc/sallyport/authn"
	sallyportv1 "github.com/sallyport-rpc/sallyport/gen/sallyport/v1"
)

// Every field of `principal`: what reads it, of alice and of a principal with
// no details.
func TestPrincipalFields(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ alice, none []string }{
		"id": {
			alice: []string{`principal.id == "alice"`, `has(principal.id)`, `principal.id.startsWith("al")`},
			none:  []string{`principal.id == ""`, `!has(principal.id)`},
		},
		"roles": {
			alice: []string{`"auditor" in principal.roles`, `!("admin" in principal.roles)`, `has(principal.roles)`, `principal.roles == ["member", "auditor", "reader"]`, `"reader" in principal.roles`, `principal.roles[1] == "auditor"`},
			none:  []string{`size(principal.roles) == 0`, `!has(principal.roles)`, `!("" in principal.roles)`},
		},
		"scopes": {
			alice: []string{`"users.write" in principal.scopes`, `has(principal.scopes)`, `principal.scopes.exists(s, s.endsWith(".read"))`, `principal.scopes.all(s, s.startsWith("users."))`},
			none:  []string{`size(principal.scopes) == 0`, `!has(principal.scopes)`},
		},
		"claims": {
			alice: []string{`principal.claims.labels["tenant"] == "acme"`, `principal.claims.labels.tenant == "acme"`, `has(principal.claims.labels)`, `has(principal.claims.labels.empty)`, `!has(principal.claims.labels.ghost)`, `"tenant" in principal.claims.labels`, `principal.claims.labels.exists(k, k == "tenant")`},
			none:  []string{`size(principal.claims.labels) == 0`, `!has(principal.claims.labels)`, `!has(principal.claims.labels.tenant)`, `!has(principal.claims)`},
		},
		"scheme": {
			alice: []string{`principal.scheme == "session"`, `has(principal.scheme)`},
			none:  []string{`principal.scheme == ""`, `!has(principal.scheme)`},
		},
		"authenticated_at": {
			alice: []string{`now - principal.authenticated_at == duration("10m")`, `has(principal.authenticated_at)`, `principal.authenticated_at < now`, `principal.authenticated_at.getFullYear() == 2026`},
			none:  []string{`!has(principal.authenticated_at)`},
		},
		"expires_at": {
			alice: []string{`principal.expires_at > now`, `has(principal.expires_at)`, `principal.expires_at - now == duration("1h")`},
			none:  []string{`!has(principal.expires_at)`},
		},
	}
	// A field that is added comes with a line here, and with one in the .proto's
	// comment on `cel`.
	fields := []string{"ID", "Scheme"}
	for of := range reflect.TypeFor[authn.Details]().Fields() {
		if of.Name != "Unscoped" { // not read
			fields = append(fields, of.Name)
		}
	}
	for _, field := range fields {
		name := strings.ToLower(field[:1]) + strings.NewReplacer("D", "d", "A", "_a").Replace(field[1:])
		if _, ok := tests[name]; !ok {
			t.Errorf("no test reads Principal.%s as principal.%s", field, name)
		}
		if _, ok := principalFields[name]; !ok && name != "claims" { // its type is the application's
			t.Errorf("Principal.%s is no field of principal", field)
		}
	}
	if len(tests) != len(principalFields)+1 {
		t.Errorf("%d fields are tested, and principal has %d besides claims", len(tests), len(principalFields))
	}
	environment := environment(t)
	empty := (&emptypb.Empty{}).ProtoReflect().Descriptor()
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for principal, texts := range map[*authn.Principal][]string{alice(): test.alice, principalOf("", "", authn.Details{}): test.none} {
				for _, text := range texts {
					input := Input{Principal: principal, Request: &emptypb.Empty{}, Now: now}
					got, err := truth(t, compiled(t, environment, text, empty), input)
					if got != True || err != nil {
						t.Errorf("%s of %q = %v, %v", text, principal.ID(), got, err)
					}
				}
			}
		})
	}
}

func TestRequestFields(t *testing.T) {
	t.Parallel()
	const full = `
		user_id: "alice" flag: true int32: -1 int64: -2 uint32: 3 uint64: 4 sint64: -5 fixed32: 6 sfixed64: -7
		float: 0.5 double: 2.5 bytes: "\001\377" nick: "" owner {id: "alice" address {city: "Vík" kind: KIND_HOME}}
		members {id: "bob"} members {id: "alice"} tags: "a" tags: "b" flags: true flags: false
		labels {key: "tenant" value: "acme"} owners {key: 7 value {id: "alice"}} color: COLOR_RED colors: COLOR_RED
		at {seconds: 1777896000} length {seconds: 90} maybe_string {value: "x"} maybe_bool {value: true} maybe_int {value: 0}
		struct {fields {key: "a" value {number_value: 1}}} value {string_value: "v"} by_number: 0
		inner {again {again {text: "deep"}}} empty {} numbers: 1 numbers: 2`
	tests := []struct{ name, request, text string }{
		{"string", full, `request.user_id == principal.id`},
		{"bool", full, `request.flag`},
		{"int32", full, `request.int32 == -1`},
		{"int64", full, `request.int64 == -2`},
		{"uint32", full, `request.uint32 == 3u`},
		{"uint64", full, `request.uint64 == 4u`},
		{"sint64", full, `request.sint64 == -5`},
		{"fixed32", full, `request.fixed32 == 6u`},
		{"sfixed64", full, `request.sfixed64 == -7`},
		{"float", full, `request.float == 0.5`},
		{"double", full, `request.double == 2.5`},
		{"bytes", full, `request.bytes == b'\x01\xff'`},
		{"optional, set to its zero", full, `has(request.nick) && request.nick == ""`},
		{"optional, unset", ``, `!has(request.nick)`},
		{"message of another file", full, `request.owner.id == principal.id`},
		{"message behind another file", full, `request.owner.address.city == "Vík"`},
		{"enum behind another file", full, `request.owner.address.kind == 1`},
		{"enum behind another file, by name", full, `request.owner.address.kind == test.v1.Kind.KIND_HOME`},
		{"message, unset", ``, `!has(request.owner)`},
		{"default of proto2", `owner {}`, `request.owner.country == "is"`},
		{"repeated messages", full, `request.members.exists(m, m.id == principal.id)`},
		{"repeated messages, none", ``, `size(request.members) == 0 && !has(request.members)`},
		{"repeated strings", full, `request.tags.all(tag, tag in ["a", "b"]) && request.tags[0] == "a"`},
		{"repeated bools", full, `request.flags[0]`},
		{"map", full, `request.labels["tenant"] == principal.claims.labels["tenant"]`},
		{"map, has", full, `has(request.labels.tenant) && !has(request.labels.other)`},
		{"map of messages", full, `request.owners[7].id == "alice" && !(8 in request.owners)`},
		{"enum", full, `request.color == 1`},
		{"enum by name", full, `request.color == test.v1.Color.COLOR_RED`},
		{"enum, unset", ``, `request.color == test.v1.Color.COLOR_UNSPECIFIED`},
		{"enum, unknown number", `color: 9`, `request.color == 9`},
		{"repeated enums", full, `request.colors == [1]`},
		{"timestamp", full, `request.at == now && request.at.getFullYear() == 2026`},
		{"timestamp, unset", ``, `!has(request.at)`},
		{"duration", full, `request.length == duration("90s") && request.length < duration("2m")`},
		{"wrapped string", full, `request.maybe_string == "x"`},
		{"wrapped string, unset", ``, `!has(request.maybe_string)`},
		{"wrapped bool", full, `request.maybe_bool == true`},
		{"wrapped int, zero", full, `request.maybe_int == 0 && has(request.maybe_int)`},
		{"struct", full, `request.struct.a == 1.0`},
		{"value", full, `request.value == "v"`},
		{"any, unset", full, `!has(request.any)`},
		{"oneof, set to its zero", full, `has(request.by_number) && !has(request.by_name)`},
		{"oneof, the other", `by_name: "n"`, `has(request.by_name) && request.by_name == "n"`},
		{"nested", full, `request.inner.again.again.text == "deep"`},
		{"empty", full, `has(request.empty)`},
		{"whole message", full, `request == request && request != test.v1.Request{}`},
		{"made message", full, `request.inner.again.again == test.v1.Request.Inner{text: "deep"}`},
		{"sum of a list", full, `request.numbers.map(n, n * 2) == [2, 4]`},
	}
	environment := environment(t)
	kind := requestType(t)
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			input := Input{Principal: alice(), Request: message(t, kind, test.request), Now: now}
			if got, err := truth(t, compiled(t, environment, test.text, kind), input); got != True || err != nil {
				t.Errorf("%s = %v, %v", test.text, got, err)
			}
			if got, err := truth(t, compiled(t, environment, "!("+test.text+")", kind), input); got != False || err != nil {
				t.Errorf("!(%s) = %v, %v", test.text, got, err)
			}
		})
	}
}

// Requests that Go code was generated from, and those that CEL takes for values.
func TestGeneratedRequests(t *testing.T) {
	t.Parallel()
	tests := []struct {
		request proto.Message
		text    string
	}{
		{&emptypb.Empty{}, `true`},
		{&wrapperspb.StringValue{Value: "alice"}, `request == principal.id`},
		{&durationpb.Duration{Seconds: 60}, `request == duration("1m")`},
		{&apipb.Api{SourceContext: &sourcecontextpb.SourceContext{FileName: "a"}}, `request.source_context.file_name == "a"`},
		{&apipb.Api{Syntax: typepb.Syntax_SYNTAX_PROTO3}, `request.syntax == google.protobuf.Syntax.SYNTAX_PROTO3`},
		{&apipb.Api{Methods: []*apipb.Method{{Name: "a"}, {Name: "b"}}}, `request.methods.exists(m, m.name == "b")`},
		{&apipb.Api{}, `!has(request.source_context) && request.methods == []`},
		{&sallyportv1.Authenticate{Anonymous: new("")}, `has(request.anonymous) && request.anonymous == ""`},
		{&sallyportv1.Authenticate{Schemes: []string{"session"}}, `!has(request.anonymous) && request.schemes == [principal.scheme]`},
		{&sallyportv1.Authenticate{MaxAge: durationpb.New(time.Minute)}, `request.max_age < duration("1h")`},
		{&sallyportv1.Action{Stream: &sallyportv1.Stream{Authorize: sallyportv1.Stream_OPEN}}, `request.stream.authorize == sallyport.v1.Stream.Timing.OPEN`},
		{(*sallyportv1.Action)(nil), `!has(request.stream)`},
		{&structpb.Struct{Fields: map[string]*structpb.Value{"a": structpb.NewBoolValue(true)}}, `request.a == true`},
		{&structpb.Struct{Fields: map[string]*structpb.Value{"a": structpb.NewBoolValue(true)}}, `!has(request.fields)`},
	}
	environment := environment(t)
	for _, test := range tests {
		t.Run(test.text, func(t *testing.T) {
			t.Parallel()
			expression := compiled(t, environment, test.text, test.request.ProtoReflect().Descriptor())
			got, err := truth(t, expression, Input{Principal: alice(), Request: test.request, Now: now})
			if got != True || err != nil {
				t.Errorf("%s = %v, %v", test.text, got, err)
			}
		})
	}
}

// The same path with another content, as in a process that reads two versions of a
// schema, is another file.
func TestFilesOfOnePathAreKeptApart(t *testing.T) {
	t.Parallel()
	environment := environment(t)
	version := func(field string) protoreflect.MessageDescriptor {
		return file(t, "test.proto", map[string]string{
			"test.proto": `syntax = "proto3"; package test; message Request { string ` + field + ` = 1; }`,
		}).Messages().Get(0)
	}
	for _, field := range []string{"before", "after"} {
		kind := version(field)
		input := Input{Request: message(t, kind, field+`: "x"`)}
		if got, err := truth(t, compiled(t, environment, `request.`+field+` == "x"`, kind), input); got != True || err != nil {
			t.Errorf("request.%s: %v, %v", field, got, err)
		}
	}
}
