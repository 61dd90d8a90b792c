package admin

import (
	"strings"
	"time"

	"github.com/sallyport-rpc/sallyport/action"
	sallyportv1 "github.com/sallyport-rpc/sallyport/gen/sallyport/v1"
)

// A row is an action in the table of who may call what.
type row struct {
	Procedure, Schemes, Who string
	Rules                   []string // what else must hold, in words
	Anonymous               bool
}

// rowsOf describes actions.
func rowsOf(actions []action.Action) []row {
	rows := make([]row, len(actions))
	for i, described := range actions {
		rows[i] = row{described.Procedure, authenticatedBy(described), whoMay(described), rulesOf(described), len(described.Schemes) == 0}
	}
	return rows
}

// authenticatedBy names the schemes of an action: "session, bearer or apikey".
func authenticatedBy(described action.Action) string {
	last := len(described.Schemes) - 1
	switch {
	case last < 0:
		return "no sign-in"
	case last == 0:
		return described.Schemes[0]
	default:
		return strings.Join(described.Schemes[:last], ", ") + " or " + described.Schemes[last]
	}
}

// whoMay says who may call an action. Anyone at all is told apart from anyone who has
// signed in.
func whoMay(described action.Action) string {
	if described.Anyone && len(described.Schemes) > 0 {
		return "anyone signed in"
	}
	return described.Who
}

// rulesOf says what else must hold for a call.
func rulesOf(described action.Action) []string {
	var rules []string
	switch scopes := described.CredentialScopes; {
	case len(scopes) > 0:
		rules = append(rules, "a scoped credential needs "+strings.Join(scopes, " and "))
	case len(described.Schemes) > 0:
		rules = append(rules, "no scoped credential is taken")
	}
	if described.MaxAge > 0 {
		rules = append(rules, "authenticated within the last "+short(described.MaxAge))
	}
	if checked := timing(described.StreamAuthorize); checked != "" {
		if len(described.Schemes) > 0 { // there is a caller to look at again
			checked += " and every " + short(described.Recheck)
		}
		rules = append(rules, "stream: checked "+checked)
	}
	for _, limit := range described.Limits {
		rules = append(rules, "at most "+limit.String())
	}
	if described.Conceal {
		rules = append(rules, "a denial reads as not found")
	}
	return rules
}

// timing says when a stream is checked, or nothing where there is no stream.
func timing(authorize sallyportv1.Stream_Timing) string {
	switch authorize {
	case sallyportv1.Stream_OPEN:
		return "when it opens"
	case sallyportv1.Stream_FIRST_MESSAGE:
		return "at the first message"
	case sallyportv1.Stream_EVERY_MESSAGE:
		return "at each message"
	default:
		return ""
	}
}

// short writes a duration without parts that are zero: "15m", not "15m0s".
func short(d time.Duration) string {
	text := d.Round(time.Second).String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}
