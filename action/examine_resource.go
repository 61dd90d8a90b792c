package action

import (
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/sallyport-rpc/sallyport/internal/declare"
	"github.com/sallyport-rpc/sallyport/internal/unguarded"
)

// loadingOf returns how an action comes by what it is about, or nil where it names no
// resource. There is no declaration where it was refused; what has no loader is.
func loadingOf(declaration *declare.Declaration, loaders []unguarded.Loader) *loading {
	if declaration == nil || declaration.Resource == nil {
		return nil
	}
	about := &loading{Resource: declaration.Resource}
	for _, loader := range loaders {
		if loader.Type == declaration.Resource.Type {
			about.load = loader.Load
		}
	}
	return about
}

// unmatchedResource refuses a handler that takes another object than the declaration
// names, or one where it names none.
func unmatchedResource(method protoreflect.MethodDescriptor, declaration *declare.Declaration, handler unguarded.Method) []Refusal {
	switch resource := declaration.Resource; {
	case resource == nil && handler.Resource == nil, resource != nil && handler.Resource == resource.Type:
		return nil
	case resource == nil:
		return []Refusal{declare.Refuse(declare.RuleMethodKind, method,
			"its handler takes a call with a %s, but the declaration names no resource", handler.Resource.FullName())}
	case handler.Resource == nil:
		return []Refusal{declare.Refuse(declare.RuleMethodKind, method,
			"its handler takes a call without a resource, but the declaration names %s", resource.Type.FullName())}
	case handler.Resource.FullName() == resource.Type.FullName():
		return []Refusal{declare.Refuse(declare.RuleDescriptorOther, method,
			"its handler's resource is described by another descriptor of the same name than the declaration's")}
	default:
		return []Refusal{declare.Refuse(declare.RuleMethodType, method,
			"its handler takes a call with a %s, but the declaration names %s", handler.Resource.FullName(), resource.Type.FullName())}
	}
}

// unmatchedLoaders refuses resources without Go code that loads them, and Go code that
// loads what nothing declares.
func unmatchedLoaders(service string, declarations []*declare.Declaration, loaders []unguarded.Loader) []Refusal {
	var refusals []Refusal
	given := map[protoreflect.FullName]int{}
	for _, loader := range loaders {
		if loader.Type == nil {
			refusals = append(refusals, declare.RefuseNamed(declare.RuleLoaderUnknown, service, "a loader loads no message"))
			continue
		}
		given[loader.Type.FullName()]++
	}
	wanted := map[protoreflect.FullName]bool{}
	for _, declaration := range declarations {
		resource := declaration.Resource
		if resource == nil {
			continue
		}
		name := resource.Type.FullName()
		switch again := wanted[name]; {
		case given[name] == 0:
			refusals = append(refusals, declare.Refuse(declare.RuleLoaderMissing, declaration.Method, "there is no Go code that loads a %s", name))
		case given[name] > 1 && !again:
			refusals = append(refusals, declare.Refuse(declare.RuleLoaderTwice, declaration.Method, "there is Go code twice that loads a %s", name))
		}
		wanted[name] = true
		for _, loader := range loaders {
			switch {
			case loader.Type == nil || loader.Type.FullName() != name:
			case loader.Type != resource.Type:
				refusals = append(refusals, declare.Refuse(declare.RuleDescriptorOther, declaration.Method,
					"what loads its resource is of another descriptor of the name %s", name))
			case isNil(loader.Loaders) || loader.Load == nil:
				refusals = append(refusals, declare.Refuse(declare.RuleLoaderNil, declaration.Method, "what loads a %s is nil", name))
			case loader.Key != declare.KeyType(resource.Key):
				refusals = append(refusals, declare.Refuse(declare.RuleMethodType, declaration.Method,
					"what loads a %s takes a key of type %s, but %s is of type %s", name, loader.Key, resource.KeyName(), declare.KeyType(resource.Key)))
			}
		}
	}
	for _, loader := range loaders {
		if loader.Type != nil && !wanted[loader.Type.FullName()] {
			refusals = append(refusals, declare.RefuseNamed(declare.RuleLoaderUnknown, service,
				"there is Go code that loads a %s, which is the resource of no action", loader.Type.FullName()))
		}
	}
	return refusals
}
