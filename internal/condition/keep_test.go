package condition

import (
	"math/rand/v2"
	"testing"

	"cel.dev/cel-go/test/proto2pb"
	"cel.dev/cel-go/test/proto3pb"
	"cel.dev/expr"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"
)

// A condition says of what is kept of a request what it says of the request, in native
// code and in CEL, also where what is kept was another request's before.
func TestKeptIsDecidedAlike(t *testing.T) {
	t.Parallel()
	const batches, inputs = 120, 15
	for name, kind := range map[string]protoreflect.MessageType{
		"dynamic":                  dynamicpb.NewMessageType(variousType(t)),
		"generated":                (&proto3pb.NestedTestAllTypes{}).ProtoReflect().Type(),
		"generated, with defaults": (&proto2pb.NestedTestAllTypes{}).ProtoReflect().Type(),
		"generated, a oneof":       (&expr.Constant{}).ProtoReflect().Type(),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			environment := environment(t)
			random := rand.New(rand.NewPCG(1, 2))
			s, g := samples{random}, newGrammar(kind.Descriptor())
			g.Rand = random
			parts, outcomes := 0, map[Truth]int{}
			for range batches {
				expression := compiled(t, environment, g.condition(random.IntN(4) > 0), kind.Descriptor())
				keeping := NewKeeping(expression.Reads())
				if !keeping.all {
					parts++
				}
				var known Kept
				for range inputs {
					input := Input{Principal: s.principal(), Request: s.message(kind), Now: now}
					keeping.Keep(&known, input.Request)
					kept := known.Request()
					again := Input{Principal: input.Principal, Request: kept, Now: now}
					want, _, err := expression.evaluate(t.Context(), input)
					byCEL, _, errAgain := expression.evaluate(t.Context(), again)
					both, errBoth := expression.Truth(t.Context(), &again)
					if byCEL != want || both != want || err != nil || errAgain != nil || errBoth != nil {
						t.Fatalf("they disagree about\n%s\nof\n%s\nkept: %s\nrequest: %v, %v\nCEL: %v, %v\nTruth: %v, %v",
							expression.Text(), described(input), prototext.Format(kept), want, err, byCEL, errAgain, both, errBoth)
					}
					outcomes[want]++
				}
			}
			if parts < batches/2 || outcomes[True] == 0 || outcomes[False] == 0 || outcomes[Absent] == 0 {
				t.Errorf("%d of %d conditions keep a part of the request, and these came out: %v", parts, batches, outcomes)
			}
		})
	}
}

// What is kept is what is read, and does not change with the request.
func TestKeep(t *testing.T) {
	t.Parallel()
	const all = `user_id: "alice" flag: true bytes: "b" nick: "al" tags: "x" tags: "y" labels {key: "k" value: "v"}
		owner {id: "bob" address {city: "Vík"}} members {id: "carl"} by_name: "n" inner {words: "a" words: "b"}`
	for name, test := range map[string]struct{ text, want string }{
		"nothing":                {`principal.id == "alice"`, ``},
		"a field":                {`principal.id == request.user_id`, `user_id: "alice"`},
		"fields":                 {`request.flag || request.nick == principal.id`, `flag: true nick: "al"`},
		"bytes":                  {`request.bytes == b"x"`, `bytes: "b"`},
		"a list":                 {`principal.id in request.tags`, `tags: "x" tags: "y"`},
		"a field below":          {`request.owner.id == principal.id`, `owner {id: "bob"}`},
		"whether one is set":     {`has(request.owner.address)`, `owner {address {city: "Vík"}}`},
		"a list and its message": {`has(request.inner) && principal.id in request.inner.words`, `inner {words: "a" words: "b"}`},
		"a list of a message":    {`principal.id in request.inner.words`, `inner {words: "a" words: "b"}`},
		"of a oneof":             {`request.by_name == "n" || request.by_number == 1`, `by_name: "n"`},
		"a map":                  {`request.labels["k"] == "v"`, all},
		"a list of messages":     {`request.members.exists(m, m.id == principal.id)`, all},
		"the request as such":    {`size([request]) == 1 && request.flag`, all},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			kind := requestType(t)
			keeping := NewKeeping(compiled(t, environment(t), test.text, kind).Reads())
			request, want := message(t, kind, all), message(t, kind, test.want)
			var kept Kept
			if none := kept.Request(); none != nil {
				t.Errorf("of no request it keeps %v", none)
			}
			keeping.Keep(&kept, request)
			overwrite(request.ProtoReflect())
			if got := kept.Request(); !proto.Equal(got, want) {
				t.Errorf("it keeps %v, want %v", got, want)
			}
			empty := dynamicpb.NewMessage(kind)
			keeping.Keep(&kept, empty)
			if got := kept.Request(); !proto.Equal(got, empty) {
				t.Errorf("of an empty request it keeps %v", got)
			}
		})
	}
}

// overwrite changes in place what a message holds.
func overwrite(message protoreflect.Message) {
	message.Range(func(field protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		switch {
		case field.IsList() && field.Message() == nil:
			value.List().Set(0, value.List().Get(1))
		case field.IsList():
			overwrite(value.List().Get(0).Message())
		case field.IsMap():
			value.Map().Set(protoreflect.ValueOfString("k").MapKey(), protoreflect.ValueOfString("other"))
		case field.Message() != nil:
			overwrite(value.Message())
		case field.Kind() == protoreflect.BytesKind:
			value.Bytes()[0]++
		default:
			message.Clear(field)
		}
		return true
	})
}

// A request of another descriptor of the same name is kept as a whole.
func TestKeepOfAnotherDescriptor(t *testing.T) {
	t.Parallel()
	keeping := NewKeeping(compiled(t, environment(t), `principal.id == request.user_id`, requestType(t)).Reads())
	var kept Kept
	keeping.Keep(&kept, message(t, requestType(t), `user_id: "alice"`))
	other := message(t, file(t, "test/v1/request.proto", schema).Messages().ByName("Request"), `user_id: "bob" flag: true`)
	keeping.Keep(&kept, other)
	if got := kept.Request(); !proto.Equal(got, other) {
		t.Errorf("it keeps %v, want %v", got, other)
	}
}

// To keep a field again allocates nothing.
func TestKeepAllocatesNothing(t *testing.T) { //nolint:paralleltest // it counts what the process allocates
	kind := (&proto3pb.TestAllTypes{}).ProtoReflect().Descriptor()
	keeping := NewKeeping(compiled(t, environment(t), `principal.id == request.single_string && request.single_int64 == 1`, kind).Reads())
	var kept Kept
	request := &proto3pb.TestAllTypes{SingleString: "alice", SingleInt64: 1}
	if allocations := testing.AllocsPerRun(100, func() { keeping.Keep(&kept, request) }); allocations > 0 {
		t.Errorf("%v allocations", allocations)
	}
}
