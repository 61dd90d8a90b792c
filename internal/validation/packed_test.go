package validation

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"
	"google.golang.org/protobuf/types/known/anypb"

	testv1 "github.com/sallyport-rpc/sallyport/gen/test/v1"
)

// packedJSON is a google.protobuf.Any with a request of the test services, in JSON.
func packedJSON(owner string) string {
	return fmt.Sprintf(`{"@type": "type.googleapis.com/test.v1.Request", "owner": %q}`, owner)
}

func TestPacked(t *testing.T) {
	t.Parallel()
	const holder = `import "google/protobuf/any.proto"; message M { google.protobuf.Any one = 1; repeated google.protobuf.Any many = 2;
		map<string, google.protobuf.Any> by = 3; M within = 4; string name = 5 [(buf.validate.field).string.max_len = 3]; }`
	good, bad := packedJSON("alice"), packedJSON("")
	tests := []struct {
		name, text string
		want       string // what is told, or "" where nothing is wrong
	}{
		{"nothing", `{}`, ""},
		{"good", `{"one": ` + good + `, "many": [` + good + `], "by": {"k": ` + good + `}, "within": {"one": ` + good + `}}`, ""},
		{"bad", `{"one": ` + bad + `}`, "one.owner: "},
		{"bad in a list", `{"many": [` + good + `, ` + bad + `]}`, "many[1].owner: "},
		{"bad in a map", `{"by": {"k": ` + bad + `}}`, `by["k"].owner: `},
		{"bad at depth", `{"within": {"within": {"one": ` + bad + `}}}`, "within.within.one.owner: "},
		{"bad, packed twice", `{"one": {"@type": "x/google.protobuf.Any", "value": ` + bad + `}}`, "one.owner: "},
		{"a type that is linked nowhere", `{"name": "abc"}`, ""},
		{"its own rules first", `{"name": "abcd", "one": ` + bad + `}`, "name: "},
	}
	descriptor := message(t, holder)
	rules := rulesOf(t, descriptor)
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			expect(t, rules.Validate(t.Context(), decode(t, descriptor, test.text), 1), test.want)
		})
	}
}

// expect fails the test where an error tells something else.
func expect(t *testing.T, err error, want string) {
	t.Helper()
	violations, ok := errors.AsType[*Violations](err)
	switch {
	case want == "" && err != nil, want != "" && !ok:
		t.Errorf("got %v, want %q", err, want)
	case want != "" && !strings.HasPrefix(strings.TrimPrefix(err.Error(), "validation error: "), want):
		t.Errorf("got %v (%v), want %q", err, violations.Told, want)
	}
}

func anyOf(t *testing.T, message proto.Message) *anypb.Any {
	t.Helper()
	packed, err := anypb.New(message)
	if err != nil {
		t.Fatal(err)
	}
	return packed
}

// A request may be a google.protobuf.Any itself.
func TestPackedRequest(t *testing.T) {
	t.Parallel()
	rules := rulesOf(t, (&anypb.Any{}).ProtoReflect().Descriptor())
	deep := anyOf(t, &testv1.Request{Owner: "alice"})
	for range maxPackedDepth - 1 {
		deep = anyOf(t, deep)
	}
	tags := &testv1.Request{Owner: "alice"}
	for range maxPackedItems + 1 {
		tags.Tags = append(tags.Tags, "a")
	}
	tests := []struct {
		name string
		any  *anypb.Any
		want string
	}{
		{"good", anyOf(t, &testv1.Request{Owner: "alice"}), ""},
		{"bad", anyOf(t, &testv1.Request{}), "owner: "},
		{"of a type that is not linked", &anypb.Any{TypeUrl: "x/ghost.Ghost", Value: []byte("anything")}, ""},
		{"empty", &anypb.Any{}, ""},
		{"that does not decode", &anypb.Any{TypeUrl: "x/test.v1.Request", Value: []byte{0xff}}, "value does not decode as its type"},
		{"as deep as may be", deep, ""},
		{"too deep", anyOf(t, deep), "messages are packed into each other too deeply"},
		{"too large", anyOf(t, tags), "packed messages have too many elements"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			expect(t, rules.Validate(t.Context(), test.any, proto.Size(test.any)), test.want)
		})
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if err := rules.Validate(gone, deep, 1); !errors.Is(err, context.Canceled) {
		t.Errorf("when the caller is gone: %v", err)
	}
}

// The message of an extension keeps its own rules. The rules of the extension's field do
// not run, which is why the reader of declarations refuses them.
func TestPackedExtension(t *testing.T) {
	t.Parallel()
	descriptor := message(t, `message M { Inner inner = 1; } message Inner { string id = 1 [(buf.validate.field).string.min_len = 1]; }`)
	if hides(descriptor, map[protoreflect.MessageDescriptor]bool{}) {
		t.Error("a message without anything packed is said to hide something")
	}
	file := fileOf(t, `edition = "2023"; package e; import "buf/validate/validate.proto";
		message M { extensions 100 to 200; } message Inner { string id = 1 [(buf.validate.field).string.min_len = 1]; }
		message Dear { repeated string s = 1 [(buf.validate.field).cel = {id: "d" message: "d" expression: "this.all(x, this.filter(y, x == y).size() == 1)"}]; }
		extend M { Inner inner = 100; repeated Inner inners = 101; Dear dear = 102; }`)
	rules := rulesOf(t, file.Messages().ByName("M"))
	inner := func(id string) protoreflect.Value {
		made := dynamicpb.NewMessage(file.Messages().ByName("Inner"))
		if err := protojson.Unmarshal(fmt.Appendf(nil, `{"id": %q}`, id), made); err != nil {
			t.Fatal(err)
		}
		return protoreflect.ValueOfMessage(made)
	}
	one, many := dynamicpb.NewExtensionType(file.Extensions().ByName("inner")), dynamicpb.NewExtensionType(file.Extensions().ByName("inners"))
	for id, want := range map[string]string{"x": "", "": "[e.inner].id: "} {
		made := dynamicpb.NewMessage(file.Messages().ByName("M"))
		made.Set(one.TypeDescriptor(), inner(id))
		expect(t, rules.Validate(t.Context(), made, 1), want)
	}
	list := dynamicpb.NewMessage(file.Messages().ByName("M"))
	elements := list.Mutable(many.TypeDescriptor()).List()
	elements.Append(inner("x"))
	elements.Append(inner(""))
	expect(t, rules.Validate(t.Context(), list, 1), "[e.inners][1].id: ")

	// No one has held the rules of a packed message against what they may cost.
	costly := dynamicpb.NewMessage(file.Messages().ByName("M"))
	costly.Mutable(dynamicpb.NewExtensionType(file.Extensions().ByName("dear")).TypeDescriptor())
	expect(t, rules.Validate(t.Context(), costly, 1), "[e.dear]: the validation rules of its type may cost too much")
}
