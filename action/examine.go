package action

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"connectrpc.com/connect/v2"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/sallyport-rpc/sallyport/authn"
	sallyportv1 "github.com/sallyport-rpc/sallyport/gen/sallyport/v1"
	"github.com/sallyport-rpc/sallyport/internal/declare"
	"github.com/sallyport-rpc/sallyport/internal/policy"
	"github.com/sallyport-rpc/sallyport/internal/unguarded"
	"github.com/sallyport-rpc/sallyport/internal/validation"
	"github.com/sallyport-rpc/sallyport/relation"
)

// examined is a method that nothing speaks against.
type examined struct {
	declaration *declare.Declaration
	rules       *validation.Rules
	checks      map[string]policy.CheckFunc
	about       *loading // nil where the action names no resource
	each        []elements
	guard       *policy.Guard // nil where the action names no resource
}

// takenApart makes what is evaluated in part before an element, or an object, is there.
func (r *Registry) takenApart(declaration *declare.Declaration) (each []elements, guard *policy.Guard, err error) {
	each, err = elementsOf(declaration, policy.Deciders{Relations: r.relate, List: r.list})
	if engine, ok := r.relations.(relation.Batcher); ok {
		for i := range each {
			if len(each[i].Relations()) > 0 {
				each[i].ask = r.relateAll(engine)
			}
		}
	}
	if err != nil || declaration == nil || declaration.Resource == nil {
		return each, nil, err
	}
	guard, err = policy.NewGuard(declaration.Resource.Type, declaration.Grants)
	return each, guard, err
}

// readsLater reports whether rules read the request when its handler has it: those of the
// elements of the answer, and the grants where a guard is made of them.
func (e examined) readsLater() bool {
	reads := func(grants []declare.Grant) bool {
		return slices.ContainsFunc(grants, func(grant declare.Grant) bool {
			return slices.ContainsFunc(grant.Conditions, func(condition declare.Condition) bool {
				switch condition.(type) {
				case declare.CEL, declare.When:
					return condition.ReadsRequest()
				default:
					return false
				}
			})
		})
	}
	return slices.ContainsFunc(e.declaration.Each, func(each *declare.Each) bool { return reads(each.Grants) }) ||
		e.guard != nil && reads(e.declaration.Grants)
}

// spec describes the method to connect.
func (e examined) spec() connect.Spec {
	method := e.declaration.Method
	options, _ := method.Options().(*descriptorpb.MethodOptions)
	return connect.Spec{
		StreamType:       streamType(method),
		IdempotencyLevel: connect.IdempotencyLevel(options.GetIdempotencyLevel()),
		Schema:           method,
		Procedure:        e.declaration.Procedure,
	}
}

// examine returns the methods of a registration in their order, or
// everything that is wrong with it.
func (r *Registry) examine(of unguarded.Service) ([]examined, []Refusal) {
	if isNil(of.Descriptor) || of.Descriptor.IsPlaceholder() {
		return nil, []Refusal{declare.RefuseNamed(declare.RuleServiceNil, "actiongen.Register", "the registration has no service descriptor")}
	}
	name := string(of.Descriptor.FullName())
	if r.sealed.Load() {
		return nil, []Refusal{declare.RefuseNamed(declare.RuleRegistrySealed, name, "the registry serves already")}
	}
	given, refusals := given(of)
	if of.Given && len(refusals) > 0 {
		return nil, refusals // it would be refused once more, for having none
	}
	declarations, more := r.reader.Service(of.Descriptor, given)
	refusals = append(refusals, more...)
	if isNil(of.Implementation) {
		refusals = append(refusals, declare.RefuseNamed(declare.RuleImplementationNil, name, "the implementation is nil"))
	}
	refusals = append(refusals, unproven(of, declarations)...)
	refusals = append(refusals, unmatched(of.Descriptor, of.Methods)...)
	if declarations != nil {
		refusals = append(refusals, unmatchedChecks(name, declarations, of.Checks)...)
		refusals = append(refusals, unmatchedLoaders(name, declarations, of.Loaders)...)
	}
	found, more := r.examineMethods(of, declarations)
	return found, append(refusals, more...)
}

// unproven refuses a service that is not shown to be the one whose code was generated:
// without a fingerprint, with that of another version of the .proto, or with another
// descriptor than the program's own of that name. There are no declarations where one
// was refused.
func unproven(of unguarded.Service, declarations []*declare.Declaration) []Refusal {
	name := of.Descriptor.FullName()
	var refusals []Refusal
	switch {
	case of.Fingerprint == "" && of.Given: // nothing was generated
	case of.Fingerprint == "":
		refusals = append(refusals, declare.RefuseNamed(declare.RuleFingerprintMissing, string(name), "nothing says from which .proto its code was generated"))
	case declarations != nil && of.Fingerprint != declare.Fingerprint(of.Descriptor, declarations):
		refusals = append(refusals, declare.RefuseNamed(declare.RuleGeneratedStale, string(name),
			"the generated code was made from another version of the .proto than the one linked in"))
	}
	linked, err := protoregistry.GlobalFiles.FindDescriptorByName(name)
	if err == nil && linked != protoreflect.Descriptor(of.Descriptor) {
		refusals = append(refusals, declare.RefuseNamed(declare.RuleDescriptorOther, string(name),
			"its descriptor is not the one that is linked into the program, from %s", linked.ParentFile().Path()))
	}
	return refusals
}

// examineMethods examines each method of a registration. There are no declarations
// where one was refused.
func (r *Registry) examineMethods(of unguarded.Service, declarations []*declare.Declaration) ([]examined, []Refusal) {
	declared := map[protoreflect.Name]*declare.Declaration{}
	for _, declaration := range declarations {
		declared[declaration.Method.Name()] = declaration
	}
	var refusals []Refusal
	found := make([]examined, len(of.Methods))
	for i, handler := range of.Methods {
		method := of.Descriptor.Methods().ByName(protoreflect.Name(handler.Name))
		if method == nil {
			continue // refused as unmatched
		}
		refusals = append(refusals, r.examineMethod(method, declared[method.Name()], handler)...)
		if handler.Request == nil {
			continue
		}
		rules, err := r.validators.Rules(handler.Request.ProtoReflect().Descriptor())
		if err != nil {
			refusals = append(refusals, declare.Refuse(declare.RuleValidationInvalid, method,
				"a validation rule of %s does not compile: %v", method.Input().FullName(), err))
		}
		found[i] = examined{declaration: declared[method.Name()], rules: rules, checks: map[string]policy.CheckFunc{}}
		found[i].about = loadingOf(found[i].declaration, of.Loaders)
		if found[i].each, found[i].guard, err = r.takenApart(found[i].declaration); err != nil {
			refusals = append(refusals, declare.Refuse(declare.RuleCELInvalid, method, "an expression cannot be made a filter: %v", err))
		}
		for _, check := range of.Checks {
			if check.Method == handler.Name {
				found[i].checks[check.Name] = check.Holds
			}
		}
	}
	return found, refusals
}

// given reads the declarations that the generated code carries because they are not
// in the .proto.
func given(of unguarded.Service) (declare.Given, []Refusal) {
	if of.Given {
		given, refusals := declare.GivenByProgram(of.Descriptor, of.Declaration)
		given.Uses = of.Uses
		return given, refusals
	}
	given := declare.Given{Source: "the generated code", Actions: map[string]*sallyportv1.Action{}, Uses: of.Uses}
	var refusals []Refusal
	for _, name := range slices.Sorted(maps.Keys(of.Declarations)) {
		procedure := fmt.Sprintf("/%s/%s", of.Descriptor.FullName(), name)
		action, err := declare.ParseJSON(of.Declarations[name])
		if err != nil {
			refusals = append(refusals, declare.RefuseNamed(declare.RuleDeclarationUnread, procedure,
				"its declaration in %s cannot be read: %v", given.Source, err))
			continue
		}
		given.Actions[procedure] = action
	}
	return given, append(refusals, given.Unmatched(func(procedure string) bool {
		_, name, _ := strings.Cut(procedure[1:], "/")
		return of.Descriptor.Methods().ByName(protoreflect.Name(name)) != nil
	})...)
}

// unmatched refuses methods without Go code, and Go code without a method.
func unmatched(service protoreflect.ServiceDescriptor, methods []unguarded.Method) []Refusal {
	var refusals []Refusal
	times := map[string]int{}
	for _, handler := range methods {
		times[handler.Name]++
		switch {
		case service.Methods().ByName(protoreflect.Name(handler.Name)) == nil:
			refusals = append(refusals, declare.RefuseNamed(declare.RuleMethodUnknown, string(service.FullName()),
				"there is Go code for %q, which is no method of the service", handler.Name))
		case times[handler.Name] == 2:
			refusals = append(refusals, declare.Refuse(declare.RuleMethodTwice, service.Methods().ByName(protoreflect.Name(handler.Name)),
				"there is Go code for it twice"))
		}
	}
	for i := range service.Methods().Len() {
		if method := service.Methods().Get(i); times[string(method.Name())] == 0 {
			refusals = append(refusals, declare.Refuse(declare.RuleMethodMissing, method, "there is no Go code for it"))
		}
	}
	return refusals
}

// examineMethod holds the Go code of a method against its descriptor and its
// declaration, which is nil where it was refused.
func (r *Registry) examineMethod(method protoreflect.MethodDescriptor, declaration *declare.Declaration, handler unguarded.Method) []Refusal {
	var refusals []Refusal
	if r.procedures[declare.Procedure(method)] != nil {
		refusals = append(refusals, declare.Refuse(declare.RuleProcedureTwice, method, "it is registered already"))
	}
	if handler.Handle == nil || handler.Request == nil {
		refusals = append(refusals, declare.Refuse(declare.RuleMethodMissing, method, "its handler is nil"))
		return refusals
	}
	request, response := handler.Request.ProtoReflect().Descriptor().FullName(), handler.Response.ProtoReflect().Descriptor().FullName()
	if request != method.Input().FullName() || response != method.Output().FullName() {
		refusals = append(refusals, declare.Refuse(declare.RuleMethodType, method,
			"its handler takes %s and returns %s, but the RPC takes %s and returns %s",
			request, response, method.Input().FullName(), method.Output().FullName()))
	}
	if request == method.Input().FullName() && response == method.Output().FullName() &&
		(handler.Request.ProtoReflect().Descriptor() != method.Input() || handler.Response.ProtoReflect().Descriptor() != method.Output()) {
		refusals = append(refusals, declare.Refuse(declare.RuleDescriptorOther, method,
			"its handler's messages are described by another descriptor of the same names than the RPC's"))
	}
	if handler.Stream != streamType(method) {
		refusals = append(refusals, declare.Refuse(declare.RuleMethodKind, method,
			"its handler is of shape %s, but the RPC is of shape %s", handler.Stream, streamType(method)))
	}
	if declaration == nil {
		return refusals
	}
	switch {
	case handler.Anonymous && !declaration.Anonymous():
		refusals = append(refusals, declare.Refuse(declare.RuleMethodKind, method,
			"its handler is for anonymous callers, but the declaration authenticates them"))
	case !handler.Anonymous && declaration.Anonymous():
		refusals = append(refusals, declare.Refuse(declare.RuleMethodKind, method,
			"its handler needs a principal, but the declaration lets anonymous callers in"))
	}
	refusals = append(refusals, unmatchedResource(method, declaration, handler)...)
	refusals = append(refusals, r.unrelated(declaration)...)
	for _, name := range declaration.Schemes {
		authenticator, ok := r.schemes[name]
		if !ok {
			refusal := declare.Refuse(declare.RuleSchemeUnconfigured, method, "the registry has no authenticator for scheme %q", name)
			refusal.Fix = fmt.Sprintf("action.NewRegistry(authn.Schemes{%q: …}); the registry has: %q", name, slices.Sorted(maps.Keys(r.schemes)))
			refusals = append(refusals, refusal)
			continue
		}
		if reporter, ok := authenticator.(authn.FreshnessReporter); declaration.MaxAge > 0 && (!ok || !reporter.ReportsAuthenticationTime()) {
			refusals = append(refusals, declare.Refuse(declare.RuleSchemeFreshness, method,
				"it has a max_age, and scheme %q does not report when a caller authenticated", name))
		}
	}
	return refusals
}

// newGate compiles the gate of an examined method.
func (r *Registry) newGate(method examined) *gate {
	gate := &gate{
		registry:  r,
		procedure: method.declaration.Procedure,
		request:   method.declaration.Method.Input().FullName(),
		rules:     method.rules,
		maxAge:    method.declaration.MaxAge,
		conceal:   method.declaration.Conceal,
		limits:    limitsOf(method.declaration.Limits),
		timing:    method.declaration.Timing(),
		recheck:   method.declaration.Recheck(r.recheck),
		about:     method.about,
		each:      method.each,
		guard:     method.guard,
		keeps:     method.readsLater(),
	}
	for _, name := range method.declaration.Schemes {
		authenticator := r.schemes[name]
		gate.schemes = append(gate.schemes, scheme{name: name, authenticator: authenticator, ask: authenticator.Authenticate})
	}
	checks := method.checks
	if gate.timing != sallyportv1.Stream_TIMING_UNSPECIFIED {
		checks = maps.Clone(checks)
		gate.leaveBehind(checks)
	}
	gate.policy, gate.shadow = policy.NewRelating(method.declaration, checks, r.relationsOf(method.declaration)), policy.NewShadow(method.declaration)
	return gate
}

// unmatchedChecks refuses declared checks without Go code, and Go code for checks
// that nothing declares.
func unmatchedChecks(service string, declarations []*declare.Declaration, checks []unguarded.Check) []Refusal {
	var refusals []Refusal
	type key struct{ method, check string }
	given := map[key]int{}
	for _, check := range checks {
		given[key{check.Method, check.Name}]++
	}
	wanted := map[key]bool{}
	for _, declaration := range declarations {
		for _, name := range declaration.Checks() {
			key := key{string(declaration.Method.Name()), name}
			wanted[key] = true
			if given[key] == 0 {
				refusals = append(refusals, declare.Refuse(declare.RuleCheckMissing, declaration.Method, "there is no Go code for its check %q", name))
			}
			if given[key] > 1 {
				refusals = append(refusals, declare.Refuse(declare.RuleCheckTwice, declaration.Method, "there is Go code for its check %q twice", name))
			}
		}
		for _, check := range checks {
			if check.Method != string(declaration.Method.Name()) || !wanted[key{check.Method, check.Name}] {
				continue
			}
			if isNil(check.Checks) || check.Holds == nil {
				refusals = append(refusals, declare.Refuse(declare.RuleCheckNil, declaration.Method, "what decides its check %q is nil", check.Name))
			} else if check.Request != declaration.Method.Input().FullName() {
				refusals = append(refusals, declare.Refuse(declare.RuleMethodType, declaration.Method,
					"its check %q takes %s, but the RPC takes %s", check.Name, check.Request, declaration.Method.Input().FullName()))
			}
		}
	}
	for _, check := range checks {
		if !wanted[key{check.Method, check.Name}] {
			refusals = append(refusals, declare.RefuseNamed(declare.RuleCheckUnknown, service,
				"there is Go code for a check %q of %q that no declaration names", check.Name, check.Method))
		}
	}
	return refusals
}

// streamType returns the streaming shape that a descriptor declares.
func streamType(method protoreflect.MethodDescriptor) connect.StreamType {
	shape := connect.StreamTypeUnary
	if method.IsStreamingClient() {
		shape |= connect.StreamTypeClient
	}
	if method.IsStreamingServer() {
		shape |= connect.StreamTypeServer
	}
	return shape
}

// isNil reports whether a value is nil, also when it is a nil pointer, map or
// function inside an interface that is not.
func isNil(value any) bool {
	if value == nil {
		return true
	}
	reflected := reflect.ValueOf(value)
	switch reflected.Kind() {
	case reflect.Pointer, reflect.Map, reflect.Func, reflect.Slice, reflect.Chan, reflect.Interface:
		return reflected.IsNil()
	default:
		return false
	}
}
