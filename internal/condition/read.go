package condition

import (
	"strconv"
	"strings"
	"time"

	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/sallyport-rpc/sallyport/authn"
)

// A Read is something of the principal or the request that a condition reads.
type Read struct {
	// Name is what it is called in CEL: "principal.id", "request.user_id".
	Name string

	principal string // a field of the principal
	path      Path   // a field of the request
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
		return r.ofRequest(input.Request.ProtoReflect())
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
		return listOf(len(principal.Roles()))
	case "scopes":
		return listOf(len(principal.Scopes()))
	case "attributes":
		return mapOf(len(principal.Attributes()))
	case "authenticated_at":
		return principal.AuthenticatedAt().UTC().Format(time.RFC3339)
	case "expires_at":
		return principal.ExpiresAt().UTC().Format(time.RFC3339)
	default:
		return ""
	}
}

func (r Read) ofRequest(request protoreflect.Message) string {
	path := make(Path, len(r.path))
	message := request.Descriptor()
	for i, field := range r.path {
		// The message may be of another descriptor of the same name.
		if message == nil {
			return ""
		}
		if path[i] = message.Fields().ByName(field.Name()); path[i] == nil {
			return ""
		}
		if isRedacted(field) {
			return redacted
		}
		message = path[i].Message()
	}
	value, leaf := path.get(request), path.leaf()
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
