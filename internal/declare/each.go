package declare

import (
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	sallyportv1 "github.com/sallyport-rpc/sallyport/gen/sallyport/v1"
	"github.com/sallyport-rpc/sallyport/internal/condition"
)

// An Each is which elements of a field of the response the caller may see.
type Each struct {
	// Name is the field as written: "documents".
	Name string
	// Field leads from the response to the field, through messages alone. It is repeated, or a
	// single message.
	Field condition.Path
	// Item is the type of the elements.
	Item protoreflect.MessageDescriptor
	// Grants are the ways in which an element may be seen.
	Grants []Grant
	// Total leads from the response to the count of all elements. It is nil for none.
	Total condition.Path
}

// Who says in one line who may see which elements.
func (e *Each) Who() string { return who(e.Grants) }

// readEach reads which elements of the response the caller may see. They come along only
// where nothing of theirs is refused.
func (m *methodReading) readEach(option *sallyportv1.Action, broken []problem) []*Each {
	var found []*Each
	for i, written := range option.GetAuthorize().GetEach() {
		where := fmt.Sprintf("authorize.each[%d]", i)
		if saysAnonymous(option) {
			m.refuseWithFixf(RuleEachAnonymous, "remove "+messageText("each", written.ProtoReflect()),
				"%s: an anonymous caller has no principal, and the rule says what a principal may see", where)
			continue
		}
		if slices.ContainsFunc(broken, func(problem problem) bool { return problem.rule == "each-choice" && problem.path == where }) {
			continue
		}
		each := m.eachField(where, written)
		if each == nil {
			continue
		}
		if slices.ContainsFunc(found, func(other *Each) bool { return slices.Equal(other.Field, each.Field) }) {
			m.refuseWithFixf(RuleEachTwice, "put its grants into the first one, and remove this", "%s: another `each` is about %s already", where, each.Name)
			continue
		}
		each.Total = m.readTotal(where, written, each)
		m.item = each.Item
		each.Grants = m.readGrants(where+".", written.GetAllow(), broken)
		m.item = nil
		found = append(found, each)
	}
	return found
}

// eachField finds the field that an `each` is about. It returns nil along with a refusal.
func (m *methodReading) eachField(where string, written *sallyportv1.Each) *Each {
	name, word := written.GetItems(), "items"
	if name == "" {
		name, word = written.GetItem(), "item"
	}
	with := func(word, name string) string {
		if name == "" {
			return ""
		}
		return fmt.Sprintf("write %s: %q", word, name)
	}
	if word == "item" && !m.method.IsStreamingServer() {
		m.refuseWithFixf(RuleEachUnary, with("items", nearestOr(name, elementFields(m.method.Output(), true))),
			"%s.item: the RPC answers once, and `item` is for the elements of a stream of responses", where)
		return nil
	}
	isElements := word == "items"
	path, problem, near := m.responsePath(name, func(field protoreflect.FieldDescriptor) bool { return isElement(field, isElements) })
	if problem != "" {
		meant := near
		if meant == "" {
			meant = nearestOr(name, elementFields(m.method.Output(), isElements))
		}
		kind := "a repeated field of messages"
		if !isElements {
			kind = "a single message"
		}
		if problem == wrongKind {
			problem = fmt.Sprintf("%s is not %s", name, kind)
		}
		m.refuseWithFixf(RuleEachField, with(word, meant), "%s.%s: %s", where, word, problem)
		return nil
	}
	return &Each{Name: name, Field: path, Item: path[len(path)-1].Message()}
}

// isElement reports whether a field has elements, or is one.
func isElement(field protoreflect.FieldDescriptor, repeated bool) bool {
	return field.Message() != nil && !field.IsMap() && field.IsList() == repeated && field.Message().FullName().Parent() != "google.protobuf"
}

// elementFields are the names of the fields of a message that have elements, or are one.
func elementFields(message protoreflect.MessageDescriptor, repeated bool) []string {
	var names []string
	for _, field := range list(message.Fields()) {
		if isElement(field, repeated) {
			names = append(names, string(field.Name()))
		}
	}
	return names
}

// nearestOr is the name that was meant: the nearest one or, where there is one alone, that.
func nearestOr(name string, known []string) string {
	if len(known) == 1 {
		return known[0]
	}
	return nearest(name, known)
}

// wrongKind says that a path leads to a field of another kind.
const wrongKind = "it is of another kind"

// responsePath finds a field of the response, through messages alone. A problem comes with
// the whole name that was meant, or "".
func (m *methodReading) responsePath(name string, suits func(protoreflect.FieldDescriptor) bool) (path condition.Path, problem, meant string) {
	message := m.method.Output()
	names := strings.Split(name, ".")
	for i, part := range names {
		field := message.Fields().ByName(protoreflect.Name(part))
		last := i == len(names)-1
		switch {
		case field == nil:
			if near := nearest(part, fieldNames(message)); near != "" {
				meant = strings.Join(append(append(slices.Clone(names[:i]), near), names[i+1:]...), ".")
				if _, problem, _ := m.responsePath(meant, suits); problem != "" {
					meant = ""
				}
			}
			return nil, fmt.Sprintf("%s has no field %q%s", message.FullName(), part, didYouMean(part, fieldNames(message))), meant
		case last && !suits(field):
			return nil, wrongKind, ""
		case !last && (field.Message() == nil || field.IsList() || field.IsMap()):
			return nil, fmt.Sprintf("%s is no single message with a field %q", strings.Join(names[:i+1], "."), names[i+1]), ""
		}
		path, message = append(path, field), field.Message()
	}
	return path, "", ""
}

// readTotal finds the count of the elements. It returns nil along with a refusal, and where
// none is named.
func (m *methodReading) readTotal(where string, written *sallyportv1.Each, each *Each) condition.Path {
	name := written.GetTotal()
	if name == "" {
		return nil
	}
	without := proto.CloneOf(written)
	without.Total = ""
	if !each.Field[len(each.Field)-1].IsList() {
		m.refuseWithFixf(RuleEachTotal, messageText("each", without.ProtoReflect()), "%s.total: `item` is one element, and there is nothing to count", where)
		return nil
	}
	path, problem, meant := m.responsePath(name, isCount)
	if problem == "" {
		return path
	}
	if problem == wrongKind {
		problem = name + " is no integer, and it counts elements"
	}
	if meant == "" {
		var counts []string
		for _, field := range list(m.method.Output().Fields()) {
			if isCount(field) {
				counts = append(counts, string(field.Name()))
			}
		}
		meant = nearestOr(name, counts)
	}
	fixed := messageText("each", without.ProtoReflect())
	if meant != "" {
		fixed = fmt.Sprintf("write total: %q", meant)
	}
	m.refuseWithFixf(RuleEachTotal, fixed, "%s.total: %s", where, problem)
	return nil
}

func isCount(field protoreflect.FieldDescriptor) bool {
	return isKey(field) && field.Kind() != protoreflect.StringKind
}

// eachText is the user's `each`, with what of its grants its own rules refuse made good. It
// is "" where that is all of it.
func (m *methodReading) eachText(of problem) string {
	written := m.option.GetAuthorize().GetEach()[indexOf(of.path)]
	fixed := proto.CloneOf(written)
	fixed.Allow = nil
	for _, grant := range written.GetAllow() {
		accepted := m.fixedGrant(grant)
		accepted.Check = nil
		if hasCondition(accepted) && !widens(grant, accepted) {
			fixed.Allow = append(fixed.Allow, accepted)
		}
	}
	if fixed.GetItems() != "" {
		fixed.Item = "" // it was both
	}
	if len(fixed.GetAllow()) == 0 || fixed.GetItems() == "" && fixed.GetItem() == "" {
		return ""
	}
	return messageText("each", fixed.ProtoReflect())
}
