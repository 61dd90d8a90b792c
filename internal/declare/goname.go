package declare

import (
	"fmt"
	"go/build"
	"io"
	"path"
	"slices"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// goNames holds the names that generated code takes in its Go packages.
type goNames struct {
	reader   *Reader
	taken    map[goName]protoreflect.Descriptor
	refused  map[[2]protoreflect.Descriptor]bool // pairs; of two services that meet, all names do
	refusals []Refusal
}

// A goName is a name in a scope: a generated package, or an interface in one.
type goName struct{ scope, name string }

// GoNames refuses what would make generated code that does not compile, or that Go
// does not compile: two things of one name in Go, and files that Go leaves out.
// Declarations are those of the files, as far as they were read. Files are all that
// are known of each Go package.
func (r *Reader) GoNames(files []protoreflect.FileDescriptor, declarations []*Declaration) []Refusal {
	names := &goNames{reader: r, taken: map[goName]protoreflect.Descriptor{}, refused: map[[2]protoreflect.Descriptor]bool{}}
	checked, loading := map[protoreflect.FullName]bool{}, map[protoreflect.FullName]bool{}
	for _, declaration := range declarations {
		if len(declaration.Checks()) > 0 {
			checked[declaration.Method.Parent().FullName()] = true
		}
		if declaration.Resource != nil {
			loading[declaration.Method.Parent().FullName()] = true
		}
	}
	for _, file := range files {
		pkg := r.goPackage(file)
		if pkg == "" {
			pkg = "of " + string(file.Package()) // each proto package has one, as far as is known
		}
		catalogues := slices.Concat(r.fileCatalogues(file).found, r.fileCatalogues(file).scopes)
		if file.Services().Len() > 0 || len(catalogues) > 0 {
			names.file(file)
		}
		for _, catalogue := range catalogues {
			for _, role := range catalogue.Roles {
				names.take(pkg+" client", GoRoleName(catalogue, role), role.Value)
			}
		}
		for _, service := range services(file) {
			names.service(pkg, service, checked[service.FullName()], loading[service.FullName()])
		}
	}
	return names.refusals
}

// service takes the names of a service.
func (n *goNames) service(pkg string, service protoreflect.ServiceDescriptor, checks, loads bool) {
	name := GoCamelCase(string(service.Name()))
	n.take(pkg+" action", name+"Handler", service)
	n.take(pkg+" action", "Register"+name, service)
	if checks {
		n.take(pkg+" action", name+"Checks", service)
	}
	if loads {
		n.take(pkg+" action", name+"Loaders", service)
	}
	n.take(pkg+" client", name+"Name", service)
	n.take(pkg+" client", name+"Client", service)
	n.take(pkg+" client", "New"+name+"Client", service)
	for i := range service.Methods().Len() {
		method := service.Methods().Get(i)
		n.take(pkg+" client", name+GoCamelCase(string(method.Name()))+"Procedure", method)
	}
}

// take takes a name for a descriptor, and refuses the descriptor where another one has
// the name, once for the two of them.
func (n *goNames) take(scope, name string, descriptor protoreflect.Descriptor) {
	key := goName{scope, name}
	before, taken := n.taken[key]
	if !taken {
		n.taken[key] = descriptor
		return
	}
	pair := [2]protoreflect.Descriptor{descriptor, before}
	if n.refused[pair] || n.refused[[2]protoreflect.Descriptor{descriptor.Parent(), before.Parent()}] {
		return
	}
	n.refused[pair] = true
	refusal := refuse(RuleGoNameCollision, subject(descriptor), positionOf(descriptor),
		"its generated code would define %s, as that of %s does (%s)", name, subject(before), positionOf(before))
	refusal.At = descriptor
	refusal.Fix = fmt.Sprintf("rename %s or %s", subject(descriptor), subject(before))
	if n.reader.goPackage(before.ParentFile()) == n.reader.goPackage(descriptor.ParentFile()) && before.ParentFile().Package() != descriptor.ParentFile().Package() {
		refusal.Fix = fmt.Sprintf("give package %s a go_package of its own", descriptor.ParentFile().Package())
	}
	n.refusals = append(n.refusals, refusal)
}

// subject is what refusals call a descriptor.
func subject(descriptor protoreflect.Descriptor) string {
	if method, ok := descriptor.(protoreflect.MethodDescriptor); ok {
		return Procedure(method)
	}
	return string(descriptor.FullName())
}

// file refuses a file whose generated code Go leaves out.
func (n *goNames) file(file protoreflect.FileDescriptor) {
	base := strings.TrimSuffix(path.Base(file.Path()), ".proto")
	if isBuilt(base) {
		return
	}
	renamed := strings.TrimLeft(base, "_.")
	if !isBuilt(renamed) {
		renamed = strings.ReplaceAll(renamed, "_", "")
	}
	refusal := refuse(RuleGoFileLeftOut, file.Path(), Position{File: file.Path()},
		"Go leaves out %s.action.go: a name that begins with _ or ends in an operating system or architecture is a build constraint", base)
	refusal.At = file
	refusal.Fix = "rename the file, such as to " + path.Join(path.Dir(file.Path()), renamed+".proto")
	n.refusals = append(n.refusals, refusal)
}

// isBuilt reports whether Go compiles generated files of a name on every system.
func isBuilt(base string) bool {
	// A system that there is not has none of the names that Go knows.
	context := build.Context{GOOS: "none", GOARCH: "none", Compiler: "gc", OpenFile: func(string) (io.ReadCloser, error) {
		return io.NopCloser(strings.NewReader("package none\n")), nil
	}}
	for _, half := range []string{".action.go", ".client.go", ".pb.go"} {
		if built, err := context.MatchFile(".", base+half); err != nil || !built {
			return false
		}
	}
	return true
}

// GoCamelCase returns what protoc-gen-go makes of a name: a letter after an underscore
// that goes away, or after a digit, becomes a capital.
func GoCamelCase(name string) string {
	var made strings.Builder
	isLower := func(i int) bool { return i < len(name) && 'a' <= name[i] && name[i] <= 'z' }
	isLetter := func(i int) bool { return isLower(i) || i >= 0 && 'A' <= name[i] && name[i] <= 'Z' }
	for i := range len(name) {
		switch {
		case name[i] == '_' && i == 0:
			made.WriteByte('X')
		case name[i] == '_' && isLower(i+1):
		case isLower(i) && (i == 0 || !isLetter(i-1)):
			made.WriteByte(name[i] - 'a' + 'A')
		default:
			made.WriteByte(name[i])
		}
	}
	return made.String()
}

// GoRoleName returns what the constant of a role, or of a scope, is called, after its
// enum value in Go's manner: ROLE_ADMIN of the enum Role is RoleAdmin.
func GoRoleName(catalogue *Catalogue, role Role) string {
	enum, value := string(catalogue.Enum.Name()), string(role.Value.Name())
	words := strings.Split(value, "_")
	var name strings.Builder
	for i, word := range words {
		// The words that repeat the enum's name are told apart from those that are
		// the role's own by how far they spell it.
		if i < len(words)-1 && strings.HasPrefix(strings.ToUpper(enum), strings.ToUpper(strings.Join(words[:i+1], ""))) {
			continue
		}
		if word != "" {
			name.WriteString(strings.ToUpper(word[:1]) + strings.ToLower(word[1:]))
		}
	}
	return strings.ToUpper(enum[:1]) + enum[1:] + name.String()
}
