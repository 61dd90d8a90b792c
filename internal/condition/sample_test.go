package condition

import (
	"math"
	"math/rand/v2"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/sallyport-rpc/sallyport/authn"
)

// samples makes inputs for conditions.
type samples struct{ *rand.Rand }

// principal makes a principal, and now and then one with next to nothing.
func (s samples) principal() *authn.Principal {
	id, scheme := s.word(), s.word()
	principal := authn.Details{
		Unscoped: true,
		Roles:    s.words(),
		Scopes:   s.words(),
	}
	if s.IntN(2) == 0 {
		principal.AuthenticatedAt = now.Add(-time.Duration(s.Int64N(int64(2 * time.Hour))))
		principal.ExpiresAt = now.Add(time.Duration(s.Int64N(int64(2*time.Hour))) - time.Hour)
	}
	if s.IntN(4) > 0 {
		claims := dynamicpb.NewMessage(sampleClaims())
		s.fill(claims, deepest-1)
		principal.Claims = claims
	}
	return principalOf(id, scheme, principal)
}

// word makes a string, now and then one that is no UTF-8, as Go code could set it.
func (s samples) word() string {
	if s.IntN(100) == 0 {
		return "\xff" + words[s.IntN(len(words))]
	}
	return words[s.IntN(len(words))]
}

func (s samples) words() []string {
	var some []string
	for range s.IntN(4) {
		some = append(some, s.word())
	}
	return some
}

// fill sets most of the fields of a message, some of them to their zero value. The
// members of a oneof are set about equally often.
func (s samples) fill(message protoreflect.Message, depth int) {
	fields := message.Descriptor().Fields()
	for i := range fields.Len() {
		field := fields.Get(i)
		if s.IntN(6) == 0 || (field.Message() != nil && depth == 0) || s.IntN(placeInOneof(field)) > 0 {
			continue
		}
		switch {
		case field.IsMap():
			entries := message.Mutable(field).Map()
			for range s.IntN(3) {
				key := s.scalar(field.MapKey()).MapKey()
				value := entries.NewValue()
				if field.MapValue().Message() != nil {
					s.fill(value.Message(), depth-1)
				} else {
					value = s.scalar(field.MapValue())
				}
				entries.Set(key, value)
			}
		case field.IsList():
			list := message.Mutable(field).List()
			for range s.IntN(4) {
				if field.Message() != nil {
					s.fill(list.AppendMutable().Message(), depth-1)
				} else {
					list.Append(s.scalar(field))
				}
			}
		case field.Message() != nil:
			s.fill(message.Mutable(field).Message(), depth-1)
		default:
			message.Set(field, s.scalar(field))
		}
	}
}

// placeInOneof counts the members of a field's oneof up to the field. Each takes the
// place of one that was set before it, so the last would be set nearly always.
func placeInOneof(field protoreflect.FieldDescriptor) int {
	place := 1
	if oneof := field.ContainingOneof(); oneof != nil {
		for oneof.Fields().Get(place-1) != field {
			place++
		}
	}
	return place
}

func (s samples) scalar(field protoreflect.FieldDescriptor) protoreflect.Value {
	whole := wholes[s.IntN(len(wholes))]
	switch field.Kind() {
	case protoreflect.BoolKind:
		return protoreflect.ValueOfBool(s.IntN(2) == 0)
	case protoreflect.EnumKind:
		return protoreflect.ValueOfEnum(protoreflect.EnumNumber(whole))
	case protoreflect.Int32Kind, protoreflect.Sint32Kind, protoreflect.Sfixed32Kind:
		return protoreflect.ValueOfInt32(int32(whole))
	case protoreflect.Int64Kind, protoreflect.Sint64Kind, protoreflect.Sfixed64Kind:
		return protoreflect.ValueOfInt64(whole)
	case protoreflect.Uint32Kind, protoreflect.Fixed32Kind:
		return protoreflect.ValueOfUint32(uint32(whole))
	case protoreflect.Uint64Kind, protoreflect.Fixed64Kind:
		return protoreflect.ValueOfUint64(uint64(whole))
	case protoreflect.FloatKind:
		return protoreflect.ValueOfFloat32([]float32{0, 0.5, -1, float32(math.NaN())}[s.IntN(4)])
	case protoreflect.DoubleKind:
		return protoreflect.ValueOfFloat64([]float64{0, 0.5, -1, math.NaN()}[s.IntN(4)])
	case protoreflect.BytesKind:
		return protoreflect.ValueOfBytes([]byte(s.word()))
	default:
		return protoreflect.ValueOfString(s.word())
	}
}

// message makes a message of a type: now and then an empty one, or one that is nil
// in Go.
func (s samples) message(kind protoreflect.MessageType) proto.Message {
	switch s.IntN(20) {
	case 0:
		return kind.Zero().Interface()
	case 1:
		return kind.New().Interface()
	}
	message := kind.New()
	s.fill(message, deepest-1)
	return message.Interface()
}
