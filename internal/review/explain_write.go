package review

import (
	"fmt"
	"io"
	"strings"
)

// WriteText writes the explanation for a terminal.
func (x *Explanation) WriteText(out io.Writer) error {
	var text strings.Builder
	outcome := "denied"
	if x.Allowed {
		outcome = "allowed"
		if x.Grant != "" {
			outcome += " by " + x.Grant
		}
	}
	fmt.Fprintf(&text, "%s: %s\n", x.Procedure, outcome)
	for _, step := range x.Steps {
		passed := "stops"
		if step.Passed {
			passed = "passes"
		}
		fmt.Fprintf(&text, "  %s %s\n", step.Name, passed)
		for _, why := range step.Why {
			fmt.Fprintf(&text, "    %s\n", why)
		}
	}
	for _, check := range x.Unanswered {
		fmt.Fprintf(&text, "  check %s was taken to say no: give its answer with --answer %s=yes or =no\n", check, check)
	}
	if len(x.Helps) > 0 {
		text.WriteString("  it would be let in with one of:\n")
		for _, help := range x.Helps {
			fmt.Fprintf(&text, "    %s\n", help)
		}
	}
	_, err := io.WriteString(out, text.String())
	return err
}

// WriteJSON writes the explanation as one JSON object, indented.
func (x *Explanation) WriteJSON(out io.Writer) error { return writeJSON(out, x) }
