package condition

import (
	"fmt"
	"sync"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// costLimit bounds one evaluation, in CEL's cost units: roughly, one for each
// value looked at. It is far above what a rule about one message needs, and ends
// what a caller could blow up with a long list.
const costLimit = 100_000

// interruptEvery is after how many steps of a loop the context is looked at.
const interruptEvery = 128

// An Environment compiles conditions. It remembers the message types it has seen,
// and is safe for concurrent use. Make one with [NewEnvironment].
type Environment struct {
	base *cel.Env

	mu    sync.Mutex // guards types, which grows as requests of new files come
	types *types.Registry
}

// NewEnvironment returns an environment that has seen no request type yet.
func NewEnvironment() (*Environment, error) {
	registry, err := types.NewRegistry()
	if err != nil {
		return nil, fmt.Errorf("make a CEL type registry: %w", err)
	}
	base, err := cel.NewEnv(
		cel.CustomTypeAdapter(registry),
		cel.CustomTypeProvider(provider{registry}),
		cel.Variable("principal", principalType),
		cel.Variable("now", cel.TimestampType),
		// What a reviewer reads as `1 == 1.0` is an error and not a surprise.
		cel.CrossTypeNumericComparisons(false),
		cel.ASTValidators(
			cel.ValidateDurationLiterals(),
			cel.ValidateTimestampLiterals(),
			cel.ValidateRegexLiterals(),
			cel.ValidateHomogeneousAggregateLiterals(),
		),
	)
	if err != nil {
		return nil, fmt.Errorf("make a CEL environment: %w", err)
	}
	return &Environment{base: base, types: registry}, nil
}

// forRequest returns the environment in which `request` is a message of the given
// type.
func (e *Environment) forRequest(request protoreflect.MessageDescriptor) (*cel.Env, error) {
	if err := e.types.RegisterDescriptor(request.ParentFile()); err != nil {
		return nil, fmt.Errorf("read the types of %s: %w", request.ParentFile().Path(), err)
	}
	return e.base.Extend(cel.Variable("request", cel.ObjectType(string(request.FullName()))))
}

// principalTypeName is the name CEL knows the principal's type by. There is no
// such message: a principal comes from an authenticator, never from the wire.
const principalTypeName = "sallyport.v1.Principal"

var principalType = cel.ObjectType(principalTypeName)

// principalFields are the fields of `principal`.
var principalFields = map[string]*types.FieldType{
	"id":               field(types.StringType, func(p *Principal) (any, bool) { return p.ID, p.ID != "" }),
	"roles":            field(types.NewListType(types.StringType), func(p *Principal) (any, bool) { return p.Roles, len(p.Roles) > 0 }),
	"scopes":           field(types.NewListType(types.StringType), func(p *Principal) (any, bool) { return p.Scopes, len(p.Scopes) > 0 }),
	"attributes":       field(types.NewMapType(types.StringType, types.StringType), func(p *Principal) (any, bool) { return p.Attributes, len(p.Attributes) > 0 }),
	"scheme":           field(types.StringType, func(p *Principal) (any, bool) { return p.Scheme, p.Scheme != "" }),
	"authenticated_at": field(types.TimestampType, func(p *Principal) (any, bool) { return p.AuthenticatedAt, !p.AuthenticatedAt.IsZero() }),
	"expires_at":       field(types.TimestampType, func(p *Principal) (any, bool) { return p.ExpiresAt, !p.ExpiresAt.IsZero() }),
}

func field(kind *types.Type, read func(*Principal) (value any, set bool)) *types.FieldType {
	return &types.FieldType{
		Type: kind,
		IsSet: func(target any) bool {
			principal, ok := target.(*Principal)
			if !ok {
				return false
			}
			_, set := read(principal)
			return set
		},
		GetFrom: func(target any) (any, error) {
			principal, ok := target.(*Principal)
			if !ok {
				return nil, fmt.Errorf("principal is a %T", target)
			}
			value, _ := read(principal)
			return value, nil
		},
	}
}

// provider adds the type of `principal` to those of the messages.
type provider struct{ *types.Registry }

func (p provider) FindStructType(name string) (*types.Type, bool) {
	if name == principalTypeName {
		return types.NewTypeTypeWithParam(principalType), true
	}
	return p.Registry.FindStructType(name)
}

func (p provider) FindStructFieldNames(name string) ([]string, bool) {
	if name != principalTypeName {
		return p.Registry.FindStructFieldNames(name)
	}
	names := make([]string, 0, len(principalFields))
	for field := range principalFields {
		names = append(names, field)
	}
	return names, true
}

func (p provider) FindStructFieldType(name, field string) (*types.FieldType, bool) {
	if name != principalTypeName {
		return p.Registry.FindStructFieldType(name, field)
	}
	found, ok := principalFields[field]
	return found, ok
}
