package review

import (
	"slices"
	"strings"

	"github.com/sallyport-rpc/sallyport/authn"
	"github.com/sallyport-rpc/sallyport/internal/declare"
)

// A Contract is what the declarations of a program say, in the form in which people and
// other programs read it. Its zero value has no actions.
type Contract struct {
	// Fingerprint is the digest of the declarations that [declare.ContractFingerprint]
	// makes, which a running server tells as well.
	Fingerprint string `json:"fingerprint"`
	// Roles are those of the catalogues that the declarations see, each once, by name.
	Roles []Role `json:"roles,omitempty"`
	// Services are in the order of their names.
	Services []Service `json:"services"`
	// Pages are what a server answers beside its actions, without a gate. Declarations do
	// not say them.
	Pages []Page `json:"pages,omitempty"`
}

// A Role is a role of a catalogue.
type Role struct {
	// Name is what principals carry.
	Name string `json:"name"`
	// Includes are the roles that come with it, directly and through others, sorted.
	Includes []string `json:"includes,omitempty"`
}

// A Service is a protobuf service.
type Service struct {
	// Name is its full name: "demo.v1.AccountService".
	Name string `json:"name"`
	// Actions are its actions in the order of its methods.
	Actions []Action `json:"actions"`
}

// A Page is what a server answers without a gate.
type Page struct {
	// Pattern is what it answers: "GET /healthz".
	Pattern string `json:"pattern"`
	// Reason is why it has no gate.
	Reason string `json:"reason"`
}

// Compare orders pages by their patterns.
func (p Page) Compare(other Page) int { return strings.Compare(p.Pattern, other.Pattern) }

// Of makes the contract of declarations. It is complete where they are all those of the
// program.
func Of(declarations []*declare.Declaration) *Contract {
	contract := &Contract{Fingerprint: declare.ContractFingerprint(declarations)}
	type sight struct { // what sees the same roles
		service string
		outside bool
	}
	seen := map[sight]bool{}
	for _, declaration := range inOrder(declarations) {
		name := string(declaration.Method.Parent().FullName())
		last := len(contract.Services) - 1
		if last < 0 || contract.Services[last].Name != name {
			contract.Services = append(contract.Services, Service{Name: name})
			last++
		}
		service := &contract.Services[last]
		service.Actions = append(service.Actions, actionOf(declaration))
		if sees := (sight{name, declaration.Outside}); !seen[sees] {
			seen[sees] = true
			contract.addRoles(declaration.Includes)
		}
	}
	slices.SortFunc(contract.Roles, func(a, b Role) int { return strings.Compare(a.Name, b.Name) })
	return contract
}

// inOrder returns declarations by the names of their services and the order of methods.
func inOrder(declarations []*declare.Declaration) []*declare.Declaration {
	sorted := slices.Clone(declarations)
	slices.SortStableFunc(sorted, func(a, b *declare.Declaration) int {
		if order := strings.Compare(string(a.Method.Parent().FullName()), string(b.Method.Parent().FullName())); order != 0 {
			return order
		}
		return a.Method.Index() - b.Method.Index()
	})
	return sorted
}

// addRoles adds the roles that a declaration sees, which are given with those that they
// include as written. A name that several catalogues have is one role to a principal.
func (c *Contract) addRoles(includes map[string][]string) {
	hierarchy := authn.NewHierarchy(includes)
	for name := range includes {
		place := slices.IndexFunc(c.Roles, func(role Role) bool { return role.Name == name })
		if place < 0 {
			place = len(c.Roles)
			c.Roles = append(c.Roles, Role{Name: name})
		}
		role := &c.Roles[place]
		holder := authn.NewPrincipal(name, authn.Details{Roles: []string{name}}).Bound("", hierarchy)
		role.Includes = slices.Compact(slices.Sorted(slices.Values(append(role.Includes, holder.EffectiveRoles()[1:]...))))
	}
}

// Actions returns the actions of all services.
func (c *Contract) Actions() []Action {
	var actions []Action
	for _, service := range c.Services {
		actions = append(actions, service.Actions...)
	}
	return actions
}

// Declarations are what the contract was made of, in the order of its actions.
func (c *Contract) Declarations() []*declare.Declaration {
	var declarations []*declare.Declaration
	for _, service := range c.Services {
		for _, action := range service.Actions {
			declarations = append(declarations, action.declaration)
		}
	}
	return declarations
}
