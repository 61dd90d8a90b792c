package condition

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sallyport-rpc/sallyport/authn"
)

// operands are a condition of each truth, in forms that become Go code and in forms
// that are left to CEL.
var operands = map[Truth][]string{
	True:   {`true`, `request.flag`, `request.int32 < 2`},
	False:  {`false`, `request.user_id == "bob"`, `request.int32 > 2`},
	Absent: {`request.owner.id == "alice"`, `request.nick == "a"`, `request.labels["x"] == "a"`, `request.maybe_bool == true`, `request.tags[3] == "a"`},
}

// Every operator over every truth: `!` keeps what is absent, `&&` and `||` absorb it,
// and everything else is absent where a part of it is.
func TestOperators(t *testing.T) {
	t.Parallel()
	and := map[[2]Truth]Truth{
		{True, True}: True, {True, False}: False, {True, Absent}: Absent,
		{False, True}: False, {False, False}: False, {False, Absent}: False,
		{Absent, True}: Absent, {Absent, False}: False, {Absent, Absent}: Absent,
	}
	or := map[[2]Truth]Truth{
		{True, True}: True, {True, False}: True, {True, Absent}: True,
		{False, True}: True, {False, False}: False, {False, Absent}: Absent,
		{Absent, True}: True, {Absent, False}: Absent, {Absent, Absent}: Absent,
	}
	equal := map[[2]Truth]Truth{
		{True, True}: True, {True, False}: False, {True, Absent}: Absent,
		{False, True}: False, {False, False}: True, {False, Absent}: Absent,
		{Absent, True}: Absent, {Absent, False}: Absent, {Absent, Absent}: Absent,
	}
	negated := map[Truth]Truth{True: False, False: True, Absent: Absent}
	environment, kind := environment(t), requestType(t)
	input := Input{Principal: alice(), Request: message(t, kind, `user_id: "alice" flag: true int32: 1`), Now: now}
	check := func(want Truth, text string) {
		if got, err := truth(t, compiled(t, environment, text, kind), input); got != want || err != nil {
			t.Errorf("%s is %v, %v; want %v", text, got, err, want)
		}
	}
	for left, lefts := range operands {
		for _, a := range lefts {
			check(left, a)
			check(negated[left], "!("+a+")")
			for right, rights := range operands {
				for _, b := range rights {
					of := [2]Truth{left, right}
					check(and[of], "("+a+") && ("+b+")")
					check(or[of], "("+a+") || ("+b+")")
					check(equal[of], "("+a+") == ("+b+")")
					check(negated[equal[of]], "("+a+") != ("+b+")")
					for third, thirds := range operands {
						want := map[Truth]Truth{True: right, False: third, Absent: Absent}[left]
						check(want, "("+a+") ? ("+b+") : ("+thirds[0]+")")
					}
				}
			}
		}
	}
}

// What reads a value that is not there is absent, and so is its negation; the nearest
// condition for which it is there is true.
func TestAbsent(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		text    string
		without string // a request of which the condition is absent
		with    string // and one of which it is true
		missing string
	}{
		{"a message", `request.owner.id == "alice"`, ``, `owner {id: "alice"}`, "request.owner"},
		{"a message, for what is not", `request.owner.id != "bob"`, ``, `owner {id: "alice"}`, "request.owner"},
		{"a scalar of proto2", `request.owner.id == "alice"`, `owner {}`, `owner {id: "alice"}`, "request.owner.id"},
		{"a default behind a message", `request.owner.country == "is"`, ``, `owner {}`, "request.owner"},
		{"a scalar of an edition", `request.owner.address.city != "a"`, `owner {address {}}`, `owner {address {city: ""}}`, "request.owner.address.city"},
		{"a message in a message", `request.inner.again.text == ""`, `inner {}`, `inner {again {}}`, "request.inner.again"},
		{"an optional", `request.nick == ""`, ``, `nick: ""`, "request.nick"},
		{"a member of a oneof", `request.by_name == ""`, `by_number: 0`, `by_name: ""`, "request.by_name"},
		{"a number of a oneof", `request.by_number == 0`, `by_name: ""`, `by_number: 0`, "request.by_number"},
		{"a wrapper", `request.maybe_string == "a"`, ``, `maybe_string {value: "a"}`, "request.maybe_string"},
		{"a wrapped bool", `request.maybe_bool == true`, ``, `maybe_bool {value: true}`, "request.maybe_bool"},
		{"a wrapped number", `request.maybe_int < 1`, ``, `maybe_int {}`, "request.maybe_int"},
		{"a timestamp", `request.at <= now`, ``, `at {}`, "request.at"},
		{"a duration", `request.length < duration("1h")`, ``, `length {}`, "request.length"},
		{"a key", `request.labels["x"] == ""`, `labels {key: "y" value: ""}`, `labels {key: "x" value: ""}`, `request.labels["x"]`},
		{"a key by name", `request.labels.x == ""`, ``, `labels {key: "x" value: ""}`, `request.labels.x`},
		{"a key that is read", `request.labels[request.user_id] == ""`, ``, `labels {key: "" value: ""}`, `request.labels[request.user_id]`},
		{"behind a key", `request.owners[7].id == "a"`, `owners {key: 7 value {}}`, `owners {key: 7 value {id: "a"}}`, `request.owners[7].id`},
		{"a key of a struct", `request.struct.a == "a"`, `struct {}`, `struct {fields {key: "a" value {string_value: "a"}}}`, `request.struct.a`},
		{"an index", `request.tags[1] == "a"`, `tags: "a"`, `tags: "b" tags: "a"`, "request.tags[1]"},
		{"has of what stands behind", `has(request.owner.address)`, ``, `owner {address {}}`, "request.owner"},
		{"not has of what stands behind", `!has(request.owner.address)`, ``, `owner {}`, "request.owner"},
		{"has of a key behind", `has(request.owners[7].id)`, ``, `owners {key: 7 value {id: ""}}`, ""},
		{"size", `size(request.owner.id) == 0`, `owner {}`, `owner {id: ""}`, "request.owner.id"},
		{"a call", `request.nick.startsWith("a")`, ``, `nick: "ab"`, "request.nick"},
		{"an operator", `request.maybe_int + 1 == 1`, ``, `maybe_int {}`, "request.maybe_int"},
		{"a part of a list", `principal.id in ["alice", request.nick]`, ``, `nick: "x"`, "request.nick"},
		{"a part of a list, after a match", `["alice", request.nick] == ["alice", ""]`, ``, `nick: ""`, "request.nick"},
		{"what is sought in a list", `request.nick in ["", "a"]`, ``, `nick: "a"`, "request.nick"},
		{"what is sought in a list of the request", `!(request.nick in request.tags)`, ``, `nick: "a"`, "request.nick"},
		{"what is sought in roles", `!(request.nick in principal.roles)`, ``, `nick: "a"`, "request.nick"},
		{"a part of a map", `{"a": request.nick}.a == ""`, ``, `nick: ""`, "request.nick"},
		{"a key of a map", `"alice" in {request.nick: true, "alice": true}`, ``, `nick: ""`, "request.nick"},
		{"an element, exists", `request.members.exists(m, m.id == "a")`, `members {} members {id: "b"}`, `members {} members {id: "a"}`, "m.id"},
		{"an element, all", `request.members.all(m, m.id == "a")`, `members {id: "a"} members {}`, `members {id: "a"}`, "m.id"},
		{"an element, exists_one", `request.members.exists_one(m, m.id == "a")`, `members {} members {id: "a"}`, `members {id: "a"}`, ""},
		{"an element, map", `"a" in request.members.map(m, m.id)`, `members {id: "a"} members {}`, `members {id: "a"}`, ""},
		{"an element, filter", `size(request.members.filter(m, m.id == "a")) == 1`, `members {} members {id: "a"}`, `members {id: "a"}`, ""},
		{"a ternary", `request.maybe_bool == true ? true : true`, ``, `maybe_bool {}`, "request.maybe_bool"},
		{"a branch", `request.flag ? request.nick == "" : false`, `flag: true`, `flag: true nick: ""`, "request.nick"},
	}
	environment, kind := environment(t), requestType(t)
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			for text, with := range map[string]Truth{test.text: True, "!(" + test.text + ")": False} {
				expression := compiled(t, environment, text, kind)
				input := Input{Principal: alice(), Request: message(t, kind, test.without), Now: now}
				if got, err := truth(t, expression, input); got != Absent || err != nil {
					t.Errorf("%s is %v, %v", text, got, err)
				}
				missing := strings.Join(expression.Missing(t.Context(), input, Absent), " ")
				if test.missing != "" && missing != test.missing || missing == "" {
					t.Errorf("%s: %q is missing, want %q", text, missing, test.missing)
				}
				input.Request = message(t, kind, test.with)
				if got, err := truth(t, expression, input); got != with || err != nil {
					t.Errorf("%s is %v, %v, want %v", text, got, err, with)
				}
			}
		})
	}
}

// A macro over a list that is absent is absent. A list of a message that is set is
// there, also where it is empty.
func TestAbsentLists(t *testing.T) {
	t.Parallel()
	kind := file(t, "test.proto", map[string]string{"test.proto": `
		syntax = "proto3";
		package test;
		message Request {
			Of of = 1;
			message Of { repeated string ids = 1; map<string, string> labels = 2; }
		}`}).Messages().Get(0)
	environment := environment(t)
	for text, empty := range map[string]Truth{
		`request.of.ids.all(i, i == "a")`:                  True,
		`request.of.ids.exists(i, i == "a")`:               False,
		`!request.of.ids.exists(i, i == "a")`:              True,
		`request.of.ids.exists_one(i, i == "a")`:           False,
		`request.of.ids.map(i, i) == []`:                   True,
		`request.of.ids.filter(i, i == "a") == []`:         True,
		`size(request.of.ids) == 0`:                        True,
		`"a" in request.of.ids`:                            False,
		`!("a" in request.of.ids)`:                         True,
		`request.of.ids == []`:                             True,
		`request.of.labels.all(k, k == "a")`:               True,
		`"a" in request.of.labels`:                         False,
		`has(request.of.labels.a)`:                         False,
		`has(request.of.ids)`:                              False,
		`request.of.ids.exists(i, i == "a") ? true : true`: True,
	} {
		expression := compiled(t, environment, text, kind)
		for request, want := range map[string]Truth{``: Absent, `of {}`: empty} {
			if got, err := truth(t, expression, Input{Principal: alice(), Request: message(t, kind, request), Now: now}); got != want || err != nil {
				t.Errorf("%s of {%s} is %v, %v; want %v", text, request, got, err, want)
			}
		}
	}
}

// A time of the principal that is not known is absent; its other fields have a value.
func TestAbsentOfThePrincipal(t *testing.T) {
	t.Parallel()
	environment, kind := environment(t), requestType(t)
	bare := principalOf("bob", "session", authn.Details{})
	for text, want := range map[string]struct{ alice, bob Truth }{
		`principal.expires_at > now`:                               {True, Absent},
		`!(principal.expires_at > now)`:                            {False, Absent},
		`now - principal.authenticated_at < duration("1h")`:        {True, Absent},
		`principal.authenticated_at.getFullYear() == 2026`:         {True, Absent},
		`principal.expires_at != now`:                              {True, Absent},
		`dyn(principal.authenticated_at) != null`:                  {True, Absent},
		`has(principal.expires_at)`:                                {True, False},
		`!has(principal.expires_at) || principal.expires_at > now`: {True, True},
		`size(principal.scopes) == 0`:                              {False, True},
	} {
		for principal, want := range map[*authn.Principal]Truth{alice(): want.alice, bare: want.bob} {
			expression := compiled(t, environment, text, kind)
			input := Input{Principal: principal, Request: message(t, kind, ``), Now: now}
			if got, err := truth(t, expression, input); got != want || err != nil {
				t.Errorf("%s of %s is %v, %v; want %v", text, principal.ID(), got, err, want)
			}
			var missing []string
			if want == Absent {
				missing = names(expression.Reads())
			}
			if diff := cmp.Diff(missing, expression.Missing(t.Context(), input, want)); want == Absent && diff != "" {
				t.Errorf("%s: missing (-want +got):\n%s", text, diff)
			}
		}
	}
}

// `principal.roles` has the roles that those of the principal include. Where no gate
// has bound the principal, so that they are not known, it is absent.
func TestRolesAreTheClosure(t *testing.T) {
	t.Parallel()
	environment, kind := environment(t), requestType(t)
	details := authn.Details{Roles: []string{"admin", "auditor"}}
	bound, unbound := principalOf("bob", "session", details), authn.NewPrincipal("bob", details)
	for text, want := range map[string]Truth{
		`"admin" in principal.roles`:                        True,
		`"member" in principal.roles`:                       True,
		`"reader" in principal.roles`:                       True,
		`"alice" in principal.roles`:                        False,
		`!("member" in principal.roles)`:                    False,
		`principal.roles.exists(r, r == "member")`:          True,
		`size(principal.roles) == 4`:                        True,
		`principal.roles.all(r, r in ["admin", "auditor"])`: False,
		`request.user_id in principal.roles`:                True,
		`principal.roles.filter(r, r == "member") == []`:    False,
	} {
		for principal, want := range map[*authn.Principal]Truth{bound: want, unbound: Absent} {
			input := Input{Principal: principal, Request: message(t, kind, `user_id: "member"`), Now: now}
			if got, err := truth(t, compiled(t, environment, text, kind), input); got != want || err != nil {
				t.Errorf("%s is %v, %v; want %v", text, got, err, want)
			}
		}
	}
	for _, role := range []string{"admin", "member", "auditor", "reader", "alice", ""} {
		text := `"` + role + `" in principal.roles`
		got, _ := truth(t, compiled(t, environment, text, kind), Input{Principal: bound, Request: message(t, kind, ``), Now: now})
		if (got == True) != bound.Has(role) {
			t.Errorf("%s is %v, and Has says %t", text, got, bound.Has(role))
		}
	}
}
