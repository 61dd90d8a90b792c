package condition

import (
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/sallyport-rpc/sallyport/authn"
)

// The common conditions are Go code, the others are left to CEL, and of every input
// the two say the same.
func TestNativeSaysWhatCELSays(t *testing.T) {
	t.Parallel()
	tests := []struct {
		text   string
		native bool
	}{
		{`principal.id == request.user_id`, true},
		{`request.user_id == principal.id`, true},
		{`principal.id != request.user_id`, true},
		{`principal.id == "alice"`, true},
		{`principal.scheme == "session"`, true},
		{`principal.id == principal.scheme`, true},
		{`"auditor" in principal.roles`, true},
		{`!("auditor" in principal.roles)`, true},
		{`request.user_id in principal.scopes`, true},
		{`principal.id in request.tags`, true},
		{`principal.id in ["alice", request.user_id, "bob"]`, true},
		{`principal.id in []`, true},
		{`request.flag`, true},
		{`!request.flag`, true},
		{`request.flag == true`, true},
		{`request.flag != has(request.owner)`, true},
		{`has(request.nick)`, true},
		{`has(request.user_id)`, true},
		{`has(request.tags)`, true},
		{`has(request.labels)`, true},
		{`has(request.owner.address)`, true},
		{`has(request.by_name) || has(request.by_number)`, true},
		{`has(request.at)`, true},
		{`request.owner.id == principal.id`, true},
		{`request.owner.address.city == "Vík"`, true},
		{`request.owner.country == "is"`, true},
		{`request.inner.again.again.text == ""`, true},
		{`request.int32 == 1`, true},
		{`request.int64 == request.int32`, true},
		{`request.sfixed64 != -9223372036854775808`, true},
		{`request.color == 1`, true},
		{`request.color == test.v1.Color.COLOR_RED`, true},
		{`request.owner.address.kind == test.v1.Kind.KIND_HOME`, true},
		{`request.nick == ""`, true},
		{`request.by_number == 0`, true},
		{`true`, true},
		{`false || request.flag`, true},
		{`request.flag && principal.id == "alice" || "auditor" in principal.roles && !has(request.nick)`, true},

		{`has(request.user_id) == has(request.nick)`, true},
		{`has(request.user_id) != has(request.by_name)`, true},

		{`request == request`, false},
		{`principal.id == request.maybe_string`, false},
		{`(request.user_id + "") in request.tags`, false},
		{`(request.user_id + "") in ["alice"]`, false},
		{`request.labels.key == "a"`, false},
		{`request.labels.value == principal.id`, false},
		{`has(principal.id)`, false},
		{`principal.claims.labels.tenant == "acme"`, false},
		{`request.uint32 == 1u`, false},
		{`request.double == 1.0`, false},
		{`request.bytes == b""`, false},
		{`request.maybe_bool == true`, false},
		{`request.maybe_string == principal.id`, false},
		{`request.at == now`, false},
		{`request.int32 < 1`, false},
		{`request.int32 in [1, 2]`, false},
		{`request.color in request.colors`, false},
		{`principal.id in request.labels`, false},
		{`principal.id.startsWith("a")`, false},
		{`request.flag ? true : request.flag`, false},
		{`request.tags == ["a"]`, false},
		{`request.value == principal.id`, false},
		{`request.members.exists(m, m.id == principal.id)`, false},
		{`request.members.exists(principal, principal.id == "alice")`, false},
		{`principal.id == "alice" && request.int32 < 1`, false},
	}
	environment := environment(t)
	kind := requestType(t)
	principals := []*authn.Principal{alice(), {}, authn.NewPrincipal("bob", authn.Details{Unscoped: true, Roles: []string{"", "auditor"}, Scopes: []string{"alice"}}), nil}
	requests := []proto.Message{
		message(t, kind, ``),
		message(t, kind, `user_id: "alice" flag: true nick: "" int32: 1 int64: 1 color: COLOR_RED tags: "alice" tags: "" owner {id: "alice" address {city: "Vík" kind: KIND_HOME}} by_number: 0`),
		message(t, kind, `user_id: "users.read" nick: "x" owner {} color: 77 tags: "bob" int64: -9223372036854775808 sfixed64: -9223372036854775808 by_name: "" inner {again {}} at {}`),
		message(t, kind, `owner {country: "" address {}} colors: 77 labels {key: "alice" value: ""} labels {key: "key" value: "a"} members {id: "alice"} maybe_string {value: "alice"} maybe_bool {value: true}`),
		// The same message of another reading of the schema.
		message(t, requestType(t), `user_id: "alice" flag: true owner {id: "alice"} tags: "alice"`),
		dynamicpb.NewMessage(kind).Type().Zero().Interface(),
		nil,
	}
	for _, test := range tests {
		t.Run(test.text, func(t *testing.T) {
			t.Parallel()
			expression := compiled(t, environment, test.text, kind)
			if got := expression.native != nil; got != test.native {
				t.Errorf("native: %t, want %t", got, test.native)
			}
			for _, principal := range principals {
				for _, request := range requests {
					input := Input{Principal: principal, Request: request, Now: now}
					if _, err := truth(t, expression, input); err != nil {
						t.Errorf("%v: %v", input, err)
					}
				}
			}
		})
	}
}
