package declare

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// ContractFingerprint combines the fingerprints of the services that declarations are of,
// in the order of the services' names. It is a digest of all that a program declares where
// the declarations are all of it.
func ContractFingerprint(declarations []*Declaration) string {
	services := map[protoreflect.FullName][]*Declaration{}
	for _, declaration := range declarations {
		name := declaration.Method.Parent().FullName()
		services[name] = append(services[name], declaration)
	}
	digest := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(services)) {
		of := services[name]
		slices.SortFunc(of, func(a, b *Declaration) int { return a.Method.Index() - b.Method.Index() })
		service := of[0].Method.Parent().(protoreflect.ServiceDescriptor) //nolint:forcetypeassert // a method's parent is one
		fmt.Fprintf(digest, "%s %s\n", name, Fingerprint(service, of))
	}
	return hex.EncodeToString(digest.Sum(nil))
}
