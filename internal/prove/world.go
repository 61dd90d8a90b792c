package prove

import (
	"context"
	"math/big"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/sallyport-rpc/sallyport/authn"
	"github.com/sallyport-rpc/sallyport/internal/policy"
)

// now is the time of an input where no condition reads it.
var defaultNow = time.Date(2026, time.January, 1, 12, 0, 0, 0, time.UTC)

// anID is the id of a principal where no condition reads it.
const anID = "00000000-0000-4000-8000-0000000000aa"

// A world is one input under construction: the values of all places, as the two sides see
// them.
type world struct {
	sides   [2]*side
	places  []*place
	carried []string // what a scoped credential carries besides its scopes
	scoped  bool

	inputs [2]*policy.Input // nil where they are to be made anew
}

func (w *world) changed() { w.inputs = [2]*policy.Input{} }

// input returns what a side sees.
func (w *world) input(of int) policy.Input {
	if w.inputs[of] == nil {
		side := w.sides[of]
		made := &policy.Input{Principal: w.principal(side, false), Request: w.message(side.request, inRequest), Now: defaultNow}
		if side.subject.Type != nil {
			made.Resource = w.message(side.subject.Type, side.root)
		}
		for _, place := range w.places {
			if place.name == "now" && place.set {
				made.Now = moment(number(place.value))
			}
		}
		w.inputs[of] = made
	}
	return *w.inputs[of]
}

// details are what is known of the principal.
func (w *world) details(side *side) (id string, details authn.Details) {
	id = anID
	for _, place := range w.places {
		if !place.set || place.root != inPrincipal {
			continue
		}
		switch place.name {
		case "principal.id":
			id, _ = place.value.(string)
		case "principal.scheme":
			details.Scheme, _ = place.value.(string)
		case "principal.roles":
			details.Roles = texts(place.list)
		case "principal.scopes":
			details.Scopes = texts(place.list)
		case "principal.authenticated_at":
			details.AuthenticatedAt = moment(number(place.value))
		case "principal.expires_at":
			details.ExpiresAt = moment(number(place.value))
		}
	}
	if side.claims != nil && slices.ContainsFunc(w.places, func(p *place) bool { return p.root == inClaims && (p.set || len(p.list) > 0) }) {
		details.Claims = w.message(side.claims, inClaims)
	}
	return id, details
}

// principal returns the principal as a gate of a side binds it. Its credential is unscoped
// unless it is asked for as it is.
func (w *world) principal(side *side, asItIs bool) *authn.Principal {
	id, details := w.details(side)
	return principalOf(id, details, asItIs && w.scoped, w.carried).Bound(details.Scheme, side.hierarchy)
}

// principalOf makes a principal. A scoped credential carries its scopes and what else is
// named.
func principalOf(id string, details authn.Details, scoped bool, carried []string) *authn.Principal {
	details.Unscoped = true
	made := authn.NewPrincipal(id, details)
	if !scoped {
		return made
	}
	all := slices.Concat(details.Scopes, carried)
	slices.Sort(all)
	return made.LimitedBy(authn.NewPrincipal(id, authn.Details{Scopes: slices.Compact(all)}))
}

func texts(values []any) []string {
	made := make([]string, 0, len(values))
	for _, value := range values {
		if text, ok := value.(string); ok {
			made = append(made, text)
		}
	}
	return made
}

// message makes the request, the claims or the subject of the places.
func (w *world) message(of protoreflect.MessageDescriptor, in root) proto.Message {
	made := dynamicpb.NewMessage(of)
	for _, place := range w.places {
		if place.root == in && (place.set || len(place.list) > 0) && place.isAround() {
			put(made, place)
		}
	}
	return made
}

// put sets the field of a place in a message, where the message has it.
func put(in protoreflect.Message, place *place) {
	for i, step := range place.path {
		field := in.Descriptor().Fields().ByName(step.field)
		switch {
		case field == nil:
			return
		case step.key != nil:
			if in = step.key.put(in, field, place, i == len(place.path)-1); in == nil {
				return
			}
		case i == len(place.path)-1 && place.kind == scalar:
			if value, ok := valueOf(field, place.value); ok {
				in.Set(field, value)
			}
			return
		case i == len(place.path)-1 && place.kind == set:
			if field.IsList() {
				for _, element := range place.list {
					if value, ok := scalarOf(field, element); ok {
						in.Mutable(field).List().Append(value)
					}
				}
			}
			return
		case field.Message() == nil || field.IsMap() || field.IsList() != (step.at >= 0):
			return
		case field.IsList():
			list := in.Mutable(field).List()
			for list.Len() <= step.at {
				list.AppendMutable()
			}
			in = list.Get(step.at).Message()
		default:
			in = in.Mutable(field).Message()
		}
	}
}

// valueOf is a value of a class as a field holds it. ok is false where the field is of
// another type.
func valueOf(field protoreflect.FieldDescriptor, value any) (of protoreflect.Value, ok bool) {
	if field.IsList() || field.IsMap() {
		return of, false
	}
	if field.Message() == nil {
		return scalarOf(field, value)
	}
	return messageOf(field.Message(), value)
}

// messageOf is a value as a Timestamp, a Duration or a wrapper.
func messageOf(kind protoreflect.MessageDescriptor, value any) (of protoreflect.Value, ok bool) {
	made := dynamicpb.NewMessage(kind)
	fields := made.Descriptor().Fields()
	switch kind.FullName() {
	case "google.protobuf.Timestamp", "google.protobuf.Duration":
		nanoseconds, isNumber := value.(*big.Int)
		if !isNumber {
			return of, false
		}
		// A duration has both parts of one sign, a timestamp a positive rest.
		seconds, rest := new(big.Int).QuoRem(nanoseconds, big.NewInt(int64(time.Second)), new(big.Int))
		if kind.FullName() == "google.protobuf.Timestamp" {
			seconds, rest = new(big.Int).DivMod(nanoseconds, big.NewInt(int64(time.Second)), new(big.Int))
		}
		made.Set(fields.ByName("seconds"), protoreflect.ValueOfInt64(seconds.Int64()))
		made.Set(fields.ByName("nanos"), protoreflect.ValueOfInt32(int32(rest.Int64()))) //nolint:gosec // less than a second
		return protoreflect.ValueOfMessage(made), true
	}
	if _, isWrapper := wrapped[kind.FullName()]; !isWrapper {
		return of, false
	}
	held, ok := scalarOf(fields.ByName("value"), value)
	if ok {
		made.Set(fields.ByName("value"), held)
	}
	return protoreflect.ValueOfMessage(made), ok
}

func scalarOf(field protoreflect.FieldDescriptor, value any) (of protoreflect.Value, ok bool) {
	kind := field.Kind()
	switch value := value.(type) {
	case string:
		return protoreflect.ValueOfString(value), kind == protoreflect.StringKind
	case bool:
		return protoreflect.ValueOfBool(value), kind == protoreflect.BoolKind
	case *big.Int:
		switch kind { //nolint:exhaustive // the others are no integers
		case protoreflect.EnumKind:
			return protoreflect.ValueOfEnum(protoreflect.EnumNumber(value.Int64())), true //nolint:gosec // within the range of the place
		case protoreflect.Int32Kind, protoreflect.Sint32Kind, protoreflect.Sfixed32Kind:
			return protoreflect.ValueOfInt32(int32(value.Int64())), true //nolint:gosec // within the range of the place
		case protoreflect.Int64Kind, protoreflect.Sint64Kind, protoreflect.Sfixed64Kind:
			return protoreflect.ValueOfInt64(value.Int64()), true
		case protoreflect.Uint32Kind, protoreflect.Fixed32Kind:
			return protoreflect.ValueOfUint32(uint32(value.Uint64())), true //nolint:gosec // within the range of the place
		case protoreflect.Uint64Kind, protoreflect.Fixed64Kind:
			return protoreflect.ValueOfUint64(value.Uint64()), true
		}
	}
	return of, false
}

// answers are those of the checks, by their names.
func (w *world) answers() map[string]bool {
	answers := map[string]bool{}
	for _, place := range w.places {
		if place.kind == answer {
			answers[place.asked()] = place.set
		}
	}
	return answers
}

// checks are the functions that give the answers of the world.
func (w *world) checks() map[string]policy.CheckFunc {
	checks := map[string]policy.CheckFunc{}
	for _, place := range w.places {
		if place.kind == answer {
			checks[place.asked()] = func(context.Context, *authn.Principal, proto.Message) (bool, error) {
				return place.set, nil
			}
		}
	}
	return checks
}
