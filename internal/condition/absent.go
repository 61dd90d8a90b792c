package condition

import (
	"errors"

	"cel.dev/cel-go/common/types"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// errAbsent is what CEL is told of a value that is not there. CEL carries errors as
// a condition carries what is absent: `!` keeps them, `&&` and `||` absorb them.
var errAbsent = errors.New("it is not set")

// mayBeAbsent reports whether a field has no value where it is not set. A scalar
// without presence always has one, and so has a field with a default of its own.
func mayBeAbsent(field protoreflect.FieldDescriptor) bool {
	return field.HasPresence() && (field.Message() != nil || !field.HasDefault())
}

// present makes CEL's reading of a message's field fail where the field is absent.
// `has()` asks CEL's own test of the field, which stays as it is.
func present(of *types.FieldType, name protoreflect.Name) *types.FieldType {
	read := of.GetFrom
	return &types.FieldType{
		Type:        of.Type,
		IsSet:       of.IsSet,
		IsJSONField: of.IsJSONField,
		GetFrom: func(target any) (any, error) {
			message, ok := target.(protoreflect.Message)
			if of, isMessage := target.(proto.Message); isMessage {
				message, ok = of.ProtoReflect(), true
			}
			if ok {
				// The message may be of another descriptor of the same name.
				field := message.Descriptor().Fields().ByName(name)
				if field != nil && mayBeAbsent(field) && !message.Has(field) {
					return nil, errAbsent
				}
			}
			return read(target)
		},
	}
}
