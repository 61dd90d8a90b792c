package action

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"connectrpc.com/connect/v2"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/sallyport-rpc/sallyport/authn"
	sallyportv1 "github.com/sallyport-rpc/sallyport/gen/sallyport/v1"
	"github.com/sallyport-rpc/sallyport/internal/declare"
	"github.com/sallyport-rpc/sallyport/internal/policy"
	"github.com/sallyport-rpc/sallyport/internal/validation"
)

// examined is a method that nothing speaks against.
type examined struct {
	declaration *declare.Declaration
	rules       *validation.Rules
	checks      map[string]policy.CheckFunc
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

// A registration is a service and the Go code for it, apart from the type of the
// implementation.
type registration struct {
	service          protoreflect.ServiceDescriptor
	fingerprint      string
	declarations     map[string]string // from outside the .proto, by method, as JSON
	noImplementation bool              // the implementation is nil
	shapes           []shape
	checks           []Check
}

func registrationOf[Impl any](service Service[Impl], implementation Impl) registration {
	shapes := make([]shape, len(service.Methods))
	for i, method := range service.Methods {
		shapes[i] = method.shape
	}
	return registration{
		service:          service.Descriptor,
		fingerprint:      service.Fingerprint,
		declarations:     service.Declarations,
		noImplementation: isNil(implementation),
		shapes:           shapes,
		checks:           service.Checks,
	}
}

// examine returns the methods of a registration in the order of their shapes, or
// everything that is wrong with it.
func (r *Registry) examine(of registration) ([]examined, []Refusal) {
	if isNil(of.service) || of.service.IsPlaceholder() {
		return nil, []Refusal{declare.RefuseNamed(declare.RuleServiceNil, "action.Register", "the registration has no service descriptor")}
	}
	name := string(of.service.FullName())
	if r.sealed.Load() {
		return nil, []Refusal{declare.RefuseNamed(declare.RuleRegistrySealed, name, "the registry serves already")}
	}
	given, refusals := of.given()
	declarations, more := r.reader.Service(of.service, given)
	refusals = append(refusals, more...)
	if of.noImplementation {
		refusals = append(refusals, declare.RefuseNamed(declare.RuleImplementationNil, name, "the implementation is nil"))
	}
	if declarations != nil && of.fingerprint != "" && of.fingerprint != declare.Fingerprint(of.service, declarations) {
		refusals = append(refusals, declare.RefuseNamed(declare.RuleGeneratedStale, name,
			"the generated code was made from another version of the .proto than the one linked in"))
	}
	refusals = append(refusals, unmatched(of.service, of.shapes)...)
	if declarations != nil {
		refusals = append(refusals, unmatchedChecks(name, declarations, of.checks)...)
	}
	found, more := r.examineMethods(of, declarations)
	return found, append(refusals, more...)
}

// examineMethods examines each method of a registration. There are no declarations
// where one was refused.
func (r *Registry) examineMethods(of registration, declarations []*declare.Declaration) ([]examined, []Refusal) {
	declared := map[protoreflect.Name]*declare.Declaration{}
	for _, declaration := range declarations {
		declared[declaration.Method.Name()] = declaration
	}
	var refusals []Refusal
	found := make([]examined, len(of.shapes))
	for i, shape := range of.shapes {
		method := of.service.Methods().ByName(protoreflect.Name(shape.name))
		if method == nil {
			continue // refused as unmatched
		}
		refusals = append(refusals, r.examineMethod(method, declared[method.Name()], shape)...)
		if shape.request == nil {
			continue
		}
		rules, err := r.validators.Rules(shape.request.ProtoReflect().Descriptor())
		if err != nil {
			refusals = append(refusals, declare.Refuse(declare.RuleValidationInvalid, method,
				"a validation rule of %s does not compile: %v", method.Input().FullName(), err))
		}
		found[i] = examined{declaration: declared[method.Name()], rules: rules, checks: map[string]policy.CheckFunc{}}
		for _, check := range of.checks {
			if check.method == shape.name {
				found[i].checks[check.name] = check.holds
			}
		}
	}
	return found, refusals
}

// given reads the declarations that the generated code carries because they are not
// in the .proto.
func (r registration) given() (declare.Given, []Refusal) {
	given := declare.Given{Source: "the generated code", Actions: map[string]*sallyportv1.Action{}}
	var refusals []Refusal
	for _, name := range slices.Sorted(maps.Keys(r.declarations)) {
		procedure := fmt.Sprintf("/%s/%s", r.service.FullName(), name)
		action, err := declare.ParseJSON(r.declarations[name])
		if err != nil {
			refusals = append(refusals, declare.RefuseNamed(declare.RuleDeclarationUnread, procedure,
				"its declaration in %s cannot be read: %v", given.Source, err))
			continue
		}
		given.Actions[procedure] = action
	}
	return given, append(refusals, given.Unmatched(func(procedure string) bool {
		_, name, _ := strings.Cut(procedure[1:], "/")
		return r.service.Methods().ByName(protoreflect.Name(name)) != nil
	})...)
}

// unmatched refuses methods without Go code, and Go code without a method.
func unmatched(service protoreflect.ServiceDescriptor, shapes []shape) []Refusal {
	var refusals []Refusal
	times := map[string]int{}
	for _, shape := range shapes {
		times[shape.name]++
		switch {
		case service.Methods().ByName(protoreflect.Name(shape.name)) == nil:
			refusals = append(refusals, declare.RefuseNamed(declare.RuleMethodUnknown, string(service.FullName()),
				"there is Go code for %q, which is no method of the service", shape.name))
		case times[shape.name] == 2:
			refusals = append(refusals, declare.Refuse(declare.RuleMethodTwice, service.Methods().ByName(protoreflect.Name(shape.name)),
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
func (r *Registry) examineMethod(method protoreflect.MethodDescriptor, declaration *declare.Declaration, shape shape) []Refusal {
	var refusals []Refusal
	if r.procedures[declare.Procedure(method)] != nil {
		refusals = append(refusals, declare.Refuse(declare.RuleProcedureTwice, method, "it is registered already"))
	}
	if shape.incomplete || shape.request == nil {
		refusals = append(refusals, declare.Refuse(declare.RuleMethodMissing, method, "its handler is nil"))
		return refusals
	}
	request, response := shape.request.ProtoReflect().Descriptor().FullName(), shape.response.ProtoReflect().Descriptor().FullName()
	if request != method.Input().FullName() || response != method.Output().FullName() {
		refusals = append(refusals, declare.Refuse(declare.RuleMethodType, method,
			"its handler takes %s and returns %s, but the RPC takes %s and returns %s",
			request, response, method.Input().FullName(), method.Output().FullName()))
	}
	if shape.stream != streamType(method) {
		refusals = append(refusals, declare.Refuse(declare.RuleMethodKind, method,
			"its handler is of shape %s, but the RPC is of shape %s", shape.stream, streamType(method)))
	}
	if declaration == nil {
		return refusals
	}
	switch {
	case shape.anonymous && !declaration.Anonymous():
		refusals = append(refusals, declare.Refuse(declare.RuleMethodKind, method,
			"its handler is for anonymous callers, but the declaration authenticates them"))
	case !shape.anonymous && declaration.Anonymous():
		refusals = append(refusals, declare.Refuse(declare.RuleMethodKind, method,
			"its handler needs a principal, but the declaration lets anonymous callers in"))
	}
	for _, name := range declaration.Schemes {
		authenticator, ok := r.schemes[name]
		if !ok {
			refusals = append(refusals, declare.Refuse(declare.RuleSchemeUnconfigured, method,
				"the registry has no authenticator for scheme %q", name))
			continue
		}
		if dated, ok := authenticator.(authn.FreshnessReporter); declaration.MaxAge > 0 && (!ok || !dated.ReportsAuthenticationTime()) {
			refusals = append(refusals, declare.Refuse(declare.RuleSchemeUndated, method,
				"it has a max_age, and scheme %q cannot tell when a caller authenticated", name))
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
		policy:    policy.New(method.declaration, method.checks),
		when:      method.declaration.When(),
		recheck:   method.declaration.Recheck(r.recheck),
	}
	for _, name := range method.declaration.Schemes {
		gate.schemes = append(gate.schemes, scheme{name: name, authenticator: r.schemes[name]})
	}
	return gate
}

// unmatchedChecks refuses declared checks without Go code, and Go code for checks
// that nothing declares.
func unmatchedChecks(service string, declarations []*declare.Declaration, checks []Check) []Refusal {
	var refusals []Refusal
	type key struct{ method, check string }
	given := map[key]int{}
	for _, check := range checks {
		given[key{check.method, check.name}]++
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
			if check.method != string(declaration.Method.Name()) || !wanted[key{check.method, check.name}] {
				continue
			}
			if check.incomplete {
				refusals = append(refusals, declare.Refuse(declare.RuleCheckNil, declaration.Method, "what decides its check %q is nil", check.name))
			} else if check.request != declaration.Method.Input().FullName() {
				refusals = append(refusals, declare.Refuse(declare.RuleMethodType, declaration.Method,
					"its check %q takes %s, but the RPC takes %s", check.name, check.request, declaration.Method.Input().FullName()))
			}
		}
	}
	for _, check := range checks {
		if !wanted[key{check.method, check.name}] {
			refusals = append(refusals, declare.RefuseNamed(declare.RuleCheckUnknown, service,
				"there is Go code for a check %q of %q that no declaration names", check.name, check.method))
		}
	}
	return refusals
}
