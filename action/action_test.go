package action_test

import (
	"strings"
	"testing"
	"time"

	"github.com/sallyport-rpc/sallyport/action"
)

// TestActionsSayWhenTheyLookAgain describes each action: a stream of any shape says how long
// a decision on it lives, and a unary action, on which it does not, says nothing.
func TestActionsSayWhenTheyLookAgain(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		options []action.RegistryOption
		want    time.Duration
	}{
		"by default":   {nil, 5 * time.Minute},
		"as it is set": {[]action.RegistryOption{action.WithRecheck(time.Second)}, time.Second},
	} {
		streams := 0
		for _, described := range newFixture(t, test.options...).registry.Actions() {
			want := time.Duration(0)
			if strings.Contains(described.Procedure, "StreamService") {
				streams++
				want = test.want
			}
			if described.Recheck != want {
				t.Errorf("%s: %s is looked at every %v, want %v", name, described.Procedure, described.Recheck, want)
			}
		}
		if streams == 0 {
			t.Errorf("%s: there are no streams", name)
		}
	}
}
