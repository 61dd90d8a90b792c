package prove

import (
	"slices"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/sallyport-rpc/sallyport/authn"
	"github.com/sallyport-rpc/sallyport/internal/condition"
	"github.com/sallyport-rpc/sallyport/internal/declare"
)

// A side is what one declaration knows: the types that its conditions read, and its roles.
type side struct {
	declaration *declare.Declaration
	request     protoreflect.MessageDescriptor
	claims      protoreflect.MessageDescriptor // nil where it has none
	hierarchy   *authn.Hierarchy
	// subject is what its conditions are about besides, and root where the values of that
	// are. It is the zero Subject where there is none.
	subject condition.Subject
	root    root
	// isRule is whether it has the grants of a rule about the subject, and not those of an
	// action: hasRequest is whether they read a request then.
	isRule, hasRequest bool
}

func newSide(declaration *declare.Declaration) *side {
	made := &side{
		declaration: declaration, request: declaration.Method.Input(), claims: declaration.Claims,
		hierarchy: authn.NewHierarchy(declaration.Includes), root: inSubject, hasRequest: true,
	}
	if about := declaration.Resource; about != nil {
		made.subject = condition.Subject{Name: condition.ResourceName, Type: about.Type}
	}
	return made
}

// sidesOf are the sides of two declarations.
func sidesOf(lets, keeps *declare.Declaration) [2]*side {
	return besides(newSide(lets), newSide(keeps))
}

// besides are two sides, of which the second one has a subject of its own where it is about
// another message than the first one.
func besides(lets, keeps *side) [2]*side {
	if !sameSubject(lets, keeps) {
		keeps.root = inOther
	}
	return [2]*side{lets, keeps}
}

// sameSubject reports whether two sides are about one message: for actions it is one of the
// same type that the same field of the request finds.
func sameSubject(one, other *side) bool {
	if one.subject.Type == nil || other.subject.Type == nil || one.subject.Name != other.subject.Name || one.subject.Type.FullName() != other.subject.Type.FullName() {
		return false
	}
	about, otherwise := one.declaration.Resource, other.declaration.Resource
	return about == nil || otherwise == nil || about.KeyName() == otherwise.KeyName()
}

// message returns the type of what is read from a root; nil where the side has none.
func (s *side) message(of root) protoreflect.MessageDescriptor {
	switch of {
	case inRequest:
		return s.request
	case inClaims:
		return s.claims
	case s.root:
		return s.subject.Type
	default:
		return nil
	}
}

// roles are the names of all roles that the declaration sees.
func (s *side) roles() []string {
	var names []string
	for role, includes := range s.declaration.Includes {
		names = append(append(names, role), includes...)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// giving returns the roles that a principal may carry to have a role: itself, and each
// that includes it.
func (s *side) giving(role string) []string {
	names := []string{role}
	for _, other := range s.roles() {
		carrier := authn.NewPrincipal("id", authn.Details{Roles: []string{other}}).Bound("", s.hierarchy)
		if other != role && carrier.Has(role) {
			names = append(names, other)
		}
	}
	return names
}
