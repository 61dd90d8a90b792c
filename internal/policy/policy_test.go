package policy

import (
	"context"
	"errors"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/sallyport-rpc/sallyport/authn"
	"github.com/sallyport-rpc/sallyport/internal/declare"
)

// Each kind of condition, and lists of them, of callers who have what is needed and
// of their nearest neighbours who have not.
func TestDecide(t *testing.T) {
	t.Parallel()
	const own = `owner: "alice"`
	broken := errors.New("no such table")
	says := func(held bool, err error) CheckFunc {
		return func(context.Context, *authn.Principal, proto.Message) (bool, error) { return held, err }
	}
	for name, test := range map[string]struct {
		authorize string
		who       authn.Details
		request   string // "" is no request
		check     CheckFunc
		want      string // the grant; "" is a denial
		err       error
	}{
		"anyone":                               {authorize: `anyone: "all may"`, request: own, want: Anyone},
		"anyone, with nothing read":            {authorize: `anyone: "all may"`, want: Anyone},
		"the role":                             {authorize: `allow: {any_role: "member"}`, who: authn.Details{Unscoped: true, Roles: []string{"member"}}, request: own, want: "allow[0]"},
		"a grant with a name":                  {authorize: `allow: {name: "by_role" any_role: "member"}`, who: authn.Details{Unscoped: true, Roles: []string{"member"}}, request: own, want: "by_role"},
		"a role that includes it":              {authorize: `allow: {any_role: "member"}`, who: authn.Details{Unscoped: true, Roles: []string{"admin"}}, request: own, want: "allow[0]"},
		"a role that it includes":              {authorize: `allow: {any_role: "admin"}`, who: authn.Details{Unscoped: true, Roles: []string{"member"}}, request: own},
		"a role, with nothing read":            {authorize: `allow: {any_role: "member"}`, who: authn.Details{Unscoped: true, Roles: []string{"member"}}, want: "allow[0]"},
		"no role":                              {authorize: `allow: {any_role: "member"}`, request: own},
		"one of two roles":                     {authorize: `allow: {any_role: ["admin", "member"]}`, who: authn.Details{Unscoped: true, Roles: []string{"member"}}, request: own, want: "allow[0]"},
		"all scopes":                           {authorize: `allow: {all_scopes: ["a", "b"]}`, who: authn.Details{Unscoped: true, Scopes: []string{"b", "a", "c"}}, request: own, want: "allow[0]"},
		"all but one scope":                    {authorize: `allow: {all_scopes: ["a", "b"]}`, who: authn.Details{Unscoped: true, Scopes: []string{"b", "c"}}, request: own},
		"an expression that is true":           {authorize: `allow: {cel: "principal.id == request.owner"}`, request: own, want: "allow[0]"},
		"an expression that is false":          {authorize: `allow: {cel: "principal.id == request.owner"}`, request: `owner: "bob"`},
		"an expression, with nothing read":     {authorize: `allow: {cel: "principal.id == request.owner"}`},
		"an expression of the principal alone": {authorize: `allow: {cel: "principal.id.startsWith('a')"}`, want: "allow[0]"},
		"an expression that is absent":         {authorize: `allow: {cel: "principal.claims.facts['team'] == 'x'"} allow: {any_role: "member"}`, who: authn.Details{Unscoped: true, Roles: []string{"member"}}, request: own, want: "allow[1]"},
		"an expression that is absent alone":   {authorize: `allow: {cel: "!(principal.claims.facts['team'] == 'x')"} allow: {any_role: "member"}`, request: own},
		"a named condition that is true":       {authorize: `allow: {when: "own"}`, request: own, want: "allow[0]"},
		"a named condition that is false":      {authorize: `allow: {when: "own"}`, request: `owner: "bob"`},
		"a named condition, with nothing read": {authorize: `allow: {when: "own"}`},
		"a check that says yes":                {authorize: `allow: {check: "ok"}`, request: own, check: says(true, nil), want: "allow[0]"},
		"a check that says no":                 {authorize: `allow: {check: "ok"}`, request: own, check: says(false, nil)},
		"a check that says yes and fails":      {authorize: `allow: {check: "ok"} allow: {any_role: "member"}`, who: authn.Details{Unscoped: true, Roles: []string{"member"}}, request: own, check: says(true, broken), err: broken},
		"a check without a function":           {authorize: `allow: {check: "ok"} allow: {any_role: "member"}`, who: authn.Details{Unscoped: true, Roles: []string{"member"}}, request: own, err: errAny},
		"a check, with nothing read":           {authorize: `allow: {check: "ok"}`, check: says(true, nil)},
		"the second grant":                     {authorize: `allow: {any_role: "admin"} allow: {cel: "principal.id == request.owner"}`, request: own, want: "allow[1]"},
		"the first of two that hold":           {authorize: `allow: {any_role: "admin"} allow: {cel: "principal.id == request.owner"}`, who: authn.Details{Unscoped: true, Roles: []string{"admin"}}, request: own, want: "allow[0]"},
		"a grant that holds before a failure":  {authorize: `allow: {any_role: "member"} allow: {check: "ok"}`, who: authn.Details{Unscoped: true, Roles: []string{"member"}}, request: own, check: says(false, broken), want: "allow[0]"},
		"everything at once":                   {authorize: `allow: {any_role: "member" all_scopes: "a" cel: "principal.id == request.owner" check: "ok"}`, who: authn.Details{Unscoped: true, Roles: []string{"member"}, Scopes: []string{"a"}}, request: own, check: says(true, nil), want: "allow[0]"},
		"everything but the role":              {authorize: `allow: {any_role: "member" all_scopes: "a" cel: "principal.id == request.owner" check: "ok"}`, who: authn.Details{Unscoped: true, Scopes: []string{"a"}}, request: own, check: says(true, nil)},
		"everything but the scope":             {authorize: `allow: {any_role: "member" all_scopes: "a" cel: "principal.id == request.owner" check: "ok"}`, who: authn.Details{Unscoped: true, Roles: []string{"member"}}, request: own, check: says(true, nil)},
		"everything but the expression":        {authorize: `allow: {any_role: "member" all_scopes: "a" cel: "principal.id == request.owner" check: "ok"}`, who: authn.Details{Unscoped: true, Roles: []string{"member"}, Scopes: []string{"a"}}, request: `owner: "bob"`, check: says(true, nil)},
		"everything but the check":             {authorize: `allow: {any_role: "member" all_scopes: "a" cel: "principal.id == request.owner" check: "ok"}`, who: authn.Details{Unscoped: true, Roles: []string{"member"}, Scopes: []string{"a"}}, request: own, check: says(false, nil)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			declaration := declared(t, test.authorize)
			checks := map[string]CheckFunc{}
			if test.check != nil {
				checks["ok"] = test.check
			}
			test.who.Unscoped = true
			input := Input{Principal: alice(test.who), Now: noon}
			if test.request != "" {
				input.Request = request(t, declaration.Method.Input(), test.request)
			}
			policy := New(declaration, checks)
			got, err := policy.Decide(t.Context(), input)
			if got.Allowed != (test.want != "") || got.Allowed && policy.Grant(got.Place) != test.want || !got.Allowed && got != (Decision{}) {
				t.Errorf("got %+v, want the grant %q", got, test.want)
			}
			if (err != nil) != (test.err != nil) || (test.err != errAny && !errors.Is(err, test.err)) { //nolint:errorlint // it stands for any error
				t.Errorf("got error %v, want %v", err, test.err)
			}
			if input.Principal = nil; test.want != Anyone {
				if got, err := policy.Decide(t.Context(), input); got.Allowed || err != nil {
					t.Errorf("without a principal: %+v, %v", got, err)
				}
			}
		})
	}
}

// errAny stands for any error.
var errAny = errors.New("any error")

// Policies that no declaration leads to. None of them lets anything through.
func TestImpossiblePolicies(t *testing.T) {
	t.Parallel()
	grant := func(conditions ...declare.Condition) *Policy {
		return New(&declare.Declaration{Grants: []declare.Grant{{Name: "allow[0]", Conditions: conditions}}}, nil)
	}
	input := Input{Principal: alice(authn.Details{Unscoped: true, Roles: []string{"x"}, Scopes: []string{"x"}}), Now: noon}
	for name, test := range map[string]struct {
		policy *Policy
		fails  bool
		leaves bool // nothing that the principal could lack is missing
	}{
		"nil":                       {policy: nil},
		"zero":                      {policy: &Policy{}},
		"no grant":                  {policy: New(&declare.Declaration{}, nil)},
		"a grant with no condition": {policy: grant()},
		"no role":                   {policy: grant(declare.AnyRole{})},
		"no scope":                  {policy: grant(declare.AllScopes{})},
		"no expression":             {policy: grant(declare.CEL{}), fails: true, leaves: true},
		"no named expression":       {policy: grant(declare.When{Name: "own"}), fails: true, leaves: true},
		"an unknown kind":           {policy: grant(unknownKind{Condition: declare.AnyRole{Named: []string{"x"}}}), fails: true, leaves: true},
		"an unknown kind after one that holds": {
			policy: grant(declare.AnyRole{Unfolded: []string{"x"}}, unknownKind{Condition: declare.AnyRole{}}), fails: true, leaves: true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := test.policy.Decide(t.Context(), input)
			if got != (Decision{}) || (err != nil) != test.fails {
				t.Errorf("got %+v, %v", got, err)
			}
			if test.policy.NeedsRequest() {
				t.Error("it needs a request that nothing reads")
			}
			if got := test.policy.Leaves(input.Principal); got != test.leaves {
				t.Errorf("it leaves the principal something: %t", got)
			}
			for _, outcome := range test.policy.Explain(t.Context(), input) {
				held := 0
				for _, condition := range outcome.Conditions {
					if condition.Held {
						held++
					}
				}
				if held > 0 && held == len(outcome.Conditions) {
					t.Errorf("explained as one that holds: %+v", outcome)
				}
			}
			if got := test.policy.MissingScopes(t.Context(), input); len(got) > 0 {
				t.Errorf("the scopes %q would help", got)
			}
			test.policy.Values(input)
		})
	}
}

// unknownKind is a kind of condition that this package was not told of.
type unknownKind struct{ declare.Condition }

func (unknownKind) String() string     { return "unknown" }
func (unknownKind) ReadsRequest() bool { return false }

func TestNeedsRequest(t *testing.T) {
	t.Parallel()
	for authorize, want := range map[string]bool{
		`anyone: "all may"`:                                             false,
		`allow: {any_role: "member"}`:                                   false,
		`allow: {cel: "principal.id == 'alice'"}`:                       false,
		`allow: {cel: "principal.id == request.owner"}`:                 true,
		`allow: {check: "ok"}`:                                          true,
		`allow: {any_role: "member"} allow: {check: "ok"}`:              true,
		`allow: {any_role: "member" all_scopes: "a"}`:                   false,
		`allow: {any_role: "member" cel: "principal.id == 'a' "}`:       false,
		`allow: {all_scopes: "a"} allow: {cel: "request.open == true"}`: true,
	} {
		if got := New(declared(t, authorize), nil).NeedsRequest(); got != want {
			t.Errorf("%s needs the request: %t", authorize, got)
		}
	}
}

// A condition that runs over its cost bound ends the decision.
func TestCost(t *testing.T) {
	t.Parallel()
	declaration := declared(t, `allow: {cel: "request.tags.exists(a, request.tags.exists(b, request.tags.exists(c, a + b + c == principal.id + '!')))"} allow: {any_role: "member"}`)
	input := Input{
		Principal: alice(authn.Details{Unscoped: true, Roles: []string{"member"}}), Now: noon,
		Request: request(t, declaration.Method.Input(), `owner: "a" `+strings.Repeat(`tags: "x" `, 100)),
	}
	policy := New(declaration, nil)
	got, err := policy.Decide(t.Context(), input)
	if got.Allowed || !errors.Is(err, ErrCost) {
		t.Fatalf("got %+v, %v", got, err)
	}
	if why := policy.Explain(t.Context(), input)[0].Conditions[0].Why; why != err.Error() {
		t.Errorf("explained by %q, want %q", why, err)
	}
}

// A place that a policy does not have names no grant.
func TestGrant(t *testing.T) {
	t.Parallel()
	policy := New(declared(t, `allow: {any_role: "member"} allow: {name: "own" when: "own"}`), nil)
	for _, test := range []struct {
		policy *Policy
		place  int32
		want   string
	}{
		{policy, 0, "allow[0]"},
		{policy, 1, "own"},
		{policy, 2, ""},
		{policy, -2, ""},
		{policy, AnyonePlace, Anyone},
		{nil, 0, ""},
		{&Policy{}, 0, ""},
	} {
		if got := test.policy.Grant(test.place); got != test.want {
			t.Errorf("place %d of %v: %q, want %q", test.place, test.policy, got, test.want)
		}
	}
}

// A grant's name is the one it is declared with: its place in a declaration is none.
func TestGrantName(t *testing.T) {
	t.Parallel()
	policy := &Policy{grants: []grant{{name: "by_admin", named: true}, {name: "allow[1]"}}}
	for place, want := range map[int32]string{0: "by_admin", 1: "", 2: "", AnyonePlace: "", -7: ""} {
		if got := policy.GrantName(place); got != want {
			t.Errorf("at %d: %q, want %q", place, got, want)
		}
	}
	if got := (*Policy)(nil).GrantName(0); got != "" {
		t.Errorf("of no policy: %q", got)
	}
}

// A condition that is decided without a call through its requirement is decided alike.
func TestDecideAlike(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		authorize string
		direct    bool
	}{
		"roles":      {`allow: {any_role: "member"}`, true},
		"cel":        {`allow: {cel: "principal.id == request.owner"}`, true},
		"when":       {`allow: {when: "own"}`, true},
		"a slow one": {`allow: {cel: "request.inners.exists(i, i.text == 'x') && principal.id == 'alice'"}`, true},
		"scopes":     {`allow: {all_scopes: "a"}`, false},
		"a check":    {`allow: {check: "ok"}`, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			declaration := declared(t, test.authorize)
			policy := New(declaration, map[string]CheckFunc{"ok": func(_ context.Context, principal *authn.Principal, _ proto.Message) (bool, error) {
				return principal.CarriesRole("member"), nil
			}})
			condition := &policy.grants[0].conditions[0]
			if direct := condition.roles != nil || condition.expression != nil; direct != test.direct {
				t.Errorf("decided directly: %t", direct)
			}
			outcomes := map[bool]int{}
			for _, details := range []authn.Details{{Unscoped: true}, {Unscoped: true, Roles: []string{"member"}, Scopes: []string{"a"}}} {
				for _, text := range []string{``, `owner: "alice" inners {text: "x"}`, `owner: "bob"`} {
					input := Input{Principal: alice(details), Request: request(t, declaration.Method.Input(), text), Now: noon}
					got, err := condition.decide(t.Context(), &input)
					want, wantErr := condition.holds(t.Context(), input)
					if got != want || err != nil || wantErr != nil {
						t.Errorf("%v of %s: %t, %v; by its requirement %t, %v", details, text, got, err, want, wantErr)
					}
					outcomes[got]++
				}
			}
			if outcomes[true] == 0 || outcomes[false] == 0 {
				t.Errorf("outcomes %v", outcomes)
			}
		})
	}
}
