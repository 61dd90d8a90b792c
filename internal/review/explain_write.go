package review

import (
	"fmt"
	"io"
	"strings"

	"github.com/sallyport-rpc/sallyport/internal/declare"
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
	if x.Undecided {
		outcome = "undecided"
	}
	fmt.Fprintf(&text, "%s: %s\n", x.Procedure, outcome)
	if x.Recorded != nil {
		fmt.Fprintf(&text, "  %s\n", x.Recorded)
	}
	for _, step := range x.Steps {
		passed := "stops"
		switch {
		case step.Passed:
			passed = "passes"
		case x.Undecided:
			passed = "is not decided"
		}
		fmt.Fprintf(&text, "  %s %s\n", step.Name, passed)
		for _, why := range step.Why {
			fmt.Fprintf(&text, "    %s\n", why)
		}
	}
	for _, check := range x.Unanswered {
		named := check
		if declare.AskedText(check) == check {
			named = "'" + check + "'" // it has spaces
		}
		fmt.Fprintf(&text, "  %s was taken to say no: give its answer with --answer %s=yes or =no\n", declare.AskedText(check), named)
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

// String says in one line what an event says.
func (r Recorded) String() string {
	if r.Outcome == "allow" {
		return "the event: allowed by " + r.Grant
	}
	return fmt.Sprintf("the event: denied at %s: %s", r.Stage, r.Reason)
}
