package action

import (
	"context"
	"fmt"
	"maps"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/sallyport-rpc/sallyport/authn"
	"github.com/sallyport-rpc/sallyport/internal/declare"
	"github.com/sallyport-rpc/sallyport/internal/unguarded"
	"github.com/sallyport-rpc/sallyport/internal/validation"
)

// claimsType is what the principals of a registry carry besides id, roles and scopes.
type claimsType struct {
	message protoreflect.MessageDescriptor
	rules   *validation.Rules
}

// viewOf is what the declarations of a service may name.
func (r *Registry) viewOf(service unguarded.Service) declare.View {
	return r.reader.View(service.Descriptor.ParentFile(), service.Uses...)
}

// claimsOf returns the claims that the declarations of a service see, or nil where they
// see none. A registry has one type of claims at most, since a principal has.
func (r *Registry) claimsOf(service unguarded.Service) (*claimsType, []Refusal) {
	switch message := r.viewOf(service).Claims(); {
	case message == nil:
		return nil, nil
	case r.claims == nil:
		rules, err := r.validators.Rules(message)
		if err != nil {
			return nil, []Refusal{declare.RefuseNamed(declare.RuleValidationInvalid, string(service.Descriptor.FullName()),
				"a validation rule of the claims %s does not compile: %v", message.FullName(), err)}
		}
		return &claimsType{message, rules}, nil
	case r.claims.message.FullName() != message.FullName():
		return nil, []Refusal{declare.RefuseNamed(declare.RuleClaimsOther, string(service.Descriptor.FullName()),
			"its claims are a %s, and those of the actions registered before are a %s", message.FullName(), r.claims.message.FullName())}
	default:
		return r.claims, nil
	}
}

// holdClaims holds what a scheme knows of a principal against the type of claims and its
// validation rules, once a principal. Where no claims were given there is nothing to
// hold: all their fields read as unset.
func (g *gate) holdClaims(scheme string, principal *authn.Principal) error {
	if g.claims == nil {
		return nil
	}
	if err := principal.CheckClaims(g.claims, g.claims.hold); err != nil {
		return fault(fmt.Errorf("scheme %q: %w", scheme, err))
	}
	return nil
}

func (c *claimsType) hold(claims proto.Message) error {
	if got := claims.ProtoReflect().Descriptor().FullName(); got != c.message.FullName() {
		return fmt.Errorf("the claims of the principal are a %s, want a %s", got, c.message.FullName())
	}
	// What one caller gave up must not be remembered for the next: no caller's context.
	if err := c.rules.Validate(context.Background(), claims, proto.Size(claims)); err != nil {
		return fmt.Errorf("the claims of the principal are not valid: %w", err)
	}
	return nil
}

// rolesWith returns the catalogue of each role of the registry, together with those that
// a service sees. It refuses a name that two catalogues have: principals have roles by
// name, so they would have both or neither.
func (r *Registry) rolesWith(service unguarded.Service) (map[string]protoreflect.EnumDescriptor, []Refusal) {
	roles := maps.Clone(r.roles)
	var refusals []Refusal
	for _, catalogue := range r.viewOf(service).Catalogues() {
		for _, role := range catalogue.Roles {
			known, ok := roles[role.Name]
			if ok && known.FullName() != catalogue.Enum.FullName() {
				refusal := declare.RefuseNamed(declare.RuleRoleOther, string(role.Value.FullName()),
					"role %q is in the catalogue %s, and in %s, which the registry has already", role.Name, catalogue.Enum.FullName(), known.FullName())
				refusal.At = role.Value
				refusals = append(refusals, refusal)
				continue
			}
			roles[role.Name] = catalogue.Enum
		}
	}
	return roles, refusals
}
