package declare

import (
	"fmt"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// unusedRole returns the catalogue of a package that the declaration does not use and that
// has a role, or nil: where it is imported, or known to a declaration from outside, it is
// meant.
func (m *methodReading) unusedRole(name string) protoreflect.Descriptor {
	return m.unused(name, func(of fileCatalogues) []*Catalogue { return of.found })
}

// unusedScope is unusedRole of scopes.
func (m *methodReading) unusedScope(name string) protoreflect.Descriptor {
	return m.unused(name, func(of fileCatalogues) []*Catalogue { return of.scopes })
}

func (m *methodReading) unused(name string, of func(fileCatalogues) []*Catalogue) protoreflect.Descriptor {
	for _, file := range m.view().unseen(m.outside) {
		for _, catalogue := range of(m.fileCatalogues(file)) {
			if catalogue.has(name) {
				return catalogue.Enum
			}
		}
	}
	return nil
}

// unusedCondition returns the file of a package that the declaration does not use and that
// defines a condition, or nil.
func (m *methodReading) unusedCondition(name string) protoreflect.Descriptor {
	for _, file := range m.view().unseen(m.outside) {
		for _, named := range m.namedConditions(file).found {
			if named.Name == name {
				return file
			}
		}
	}
	return nil
}

// whereUnused says where something is that is not used, and "" where there is none.
func (m *methodReading) whereUnused(unused protoreflect.Descriptor) string {
	switch {
	case unused == nil:
		return ""
	case unused.ParentFile().Package() == m.file().Package():
		return "; " + describeUnused(unused) + " has it, which is in another Go package and is not used"
	default:
		return fmt.Sprintf("; %s has it, and package %s is not used", describeUnused(unused), unused.ParentFile().Package())
	}
}

func describeUnused(unused protoreflect.Descriptor) string {
	if file, ok := unused.(protoreflect.FileDescriptor); ok {
		return file.Path()
	}
	return string(unused.FullName())
}

// fixUnused is what makes the declaration use the package of something.
func (m *methodReading) fixUnused(unused protoreflect.Descriptor) string {
	if !m.outside {
		return m.fixUse(m.file(), unused)
	}
	return fmt.Sprintf("in %s:\nuses: %q", m.given.Source, unused.ParentFile().Package())
}
