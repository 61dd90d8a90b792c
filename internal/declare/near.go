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
	reader  *Reader
	service protoreflect.ServiceDescriptor
	given   Given
	inUse   []string // see schemes
	added   []string // see entryText
}

// schemes returns the schemes that most RPCs of the service name or, where none does,
// most RPCs of its file, of its package, or of all that is given from outside. Where
// no scheme is in use it is "session".
func (n *neighbourhood) schemes() []string {
	if n.inUse != nil {
		return slices.Clone(n.inUse)
	}
	scopes := [][]protoreflect.ServiceDescriptor{{n.service}, services(n.service.ParentFile()), nil}
	for _, visible := range n.reader.visible(n.service.ParentFile()) {
		if visible.Package() == n.service.ParentFile().Package() {
			scopes[2] = append(scopes[2], services(visible)...)
		}
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
	all := make([]protoreflect.ServiceDescriptor, file.Services().Len())
	for i := range all {
		all[i] = file.Services().Get(i)
	}
	return all
}

// actions reads the options of services, those that can be read.
func actions(of []protoreflect.ServiceDescriptor) []*sallyportv1.Action {
	var read []*sallyportv1.Action
	for _, service := range of {
		for i := range service.Methods().Len() {
			action := &sallyportv1.Action{}
			if found, err := readOption(service.Methods().Get(i).Options(), sallyportv1.E_Action, action); found && err == nil {
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

// catalogues returns the role catalogues that the service sees, its package's own
// first.
func (n *neighbourhood) catalogues() []*Catalogue {
	return n.reader.VisibleCatalogues(n.service.ParentFile())
}

// scopeCatalogues returns the scope catalogues that the service sees, its package's
// own first.
func (n *neighbourhood) scopeCatalogues() []*Catalogue {
	visible := n.reader.visible(n.service.ParentFile())
	all := make([]*Catalogue, 0, len(visible))
	for _, visible := range visible {
		all = append(all, n.reader.fileCatalogues(visible).scopes...)
	}
	return all
}

// roles returns the names of the roles that may be named and are still given.
func (n *neighbourhood) roles() []string {
	var names []string
	for _, catalogue := range n.catalogues() {
		for _, role := range catalogue.Roles {
			if catalogue.isGiven(role.Name) && !slices.Contains(names, role.Name) {
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
	for _, catalogue := range n.catalogues() {
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
	if len(roles) > 0 && len(n.catalogues()) == 0 {
		text += "\nand " + n.newCatalogueText(roleVocabulary(), roles)
	}
	if len(scopes) > 0 && len(n.scopeCatalogues()) == 0 {
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
	fmt.Fprintf(&text, "in package %s, which has no %s catalogue:\nenum %s {\n  option (%s) = true;\n  %sUNSPECIFIED = 0;\n",
		n.service.ParentFile().Package(), of.word, enum, of.option(), prefix)
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
	var taken []string
	for _, visible := range n.reader.visible(n.service.ParentFile()) {
		if visible.Package() == n.service.ParentFile().Package() {
			taken = append(taken, topLevelNames(visible)...)
		}
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
