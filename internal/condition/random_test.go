package condition

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"cel.dev/cel-go/test/proto3pb"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"
	"google.golang.org/protobuf/types/known/anypb"

	"github.com/sallyport-rpc/sallyport/authn"
	demov1 "github.com/sallyport-rpc/sallyport/gen/demo/v1"
)

// rounds is how often a random test repeats what it would do so many times: less often where
// that takes too long.
func rounds(times int) int {
	if testing.Short() {
		times /= 10
	}
	return times / raced
}

// What is true by its form is false of no input, and the other way round.
func TestConstancyOfRandomConditions(t *testing.T) {
	t.Parallel()
	environment := environment(t)
	kind := dynamicpb.NewMessageType(variousType(t))
	random := rand.New(rand.NewPCG(differentialSeed, 1))
	g, s := newGrammar(kind.Descriptor()), samples{random}
	g.Rand = random
	of := map[Constancy]int{}
	conditions := rounds(2_000)
	for range conditions {
		expression := compiled(t, environment, g.constant(2), kind.Descriptor())
		of[expression.Constancy()]++
		for range 20 {
			input := Input{Principal: s.principal(), Request: s.message(kind), Now: now}
			if input.Principal.ID() == "" || input.Principal.Scheme() == "" {
				continue // a gate lets in no such principal
			}
			truth, _, err := expression.evaluate(t.Context(), input)
			if err != nil {
				t.Fatal(err)
			}
			if truth == Absent {
				continue // no caller is let through, and nothing was said of that
			}
			holds := truth == True
			if (holds && expression.Constancy() == AlwaysFalse) || (!holds && expression.Constancy() == AlwaysTrue) {
				t.Fatalf("%s is %t, but was found constant (%d), of\n%s", expression.Text(), holds, expression.Constancy(), described(input))
			}
		}
	}
	if of[AlwaysTrue] < conditions/10 || of[AlwaysFalse] < conditions/10 || of[Varies] < conditions/10 {
		t.Errorf("the conditions are of few kinds: %v", of)
	}
}

// constant returns a condition that is likely to be always true or always false.
func (g *grammar) constant(depth int) string {
	if depth > 0 {
		switch g.IntN(5) {
		case 0:
			return "(" + g.constant(depth-1) + " && " + g.constant(depth-1) + ")"
		case 1:
			return "(" + g.constant(depth-1) + " || " + g.constant(depth-1) + ")"
		case 2:
			return "!(" + g.constant(depth-1) + ")"
		case 3:
			return "(" + g.boolean(1, false) + " ? " + g.constant(depth-1) + " : " + g.constant(depth-1) + ")"
		}
	}
	anything, text, number := g.boolean(1, false), g.text(), g.number()
	double := g.of(g.doubles)
	return g.oneOf(
		"("+anything+" || !("+anything+"))",
		"(!("+anything+") && "+anything+")",
		"("+anything+") == ("+anything+")",
		"(string("+number+") == "+text+" || true)",
		text+" == "+text,
		text+" != "+text,
		number+" == "+number,
		double+" == "+double, // not of NaN
		`"a" == "b"`,
		"1 != 2",
		anything,
	)
}

// A condition gives the same answer when everything is changed that it is not said
// to read.
func TestWhatIsNotReadMakesNoDifference(t *testing.T) {
	t.Parallel()
	environment := environment(t)
	kind := dynamicpb.NewMessageType(variousType(t))
	random := rand.New(rand.NewPCG(differentialSeed, 2))
	g, s := newGrammar(kind.Descriptor()), samples{random}
	g.Rand = random
	compared := 0
	for range rounds(1_000) {
		expression := compiled(t, environment, g.condition(random.IntN(2) == 0), kind.Descriptor())
		for range 10 {
			input := Input{Principal: s.principal(), Request: s.message(kind), Now: now}
			if !input.Request.ProtoReflect().IsValid() {
				continue
			}
			other := Input{
				Principal: mixed(expression.Reads(), input.Principal, s.principal()),
				Request:   mixedRequest(expression, input.Request, s.message(kind)),
				Now:       now,
			}
			holds, _, err := expression.evaluate(t.Context(), input)
			otherHolds, _, otherErr := expression.evaluate(t.Context(), other)
			if holds != otherHolds || err != nil || otherErr != nil {
				t.Fatalf("%s reads %v and is %v, %v of\n%s\nand %v, %v of\n%s", expression.Text(), names(expression.Reads()),
					holds, err, described(input), otherHolds, otherErr, described(other))
			}
			compared++
		}
	}
	if compared < rounds(5_000) {
		t.Errorf("%d inputs were compared", compared)
	}
}

func names(reads []Read) []string {
	var names []string
	for _, read := range reads {
		names = append(names, read.Name)
	}
	return names
}

// mixed is a principal with what is read, and the rest of another one.
func mixed(reads []Read, of, other *authn.Principal) *authn.Principal {
	id, scheme := other.ID(), other.Scheme()
	made := authn.Details{
		Unscoped: true,
		Roles:    other.Roles(), Scopes: other.Scopes(), Claims: other.Claims(),
		AuthenticatedAt: other.AuthenticatedAt(), ExpiresAt: other.ExpiresAt(),
	}
	for _, name := range names(reads) {
		switch name {
		case "principal":
			return of
		case "principal.id":
			id = of.ID()
		case "principal.roles":
			made.Roles = of.Roles()
		case "principal.scopes":
			made.Scopes = of.Scopes()
		case "principal.claims.labels":
			made.Claims = of.Claims()
		case "principal.scheme":
			scheme = of.Scheme()
		case "principal.authenticated_at":
			made.AuthenticatedAt = of.AuthenticatedAt()
		case "principal.expires_at":
			made.ExpiresAt = of.ExpiresAt()
		}
	}
	return principalOf(id, scheme, made)
}

// mixedRequest is a request with the fields out of which something is read, and the
// rest of another one.
func mixedRequest(expression *Expression, of, other proto.Message) proto.Message {
	if !expression.ReadsRequest() {
		return other
	}
	made := proto.Clone(of).ProtoReflect()
	kept := map[protoreflect.FieldNumber]bool{}
	for _, read := range expression.Reads() {
		if read.Name == "request" {
			return of
		}
		if read.path == nil {
			continue
		}
		kept[read.path[0].Number()] = true
		if oneof := read.path[0].ContainingOneof(); oneof != nil {
			for i := range oneof.Fields().Len() {
				kept[oneof.Fields().Get(i).Number()] = true // to set one is to unset another
			}
		}
	}
	fields := made.Descriptor().Fields()
	for i := range fields.Len() {
		field := fields.Get(i)
		switch {
		case kept[field.Number()]:
		case other.ProtoReflect().Has(field):
			made.Set(field, other.ProtoReflect().Get(field))
		default:
			made.Clear(field)
		}
	}
	return made.Interface()
}

// Of no field that is marked debug_redact, nor of anything in one, a value is shown;
// of every other text it is.
func TestValuesAreRedacted(t *testing.T) {
	t.Parallel()
	kind := file(t, "test.proto", map[string]string{"test.proto": `
		syntax = "proto3";
		package test;
		import "google/protobuf/struct.proto";
		import "google/protobuf/wrappers.proto";
		message Request {
			string text = 1;
			string secret = 2 [debug_redact = true];
			bytes key = 3 [debug_redact = true];
			optional string maybe = 4;
			repeated string texts = 5;
			repeated string secrets = 6 [debug_redact = true];
			Inner inner = 7;
			Inner hidden = 8 [debug_redact = true];
			repeated Inner inners = 9;
			map<string, string> labels = 10 [debug_redact = true];
			google.protobuf.StringValue wrapped = 11;
			google.protobuf.StringValue wrapped_secret = 12 [debug_redact = true];
			google.protobuf.Value value = 13 [debug_redact = true];
			message Inner {
				string text = 1;
				string secret = 2 [debug_redact = true];
				Inner again = 3;
				Inner hidden = 4 [debug_redact = true];
				repeated string texts = 5;
			}
		}`}).Messages().Get(0)
	environment := environment(t)
	request := dynamicpb.NewMessage(kind)
	fillTexts(request, false, deepest)
	shown, hidden := 0, 0
	for _, has := range newGrammar(kind).haves {
		read := compiled(t, environment, has, kind).Reads()[0]
		got, leaf := read.Value(Input{Request: request}), read.path.leaf()
		switch {
		case strings.Contains(got, "secret"):
			t.Errorf("%s shows a secret: %s", read.Name, got)
		case slices.ContainsFunc(read.path, isRedacted):
			hidden++
			if got != redacted {
				t.Errorf("%s shows %s", read.Name, got)
			}
		case leaf.IsList():
			if !strings.HasPrefix(got, "a list of ") {
				t.Errorf("%s shows %q", read.Name, got)
			}
		case leaf.Kind() == protoreflect.StringKind:
			shown++
			if !strings.Contains(got, "plain") {
				t.Errorf("%s shows %q", read.Name, got)
			}
		}
	}
	if shown < 3 || hidden < 20 {
		t.Errorf("%d values are shown and %d are not", shown, hidden)
	}
}

// fillTexts sets every text of a message, and says in it whether it is a secret.
func fillTexts(message protoreflect.Message, secret bool, depth int) {
	fields := message.Descriptor().Fields()
	for i := range fields.Len() {
		field := fields.Get(i)
		secret := secret || isRedacted(field)
		text := "plain"
		if secret {
			text = "secret"
		}
		switch value := protoreflect.ValueOfString(text); {
		case field.IsMap() && field.MapValue().Kind() == protoreflect.StringKind:
			message.Mutable(field).Map().Set(value.MapKey(), value)
		case field.IsMap(), field.IsList() && field.Message() != nil:
			// Of those nothing is shown.
		case field.IsList():
			message.Mutable(field).List().Append(value)
		case field.Message() != nil && depth > 0:
			fillTexts(message.Mutable(field).Message(), secret, depth-1)
		case field.Kind() == protoreflect.StringKind:
			message.Set(field, value)
		case field.Kind() == protoreflect.BytesKind:
			message.Set(field, protoreflect.ValueOfBytes([]byte(text)))
		}
	}
}

// What an Any holds may have fields that are not to be shown, and is not shown.
func TestAnyIsNotShown(t *testing.T) {
	t.Parallel()
	packed, err := anypb.New(&demov1.SignInRequest{Password: "secret"})
	if err != nil {
		t.Fatal(err)
	}
	request := &proto3pb.TestAllTypes{SingleAny: packed}
	kind := request.ProtoReflect().Descriptor()
	read := compiled(t, environment(t), `has(request.single_any)`, kind).Reads()[0]
	if got := read.Value(Input{Request: request}); got != "" {
		t.Errorf("%s shows %s", read.Name, got)
	}
}
