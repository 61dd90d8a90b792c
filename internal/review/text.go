package review

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// WriteText writes the contract as a table for a terminal. Each service has a part of its
// own.
func (c *Contract) WriteText(out io.Writer) error {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for i, service := range c.Services {
		if i > 0 {
			fmt.Fprintln(table)
		}
		fmt.Fprintf(table, "%s\n  METHOD\tAUTHENTICATED BY\tWHO MAY CALL IT\n", service.Name)
		for _, action := range service.Actions {
			method, authenticated := action.Method, action.Authenticated()
			for _, line := range append(action.who(), action.Further()...) {
				fmt.Fprintf(table, "  %s\t%s\t%s\n", method, authenticated, line)
				method, authenticated = "", ""
			}
		}
	}
	if len(c.Pages) > 0 {
		fmt.Fprint(table, "\nPages without a gate, open to everyone\n")
		for _, page := range c.Pages {
			fmt.Fprintf(table, "  %s\t%s\n", page.Pattern, page.Reason)
		}
	}
	return table.Flush()
}

// who says who may call an action, a line for each grant.
func (a Action) who() []string {
	if a.Anyone != "" {
		return []string{"anyone: " + a.Anyone}
	}
	lines := make([]string, len(a.Grants))
	for i, grant := range a.Grants {
		lines[i] = grant.line()
	}
	return lines
}

// line is the grant on one line, behind its name.
func (g Grant) line() string {
	text := g.Name + ": " + strings.Join(g.Words(), ", and ")
	if accepts := g.accepts(); len(accepts) > 0 {
		text += " [accepts " + strings.Join(accepts, "; ") + "]"
	}
	return text
}
