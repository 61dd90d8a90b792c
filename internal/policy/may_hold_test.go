package policy

import (
	"context"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/sallyport-rpc/sallyport/authn"
	"github.com/sallyport-rpc/sallyport/internal/declare"
)

// Without the resource a grant may hold unless what is known keeps it from it. Where none
// may, no resource makes one hold.
func TestMayHold(t *testing.T) {
	t.Parallel()
	member := authn.Details{Roles: []string{"member"}}
	for name, test := range map[string]struct {
		authorize string
		who       authn.Details
		request   string // "" is no request
		scoped    bool
		want      bool
		never     bool // it may hold as far as is known, and no resource makes it
	}{
		"a rule on the resource":                             {authorize: `allow: {cel: "resource.owner == principal.id"}`, request: `owner: "x"`, want: true},
		"a rule on the resource, with nothing read":          {authorize: `allow: {cel: "resource.owner == principal.id"}`, want: true},
		"the role, and a rule on it":                         {authorize: `allow: {any_role: "member" cel: "resource.owner == principal.id"}`, who: member, request: `owner: "x"`, want: true},
		"no role, and a rule on it":                          {authorize: `allow: {any_role: "member" cel: "resource.owner == principal.id"}`, request: `owner: "x"`},
		"no scope, and a rule on it":                         {authorize: `allow: {all_scopes: "a" cel: "resource.owner == principal.id"}`, request: `owner: "x"`},
		"what the request says, and a rule on it":            {authorize: `allow: {cel: "request.open && resource.owner == principal.id"}`, request: `owner: "x" open: true`, want: true},
		"what the request does not say, and a rule on it":    {authorize: `allow: {cel: "request.open && resource.owner == principal.id"}`, request: `owner: "x"`},
		"what the request does not say, or a rule on it":     {authorize: `allow: {cel: "request.open || resource.owner == principal.id"}`, request: `owner: "x"`, want: true},
		"a request that is not there, and a rule on it":      {authorize: `allow: {cel: "request.open && resource.owner == principal.id"}`},
		"another grant that holds":                           {authorize: `allow: {cel: "request.open && resource.owner == principal.id"} allow: {any_role: "member"}`, who: member, request: `owner: "x"`, want: true},
		"another grant that does not":                        {authorize: `allow: {cel: "request.open && resource.owner == principal.id"} allow: {any_role: "member"}`, request: `owner: "x"`},
		"a check, which is not asked":                        {authorize: `allow: {cel: "resource.owner == principal.id" check: "ok"}`, request: `owner: "x"`, want: true},
		"a check, with no role":                              {authorize: `allow: {any_role: "member" cel: "resource.owner == principal.id" check: "ok"}`, request: `owner: "x"`},
		"a scoped credential, where none is taken":           {authorize: `allow: {cel: "resource.owner == principal.id"}`, request: `owner: "x"`, scoped: true},
		"a scoped credential that carries what is needed":    {authorize: `allow: {cel: "resource.owner == principal.id"} credential_scopes: "a"`, who: authn.Details{Scopes: []string{"a"}}, request: `owner: "x"`, scoped: true, want: true},
		"a scoped credential that carries something else":    {authorize: `allow: {cel: "resource.owner == principal.id"} credential_scopes: "a"`, who: authn.Details{Scopes: []string{"b"}}, request: `owner: "x"`, scoped: true},
		"a negation of what is not known":                    {authorize: `allow: {cel: "!(resource.owner == principal.id)" accept: {rule: "cel-unset-resource" reason: "a test"}}`, request: `owner: "x"`, want: true},
		"a claim that is absent, and a rule on the resource": {authorize: `allow: {cel: "principal.claims.facts['a'] == 'x' && resource.owner == principal.id"}`, request: `owner: "x"`, want: true, never: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			declaration := declared(t, test.authorize+`} resource: {type: "policy.v1.Thing" key: "request.owner"`)
			asked := false
			checks := map[string]CheckFunc{"ok": func(context.Context, *authn.Principal, proto.Message) (bool, error) {
				asked = true
				return true, nil
			}}
			test.who.Unscoped = !test.scoped
			input := Input{Principal: authn.NewPrincipal("alice", test.who).Bound("", authn.NewHierarchy(nil)), Now: noon}
			if test.request != "" {
				input.Request = request(t, declaration.Method.Input(), test.request)
			}
			policy := New(declaration, checks)
			if got := policy.MayHold(t.Context(), input); got != test.want || asked {
				t.Errorf("it may hold: %t, want %t; a check was asked: %t", got, test.want, asked)
			}
			allowed := false
			for _, owner := range []string{"", "alice", "x"} {
				input.Resource = request(t, declaration.Resource.Type, `owner: "`+owner+`"`)
				decision, err := policy.Decide(t.Context(), input)
				if err != nil {
					t.Fatal(err)
				}
				allowed = allowed || decision.Allowed
			}
			if want := test.want && !test.never; allowed != want {
				t.Errorf("some resource makes a grant hold: %t, want %t", allowed, want)
			}
		})
	}
	if New(&declare.Declaration{}, nil).MayHold(t.Context(), Input{Principal: alice(member)}) {
		t.Error("no grant may hold where there is none")
	}
	if (&grant{}).mayHold(t.Context(), &Input{Principal: alice(member)}) {
		t.Error("a grant without a condition may hold")
	}
	if (*Policy)(nil).MayHold(t.Context(), Input{Principal: alice(member)}) || New(declared(t, `allow: {any_role: "member"}`), nil).MayHold(t.Context(), Input{}) {
		t.Error("a grant may hold without a policy or a principal")
	}
}
