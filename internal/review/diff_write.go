package review

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/sallyport-rpc/sallyport/internal/condition"
)

// order is that in which changes are shown: what needs to be looked at first.
var order = []Judgement{Looser, Undecided, Different, Added, Tighter, Removed}

// sorted returns changes in the order in which they are shown.
func sorted(changes []Change) []Change {
	shown := slices.Clone(changes)
	slices.SortStableFunc(shown, func(a, b Change) int { return slices.Index(order, a.Judgement) - slices.Index(order, b.Judgement) })
	return shown
}

// details are the lines below a change.
func (c Change) details() []string {
	var lines []string
	if c.LetIn != nil {
		more := "now let in: "
		if c.LetIn.Subject == condition.ThisName {
			more = "now read by: "
		}
		lines = append(lines, more+c.LetIn.String())
	}
	if c.KeptOut != nil {
		less := "now kept out: "
		if c.KeptOut.Subject == condition.ThisName {
			less = "now cleared for: "
		}
		lines = append(lines, less+c.KeptOut.String())
	}
	if len(c.By) > 0 {
		lines = append(lines, "decided by: "+strings.Join(c.By, " and "))
	}
	if c.Hint != "" {
		lines = append(lines, "to have it decided: "+c.Hint+" ["+c.Rule+"]")
	}
	if c.Accepted != "" {
		lines = append(lines, "accepted: "+c.Accepted)
	}
	return lines
}

// WriteChanges writes changes for a terminal.
func WriteChanges(out io.Writer, changes []Change) error {
	var text strings.Builder
	for _, change := range sorted(changes) {
		text.WriteString(change.String())
	}
	_, err := io.WriteString(out, text.String())
	return err
}

// WriteChangesMarkdown writes changes for a comment on a pull request.
func WriteChangesMarkdown(out io.Writer, changes []Change) error {
	var text strings.Builder
	if len(changes) == 0 {
		text.WriteString("Nothing changes in who may call what.\n")
	} else {
		text.WriteString("### Who may call what\n\n| | What | Change |\n|---|---|---|\n")
	}
	for _, change := range sorted(changes) {
		judgement := string(change.Judgement)
		if change.Fails() {
			judgement = "**" + judgement + "**"
		}
		lines := []string{markup.Replace(change.Text) + " (" + code(change.Kind) + ")"}
		for _, line := range change.details() {
			head, rest, _ := strings.Cut(line, ": ")
			lines = append(lines, head+": "+code(rest))
		}
		fmt.Fprintf(&text, "| %s | %s | %s |\n", judgement, code(change.Subject), strings.Join(lines, "<br>"))
	}
	_, err := io.WriteString(out, text.String())
	return err
}

// WriteChangesJSON writes changes as one JSON array, indented.
func WriteChangesJSON(out io.Writer, changes []Change) error {
	shown := sorted(changes)
	if shown == nil {
		shown = []Change{}
	}
	return writeJSON(out, shown)
}
