package declare

import (
	"slices"
	"strings"

	sallyportv1 "github.com/sallyport-rpc/sallyport/gen/sallyport/v1"
)

// AllScopes holds when the principal has all of some scopes.
type AllScopes struct {
	// Named are the scopes as declared.
	Named []string
}

var allScopesKind = conditionKind{field: "all_scopes", read: readAllScopes}

func readAllScopes(g *grantReading) Condition {
	scopes := AllScopes{Named: slices.Clone(g.grant.GetAllScopes())}
	for _, name := range scopes.Named {
		g.readScope(g.path, name, func() string { return g.grantText(g.orFew(g.fixedGrant(g.grant))) })
	}
	return scopes
}

// readScope refuses a scope that no catalogue has. meant is the part of the
// declaration with the scope that was meant, where one is near.
func (m *methodReading) readScope(path, name string, meant func() string) {
	known := m.view().scopes()
	if slices.Contains(known, name) {
		return
	}
	unused := m.unusedScope(name)
	var fix string
	switch {
	case unused != nil:
		fix = m.fixUnused(unused)
	case nearest(name, known) != "":
		fix = meant()
	default:
		fix = m.near.fixUnknownScope(name)
	}
	m.refuseWithFixf(RuleScopeUnknown, fix, "%s: no scope catalogue of %s has scope %q%s%s",
		path, m.view().packages(), name, didYouMean(name, known), m.whereUnused(unused))
}

// readCredentialScopes refuses what scoped credentials cannot need.
func (m *methodReading) readCredentialScopes(option *sallyportv1.Action, broken []problem) {
	scopes := option.GetAuthorize().GetCredentialScopes()
	if len(scopes) == 0 || slices.ContainsFunc(broken, func(p problem) bool { return strings.HasPrefix(p.path, "authorize.credential_scopes") }) {
		return
	}
	if saysAnonymous(option) && len(option.GetAuthenticate().GetSchemes()) == 0 {
		m.refuseWithFixf(RuleCredentialScopesAnonymous, m.authorizeText(), "`credential_scopes` is about credentials, and an anonymous action looks at none")
		return
	}
	for _, name := range scopes {
		m.readScope("authorize.credential_scopes", name, m.authorizeText)
	}
}

// scopeName makes a scope of a text: the known one that is nearest, where one is near,
// and "" for what is no scope and near to none.
func (m *methodReading) scopeName(text string) string {
	known, made := m.view().scopes(), scopeSlug(text)
	switch {
	case nearest(made, known) != "":
		return nearest(made, known)
	case made != text && len(known) > 0:
		return ""
	default:
		return made
	}
}

// fixUnknownScope adds the scope to the package's catalogue, or defines one.
func (n *neighbourhood) fixUnknownScope(name string) string {
	if catalogues := n.view.scopeCatalogues(); len(catalogues) > 0 {
		return n.entryText(scopeVocabulary(), catalogues[0], name)
	}
	return n.newCatalogueText(scopeVocabulary(), []string{name})
}

// String implements [Condition].
func (s AllScopes) String() string { return "all_scopes " + strings.Join(s.Named, ", ") }

// ReadsRequest implements [Condition].
func (AllScopes) ReadsRequest() bool { return false }

func (s AllScopes) who() string { return "scope " + strings.Join(s.Named, " and ") }

func (s AllScopes) implies(other Condition) bool {
	wanted, ok := other.(AllScopes)
	return ok && within(wanted.Named, s.Named)
}

func (AllScopes) restsOn() []string { return nil }
