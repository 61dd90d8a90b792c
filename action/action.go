package action

import (
	"slices"
	"time"

	"google.golang.org/protobuf/reflect/protoreflect"

	sallyportv1 "github.com/sallyport-rpc/sallyport/gen/sallyport/v1"
	"github.com/sallyport-rpc/sallyport/limit"
)

// An Action describes one registered action, for people who review access.
type Action struct {
	// Procedure is the RPC: "/demo.v1.AccountService/GetUser".
	Procedure string
	// Schemes are the schemes that authenticate its callers, in the order in which
	// they are tried. Empty means that callers need not authenticate.
	Schemes []string
	// MaxAge is how long ago callers may have authenticated. 0 asks for nothing.
	MaxAge time.Duration
	// Anyone says that no grant has to hold: every caller may call who passes
	// authentication, if the action asks for any.
	Anyone bool
	// Who says in one line who may call, in the declaration's own words. It is for
	// people; programs look at Schemes and Anyone.
	Who string
	// CredentialScopes are what a scoped credential needs, every one. Where there are
	// none, the action takes no scoped credential.
	CredentialScopes []string
	// Conceal says that a denial reads as not_found.
	Conceal bool
	// StreamAuthorize says when a stream is authorized. It is unspecified for a unary
	// action.
	StreamAuthorize sallyportv1.Stream_Timing
	// Recheck is how long the decision on a stream lives until caller and grants are
	// looked at again. It is 0 for a unary action.
	Recheck time.Duration
	// Resource is which object it is about, or nil: calls are decided on it.
	Resource protoreflect.MessageDescriptor
	// ResourceKey is what finds the object, such as "request.document_id".
	ResourceKey string
	// Each says which elements of its answers the caller may see, in the order written.
	Each []Each
	// Limits are how often it may be called, in the order written.
	Limits []limit.Limit
	// Method describes the RPC.
	Method protoreflect.MethodDescriptor
}

// An Each describes which elements of a field of the response the caller may see.
type Each struct {
	// Name is the field, as it is declared: "documents".
	Name string
	// Who says in one line who may see an element, in the declaration's own words.
	Who string
}

// Actions describes all registered actions in the order of their registration.
func (r *Registry) Actions() []Action {
	r.mu.Lock()
	defer r.mu.Unlock()
	actions := make([]Action, len(r.actions))
	for i, action := range r.actions {
		declaration := action.declaration
		actions[i] = Action{
			Procedure: declaration.Procedure,
			Schemes:   slices.Clone(declaration.Schemes),
			MaxAge:    declaration.MaxAge,
			Anyone:    declaration.Anyone,
			Who:       declaration.Who(),
			Conceal:   declaration.Conceal,

			CredentialScopes: slices.Clone(declaration.CredentialScopes),
			Limits:           slices.Clone(declaration.Limits),

			StreamAuthorize: declaration.Timing(),
			Method:          declaration.Method,
		}
		for _, each := range declaration.Each {
			actions[i].Each = append(actions[i].Each, Each{each.Name, each.Who()})
		}
		if resource := declaration.Resource; resource != nil {
			actions[i].Resource, actions[i].ResourceKey = resource.Type, resource.KeyName()
		}
		if declaration.Method.IsStreamingClient() || declaration.Method.IsStreamingServer() {
			actions[i].Recheck = declaration.Recheck(r.recheck)
		}
	}
	return actions
}
