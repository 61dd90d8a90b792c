package declare

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	sallyportv1 "github.com/sallyport-rpc/sallyport/gen/sallyport/v1"
	"github.com/sallyport-rpc/sallyport/internal/condition"
)

// Relation holds when a relation engine says that the principal has a relation to an
// object.
type Relation struct {
	// Name is the relation and Object the type of the object, as the engine's model calls
	// them.
	Name, Object string
	// ID is what leads to the object's id, as declared: "request.document_id".
	ID string
	// Path leads to the id, from the request or, where OfSubject is set, from the resource or,
	// in an [Each], the element.
	Path      condition.Path
	OfSubject bool
	// Usable is true where the ids of the object and of the principal can be one id to an
	// engine. The relation does not hold elsewhere. It is never nil.
	Usable *condition.Expression
}

// usableID is what an id must match to be one to an engine: what separates or stands for
// ids there, and white space by [unicode.IsSpace], is in none.
const usableID = `^[^:#*@\s\v\x{85}\p{Z}]+$`

var usable = regexp.MustCompile(usableID)

// UsableID reports whether a text can be the id of a principal, or of an object, to a relation
// engine.
func UsableID(id string) bool { return usable.MatchString(id) }

var relationKind = conditionKind{field: "relation", read: readRelation}

func readRelation(g *grantReading) Condition {
	written := g.grant.GetRelation()
	relation := Relation{Name: written.GetName(), Object: written.GetObject(), ID: written.GetId()}
	root, below, _ := strings.Cut(written.GetId(), ".")
	var message protoreflect.MessageDescriptor
	switch {
	case g.item != nil:
		return g.readElementRelation(relation, root, below)
	case root == condition.ResourceName && g.resource != nil:
		message, relation.OfSubject = g.resource.Type, true
	case root == "request" && g.timing == sallyportv1.Stream_OPEN:
		g.refuseWithFixf(RuleStreamOpenRequest, g.streamText(), "%s.relation reads `request`, and with authorize: OPEN there is none yet", g.path)
		return nil
	case root == "request":
		message = g.input()
	}
	if message == nil || below == "" {
		g.refuseWithFixf(RuleRelationID, g.relationFix(fixedID("request", g.input())),
			"%s.relation.id: %q is no field of the request, nor of a resource that the action declares, such as request.document_id", g.path, written.GetId())
		return nil
	}
	return g.completeRelation(relation, message)
}

// readElementRelation reads a relation to an element, of those that the caller may see.
func (g *grantReading) readElementRelation(relation Relation, root, below string) Condition {
	if root != condition.ItemName || below == "" {
		g.refuseWithFixf(RuleRelationID, g.relationFix(fixedID(condition.ItemName, g.item)),
			"%s.relation.id: %q is no field of the element, such as item.id", g.path, relation.ID)
		return nil
	}
	relation.OfSubject = true
	return g.completeRelation(relation, g.item)
}

// completeRelation finds the id of the object below a message. It returns nil along with a
// refusal.
func (g *grantReading) completeRelation(relation Relation, message protoreflect.MessageDescriptor) Condition {
	root, below, _ := strings.Cut(relation.ID, ".")
	relation.Path = scalarPath{
		suits: func(field protoreflect.FieldDescriptor) bool { return field.Kind() == protoreflect.StringKind },
		one:   "a relation is to one object", kind: "the id of an object is a string", fix: g.relationFix,
		refuse: func(fix, format string, args ...any) {
			g.refuseWithFixf(RuleRelationID, fix, g.path+".relation.id: "+format, args...)
		},
	}.find(message, root, strings.Split(below, "."))
	if relation.Path == nil {
		return nil
	}
	text := fmt.Sprintf("principal.id.matches(r'%s') && %s.matches(r'%s')", usableID, relation.ID, usableID)
	expression, err := g.environment().Compile(text, g.input())
	if err != nil {
		g.refusef(RuleRelationID, "%s.relation.id: %v", g.path, err)
		return nil
	}
	relation.Usable = expression
	return relation
}

// relationFix is the grant whose relation is to what another id leads to, or "" without one.
func (g *grantReading) relationFix(id string) string {
	if id == "" {
		return ""
	}
	fixed := g.fixedGrant(g.grant)
	if fixed.GetRelation() == nil {
		return ""
	}
	fixed.Relation.Id = id
	return g.grantFix(g.grant, fixed)
}

// fixedID is the path from a root to the first string of its message; "" where there is none.
func fixedID(root string, message protoreflect.MessageDescriptor) string {
	for i := range message.Fields().Len() {
		if field := message.Fields().Get(i); field.Kind() == protoreflect.StringKind && !field.IsList() {
			return root + "." + string(field.Name())
		}
	}
	return ""
}

// fixedRelation is a relation with names that an engine can have, or nil where nothing is
// left of one of them.
func fixedRelation(relation *sallyportv1.Relation) *sallyportv1.Relation {
	fixed := proto.CloneOf(relation)
	fixed.Name, fixed.Object = engineName(relation.GetName()), engineName(relation.GetObject())
	if fixed.GetName() == "" || fixed.GetObject() == "" || fixed.GetId() == "" {
		return nil
	}
	return fixed
}

// engineName makes a name of a text that a relation or a type can have.
func engineName(text string) string {
	isLetter := func(r rune) bool { return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' }
	text = strings.Map(func(r rune) rune {
		switch {
		case isLetter(r), '0' <= r && r <= '9', r == '_', r == '-':
			return r
		case r == ' ', r == '.':
			return '_'
		default:
			return -1
		}
	}, text)
	first := strings.IndexFunc(text, isLetter)
	if first < 0 {
		return ""
	}
	return text[first:min(len(text), first+maxEngineName)]
}

const maxEngineName = 50

// String implements [Condition].
func (r Relation) String() string {
	return fmt.Sprintf("relation %s of %s %s", r.Name, r.Object, r.ID)
}

// ReadsRequest implements [Condition].
func (r Relation) ReadsRequest() bool { return r.Usable.ReadsRequest() }

func (r Relation) who() string { return fmt.Sprintf("%s of %s %s", r.Name, r.Object, r.ID) }

func (r Relation) implies(other Condition) bool {
	wanted, ok := other.(Relation)
	return ok && r.String() == wanted.String()
}

func (Relation) restsOn() []string { return nil }

// Relations returns the relations that grants of the declaration name, those of its shadow
// too, each once, in the order of the grants.
func (d *Declaration) Relations() []Relation {
	return relationsOf(slices.Concat(d.Grants, d.Shadow))
}

// Relations returns the relations that the grants of the elements name, each once, in their
// order.
func (e *Each) Relations() []Relation { return relationsOf(e.Grants) }

// ElementRelations returns the relations to elements that the declaration names, each once,
// in the order of its `each` and their grants.
func (d *Declaration) ElementRelations() []Relation {
	var grants []Grant
	for _, each := range d.Each {
		grants = append(grants, each.Grants...)
	}
	return relationsOf(grants)
}

func relationsOf(grants []Grant) []Relation {
	var relations []Relation
	for _, grant := range grants {
		for _, of := range grant.Conditions {
			if relation, ok := of.(Relation); ok && !slices.ContainsFunc(relations, func(known Relation) bool { return known.implies(relation) }) {
				relations = append(relations, relation)
			}
		}
	}
	return relations
}

// Asked returns what the declaration's grants ask the application and its relation engine:
// the names of checks, and relations as [Relation.String] writes them, each once. No check
// has the name of a relation.
func (d *Declaration) Asked() []string {
	asked := d.Checks()
	for _, relation := range relationsOf(d.Grants) {
		asked = append(asked, relation.String())
	}
	return asked
}

// AskedText is what is asked, for people: `check is_open`, `relation editor of document
// request.document_id`.
func AskedText(name string) string {
	if strings.Contains(name, " ") {
		return name
	}
	return Check{Name: name}.String()
}

// expressionIn is the expression that a condition reads its input by, or nil where it is
// none, or reads what is not known.
func expressionIn(of Condition) *condition.Expression {
	switch of := of.(type) {
	case CEL:
		return of.Expression
	case When:
		return of.Expression
	case Relation:
		return of.Usable
	default:
		return nil
	}
}
