package condition

import (
	"strconv"
	"testing"

	"google.golang.org/protobuf/reflect/protoreflect"

	sallyportv1 "github.com/sallyport-rpc/sallyport/gen/sallyport/v1"
)

func BenchmarkHolds(b *testing.B) {
	kind := requestType(b)
	environment := environment(b)
	request := message(b, kind, `user_id: "alice" labels {key: "tenant" value: "acme"} tags: ["a", "b", "c"] members {id: "bob"} members {id: "alice"}`)
	for _, bench := range []struct{ name, text string }{
		{"own", `principal.id == request.user_id`},
		{"role or own", `"admin" in principal.roles || principal.id == request.user_id`},
		{"map", `principal.claims.labels.tenant == request.labels["tenant"]`},
		{"list", `request.members.exists(m, m.id == principal.id)`},
		{"time", `now - principal.authenticated_at < duration("15m")`},
		{"text", `principal.id.startsWith("al") && request.user_id.matches("^[a-z]+$")`},
	} {
		b.Run(bench.name, func(b *testing.B) {
			expression := compiled(b, environment, bench.text, kind)
			input := Input{Principal: alice(), Request: request, Now: now}
			b.ReportAllocs()
			for b.Loop() {
				if holds, err := expression.Holds(b.Context(), &input); !holds || err != nil {
					b.Fatal(holds, err)
				}
			}
		})
	}
}

// Registration is to stay fast and small with thousands of conditions: the time,
// and above all the memory, of one does not grow with those before it.
func BenchmarkCompile(b *testing.B) {
	for _, before := range []int{0, 1000} {
		b.Run("after "+strconv.Itoa(before), func(b *testing.B) {
			environment := environment(b)
			kind := (&sallyportv1.Authenticate{}).ProtoReflect().Descriptor()
			kept := make([]*Expression, 0, before)
			compile := func(kind protoreflect.MessageDescriptor, text string) {
				kept = append(kept, compiled(b, environment, text, kind))
			}
			for range before {
				compile(kind, `request.anonymous == principal.id`)
			}
			b.ReportAllocs()
			for b.Loop() {
				compile(kind, `request.anonymous == principal.id`)
			}
		})
	}
}
