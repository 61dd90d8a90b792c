package condition

import (
	"strings"
	"testing"

	"cel.dev/cel-go/test/proto3pb"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/emptypb"
)

// Before the subject is known, a condition may hold unless what is known makes it false, in
// native code and in CEL; of a condition that does not read the subject it is what it says.
func TestMayHold(t *testing.T) {
	t.Parallel()
	kind := requestType(t)
	tests := []struct {
		text, request string
		may           bool
		native        bool
	}{
		{text: `item.flag`, may: true, native: true},
		{text: `!item.flag`, may: true, native: true},
		{text: `!(item.flag && request.flag)`, may: true, native: true},
		{text: `item.user_id == principal.id`, may: true, native: true},
		{text: `item.user_id != principal.id`, may: true, native: true},
		{text: `item.user_id == request.user_id`, may: true, native: true},
		{text: `has(item.nick) && request.flag`, may: false, native: true},
		{text: `item.flag && request.flag`, may: false, native: true},
		{text: `request.flag && item.flag`, may: false, native: true},
		{text: `item.flag && request.flag`, request: `flag: true`, may: true, native: true},
		{text: `item.flag || request.flag`, may: true, native: true},
		{text: `!(item.flag || request.flag)`, request: `flag: true`, may: false, native: true},
		{text: `!(item.flag || request.flag)`, may: true, native: true},
		{text: `(item.flag == request.flag) && request.nick == "a"`, may: true, native: true},
		{text: `item.members.exists(m, m.id == principal.id) && request.flag`, may: false, native: true},
		{text: `item.int64 < 7 && "admin" in principal.roles`, may: false, native: true},
		{text: `item.int64 < 7 && "auditor" in principal.roles`, may: true, native: true},
		{text: `item.flag && request.int64 < 1`, may: true},
		{text: `item.flag && request.int64 > 1`, may: false},
		{text: `item.int64 < 7 && request.int64 < 1`, may: true},
		{text: `item.flag && request.user_id == request.owner.id && request.int64 < 1`, may: true},
		{text: `request.flag`, may: false},
		{text: `request.flag`, request: `flag: true`, may: true},
		{text: `request.nick == "a"`, may: false}, // it is absent
		{text: `request.nick == "a"`, request: `nick: "a"`, may: true},
		{text: `request.int64 > 1`, request: `int64: 2`, may: true},
	}
	environment := environment(t).WithSubject(Subject{Name: ItemName, Type: kind})
	subjects := []proto.Message{nil, message(t, kind, ``), message(t, kind, `user_id: "bob" int64: 9`)}
	for _, test := range tests {
		t.Run(test.text, func(t *testing.T) {
			t.Parallel()
			expression := compiled(t, environment, test.text, kind)
			if got := expression.unloaded != nil; got != test.native {
				t.Errorf("native: %t, want %t", got, test.native)
			}
			for _, subject := range subjects {
				// Of another descriptor of the same name, native code says nothing.
				for _, request := range []proto.Message{message(t, kind, test.request), message(t, requestType(t), test.request)} {
					input := Input{Principal: alice(), Request: request, Subject: subject, Now: now}
					if may, err := expression.MayHold(t.Context(), &input); may != test.may || err != nil {
						t.Errorf("of %v: %t, %v, want %t", subject, may, err, test.may)
					}
				}
			}
		})
	}
}

// Of what a condition reads and that is not there it cannot be said to be false, but where the
// rest decides.
func TestMayHoldOfNothing(t *testing.T) {
	t.Parallel()
	kind := requestType(t)
	request := message(t, kind, `user_id: "alice"`)
	environment := environment(t).WithSubject(Subject{Name: ItemName, Type: kind})
	for _, test := range []struct {
		name, text string
		input      Input
		may        bool
	}{
		{"no principal", `item.flag && principal.id == request.user_id`, Input{Request: request}, true},
		{"no principal, and false", `item.flag && principal.id == "x" && request.flag`, Input{Request: request}, false},
		{"no principal, left to CEL", `item.int64 < 1 && request.int64 == 0 && principal.id < "x"`, Input{Request: request}, true},
		{"no request", `item.flag && request.flag`, Input{Principal: alice()}, true},
		{"no request, and false", `item.flag && principal.id == "bob" && request.flag`, Input{Principal: alice()}, false},
		{"nothing", `item.flag`, Input{}, true},
		{"a request of another type", `item.flag && request.flag`, Input{Principal: alice(), Request: &emptypb.Empty{}}, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			test.input.Now = now
			if may, err := compiled(t, environment, test.text, kind).MayHold(t.Context(), &test.input); may != test.may || err != nil {
				t.Errorf("%t, %v, want %t", may, err, test.may)
			}
		})
	}
}

// Native code decides, of the request and of the subject, without an allocation.
func TestNativeAllocatesNothing(t *testing.T) { //nolint:paralleltest // it counts what the process allocates
	kind := (&proto3pb.TestAllTypes{}).ProtoReflect().Descriptor()
	environment := environment(t).WithSubject(Subject{Name: ItemName, Type: kind})
	own := &proto3pb.TestAllTypes{SingleString: "alice"}
	for text, input := range map[string]Input{
		`principal.id == request.single_string`:                        {Request: own},
		`"auditor" in principal.roles && principal.id == "alice"`:      {Request: own},
		`principal.id == item.single_string`:                           {Subject: own},
		`principal.id == item.single_string && item.single_int64 == 0`: {Request: &proto3pb.TestAllTypes{}, Subject: own},
		`item.single_bool || request.single_string == principal.id`:    {Request: own},
		`has(item.single_timestamp) || principal.scheme == "session"`:  {Subject: own},
	} {
		expression := compiled(t, environment, text, kind)
		input.Principal, input.Now = alice(), now
		decide := map[string]func() (bool, error){"MayHold": func() (bool, error) { return expression.MayHold(t.Context(), &input) }}
		if !strings.Contains(text, "request") || !strings.Contains(text, "item") {
			decide["Holds"] = func() (bool, error) { return expression.Holds(t.Context(), &input) }
		}
		if input.Request == nil {
			delete(decide, "MayHold")
		}
		for name, decide := range decide {
			if said, err := decide(); !said || err != nil {
				t.Errorf("%s of %s: %t, %v", name, text, said, err)
			}
			if allocations := testing.AllocsPerRun(100, func() { _, _ = decide() }); allocations > 0 {
				t.Errorf("%s of %s: %v allocations", name, text, allocations)
			}
		}
	}
}
