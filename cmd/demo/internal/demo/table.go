package demo

import (
	"fmt"
	"io"
	"path"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/sallyport-rpc/sallyport/action"
	sallyportv1 "github.com/sallyport-rpc/sallyport/gen/sallyport/v1"
	"github.com/sallyport-rpc/sallyport/server"
)

// printTable prints who may call what, 100 characters wide at most, as far as the names of
// methods and conditions allow. Each service has a part of its own, and so have the pages
// beside the actions.
func printTable(out io.Writer, actions []action.Action, unguarded []server.UnguardedHandler) {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	service := ""
	for _, action := range actions {
		if name := path.Dir(action.Procedure)[1:]; name != service {
			service = name
			fmt.Fprintf(table, "%s\n  METHOD\tAUTHENTICATED BY\tWHO MAY CALL IT\n", name)
		}
		method, schemes := path.Base(action.Procedure), authenticatedBy(action)
		for _, line := range append(whoMay(action), conditions(action)...) {
			fmt.Fprintf(table, "  %s\t%s\t%s\n", method, schemes, line)
			method, schemes = "", ""
		}
	}
	_ = table.Flush()
	if len(unguarded) == 0 {
		return
	}
	fmt.Fprint(out, "\nPages without a gate, open to everyone\n")
	for _, page := range unguarded {
		fmt.Fprintf(table, "  %s\t%s\n", page.Pattern, page.Reason)
	}
	_ = table.Flush()
}

// authenticatedBy names the schemes of an action: "session, bearer or apikey".
func authenticatedBy(action action.Action) string {
	last := len(action.Schemes) - 1
	switch {
	case last < 0:
		return "(no sign-in)"
	case last == 0:
		return action.Schemes[0]
	default:
		return strings.Join(action.Schemes[:last], ", ") + " or " + action.Schemes[last]
	}
}

// whoWidth is how many characters the last column has room for.
const whoWidth = 56

// whoMay says who may call an action. Where that is too long for a line, each grant has
// its own.
func whoMay(action action.Action) []string {
	switch {
	case action.Anyone && len(action.Schemes) == 0:
		return []string{"anyone"}
	case action.Anyone:
		return []string{"anyone signed in"}
	}
	return broken(action.Who)
}

// broken gives each grant a line of its own, where they are too long for one.
func broken(who string) []string {
	if len(who) <= whoWidth {
		return []string{who}
	}
	lines := strings.Split(who, "; or ")
	for i := range lines[1:] {
		lines[i+1] = "or " + lines[i+1]
	}
	return lines
}

// conditions are the further rules of an action, a line each.
func conditions(action action.Action) []string {
	var lines []string
	switch scopes := action.CredentialScopes; {
	case len(scopes) > 0:
		lines = append(lines, "a scoped credential needs "+strings.Join(scopes, " and "))
	case len(action.Schemes) > 1:
		lines = append(lines, "no scoped credential is taken")
	}
	if action.MaxAge > 0 {
		lines = append(lines, "and authenticated within the last "+short(action.MaxAge))
	}
	recheck := " and every " + short(action.Recheck)
	if len(action.Schemes) == 0 {
		recheck = "" // there is no caller to look at again
	}
	switch action.StreamAuthorize { //nolint:exhaustive // the rest is not a stream
	case sallyportv1.Stream_OPEN:
		lines = append(lines, "stream: checked when it opens"+recheck)
	case sallyportv1.Stream_FIRST_MESSAGE:
		lines = append(lines, "stream: checked at the first message"+recheck)
	case sallyportv1.Stream_EVERY_MESSAGE:
		lines = append(lines, "stream: checked at each message"+recheck)
	}
	for _, limit := range action.Limits {
		lines = append(lines, "at most "+limit.String())
	}
	for _, each := range action.Each {
		lines = append(lines, "each of "+each.Name+" is seen by")
		for _, line := range broken(each.Who) {
			lines = append(lines, "  "+line)
		}
	}
	if action.Conceal {
		lines = append(lines, "others are answered not_found")
	}
	return lines
}

// short writes a duration without parts that are zero: "15m", not "15m0s".
func short(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}
