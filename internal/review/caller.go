package review

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/sallyport-rpc/sallyport/authn"
	"github.com/sallyport-rpc/sallyport/internal/prove"
)

// A Caller is who makes a call that is to be explained, as its authenticator would find
// it. Its JSON is that of the witnesses which diff and prove print.
type Caller struct {
	// ID is the principal's id. Required.
	ID string `json:"id"`
	// Scheme is how the caller authenticated. Empty is the first one that the action takes.
	Scheme string   `json:"scheme"`
	Roles  []string `json:"roles"`
	Scopes []string `json:"scopes"`
	// Scoped is whether the credential carries no more than CarriedScopes.
	Scoped        bool     `json:"scoped"`
	CarriedScopes []string `json:"carried_scopes"`
	// Claims are in the JSON form of the message that is marked with
	// (sallyport.v1.claims). Nil is without claims.
	Claims json.RawMessage `json:"claims"`
	// AuthenticatedAt and ExpiresAt are zero where they are not known.
	AuthenticatedAt time.Time `json:"authenticated_at"`
	ExpiresAt       time.Time `json:"expires_at"`
}

// ReadCaller reads a caller from a JSON object. An error says what is wrong with it.
func ReadCaller(from io.Reader) (Caller, error) {
	decoder := json.NewDecoder(from)
	decoder.DisallowUnknownFields()
	var caller Caller
	err := decoder.Decode(&caller)
	switch {
	case err != nil:
		return Caller{}, fmt.Errorf(`%w: write a JSON object such as {"id": "ada", "roles": ["admin"]}`, err)
	case caller.ID == "":
		return Caller{}, errors.New("the principal has no id")
	case len(caller.CarriedScopes) > 0 && !caller.Scoped:
		return Caller{}, errors.New(`carried_scopes are those of a scoped credential: add "scoped": true, or leave them out`)
	}
	return caller, nil
}

// principal is the caller as a gate binds it, for conditions that know claims of a type.
func (c Caller) principal(claims protoreflect.MessageDescriptor, roles *authn.Hierarchy) (*authn.Principal, error) {
	witness := &prove.Witness{
		ID: c.ID, Scheme: c.Scheme, Roles: c.Roles, Scopes: c.Scopes, Scoped: c.Scoped, CarriedScopes: c.CarriedScopes,
		AuthenticatedAt: c.AuthenticatedAt, ExpiresAt: c.ExpiresAt,
	}
	if len(c.Claims) > 0 {
		if claims == nil {
			return nil, errors.New("the principal has claims, and the action's declaration knows none")
		}
		read := dynamicpb.NewMessage(claims)
		if err := protojson.Unmarshal(c.Claims, read); err != nil {
			return nil, fmt.Errorf("the claims, a %s: %w", claims.FullName(), err)
		}
		witness.Claims = read
	}
	return witness.Principal().Bound(c.Scheme, roles), nil
}

// requestOf reads a request in JSON. An empty text is an empty request.
func requestOf(message protoreflect.MessageDescriptor, text string) (proto.Message, error) {
	return messageOf("request", message, text)
}

// messageOf reads a message in JSON; "" is an empty one. What says what it is called.
func messageOf(what string, kind protoreflect.MessageDescriptor, text string) (proto.Message, error) {
	message := dynamicpb.NewMessage(kind)
	if text == "" {
		return message, nil
	}
	if err := protojson.Unmarshal([]byte(text), message); err != nil {
		return nil, fmt.Errorf("the %s, a %s: %w", what, kind.FullName(), err)
	}
	return message, nil
}
