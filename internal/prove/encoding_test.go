package prove

import (
	"fmt"
	"math/big"
	"os"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/sallyport-rpc/sallyport/internal/condition"
	"github.com/sallyport-rpc/sallyport/internal/declare"
	"github.com/sallyport-rpc/sallyport/internal/policy"
	"github.com/sallyport-rpc/sallyport/internal/prove/smt"
)

// wide is a condition that solvers are asked about: with what is outside of what is
// decided without them.
func (c *contracts) wide(depth int) string {
	if depth > 0 {
		switch c.IntN(6) {
		case 0, 1:
			return "(" + c.wide(depth-1) + " && " + c.wide(depth-1) + ")"
		case 2, 3:
			return "(" + c.wide(depth-1) + " || " + c.wide(depth-1) + ")"
		case 4:
			return "!(" + c.wide(depth-1) + ")"
		default:
			return "(" + c.wide(0) + " ? " + c.wide(depth-1) + " : " + c.wide(depth-1) + ")"
		}
	}
	compares := c.oneOf(" == ", " != ", " < ", " <= ", " > ", " >= ")
	switch c.IntN(12) {
	case 0, 1:
		return c.wideText() + c.oneOf(".startsWith(", ".endsWith(", ".contains(") + c.wideText() + ")"
	case 2:
		return c.wideText() + c.oneOf(" == ", " != ") + c.wideText()
	case 3, 4:
		return c.wideNumber() + compares + c.wideNumber()
	case 5:
		return c.wideSpan() + compares + c.wideSpan()
	case 6:
		return c.wideMoment() + compares + c.wideMoment()
	case 7:
		return c.list() + c.oneOf(".exists", ".all") + "(e, e" + c.oneOf(".startsWith(", ".endsWith(", ".contains(") + c.text() + ") || size(e) < " + c.oneOf("2", "3") + ")"
	case 8:
		return "principal.claims.memberships" + c.oneOf(".exists", ".all") + "(m, m.org_id.startsWith(" + c.text() + ")" + c.oneOf(" && ", " || ") + c.oneOf("request.tags.exists(t, t == m.org_id)", "size(m.title) > 1", "m.org_id in principal.roles") + ")"
	case 9:
		return c.wideText() + " in " + c.oneOf(c.list(), "["+c.wideText()+", "+c.wideText()+"]", "[]")
	case 10:
		return c.wideText() + ".matches('" + c.oneOf("^x+$", "x|^a", "(?i)^X", "[a-x]{2,3}", "^[^x]*$", "^$", ".", "(^x)y") + "')"
	default:
		return c.atom()
	}
}

func (c *contracts) wideText() string {
	if c.IntN(3) == 0 {
		return "(" + c.text() + " + " + c.text() + ")"
	}
	return c.text()
}

func (c *contracts) wideNumber() string {
	numbers := []string{"request.size", "resource.size", "request.total", "principal.claims.level", "request.by_number"}
	switch c.IntN(6) {
	case 0:
		return "size(" + c.text() + ")"
	case 1:
		return "size(" + c.oneOf("request.tags", "principal.claims.org_ids", "principal.claims.memberships", "request.inners", "resource.tags", "resource.members") + ")"
	case 2:
		return "(" + c.oneOf(numbers...) + c.oneOf(" + ", " - ") + c.number() + ")"
	case 3:
		return "(" + c.oneOf(numbers...) + " * " + c.oneOf("2", "3", "-1", "4611686018427387904") + ")"
	case 4:
		return "(-" + c.oneOf(numbers...) + c.oneOf(" + 9223372036854775807", " - 9223372036854775807") + ")"
	default:
		return c.number()
	}
}

func (c *contracts) wideMoment() string {
	switch c.IntN(3) {
	case 0:
		return "(" + c.moment() + c.oneOf(" + ", " - ") + c.span() + ")"
	case 1:
		return "timestamp('" + c.oneOf("9999-12-31T23:59:59Z", "0001-01-01T00:00:01Z", "2026-01-01T12:00:01Z") + "')"
	default:
		return c.moment()
	}
}

func (c *contracts) span() string {
	return c.oneOf("request.length", "duration('1s')", "duration('-1s')", "duration('200000h')", "duration('-2562047h47m16.854775808s')")
}

func (c *contracts) wideSpan() string {
	switch c.IntN(3) {
	case 0:
		return "(" + c.wideMoment() + " - " + c.wideMoment() + ")"
	case 1:
		return "(" + c.span() + c.oneOf(" + ", " - ") + c.span() + ")"
	default:
		return c.span()
	}
}

// wideCall is a random call that has what wide conditions read as well.
func (c *contracts) wideCall(tb testing.TB) policy.Input {
	tb.Helper()
	input := c.call(tb)
	text := c.some("length: {seconds: %s}", "1", "-1", "0", "9223372036", "-9223372037") + c.some("total: %s", "9223372036854775807", "-9223372036854775808", "3")
	for range c.IntN(3) {
		text += fmt.Sprintf(" inners: {id: %q}", c.oneOf(words...)) //nolint:perfsprint // two at most
	}
	more := input.Request.ProtoReflect().New().Interface()
	if err := prototext.Unmarshal([]byte(text), more); err != nil {
		tb.Fatalf("%v: %s", err, text)
	}
	proto.Merge(input.Request, more)
	return input
}

// values are those of a formula's variables in an input, as far as the formula has them.
// Of what is not there they are anything.
func (f *formula) values(input policy.Input) smt.Values {
	values := smt.Values{}
	for name, of := range f.terms {
		values[name] = map[smt.Sort]any{smt.Bool: false, smt.Int: big.NewInt(77), smt.String: "anything"}[of.Sort()]
	}
	principal := input.Principal
	for _, of := range f.model.concrete() {
		switch of.name {
		case "now":
			values[of.name] = nanoseconds(input.Now)
		case "principal.id":
			values[of.name] = principal.ID()
		case "principal.scheme":
			values[of.name] = principal.Scheme()
		case "principal.roles":
			fixed(values, of.name, textsOf(principal.Roles()))
		case "principal.scopes":
			fixed(values, of.name, textsOf(principal.Scopes()))
		case "principal.expires_at":
			fixedTime(values, of.name, principal.ExpiresAt())
		case "principal.authenticated_at":
			fixedTime(values, of.name, principal.AuthenticatedAt())
		}
		switch of.root {
		case inRequest:
			fixedAt(values, of, input.Request.ProtoReflect())
		case inClaims:
			fixedAt(values, of, principal.Claims().ProtoReflect())
		case inSubject:
			fixedAt(values, of, input.Resource.ProtoReflect())
		case inPrincipal, inCall, inOther:
		}
	}
	for _, use := range f.lists {
		if use.list.kind == records {
			from := input.Request.ProtoReflect()
			switch use.list.root { //nolint:exhaustive // no other has lists of messages
			case inClaims:
				from = principal.Claims().ProtoReflect()
			case inSubject:
				from = input.Resource.ProtoReflect()
			}
			values[f.size(use.list).Name()] = big.NewInt(int64(from.Get(from.Descriptor().Fields().ByName(use.list.path[0].field)).List().Len()))
		}
	}
	return values
}

func textsOf(names []string) []any {
	var made []any
	for _, name := range names {
		made = append(made, name)
	}
	return made
}

func fixed(values smt.Values, name string, list []any) {
	for i, value := range list {
		at := fmt.Sprintf("%s[%d]", name, i)
		values[at], values[at+"?"] = value, true
	}
	values["size of "+name] = big.NewInt(int64(len(list)))
}

func fixedTime(values smt.Values, name string, at time.Time) {
	if !at.IsZero() {
		values[name], values[name+"?"] = nanoseconds(at), true
	}
}

// fixedAt fixes a place by what a message holds there.
func fixedAt(values smt.Values, of *place, from protoreflect.Message) {
	for i, step := range of.path {
		field := from.Descriptor().Fields().ByName(step.field)
		switch {
		case step.key != nil:
			key, ok := keyIn(values, step.key)
			held := from.Get(field).Map()
			if !ok || !held.Has(key) {
				return
			}
			values[of.entry().name+"?"] = true
			value := field.MapValue()
			if i < len(of.path)-1 {
				from = held.Get(key).Message()
			} else if of.kind == scalar {
				values[of.name] = valueIn(value, held.Get(key))
			}
		case step.at >= 0:
			list := from.Get(field).List()
			if list.Len() <= step.at {
				return
			}
			if from = list.Get(step.at).Message(); i == len(of.path)-1 {
				values[of.name+"?"] = true
			}
		case i == len(of.path)-1 && of.kind == set:
			var list []any
			for j := range from.Get(field).List().Len() {
				list = append(list, plain(field, from.Get(field).List().Get(j)))
			}
			fixed(values, of.name, list)
		case i == len(of.path)-1:
			if field.HasPresence() && !from.Has(field) {
				return
			}
			values[of.name+"?"] = true
			if of.kind == scalar {
				values[of.name] = valueIn(field, from.Get(field))
			}
		case !from.Has(field):
			return
		default:
			from = from.Get(field).Message()
		}
	}
}

// keyIn is the key of a map, by the values of the places before.
func keyIn(values smt.Values, key *mapKey) (protoreflect.MapKey, bool) {
	if key.place == nil {
		return protoreflect.ValueOfString(key.constant).MapKey(), true
	}
	text, ok := values[key.place.name].(string)
	return protoreflect.ValueOfString(text).MapKey(), ok
}

// valueIn is a value of a field, also where it is in a message of its own.
func valueIn(field protoreflect.FieldDescriptor, value protoreflect.Value) any {
	if field.Message() == nil {
		return plain(field, value)
	}
	fields := field.Message().Fields()
	switch field.Message().FullName() {
	case "google.protobuf.Timestamp", "google.protobuf.Duration":
		of := new(big.Int).Mul(big.NewInt(value.Message().Get(fields.ByName("seconds")).Int()), big.NewInt(int64(time.Second)))
		of.Add(of, big.NewInt(value.Message().Get(fields.ByName("nanos")).Int()))
		if low, high := rangeOf(ofDuration, field.Kind()); field.Message().Name() == "Duration" && of.Cmp(low) < 0 {
			return low // CEL takes the nearest one that it has
		} else if field.Message().Name() == "Duration" && of.Cmp(high) > 0 {
			return high
		}
		return of
	default:
		return plain(fields.ByName("value"), value.Message().Get(fields.ByName("value")))
	}
}

// The encoded term of a condition says of every input what the gate's own evaluation
// says: true, false or absent. Where SALLYPORT_TEST_ENCODED_CONDITIONS is set, it is how
// many conditions are held against a hundred inputs each.
func TestEncoded(t *testing.T) {
	t.Parallel()
	const variable = "SALLYPORT_TEST_ENCODED_CONDITIONS"
	conditions, each := often(t, variable, 200), 50
	if os.Getenv(variable) != "" {
		each = 100
	}
	c := newContracts(t, 7)
	inputs := make([]policy.Input, each)
	for i := range inputs {
		inputs[i] = c.wideCall(t)
	}
	counts, left := map[condition.Truth]int{}, map[string]int{}
	sides := [2]*side{newSide(c.like), newSide(c.like)}
	for made := 0; made < conditions; {
		f, expression, said, outside := c.encoded(t, sides)
		if outside != nil {
			left[outside.Rule]++
			continue
		}
		made++
		axioms := f.axioms()
		for _, input := range inputs {
			counts[f.holdsLike(t, said, axioms, expression, input)]++
		}
	}
	t.Logf("%v, left out %v", counts, left)
	if total := conditions * each; min(counts[condition.True], counts[condition.False], counts[condition.Absent]) < total/20 {
		t.Errorf("the conditions are of few kinds: %v", counts)
	}
}

// encoded is a random condition as terms, or the reason why solvers are not asked about it.
func (c *contracts) encoded(t *testing.T, sides [2]*side) (f *formula, expression *condition.Expression, said truth, left *Reason) {
	t.Helper()
	text := c.wide(c.IntN(3))
	expression, err := c.environment.Compile(text, c.like.Method.Input())
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	f = newFormula(sides)
	f.least = 4
	said, err = f.twice(declare.CEL{Expression: expression})
	if outside, ok := err.(*outsideError); ok { //nolint:errorlint // it is never wrapped
		return nil, nil, truth{}, &outside.Reason
	}
	if err != nil {
		t.Fatal(err)
	}
	return f, expression, said, nil
}

// holdsLike holds the terms of an expression against what the gate's own evaluation says of
// an input, which it returns.
func (f *formula) holdsLike(t *testing.T, said truth, axioms []*smt.Term, expression *condition.Expression, input policy.Input) condition.Truth {
	t.Helper()
	want, err := expression.Truth(t.Context(), &condition.Input{Principal: input.Principal, Request: input.Request, Subject: input.Resource, Now: input.Now})
	if err != nil {
		t.Fatal(err)
	}
	values := f.values(input)
	holds := func(of *smt.Term) bool {
		is, err := values.Holds(of)
		if err != nil {
			t.Fatalf("%s: %v", expression.Text(), err)
		}
		return is
	}
	got := condition.Absent
	switch is, not := holds(said.is), holds(said.not); {
	case is && not:
		t.Fatalf("%s is both true and false", expression.Text())
	case is:
		got = condition.True
	case not:
		got = condition.False
	}
	if got != want {
		t.Fatalf("%s is %s, and its term says %s, of %v", expression.Text(), want, got, newWitness(input, nil, ""))
	}
	for _, axiom := range axioms {
		if !holds(axiom) {
			t.Fatalf("%s: what is taken to be so of every input is not so: %v, of %v", expression.Text(), smt.Ask(axiom), newWitness(input, nil, ""))
		}
	}
	return want
}

// Conditions that random ones seldom are.
func TestEncodedEdges(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"(request.open ? request.nick : 'x') == 'x'",
		"(request.maybe ? request.size : 1) + 1 == 2",
		"(request.inner.open ? request.owner : request.free + 'x').startsWith(request.org_id)",
		"(request.open ? now : request.from) > request.until",
		"(request.open == request.maybe) == (size(request.tags) > 0)",
		// The seconds alone are out of range, and with the rest they are not.
		"(now - duration('9223372036500ms')) - now < duration('0s')",
		"(now - duration('9223372036000ms')) - now < duration('0s')",
		"now - (now - duration('9223372036800ms')) > duration('0s')",
		"request.until - duration('-2562047h47m16.854775808s') > now",
		"duration('2562047h47m16.854775807s') + duration('1ns') > duration('0s')",
		"request.total * -1 < 0",
		"request.count - 1u < 5u",
		"request.count * 2u + 18446744073709551615u > 0u",
		"has(request.inner.nick) || has(request.from)",
		"has(request.open) == has(request.size)",
		"request.tags.exists(t, request.inners.exists(i, i.id == t || i.nick == t))",
		"principal.roles.all(r, request.tags.exists(t, r.startsWith(t)))",
		"'member' in principal.roles",
		"principal.claims.memberships.all(m, m.state == prove.v1.State.STATE_OPEN)",
		"resource.members.all(m, resource.tags.exists(t, t == m.org_id))",
		"resource.owner + resource.nick == principal.id || size(resource.tags) == resource.size",
		"size(principal.roles) == 0 || 0 < size(principal.scopes)",
		"size(request.tags) >= 1 && 1 > size(resource.tags) || principal.claims.org_ids.size() != 0",
		"size(resource.members) > -1 || size(principal.claims.memberships) <= 0",
		"has(resource.inner.nick) || has(resource.owner)",
		"request.states.exists(s, s == request.state) || size(request.states) == 0",
	} {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			c := newContracts(t, 5)
			expression, err := c.environment.Compile(text, c.like.Method.Input())
			if err != nil {
				t.Fatal(err)
			}
			f := newFormula([2]*side{newSide(c.like), newSide(c.like)})
			f.least = 4
			said, err := f.twice(declare.CEL{Expression: expression})
			if err != nil {
				t.Fatal(err)
			}
			axioms := f.axioms()
			for range 100 {
				f.holdsLike(t, said, axioms, expression, c.wideCall(t))
			}
		})
	}
}

// twice is a condition as terms, counted first.
func (f *formula) twice(of declare.Condition) (truth, error) {
	f.counting = true
	if _, err := f.condition(0, of); err != nil {
		return truth{}, err
	}
	if err := f.count(); err != nil {
		return truth{}, err
	}
	return f.condition(0, of)
}
