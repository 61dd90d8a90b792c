package declare

import (
	"slices"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"

	sallyportv1 "github.com/sallyport-rpc/sallyport/gen/sallyport/v1"
	"github.com/sallyport-rpc/sallyport/internal/condition"
)

// A Resource is which object an action is about.
type Resource struct {
	// Type is the message that it is.
	Type protoreflect.MessageDescriptor
	// Key leads from the request to what finds it: a string or an integer.
	Key condition.Path
	// Carried leads to where the request carries a message of the type, and Carries is
	// whether it does: a request that is one carries it at the end of an empty path.
	Carried condition.Path
	Carries bool
}

// KeyName is the key as conditions write it: "request.document_id".
func (r *Resource) KeyName() string { return r.Key.String() }

// LoaderName returns what the method is called in Go that loads a resource: that of
// acme.docs.v1.Document is LoadDocument.
func LoaderName(of protoreflect.MessageDescriptor) string {
	name := strings.TrimPrefix(string(of.FullName()), string(of.ParentFile().Package())+".")
	parts := strings.Split(name, ".")
	for i, part := range parts {
		parts[i] = GoCamelCase(part)
	}
	return "Load" + strings.Join(parts, "_")
}

// readResource reads which object the action is about. It returns nil along with refusals,
// and where the declaration does not say.
func (m *methodReading) readResource(written *sallyportv1.Resource) *Resource {
	if written == nil {
		return nil
	}
	remove := "remove " + messageText("resource", written.ProtoReflect())
	switch {
	case saysAnonymous(m.option):
		m.refuseWithFixf(RuleResourceAnonymous, remove, "an anonymous caller has no principal to load an object for")
		return nil
	case m.timing == sallyportv1.Stream_OPEN:
		m.refuseWithFixf(RuleResourceOpen, strings.Replace(m.streamText(), "OPEN", "FIRST_MESSAGE", 1),
			"`resource.key` reads `request`, and with authorize: OPEN there is none yet")
		return nil
	}
	of := m.resourceType(written)
	key := m.resourceKey(written)
	if of == nil || key == nil {
		return nil
	}
	resource := &Resource{Type: of, Key: key}
	found := carried{of: of.FullName()}
	found.visit(m.method.Input(), nil, false)
	switch {
	case len(found.paths) == 0:
		return resource
	case len(found.paths) > 1 || found.repeated:
		m.refuseWithFixf(RuleResourceRequest, "", "its request carries %s more than once, at %s, so that nothing says which of them `resource` is about",
			of.FullName(), strings.Join(found.names(), " and "))
		return nil
	}
	resource.Carried, resource.Carries = found.paths[0], true
	if !slices.Equal(key[:min(len(key), len(resource.Carried))], resource.Carried) {
		m.refuseWithFixf(RuleResourceRequest, m.resourceText(written.GetType(), fixedKey(of, resource.Carried)),
			"its request carries a %s at %s, and `key` is %s, outside of it: the two could name different objects",
			of.FullName(), found.names()[0], key)
		return nil
	}
	return resource
}

// resourceText is the user's `resource` with another type and key, or "" without one of
// these.
func (*methodReading) resourceText(of, key string) string {
	if of == "" || key == "" {
		return ""
	}
	return messageText("resource", (&sallyportv1.Resource{Type: of, Key: key}).ProtoReflect())
}

// resourceType finds the message that a resource is.
func (m *methodReading) resourceType(written *sallyportv1.Resource) protoreflect.MessageDescriptor {
	name := written.GetType()
	of := messageNamed(m.method.ParentFile(), protoreflect.FullName(name))
	switch {
	case of == nil:
		known := messageNames(m.method.ParentFile())
		m.refuseWithFixf(RuleResourceType, m.resourceText(nearest(name, known), written.GetKey()),
			"resource.type: %s and what it imports have no message %q%s", m.method.ParentFile().Path(), name, didYouMean(name, known))
		return nil
	case of.FullName().Parent() == "google.protobuf":
		m.refuseWithFixf(RuleResourceType, "", "resource.type: conditions read a %s as a value, and not by its fields", name)
		return nil
	}
	return of
}

// messageNamed returns the message of a name of a file, or of what it imports, or nil.
func messageNamed(file protoreflect.FileDescriptor, name protoreflect.FullName) protoreflect.MessageDescriptor {
	for _, file := range withImports(file) {
		below, ok := strings.CutPrefix(string(name), string(file.Package())+".")
		if file.Package() == "" {
			below, ok = string(name), true
		}
		if !ok {
			continue
		}
		var found protoreflect.MessageDescriptor
		messages := file.Messages()
		for part := range strings.SplitSeq(below, ".") {
			if found = messages.ByName(protoreflect.Name(part)); found == nil {
				break
			}
			messages = found.Messages()
		}
		if found != nil && !found.IsMapEntry() {
			return found
		}
	}
	return nil
}

// messageNames returns the names of the messages of a file and of what it imports, the
// file's own first.
func messageNames(file protoreflect.FileDescriptor) []string {
	var names []string
	var within func(protoreflect.MessageDescriptors)
	within = func(messages protoreflect.MessageDescriptors) {
		for i := range messages.Len() {
			if message := messages.Get(i); !message.IsMapEntry() {
				names = append(names, string(message.FullName()))
				within(message.Messages())
			}
		}
	}
	for _, file := range withImports(file) {
		within(file.Messages())
	}
	return names
}

// withImports returns a file and what it imports, directly or not, each once.
func withImports(file protoreflect.FileDescriptor) []protoreflect.FileDescriptor {
	var files []protoreflect.FileDescriptor
	seen := map[string]bool{}
	var visit func(protoreflect.FileDescriptor)
	visit = func(file protoreflect.FileDescriptor) {
		if seen[file.Path()] {
			return
		}
		seen[file.Path()] = true
		files = append(files, file)
		for i := range file.Imports().Len() {
			visit(file.Imports().Get(i).FileDescriptor)
		}
	}
	visit(file)
	return files
}

// resourceKey finds what the key of a resource leads to.
func (m *methodReading) resourceKey(written *sallyportv1.Resource) condition.Path {
	refuse := func(fix, format string, args ...any) {
		m.refuseWithFixf(RuleResourceKey, fix, "resource.key: "+format, args...)
	}
	root, below, isPath := strings.Cut(written.GetKey(), ".")
	if root != "request" || !isPath {
		refuse(m.resourceText(written.GetType(), fixedKey(m.method.Input(), nil)), "%q is no field of the request, such as request.document_id", written.GetKey())
		return nil
	}
	return scalarPath{
		suits: isKey, one: "an action is about one object", kind: "what finds an object is a string or an integer",
		fix: func(path string) string { return m.resourceText(written.GetType(), path) }, refuse: refuse,
	}.find(m.method.Input(), root, strings.Split(below, "."))
}

// isKey reports whether a field can be what finds an object. An enum, a bool, a float and
// bytes name no object; and messages, wrappers among them, have more than one spelling.
func isKey(field protoreflect.FieldDescriptor) bool {
	switch field.Kind() {
	case protoreflect.StringKind,
		protoreflect.Int32Kind, protoreflect.Sint32Kind, protoreflect.Sfixed32Kind,
		protoreflect.Int64Kind, protoreflect.Sint64Kind, protoreflect.Sfixed64Kind,
		protoreflect.Uint32Kind, protoreflect.Fixed32Kind, protoreflect.Uint64Kind, protoreflect.Fixed64Kind:
		return !field.IsList() && !field.IsMap()
	default:
		return false
	}
}

func kindOf(field protoreflect.FieldDescriptor) string {
	switch {
	case field.Message() != nil:
		return string(field.Message().FullName())
	case field.Enum() != nil:
		return string(field.Enum().FullName())
	default:
		return field.Kind().String()
	}
}

func fieldNames(message protoreflect.MessageDescriptor) []string {
	names := make([]string, message.Fields().Len())
	for i := range names {
		names[i] = string(message.Fields().Get(i).Name())
	}
	return names
}

// fixedKey is the first field of a message that can be a key, at the end of a path; "" where
// there is none.
func fixedKey(message protoreflect.MessageDescriptor, at condition.Path) string {
	for i := range message.Fields().Len() {
		if field := message.Fields().Get(i); isKey(field) {
			return append(slices.Clone(at), field).String()
		}
	}
	return ""
}

// carried finds where messages of a type stand in another one.
type carried struct {
	of       protoreflect.FullName
	paths    []condition.Path
	repeated bool                    // one of them stands for several
	around   []protoreflect.FullName // the messages around the one that is visited, which have one in them
}

func (c *carried) names() []string {
	names := make([]string, len(c.paths))
	for i, path := range c.paths {
		names[i] = path.String()
	}
	return names
}

// visit looks at a message, which stands at a path, and at what is in it. It looks for two
// at most.
func (c *carried) visit(message protoreflect.MessageDescriptor, at condition.Path, repeated bool) {
	if len(c.paths) > 1 {
		return
	}
	if message.FullName() == c.of {
		c.paths, c.repeated = append(c.paths, slices.Clone(at)), c.repeated || repeated
	}
	if slices.Contains(c.around, message.FullName()) {
		c.repeated = true
		return
	}
	if !c.within(message, map[protoreflect.FullName]bool{}) {
		return
	}
	c.around = append(c.around, message.FullName())
	for i := range message.Fields().Len() {
		field := message.Fields().Get(i)
		if of := MessageIn(field); of != nil {
			c.visit(of, append(slices.Clone(at), field), repeated || field.IsList() || field.IsMap())
		}
	}
	c.around = c.around[:len(c.around)-1]
}

// within reports whether a message can have one of the type in it.
func (c *carried) within(message protoreflect.MessageDescriptor, seen map[protoreflect.FullName]bool) bool {
	if seen[message.FullName()] {
		return false
	}
	seen[message.FullName()] = true
	for i := range message.Fields().Len() {
		if of := MessageIn(message.Fields().Get(i)); of != nil && (of.FullName() == c.of || c.within(of, seen)) {
			return true
		}
	}
	return false
}

// readsOfResource are what the conditions of grants read of the resource.
func readsOfResource(grants []Grant) []condition.Read {
	var reads []condition.Read
	for _, grant := range grants {
		for _, of := range grant.Conditions {
			expression := expressionIn(of)
			if expression == nil {
				continue
			}
			for _, read := range expression.Reads() {
				if read.OfSubject() {
					reads = append(reads, read)
				}
			}
		}
	}
	return reads
}

// resourceCollisions refuses resources of a service that one method in Go would load, and
// that are not the same.
func resourceCollisions(declarations []*Declaration) []Refusal {
	var refusals []Refusal
	seen := map[string]*Declaration{}
	for _, declaration := range declarations {
		resource := declaration.Resource
		if resource == nil {
			continue
		}
		name := LoaderName(resource.Type)
		before, ok := seen[name]
		if !ok {
			seen[name] = declaration
			continue
		}
		switch {
		case before.Resource.Type.FullName() != resource.Type.FullName():
			refusals = append(refusals, Refuse(RuleResourceCollision, declaration.Method,
				"its %s would be loaded by %s in Go, as the %s of %s is already", resource.Type.FullName(), name, before.Resource.Type.FullName(), before.Procedure))
		case KeyType(before.Resource.Key) != KeyType(resource.Key):
			refusals = append(refusals, Refuse(RuleResourceCollision, declaration.Method,
				"%s would take a key of type %s, and of type %s for %s", name, KeyType(resource.Key), KeyType(before.Resource.Key), before.Procedure))
		}
	}
	return refusals
}

// KeyType is the type that a key has in Go: "string", "int32", "int64", "uint32" or "uint64".
func KeyType(key condition.Path) string {
	switch key[len(key)-1].Kind() {
	case protoreflect.StringKind:
		return "string"
	case protoreflect.Int32Kind, protoreflect.Sint32Kind, protoreflect.Sfixed32Kind:
		return "int32"
	case protoreflect.Uint32Kind, protoreflect.Fixed32Kind:
		return "uint32"
	case protoreflect.Uint64Kind, protoreflect.Fixed64Kind:
		return "uint64"
	default:
		return "int64"
	}
}
