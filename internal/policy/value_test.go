package policy

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"

	"github.com/sallyport-rpc/sallyport/authn"
)

const filled = `owner: "bob" secret: "planted" tags: "a" tags: "b" open: true
	inner {text: "t" secret: "planted" again {text: "u" secret: "planted"}} hidden {text: "planted"}
	inners {text: "v" secret: "planted"} inners {} by_name {key: "k" value {text: "w" secret: "planted"}}
	any {[type.googleapis.com/google.protobuf.StringValue] {value: "planted"}}`

const filledClaims = `team: "blue" secret: "planted" home {town: "t" secret: "planted"} facts {key: "k" value: "v"}`

// What an event may keep of a call: what the conditions read, and not what is
// redacted.
func TestValues(t *testing.T) {
	t.Parallel()
	who := authn.Details{
		Unscoped: true,
		Roles:    []string{"x", "member"}, Scopes: []string{"s"},
		AuthenticatedAt: noon.Add(-time.Hour), ExpiresAt: noon.Add(time.Hour),
	}
	for name, test := range map[string]struct {
		authorize string
		nothing   bool // there is no request
		unclaimed bool // the principal has no claims
		check     error
		want      Values
		request   string // what is kept of it
		claims    string // what is kept of them
	}{
		"anyone":            {authorize: `anyone: "all may"`},
		"roles":             {authorize: `allow: {any_role: "admin"}`, want: Values{Reads: []string{"principal.roles"}, Roles: who.Roles}},
		"scopes":            {authorize: `allow: {all_scopes: "a"}`, want: Values{Reads: []string{"principal.scopes"}, Scopes: who.Scopes}},
		"id":                {authorize: `allow: {cel: "principal.id == 'x'"}`, want: Values{Reads: []string{"principal.id"}}},
		"claims":            {authorize: `allow: {cel: "principal.claims.team == 'x'"}`, want: Values{Reads: []string{"principal.claims.team"}}, claims: `team: "blue"`},
		"claims, deep":      {authorize: `allow: {cel: "principal.claims.home.town == 'x' || principal.claims.facts['k'] == 'x'"}`, want: Values{Reads: []string{"principal.claims.home.town", "principal.claims.facts"}}, claims: `home {town: "t"} facts {key: "k" value: "v"}`},
		"claims redacted":   {authorize: `allow: {cel: "principal.claims.secret == 'x' || principal.claims.home.secret == 'x' || principal.claims.team == 'x'"}`, want: Values{Reads: []string{"principal.claims.secret", "principal.claims.home.secret", "principal.claims.team"}, Incomplete: []string{"principal.claims.secret", "principal.claims.home.secret"}}, claims: `team: "blue" home {}`},
		"claims, presence":  {authorize: `allow: {cel: "has(principal.claims.home) && principal.id == 'x'"}`, want: Values{Reads: []string{"principal.claims.home", "principal.id"}, Incomplete: []string{"principal.claims.home"}}, claims: `home {town: "t"}`},
		"claims, none":      {authorize: `allow: {cel: "principal.claims.team == 'x' || principal.claims.home.town == 'x'"}`, unclaimed: true, want: Values{Reads: []string{"principal.claims.team", "principal.claims.home.town"}}},
		"times":             {authorize: `allow: {cel: "principal.authenticated_at == principal.expires_at"}`, want: Values{Reads: []string{"principal.authenticated_at", "principal.expires_at"}, AuthenticatedAt: who.AuthenticatedAt, ExpiresAt: who.ExpiresAt}},
		"a field":           {authorize: `allow: {cel: "principal.id == request.owner"}`, want: Values{Reads: []string{"principal.id", "request.owner"}}, request: `owner: "bob"`},
		"a named condition": {authorize: `allow: {when: "own"}`, want: Values{Reads: []string{"principal.id", "request.owner"}}, request: `owner: "bob"`},
		"each once":         {authorize: `allow: {any_role: "admin" cel: "request.open && 'member' in principal.roles"} allow: {cel: "principal.id == request.owner && request.open"}`, want: Values{Reads: []string{"principal.roles", "request.open", "principal.id", "request.owner"}, Roles: who.Roles}, request: `owner: "bob" open: true`},
		"a deep one":        {authorize: `allow: {cel: "request.inner.again.text == principal.scheme"}`, want: Values{Reads: []string{"request.inner.again.text", "principal.scheme"}}, request: `inner {again {text: "u"}}`},
		"presence":          {authorize: `allow: {cel: "has(request.inner.again.again)"}`, want: Values{Reads: []string{"request.inner.again.again"}}, request: `inner {again {}}`},
		"a list":            {authorize: `allow: {cel: "principal.id == 'x' && 'a' in request.tags", all_scopes: "a"}`, want: Values{Reads: []string{"principal.scopes", "principal.id", "request.tags"}, Scopes: who.Scopes}, request: `tags: "a" tags: "b"`},
		"redacted":          {authorize: `allow: {cel: "request.secret == 'x' || request.hidden.text == 'x' || request.open"}`, want: Values{Reads: []string{"request.secret", "request.hidden.text", "request.open"}, Incomplete: []string{"request.secret", "request.hidden.text"}}, request: `open: true`},
		"messages":          {authorize: `allow: {cel: "request.inners.exists(i, i.text == 'x')"}`, want: Values{Reads: []string{"request.inners"}, Incomplete: []string{"request.inners"}}, request: `inners {text: "v"} inners {}`},
		"a map":             {authorize: `allow: {cel: "request.by_name['k'].text == 'x'"}`, want: Values{Reads: []string{"request.by_name"}, Incomplete: []string{"request.by_name"}}, request: `by_name {key: "k" value {text: "w"}}`},
		"all of it":         {authorize: `allow: {cel: "size([request]) == 1 && request.open"}`, want: Values{Reads: []string{"request", "request.open"}, Incomplete: []string{"request"}}, request: `owner: "bob" tags: "a" tags: "b" open: true inner {text: "t" again {text: "u"}} inners {text: "v"} inners {} by_name {key: "k" value {text: "w"}} any {}`},
		"no request":        {authorize: `allow: {cel: "principal.id == request.owner"}`, nothing: true, want: Values{Reads: []string{"principal.id", "request.owner"}, Incomplete: []string{"request.owner"}}},
		"a check":           {authorize: `allow: {check: "ok"}`, want: Values{Reads: []string{"check ok"}, Answers: map[string]bool{"ok": false}}},
		"not asked":         {authorize: `allow: {any_role: "admin" check: "ok"}`, want: Values{Reads: []string{"principal.roles", "check ok"}, Incomplete: []string{"check ok"}, Roles: who.Roles}},
		"not decided":       {authorize: `allow: {check: "ok"}`, check: errors.New("no such table"), want: Values{Reads: []string{"check ok"}, Incomplete: []string{"check ok"}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			declaration := declared(t, test.authorize)
			policy := New(declaration, map[string]CheckFunc{"ok": func(context.Context, *authn.Principal, proto.Message) (bool, error) { return false, test.check }})
			who, claims := who, declaration.Method.ParentFile().Messages().ByName("Claims")
			if !test.unclaimed {
				who.Claims = request(t, claims, filledClaims)
			}
			input := Input{Principal: alice(who), Now: noon, Answers: map[string]bool{}}
			if !test.nothing {
				input.Request = request(t, declaration.Method.Input(), filled)
			}
			_, _ = policy.Decide(t.Context(), input) // for the answers of checks
			if test.request != "" {
				test.want.Request = request(t, declaration.Method.Input(), test.request)
			}
			if test.claims != "" {
				test.want.Claims = request(t, claims, test.claims)
			}
			got := policy.Values(input)
			if diff := cmp.Diff(&test.want, got, protocmp.Transform()); diff != "" {
				t.Errorf("values (-want +got):\n%s", diff)
			}
			for _, kept := range []proto.Message{got.Request, got.Claims} {
				if kept != nil && strings.Contains(prototext.Format(kept), "planted") {
					t.Errorf("a secret is kept: %v", kept)
				}
			}
		})
	}
}

// What is kept does not change when the request or the principal's lists do.
func TestValuesAreCopies(t *testing.T) {
	t.Parallel()
	declaration := declared(t, `allow: {cel: "'a' in request.tags && request.inner.text == 'x'"}`)
	of := request(t, declaration.Method.Input(), filled)
	values := New(declaration, nil).Values(Input{Principal: alice(authn.Details{Unscoped: true}), Request: of})
	before := proto.Clone(values.Request)
	message := of.ProtoReflect()
	fields := message.Descriptor().Fields()
	message.Mutable(fields.ByName("tags")).List().Truncate(0)
	message.Mutable(fields.ByName("inner")).Message().Clear(fields.ByName("inner").Message().Fields().ByName("text"))
	if !proto.Equal(before, values.Request) {
		t.Errorf("got %v, which was %v", values.Request, before)
	}
}

// What a scoped credential carries is kept as far as the action needs it.
func TestValuesOfScopedCredential(t *testing.T) {
	t.Parallel()
	policy := New(declared(t, `anyone: "x" credential_scopes: ["a", "b"]`), nil)
	for name, test := range map[string]struct {
		details authn.Details
		want    Values
	}{
		"scoped":           {authn.Details{Scopes: []string{"b", "c"}}, Values{Scoped: true, CredentialScopes: []string{"b"}}},
		"scoped elsewhere": {authn.Details{Scopes: []string{"c"}}, Values{Scoped: true}},
		"unscoped":         {authn.Details{Unscoped: true, Scopes: []string{"b"}}, Values{}},
	} {
		if diff := cmp.Diff(&test.want, policy.Values(Input{Principal: authn.NewPrincipal("alice", test.details), Now: noon})); diff != "" {
			t.Errorf("%s: values (-want +got):\n%s", name, diff)
		}
	}
}

// When the caller authenticated is kept where the action has a max_age, once.
func TestValuesOfMaxAge(t *testing.T) {
	t.Parallel()
	since := noon.Add(-time.Minute)
	who := alice(authn.Details{Unscoped: true, AuthenticatedAt: since})
	const at = "principal.authenticated_at"
	for name, test := range map[string]struct {
		authorize string
		maxAge    time.Duration
		want      Values
	}{
		"without":        {`anyone: "x"`, 0, Values{}},
		"with":           {`anyone: "x"`, time.Hour, Values{Reads: []string{at}, AuthenticatedAt: since}},
		"read once more": {`allow: {cel: "principal.authenticated_at < now"}`, time.Hour, Values{Reads: []string{at}, AuthenticatedAt: since}},
	} {
		declaration := declared(t, test.authorize)
		declaration.MaxAge = test.maxAge
		if diff := cmp.Diff(&test.want, New(declaration, nil).Values(Input{Principal: who, Now: noon})); diff != "" {
			t.Errorf("%s: values (-want +got):\n%s", name, diff)
		}
	}
}
