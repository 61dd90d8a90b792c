package prove

import (
	"cmp"
	"errors"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/sallyport-rpc/sallyport/internal/condition"
	"github.com/sallyport-rpc/sallyport/internal/declare"
	"github.com/sallyport-rpc/sallyport/internal/policy"
	"github.com/sallyport-rpc/sallyport/internal/prove/smt"
)

// errNoCall says that a gate lets in no call of an input: there is no object, or two
// objects would have to be one.
var errNoCall = errors.New("there is no such call")

// isThere reports whether what the side is about is there: a gate lets in no call for an
// object that is not.
func (s *side) isThere(input policy.Input) bool {
	return s.subject.Type == nil || input.Resource != nil
}

// name names in a witness what the sides are about.
func (f *finding) name(of *Witness, inputs [2]policy.Input) {
	if of.Subject = f.sides[0].subject.Name; f.sides[0].subject.Type == nil {
		of.Object = nil
	}
	if f.sides[1].root == inOther {
		of.Other = inputs[1].Resource
	}
	if f.sides[0].isRule && !f.sides[0].hasRequest {
		of.Request = nil
	}
}

// inputs are what the two sides see of an input, with a valid request that says what finds
// the objects. The error may be [errNoCall].
func (f *finding) inputs() (inputs [2]policy.Input, ok bool, err error) {
	s := f.search
	for i, side := range s.sides {
		inputs[i] = s.input(i)
		inputs[i].Principal = s.principal(side, true)
	}
	s.changed() // what is completed here is no longer what the places say
	if claims := inputs[0].Principal.Claims(); claims != nil {
		if ok, err := f.complete(claims, s.isFixed(inClaims)); err != nil || !ok {
			return inputs, false, err
		}
		if others := inputs[1].Principal.Claims(); others != nil {
			transfer(others.ProtoReflect(), claims.ProtoReflect())
		}
	}
	if ok, err := f.complete(inputs[0].Request, s.isFixed(inRequest)); err != nil || !ok {
		return inputs, false, err
	}
	if err := f.keys(&inputs); err != nil {
		return inputs, false, err
	}
	transfer(inputs[1].Request.ProtoReflect(), inputs[0].Request.ProtoReflect())
	return inputs, true, nil
}

// keys sets in the request of the first side what finds the objects, where that is not
// fixed: each has a name, and two objects have two.
func (f *finding) keys(inputs *[2]policy.Input) error {
	first, second := f.lets.Resource, f.keeps.Resource
	request := inputs[0].Request
	if first != nil {
		if ok, err := f.named(request, first.Key, nil); err != nil || !ok {
			return cmp.Or(err, errNoCall)
		}
	}
	if second == nil || sameSubject(f.sides[0], f.sides[1]) {
		return nil
	}
	var other any
	if key, ok := find(first, request); ok && first.Type.FullName() == second.Type.FullName() && !proto.Equal(inputs[0].Resource, inputs[1].Resource) {
		other = key
	}
	if ok, err := f.named(request, second.Key, other); err != nil || ok {
		return err
	}
	key, ok := find(second, request)
	if ok && other != nil && key == other {
		return errNoCall // it would be the object of the first side, and is not
	}
	if !ok {
		inputs[1].Resource = nil // the second side is about nothing that is there
	}
	return nil
}

// named is that the request names an object, where conditions read what finds it.
func (f *formula) named(of *declare.Resource) []*smt.Term {
	if of == nil {
		return nil
	}
	key := f.model.places[of.KeyName()]
	if key == nil || key.kind != scalar {
		return nil
	}
	there := f.around(key)
	if key.optional {
		there = smt.And(there, f.variable(key.name+"?", smt.Bool))
	}
	if key.class.whole().sort == ofString {
		there = smt.And(there, smt.Not(smt.Equal(f.variable(key.name, smt.String), smt.Text(""))))
	}
	return []*smt.Term{there}
}

// find is what finds an object by a request; ok is false where that names none.
func find(of *declare.Resource, request proto.Message) (key any, ok bool) {
	if of == nil {
		return nil, false
	}
	value, ok := of.Key.Find(request.ProtoReflect())
	if !ok || value.Interface() == "" {
		return nil, false
	}
	return value.Interface(), true
}

// named makes a request name an object at a path, by another name than that of another
// object. ok is false where it does not: the field is fixed, or no such value is valid.
func (f *finding) named(request proto.Message, path condition.Path, other any) (ok bool, err error) {
	of := &declare.Resource{Key: path}
	if key, ok := find(of, request); ok && (other == nil || key != other) {
		return true, nil
	}
	at := make([]protoreflect.FieldDescriptor, len(path))
	message := request.ProtoReflect().Descriptor()
	names := make([]string, len(path))
	for i, field := range path {
		if message == nil || message.Fields().ByName(field.Name()) == nil {
			return false, nil
		}
		at[i] = message.Fields().ByName(field.Name())
		message = at[i].Message()
		names[i] = string(field.Name())
		if f.search.isFixed(inRequest)(strings.Join(names[:i+1], ".")) {
			return false, nil
		}
	}
	candidates := samples(at[len(at)-1])
	for _, form := range pools {
		candidates = append(candidates, form(1))
	}
	for _, candidate := range candidates {
		value, ok := scalarOf(at[len(at)-1], candidate)
		if !ok {
			continue
		}
		tried := proto.Clone(request)
		in := tried.ProtoReflect()
		for _, field := range at[:len(at)-1] {
			in = in.Mutable(field).Message()
		}
		in.Set(at[len(at)-1], value)
		if ok, err := f.complete(tried, f.search.isFixed(inRequest)); err != nil || !ok {
			if err != nil {
				return false, err
			}
			continue
		}
		if key, ok := find(of, tried); ok && (other == nil || key != other) {
			proto.Reset(request)
			proto.Merge(request, tried)
			return true, nil
		}
	}
	return false, nil
}
