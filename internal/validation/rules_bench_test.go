package validation

import (
	"testing"

	"buf.build/go/protovalidate"

	testv1 "github.com/sallyport-rpc/sallyport/gen/test/v1"
)

// BenchmarkValidate is what validating a small request takes, by protovalidate alone and
// within bounds.
func BenchmarkValidate(b *testing.B) {
	request := &testv1.Request{Owner: "alice", First: 1, Last: 2, Tags: []string{"a", "b"}, Labels: map[string]string{"k": "v"}}
	rules := rulesOf(b, request.ProtoReflect().Descriptor())
	validator, err := protovalidate.New()
	if err != nil {
		b.Fatal(err)
	}
	b.Run("protovalidate", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if err := validator.Validate(request); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("rules", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if err := rules.Validate(b.Context(), request, 0); err != nil {
				b.Fatal(err)
			}
		}
	})
}
