package action

import (
	"maps"
	"regexp"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"connectrpc.com/connect/v2"
	"connectrpc.com/connect/v2/connectinprocess"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/sallyport-rpc/sallyport/action/event"
	"github.com/sallyport-rpc/sallyport/authn"
	"github.com/sallyport-rpc/sallyport/internal/declare"
	"github.com/sallyport-rpc/sallyport/internal/unguarded"
	"github.com/sallyport-rpc/sallyport/internal/validation"
	"github.com/sallyport-rpc/sallyport/limit"
	"github.com/sallyport-rpc/sallyport/relation"
)

// A Registry holds the actions of a server, each with its gate. Services are
// registered by the functions that the plugin generates; once the registry is
// served it is sealed and takes no more.
//
// A registry that refused anything does not serve at all, so an error of a
// registration that a program drops still keeps it from starting. Make one with
// [NewRegistry]; the zero Registry refuses everything. It is safe for concurrent
// use.
type Registry struct {
	schemes  authn.Schemes
	recorder event.Recorder
	// elsewhere is where events go that the recorder does not keep.
	elsewhere event.Recorder
	// recorderRequired lets no handler run whose event was not kept.
	recorderRequired bool
	eventValues      bool // events have the values that conditions read
	messageEvents    bool // messages that a stream's gate passes leave events

	relations       relation.Engine // nil for none
	relationsGiven  bool            // an option said which
	relationTimeout time.Duration   // how long a decision waits for an answer of it
	mostRelated     int             // how many objects it may list for one filter

	limiter limit.Limiter
	now     func() time.Time
	recheck time.Duration
	streams liveStreams

	observers atomic.Pointer[[]event.Observer] // nil where there are none

	mu         sync.Mutex
	reader     *declare.Reader
	validators *validation.Validators
	actions    []*registered
	procedures map[string]*gate
	refusals   []Refusal
	sealed     atomic.Bool // set under mu; what is sealed does not change any more
	includes   map[string][]string
	roles      map[string]protoreflect.EnumDescriptor // which catalogue has them
	shadows    shadows                                // room for those that are evaluated at once
	claims     *claimsType                            // nil where no action reads any
	// hierarchy is made of includes: which roles the registered catalogues let include
	// which. It is nil until a service was registered.
	hierarchy atomic.Pointer[authn.Hierarchy]
	unshared  bool   // what loaders return is not copied
	contract  string // the fingerprint of the actions, set before sealed
}

// registered is one action, ready to be served.
type registered struct {
	declaration *declare.Declaration
	serve       connect.Method
	gate        *gate
	method      unguarded.Method
}

// A RegistryOption changes what [NewRegistry] makes.
type RegistryOption interface{ apply(*Registry) }

type registryOption func(*Registry)

func (o registryOption) apply(r *Registry) { o(r) }

// WithRecheck sets how long the decision on a stream lives at most, also where its
// declaration allows more: after that, caller and grants are looked at again. The default
// is five minutes. It must be at least a second.
func WithRecheck(recheck time.Duration) RegistryOption {
	return registryOption(func(r *Registry) { r.recheck = recheck })
}

// schemeName is what names a scheme, here as in sallyport/v1/action.proto.
var schemeName = regexp.MustCompile(`^[a-z][a-z0-9_-]{0,63}$`)

// NewRegistry returns an empty registry whose actions may name the given schemes.
// The error is a [*RefusalError] that lists all that is wrong: a name that is none,
// a nil authenticator, a nil recorder.
func NewRegistry(schemes authn.Schemes, options ...RegistryOption) (*Registry, error) {
	validators := validation.New()
	reader, err := declare.NewReader(declare.Config{Files: protoregistry.GlobalFiles, Requests: validators})
	if err != nil {
		return nil, err
	}
	limiter, err := limit.NewMemory()
	if err != nil {
		return nil, err
	}
	registry := &Registry{
		limiter:    limiter,
		schemes:    maps.Clone(schemes),
		recorder:   event.LogRecorder(nil),
		elsewhere:  event.LogRecorder(nil),
		now:        time.Now,
		recheck:    5 * time.Minute,
		reader:     reader,
		validators: validators,
		procedures: map[string]*gate{},
		includes:   map[string][]string{},
		roles:      map[string]protoreflect.EnumDescriptor{},
		shadows:    newShadows(maxShadows, shadowTimeout),

		relationTimeout: relationTimeout,
		mostRelated:     mostRelated,
	}
	var refusals []Refusal
	for _, option := range options {
		if isNil(option) {
			refusals = append(refusals, declare.RefuseNamed(declare.RuleOptionNil, "action.NewRegistry", "an option is nil"))
			continue
		}
		option.apply(registry)
	}
	for _, name := range slices.Sorted(maps.Keys(schemes)) {
		if !schemeName.MatchString(name) {
			refusals = append(refusals, declare.RefuseNamed(declare.RuleSchemeName, "authn.Schemes",
				"%q is no scheme name: lower-case letters, digits, `-` and `_`, at most 64, a letter first", name))
		}
		if isNil(schemes[name]) {
			refusals = append(refusals, declare.RefuseNamed(declare.RuleAuthenticatorNil, "authn.Schemes",
				"scheme %q has a nil authenticator", name))
		}
	}
	if isNil(registry.recorder) {
		refusals = append(refusals, declare.RefuseNamed(declare.RuleOptionNil, "action.WithRecorder", "the recorder is nil"))
	}
	refusals = append(refusals, registry.misrelated()...)
	if isNil(registry.limiter) {
		refusals = append(refusals, declare.RefuseNamed(declare.RuleOptionNil, "action.WithLimiter", "the limiter is nil"))
	}
	if registry.now == nil {
		refusals = append(refusals, declare.RefuseNamed(declare.RuleOptionNil, "actiontest.WithClock", "the clock is nil"))
	}
	if registry.recheck < time.Second {
		refusals = append(refusals, declare.RefuseNamed(declare.RuleOptionRange, "action.WithRecheck",
			"%s is shorter than a second", registry.recheck))
	}
	if len(refusals) > 0 {
		return nil, &RefusalError{Refusals: refusals}
	}
	for _, authenticator := range registry.schemes {
		if revoker, ok := authenticator.(authn.Revoker); ok {
			revoker.OnRevoke(registry.Recheck)
		}
	}
	return registry, nil
}

// register adds a service: all of it or, with a [*RefusalError], nothing.
func (r *Registry) register(service unguarded.Service) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	examined, refusals := r.examine(service)
	var claims *claimsType
	var roles map[string]protoreflect.EnumDescriptor
	if len(refusals) == 0 {
		refusals = r.authority(examined)
	}
	if len(refusals) == 0 {
		claims, refusals = r.claimsOf(service)
		var more []Refusal
		roles, more = r.rolesWith(service)
		refusals = append(refusals, more...)
	}
	if len(refusals) > 0 {
		declare.Sort(refusals)
		r.refusals = append(r.refusals, refusals...)
		return &RefusalError{Refusals: refusals}
	}
	maps.Copy(r.includes, r.viewOf(service).Includes())
	r.hierarchy.Store(authn.NewHierarchy(r.includes))
	r.roles = roles
	if claims != nil {
		r.claims = claims
	}
	for i, method := range service.Methods {
		gate := r.newGate(examined[i])
		gate.claims = claims
		r.procedures[gate.procedure] = gate
		r.actions = append(r.actions, &registered{
			declaration: examined[i].declaration,
			serve:       connect.Method{Spec: examined[i].spec(), Handler: gate.serve(method)},
			gate:        gate,
			method:      method,
		})
	}
	return nil
}

// authority holds what the methods of a service let callers write against what the actions
// that are registered already decide by, and the other way round.
func (r *Registry) authority(of []examined) []Refusal {
	declarations := make([]*declare.Declaration, 0, len(r.actions)+len(of))
	for _, action := range r.actions {
		declarations = append(declarations, action.declaration)
	}
	for _, method := range of {
		declarations = append(declarations, method.declaration)
	}
	return r.reader.Authority(declarations)
}

// Seal ends registration. A server calls it before it serves the first call; a program
// may call it earlier to fail earlier. The error is a
// [*RefusalError] with everything that any registration was refused for.
func (r *Registry) Seal() error {
	if r == nil || r.reader == nil {
		return &RefusalError{Refusals: []Refusal{declare.RefuseNamed(declare.RuleRegistryNil, "action.Registry",
			"the registry was not made by NewRegistry")}}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.refusals) > 0 {
		return &RefusalError{Refusals: slices.Clone(r.refusals)}
	}
	if !r.sealed.Load() {
		r.contract = fingerprint(r.actions)
		r.guardFields()
		r.sealed.Store(true)
	}
	return nil
}

// Methods seals the registry and returns its actions for a [connect.Server] to
// serve. Each of them is guarded: on any transport, the only way to its handler leads
// through its gate.
func (r *Registry) Methods() ([]connect.Method, error) {
	if err := r.Seal(); err != nil {
		return nil, err
	}
	methods := make([]connect.Method, len(r.actions))
	for i, action := range r.actions {
		methods[i] = action.serve
	}
	return methods, nil
}

// InProcess seals the registry and returns a transport that calls its actions
// within the process, through the same gates as any other way in: credentials are
// looked for in the headers that the caller sets.
func (r *Registry) InProcess() (connect.Transport, error) {
	methods, err := r.Methods()
	if err != nil {
		return nil, err
	}
	server := connect.NewServer()
	server.Register(methods...)
	return inProcess{connectinprocess.New(server), r}, nil
}
