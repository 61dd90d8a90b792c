package prove

import (
	"slices"
	"testing"

	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/sallyport-rpc/sallyport/internal/policy"
)

// What is found is let in or kept out by the policy itself, and by the grants that are
// asked about.
func TestCalls(t *testing.T) {
	t.Parallel()
	of := declared(t, `allow: {any_role: "admin" cel: "request.open"} allow: {cel: "principal.id == request.owner"}`)
	calls := NewCalls()
	holds := func(witness *Witness) []bool {
		principal := witness.Principal().Bound(witness.Scheme, newSide(of).hierarchy)
		var held []bool
		for _, grant := range policy.New(of, nil).Explain(t.Context(), policy.Input{Principal: principal, Request: witness.Request, Now: witness.Now}) {
			for _, condition := range grant.Conditions {
				held = append(held, condition.Held)
			}
		}
		return held
	}
	for name, test := range map[string]struct {
		find func() (*Witness, *Reason, error)
		want []bool // of each condition
	}{
		"only by the first":   {func() (*Witness, *Reason, error) { return calls.OnlyBy(of, 0) }, []bool{true, true, false}},
		"only by the second":  {func() (*Witness, *Reason, error) { return calls.OnlyBy(of, 1) }, nil},
		"but for the role":    {func() (*Witness, *Reason, error) { return calls.ButFor(of, 0, 0) }, []bool{false, true, false}},
		"but for the request": {func() (*Witness, *Reason, error) { return calls.ButFor(of, 0, 1) }, []bool{true, false, false}},
		"but for the owner":   {func() (*Witness, *Reason, error) { return calls.ButFor(of, 1, 0) }, nil},
	} {
		witness, reason, err := test.find()
		if witness == nil {
			t.Errorf("%s: no call: %v %v", name, reason, err)
			continue
		}
		held := holds(witness)
		switch {
		case test.want != nil && !slices.Equal(held, test.want):
			t.Errorf("%s: the conditions hold: %v, want %v", name, held, test.want)
		case name == "only by the second" && (!held[2] || held[0] && held[1]):
			t.Errorf("%s: the conditions hold: %v", name, held)
		case name == "but for the owner" && (held[2] || held[0] && held[1]):
			t.Errorf("%s: the conditions hold: %v", name, held)
		}
	}
	if witness, reason, err := calls.LetIn(declared(t, `anyone: "a test"`)); witness == nil {
		t.Errorf("anyone: no call: %v %v", reason, err)
	}
	if witness, reason, err := calls.OnlyBy(declared(t, `allow: {any_role: "admin"} allow: {cel: "'admin' in principal.roles"}`), 0); witness != nil || reason != nil || err != nil {
		t.Errorf("a grant that adds nothing: %v %v %v", witness, reason, err)
	}
}

// A message is completed by what its rules ask for, and what it has already is kept.
func TestComplete(t *testing.T) {
	t.Parallel()
	of := declared(t, `anyone: "a test"`).Method.Input()
	message := dynamicpb.NewMessage(of)
	nick := of.Fields().ByName("nick")
	message.Set(nick, protoreflect.ValueOfString("kept"))
	calls := NewCalls()
	if ok, err := calls.Complete(message); !ok || err != nil {
		t.Errorf("not completed: %v: %v", err, message)
	}
	if broken, err := calls.prover.violations(message); len(broken) > 0 || err != nil || message.Get(nick).String() != "kept" {
		t.Errorf("%v %v in %v", broken, err, message)
	}
	for _, value := range Values(of.Fields().ByName("kind")) {
		message.Set(of.Fields().ByName("kind"), value) // of the field's type
	}
	if values := Values(of.Fields().ByName("kind")); !slices.ContainsFunc(values, func(v protoreflect.Value) bool { return v.String() == "small" }) {
		t.Errorf("the values of a rule are not among %v", values)
	}
}
