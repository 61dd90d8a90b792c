package declare

import (
	"slices"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
)

// A View is what declarations may name: the roles, scopes, claims and named conditions of
// their own proto package, and of the packages that it uses. Make one with
// [Reader.View].
type View struct {
	reader *Reader
	file   protoreflect.FileDescriptor
	// files are those of the file's proto package in its own Go package, in the order of
	// their paths, then those of the packages that they use. A program that has the file's
	// Go code has the code of all of these, so that what is accepted at generation is
	// there at registration.
	files []protoreflect.FileDescriptor
}

// View returns what the declarations of a file may name: those of its .proto or, with the
// packages that they say they use, those from outside.
func (r *Reader) View(file protoreflect.FileDescriptor, uses ...string) View {
	view := View{r, file, r.visible(file)}
	for _, name := range uses {
		view.files = slices.Clone(view.files)
		for _, used := range r.filesOf(protoreflect.FullName(name)) {
			if !hasPath(view.files, used.Path()) {
				view.files = append(view.files, used)
			}
		}
	}
	return view
}

// filesOf returns the files of a proto package in the order of their paths.
func (r *Reader) filesOf(name protoreflect.FullName) []protoreflect.FileDescriptor {
	var files []protoreflect.FileDescriptor
	if r.files != nil && name != "" {
		r.files.RangeFilesByPackage(name, func(file protoreflect.FileDescriptor) bool {
			files = append(files, file)
			return true
		})
	}
	slices.SortFunc(files, func(a, b protoreflect.FileDescriptor) int { return strings.Compare(a.Path(), b.Path()) })
	return files
}

// visible returns the files that a file's own declarations see: see View.files.
func (r *Reader) visible(file protoreflect.FileDescriptor) []protoreflect.FileDescriptor {
	if known, ok := r.visibles[file]; ok {
		return known
	}
	visible, _ := r.siblings(file)
	seen := map[string]bool{}
	for _, sibling := range visible {
		seen[sibling.Path()] = true
	}
	for _, own := range slices.Clone(visible) {
		for _, used := range usedBy(own) {
			files, _ := r.siblings(used)
			for _, file := range files {
				if !seen[file.Path()] {
					seen[file.Path()] = true
					visible = append(visible, file)
				}
			}
		}
	}
	r.visibles[file] = visible
	return visible
}

// siblings returns the files of a file's proto package in the order of their paths:
// those that share its Go package, itself among them, and the others.
func (r *Reader) siblings(file protoreflect.FileDescriptor) (same, others []protoreflect.FileDescriptor) {
	all := slices.DeleteFunc(r.filesOf(file.Package()), func(sibling protoreflect.FileDescriptor) bool { return sibling.Path() == file.Path() })
	all = append(all, file)
	slices.SortFunc(all, func(a, b protoreflect.FileDescriptor) int { return strings.Compare(a.Path(), b.Path()) })
	for _, sibling := range all {
		if sibling == file || r.goPackage(sibling) == r.goPackage(file) {
			same = append(same, sibling)
		} else {
			others = append(others, sibling)
		}
	}
	return same, others
}

// optionGoPackage returns the import path that a file's option go_package says, or ""
// where it says none.
func optionGoPackage(file protoreflect.FileDescriptor) string {
	options, _ := file.Options().(*descriptorpb.FileOptions)
	path, _, _ := strings.Cut(options.GetGoPackage(), ";")
	return path
}

// own are the files of the view that are of the file's own proto package.
func (v View) own() []protoreflect.FileDescriptor {
	return slices.DeleteFunc(slices.Clone(v.files), func(file protoreflect.FileDescriptor) bool { return file.Package() != v.file.Package() })
}

// packages are the proto packages of the view, for a refusal to name.
func (v View) packages() string {
	var names []string
	for _, file := range v.files {
		if name := string(file.Package()); !slices.Contains(names, name) && file.Package() != v.file.Package() {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return "package " + string(v.file.Package())
	}
	return "package " + string(v.file.Package()) + " or of those that it uses (" + strings.Join(names, ", ") + ")"
}

// role finds the catalogue that defines a role. The package's own goes before those that
// it uses.
func (v View) role(name string) (found *Catalogue, ambiguous bool, known []string) {
	var used []*Catalogue
	for _, catalogue := range v.Catalogues() {
		known = append(known, catalogue.names()...)
		switch {
		case !catalogue.has(name):
		case catalogue.Enum.ParentFile().Package() == v.file.Package():
			return catalogue, false, nil
		default:
			used = append(used, catalogue)
		}
	}
	if len(used) == 0 {
		return nil, false, known
	}
	return used[0], len(used) > 1, known
}

// Catalogues returns the role catalogues, those of the file's package first.
func (v View) Catalogues() []*Catalogue {
	catalogues := make([]*Catalogue, 0, len(v.files))
	for _, file := range v.files {
		catalogues = append(catalogues, v.reader.fileCatalogues(file).found...)
	}
	return catalogues
}

// scopeCatalogues returns the scope catalogues, those of the file's package first.
func (v View) scopeCatalogues() []*Catalogue {
	catalogues := make([]*Catalogue, 0, len(v.files))
	for _, file := range v.files {
		catalogues = append(catalogues, v.reader.fileCatalogues(file).scopes...)
	}
	return catalogues
}

// scopes returns the names of the scopes.
func (v View) scopes() []string {
	var known []string
	for _, catalogue := range v.scopeCatalogues() {
		known = append(known, catalogue.names()...)
	}
	return known
}

// GoPackages returns the import paths of the Go packages that a program needs besides the
// file's own, for all that the declarations may name to be there.
func (v View) GoPackages() []string {
	var paths []string
	for _, file := range v.files {
		catalogues := v.reader.fileCatalogues(file)
		names := len(catalogues.found) + len(catalogues.scopes) + len(v.reader.fileClaims(file).found) + len(v.reader.namedConditions(file).found)
		if path := v.reader.goPackage(file); names > 0 && path != v.reader.goPackage(v.file) && !slices.Contains(paths, path) {
			paths = append(paths, path)
		}
	}
	return paths
}

// Includes returns the roles, each with those that it includes, as written.
func (v View) Includes() map[string][]string {
	includes := map[string][]string{}
	for _, catalogue := range v.Catalogues() {
		for _, role := range catalogue.Roles {
			includes[role.Name] = append(includes[role.Name], role.Includes...)
		}
	}
	return includes
}

// Claims returns the message that conditions read as `principal.claims`, or nil where none
// is marked.
func (v View) Claims() protoreflect.MessageDescriptor {
	for _, file := range v.files {
		if found := v.reader.fileClaims(file).found; len(found) > 0 {
			return found[0]
		}
	}
	return nil
}

// namedCondition finds the condition of a name. The package's own goes before those that
// it uses.
func (v View) namedCondition(name string) (found *namedCondition, ambiguous bool, known []string) {
	var used []*namedCondition
	for _, file := range v.files {
		for _, named := range v.reader.namedConditions(file).found {
			known = append(known, named.Name)
			switch {
			case named.Name != name:
			case file.Package() == v.file.Package():
				return named, false, known
			default:
				used = append(used, named)
			}
		}
	}
	if len(used) == 0 {
		return nil, false, known
	}
	return used[0], len(used) > 1, known
}

// hasPath reports whether a file of a path is among files.
func hasPath(files []protoreflect.FileDescriptor, path string) bool {
	return slices.ContainsFunc(files, func(file protoreflect.FileDescriptor) bool { return file.Path() == path })
}

// unseen returns the files that the view does not have and that a declaration may mean: of
// its own proto package in another Go package, of its imports and theirs and, where the
// declaration is from outside and imports nothing, of all that are known.
func (v View) unseen(outside bool) []protoreflect.FileDescriptor {
	_, found := v.reader.siblings(v.file)
	for i := 0; i <= len(found); i++ {
		file := v.file
		if i > 0 {
			file = found[i-1]
		}
		for j := range file.Imports().Len() {
			if imported := file.Imports().Get(j).FileDescriptor; !hasPath(found, imported.Path()) {
				found = append(found, imported)
			}
		}
	}
	if outside && v.reader.files != nil {
		var all []protoreflect.FileDescriptor
		v.reader.files.RangeFiles(func(file protoreflect.FileDescriptor) bool {
			all = append(all, file)
			return true
		})
		slices.SortFunc(all, func(a, b protoreflect.FileDescriptor) int { return strings.Compare(a.Path(), b.Path()) })
		found = append(found, all...)
	}
	return slices.DeleteFunc(found, func(file protoreflect.FileDescriptor) bool { return hasPath(v.files, file.Path()) })
}
