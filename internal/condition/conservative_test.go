package condition

import (
	"math/rand/v2"
	"testing"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/test/proto2pb"
	"cel.dev/cel-go/test/proto3pb"
	"cel.dev/expr"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/sallyport-rpc/sallyport/authn"
)

// plainPrincipalType is `principal` as a message, for CEL without what this package adds.
func plainPrincipalType(tb testing.TB) protoreflect.MessageDescriptor {
	tb.Helper()
	return file(tb, "plain.proto", map[string]string{"plain.proto": `
		syntax = "proto3";
		package plain;
		import "google/protobuf/timestamp.proto";
		message Principal {
			string id = 1;
			string scheme = 2;
			repeated string roles = 3;
			repeated string scopes = 4;
			Claims claims = 5;
			google.protobuf.Timestamp authenticated_at = 6;
			google.protobuf.Timestamp expires_at = 7;
			message Claims { map<string, string> labels = 1; }
		}`}).Messages().Get(0)
}

// plainPrincipal makes such a message of a principal.
func plainPrincipal(kind protoreflect.MessageDescriptor, principal *authn.Principal) proto.Message {
	made := dynamicpb.NewMessage(kind)
	fields := kind.Fields()
	made.Set(fields.ByName("id"), protoreflect.ValueOfString(principal.ID()))
	made.Set(fields.ByName("scheme"), protoreflect.ValueOfString(principal.Scheme()))
	for name, list := range map[protoreflect.Name][]string{"roles": principal.EffectiveRoles(), "scopes": principal.Scopes()} {
		for _, text := range list {
			made.Mutable(fields.ByName(name)).List().Append(protoreflect.ValueOfString(text))
		}
	}
	if at := principal.AuthenticatedAt(); !at.IsZero() {
		made.Set(fields.ByName("authenticated_at"), protoreflect.ValueOfMessage(timestamppb.New(at).ProtoReflect()))
	}
	if at := principal.ExpiresAt(); !at.IsZero() {
		made.Set(fields.ByName("expires_at"), protoreflect.ValueOfMessage(timestamppb.New(at).ProtoReflect()))
	}
	if claims := principal.Claims(); claims != nil {
		plain := made.Mutable(fields.ByName("claims")).Message()
		labels := plain.Mutable(plain.Descriptor().Fields().ByName("labels")).Map()
		known := claims.ProtoReflect()
		known.Get(known.Descriptor().Fields().ByName("labels")).Map().Range(func(key protoreflect.MapKey, value protoreflect.Value) bool {
			labels.Set(key, value)
			return true
		})
	}
	return made
}

// What is true here is true in CEL as others run it, in which what is not set reads as its
// default: the third value takes callers away and lets none in.
func TestWhatIsTrueIsTrueInCEL(t *testing.T) {
	t.Parallel()
	for name, kind := range map[string]protoreflect.MessageType{
		"dynamic":                  dynamicpb.NewMessageType(variousType(t)),
		"generated":                (&proto3pb.NestedTestAllTypes{}).ProtoReflect().Type(),
		"generated, with defaults": (&proto2pb.NestedTestAllTypes{}).ProtoReflect().Type(),
		"generated, a oneof":       (&expr.Constant{}).ProtoReflect().Type(),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			who := plainPrincipalType(t)
			var descriptors []any
			for _, file := range filesOf(kind.Descriptor().ParentFile(), who.ParentFile()) {
				descriptors = append(descriptors, file)
			}
			plain, err := cel.NewEnv(
				cel.TypeDescs(descriptors...),
				cel.Variable("principal", cel.ObjectType(string(who.FullName()))),
				cel.Variable("request", cel.ObjectType(string(kind.Descriptor().FullName()))),
				cel.Variable("now", cel.TimestampType),
				cel.CrossTypeNumericComparisons(false),
			)
			if err != nil {
				t.Fatal(err)
			}
			random := rand.New(rand.NewPCG(differentialSeed, 7))
			s, g := samples{random}, newGrammar(kind.Descriptor())
			g.Rand = random
			environment := environment(t)
			held, absent, stricter := 0, 0, 0
			for range 60 {
				expression := compiled(t, environment, g.condition(random.IntN(4) > 0), kind.Descriptor())
				checked, issues := plain.Compile(expression.Text())
				if issues.Err() != nil {
					t.Fatalf("%s: %v", expression.Text(), issues.Err())
				}
				program, err := plain.Program(checked)
				if err != nil {
					t.Fatal(err)
				}
				for range 25 {
					request := kind.New()
					s.fill(request, deepest-1)
					input := Input{Principal: s.principal(), Request: request.Interface(), Now: now}
					got, err := expression.Truth(t.Context(), &input)
					if err != nil {
						t.Fatalf("%s: %v", expression.Text(), err)
					}
					value, _, err := program.Eval(map[string]any{"principal": plainPrincipal(who, input.Principal), "request": input.Request, "now": now})
					inCEL := err == nil && value == types.True
					switch {
					case got == True && !inCEL:
						t.Fatalf("%s is true here and in CEL %v, %v, of\n%s", expression.Text(), value, err, described(input))
					case got == True:
						held++
					case got == Absent:
						absent++
						if inCEL {
							stricter++
						}
					}
				}
			}
			t.Logf("%d true, %d absent, of which CEL takes %d for true", held, absent, stricter)
			if held < 150 || absent < 150 || stricter < 50 {
				t.Errorf("it says little: %d true, %d absent, of which CEL takes %d for true", held, absent, stricter)
			}
		})
	}
}
