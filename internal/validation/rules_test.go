package validation

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"
	"buf.build/go/protovalidate"
	"github.com/bufbuild/protocompile"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/dynamicpb"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// message compiles the message M of a proto file, of which it is given what comes
// after the imports.
func message(tb testing.TB, source string) protoreflect.MessageDescriptor {
	tb.Helper()
	return fileOf(tb, `syntax = "proto3"; package m; import "buf/validate/validate.proto";
		import "google/protobuf/timestamp.proto"; import "google/protobuf/duration.proto";
		import "google/protobuf/wrappers.proto";`+source).Messages().ByName("M")
}

// fileOf compiles a whole proto file.
func fileOf(tb testing.TB, source string) protoreflect.FileDescriptor {
	tb.Helper()
	schema := validate.File_buf_validate_validate_proto
	compiler := protocompile.Compiler{Resolver: protocompile.WithStandardImports(protocompile.CompositeResolver{
		&protocompile.SourceResolver{Accessor: protocompile.SourceAccessorFromMap(map[string]string{
			"m.proto": source,
		})},
		protocompile.ResolverFunc(func(path string) (protocompile.SearchResult, error) {
			if path == schema.Path() {
				return protocompile.SearchResult{Desc: schema}, nil
			}
			return protocompile.SearchResult{}, errors.New("not here")
		}),
	})}
	files, err := compiler.Compile(tb.Context(), "m.proto")
	if err != nil {
		tb.Fatal(err)
	}
	return files[0]
}

func rulesOf(tb testing.TB, descriptor protoreflect.MessageDescriptor) *Rules {
	tb.Helper()
	rules, err := New().Rules(descriptor)
	if err != nil {
		tb.Fatal(err)
	}
	return rules
}

// decode reads a message from JSON.
func decode(tb testing.TB, descriptor protoreflect.MessageDescriptor, text string) proto.Message {
	tb.Helper()
	message := dynamicpb.NewMessage(descriptor)
	if err := protojson.Unmarshal([]byte(text), message); err != nil {
		tb.Fatal(err)
	}
	return message
}

// What is checked ahead of protovalidate is told in its words, and what just fits
// passes both.
func TestSizesSayWhatProtovalidateSays(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ source, fits, exceeds string }{
		"max_len":            {`message M { string a = 1 [(buf.validate.field).string.max_len = 3]; }`, `{"a": "ééé"}`, `{"a": "éééé"}`},
		"max_bytes":          {`message M { string a = 1 [(buf.validate.field).string.max_bytes = 3]; }`, `{"a": "éx"}`, `{"a": "éé"}`},
		"len":                {`message M { string a = 1 [(buf.validate.field).string.len = 3]; }`, `{"a": "xxx"}`, `{"a": "xxxx"}`},
		"len_bytes":          {`message M { string a = 1 [(buf.validate.field).string.len_bytes = 3]; }`, `{"a": "xxx"}`, `{"a": "xxxx"}`},
		"bytes":              {`message M { bytes a = 1 [(buf.validate.field).bytes.max_len = 3]; }`, `{"a": "AAAA"}`, `{"a": "AAAAAA"}`},
		"bytes, len":         {`message M { bytes a = 1 [(buf.validate.field).bytes.len = 3]; }`, `{"a": "AAAA"}`, `{"a": "AAAAAA"}`},
		"a wrapper":          {`message M { google.protobuf.StringValue a = 1 [(buf.validate.field).string.max_len = 3]; }`, `{"a": "xxx"}`, `{"a": "xxxx"}`},
		"max_items":          {`message M { repeated int32 a = 1 [(buf.validate.field).repeated.max_items = 2]; }`, `{"a": [1, 2]}`, `{"a": [1, 2, 3]}`},
		"items":              {`message M { repeated string a = 1 [(buf.validate.field).repeated.items.string.max_len = 3]; }`, `{"a": ["xxx"]}`, `{"a": ["xxx", "xxxx"]}`},
		"max_pairs":          {`message M { map<string, int32> a = 1 [(buf.validate.field).map.max_pairs = 1]; }`, `{"a": {"x": 1}}`, `{"a": {"x": 1, "y": 2}}`},
		"keys":               {`message M { map<string, int32> a = 1 [(buf.validate.field).map.keys.string.max_len = 3]; }`, `{"a": {"xxx": 1}}`, `{"a": {"xxxx": 1}}`},
		"values":             {`message M { map<int32, string> a = 1 [(buf.validate.field).map.values.string.max_len = 3]; }`, `{"a": {"-1": "xxx"}}`, `{"a": {"-1": "xxxx"}}`},
		"values by bool":     {`message M { map<bool, bytes> a = 1 [(buf.validate.field).map.values.bytes.max_len = 3]; }`, `{"a": {"true": "AAAA"}}`, `{"a": {"true": "AAAAAA"}}`},
		"values by unsigned": {`message M { map<uint64, string> a = 1 [(buf.validate.field).map.values.string.max_len = 3]; }`, `{"a": {"1": "xxx"}}`, `{"a": {"1": "xxxx"}}`},
		"within":             {`message M { N a = 1; } message N { string b = 1 [(buf.validate.field).string.max_len = 3]; }`, `{"a": {"b": "xxx"}}`, `{"a": {"b": "xxxx"}}`},
		"within a list":      {`message M { repeated N a = 1; } message N { string b = 1 [(buf.validate.field).string.max_len = 3]; }`, `{"a": [{}, {"b": "xxx"}]}`, `{"a": [{}, {"b": "xxxx"}]}`},
		"within a map":       {`message M { map<string, N> a = 1; } message N { string b = 1 [(buf.validate.field).string.max_len = 3]; }`, `{"a": {"k": {"b": "xxx"}}}`, `{"a": {"k": {"b": "xxxx"}}}`},
		"within itself":      {`message M { M a = 1; string b = 2 [(buf.validate.field).string.max_len = 3]; }`, `{"a": {"a": {"b": "xxx"}}}`, `{"a": {"a": {"b": "xxxx"}}}`},
		"optional":           {`message M { optional string a = 1 [(buf.validate.field).string.max_len = 3]; }`, `{"a": "xxx"}`, `{"a": "xxxx"}`},
		"if not zero":        {`message M { string a = 1 [(buf.validate.field) = {ignore: IGNORE_IF_ZERO_VALUE, string: {len: 3}}]; }`, `{"a": ""}`, `{"a": "xxxx"}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			descriptor := message(t, test.source)
			rules := rulesOf(t, descriptor)
			if rules.sizes == nil {
				t.Fatal("there are no sizes to check")
			}
			fits, exceeds := decode(t, descriptor, test.fits), decode(t, descriptor, test.exceeds)
			if err := rules.Validate(t.Context(), fits, 0); err != nil {
				t.Errorf("what fits: %v", err)
			}
			var want *protovalidate.ValidationError
			if err := protovalidate.Validate(exceeds); !errors.As(err, &want) {
				t.Fatalf("protovalidate says %v", err)
			}
			if rules.sizes.hold(exceeds.ProtoReflect()) {
				t.Fatal("what exceeds holds")
			}
			var got *Violations
			if err := rules.Validate(t.Context(), exceeds, 0); !errors.As(err, &got) {
				t.Fatalf("what exceeds: %v", err)
			}
			if diff := cmp.Diff(want.ToProto(), got.Told, protocmp.Transform()); diff != "" {
				t.Errorf("-protovalidate +sizes:\n%s", diff)
			}
			if got.Error() != want.Error() || got.More {
				t.Errorf("%q, more %t; protovalidate says %q", got, got.More, want)
			}
		})
	}
}

// What a rule leaves out is not checked either, and types without limits cost nothing.
func TestSizesThatAreNotThere(t *testing.T) {
	t.Parallel()
	for name, source := range map[string]string{
		"no rule":       `message M { string a = 1; repeated M b = 2; }`,
		"other rules":   `message M { string a = 1 [(buf.validate.field).string.min_len = 3]; }`,
		"ignored":       `message M { string a = 1 [(buf.validate.field) = {ignore: IGNORE_ALWAYS, string: {max_len: 3}}]; }`,
		"ignored items": `message M { repeated string a = 1 [(buf.validate.field).repeated.items = {ignore: IGNORE_ALWAYS, string: {max_len: 3}}]; }`,
		"ignored below": `message M { N a = 1 [(buf.validate.field).ignore = IGNORE_ALWAYS]; } message N { string b = 1 [(buf.validate.field).string.max_len = 3]; }`,
	} {
		if rules := rulesOf(t, message(t, source)); rules.sizes != nil {
			t.Errorf("%s: there are sizes to check", name)
		}
	}
}

// No rule in CEL and no pattern runs over what is too large.
func TestNothingRunsOverWhatIsTooLarge(t *testing.T) {
	t.Parallel()
	descriptor := message(t, `
		message M {
			repeated Span spans = 1 [
				(buf.validate.field).repeated.max_items = 10,
				(buf.validate.field).cel = {
					id: "spans-overlap" message: "no two spans overlap"
					expression: "this.all(a, !this.exists(b, a != b && a.from < b.to && b.from < a.to))"
				}
			];
			string email = 2 [(buf.validate.field).string = {max_len: 100, email: true}];
			string name = 3 [(buf.validate.field).string.min_len = 1];
		}
		message Span { int64 from = 1; int64 to = 2; }`)
	rules := rulesOf(t, descriptor)
	spans := func(number int) string {
		var list []string
		for i := range number {
			list = append(list, fmt.Sprintf(`{"from": %d, "to": %d}`, 2*i, 2*i+1))
		}
		return "[" + strings.Join(list, ",") + "]"
	}
	if err := rules.Validate(t.Context(), decode(t, descriptor, `{"name": "x", "email": "a@b.c", "spans": `+spans(10)+`}`), 0); err != nil {
		t.Errorf("ten spans: %v", err)
	}
	var invalid *Violations
	if err := rules.Validate(t.Context(), decode(t, descriptor, `{"name": "x", "email": "a@b.c", "spans": [{"to": 5}, {"from": 1, "to": 2}]}`), 0); !errors.As(err, &invalid) ||
		invalid.Told.GetViolations()[0].GetRuleId() != "spans-overlap" {
		t.Errorf("spans that overlap: %v", err)
	}
	began := time.Now()
	err := rules.Validate(t.Context(), decode(t, descriptor, `{"spans": `+spans(20_000)+`, "email": "`+strings.Repeat("a@", 1<<20)+`"}`), 0)
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("it took %v", took)
	}
	if !errors.As(err, &invalid) {
		t.Fatal(err)
	}
	var ids []string
	for _, violation := range invalid.Told.GetViolations() {
		ids = append(ids, violation.GetRuleId())
	}
	if diff := cmp.Diff([]string{"repeated.max_items", "string.max_len", "string.min_len"}, ids); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestTimes(t *testing.T) {
	t.Parallel()
	descriptor := message(t, `message M { google.protobuf.Timestamp at = 1; repeated google.protobuf.Duration long = 2;
		N hidden = 3 [(buf.validate.field).ignore = IGNORE_ALWAYS]; } message N { google.protobuf.Timestamp at = 1; }`)
	rules := rulesOf(t, descriptor)
	fields := descriptor.Fields()
	for name, test := range map[string]struct {
		set  func(*dynamicpb.Message)
		want string
	}{
		"the first time": {func(m *dynamicpb.Message) { setTime(m, fields.ByName("at"), -62135596800, 0) }, ""},
		"one before":     {func(m *dynamicpb.Message) { setTime(m, fields.ByName("at"), -62135596801, 0) }, "timestamp.valid"},
		"the last time":  {func(m *dynamicpb.Message) { setTime(m, fields.ByName("at"), 253402300799, 999999999) }, ""},
		"one after":      {func(m *dynamicpb.Message) { setTime(m, fields.ByName("at"), 253402300800, 0) }, "timestamp.valid"},
		"nanos below":    {func(m *dynamicpb.Message) { setTime(m, fields.ByName("at"), 0, -1) }, "timestamp.valid"},
		"nanos above":    {func(m *dynamicpb.Message) { setTime(m, fields.ByName("at"), 0, 1e9) }, "timestamp.valid"},
		"an ignored one": {func(m *dynamicpb.Message) {
			setTime(m.Mutable(fields.ByName("hidden")).Message(), fields.ByName("hidden").Message().Fields().ByName("at"), 0, -1)
		}, "timestamp.valid"},
		"the longest":   {func(m *dynamicpb.Message) { addDuration(m, 315576000000, 999999999) }, ""},
		"one longer":    {func(m *dynamicpb.Message) { addDuration(m, 315576000001, 0) }, "duration.valid"},
		"below nothing": {func(m *dynamicpb.Message) { addDuration(m, -1, -5) }, ""},
		"of two signs":  {func(m *dynamicpb.Message) { addDuration(m, 1, -5) }, "duration.valid"},
		"two signs":     {func(m *dynamicpb.Message) { addDuration(m, -1, 5) }, "duration.valid"},
	} {
		message := dynamicpb.NewMessage(descriptor)
		test.set(message)
		err := rules.Validate(t.Context(), message, 0)
		var invalid *Violations
		if errors.As(err, &invalid) != (test.want != "") || (test.want != "" && invalid.Told.GetViolations()[0].GetRuleId() != test.want) {
			t.Errorf("%s: %v, want %q", name, err, test.want)
		}
	}
}

func setTime(message protoreflect.Message, field protoreflect.FieldDescriptor, seconds int64, nanos int32) {
	set(message.Mutable(field).Message(), &timestamppb.Timestamp{Seconds: seconds, Nanos: nanos})
}

func addDuration(message *dynamicpb.Message, seconds int64, nanos int32) {
	set(message.Mutable(message.Descriptor().Fields().ByName("long")).List().AppendMutable().Message(),
		&durationpb.Duration{Seconds: seconds, Nanos: nanos})
}

func set(message protoreflect.Message, to proto.Message) {
	data, _ := proto.Marshal(to)
	_ = proto.Unmarshal(data, message.Interface())
}

// A caller is told the first twenty, in a few kilobytes, for any request.
func TestViolationsAreFew(t *testing.T) {
	t.Parallel()
	list := func(text string, times int) string {
		return "[" + strings.TrimSuffix(strings.Repeat(text+",", times), ",") + "]"
	}
	uuids := `message M { repeated string a = 1 [(buf.validate.field).repeated.items.string.uuid = true]; }`
	for name, test := range map[string]struct {
		source, text string
		told         int
		more         bool
	}{
		"one":              {uuids, `{"a": ["x"]}`, 1, false},
		"twenty":           {uuids, `{"a": ` + list(`"x"`, 20) + `}`, 20, false},
		"one more":         {uuids, `{"a": ` + list(`"x"`, 21) + `}`, 20, true},
		"very many":        {uuids, `{"a": ` + list(`"x"`, 90_000) + `}`, 1, true},
		"many among good":  {uuids, `{"a": ` + strings.TrimSuffix(list(`"5f0c3a4e-7d4b-4a39-9c35-1b4f0e6f9d11"`, 3000), "]") + `, "x"]}`, 1, true},
		"too many":         {`message M { repeated string a = 1 [(buf.validate.field).repeated = {max_items: 100, items: {string: {uuid: true}}}]; }`, `{"a": ` + list(`"x"`, 90_000) + `}`, 1, false},
		"sizes":            {`message M { repeated string a = 1 [(buf.validate.field).repeated.items.string.max_len = 1]; }`, `{"a": ` + list(`"xx"`, 90_000) + `}`, 20, true},
		"long keys":        {`message M { map<string, string> a = 1 [(buf.validate.field).map.keys.string.pattern = "^x$"]; }`, `{"a": {"` + strings.Repeat("y", 1<<20) + `": ""}}`, 1, false},
		"a message in CEL": {`message M { string a = 1 [(buf.validate.field).cel = {id: "e" expression: "'bad: ' + this"}]; }`, `{"a": "` + strings.Repeat("<", 1<<20) + `"}`, 1, false},
		"deep": {`message M { M a = 1; string b = 2 [(buf.validate.field).string.max_len = 1]; }`,
			strings.Repeat(`{"a":`, 90) + `{"b": "xx"}` + strings.Repeat("}", 90), 1, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			descriptor := message(t, test.source)
			var invalid *Violations
			if err := rulesOf(t, descriptor).Validate(t.Context(), decode(t, descriptor, test.text), 0); !errors.As(err, &invalid) {
				t.Fatal(err)
			}
			if got := len(invalid.Told.GetViolations()); got != test.told || invalid.More != test.more {
				t.Errorf("%d are told, more %t; want %d, %t", got, invalid.More, test.told, test.more)
			}
			if size := proto.Size(invalid.Told); size > maxDetail {
				t.Errorf("the detail has %d bytes", size)
			}
			if size := len(invalid.Error()); size > 2*maxText {
				t.Errorf("the text has %d bytes", size)
			}
			if said := strings.Contains(invalid.Error(), "there may be more"); said != test.more {
				t.Errorf("the text says so: %t: %s", said, invalid)
			}
		})
	}
}

// A caller who is gone is not waited for, and is not taken for a valid one.
func TestGone(t *testing.T) {
	t.Parallel()
	descriptor := message(t, `message M { repeated M a = 1; string b = 2 [(buf.validate.field).string.min_len = 1]; }`)
	rules := rulesOf(t, descriptor)
	valid := `{"b": "x", "a": [` + strings.TrimSuffix(strings.Repeat(`{"b": "x"},`, 10_000), ",") + `]}`
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	large := decode(t, descriptor, valid)
	if err := rules.Validate(t.Context(), large, 1<<20); err != nil {
		t.Errorf("a caller who waits: %v", err)
	}
	if err := rules.Validate(gone, large, 1<<20); !errors.Is(err, context.Canceled) {
		t.Errorf("a caller who is gone: %v", err)
	}
	if err := rules.Validate(gone, decode(t, descriptor, `{"b": "x", "a": [{}]}`), 0); !errors.Is(err, context.Canceled) {
		t.Errorf("a caller who is gone before the second pass: %v", err)
	}
}

// A rule that fails to run is no violation, and not kept either.
func TestRuleThatFails(t *testing.T) {
	t.Parallel()
	descriptor := message(t, `message M { repeated int32 a = 1 [(buf.validate.field).cel = {id: "first" expression: "this[0] > 0"}]; string b = 2 [(buf.validate.field).string.min_len = 1]; }`)
	rules := rulesOf(t, descriptor)
	var invalid *Violations
	if err := rules.Validate(t.Context(), decode(t, descriptor, `{"b": "x"}`), 0); err == nil || errors.As(err, &invalid) {
		t.Errorf("a rule that fails: %v", err)
	}
	if err := rules.Validate(t.Context(), decode(t, descriptor, `{"a": [1], "b": "x"}`), 0); err != nil {
		t.Errorf("one that does not: %v", err)
	}
}
