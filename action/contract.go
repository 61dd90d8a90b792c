package action

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/sallyport-rpc/sallyport/internal/declare"
)

// Fingerprint returns a digest of all the declarations that the registry serves: of
// each service with its methods, their types and shapes, and who may call them. Two
// registries of one fingerprint let the same callers do the same, as far as
// declarations say. It is "" until the registry is sealed.
func (r *Registry) Fingerprint() string {
	if !r.sealed.Load() {
		return ""
	}
	return r.contract
}

// fingerprint combines the fingerprints of the services, in the order of their names.
func fingerprint(actions []*registered) string {
	services := map[protoreflect.FullName][]*declare.Declaration{}
	for _, action := range actions {
		name := action.declaration.Method.Parent().FullName()
		services[name] = append(services[name], action.declaration)
	}
	digest := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(services)) {
		declarations := services[name]
		slices.SortFunc(declarations, func(a, b *declare.Declaration) int { return a.Method.Index() - b.Method.Index() })
		service := declarations[0].Method.Parent().(protoreflect.ServiceDescriptor) //nolint:forcetypeassert // a method's parent is one
		fmt.Fprintf(digest, "%s %s\n", name, declare.Fingerprint(service, declarations))
	}
	return hex.EncodeToString(digest.Sum(nil))
}
