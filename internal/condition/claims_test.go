package condition

import (
	"context"
	"errors"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/sallyport-rpc/sallyport/authn"
)

func TestClaims(t *testing.T) {
	t.Parallel()
	claims, request := sampleClaims(), requestType(t)
	environment := environment(t)
	full := message(t, claims, `org_ids: "acme" org_ids: "blue" team: "red"
		memberships: {key: "acme" value: {role: ROLE_OWNER}} home: {role: ROLE_GUEST}`)
	tests := map[string]struct {
		text        string
		full, empty bool
	}{
		"an element":                 {`request.user_id in principal.claims.org_ids`, true, false},
		"another element":            {`'none' in principal.claims.org_ids`, false, false},
		"a text":                     {`principal.claims.team == 'red'`, true, false},
		"a text that is not set":     {`principal.claims.team == ''`, false, true},
		"whether it is set":          {`has(principal.claims.team)`, true, false},
		"a role within a tenant":     {`principal.claims.memberships[request.user_id].role == iam.v1.Role.ROLE_OWNER`, true, false},
		"a tenant without a role":    {`principal.claims.memberships['other'].role == iam.v1.Role.ROLE_OWNER`, false, false},
		"every element":              {`principal.claims.org_ids.exists(id, id == request.user_id)`, true, false},
		"a message within":           {`principal.claims.home.role == iam.v1.Role.ROLE_GUEST`, true, false},
		"whether any are there":      {`has(principal.claims)`, true, false},
		"beside what all principals": {`principal.id == 'alice' && principal.claims.team == 'red'`, true, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			expression := compiled(t, environment, test.text, request)
			for want, details := range map[bool]authn.Details{test.full: {Claims: full}, test.empty: {}} {
				if test.full == test.empty && details.Claims == nil {
					details.Claims = full
				}
				input := Input{Principal: authn.NewPrincipal("alice", details), Request: message(t, request, `user_id: "acme"`), Now: now}
				if got, _ := truth(t, expression, input); (got == True) != want {
					t.Errorf("%s of claims %v = %v", test.text, details.Claims, got)
				}
			}
		})
	}
}

// Without a type of claims there is nothing to read; with one, only its fields.
func TestClaimsThatAreNotThere(t *testing.T) {
	t.Parallel()
	request := requestType(t)
	with := environment(t)
	without := with.WithClaims(nil)
	tests := []struct {
		environment *Environment
		text        string
		compiles    bool
	}{
		{without, `principal.claims.team == 'red'`, false},
		{with, `principal.claims.team == 'red'`, true},
		{with, `principal.claims.teem == 'red'`, false},
		{with, `principal.claims.org_ids == 'red'`, false},
	}
	for _, test := range tests {
		_, err := test.environment.Compile(test.text, request)
		if _, refused := errors.AsType[*SyntaxError](err); refused == test.compiles || (err == nil) != test.compiles {
			t.Errorf("Compile(%s): %v", test.text, err)
		}
	}
}

// Claims of another type let no caller in, though they had the same fields.
func TestClaimsOfAnotherType(t *testing.T) {
	t.Parallel()
	request := requestType(t)
	alike := file(t, "alike.proto", map[string]string{"alike.proto": `
		syntax = "proto3";
		package other.v1;
		message Claims { string team = 3; }`}).Messages().Get(0)
	for _, text := range []string{`principal.claims.team != 'red'`, `principal.claims == principal.claims`, `dyn(principal.claims) != 'red'`} {
		expression := compiled(t, environment(t), text, request)
		for name, test := range map[string]struct {
			claims proto.Message
			want   Truth
		}{
			"of the type":             {message(t, sampleClaims(), `team: "blue"`), True},
			"of another":              {message(t, request, `user_id: "x"`), Absent},
			"of another with a team":  {message(t, alike, `team: "blue"`), Absent},
			"of another with nothing": {message(t, alike, ``), Absent},
		} {
			input := Input{Principal: authn.NewPrincipal("alice", authn.Details{Claims: test.claims}), Request: message(t, request, ""), Now: now}
			if got, err := truth(t, expression, input); got != test.want || err != nil {
				t.Errorf("%s: claims %s: %v, %v", text, name, got, err)
			}
		}
	}
}

// What a rule on claims cannot read is absent, and so is its negation: it lets no caller in,
// and does not end the decision. Only the cost limit, and a caller who is gone, end it.
func TestRulesThatFailOnClaims(t *testing.T) {
	t.Parallel()
	request := requestType(t)
	environment := environment(t)
	long := "org_ids: [" + strings.TrimSuffix(strings.Repeat(`"a",`, 1000), ",") + "]"
	for name, test := range map[string]struct {
		text, claims string
		none         bool // no claims were given
		ends         error
	}{
		"a key that is not there":              {text: `principal.claims.memberships[request.user_id].role == iam.v1.Role.ROLE_OWNER`, claims: `memberships {key: "other" value {}}`},
		"a key, for what is not":               {text: `principal.claims.memberships[request.user_id].role != iam.v1.Role.ROLE_GUEST`, claims: ``},
		"a key of no claims":                   {text: `principal.claims.labels["x"] == ""`, none: true},
		"a message that is not set":            {text: `principal.claims.home.role == iam.v1.Role.ROLE_UNSPECIFIED`, claims: ``},
		"a message of no claims":               {text: `principal.claims.home.role == iam.v1.Role.ROLE_UNSPECIFIED`, none: true},
		"an index beyond the end":              {text: `principal.claims.org_ids[1] == "acme"`, claims: `org_ids: "acme"`},
		"an index of no claims":                {text: `principal.claims.org_ids[0] == ""`, none: true},
		"no number":                            {text: `int(principal.claims.team) > 0`, claims: `team: "red"`},
		"no time":                              {text: `timestamp(principal.claims.team) > now`, claims: `team: "red"`},
		"division by zero":                     {text: `1 / size(principal.claims.org_ids) == 1`, claims: ``},
		"an element of a map":                  {text: `principal.claims.org_ids.exists(id, principal.claims.memberships[id].role == iam.v1.Role.ROLE_OWNER)`, claims: `org_ids: "acme"`},
		"a list with a part that is not there": {text: `request.user_id in ["acme", principal.claims.labels["x"]]`, claims: ``},
		"too much to look at":                  {text: `principal.claims.org_ids.all(a, principal.claims.org_ids.all(b, a == b))`, claims: long, ends: ErrCost},
		"too much to look at, absorbed":        {text: `principal.claims.org_ids.all(a, principal.claims.org_ids.all(b, a == b)) || true`, claims: long, ends: ErrCost},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			details := authn.Details{}
			if !test.none {
				details.Claims = message(t, sampleClaims(), test.claims)
			}
			input := Input{Principal: principalOf("alice", "session", details), Request: message(t, request, `user_id: "acme"`), Now: now}
			for _, text := range []string{test.text, "!(" + test.text + ")"} {
				got, err := truth(t, compiled(t, environment, text, request), input)
				if test.ends != nil {
					if got == True || !errors.Is(err, test.ends) {
						t.Errorf("%s is %v, %v; want it to end the decision", text, got, err)
					}
				} else if got != Absent || err != nil {
					t.Errorf("%s is %v, %v", text, got, err)
				}
			}
		})
	}
	t.Run("a caller who is gone", func(t *testing.T) {
		t.Parallel()
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		expression := compiled(t, environment, `principal.claims.org_ids.exists(a, a == "b") || true`, request)
		input := Input{Principal: principalOf("alice", "session", authn.Details{Claims: message(t, sampleClaims(), long)}), Request: message(t, request, ``), Now: now}
		if holds, err := expression.Holds(gone, &input); holds || !errors.Is(err, context.Canceled) {
			t.Errorf("%v, %v", holds, err)
		}
	})
}
