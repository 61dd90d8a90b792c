package condition

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	"cel.dev/cel-go/test/proto2pb"
	"cel.dev/cel-go/test/proto3pb"
	"cel.dev/expr"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/sallyport-rpc/sallyport/authn"
)

// How many pairs of a condition and an input are tried, and what the random numbers
// start from, unless the environment says otherwise.
const (
	differentialPairs = 100_000
	differentialSeed  = 1
)

// A batch tries some conditions on inputs of its own.
const (
	conditionsPerBatch = 40
	inputsPerCondition = 100
	messagesPerBatch   = 60
	principalsPerBatch = 40
)

// Native code and CEL must agree, also about what is absent. SALLYPORT_DIFFERENTIAL_PAIRS
// and SALLYPORT_DIFFERENTIAL_SEED set how long and from where; the same two try the
// same. `make differential` tries a million.
func TestDifferential(t *testing.T) {
	t.Parallel()
	pairs := setting(t, "SALLYPORT_DIFFERENTIAL_PAIRS", differentialPairs)
	seed := setting(t, "SALLYPORT_DIFFERENTIAL_SEED", differentialSeed)
	kinds := []struct {
		name string
		kind protoreflect.MessageType
	}{
		{"dynamic", dynamicpb.NewMessageType(variousType(t))},
		{"generated", (&proto3pb.NestedTestAllTypes{}).ProtoReflect().Type()},
		{"generated, with defaults", (&proto2pb.NestedTestAllTypes{}).ProtoReflect().Type()},
		{"dynamic of a generated type", dynamicpb.NewMessageType((&proto3pb.NestedTestAllTypes{}).ProtoReflect().Descriptor())},
		{"generated, a oneof", (&expr.Constant{}).ProtoReflect().Type()},
	}
	for i, test := range kinds {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			d := &differential{environment: environment(t), kind: test.kind}
			start := time.Now()
			for batch := uint64(i); d.pairs < pairs/uint64(len(kinds)) && !t.Failed(); batch += uint64(len(kinds)) {
				d.run(t, rand.New(rand.NewPCG(seed, batch)))
			}
			t.Logf("seed %d: %d pairs (%.0f a second) of %d native conditions, %d true, %d absent and %d false; %d of %d conditions native, %d took more than one value",
				seed, d.pairs, float64(d.pairs)/time.Since(start).Seconds(), d.native, d.held, d.absent, d.pairs-d.held-d.absent, d.native, d.conditions, d.varied)
			d.meaningful(t)
		})
	}
}

// differential holds native code against CEL for one type of request.
type differential struct {
	environment *Environment
	kind        protoreflect.MessageType

	conditions, native, varied uint64
	pairs, held, absent        uint64
}

// run tries one batch.
func (d *differential) run(t *testing.T, random *rand.Rand) {
	t.Helper()
	s := samples{random}
	var principals [principalsPerBatch]*authn.Principal
	for i := range principals {
		principals[i] = s.principal()
	}
	var messages [messagesPerBatch]proto.Message
	for i := range messages {
		messages[i] = s.message(d.kind)
	}
	g := newGrammar(d.kind.Descriptor())
	g.Rand = random
	ctx := context.WithoutCancel(t.Context()) // to ask whether it ended takes as long as all the rest
	for range conditionsPerBatch {
		d.conditions++
		expression := compiled(t, d.environment, g.condition(random.IntN(4) > 0), d.kind.Descriptor())
		if expression.native == nil {
			continue
		}
		d.native++
		held, absent := 0, 0
		for range inputsPerCondition {
			input := Input{Principal: principals[random.IntN(len(principals))], Request: messages[random.IntN(len(messages))], Now: now}
			got := expression.native(input.Principal, input.Request.ProtoReflect())
			want, _, err := expression.evaluate(ctx, input)
			if got != want || err != nil {
				t.Errorf("they disagree about\n%s\nof\n%s\nnative: %v\nCEL:    %v, %v", expression.Text(), described(input), got, want, err)
				return
			}
			switch want {
			case True:
				held++
			case Absent:
				absent++
			default:
			}
		}
		d.pairs += inputsPerCondition
		d.held += uint64(held)
		d.absent += uint64(absent)
		if most := max(held, absent, inputsPerCondition-held-absent); most < inputsPerCondition {
			d.varied++
		}
	}
}

// meaningful fails the test where the two agreed because there was nothing to
// disagree about.
func (d *differential) meaningful(t *testing.T) {
	t.Helper()
	if share := float64(d.native) / float64(d.conditions); share < 0.6 {
		t.Errorf("%.2f of the conditions became native code, want 0.60", share)
	}
	if share := float64(d.held) / float64(d.pairs); share < 0.15 || share > 0.75 {
		t.Errorf("%.2f of the pairs were true", share)
	}
	if share := float64(d.absent) / float64(d.pairs); share < 0.05 || share > 0.7 {
		t.Errorf("%.2f of the pairs were absent", share)
	}
	if share := float64(d.varied) / float64(d.native); share < 0.5 {
		t.Errorf("%.2f of the native conditions took more than one value, want 0.50", share)
	}
}

func described(input Input) string {
	message := "nil"
	if input.Request.ProtoReflect().IsValid() {
		message = prototext.Format(input.Request)
	}
	return fmt.Sprintf("principal %s\nrequest %T\n%s", describe(input.Principal), input.Request, message)
}

// setting reads a number from the environment.
func setting(t *testing.T, name string, otherwise uint64) uint64 {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	number, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return number
}

// variousType is a message with fields of every kind, several of most.
func variousType(tb testing.TB) protoreflect.MessageDescriptor {
	tb.Helper()
	return file(tb, "test/various.proto", map[string]string{
		"test/various.proto": `
			syntax = "proto3";
			package test;
			import "google/protobuf/any.proto";
			import "google/protobuf/duration.proto";
			import "google/protobuf/struct.proto";
			import "google/protobuf/timestamp.proto";
			import "google/protobuf/wrappers.proto";
			import "test/old.proto";
			message Various {
				string id = 1;
				string owner_id = 2;
				optional string nick = 3;
				bool flag = 4;
				optional bool maybe = 5;
				int32 int32 = 6;
				int64 int64 = 7;
				sint32 sint32 = 8;
				optional sint64 sint64 = 9;
				sfixed32 sfixed32 = 10;
				sfixed64 sfixed64 = 11;
				uint32 uint32 = 12;
				uint64 uint64 = 13;
				fixed32 fixed32 = 14;
				fixed64 fixed64 = 15;
				float float = 16;
				double double = 17;
				bytes bytes = 18;
				Color color = 19;
				optional Color shade = 20;
				google.protobuf.NullValue nothing = 21;
				Inner inner = 22;
				Old old = 23;
				repeated string ids = 24;
				repeated string tags = 25;
				repeated bool flags = 26;
				repeated Color colors = 27;
				repeated Inner inners = 28;
				repeated google.protobuf.NullValue nothings = 29;
				map<string, string> labels = 30;
				map<int64, Inner> by_number = 31;
				google.protobuf.Any any = 32;
				google.protobuf.Duration length = 33;
				google.protobuf.Timestamp at = 34;
				google.protobuf.Struct struct = 35;
				google.protobuf.Value value = 36;
				google.protobuf.ListValue list_value = 37;
				google.protobuf.StringValue maybe_string = 38;
				google.protobuf.BoolValue maybe_bool = 39;
				oneof choice {
					string choice_id = 40;
					bool choice_flag = 41;
					sint32 choice_number = 42;
					Color choice_color = 43;
					Inner choice_inner = 44;
					google.protobuf.NullValue choice_nothing = 45;
					bytes choice_bytes = 46;
				}
				message Inner {
					string id = 1;
					bool flag = 2;
					optional int64 number = 3;
					Various again = 4;
					repeated string ids = 5;
				}
			}
			enum Color {
				COLOR_UNSPECIFIED = 0;
				COLOR_RED = 1;
				COLOR_BLUE = 2;
			}`,
		"test/old.proto": `
			syntax = "proto2";
			package test;
			message Old {
				optional string id = 1 [default = "alice"];
				optional bool flag = 2 [default = true];
				optional int32 number = 3 [default = 9];
				optional Shape shape = 4;
				repeated string ids = 5;
				optional group Part = 6 {
					optional string id = 7;
				}
			}
			enum Shape {
				SHAPE_ROUND = 2;
				SHAPE_FLAT = 1;
			}`,
	}).Messages().ByName("Various")
}

// describe shows all of a principal.
func describe(p *authn.Principal) string {
	return fmt.Sprintf("%q %q roles %q scopes %q claims %v at %v until %v",
		p.ID(), p.Scheme(), p.Roles(), p.Scopes(), p.Claims(), p.AuthenticatedAt(), p.ExpiresAt())
}
