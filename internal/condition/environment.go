package condition

import (
	"fmt"
	"sync"
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/sallyport-rpc/sallyport/authn"
)

// costLimit bounds one evaluation, in CEL's cost units: roughly, one for each
// value looked at. It is far above what a rule about one message needs, and ends
// what a caller could blow up with a long list.
const costLimit = 100_000

// interruptEvery is after how many steps of a loop the context is looked at.
const interruptEvery = 128

// An Environment compiles conditions. It remembers the message types of each file
// it has seen, and is safe for concurrent use. Make one with [NewEnvironment].
type Environment struct {
	base    *cel.Env                       // knows `principal` and `now`, and no file's messages
	claims  protoreflect.MessageDescriptor // the type of `principal.claims`; nil for none
	subject Subject                        // what else there is to read
	known   *environments
}

// The names by which conditions read what they are about.
const (
	// ResourceName: what an action is about.
	ResourceName = "resource"
	// ItemName: an element of what an action returns.
	ItemName = "item"
	// ThisName: the message that holds a field.
	ThisName = "this"
)

// valueName is the name by which conditions read what a field would become.
const valueName = "value"

// A Subject is what conditions are about, besides the principal, the request and the time.
// The zero Subject is none. One is made of descriptors that are compared by identity.
type Subject struct {
	// Name is what conditions call it: one of the names above. It is empty for none.
	Name string
	// Type is its message type. It is nil for none.
	Type protoreflect.MessageDescriptor
	// Value is a field whose value, as it would become, conditions read as `value`. It may be
	// of any type, and of another message than Type. It is nil for none.
	Value protoreflect.FieldDescriptor
}

// environments are those of the files that were seen.
type environments struct {
	types *types.Registry // of no file; each file's is a copy
	mu    sync.Mutex      // guards files, and not what it holds, which does not change
	files map[seen]*cel.Env
}

// seen is the file of a request, and the claims and the subject that its conditions read.
type seen struct {
	file    protoreflect.FileDescriptor    // nil where there is no request
	claims  protoreflect.MessageDescriptor // nil for none
	subject Subject
}

// NewEnvironment returns an environment that has seen no request type yet.
func NewEnvironment() (*Environment, error) {
	known, err := types.NewRegistry()
	if err != nil {
		return nil, fmt.Errorf("make a CEL type registry: %w", err)
	}
	base, err := cel.NewEnv(
		cel.CustomTypeAdapter(provider{known, nil}),
		cel.CustomTypeProvider(provider{known, nil}),
		cel.Variable("principal", principalType),
		cel.Variable("now", cel.TimestampType),
		// What a reviewer reads as `1 == 1.0` is an error and not a surprise.
		cel.CrossTypeNumericComparisons(false),
		// Else no expression with exists() in it can be written out again.
		cel.EnableMacroCallTracking(),
		cel.ASTValidators(
			cel.ValidateDurationLiterals(),
			cel.ValidateTimestampLiterals(),
			cel.ValidateRegexLiterals(),
			cel.ValidateHomogeneousAggregateLiterals(),
			validateKeys{},
		),
	)
	if err != nil {
		return nil, fmt.Errorf("make a CEL environment: %w", err)
	}
	return &Environment{base: base, known: &environments{types: known, files: map[seen]*cel.Env{}}}, nil
}

// WithClaims returns an environment in which `principal.claims` is of the given type.
// With nil there is no `principal.claims`, as in what [NewEnvironment] returns. The two
// remember together.
func (e *Environment) WithClaims(claims protoreflect.MessageDescriptor) *Environment {
	return &Environment{base: e.base, claims: claims, subject: e.subject, known: e.known}
}

// WithSubject returns an environment in which conditions read a subject by its name. With
// the zero Subject there is none, as in what [NewEnvironment] returns. The two remember
// together.
func (e *Environment) WithSubject(subject Subject) *Environment {
	return &Environment{base: e.base, claims: e.claims, subject: subject, known: e.known}
}

// forFile returns the environment that knows the messages of a file, which is nil where
// there is none, and the types of the claims and of the subject. Each file has one of its own: expressions keep theirs, so one that grew
// would be copied for each of them.
func (e *Environment) forFile(file protoreflect.FileDescriptor) (*cel.Env, error) {
	e.known.mu.Lock()
	defer e.known.mu.Unlock()
	claims := e.claims
	key := seen{file, claims, e.subject}
	if known, ok := e.known.files[key]; ok {
		return known, nil
	}
	known := e.known.types.Copy()
	roots := []protoreflect.FileDescriptor{file}
	for _, further := range []protoreflect.MessageDescriptor{claims, e.subject.Type} {
		if further != nil {
			roots = append(roots, further.ParentFile())
		}
	}
	if e.subject.Value != nil {
		roots = append(roots, e.subject.Value.ParentFile())
	}
	for _, needed := range filesOf(roots...) {
		if err := known.RegisterDescriptor(needed); err != nil {
			return nil, fmt.Errorf("read the types of %s: %w", needed.Path(), err)
		}
	}
	env, err := e.base.Extend(cel.CustomTypeAdapter(provider{known, claims}), cel.CustomTypeProvider(provider{known, claims}))
	if err != nil {
		return nil, fmt.Errorf("read the types of a condition: %w", err)
	}
	e.known.files[key] = env
	return env, nil
}

// filesOf returns files and those that the fields of their messages, and the fields
// of theirs, take their types from. It is less than what is imported: the files of
// options are no part of a request.
func filesOf(roots ...protoreflect.FileDescriptor) []protoreflect.FileDescriptor {
	var files []protoreflect.FileDescriptor
	seen := map[protoreflect.FileDescriptor]bool{}
	var walk func(messages protoreflect.MessageDescriptors)
	add := func(file protoreflect.FileDescriptor) {
		if file != nil && !seen[file] {
			seen[file] = true
			files = append(files, file)
			walk(file.Messages())
		}
	}
	walk = func(messages protoreflect.MessageDescriptors) {
		for i := range messages.Len() {
			fields := messages.Get(i).Fields()
			for j := range fields.Len() {
				if message := fields.Get(j).Message(); message != nil {
					add(message.ParentFile())
				}
				if enum := fields.Get(j).Enum(); enum != nil {
					add(enum.ParentFile())
				}
			}
			walk(messages.Get(i).Messages())
		}
	}
	for _, root := range roots {
		add(root)
	}
	return files
}

// principalTypeName is the name CEL knows the principal's type by. There is no
// such message: a principal comes from an authenticator, never from the wire.
const principalTypeName = "sallyport.v1.Principal"

var principalType = cel.ObjectType(principalTypeName)

// principalFields are the fields of `principal`, but for `claims`, whose type is the
// application's.
var principalFields = map[string]*types.FieldType{
	"id":               field("id", types.StringType, func(p *authn.Principal) (any, bool) { return p.ID(), p.ID() != "" }),
	"roles":            field("roles", types.NewListType(types.StringType), func(p *authn.Principal) (any, bool) { return list(p.EffectiveRoles()) }),
	"scopes":           field("scopes", types.NewListType(types.StringType), func(p *authn.Principal) (any, bool) { return list(p.Scopes()) }),
	"scheme":           field("scheme", types.StringType, func(p *authn.Principal) (any, bool) { return p.Scheme(), p.Scheme() != "" }),
	"authenticated_at": field("authenticated_at", types.TimestampType, func(p *authn.Principal) (any, bool) { return at(p.AuthenticatedAt()) }),
	"expires_at":       field("expires_at", types.TimestampType, func(p *authn.Principal) (any, bool) { return at(p.ExpiresAt()) }),
}

func list(names []string) (any, bool) { return names, len(names) > 0 }

func at(moment time.Time) (any, bool) { return moment, !moment.IsZero() }

func field(name string, kind *types.Type, read func(*authn.Principal) (value any, set bool)) *types.FieldType {
	return &types.FieldType{
		Type: kind,
		IsSet: func(target any) bool {
			principal, ok := target.(*authn.Principal)
			if !ok {
				return false
			}
			_, set := read(principal)
			return set
		},
		GetFrom: func(target any) (any, error) {
			principal, ok := target.(*authn.Principal)
			if !ok {
				return nil, fmt.Errorf("principal is a %T", target)
			}
			value, set := read(principal)
			// What roles include is known once a gate has bound the principal.
			if !set && kind == types.TimestampType || name == "roles" && !principal.IsBound() {
				return nil, errAbsent
			}
			return value, nil
		},
	}
}

// claimsField is `principal.claims`. Where a principal was given none, it is a message of
// which every field is unset.
func claimsField(of protoreflect.MessageDescriptor) *types.FieldType {
	return &types.FieldType{
		Type: cel.ObjectType(string(of.FullName())),
		IsSet: func(target any) bool {
			principal, ok := target.(*authn.Principal)
			return ok && principal.Claims() != nil
		},
		GetFrom: func(target any) (any, error) {
			principal, ok := target.(*authn.Principal)
			if !ok {
				return nil, fmt.Errorf("principal is a %T", target)
			}
			claims := principal.Claims()
			switch {
			case claims == nil:
				return dynamicpb.NewMessage(of), nil
			case claims.ProtoReflect().Descriptor().FullName() != of.FullName():
				return nil, fmt.Errorf("the claims are a %s", claims.ProtoReflect().Descriptor().FullName())
			default:
				return claims, nil
			}
		},
	}
}

// provider adds the type of `principal` to those of the messages.
type provider struct {
	*types.Registry

	claims protoreflect.MessageDescriptor // nil where there is no type of claims
}

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
	names := make([]string, 0, len(principalFields)+1)
	for field := range principalFields {
		names = append(names, field)
	}
	if p.claims != nil {
		names = append(names, "claims")
	}
	return names, true
}

func (p provider) FindStructFieldType(name, field string) (*types.FieldType, bool) {
	switch {
	case name != principalTypeName:
		found, ok := p.Registry.FindStructFieldType(name, field)
		if !ok {
			return nil, false
		}
		return present(found, protoreflect.Name(field)), true
	case field == "claims" && p.claims != nil:
		return claimsField(p.claims), true
	default:
		found, ok := principalFields[field]
		return found, ok
	}
}
