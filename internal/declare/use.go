package declare

import (
	"cmp"
	"fmt"
	"hash/fnv"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"

	sallyportv1 "github.com/sallyport-rpc/sallyport/gen/sallyport/v1"
)

// A handle is an extension of google.protobuf.FileOptions of the type sallyport.v1.Use.
// A file that carries it uses the package that defines it.

// handlesOf returns the handles that a file defines.
func handlesOf(file protoreflect.FileDescriptor) []protoreflect.FieldDescriptor {
	use := (&sallyportv1.Use{}).ProtoReflect().Descriptor().FullName()
	options := (&descriptorpb.FileOptions{}).ProtoReflect().Descriptor().FullName()
	var handles []protoreflect.FieldDescriptor
	for i := range file.Extensions().Len() {
		extension := file.Extensions().Get(i)
		if extension.Message() != nil && extension.Message().FullName() == use && extension.ContainingMessage().FullName() == options {
			handles = append(handles, extension)
		}
	}
	return handles
}

// importable returns a file and those whose names it may write: what it imports, also for
// its options alone, and what these import publicly.
func importable(file protoreflect.FileDescriptor) []protoreflect.FileDescriptor {
	files := []protoreflect.FileDescriptor{file}
	seen := map[string]bool{file.Path(): true}
	var add func(imports protoreflect.FileImports, publicOnly bool)
	add = func(imports protoreflect.FileImports, publicOnly bool) {
		for i := range imports.Len() {
			imported := imports.Get(i)
			if seen[imported.Path()] || publicOnly && !imported.IsPublic {
				continue
			}
			seen[imported.Path()] = true
			files = append(files, imported.FileDescriptor)
			add(imported.Imports(), true)
		}
	}
	add(file.Imports(), false)
	// Editions from 2024 on have `import option`.
	if options, ok := file.(interface {
		OptionImports() protoreflect.FileImports
	}); ok {
		add(options.OptionImports(), false)
	}
	return files
}

// usedBy returns the files whose handles a file carries.
func usedBy(file protoreflect.FileDescriptor) []protoreflect.FileDescriptor {
	var used []protoreflect.FileDescriptor
	for _, imported := range importable(file) {
		if imported != file && slices.ContainsFunc(handlesOf(imported), func(handle protoreflect.FieldDescriptor) bool {
			found, _ := carries(file, handle)
			return found
		}) {
			used = append(used, imported)
		}
	}
	return used
}

// carries reports whether a file has a handle among its options, and whether all of what
// it says there is known. The programs that read schemas do not know the handles of
// users, so it is among what they did not resolve.
func carries(file protoreflect.FileDescriptor, handle protoreflect.FieldDescriptor) (found, known bool) {
	options := file.Options().ProtoReflect()
	known = true
	options.Range(func(field protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		if field.FullName() != handle.FullName() {
			return true
		}
		found = true
		known = !field.IsList() && field.Message() != nil && len(value.Message().GetUnknown()) == 0 && len(setFields(value.Message())) == 0
		return false
	})
	for wire := options.GetUnknown(); len(wire) > 0; {
		number, kind, n := protowire.ConsumeTag(wire)
		size := -1
		if n >= 0 {
			size = protowire.ConsumeFieldValue(number, kind, wire[n:])
		}
		if size < 0 {
			return found, false
		}
		if number == handle.Number() {
			content, _ := protowire.ConsumeBytes(wire[n:])
			found, known = true, known && kind == protowire.BytesType && len(content) == 0
		}
		wire = wire[n+size:]
	}
	return found, known
}

// refusedUses refuses handles that say something that this build does not know.
func refusedUses(file protoreflect.FileDescriptor) []Refusal {
	var refusals []Refusal
	for _, imported := range importable(file) {
		for _, handle := range handlesOf(imported) {
			if _, known := carries(file, handle); !known {
				refusals = append(refusals, refuse(RuleUseUnresolved, file.Path(), filePosition(file, int32(handle.Number()), 0),
					"(%s) says something that this build does not know; it is written as {}", handle.FullName()))
			}
		}
	}
	return refusals
}

// fixUse is what makes a file use the package of a descriptor that it does not see.
func (r *Reader) fixUse(file protoreflect.FileDescriptor, wanted protoreflect.Descriptor) string {
	from := wanted.ParentFile()
	siblings, _ := r.siblings(from)
	slices.SortStableFunc(siblings, func(a, b protoreflect.FileDescriptor) int {
		return cmp.Compare(len(importLine(file, a)), len(importLine(file, b))) // an imported one first
	})
	for _, sibling := range siblings {
		for _, handle := range handlesOf(sibling) {
			return fmt.Sprintf("%soption (%s) = {};", importLine(file, sibling), handle.FullName())
		}
	}
	const descriptor = "google/protobuf/descriptor.proto"
	line := ""
	if !imports(from, descriptor) {
		line = "import \"" + descriptor + "\";\n"
	}
	name := handleName(from)
	return fmt.Sprintf("in %s:\n%sextend google.protobuf.FileOptions {\n  sallyport.v1.Use %s = %d;\n}\nand in %s:\n%soption (%s) = {};",
		from.Path(), line, name, handleNumber(from.Package()), file.Path(), importLine(file, from), from.Package().Append(name))
}

// importLine imports a file, or is "" where that is imported already.
func importLine(into, of protoreflect.FileDescriptor) string {
	if imports(into, of.Path()) || into == of {
		return ""
	}
	return "import \"" + of.Path() + "\";\n"
}

// handleName is a name for the handle of a file's package: "iam" of acme.iam.v1.
func handleName(file protoreflect.FileDescriptor) protoreflect.Name {
	taken := topLevelNames(file)
	name := file.Package().Name()
	if parent := file.Package().Parent(); parent != "" && isVersion(name) {
		name = parent.Name()
	}
	for slices.Contains(taken, string(name)) || name == "" {
		name += "_catalogue"
	}
	return name
}

// isVersion reports whether the last part of a package's name is a version such as "v1".
func isVersion(name protoreflect.Name) bool {
	return len(name) > 1 && name[0] == 'v' && name[1] >= '0' && name[1] <= '9'
}

// handleNumber is a field number for the handle of a package, among those that protobuf
// keeps for use within an organization.
func handleNumber(name protoreflect.FullName) uint32 {
	const first, count = 50000, 50000
	sum := fnv.New32a()
	_, _ = sum.Write([]byte(name)) // never fails
	number := first + sum.Sum32()%count
	if protoreflect.FieldNumber(number) == sallyportv1.E_Condition.TypeDescriptor().Number() {
		number++ // of this module's own option
	}
	return number
}
