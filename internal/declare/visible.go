package declare

import (
	"slices"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
)

// visible returns the files whose catalogues a file's declarations may name: those of
// its proto package in its own Go package, in the order of their paths, then what it
// imports, directly or through others. A program that has the file's Go code has
// the code of all of these, so that what is accepted at generation is there at
// registration.
func (r *Reader) visible(file protoreflect.FileDescriptor) []protoreflect.FileDescriptor {
	if known, ok := r.visibles[file]; ok {
		return known
	}
	visible, _ := r.siblings(file)
	seen := map[string]bool{}
	for _, sibling := range visible {
		seen[sibling.Path()] = true
	}
	for queue := []protoreflect.FileDescriptor{file}; len(queue) > 0; queue = queue[1:] {
		for i := range queue[0].Imports().Len() {
			imported := queue[0].Imports().Get(i).FileDescriptor
			if seen[imported.Path()] || imported.IsPlaceholder() {
				continue
			}
			seen[imported.Path()] = true
			visible = append(visible, imported)
			queue = append(queue, imported)
		}
	}
	r.visibles[file] = visible
	return visible
}

// siblings returns the files of a file's proto package in the order of their paths:
// those that share its Go package, itself among them, and the others.
func (r *Reader) siblings(file protoreflect.FileDescriptor) (same, others []protoreflect.FileDescriptor) {
	all := []protoreflect.FileDescriptor{file}
	if r.files != nil && file.Package() != "" {
		r.files.RangeFilesByPackage(file.Package(), func(sibling protoreflect.FileDescriptor) bool {
			if sibling.Path() != file.Path() {
				all = append(all, sibling)
			}
			return true
		})
	}
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

// role finds the catalogue that defines a role for the declarations of a file. The
// package's own goes before imported ones.
func (r *Reader) role(file protoreflect.FileDescriptor, name string) (found *Catalogue, ambiguous bool, known []string) {
	var imported []*Catalogue
	for _, catalogue := range r.VisibleCatalogues(file) {
		known = append(known, catalogue.names()...)
		switch {
		case !catalogue.has(name):
		case catalogue.Enum.ParentFile().Package() == file.Package():
			return catalogue, false, nil
		default:
			imported = append(imported, catalogue)
		}
	}
	if len(imported) == 0 {
		return nil, false, known
	}
	return imported[0], len(imported) > 1, known
}

// VisibleCatalogues returns the role catalogues that the declarations of a file may name,
// those of its package first.
func (r *Reader) VisibleCatalogues(file protoreflect.FileDescriptor) []*Catalogue {
	visible := r.visible(file)
	catalogues := make([]*Catalogue, 0, len(visible))
	for _, visible := range visible {
		catalogues = append(catalogues, r.fileCatalogues(visible).found...)
	}
	return catalogues
}

// Includes returns the roles that the declarations of a file may name, each with those
// that it includes, as written.
func (r *Reader) Includes(file protoreflect.FileDescriptor) map[string][]string {
	includes := map[string][]string{}
	for _, catalogue := range r.VisibleCatalogues(file) {
		for _, role := range catalogue.Roles {
			includes[role.Name] = append(includes[role.Name], role.Includes...)
		}
	}
	return includes
}
