package declare

import (
	"slices"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"

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
		g.readScope(g.path, name, func() string {
			fixed := g.fixedGrant(g.grant)
			if slices.Contains(fixed.GetAllScopes(), name) {
				return ""
			}
			return g.grantText(g.orFew(fixed))
		})
	}
	return scopes
}

// readScope refuses a scope that no catalogue has. meant is the part of the
// declaration with the scope that was meant, or "" where none is near.
func (m *methodReading) readScope(path, name string, meant func() string) {
	known := m.scopes(m.method.ParentFile())
	if slices.Contains(known, name) {
		return
	}
	fix := m.near.fixUnknownScope(name)
	if text := meant(); nearest(name, known) != "" && text != "" {
		fix = text
	}
	m.refuseWithFixf(RuleScopeUnknown, fix, "%s: no scope catalogue of package %s or of its imports has scope %q%s",
		path, m.method.ParentFile().Package(), name, didYouMean(name, known))
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

// scopes returns the scopes that the declarations of a file may name.
func (r *Reader) scopes(file protoreflect.FileDescriptor) []string {
	var known []string
	for _, visible := range r.visible(file) {
		for _, catalogue := range r.fileCatalogues(visible).scopes {
			known = append(known, catalogue.names()...)
		}
	}
	return known
}

// scopeName makes a scope of a text: the known one that is nearest, where one is near,
// and "" for what is no scope and near to none.
func (m *methodReading) scopeName(text string) string {
	known, made := m.scopes(m.method.ParentFile()), scopeSlug(text)
	switch {
	case slices.Contains(known, made):
		return made
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
	if catalogues := n.scopeCatalogues(); len(catalogues) > 0 {
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
