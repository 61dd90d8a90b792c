package field

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/sallyport-rpc/sallyport/internal/declare"
	"github.com/sallyport-rpc/sallyport/internal/policy"
)

// maxShown is how much of a name an error shows: a caller sends it.
const maxShown = 100

// ErrNames says that what a request names cannot be read: a name leads to no field, or there
// is too much of it.
var ErrNames = errors.New("names of fields")

// A NamedError says that a request names what its caller may not read.
type NamedError struct {
	// In is the field of the request, and Path the name as the caller wrote it, cut short.
	// Path is empty where it is a whole message that may not be sent.
	In   protoreflect.Name
	Path string
	// Field is the full name of the field that the caller may not read.
	Field protoreflect.FullName
	// Undecided is why its rule could not be decided, or nil.
	Undecided error
}

// Public says what the caller is told: nothing that the caller did not write.
func (e *NamedError) Public() string {
	if e.Path == "" {
		return fmt.Sprintf("%s may not hold names of fields", e.In)
	}
	return fmt.Sprintf("%s may not name %s", e.In, e.Path)
}

func (e *NamedError) Error() string {
	text := fmt.Sprintf("%s names %s, which its caller may not read", e.In, e.Field)
	if e.Undecided != nil {
		text += ": " + e.Undecided.Error()
	}
	return text
}

// Unwrap returns why the rule could not be decided.
func (e *NamedError) Unwrap() error { return e.Undecided }

// Check decides whether the reader may name what the request names. The error is
// [ErrNames] or a [*NamedError]. The request is not changed.
func (n *Naming) Check(ctx context.Context, reader Reader, request proto.Message) error {
	state := nameState{of: n, input: policy.Input{Principal: reader.Principal, Now: reader.Now}}
	return state.message(ctx, n.plan, request.ProtoReflect())
}

// nameState is the state of looking at one request.
type nameState struct {
	of    *Naming
	input policy.Input
	known map[protoreflect.FullName]readable
	whole map[protoreflect.MessageDescriptor]*NamedError // what may not be read of all of a type
}

// readable is what is known of who may read a field, before there is a message: whether the
// caller may read it of every message, and of none.
type readable struct {
	all, none bool
	err       error
}

func (s *nameState) message(ctx context.Context, of *namePlan, message protoreflect.Message) error {
	if !message.IsValid() {
		return nil
	}
	if of.open {
		if held := s.of.rules.holds(reachesNames, message); held != nil {
			return &NamedError{In: held.Name(), Field: held.FullName()}
		}
	}
	for i := range of.names {
		if err := s.names(ctx, &of.names[i], message); err != nil {
			return err
		}
	}
	for _, below := range of.below {
		if !message.Has(below.field) {
			continue
		}
		for within := range declare.MessagesIn(below.field, message.Get(below.field)) {
			if err := s.message(ctx, below.plan, within); err != nil {
				return err
			}
		}
	}
	return nil
}

// names looks at a field that holds names.
func (s *nameState) names(ctx context.Context, of *naming, message protoreflect.Message) error {
	if !message.Has(of.field) {
		return nil
	}
	value := message.Get(of.field)
	switch {
	case of.of == nil:
		return &NamedError{In: of.field.Name(), Field: of.field.FullName()}
	case of.selects:
		mask := value.Message()
		return s.each(ctx, of, stringsOf(mask.Get(mask.Descriptor().Fields().ByName("paths")).List()), func(path string) (string, bool) { return path, true })
	case of.field.IsList():
		return s.each(ctx, of, stringsOf(value.List()), ordered)
	case value.String() == "":
		return nil
	default:
		return s.each(ctx, of, strings.SplitSeq(value.String(), ","), ordered)
	}
}

// stringsOf are the elements of a list of strings.
func stringsOf(list protoreflect.List) iter.Seq[string] {
	return func(yield func(string) bool) {
		for i := range list.Len() {
			if !yield(list.Get(i).String()) {
				return
			}
		}
	}
}

// ordered takes the path from a name with a direction: "name", "name desc". Spaces around
// both mean nothing (https://google.aip.dev/132); any other white space is not known.
func ordered(text string) (path string, ok bool) {
	path, direction, _ := strings.Cut(strings.Trim(text, " "), " ")
	switch strings.TrimLeft(direction, " ") {
	case "", "asc", "desc":
		return path, true
	default:
		return "", false
	}
}

// each looks at names in turn. path takes the path from one.
func (s *nameState) each(ctx context.Context, of *naming, names iter.Seq[string], path func(string) (string, bool)) error {
	count := 0
	for text := range names {
		if count++; count > maxPaths {
			return fmt.Errorf("%w: %s has more than %d", ErrNames, of.field.Name(), maxPaths)
		}
		path, ok := path(text)
		if !ok {
			return fmt.Errorf("%w: %s is no list such as \"name desc, id\"", ErrNames, of.field.Name())
		}
		if of.selects && path == "*" {
			continue // what may not be read is cleared
		}
		if err := s.path(ctx, of, path); err != nil {
			return err
		}
	}
	return nil
}

// path looks at a path of names. It leads through messages, lists and maps; a map's key stands
// between the map and what the key's value has.
func (s *nameState) path(ctx context.Context, of *naming, path string) error {
	if strings.Count(path, ".") >= maxDeep {
		return fmt.Errorf("%w: one in %s has more than %d parts", ErrNames, of.field.Name(), maxDeep)
	}
	var refused *NamedError
	refuse := func(by *NamedError) {
		if refused == nil {
			refused = by
		}
	}
	at, key := of.of, false
	var last protoreflect.MessageDescriptor // what the path ends at, where that is a message
	for name := range strings.SplitSeq(path, ".") {
		if key {
			if key = false; !isKeyName(name) {
				return fmt.Errorf("%w: one in %s has a key that is not of letters, digits, `_` and `-`", ErrNames, of.field.Name())
			}
			continue
		}
		if at == nil {
			return fmt.Errorf("%w: one in %s leads through a field that is no message", ErrNames, of.field.Name())
		}
		field := at.Fields().ByName(protoreflect.Name(name))
		if field == nil {
			return fmt.Errorf("%w: one in %s names no field of %s", ErrNames, of.field.Name(), at.FullName())
		}
		refuse(s.field(ctx, field, of.selects))
		at, key = declare.MessageIn(field), field.IsMap()
		last = at
		// A handler may take the key of a map for a field of its values, and what is in an Any
		// has fields of its own.
		if !of.selects && at != nil && (key || isAny(at)) {
			refuse(s.all(ctx, at))
		}
	}
	if !of.selects && last != nil {
		refuse(s.all(ctx, last))
	}
	if refused == nil {
		return nil
	}
	named := *refused
	named.In, named.Path = of.field.Name(), shown(path)
	return &named
}

// shown is a path, cut short.
func shown(path string) string {
	if len(path) > maxShown {
		return path[:maxShown] + "…" // its names are ASCII
	}
	return path
}

// isKeyName reports whether a part of a path can be the key of a map.
func isKeyName(text string) bool {
	return text != "" && strings.Trim(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") == ""
}

// field decides about a field that is named. One that selects what is answered may be named
// where some message would let the caller read it: the answer is cleared.
func (s *nameState) field(ctx context.Context, field protoreflect.FieldDescriptor, selects bool) *NamedError {
	if !s.of.guards(field) {
		return nil
	}
	name := field.FullName()
	of, ok := s.known[name]
	if !ok {
		list, err := s.of.lists[name].Filter(ctx, s.input)
		of = readable{list.All(), list.None(), err}
		if s.known == nil {
			s.known = map[protoreflect.FullName]readable{}
		}
		s.known[name] = of
	}
	if of.err == nil && (of.all || selects && !of.none) {
		return nil
	}
	return &NamedError{Field: name, Undecided: of.err}
}

// all decides about all that messages of a type can hold: order by a message is order by
// each of its fields.
func (s *nameState) all(ctx context.Context, message protoreflect.MessageDescriptor) *NamedError {
	if known, ok := s.whole[message]; ok {
		return known
	}
	var refused *NamedError
	of := s.of.within[message]
	if of.open && s.of.rules.Guard() {
		refused = &NamedError{Field: message.FullName()}
	}
	for i := 0; i < len(of.guarded) && refused == nil; i++ {
		refused = s.field(ctx, of.guarded[i], false)
	}
	if s.whole == nil {
		s.whole = map[protoreflect.MessageDescriptor]*NamedError{}
	}
	s.whole[message] = refused
	return refused
}
