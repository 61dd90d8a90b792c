package prove

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"

	"github.com/sallyport-rpc/sallyport/authn"
	"github.com/sallyport-rpc/sallyport/internal/condition"
	"github.com/sallyport-rpc/sallyport/internal/declare"
	"github.com/sallyport-rpc/sallyport/internal/policy"
)

// A Witness is a call that one declaration lets in and another does not, or that an
// assertion says must not be let in. The gate's own evaluation has said so of it.
type Witness struct {
	// ID, Scheme, Roles and Scopes are the principal's, as its authenticator gives them.
	// The scheme is empty where no condition reads it.
	ID, Scheme    string
	Roles, Scopes []string
	// Scoped is whether the credential carries no more than CarriedScopes.
	Scoped        bool
	CarriedScopes []string
	// Claims are the principal's claims, or nil where none are given.
	Claims proto.Message
	// AuthenticatedAt and ExpiresAt are the principal's times, zero where not known.
	AuthenticatedAt, ExpiresAt time.Time
	// Request is what is asked for. The validation rules of its fields accept it. It is nil
	// where a rule of a field is asked about, which reads none.
	Request proto.Message
	// Subject is what conditions call the message that they are about: "resource", "item" or
	// "this", and Object is that message. Nothing of it is validated. They are "" and nil
	// where they are about none.
	Subject string
	Object  proto.Message
	// Other is what the conditions of the other declaration are about, where that is another
	// message. It is nil otherwise.
	Other proto.Message
	// Now is when the call comes.
	Now time.Time
	// Answers are those of the checks, by their names, and of relations, by their texts.
	Answers map[string]bool
	// Grant is what lets the call in: the name or the place of a grant, or "anyone".
	Grant string
}

func newWitness(input policy.Input, answers map[string]bool, grant string) *Witness {
	subject := ""
	if input.Resource != nil {
		subject = condition.ResourceName
	}
	principal := input.Principal
	return &Witness{
		ID: principal.ID(), Scheme: principal.Scheme(), Roles: principal.Roles(), Scopes: principal.Scopes(),
		Scoped: principal.Scoped(), CarriedScopes: principal.CarriedScopes(), Claims: principal.Claims(),
		AuthenticatedAt: principal.AuthenticatedAt(), ExpiresAt: principal.ExpiresAt(),
		Request: input.Request, Subject: subject, Object: input.Resource, Now: input.Now, Answers: answers, Grant: grant,
	}
}

// Principal is the principal of the witness, before a gate has bound it.
func (w *Witness) Principal() *authn.Principal {
	return principalOf(w.ID, authn.Details{
		Scheme: w.Scheme, Roles: w.Roles, Scopes: w.Scopes, Claims: w.Claims,
		AuthenticatedAt: w.AuthenticatedAt, ExpiresAt: w.ExpiresAt,
	}, w.Scoped, w.CarriedScopes)
}

// String is the witness as a sentence for people.
func (w *Witness) String() string {
	var text strings.Builder
	fmt.Fprintf(&text, "principal %q", w.ID)
	if w.Scheme != "" {
		fmt.Fprintf(&text, " by scheme %q", w.Scheme)
	}
	text.WriteString(" with " + listed(w.Roles, "role") + " and " + listed(w.Scopes, "scope"))
	if w.Scoped {
		text.WriteString(", by a credential that carries " + listed(w.CarriedScopes, "scope"))
	}
	if w.Claims != nil {
		text.WriteString(", claims {" + oneLine(w.Claims) + "}")
	}
	if !w.AuthenticatedAt.IsZero() {
		text.WriteString(", authenticated at " + w.AuthenticatedAt.UTC().Format(time.RFC3339Nano))
	}
	if !w.ExpiresAt.IsZero() {
		text.WriteString(", expiring at " + w.ExpiresAt.UTC().Format(time.RFC3339Nano))
	}
	if w.Request != nil {
		text.WriteString(", request {" + oneLine(w.Request) + "}")
	}
	if w.Object != nil {
		text.WriteString(", " + w.Subject + " {" + oneLine(w.Object) + "}")
	}
	if w.Other != nil {
		text.WriteString(", " + condition.ResourceName + " of the other declaration {" + oneLine(w.Other) + "}")
	}
	text.WriteString(", at " + w.Now.UTC().Format(time.RFC3339Nano))
	for _, check := range slices.Sorted(maps.Keys(w.Answers)) {
		fmt.Fprintf(&text, ", %s says %t", declare.AskedText(check), w.Answers[check])
	}
	if w.Grant != "" {
		text.WriteString(": let in by " + w.Grant)
	}
	return text.String()
}

func listed(names []string, thing string) string {
	switch len(names) {
	case 0:
		return "no " + thing
	case 1:
		return thing + " " + names[0]
	default:
		return thing + "s " + strings.Join(names, ", ")
	}
}

// oneLine is a message in protobuf text on one line. Its package puts spaces in at random.
func oneLine(of proto.Message) string {
	return strings.Join(strings.Fields(prototext.MarshalOptions{}.Format(of)), " ")
}

// MarshalJSON writes the witness with its messages as protobuf's JSON has them.
func (w *Witness) MarshalJSON() ([]byte, error) {
	made := struct {
		ID              string          `json:"id"`
		Scheme          string          `json:"scheme,omitempty"`
		Roles           []string        `json:"roles,omitempty"`
		Scopes          []string        `json:"scopes,omitempty"`
		Scoped          bool            `json:"scoped,omitempty"`
		CarriedScopes   []string        `json:"carried_scopes,omitempty"`
		Claims          json.RawMessage `json:"claims,omitempty"`
		AuthenticatedAt time.Time       `json:"authenticated_at,omitzero"`
		ExpiresAt       time.Time       `json:"expires_at,omitzero"`
		Request         json.RawMessage `json:"request,omitempty"`
		Resource        json.RawMessage `json:"resource,omitempty"`
		Item            json.RawMessage `json:"item,omitempty"`
		This            json.RawMessage `json:"this,omitempty"`
		Other           json.RawMessage `json:"other_resource,omitempty"`
		Now             time.Time       `json:"now"`
		Answers         map[string]bool `json:"answers,omitempty"`
		Grant           string          `json:"grant,omitempty"`
	}{
		ID: w.ID, Scheme: w.Scheme, Roles: w.Roles, Scopes: w.Scopes, Scoped: w.Scoped, CarriedScopes: w.CarriedScopes,
		AuthenticatedAt: w.AuthenticatedAt, ExpiresAt: w.ExpiresAt, Now: w.Now, Answers: w.Answers, Grant: w.Grant,
	}
	object := map[string]*json.RawMessage{condition.ItemName: &made.Item, condition.ThisName: &made.This}[w.Subject]
	if object == nil {
		object = &made.Resource
	}
	for _, one := range []struct {
		to *json.RawMessage
		of proto.Message
	}{{&made.Request, w.Request}, {&made.Claims, w.Claims}, {object, w.Object}, {&made.Other, w.Other}} {
		if one.of == nil {
			continue
		}
		var err error
		if *one.to, err = messageJSON(one.of); err != nil {
			return nil, err
		}
	}
	return json.Marshal(made)
}

// messageJSON is a message in protobuf's JSON, without the spaces that its package puts in
// at random.
func messageJSON(of proto.Message) (json.RawMessage, error) {
	text, err := protojson.MarshalOptions{UseProtoNames: true}.Marshal(of)
	if err != nil {
		return nil, fmt.Errorf("write a %s in JSON: %w", of.ProtoReflect().Descriptor().FullName(), err)
	}
	var compact bytes.Buffer
	err = json.Compact(&compact, text)
	return compact.Bytes(), err
}
