package review

import (
	"crypto/sha256"
	_ "embed" // the page
	"encoding/base64"
	"html/template"
	"io"
	"maps"
	"slices"
	"strings"
)

//go:embed page.html
var pageText string

//go:embed page.css
var pageStyle string

//go:embed page.js
var pageScript string

// page is the contract as a page. What it shows is escaped.
var page = template.Must(template.New("page").Funcs(template.FuncMap{
	"join":       func(names []string) string { return strings.Join(names, ", ") },
	"roles":      Action.holders,
	"grantRoles": Grant.holders,
	"included":   Grant.included,
	"scopes":     Action.scopes,
	"kinds":      Action.kinds,
	"further":    Action.beyond,
}).Parse(pageText))

// contentPolicy lets the page use its own style and script, and nothing from anywhere else.
func contentPolicy() string {
	digest := func(text string) string {
		sum := sha256.Sum256([]byte(text))
		return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
	}
	return "default-src 'none'; style-src " + digest(pageStyle) + "; script-src " + digest(pageScript) + "; base-uri 'none'; form-action 'none'"
}

// WriteHTML writes the contract as a page for people: one file, which needs no network.
// It can be searched, and filtered by role and scope.
func (c *Contract) WriteHTML(out io.Writer) error {
	roles, scopes := map[string]bool{}, map[string]bool{}
	for _, role := range c.Roles {
		roles[role.Name] = true
	}
	for _, action := range c.Actions() {
		for name := range strings.FieldsSeq(action.scopes()) {
			scopes[name] = true
		}
	}
	return page.Execute(out, map[string]any{
		"Contract": c,
		"Roles":    slices.Sorted(maps.Keys(roles)),
		"Scopes":   slices.Sorted(maps.Keys(scopes)),
		"Policy":   contentPolicy(),
		"Style":    template.CSS(pageStyle), //nolint:gosec // the file beside this one
		"Script":   template.JS(pageScript), //nolint:gosec // the file beside this one
	})
}

// anyRole stands, in the list of roles that an action lets in, for every role and none.
const anyRole = "*"

// holders are the roles that some grant of the action takes, separated by spaces.
func (a Action) holders() string {
	if a.Anyone != "" {
		return anyRole
	}
	var lists []string
	for _, grant := range a.Grants {
		lists = append(lists, grant.holders())
	}
	return strings.Join(lists, " ")
}

// holders are the roles that the grant takes, separated by spaces.
func (g Grant) holders() string {
	if len(g.Roles) == 0 {
		return anyRole
	}
	return strings.Join(g.Holders, " ")
}

// included are the roles that the grant takes since they include one that it names.
func (g Grant) included() []string {
	return slices.DeleteFunc(slices.Clone(g.Holders), func(role string) bool { return slices.Contains(g.Roles, role) })
}

// scopes are those that the action may need, separated by spaces.
func (a Action) scopes() string {
	scopes := slices.Clone(a.CredentialScopes)
	for _, grant := range a.Grants {
		scopes = append(scopes, grant.Scopes...)
	}
	return strings.Join(scopes, " ")
}

// kinds are what the page can be filtered by, separated by spaces.
func (a Action) kinds() string {
	var kinds []string
	if len(a.Schemes) == 0 {
		kinds = append(kinds, "anonymous")
	} else if a.Anyone != "" {
		kinds = append(kinds, "anyone")
	}
	if a.Stream != "" {
		kinds = append(kinds, "stream")
	}
	if slices.ContainsFunc(a.Grants, func(grant Grant) bool { return grant.Check != "" }) {
		kinds = append(kinds, "check")
	}
	return strings.Join(kinds, " ")
}
