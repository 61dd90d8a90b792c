package declare

import (
	"fmt"
	"path/filepath"
	"strconv"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	sallyportv1 "github.com/sallyport-rpc/sallyport/gen/sallyport/v1"
)

// optionText writes a whole option, to be pasted at an RPC.
func optionText(action *sallyportv1.Action) string {
	var text strings.Builder
	text.WriteString("option (sallyport.v1.action) = {\n")
	for _, field := range setFields(action.ProtoReflect()) {
		message := action.ProtoReflect().Get(field).Message()
		grants := action.GetAuthorize().GetAllow()
		if field.Name() != "authorize" || len(grants) == 0 {
			fmt.Fprintf(&text, "  %s\n", messageText(string(field.Name()), message))
			continue
		}
		text.WriteString("  authorize: {\n")
		for _, grant := range grants {
			fmt.Fprintf(&text, "    %s\n", messageText("allow", grant.ProtoReflect()))
		}
		rest := proto.CloneOf(action.GetAuthorize())
		rest.Allow = nil
		for _, field := range setFields(rest.ProtoReflect()) {
			fmt.Fprintf(&text, "    %s\n", fieldText(field, rest.ProtoReflect().Get(field)))
		}
		text.WriteString("  }\n")
	}
	return text.String() + "};"
}

// entryText writes an entry of a file of declarations, in the format of the file.
func entryText(file, procedure string, action *sallyportv1.Action) string {
	if strings.EqualFold(filepath.Ext(file), ".json") {
		if text, err := JSON(action); err == nil {
			return fmt.Sprintf("in %s, among the actions:\n%q: %s", file, procedure, text)
		}
	}
	return fmt.Sprintf("in %s:\nactions: {key: %q %s}", file, procedure, messageText("value", action.ProtoReflect()))
}

// messageText writes a message in one line, as the value of a field in an option:
// `allow: {any_role: "admin"}`.
func messageText(name string, message protoreflect.Message) string {
	fields := setFields(message)
	parts := make([]string, 0, len(fields))
	for _, field := range fields {
		parts = append(parts, fieldText(field, message.Get(field)))
	}
	return name + ": {" + strings.Join(parts, " ") + "}"
}

func fieldText(field protoreflect.FieldDescriptor, value protoreflect.Value) string {
	name := string(field.Name())
	if !field.IsList() {
		if field.Message() != nil {
			return messageText(name, value.Message())
		}
		return name + ": " + scalarText(field, value)
	}
	values := make([]string, value.List().Len())
	for i := range values {
		if field.Message() != nil {
			values[i] = messageText(name, value.List().Get(i).Message())
			continue
		}
		values[i] = scalarText(field, value.List().Get(i))
	}
	switch {
	case field.Message() != nil:
		return strings.Join(values, " ")
	case len(values) == 1:
		return name + ": " + values[0]
	default:
		return name + ": [" + strings.Join(values, ", ") + "]"
	}
}

func scalarText(field protoreflect.FieldDescriptor, value protoreflect.Value) string {
	switch {
	case field.Enum() != nil:
		if known := field.Enum().Values().ByNumber(value.Enum()); known != nil {
			return string(known.Name())
		}
		return strconv.Itoa(int(value.Enum()))
	case field.Kind() == protoreflect.StringKind:
		return strconv.Quote(value.String())
	default:
		return value.String()
	}
}

// valueName makes the last part of an enum value's name from the name of a role or a
// scope.
func valueName(name string) string {
	return strings.Trim(strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' {
			return r
		}
		return '_'
	}, strings.ToUpper(name)), "_")
}

// valuePrefix returns what the names of an enum's values begin with: as its zero value
// shows or, by the style guide, the enum's own name.
func valuePrefix(enum protoreflect.EnumDescriptor) string {
	if prefix, ok := strings.CutSuffix(string(enum.Values().Get(0).Name()), "UNSPECIFIED"); ok {
		return prefix
	}
	return strings.ToUpper(snakeCase(string(enum.Name()))) + "_"
}

// freeNumber returns a number above those that an enum's values have, which is not
// reserved either.
func freeNumber(enum protoreflect.EnumDescriptor) protoreflect.EnumNumber {
	free := protoreflect.EnumNumber(1)
	for i := range enum.Values().Len() {
		free = max(free, enum.Values().Get(i).Number()+1)
	}
	for enum.ReservedRanges().Has(free) {
		free++
	}
	return free
}
