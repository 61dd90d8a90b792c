package field

import (
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/sallyport-rpc/sallyport/authn"
	sallyportv1 "github.com/sallyport-rpc/sallyport/gen/sallyport/v1"
	namesv1 "github.com/sallyport-rpc/sallyport/gen/test/names/v1"
	"github.com/sallyport-rpc/sallyport/internal/declare"
)

// hidden are those of the rules that hide a field from a caller in some message, by their
// place in forms, and whether they do from auditors.
var hidden = map[int]bool{0: false, 1: true, 2: true, 3: false, 4: true, 5: true, 6: true, 7: true}

// A namingSchema is a schema whose rules hide fields, by their names.
type namingSchema struct {
	schema

	naming *Naming
	ask    protoreflect.MessageDescriptor
	hides  map[protoreflect.FullName]int // the place of the rule
}

func newNamingSchema(t *testing.T, random *rand.Rand) namingSchema {
	t.Helper()
	made := namingSchema{hides: map[protoreflect.FullName]int{}}
	file := newTypes(random, "proto3", func(name protoreflect.FullName, _ *descriptorpb.FieldDescriptorProto) *sallyportv1.Field {
		if random.IntN(8) != 0 {
			return nil
		}
		place := random.IntN(len(forms))
		made.hides[name] = place
		return &sallyportv1.Field{Read: &sallyportv1.Read{Allow: forms[place].grants}}
	})
	options := &descriptorpb.FieldOptions{}
	proto.SetExtension(options, sallyportv1.E_Field, &sallyportv1.Field{Names: &sallyportv1.Names{Of: "random.M0"}})
	file.MessageType = append(file.MessageType, &descriptorpb.DescriptorProto{Name: new("Ask"), Field: []*descriptorpb.FieldDescriptorProto{{
		Name: new("order_by"), Number: new(int32(1)), Type: descriptorpb.FieldDescriptorProto_TYPE_STRING.Enum(),
		Label: descriptorpb.FieldDescriptorProto_LABEL_OPTIONAL.Enum(), Options: options,
	}}})
	compiled, declaration := declared(t, file, "random.Ask", nil)
	made.root, made.ask = compiled.Messages().ByName("M0"), compiled.Messages().ByName("Ask")
	made.rules = NewRules(declaration.Fields)
	made.naming = made.rules.Naming(made.ask, declaration.Names)
	return made
}

// readable reports whether a caller may read a field of every message.
func (s namingSchema) readable(principal *authn.Principal, field protoreflect.FieldDescriptor) bool {
	place, guarded := s.hides[field.FullName()]
	return !guarded || !hidden[place] && principal.Has("auditor")
}

// all reports whether a caller may read all that a type can hold.
func (s namingSchema) all(principal *authn.Principal, of protoreflect.MessageDescriptor) bool {
	ok := true
	declare.EachType(of, func(of protoreflect.MessageDescriptor) {
		for i := range of.Fields().Len() {
			ok = ok && s.readable(principal, of.Fields().Get(i))
		}
	}, nil)
	return ok
}

// says is what must come of a path that names fields of a type.
func (s namingSchema) says(principal *authn.Principal, of protoreflect.MessageDescriptor, path string) string {
	name, rest, deeper := strings.Cut(path, ".")
	field := of.Fields().ByName(protoreflect.Name(name))
	if field == nil {
		return "unknown"
	}
	within := declare.MessageIn(field)
	ok := s.readable(principal, field)
	if field.IsMap() {
		ok = ok && s.all(principal, within)
		if deeper {
			var key string
			key, rest, deeper = strings.Cut(rest, ".")
			if key == "" || strings.ContainsAny(key, "*") {
				return "unknown"
			}
		}
	}
	switch {
	case deeper && within == nil:
		return "unknown"
	case deeper:
		if below := s.says(principal, within, rest); below != "ok" && (below == "unknown" || ok) {
			return below
		}
	case within != nil:
		ok = ok && s.all(principal, within)
	}
	if !ok {
		return "refused"
	}
	return "ok"
}

// path is a random path of fields of a type, which does not always lead to one.
func (s namingSchema) path(random *rand.Rand, of protoreflect.MessageDescriptor) string {
	var names []string
	for of != nil {
		field := of.Fields().Get(random.IntN(of.Fields().Len()))
		names = append(names, string(field.Name()))
		if of = declare.MessageIn(field); field.IsMap() && random.IntN(4) > 0 {
			names = append(names, []string{"a", "id", "words", "one"}[random.IntN(4)])
		}
		if random.IntN(3) == 0 {
			break
		}
	}
	if random.IntN(12) == 0 {
		names = append(names, []string{"", "ghost", "id", "*", "ID"}[random.IntN(5)])
	}
	return strings.Join(names, ".")
}

// valuesAt are the values that a path leads to in a message, in their order, those of maps
// by their keys.
func valuesAt(message *tree, path []string) []any {
	if len(path) == 0 {
		return []any{known(message)}
	}
	value, ok := message.fields[path[0]]
	if !ok {
		return nil
	}
	var found []any
	switch value := value.(type) {
	case *tree:
		return valuesAt(value, path[1:])
	case []any:
		for _, of := range value {
			if message, ok := of.(*tree); ok {
				found = append(found, valuesAt(message, path[1:])...)
			} else {
				found = append(found, of)
			}
		}
	case map[any]any:
		found = append(found, known(value)) // to name a map is to name all of it
	default:
		found = append(found, value)
	}
	return found
}

// known is a value without what no schema knows, which leaves for no one.
func known(of any) any {
	switch of := of.(type) {
	case *tree:
		made := &tree{of: of.of, fields: map[string]any{}}
		for name, value := range of.fields {
			made.fields[name] = known(value)
		}
		return made
	case []any:
		made := make([]any, len(of))
		for i, value := range of {
			made[i] = known(value)
		}
		return made
	case map[any]any:
		made := map[any]any{}
		for key, value := range of {
			made[key] = known(value)
		}
		return made
	default:
		return of
	}
}

// What may be named is what the reference says, and what may be named tells nothing: each
// value that it leads to leaves for the caller in the answer as well.
func TestRandomNamesAgreeWithReference(t *testing.T) {
	t.Parallel()
	pairs, each := randomPairs(t, 3_000)
	random := rand.New(rand.NewPCG(3, 4))
	came := map[string]int{}
	for range max(1, pairs/each) * 4 {
		schema := newNamingSchema(t, random)
		for range each / 4 {
			principal := principals[random.IntN(len(principals))]
			path := schema.path(random, schema.root)
			ask := dynamicpb.NewMessage(schema.ask)
			ask.Set(schema.ask.Fields().ByName("order_by"), protoreflect.ValueOfString("id desc , "+path))
			want := schema.says(principal, schema.root, path)
			if id := schema.says(principal, schema.root, "id"); id != "ok" {
				want = id // it comes first
			}
			got := outcome(schema.naming.Check(t.Context(), Reader{Principal: principal}, ask))
			if got != want {
				t.Fatalf("%q of %s: %s, want %s; hidden are %v", path, principal.ID(), got, want, schema.hides)
			}
			came[got]++
			if got != "ok" {
				continue
			}
			message := dynamicpb.NewMessage(schema.root)
			filling{random: random, words: words}.fill(message, 4)
			left, _ := schema.rules.Clear(t.Context(), Reader{Principal: principal}, message)
			names := strings.Split(path, ".")
			if before, after := valuesAt(treeOf(message), names), valuesAt(treeOf(left.ProtoReflect()), names); !reflect.DeepEqual(before, after) {
				t.Fatalf("%q of %s may be named, and is %v in the message and %v in the answer", path, principal.ID(), before, after)
			}
		}
	}
	for _, kind := range []string{"ok", "refused", "unknown"} {
		if came[kind] < 50 {
			t.Errorf("%q came out %d times alone: %v", kind, came[kind], came)
		}
	}
}

// No text makes the gate panic, and what it lets a caller name is, however it is split, a list
// of fields that the caller may read.
func FuzzNames(f *testing.F) {
	naming := namingOf(f)
	for _, text := range []string{"name desc, id", "email", "address.city,homes.street asc", "places.noon.city", " name\x00", "name,,", "*"} {
		f.Add(text)
	}
	open := []string{"id", "name", "desk", "present", "address.city", "homes.city"}
	f.Fuzz(func(t *testing.T, text string) {
		got := outcome(naming.Check(t.Context(), Reader{Principal: person("ann")}, &namesv1.ListRequest{OrderBy: text}))
		if !slices.Contains([]string{"ok", "refused", "unknown"}, got) {
			t.Fatalf("%q: %s", text, got)
		}
		if got != "ok" || text == "" {
			return
		}
		for item := range strings.SplitSeq(text, ",") {
			words := strings.FieldsFunc(item, func(r rune) bool { return r == ' ' })
			if len(words) == 0 || len(words) > 2 || len(words) == 2 && words[1] != "asc" && words[1] != "desc" {
				t.Fatalf("%q is let by", text)
			}
			path := words[0]
			for strings.HasPrefix(path, "manager.") {
				path = strings.TrimPrefix(path, "manager.")
			}
			if !slices.Contains(open, path) && path != "labels" && !strings.HasPrefix(path, "labels.") {
				t.Fatalf("%q names %q", text, words[0])
			}
		}
	})
}
