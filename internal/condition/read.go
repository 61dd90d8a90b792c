package condition

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/sallyport-rpc/sallyport/authn"
)

// A Read is something of the principal, the request or the subject that a condition reads.
type Read struct {
	// Name is what it is called in CEL: "principal.id", "request.user_id".
	Name string

	principal string // a field of the principal
	claims    Path   // a field of the principal's claims
	path      Path   // a field of the request
	subject   Path   // a field of the subject
	ofSubject bool   // it is the subject or `value`, or something of them
}

// redacted is what stands for the value of a field that is not to be shown.
const redacted = "[redacted]"

// maxShown is how many bytes of a value are shown.
const maxShown = 64

// Value returns the value of what was read, for an operator to see: quoted, cut
// after some length, and redacted where the field, or one on the way to it, is
// marked debug_redact. Of a list or a map it is the number of its elements. It is ""
// for what has no single value.
func (r Read) Value(input Input) string {
	switch {
	case r.principal != "" && input.Principal != nil:
		return r.ofPrincipal(input.Principal)
	case r.path != nil && input.Request != nil:
		return valueOf(r.path, input.Request.ProtoReflect())
	default:
		return ""
	}
}

func (r Read) ofPrincipal(principal *authn.Principal) string {
	switch r.principal {
	case "id":
		return show(strconv.Quote(principal.ID()))
	case "scheme":
		return show(strconv.Quote(principal.Scheme()))
	case "roles":
		return listOf(len(principal.EffectiveRoles()))
	case "scopes":
		return listOf(len(principal.Scopes()))
	case "claims":
		if r.claims == nil {
			return ""
		}
		return valueOf(r.claims, r.claimsOf(principal))
	case "authenticated_at":
		return moment(principal.AuthenticatedAt())
	case "expires_at":
		return moment(principal.ExpiresAt())
	default:
		return ""
	}
}

// moment is "" for a time that is not known.
func moment(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return at.UTC().Format(time.RFC3339)
}

// valueOf shows the value at a path from a message: the request or the claims.
func valueOf(from Path, message protoreflect.Message) string {
	path, ok := from.of(message.Descriptor())
	switch {
	case !ok:
		return ""
	case slices.ContainsFunc(path, isRedacted):
		return redacted
	case path.missing(message) != nil:
		return ""
	}
	for _, field := range path[:len(path)-1] {
		message = message.Get(field).Message()
	}
	value, leaf := message.Get(path.leaf()), path.leaf()
	switch {
	case leaf.IsList():
		return listOf(value.List().Len())
	case leaf.IsMap():
		return mapOf(value.Map().Len())
	case leaf.Message() != nil:
		return show(messageText(value.Message()))
	default:
		return show(scalar(leaf, value))
	}
}

// Missing returns the name of what is not there where the read finds no value:
// "request.owner" where `request.owner.id` is read and no owner is set. It is "" where
// there is a value.
func (r Read) Missing(input Input) string {
	switch {
	case r.principal == "authenticated_at" && input.Principal != nil && input.Principal.AuthenticatedAt().IsZero(),
		r.principal == "expires_at" && input.Principal != nil && input.Principal.ExpiresAt().IsZero():
		return r.Name
	case r.claims != nil && input.Principal != nil:
		return missingOf("principal.claims", r.claims, r.claimsOf(input.Principal))
	case r.path != nil && input.Request != nil:
		return missingOf("request", r.path, input.Request.ProtoReflect())
	}
	return ""
}

// claimsOf returns the claims that a path is into. Where none were given they are a
// message of which every field is unset.
func (r Read) claimsOf(principal *authn.Principal) protoreflect.Message {
	if claims := principal.Claims(); claims != nil {
		return claims.ProtoReflect()
	}
	return dynamicpb.NewMessage(r.claims[0].ContainingMessage())
}

// missingOf names what is not set on the path from a message, which is called root.
func missingOf(root string, from Path, message protoreflect.Message) string {
	if path, ok := from.of(message.Descriptor()); ok {
		if missing := path.missing(message); missing != nil {
			return missing.below(root)
		}
	}
	return ""
}

func scalar(field protoreflect.FieldDescriptor, value protoreflect.Value) string {
	switch field.Kind() { //nolint:exhaustive // the others are shown as they are
	case protoreflect.StringKind:
		return strconv.Quote(value.String())
	case protoreflect.BytesKind:
		return strconv.Quote(string(value.Bytes()))
	}
	if field.Enum() != nil {
		if known := field.Enum().Values().ByNumber(value.Enum()); known != nil {
			return string(known.Name())
		}
	}
	return value.String()
}

// messageText shows a message only where it is one that CEL reads as a value, such
// as a Timestamp, and not an Any, which may hold fields that are not to be shown.
func messageText(message protoreflect.Message) string {
	if !message.IsValid() || !isWellKnown(message.Descriptor()) || message.Descriptor().FullName() == "google.protobuf.Any" {
		return ""
	}
	return prototext.MarshalOptions{}.Format(message.Interface())
}

// listOf and mapOf stand for what is too much to show, and not all of which may be
// shown.
func listOf(elements int) string { return "a list of " + strconv.Itoa(elements) }
func mapOf(elements int) string  { return "a map of " + strconv.Itoa(elements) }

func show(text string) string {
	if len(text) <= maxShown {
		return text
	}
	return strings.ToValidUTF8(text[:maxShown], "") + "…"
}

func isRedacted(field protoreflect.FieldDescriptor) bool {
	options, _ := field.Options().(*descriptorpb.FieldOptions)
	return options.GetDebugRedact()
}
