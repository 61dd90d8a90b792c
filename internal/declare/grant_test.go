package declare

import (
	"slices"
	"testing"

	"google.golang.org/protobuf/reflect/protoreflect"

	sallyportv1 "github.com/sallyport-rpc/sallyport/gen/sallyport/v1"
)

// Each field of a grant, but for its name and what it accepts, is a condition that
// exactly one kind reads.
func TestEveryFieldOfAGrantHasAKind(t *testing.T) {
	t.Parallel()
	kinds := map[protoreflect.Name]int{}
	for _, kind := range conditionKinds {
		kinds[kind.field]++
	}
	fields := (&sallyportv1.Grant{}).ProtoReflect().Descriptor().Fields()
	for i := range fields.Len() {
		name := fields.Get(i).Name()
		if name == "name" || name == "accept" {
			continue // these are about the grant, and no conditions
		}
		if kinds[name] != 1 {
			t.Errorf("%s is read by %d kinds of conditions", name, kinds[name])
		}
		delete(kinds, name)
	}
	for name := range kinds {
		t.Errorf("a kind of condition reads %q, which is no field of a grant", name)
	}
}

// A grant without conditions lets no caller through, so that no other grant is as narrow.
func TestImplies(t *testing.T) {
	t.Parallel()
	none, clerk := Grant{}, Grant{Conditions: []Condition{AnyRole{Unfolded: []string{"boss", "clerk"}}}}
	boss := Grant{Conditions: []Condition{AnyRole{Unfolded: []string{"boss"}}}}
	for _, test := range []struct {
		name   string
		of, is Grant
		want   bool
	}{
		{"the same", clerk, clerk, true}, {"a narrower one", boss, clerk, true}, {"a wider one", clerk, boss, false},
		{"none of one", none, clerk, false}, {"one of none", clerk, none, false}, {"none of none", none, none, false},
	} {
		if got := test.of.Implies(test.is); got != test.want {
			t.Errorf("%s: %t", test.name, got)
		}
	}
}

// What no kind reads is refused, not left out.
func TestConditionWithoutAKind(t *testing.T) {
	t.Parallel()
	file := compile(t, guarded).file(t, "test/v1/files.proto")
	for _, kinds := range [][]conditionKind{nil, conditionKinds} {
		method := &methodReading{Reader: newReader(t, nil), method: file.Services().Get(0).Methods().Get(0)}
		reading := &grantReading{methodReading: method, path: "authorize.allow[0]", grant: &sallyportv1.Grant{Check: new("a")}}
		conditions := reading.read(kinds, nil)
		refused := slices.ContainsFunc(method.refusals, func(r Refusal) bool { return r.Rule == RuleUnknownField })
		if known := len(kinds) > 0; len(conditions) > 0 != known || refused == known {
			t.Errorf("%d kinds: %v, %v", len(kinds), conditions, method.refusals)
		}
	}
}
