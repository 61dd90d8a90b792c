package actiontest

import (
	"testing"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/internal/prove"
)

// Prove decides the assertions of a file, a sallyport.v1.Assertions in a .txtpb or .json
// file, about what the actions of a registry declare, and the fields that they answer, as `sallyport prove` does. The test
// fails where one is refuted, and shows a call; where one is undecided, and says how to
// write the rule otherwise; and where a pattern matches no action. Prove seals the registry.
func Prove(t *testing.T, registry *action.Registry, path string) {
	t.Helper()
	declarations, err := action.Unguarded(permit(t)).Declarations(registry)
	if err != nil {
		t.Fatal(err)
	}
	assertions, err := prove.ReadAssertions(path)
	if err != nil {
		t.Fatal(err)
	}
	prover := prove.NewProver(nil, false)
	for _, assertion := range assertions {
		selected, err := prove.Select(declarations, assertion)
		if err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		for _, target := range selected {
			answer, err := prover.AssertOf(t.Context(), target, assertion)
			switch {
			case err != nil:
				t.Errorf("%s: %v", path, err)
			case answer.Outcome == prove.Refuted && answer.Witness != nil:
				t.Errorf("%s: assertion %q about %s is refuted: %s: %s", path, assertion.GetName(), target.Name, answer.Text, answer.Witness)
			case answer.Outcome == prove.Refuted:
				t.Errorf("%s: assertion %q about %s is refuted: %s", path, assertion.GetName(), target.Name, answer.Text)
			case answer.Outcome != prove.Proved:
				t.Errorf("%s: assertion %q about %s is undecided: %s", path, assertion.GetName(), target.Name, answer.Reason)
			}
		}
	}
}
