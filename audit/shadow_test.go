package audit

import (
	"strings"
	"testing"

	"github.com/sallyport-rpc/sallyport/action/event"
)

// TestShadow keeps what a shadow would have decided, and finds events by it.
func TestShadow(t *testing.T) {
	t.Parallel()
	for shadow, want := range map[event.Shadow]string{
		event.NoShadow: "", event.ShadowSame: "same", event.ShadowWouldAllow: "would_allow", event.ShadowWouldDeny: "would_deny", event.ShadowUndecided: "undecided",
	} {
		happened := allow("ada")
		happened.Shadow = shadow
		entry := entryOf(happened)
		text, err := entry.encode()
		if err != nil {
			t.Fatal(err)
		}
		if entry.Shadow != want || strings.Contains(string(text), `"shadow"`) != (want != "") {
			t.Errorf("%v is kept as %s", shadow, text)
		}
		if selected := (Query{Shadow: "would_deny"}).selects(entry, ""); selected != (want == "would_deny") {
			t.Errorf("%q is found: %t", want, selected)
		}
		if !(Query{}).selects(entry, "") {
			t.Errorf("%q is not found by no query", want)
		}
	}
}
