package declare

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"

	sallyportv1 "github.com/sallyport-rpc/sallyport/gen/sallyport/v1"
)

// A neighbourhood is what stands around the RPCs of a service, for fixes that name
// what there is. It is looked at only when something is refused.
type neighbourhood struct {
	view    View
	service protoreflect.ServiceDescriptor
	given   Given

	isOutside bool                // the declaration is not from the .proto
	outside   *neighbourhood      // that of declarations from outside; nil until one is read
	roleTree  map[string][]string // see includes
	inUse     []string            // see schemes
	added     []string            // see entryText
}

func newNeighbourhood(reader *Reader, service protoreflect.ServiceDescriptor, given Given) *neighbourhood {
	return &neighbourhood{view: reader.View(service.ParentFile()), service: service, given: given}
}

// fromOutside is the neighbourhood of a declaration from outside, which names other
// packages than the .proto does.
func (n *neighbourhood) fromOutside() *neighbourhood {
	if n.outside == nil {
		n.outside = &neighbourhood{
			view: n.view.reader.View(n.service.ParentFile(), n.given.Uses...), service: n.service, given: n.given, isOutside: true,
		}
	}
	return n.outside
}

// includes are the roles that the declarations see, as [View.Includes] returns them. It is
// one map for all of them.
func (n *neighbourhood) includes() map[string][]string {
	if n.roleTree == nil {
		n.roleTree = n.view.Includes()
	}
	return n.roleTree
}

// refused returns what is wrong with what declarations from outside see and, so, not with
// what the service's .proto sees.
func (n *neighbourhood) refused(inside View) []Refusal {
	known := inside.refused()
	refusals := slices.DeleteFunc(n.view.refused(), func(refusal Refusal) bool { return slices.Contains(known, refusal) })
	for _, name := range n.given.Uses {
		if len(n.view.reader.filesOf(protoreflect.FullName(name))) == 0 {
			refusals = append(refusals, refuse(RuleUseUnknown, name, Position{File: n.given.Source}, "there is no file of package %s to be used", name))
		}
	}
	return refusals
}

// schemes returns the schemes that most RPCs of the service name or, where none does,
// most RPCs of its file, of its package, or of all that is given from outside. Where
// no scheme is in use it is "session".
func (n *neighbourhood) schemes() []string {
	if n.inUse != nil {
		return slices.Clone(n.inUse)
	}
	scopes := [][]protoreflect.ServiceDescriptor{{n.service}, services(n.service.ParentFile()), nil}
	for _, file := range n.view.own() {
		scopes[2] = append(scopes[2], services(file)...)
	}
	for _, scope := range scopes {
		if n.inUse = mostUsed(actions(scope)); n.inUse != nil {
			return slices.Clone(n.inUse)
		}
	}
	var given []*sallyportv1.Action
	for _, procedure := range slices.Sorted(maps.Keys(n.given.Actions)) {
		given = append(given, n.given.Actions[procedure])
	}
	if n.inUse = mostUsed(given); n.inUse == nil {
		n.inUse = []string{"session"}
	}
	return slices.Clone(n.inUse)
}

func services(file protoreflect.FileDescriptor) []protoreflect.ServiceDescriptor {
	return list(file.Services())
}

// actions reads the options of services, those that can be read. It is an empty one where
// there is none.
func actions(of []protoreflect.ServiceDescriptor) []*sallyportv1.Action {
	var read []*sallyportv1.Action
	for _, service := range of {
		for i := range service.Methods().Len() {
			action := &sallyportv1.Action{}
			if _, err := readOption(service.Methods().Get(i).Options(), sallyportv1.E_Action, action); err == nil {
				read = append(read, action)
			}
		}
	}
	return read
}

// schemeName is what names a scheme, as in sallyport/v1/action.proto.
var schemeName = regexp.MustCompile(`^[a-z][a-z0-9_-]{0,63}$`)

// mostUsed returns the list of schemes that most of the actions have, the first one
// of several; nil where none has a good one.
func mostUsed(actions []*sallyportv1.Action) []string {
	times := map[string]int{}
	var most []string
	for _, action := range actions {
		schemes := action.GetAuthenticate().GetSchemes()
		good := len(schemes) > 0 && !slices.ContainsFunc(schemes, func(name string) bool { return !schemeName.MatchString(name) })
		if !good || len(slices.Compact(slices.Sorted(slices.Values(schemes)))) < len(schemes) {
			continue
		}
		key := strings.Join(schemes, " ")
		if times[key]++; times[key] > times[strings.Join(most, " ")] {
			most = schemes
		}
	}
	return most
}

// roles returns the names of the roles that may be named and are still given. Two
// catalogues may have the same.
func (n *neighbourhood) roles() []string {
	var names []string
	for _, catalogue := range n.view.Catalogues() {
		for _, role := range catalogue.Roles {
			if catalogue.isGiven(role.Name) {
				names = append(names, role.Name)
			}
		}
	}
	return names
}

// grant returns a grant that few callers satisfy: those with the role that has most
// others. Where there is no role it is "admin", which catalogueText defines.
func (n *neighbourhood) grant() *sallyportv1.Grant {
	best, most := "admin", -1
	for _, catalogue := range n.view.Catalogues() {
		for _, role := range catalogue.Roles {
			if has := catalogue.includedBy(role.Name); catalogue.isGiven(role.Name) && has > most {
				best, most = role.Name, has
			}
		}
		if most >= 0 {
			break
		}
	}
	return &sallyportv1.Grant{AnyRole: []string{best}}
}

// includedBy returns how many other roles a role includes, directly or through
// others.
func (c *Catalogue) includedBy(name string) int {
	count := 0
	for _, other := range c.Roles {
		if other.Name != name && slices.Contains(c.Satisfying(other.Name), name) {
			count++
		}
	}
	return count
}

// catalogueText defines the roles and scopes that grants name, in catalogues that the
// package can take. It is "" where there are catalogues, or nothing is named.
func (n *neighbourhood) catalogueText(grants ...*sallyportv1.Grant) string {
	var roles, scopes []string
	for _, grant := range grants {
		roles, scopes = append(roles, grant.GetAnyRole()...), append(scopes, grant.GetAllScopes()...)
	}
	text := ""
	if len(roles) > 0 && len(n.view.Catalogues()) == 0 {
		text += "\nand " + n.newCatalogueText(roleVocabulary(), roles)
	}
	if len(scopes) > 0 && len(n.view.scopeCatalogues()) == 0 {
		text += "\nand " + n.newCatalogueText(scopeVocabulary(), scopes)
	}
	return text
}

// newCatalogueText defines roles or scopes in a new catalogue of the package.
func (n *neighbourhood) newCatalogueText(of *vocabulary, names []string) string {
	word := strings.ToUpper(of.word[:1]) + of.word[1:]
	enum := n.freeName(word, "Access"+word, "Caller"+word, "Sallyport"+word)
	prefix := strings.ToUpper(snakeCase(enum)) + "_"
	var text strings.Builder
	where := fmt.Sprintf("in package %s, which has no %s catalogue", n.view.file.Package(), of.word)
	if n.isOutside {
		where = fmt.Sprintf("in a package of yours, which `uses` in %s names", n.given.Source)
	}
	fmt.Fprintf(&text, "%s:\nenum %s {\n  option (%s) = true;\n  %sUNSPECIFIED = 0;\n", where, enum, of.option(), prefix)
	for i, name := range named(names, func(name string) string { return name }) {
		fmt.Fprintf(&text, "  %s\n", of.valueText(prefix+valueName(name), protoreflect.EnumNumber(i+1), &sallyportv1.Role{Name: name}))
	}
	return text.String() + "}"
}

// entryText is the value that adds a role or a scope to a catalogue, and where. Each of
// one service that is added gets a number of its own.
func (n *neighbourhood) entryText(of *vocabulary, catalogue *Catalogue, name string) string {
	if !slices.Contains(n.added, name) {
		n.added = append(n.added, name)
	}
	number := freeNumber(catalogue.Enum) + protoreflect.EnumNumber(slices.Index(n.added, name)) //nolint:gosec // an index
	return fmt.Sprintf("at the end of enum %s (%s):\n%s", catalogue.Enum.FullName(), positionOf(catalogue.Enum),
		of.valueText(valuePrefix(catalogue.Enum)+valueName(name), number, &sallyportv1.Role{Name: name}))
}

// freeName returns the first name that is free in the service's package, also as the
// prefix of enum values, which have their names beside the enum's.
func (n *neighbourhood) freeName(names ...string) string {
	files := n.view.own()
	taken := make([]string, 0, len(files))
	for _, file := range files {
		taken = append(taken, topLevelNames(file)...)
	}
	for _, name := range names {
		prefix := strings.ToUpper(snakeCase(name)) + "_"
		if !slices.ContainsFunc(taken, func(other string) bool { return other == name || strings.HasPrefix(other, prefix) }) {
			return name
		}
	}
	return names[len(names)-1]
}

// topLevelNames returns the names that a file takes in its package.
func topLevelNames(file protoreflect.FileDescriptor) []string {
	var names []string
	for i := range file.Messages().Len() {
		names = append(names, string(file.Messages().Get(i).Name()))
	}
	for i := range file.Services().Len() {
		names = append(names, string(file.Services().Get(i).Name()))
	}
	for i := range file.Extensions().Len() {
		names = append(names, string(file.Extensions().Get(i).Name()))
	}
	for i := range file.Enums().Len() {
		enum := file.Enums().Get(i)
		names = append(names, string(enum.Name()))
		for j := range enum.Values().Len() {
			names = append(names, string(enum.Values().Get(j).Name()))
		}
	}
	return names
}
