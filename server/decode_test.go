package server

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"connectrpc.com/connect/v2"
	"connectrpc.com/connect/v2/connectproto"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/fieldmaskpb"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	testv1 "github.com/sallyport-rpc/sallyport/gen/test/v1"
)

// codecsOf are the codecs of a server, binary and JSON.
func codecsOf(l limits) (binary, json *codec) {
	codecs := l.codecs()
	return codecs[0], codecs[1]
}

// charged returns a call whose charge is of a budget of so many bytes, and its context. One
// address gets half of them.
func charged(t *testing.T, limit int64) (*incoming, context.Context) {
	t.Helper()
	call := &incoming{}
	call.charge.budget = newBudget(limit)
	return call, context.WithValue(t.Context(), incomingKey{}, call)
}

// A codec decodes what it is given by any reader, and says what it could not read.
func TestDecodeByAnyReader(t *testing.T) {
	t.Parallel()
	binary, json := codecsOf(defaultLimits)
	var got durationpb.Duration
	if err := binary.UnmarshalRead(t.Context(), strings.NewReader("\x08\x05"), &got); err != nil || got.GetSeconds() != 5 {
		t.Errorf("decoded %v, with %v", &got, err)
	}
	broken := errors.New("the cable was pulled")
	if err := binary.UnmarshalRead(t.Context(), iotest.ErrReader(broken), &got); !errors.Is(err, broken) {
		t.Errorf("a reader that fails: %v", err)
	}
	for name, target := range map[string]any{"nothing": nil, "a text": new(string)} {
		if err := binary.UnmarshalRead(t.Context(), bytes.NewBufferString("\x08\x05"), target); !errors.Is(err, connectproto.ErrNotProtoMessage) {
			t.Errorf("into %s: %v", name, err)
		}
	}
	err := json.UnmarshalRead(t.Context(), &bytes.Buffer{}, &got)
	if connect.CodeOf(err) != connect.CodeInvalidArgument || !strings.Contains(err.Error(), errEmpty.Error()) {
		t.Errorf("JSON of no length: %v", err)
	}
}

// A large buffer does not wait for the next call with a few bytes in it.
func TestLargeBufferIsLetGo(t *testing.T) {
	t.Parallel()
	binary, _ := codecsOf(defaultLimits)
	for _, size := range []int{largeBuffer, largeBuffer + 1} {
		buffer := bytes.NewBuffer(make([]byte, 0, size))
		buffer.WriteString("\x08\x05")
		if err := binary.UnmarshalRead(t.Context(), buffer, new(durationpb.Duration)); err != nil {
			t.Fatal(err)
		}
		if want := map[bool]int{true: 0, false: size}[size > largeBuffer]; buffer.Cap() != want {
			t.Errorf("a buffer of %d bytes has %d after it was decoded, want %d", size, buffer.Cap(), want)
		}
	}
}

// What decodes is charged to the call before it is decoded, and given back after it.
func TestDecodeIsCharged(t *testing.T) {
	t.Parallel()
	binary, _ := codecsOf(defaultLimits)
	list := &structpb.ListValue{}
	for range 1000 {
		list.Values = append(list.Values, structpb.NewNullValue())
	}
	data, err := proto.Marshal(list)
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		limit int64
		fits  bool
	}{
		"no room for the bytes":     {2*granule - 1, false},
		"no room for the elements":  {4 * granule, false},
		"room for what it makes of": {1 << 20, true},
	} {
		var into structpb.ListValue
		_, ctx := charged(t, test.limit)
		err := binary.UnmarshalRead(ctx, bytes.NewBuffer(data), &into)
		if fits := err == nil; fits != test.fits || !fits && !errors.Is(err, errBusy) {
			t.Errorf("%s: %v", name, err)
		}
		if decoded := len(into.GetValues()) > 0; decoded != test.fits {
			t.Errorf("%s: decoded: %t", name, decoded)
		}
	}
	// It is charged before it is counted.
	few := defaultLimits
	few.elements = 1
	counting, _ := codecsOf(few)
	_, ctx := charged(t, 2*granule-1)
	if err := counting.UnmarshalRead(ctx, bytes.NewBuffer(data), new(structpb.ListValue)); !errors.Is(err, errBusy) {
		t.Errorf("no room for too many elements: %v", err)
	}
	// Once its caller is known, nothing of it stays charged.
	known, ctx := charged(t, 1<<20)
	known.charge.authenticate()
	if err := binary.UnmarshalRead(ctx, bytes.NewBuffer(data), new(structpb.ListValue)); err != nil {
		t.Fatal(err)
	}
	if known.charge.held != 0 || known.charge.budget.used != 0 {
		t.Errorf("after it was decoded %d bytes are held", known.charge.held)
	}
}

// An answer counts from a size on, as long as the connection does not have it.
func TestEncodeIsCharged(t *testing.T) {
	t.Parallel()
	binary, _ := codecsOf(defaultLimits)
	const frame = 3 // of the bytes within the message
	for _, size := range []int{smallAnswer - 1, smallAnswer} {
		call, ctx := charged(t, 1<<20)
		message := wrapperspb.Bytes(make([]byte, size-frame))
		if err := binary.MarshalWrite(ctx, &bytes.Buffer{}, message); err != nil || proto.Size(message) != size {
			t.Fatalf("%d bytes: %v", proto.Size(message), err)
		}
		if want := map[bool]int64{true: smallAnswer}[size >= smallAnswer]; call.charge.unread != want {
			t.Errorf("of an answer of %d bytes %d count, want %d", size, call.charge.unread, want)
		}
		if err := binary.MarshalWrite(ctx, io.Discard, message); err != nil {
			t.Errorf("to what is no buffer: %v", err)
		}
	}
	if err := binary.MarshalWrite(t.Context(), &bytes.Buffer{}, "no message"); !errors.Is(err, connectproto.ErrNotProtoMessage) {
		t.Errorf("what is no message: %v", err)
	}
	_, ctx := charged(t, granule)
	if err := binary.MarshalWrite(ctx, &bytes.Buffer{}, wrapperspb.Bytes(make([]byte, smallAnswer))); !errors.Is(err, errBusy) {
		t.Errorf("without room for an answer: %v", err)
	}
}

// A field that its type does not have is found wherever it lies.
func TestUnknownIsFound(t *testing.T) {
	t.Parallel()
	plain := func() *structpb.Value { return structpb.NewStringValue("x") }
	unknown := func() *structpb.Value {
		value := plain()
		value.ProtoReflect().SetUnknown(protoreflect.RawFields("\xa2\x1f\x01x"))
		return value
	}
	list := func(values ...*structpb.Value) *structpb.Value {
		return structpb.NewListValue(&structpb.ListValue{Values: values})
	}
	object := func(values map[string]*structpb.Value) *structpb.Value {
		return structpb.NewStructValue(&structpb.Struct{Fields: values})
	}
	for name, test := range map[string]struct {
		message proto.Message
		want    bool
	}{
		"no field":               {&structpb.ListValue{}, false},
		"a text":                 {plain(), false},
		"entries of texts":       {&testv1.Request{Labels: map[string]string{"a": "x", "b": "y"}}, false},
		"itself":                 {unknown(), true},
		"texts in a list":        {&fieldmaskpb.FieldMask{Paths: []string{"a", "b"}}, false},
		"a list":                 {list(plain(), plain()), false},
		"the first of a list":    {list(unknown(), plain()), true},
		"the last of a list":     {list(plain(), unknown()), true},
		"a list in a list":       {list(plain(), list(plain(), unknown()), plain()), true},
		"an entry":               {object(map[string]*structpb.Value{"a": plain(), "b": plain()}), false},
		"an unknown entry":       {object(map[string]*structpb.Value{"a": plain(), "b": unknown(), "c": plain()}), true},
		"an entry within a list": {list(object(map[string]*structpb.Value{"a": unknown()}), plain()), true},
	} {
		if got := hasUnknown(test.message.ProtoReflect()); got != test.want {
			t.Errorf("%s: %t, want %t", name, got, test.want)
		}
	}
}
