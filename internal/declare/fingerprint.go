package declare

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"

	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
)

// Fingerprint returns a digest of what a service's generated code was made from:
// its methods, their types and shapes, and their declarations. Code generated from
// one version of a .proto and linked with another differs in it.
//
// It is made of names and values rather than of encoded bytes, which protobuf does
// not promise to keep the same from version to version.
func Fingerprint(service protoreflect.ServiceDescriptor, declarations []*Declaration) string {
	digest := sha256.New()
	fmt.Fprintf(digest, "%s\n", service.FullName())
	for _, declaration := range declarations {
		method := declaration.Method
		options, _ := method.Options().(*descriptorpb.MethodOptions)
		fmt.Fprintf(digest, "%s %s %s %t %t %d\n", method.Name(), method.Input().FullName(), method.Output().FullName(),
			method.IsStreamingClient(), method.IsStreamingServer(), options.GetIdempotencyLevel())
		writeMessage(digest, declaration.Option.ProtoReflect())
		if declaration.Claims != nil {
			fmt.Fprintf(digest, "claims %s\n", declaration.Claims.FullName())
		}
		if resource := declaration.Resource; resource != nil {
			fmt.Fprintf(digest, "resource %s by %s\n", resource.Type.FullName(), KeyType(resource.Key))
		}
		for _, each := range declaration.Each {
			fmt.Fprintf(digest, "each %s of %s\n", each.Name, each.Item.FullName())
			for _, grant := range each.Grants {
				fmt.Fprintf(digest, "%q\n", grant.restsOn())
			}
		}
		writeRules(digest, "field", declaration.Fields)
		if writing := declaration.Writing; writing != nil {
			writeRules(digest, "written", writing.Rules)
			for _, mask := range writing.Masks {
				fmt.Fprintf(digest, "mask %s of %s\n", mask.Field.FullName(), mask.Of.FullName())
			}
		}
		for _, naming := range declaration.Names {
			if naming.Of != nil {
				fmt.Fprintf(digest, "names %s of %s\n", naming.Field.FullName(), naming.Of.FullName())
			} else {
				fmt.Fprintf(digest, "harmless %s %q\n", naming.Field.FullName(), naming.Harmless)
			}
		}
		for _, grant := range declaration.Grants {
			fmt.Fprintf(digest, "%q\n", grant.restsOn())
		}
		for _, grant := range declaration.Shadow {
			fmt.Fprintf(digest, "shadow %q\n", grant.restsOn())
		}
	}
	if len(declarations) > 0 {
		writeRules(digest, "detail", declarations[0].Details)
	}
	return hex.EncodeToString(digest.Sum(nil))
}

// writeRules writes the rules of fields.
func writeRules(digest hash.Hash, of string, rules []*FieldRule) {
	for _, rule := range rules {
		fmt.Fprintf(digest, "%s %s\n", of, rule.Field.FullName())
		writeMessage(digest, rule.Option.ProtoReflect())
		fmt.Fprintf(digest, "%q\n", rule.restsOn())
	}
}

// writeMessage writes a message's set fields by number, framed so that no two
// messages write the same.
func writeMessage(digest hash.Hash, message protoreflect.Message) {
	fmt.Fprint(digest, "{")
	write := func(field protoreflect.FieldDescriptor, value protoreflect.Value) {
		fmt.Fprintf(digest, "%d:", field.Number())
		if field.Message() != nil {
			writeMessage(digest, value.Message())
			return
		}
		fmt.Fprintf(digest, "%q;", value.String())
	}
	for _, field := range setFields(message) {
		if !field.IsList() {
			write(field, message.Get(field))
			continue
		}
		list := message.Get(field).List()
		for i := range list.Len() {
			write(field, list.Get(i))
		}
	}
	fmt.Fprint(digest, "}\n")
}

// GeneratedVersion is the version of the contract between generated code and the
// package action. It goes up when code of the old contract would no longer mean
// the same.
const GeneratedVersion = 1
