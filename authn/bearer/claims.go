package bearer

import (
	"bytes"
	"fmt"
	"strconv"

	"github.com/go-jose/go-jose/v4/json"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/sallyport-rpc/sallyport/authn"
)

// maxClaimsDepth is how deep messages stand in each other in claims.
const maxClaimsDepth = 16

// Fill sets the fields of a message from the token's claims of the same names, by the
// JSON mapping of Protobuf. A field takes the claim that has its name, as the .proto
// writes it ("org_ids") or as JSON does ("orgIds"). Claims without a field are passed
// over, and so are null ones. A [Identify] function may use it to make claims of a
// token's and of what it knows itself:
//
//	claims := &iamv1.Claims{}
//	if err := token.Fill(claims); err != nil {
//		return "", authn.Details{}, err
//	}
//
// It returns an error made by [authn.InvalidCredential] where a claim does not fit its
// field: a value of another type, a number out of range, an enum value or a member of a
// nested object that the message does not have, messages more than 16 deep, an Any, or
// both spellings of one name.
func (t *Token) Fill(message proto.Message) error {
	reflected := message.ProtoReflect()
	var members map[string]json.RawMessage
	if err := json.Unmarshal(t.payload, &members); err != nil {
		return errClaims
	}
	object := bytes.NewBufferString("{")
	fields := reflected.Descriptor().Fields()
	for i := range fields.Len() {
		value, err := claimOf(fields.Get(i), members)
		if err != nil {
			return err
		}
		if value == nil {
			continue
		}
		// Each by itself, so that the reason names the field; no value is shown.
		member := strconv.Quote(fields.Get(i).JSONName()) + ":" + string(value)
		if err := strict.Unmarshal([]byte("{"+member+"}"), reflected.New().Interface()); err != nil {
			return authn.InvalidCredential(fmt.Sprintf("token claim %s does not fit %s", fields.Get(i).Name(), fields.Get(i).FullName()))
		}
		if object.Len() > 1 {
			object.WriteByte(',')
		}
		object.WriteString(member)
	}
	object.WriteByte('}')
	if err := strict.Unmarshal(object.Bytes(), message); err != nil {
		return authn.InvalidCredential(fmt.Sprintf("token claims do not fit %s", reflected.Descriptor().FullName()))
	}
	return nil
}

// strict refuses unknown names and every Any: the types that it may hold are none.
var strict = protojson.UnmarshalOptions{Resolver: new(protoregistry.Types), RecursionLimit: maxClaimsDepth}

// claimOf returns the claim that a field takes, or nil where there is none.
func claimOf(field protoreflect.FieldDescriptor, members map[string]json.RawMessage) (json.RawMessage, error) {
	value, written := members[string(field.Name())]
	if other, ok := members[field.JSONName()]; ok && field.JSONName() != string(field.Name()) {
		if written {
			return nil, authn.InvalidCredential(fmt.Sprintf("token has the claim %s in two spellings", field.Name()))
		}
		value = other
	}
	return value, nil
}
