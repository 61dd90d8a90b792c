package condition

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/sallyport-rpc/sallyport/authn"
)

// What cannot be evaluated is absent, and so is its negation. No value of the caller
// or the request is shown.
func TestAbsentByFault(t *testing.T) {
	t.Parallel()
	const secret = "hunter2"
	tests := []struct{ name, request, text string }{
		{"missing key", `labels {key: "hunter2" value: "x"}`, `request.labels["absent"] == "x"`},
		{"missing key from the request", `user_id: "hunter2"`, `request.labels[request.user_id] == "x"`},
		{"missing key by name", `user_id: "hunter2"`, `request.labels.absent == "x"`},
		{"missing key from the principal", `user_id: "hunter2"`, `principal.claims.labels[request.user_id] == "x"`},
		{"missing field of a struct", `user_id: "hunter2"`, `request.struct[request.user_id] == "x"`},
		{"index beyond the end", `tags: "hunter2"`, `request.tags[1] == "x"`},
		{"index below 0", `tags: "hunter2"`, `request.tags[-1] == "x"`},
		{"division by zero", `int64: 1`, `1 / (request.int64 - 1) == 1`},
		{"overflow", `int64: 9223372036854775807`, `request.int64 + 1 > 0`},
		{"no number", `user_id: "hunter2"`, `int(request.user_id) == 1`},
		{"no bool", `user_id: "hunter2"`, `bool(request.user_id)`},
		{"no timestamp", `user_id: "hunter2"`, `timestamp(request.user_id) < now`},
		{"pattern from the request", `user_id: "(hunter2"`, `principal.id.matches(request.user_id)`},
		{"unset wrapper as a value", ``, `request.maybe_int + 1 == 1`},
		{"value of another type", `value {string_value: "hunter2"}`, `request.value + 1 == 2`},
		{"principal as a value", ``, `principal == principal`},
		{"principal that the condition makes up", ``, `sallyport.v1.Principal{id: "alice"}.id == "alice"`},
	}
	environment := environment(t)
	kind := requestType(t)
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			input := Input{Principal: alice(), Request: message(t, kind, test.request), Now: now}
			for _, text := range []string{test.text, "!(" + test.text + ")"} {
				expression := compiled(t, environment, text, kind)
				if got, err := truth(t, expression, input); got != Absent || err != nil {
					t.Fatalf("%s = %v, %v", text, got, err)
				}
				if missing := strings.Join(expression.Missing(t.Context(), input, Absent), " "); missing == "" || strings.Contains(missing, secret) {
					t.Errorf("what is missing in %s: %q", text, missing)
				}
			}
		})
	}
}

// What CEL need not look at cannot fail.
func TestHoldsDespiteAFaultItNeedNotReach(t *testing.T) {
	t.Parallel()
	kind := requestType(t)
	environment := environment(t)
	input := Input{Principal: alice(), Request: message(t, kind, ``), Now: now}
	for text, want := range map[string]Truth{
		`true || request.labels["x"] == "x"`:                     True,
		`request.labels["x"] == "x" || true`:                     True,
		`false && request.labels["x"] == "x"`:                    False,
		`request.labels["x"] == "x" && false`:                    False,
		`"x" in request.labels && request.labels["x"] == "x"`:    False,
		`has(request.labels.x) ? request.labels.x == "x" : true`: True,
	} {
		if got, err := truth(t, compiled(t, environment, text, kind), input); got != want || err != nil {
			t.Errorf("%s = %v, %v", text, got, err)
		}
	}
}

// Of the zero Input everything is absent that a condition asks for.
func TestTruthOfNothing(t *testing.T) {
	t.Parallel()
	environment := environment(t)
	kind := requestType(t)
	request := message(t, kind, `user_id: "alice"`)
	tests := []struct {
		name  string
		text  string
		input Input
		want  Truth
	}{
		{"no principal", `principal.id == "alice"`, Input{Request: request}, Absent},
		{"no principal, asked whether not", `principal.id != "alice"`, Input{Request: request}, Absent},
		{"no principal, asked whether it has an id", `!has(principal.id)`, Input{Request: request}, Absent},
		{"no principal, asked for a role", `"admin" in principal.roles`, Input{Request: request}, Absent},
		{"no principal, and nothing asked", `request.user_id == "alice"`, Input{Request: request}, True},
		{"no request", `request.user_id == ""`, Input{Principal: alice()}, Absent},
		{"no request, and nothing asked", `principal.id == "alice"`, Input{Principal: alice()}, True},
		{"no time", `now == timestamp("0001-01-01T00:00:00Z")`, Input{}, True},
		{"nothing", `principal.id == request.user_id`, Input{}, Absent},
		{"request of another type", `request.user_id == ""`, Input{Request: &emptypb.Empty{}}, Absent},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got, err := truth(t, compiled(t, environment, test.text, kind), test.input)
			if got != test.want || err != nil {
				t.Errorf("%s = %v, %v", test.text, got, err)
			}
		})
	}
}

// squares looks at every pair of the request's numbers.
const squares = `request.numbers.all(a, request.numbers.all(b, a + b >= 0))`

// numbers is a request with n numbers.
func numbers(tb testing.TB, n int) proto.Message {
	tb.Helper()
	return message(tb, requestType(tb), "numbers: ["+strings.TrimSuffix(strings.Repeat("1,", n), ",")+"]")
}

func TestCostBound(t *testing.T) {
	t.Parallel()
	environment := environment(t)
	tests := []struct {
		name    string
		text    string
		request proto.Message
		over    bool
	}{
		{"a short list squared", squares, numbers(t, 50), false},
		{"a long list squared", squares, numbers(t, 1000), true},
		{"a long list once", `request.numbers.all(a, a == 1)`, numbers(t, 10_000), false},
		{"a list too long for once", `request.numbers.all(a, a == 1)`, numbers(t, 100_000), true},
		{"a fault that hides behind the limit", squares + ` || true`, numbers(t, 1000), true},
		{"a long text", `request.user_id.contains("bbbbbbbbbb")`, message(t, requestType(t), `user_id: "`+strings.Repeat("a", 4<<20)+`"`), true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			expression := compiled(t, environment, test.text, test.request.ProtoReflect().Descriptor())
			got, err := truth(t, expression, Input{Request: test.request})
			if (got == False) != test.over || errors.Is(err, ErrCost) != test.over || !test.over && err != nil {
				t.Errorf("%v, %v", got, err)
			}
		})
	}
}

func TestEndedContext(t *testing.T) {
	t.Parallel()
	request := numbers(t, 100)
	expression := compiled(t, environment(t), squares, request.ProtoReflect().Descriptor())
	input := Input{Request: request}
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	expired, cancel := context.WithDeadline(t.Context(), now)
	defer cancel()
	for want, ctx := range map[error]context.Context{context.Canceled: cancelled, context.DeadlineExceeded: expired} {
		if got, err := expression.Holds(ctx, &input); got || !errors.Is(err, want) {
			t.Errorf("%v, %v; want %v", got, err, want)
		}
	}
	// CEL takes the interruption of a loop for an error, which `true` absorbs.
	absorbs := compiled(t, environment(t), squares+` || true`, request.ProtoReflect().Descriptor())
	if got, err := absorbs.Holds(cancelled, &input); got || !errors.Is(err, context.Canceled) {
		t.Errorf("absorbed: %v, %v", got, err)
	}
	if got, err := truth(t, expression, input); got != True || err != nil {
		t.Errorf("with a live context: %v, %v", got, err)
	}
}

// Compile, of types known and new, and Holds at once: the race detector has the
// last word.
func TestConcurrency(t *testing.T) {
	t.Parallel()
	environment := environment(t)
	known := requestType(t)
	asksPrincipal := compiled(t, environment, `principal.id == request.user_id && request.color == test.v1.Color.COLOR_RED`, known)
	request := message(t, known, `user_id: "alice" color: COLOR_RED`)
	var group sync.WaitGroup
	for range 8 {
		unseen := requestType(t)
		group.Go(func() {
			for range 20 {
				if _, err := environment.Compile(`request.owner.address.city == "x"`, unseen); err != nil {
					t.Error(err)
				}
				if _, err := environment.Compile(`request.ghost`, unseen); err == nil {
					t.Error("a field that is not there was found")
				}
			}
		})
		group.Go(func() {
			for range 200 {
				if got, err := truth(t, asksPrincipal, Input{Principal: alice(), Request: request}); got != True || err != nil {
					t.Errorf("of alice: %v, %v", got, err)
				}
				if got, err := truth(t, asksPrincipal, Input{Principal: authn.NewPrincipal("bob", authn.Details{Unscoped: true}), Request: request}); got != False || err != nil {
					t.Errorf("of bob: %v, %v", got, err)
				}
				if got, err := truth(t, asksPrincipal, Input{Request: request}); got != Absent || err != nil {
					t.Errorf("of no principal: %v, %v", got, err)
				}
			}
		})
	}
	group.Wait()
}
