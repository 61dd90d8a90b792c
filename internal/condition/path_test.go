package condition

import (
	"strings"
	"testing"

	"cel.dev/cel-go/test/proto3pb"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/dynamicpb"
)

// A path is found in a message of its schema, and in one of another that has the same fields;
// one that has others has nothing at the path, of whatever kind they are.
func TestFind(t *testing.T) {
	t.Parallel()
	kind := requestType(t)
	tests := []struct {
		name, path, message string
		schema              string // what else the message's is, in place of kind
		want                any    // nil where nothing is found
	}{
		{name: "a field", path: "user_id", message: `user_id: "a"`, want: "a"},
		{name: "a field without presence", path: "user_id", message: ``, want: ""},
		{name: "a field with presence", path: "nick", message: `nick: ""`, want: ""},
		{name: "a field with presence, that is not set", path: "nick", message: ``},
		{name: "below", path: "inner.again.text", message: `inner {again {text: "a"}}`, want: "a"},
		{name: "below, where it is empty", path: "inner.again.text", message: `inner {again {}}`, want: ""},
		{name: "below what is not set", path: "inner.again.text", message: `inner {text: "b"}`},
		{name: "below nothing", path: "inner.again.text", message: ``},
		{name: "a default", path: "owner.country", message: `owner {}`, want: "is"},
		{name: "another reading of the schema", path: "inner.text", schema: `Inner inner = 3; message Inner { string text = 7; }`, message: `inner {text: "a"}`, want: "a"},
		{name: "another reading, of what is not set", path: "inner.text", schema: `Inner inner = 3; message Inner { string text = 7; }`, message: ``},
		{name: "another reading, with presence", path: "user_id", schema: `optional string user_id = 3;`, message: ``},
		{name: "without the field", path: "user_id", schema: `string other = 3;`, message: `other: "a"`},
		{name: "without the field below", path: "inner.text", schema: `Inner inner = 3; message Inner { string other = 7; }`, message: `inner {other: "a"}`},
		{name: "a text in place of a message", path: "inner.text", schema: `string inner = 3;`, message: `inner: "a"`},
		{name: "a list in place of a message", path: "inner.text", schema: `repeated Inner inner = 3; message Inner { string text = 7; }`, message: `inner {text: "a"}`},
		{name: "a map in place of a message", path: "labels.value", schema: `map<string, string> labels = 3;`, message: `labels {key: "a" value: "b"}`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			of := kind
			if test.schema != "" {
				of = file(t, "test.proto", map[string]string{"test.proto": `syntax = "proto3"; package test.v1; message Request { ` + test.schema + ` }`}).Messages().Get(0)
			}
			path, from := pathTo(kind, test.path), message(t, of, test.message)
			var got any
			value, ok := path.Find(from.ProtoReflect())
			if ok {
				got = value.Interface()
			}
			if got != test.want || ok != (test.want != nil) || ok != value.IsValid() {
				t.Errorf("%s of %v: %v, %t, want %v", path, from, got, ok, test.want)
			}
			// For people it is shown alike.
			read := OfRequest(path)
			if shown := read.Value(Input{Request: from}); (shown != "") != ok {
				t.Errorf("%s is shown as %s", path, shown)
			}
			if missing := read.Missing(Input{Request: from}); missing != "" && (ok || !strings.HasPrefix(path.String(), missing)) {
				t.Errorf("%s is missing for %s", missing, path)
			}
		})
	}
}

// pathTo is the path of fields of which the names are joined by dots. In a map it goes on in
// its entries.
func pathTo(kind protoreflect.MessageDescriptor, text string) Path {
	var path Path
	for name := range strings.SplitSeq(text, ".") {
		path = append(path, kind.Fields().ByName(protoreflect.Name(name)))
		kind = path.leaf().Message()
	}
	return path
}

// To find a field in a message of the schema allocates nothing.
func TestFindAllocatesNothing(t *testing.T) { //nolint:paralleltest // it counts what the process allocates
	from := (&proto3pb.NestedTestAllTypes{Payload: &proto3pb.TestAllTypes{SingleString: "a"}}).ProtoReflect()
	path := pathTo(from.Descriptor(), "payload.single_string")
	if value, ok := path.Find(from); !ok || value.String() != "a" {
		t.Errorf("%s: %v, %t", path, value, ok)
	}
	if allocations := testing.AllocsPerRun(100, func() { path.Find(from) }); allocations > 0 {
		t.Errorf("%v allocations", allocations)
	}
}

// CEL takes the types of a file from the program where that has the file. What the request's own
// descriptor lacks is read as of all of the request, and is absent.
func TestFieldThatTheRequestLacks(t *testing.T) {
	t.Parallel()
	known := (&proto3pb.TestAllTypes{}).ProtoReflect().Descriptor()
	older := protodesc.ToFileDescriptorProto(known.ParentFile())
	for _, message := range older.GetMessageType() {
		if message.GetName() == string(known.Name()) {
			for _, field := range message.GetField() {
				if field.GetName() == "single_string" {
					field.Name, field.JsonName = new("former_string"), new("formerString")
				}
			}
		}
	}
	file, err := protodesc.NewFile(older, protoregistry.GlobalFiles)
	if err != nil {
		t.Fatal(err)
	}
	kind := file.Messages().ByName(known.Name())
	expression := compiled(t, environment(t), `request.single_string == principal.id`, kind)
	if reads := strings.Join(names(expression.Reads()), " "); reads != "request principal.id" || expression.native != nil {
		t.Errorf("it reads %s, native: %t", reads, expression.native != nil)
	}
	for _, request := range []proto.Message{dynamicpb.NewMessage(kind), message(t, kind, `former_string: "alice"`)} {
		if got, err := truth(t, expression, Input{Principal: alice(), Request: request, Now: now}); got != Absent || err != nil {
			t.Errorf("of %v: %v, %v", request, got, err)
		}
	}
	if got, err := truth(t, expression, Input{Principal: alice(), Request: &proto3pb.TestAllTypes{SingleString: "alice"}, Now: now}); got != True || err != nil {
		t.Errorf("of a newer request: %v, %v", got, err)
	}
}
