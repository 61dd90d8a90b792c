package prove

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/sallyport-rpc/sallyport/authn"
	"github.com/sallyport-rpc/sallyport/internal/condition"
	"github.com/sallyport-rpc/sallyport/internal/declare"
	"github.com/sallyport-rpc/sallyport/internal/policy"
)

// words are the strings of random conditions and calls: two ids, and a few others.
var words = []string{anID, "00000000-0000-4000-8000-0000000000bb", "x", "y", "admin", "member", "xy", "yx", "xadminy"}

// A contracts makes random contracts over one request type, and calls for them.
type contracts struct {
	*rand.Rand

	like        *declare.Declaration
	environment *condition.Environment
	validity    *validity
}

func newContracts(tb testing.TB, seed uint64) *contracts {
	tb.Helper()
	environment, err := condition.NewEnvironment()
	if err != nil {
		tb.Fatal(err)
	}
	like := declared(tb, `allow: {any_role: "admin"}`)
	request := like.Method.Input()
	like.Resource = &declare.Resource{Type: like.Method.ParentFile().Messages().ByName("Doc"), Key: condition.Path{request.Fields().ByName("owner")}}
	environment = environment.WithClaims(like.Claims).WithSubject(condition.Subject{Name: condition.ResourceName, Type: like.Resource.Type})
	return &contracts{rand.New(rand.NewPCG(seed, 13)), like, environment, &newProver().validity}
}

func (c *contracts) oneOf(choices ...string) string { return choices[c.IntN(len(choices))] }

func (c *contracts) text() string {
	return c.oneOf("principal.id", "principal.id", "request.owner", "request.org_id", "request.free", "request.nick", "request.inner.id", "request.inner.nick",
		"request.wrapped", "request.by_name", "principal.claims.org_id", "principal.claims.team", "'x'", "'y'", "''",
		"principal.claims.labels["+c.key()+"]", "principal.claims.labels["+c.key()+"]",
		"resource.owner", "resource.owner", "resource.org_id", "resource.nick", "resource.inner.id", "resource.labels["+c.key()+"]")
}

// key is what finds a value in a map.
func (c *contracts) key() string {
	return c.oneOf("principal.id", "request.org_id", "request.free", "request.nick", "request.inner.id", "principal.claims.org_id", "resource.owner", "'x'", "''")
}

func (c *contracts) number() string {
	return c.oneOf("request.size", "request.total", "principal.claims.level", "request.by_number", "resource.size", "0", "1", "3", "request.state", "resource.state", "prove.v1.State.STATE_OPEN")
}

func (c *contracts) moment() string {
	return c.oneOf("now", "request.from", "request.until", "resource.from", "principal.expires_at", "timestamp('2026-01-01T12:00:00Z')")
}

func (c *contracts) list() string {
	return c.oneOf("request.tags", "principal.claims.org_ids", "resource.tags", "principal.roles", "principal.scopes")
}

// atom is one comparison.
func (c *contracts) atom() string {
	switch c.IntN(15) {
	case 13:
		return c.key() + " in " + c.oneOf("principal.claims.labels", "principal.claims.by_org", "request.extra", "resource.labels")
	case 14:
		held := "principal.claims.by_org[" + c.key() + "]"
		return c.oneOf(held+".state == prove.v1.State.STATE_OPEN", held+".org_id != "+c.text(), "has("+held+".title)", held+".title == "+c.text(),
			"principal.claims.flags["+c.key()+"]", "request.extra["+c.key()+"] == "+c.text())
	case 0, 1, 2:
		return c.text() + c.oneOf(" == ", " == ", " != ") + c.text()
	case 3:
		return c.number() + c.oneOf(" == ", " < ", " >= ", " != ") + c.number()
	case 4:
		return c.moment() + c.oneOf(" < ", " <= ", " > ") + c.moment()
	case 5:
		return c.text() + " in " + c.list()
	case 6:
		return "has(" + c.oneOf("request.nick", "request.inner", "request.inner.nick", "request.free", "request.tags", "request.from", "request.maybe", "resource.nick", "resource.inner", "resource.owner", "resource.tags", "principal.expires_at", "principal.claims.team") + ")"
	case 7:
		return c.oneOf("request.open", "request.maybe", "request.inner.open", "request.wrapped == 'x'")
	case 8:
		return "'" + c.oneOf("admin", "member", "auditor") + "' in principal.roles"
	case 11:
		look := c.oneOf(".startsWith", ".endsWith", ".contains", ".matches") + "('" + c.oneOf("x", "y", "ad", "xy", "yx", "b", "0000") + "')"
		if c.IntN(4) == 0 {
			look = ".matches('" + c.oneOf("^x", "y$", "^x.*y$", "^[a-x]+$", "^[0-9a-f-]{36}$", "^(x|y)$") + "')"
		}
		if c.IntN(3) == 0 {
			return c.list() + c.oneOf(".exists", ".all") + "(e, e" + look + ")"
		}
		return c.text() + look
	case 9:
		return c.list() + c.oneOf(".exists", ".all") + "(e, e " + c.oneOf("==", "!=") + " " + c.text() + ")"
	case 10:
		return c.oneOf("principal.claims.memberships", "resource.members") + c.oneOf(".exists", ".all") + "(m, m.org_id == " + c.text() + c.oneOf(" && ", " || ") +
			c.oneOf("m.state == prove.v1.State.STATE_OPEN", "m.title != 'x'", "has(m.title)", "m.org_id in request.tags") + ")"
	default:
		return c.text() + " in [" + c.text() + ", " + c.text() + "]"
	}
}

func (c *contracts) expression(depth int) string {
	if depth == 0 {
		return c.atom()
	}
	switch c.IntN(6) {
	case 0, 1:
		return "(" + c.expression(depth-1) + " && " + c.expression(depth-1) + ")"
	case 2, 3:
		return "(" + c.expression(depth-1) + " || " + c.expression(depth-1) + ")"
	case 4:
		return "!(" + c.expression(depth-1) + ")"
	default:
		return "(" + c.atom() + " ? " + c.expression(depth-1) + " : " + c.expression(depth-1) + ")"
	}
}

// grants are those of a contract, as text: a line each, of conditions.
func (c *contracts) grants() []string {
	var grants []string
	for range 1 + c.IntN(2) {
		grant := c.oneOf("cel "+c.expression(c.IntN(3)), "cel "+c.expression(c.IntN(2)), "any_role "+c.oneOf("admin", "member", "auditor"), "all_scopes "+c.oneOf("a", "b"), "check is_open")
		if c.IntN(3) == 0 {
			grant += "; any_role " + c.oneOf("admin", "member")
		}
		grants = append(grants, grant)
	}
	return grants
}

// changed is a contract that is like another one.
func (c *contracts) changed(grants []string) []string {
	made := slices.Clone(grants)
	at := c.IntN(len(made))
	text, isCEL := strings.CutPrefix(made[at], "cel ")
	switch c.IntN(8) {
	case 0:
		return c.grants()
	case 1:
		made[at] += "; cel " + c.expression(0)
	case 2:
		made = append(made, made[at]+"; cel "+c.expression(1)) // adds nothing
	case 3:
		made = append(made, "cel "+c.expression(1))
	case 4, 5:
		if isCEL {
			made[at] = "cel " + strings.Replace(text, c.oneOf(" == ", " != "), c.oneOf(" != ", " == "), 1)
		}
	case 6:
		if isCEL {
			made[at] = "cel " + strings.Replace(text, " && ", " || ", 1)
		}
	default:
		// What is said twice over says nothing else.
		if isCEL && !strings.Contains(text, ";") {
			made[at] = "cel !(!(" + text + ")) && (" + text + " || " + text + ")"
		}
	}
	return made
}

// declaration makes the declaration of a contract.
func (c *contracts) declaration(tb testing.TB, grants []string) *declare.Declaration {
	tb.Helper()
	made := *c.like
	made.Grants = nil
	for i, grant := range grants {
		of := declare.Grant{Name: fmt.Sprintf("allow[%d]", i)}
		for text := range strings.SplitSeq(grant, "; ") {
			kind, rest, _ := strings.Cut(text, " ")
			switch kind {
			case "any_role":
				unfolded := map[string][]string{"admin": {"admin"}, "member": {"admin", "member"}, "auditor": {"auditor"}}[rest]
				of.Conditions = append(of.Conditions, declare.AnyRole{Named: []string{rest}, Unfolded: unfolded})
			case "all_scopes":
				of.Conditions = append(of.Conditions, declare.AllScopes{Named: []string{rest}})
			case "check":
				of.Conditions = append(of.Conditions, declare.Check{Name: rest})
			default:
				expression, err := c.environment.Compile(rest, c.like.Method.Input())
				if err != nil {
					tb.Fatalf("%s: %v", rest, err)
				}
				of.Conditions = append(of.Conditions, declare.CEL{Expression: expression})
			}
		}
		made.Grants = append(made.Grants, of)
	}
	return &made
}

// some writes a field now and then.
func (c *contracts) some(format string, values ...string) string {
	if c.IntN(3) == 0 {
		return ""
	}
	return fmt.Sprintf(format, c.oneOf(values...)) + " "
}

// call makes a random call, whose request the validation rules accept.
func (c *contracts) call(tb testing.TB) policy.Input {
	tb.Helper()
	other := words[1:]
	moments := []string{"1767268800", "1767268801", "1767268799"}
	text := fmt.Sprintf(`owner: %q org_id: %q kind: "small" name: "abc" `, words[c.IntN(2)], c.oneOf(words...)) +
		c.some("nick: %q", words[0], words[1], "x", "") + c.some("open: %s", "true") + c.some("size: %s", "0", "1", "2", "3", "4") +
		c.some("total: %s", "0", "1", "2", "3", "4") + c.some("state: %s", "STATE_OPEN", "STATE_CLOSED", "7") + c.some("tags: %q", words...) +
		c.some("tags: %q", words...) + c.some("from: {seconds: %s}", moments...) +
		c.some("until: {seconds: %s}", moments...) + c.some("wrapped: {value: %q}", "x", "y", words[0]) + c.some("maybe: %s", "true", "false") +
		c.some("free: %q", "", "x", words[0], words[1])
	text += c.oneOf("", fmt.Sprintf("by_name: %q", c.oneOf("x", words[0], "")), "by_number: 1", "by_number: 3")
	if c.IntN(3) > 0 {
		text += fmt.Sprintf(" inner: {id: %q %s %s}", c.oneOf(words...), c.some("nick: %q", "x", "y", words[0]), c.some("open: %s", "true"))
	}
	text += " " + c.some("extra: {key: %q value: 'x'}", words...)
	request := dynamicpb.NewMessage(c.like.Method.Input())
	if err := prototext.Unmarshal([]byte(text), request); err != nil {
		tb.Fatalf("%v: %s", err, text)
	}
	claims, resource := dynamicpb.NewMessage(c.like.Claims), dynamicpb.NewMessage(c.like.Resource.Type)
	if err := prototext.Unmarshal([]byte(c.object()), resource); err != nil {
		tb.Fatal(err)
	}
	said := c.some("org_id: %q", words...) + c.some("org_ids: %q", words...) + c.some("org_ids: %q", words...) + c.some("team: %q", "x", words[0], "") + c.some("level: %s", "1", "3", "2")
	for range c.IntN(3) {
		said += fmt.Sprintf(`memberships: {org_id: %q %s %s} `, c.oneOf(words...), c.some("state: %s", "STATE_OPEN", "STATE_CLOSED"), c.some("title: %q", "x", "y")) //nolint:perfsprint // three at most
	}
	if err := prototext.Unmarshal([]byte(said), claims); err != nil {
		tb.Fatalf("%v: %s", err, said)
	}
	for range c.IntN(4) {
		held := fmt.Sprintf(`{org_id: %q %s %s}`, c.oneOf(words...), c.some("state: %s", "STATE_OPEN", "STATE_CLOSED"), c.some("title: %q", "x", "y"))
		said = c.oneOf(
			fmt.Sprintf("labels: {key: %q value: %q}", c.oneOf(words...), c.oneOf(words...)),
			fmt.Sprintf("by_org: {key: %q value: %s}", c.oneOf(words...), held),
			fmt.Sprintf("flags: {key: %q value: %t}", c.oneOf(words...), c.IntN(2) == 0))
		more := claims.New().Interface()
		if err := prototext.Unmarshal([]byte(said), more); err != nil {
			tb.Fatalf("%v: %s", err, said)
		}
		proto.Merge(claims, more)
	}
	details := authn.Details{Unscoped: true, Claims: claims}
	for _, role := range []string{"admin", "member", "auditor", "x", words[0]} {
		if c.IntN(4) == 0 {
			details.Roles = append(details.Roles, role)
		}
	}
	for _, scope := range []string{"a", "b", "x", words[0]} {
		if c.IntN(3) == 0 {
			details.Scopes = append(details.Scopes, scope)
		}
	}
	now := time.Unix(1767268800+int64(c.IntN(3))-1, 0)
	if c.IntN(2) == 0 {
		details.ExpiresAt = now.Add(time.Duration(c.IntN(3)-1) * time.Second)
	}
	id := words[c.IntN(2)]
	if c.IntN(4) == 0 {
		id = c.oneOf(other...)
	}
	return policy.Input{
		Principal: authn.NewPrincipal(id, details).Bound("session", newSide(c.like).hierarchy), Request: request, Resource: resource, Now: now,
	}
}

// object is what a random call is about. Nothing holds its fields to their rules.
func (c *contracts) object() string {
	text := c.some("owner: %q", words...) + c.some("org_id: %q", words...) + c.some("nick: %q", words[0], "x", "") + c.some("size: %s", "1", "2", "3") +
		c.some("state: %s", "STATE_OPEN", "STATE_CLOSED", "7") + c.some("tags: %q", words...) + c.some("tags: %q", words...) +
		c.some("labels: {key: %q value: 'x'}", words...) + c.some("from: {seconds: %s}", "1767268800", "1767268801")
	if c.IntN(3) > 0 {
		text += fmt.Sprintf("inner: {%s} ", c.some("id: %q", words...))
	}
	for range c.IntN(3) {
		text += fmt.Sprintf("members: {org_id: %q %s %s} ", c.oneOf(words...), c.some("state: %s", "STATE_OPEN", "STATE_CLOSED"), c.some("title: %q", "x", "y")) //nolint:perfsprint // three at most
	}
	return text
}

// A sampling is what came of comparing pairs of contracts by what calls say.
type sampling struct {
	verdicts      map[Verdict]int
	calls         int
	contradiction string
}

// sample compares random pairs of contracts, and holds each verdict against random calls.
func sample(tb testing.TB, seed uint64, pairs, calls int, wrong func(*prover)) sampling {
	tb.Helper()
	c := newContracts(tb, seed)
	made := sampling{verdicts: map[Verdict]int{}}
	prover := newProver()
	wrong(prover)
	inputs := make([]policy.Input, calls)
	for i := range inputs {
		inputs[i] = c.call(tb)
		if broken, err := c.validity.violations(inputs[i].Request); err != nil || len(broken) > 0 {
			tb.Fatalf("a sample is invalid: %v, %v", broken, err)
		}
	}
	for range pairs {
		grants := c.grants()
		changed := c.changed(grants)
		if c.IntN(2) == 0 {
			grants, changed = changed, grants
		}
		old, updated := c.declaration(tb, grants), c.declaration(tb, changed)
		prover.taken = 0
		got, err := prover.compare(tb.Context(), old, updated)
		if err != nil {
			tb.Fatalf("%q and %q: %v", grants, changed, err)
		}
		made.verdicts[got.Verdict]++
		was, is := decider(tb, old), decider(tb, updated)
		for _, input := range inputs {
			made.calls++
			before, after := was(input), is(input)
			if after && !before && (got.Verdict == Same || got.Verdict == Tighter) || before && !after && got.Verdict == Same ||
				before && !after && got.Verdict == Looser && got.Reason == nil {
				made.contradiction = fmt.Sprintf("%q and %q are %s; a call is %t and %t: %v", grants, changed, got.Verdict, before, after,
					newWitness(input, nil, ""))
				return made
			}
		}
	}
	return made
}

// decider returns what the gate's own code answers by a declaration.
func decider(tb testing.TB, of *declare.Declaration) func(policy.Input) bool {
	tb.Helper()
	checks := map[string]policy.CheckFunc{"is_open": func(_ context.Context, principal *authn.Principal, _ proto.Message) (bool, error) {
		return principal.ID() == words[0], nil
	}}
	decides := policy.New(of, checks)
	return func(input policy.Input) bool {
		decision, err := decides.Decide(tb.Context(), input)
		if err != nil {
			tb.Fatal(err)
		}
		return decision.Allowed
	}
}

// No sampled call contradicts what is proved of random contracts. Where
// SALLYPORT_TEST_CONTRACT_CALLS is set, it is how many calls each pair is held against.
func TestRandomContracts(t *testing.T) {
	t.Parallel()
	const pairs = 200
	calls := often(t, "SALLYPORT_TEST_CONTRACT_CALLS", 300)
	got := sample(t, 1, pairs, calls, func(p *prover) { p.most = 20_000 })
	if got.contradiction != "" {
		t.Error(got.contradiction)
	}
	t.Logf("%d calls, %v", got.calls, got.verdicts)
	if got.calls < 10_000 || min(got.verdicts[Same], got.verdicts[Looser], got.verdicts[Tighter], got.verdicts[Different]) < 10 {
		t.Errorf("the contracts are of few kinds: %d calls, %v", got.calls, got.verdicts)
	}
	if got.verdicts[Undecided] > pairs/10 {
		t.Errorf("%d of %d are undecided", got.verdicts[Undecided], pairs)
	}
}

// A prover that looks at too few inputs is contradicted by a sampled call of one of three seeds,
// so that the test does not hang on what one of them samples.
func TestWrongProvers(t *testing.T) {
	t.Parallel()
	for name, wrong := range map[string]func(*prover){
		"too few fresh values": func(p *prover) { p.fewer = 1 },
		"nothing is absent":    func(p *prover) { p.always = true },
		"texts are whole":      func(p *prover) { p.whole = true },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, seed := range []uint64{4, 5, 6} {
				got := sample(t, seed, 400, 300, func(p *prover) {
					p.most = 20_000
					wrong(p)
				})
				if got.contradiction != "" {
					t.Logf("seed %d: %s", seed, got.contradiction)
					return
				}
				t.Logf("seed %d: no call contradicts it: %d calls, %v", seed, got.calls, got.verdicts)
			}
			t.Error("no call contradicts it")
		})
	}
}
