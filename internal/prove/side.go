package prove

import (
	"slices"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/sallyport-rpc/sallyport/authn"
	"github.com/sallyport-rpc/sallyport/internal/declare"
)

// A side is what one declaration knows: the types that its conditions read, and its roles.
type side struct {
	declaration *declare.Declaration
	request     protoreflect.MessageDescriptor
	claims      protoreflect.MessageDescriptor // nil where it has none
	hierarchy   *authn.Hierarchy
}

func newSide(declaration *declare.Declaration) *side {
	return &side{
		declaration: declaration, request: declaration.Method.Input(), claims: declaration.Claims,
		hierarchy: authn.NewHierarchy(declaration.Includes),
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
