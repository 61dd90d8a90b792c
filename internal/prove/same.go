package prove

import (
	"maps"
	"slices"

	"cel.dev/cel-go/common/types/ref"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/sallyport-rpc/sallyport/internal/condition"
	"github.com/sallyport-rpc/sallyport/internal/declare"
)

// implies reports whether one grant, as the first side sees it, holds only where another
// does, as the second sees it, by their form alone.
func implies(sides [2]*side, grant, other declare.Grant) bool {
	return len(other.Conditions) > 0 && !slices.ContainsFunc(other.Conditions, func(wanted declare.Condition) bool {
		return !slices.ContainsFunc(grant.Conditions, func(given declare.Condition) bool { return conditionImplies(sides, given, wanted) })
	})
}

func conditionImplies(sides [2]*side, given, wanted declare.Condition) bool {
	switch wanted := wanted.(type) {
	case declare.AnyRole:
		given, ok := given.(declare.AnyRole)
		return ok && within(given.Unfolded, wanted.Unfolded)
	case declare.AllScopes:
		given, ok := given.(declare.AllScopes)
		return ok && within(wanted.Named, given.Named)
	case declare.Check:
		return given == declare.Condition(wanted)
	case declare.Relation:
		given, ok := given.(declare.Relation)
		return ok && given.String() == wanted.String() && meansTheSame(sides, given.Usable, wanted.Usable)
	}
	one, other := expressionOf(given), expressionOf(wanted)
	return one != nil && other != nil && meansTheSame(sides, one, other)
}

func within(some, all []string) bool {
	return !slices.ContainsFunc(some, func(one string) bool { return !slices.Contains(all, one) })
}

// expressionOf returns the expression of a condition, or nil.
func expressionOf(of declare.Condition) *condition.Expression {
	switch of := of.(type) {
	case declare.When:
		return of.Expression
	case declare.CEL:
		return of.Expression
	default:
		return nil
	}
}

// meansTheSame reports whether two expressions are the same text and read what is of the
// same type and meaning.
func meansTheSame(sides [2]*side, one, other *condition.Expression) bool {
	if one == other && !one.ReadsSubject() {
		return true
	}
	if one.Text() != other.Text() || len(one.Reads()) != len(other.Reads()) {
		return false
	}
	for i, read := range one.Reads() {
		if !sameRead(sides, read, other.Reads()[i]) {
			return false
		}
	}
	return maps.EqualFunc(enumConstants(one), enumConstants(other), func(a, b ref.Val) bool { return a.Equal(b).Value() == true })
}

// enumConstants are the constants of enums that an expression names, by where they stand.
func enumConstants(of *condition.Expression) map[int64]ref.Val {
	tree, err := of.Tree()
	if err != nil {
		return nil // it was compiled before, and what it reads was compared
	}
	constants := map[int64]ref.Val{}
	for id, reference := range tree.ReferenceMap() {
		if reference.Value != nil {
			constants[id] = reference.Value
		}
	}
	return constants
}

func sameRead(sides [2]*side, one, other condition.Read) bool {
	if one.Name != other.Name {
		return false
	}
	request, claims := one.Paths()
	otherRequest, otherClaims := other.Paths()
	seen := map[protoreflect.FullName]bool{}
	switch {
	case one.OfSubject():
		path, otherPath := one.SubjectPath(), other.SubjectPath()
		return path != nil && otherPath != nil && sameSubject(sides[0], sides[1]) && samePath(path, otherPath, seen)
	case one.Name == "principal.roles":
		return maps.EqualFunc(sides[0].declaration.Includes, sides[1].declaration.Includes, func(a, b []string) bool { return within(a, b) && within(b, a) })
	case request != nil:
		return samePath(request, otherRequest, seen)
	case claims != nil:
		return samePath(claims, otherClaims, seen)
	case one.Principal() == "principal", one.Principal() == "claims", one.OfRequest():
		return false // all of it: its type is not compared
	default:
		return true
	}
}

func samePath(one, other condition.Path, seen map[protoreflect.FullName]bool) bool {
	return slices.EqualFunc(one, other, sameField) &&
		sameMessage(one[len(one)-1].Message(), other[len(other)-1].Message(), seen)
}

// sameField reports whether conditions read two fields alike, but for the fields of a
// message in them.
func sameField(one, other protoreflect.FieldDescriptor) bool {
	if one == other {
		return true
	}
	if one.Name() != other.Name() || one.Kind() != other.Kind() || one.Cardinality() != other.Cardinality() || one.IsMap() != other.IsMap() ||
		one.HasPresence() != other.HasPresence() || one.HasDefault() != other.HasDefault() ||
		one.HasDefault() && !one.Default().Equal(other.Default()) || (one.Message() == nil) != (other.Message() == nil) {
		return false
	}
	if one.Message() != nil && one.Message().FullName() != other.Message().FullName() {
		return false
	}
	return one.Enum() == nil || one.Enum().IsClosed() == other.Enum().IsClosed()
}

// sameMessage reports whether two messages have the same fields, and theirs.
func sameMessage(one, other protoreflect.MessageDescriptor, seen map[protoreflect.FullName]bool) bool {
	if one == other || one == nil || other == nil {
		return one == other
	}
	if one.FullName() != other.FullName() || one.Fields().Len() != other.Fields().Len() {
		return false
	}
	if seen[one.FullName()] {
		return true
	}
	seen[one.FullName()] = true
	for i := range one.Fields().Len() {
		field := one.Fields().Get(i)
		match := other.Fields().ByName(field.Name())
		if match == nil || !sameField(field, match) || !sameMessage(field.Message(), match.Message(), seen) {
			return false
		}
	}
	return true
}
