package field

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"
	"google.golang.org/protobuf/types/known/anypb"

	"github.com/sallyport-rpc/sallyport/authn"
	sallyportv1 "github.com/sallyport-rpc/sallyport/gen/sallyport/v1"
	"github.com/sallyport-rpc/sallyport/internal/declare"
)

// Random messages of random schemas with random rules are cleared as the reference clears
// them. SALLYPORT_TEST_FIELD_PAIRS says how many, `make fields` a million.
func TestRandomAgreesWithReference(t *testing.T) {
	t.Parallel()
	pairs, each := randomPairs(t, 4_000)
	random := rand.New(rand.NewPCG(1, 2))
	for range max(1, pairs/each) {
		schema := newSchema(t, random)
		for range each {
			message := dynamicpb.NewMessage(schema.root)
			filling{random: random, words: words}.fill(message, 4)
			schema.says.agree(t, schema.rules, principals[random.IntN(len(principals))], message)
		}
	}
}

// randomPairs is how many random messages there are, and how many of each schema: to compile
// the rules of one takes longer than to look at a message.
func randomPairs(t *testing.T, few int) (pairs, each int) {
	t.Helper()
	text := os.Getenv("SALLYPORT_TEST_FIELD_PAIRS")
	if text == "" {
		return few, 500
	}
	pairs, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return pairs, 4_000
}

var hierarchy = authn.NewHierarchy(map[string][]string{"admin": {"auditor"}, "auditor": nil})

func person(id string, roles ...string) *authn.Principal {
	return authn.NewPrincipal(id, authn.Details{Roles: roles}).Bound("session", hierarchy)
}

var principals = []*authn.Principal{person("a"), person("b", "auditor"), person("c", "admin"), person("d", "other")}

type schema struct {
	root  protoreflect.MessageDescriptor
	rules *Rules
	says  reference
}

// forms are rules, each with what it says.
var forms = []struct {
	grants []*sallyportv1.Grant
	says   says
}{
	{[]*sallyportv1.Grant{{AnyRole: []string{"auditor"}}}, isAuditor},
	{[]*sallyportv1.Grant{{Cel: new("this.id == principal.id")}}, isOwner},
	{[]*sallyportv1.Grant{{Cel: new("principal.id in this.words")}}, isAmong},
	{[]*sallyportv1.Grant{{AnyRole: []string{"auditor"}}, {Cel: new("this.id == principal.id")}}, func(p *authn.Principal, this *tree) bool { return isAuditor(p, this) || isOwner(p, this) }},
	{[]*sallyportv1.Grant{{AnyRole: []string{"auditor"}, Cel: new("this.flag")}}, func(p *authn.Principal, this *tree) bool { return isAuditor(p, this) && isFlagged(p, this) }},
	{[]*sallyportv1.Grant{{Cel: new("this.one.id == principal.id")}}, func(p *authn.Principal, this *tree) bool {
		one, ok := this.fields["one"].(*tree) // absent where it is not set
		return ok && isOwner(p, one)
	}},
	{[]*sallyportv1.Grant{{Cel: new("this.many.exists(m, m.flag && m.id == principal.id)")}}, func(p *authn.Principal, this *tree) bool {
		many, _ := this.fields["many"].([]any)
		return slices.ContainsFunc(many, func(of any) bool { return isFlagged(p, of.(*tree)) && isOwner(p, of.(*tree)) })
	}},
	{[]*sallyportv1.Grant{{Cel: new("has(this.maybe) && this.maybe == principal.id")}}, func(p *authn.Principal, this *tree) bool { return this.fields["maybe"] == p.ID() }},
}

func isAuditor(p *authn.Principal, _ *tree) bool { return p.Has("auditor") }
func isOwner(p *authn.Principal, this *tree) bool {
	return this.fields["id"] == p.ID()
}
func isFlagged(_ *authn.Principal, this *tree) bool { return this.fields["flag"] == "true" }
func isAmong(p *authn.Principal, this *tree) bool {
	words, _ := this.fields["words"].([]any)
	return slices.Contains(words, any(p.ID()))
}

// newSchema makes four types that hold each other, whose fields have rules now and then.
func newSchema(t *testing.T, random *rand.Rand) schema {
	t.Helper()
	says := reference{}
	file := newTypes(random, "proto3", func(name protoreflect.FullName, _ *descriptorpb.FieldDescriptorProto) *sallyportv1.Field {
		if random.IntN(5) != 0 {
			return nil
		}
		form := forms[random.IntN(len(forms))]
		says[name] = form.says
		return &sallyportv1.Field{Read: &sallyportv1.Read{Allow: form.grants}}
	})
	made, declarations := declared(t, file, "random.M0", nil)
	return schema{made.Messages().ByName("M0"), NewRules(declarations.Fields), says}
}

// types is how many types there are that hold each other.
const types = 4

// newTypes makes types that hold each other. option is asked for what a field says, and may
// return nil.
func newTypes(random *rand.Rand, syntax string, option func(protoreflect.FullName, *descriptorpb.FieldDescriptorProto) *sallyportv1.Field) *descriptorpb.FileDescriptorProto {
	file := &descriptorpb.FileDescriptorProto{
		Name: new("random.proto"), Package: new("random"), Syntax: &syntax, Dependency: []string{"sallyport/v1/action.proto"},
	}
	for i := range types {
		message := &descriptorpb.DescriptorProto{Name: new(fmt.Sprintf("M%d", i))}
		add := func(name string, kind descriptorpb.FieldDescriptorProto_Type, to int, change func(*descriptorpb.FieldDescriptorProto)) {
			field := &descriptorpb.FieldDescriptorProto{
				Name: &name, Number: new(int32(len(message.GetField()) + 1)), Type: kind.Enum(), Label: descriptorpb.FieldDescriptorProto_LABEL_OPTIONAL.Enum(),
			}
			if kind == descriptorpb.FieldDescriptorProto_TYPE_MESSAGE {
				field.TypeName = new(fmt.Sprintf(".random.M%d", to))
			}
			if change != nil {
				change(field)
			}
			if said := option(protoreflect.FullName(fmt.Sprintf("random.M%d.%s", i, name)), field); said != nil {
				field.Options = &descriptorpb.FieldOptions{}
				proto.SetExtension(field.GetOptions(), sallyportv1.E_Field, said)
			}
			message.Field = append(message.Field, field)
		}
		const (
			text  = descriptorpb.FieldDescriptorProto_TYPE_STRING
			truth = descriptorpb.FieldDescriptorProto_TYPE_BOOL
			part  = descriptorpb.FieldDescriptorProto_TYPE_MESSAGE
		)
		repeated := func(field *descriptorpb.FieldDescriptorProto) {
			field.Label = descriptorpb.FieldDescriptorProto_LABEL_REPEATED.Enum()
		}
		oneof := func(index int32) func(*descriptorpb.FieldDescriptorProto) {
			return func(field *descriptorpb.FieldDescriptorProto) { field.OneofIndex = &index }
		}
		add("id", text, 0, nil)
		add("flag", truth, 0, nil)
		add("words", text, 0, repeated)
		add("one", part, random.IntN(types), nil)
		add("many", part, random.IntN(types), repeated)
		add("left", text, 0, oneof(0))
		add("right", part, random.IntN(types), oneof(0))
		message.OneofDecl = []*descriptorpb.OneofDescriptorProto{{Name: new("either")}}
		add("maybe", text, 0, func(field *descriptorpb.FieldDescriptorProto) {
			if syntax == "proto3" {
				oneof(1)(field)
				field.Proto3Optional = new(true)
				message.OneofDecl = append(message.OneofDecl, &descriptorpb.OneofDescriptorProto{Name: new("_maybe")})
			}
		})
		add("named", part, 0, func(field *descriptorpb.FieldDescriptorProto) {
			repeated(field)
			field.TypeName = new(fmt.Sprintf(".random.M%d.NamedEntry", i))
		})
		message.NestedType = []*descriptorpb.DescriptorProto{{
			Name: new("NamedEntry"), Options: &descriptorpb.MessageOptions{MapEntry: new(true)},
			Field: []*descriptorpb.FieldDescriptorProto{
				{Name: new("key"), Number: new(int32(1)), Type: text.Enum(), Label: descriptorpb.FieldDescriptorProto_LABEL_OPTIONAL.Enum()},
				{Name: new("value"), Number: new(int32(2)), Type: part.Enum(), TypeName: new(fmt.Sprintf(".random.M%d", random.IntN(types))), Label: descriptorpb.FieldDescriptorProto_LABEL_OPTIONAL.Enum()},
			},
		}}
		file.MessageType = append(file.MessageType, message)
	}
	role := func(name string, number int32, option *sallyportv1.Role) *descriptorpb.EnumValueDescriptorProto {
		value := &descriptorpb.EnumValueDescriptorProto{Name: &name, Number: &number}
		if option != nil {
			value.Options = &descriptorpb.EnumValueOptions{}
			proto.SetExtension(value.GetOptions(), sallyportv1.E_Role, option)
		}
		return value
	}
	roles := &descriptorpb.EnumOptions{}
	proto.SetExtension(roles, sallyportv1.E_Roles, true)
	file.EnumType = []*descriptorpb.EnumDescriptorProto{{Name: new("Role"), Options: roles, Value: []*descriptorpb.EnumValueDescriptorProto{
		role("NONE", 0, nil), role("AUDITOR", 1, &sallyportv1.Role{Name: "auditor"}), role("ADMIN", 2, &sallyportv1.Role{Name: "admin", Includes: []string{"auditor"}}),
	}}}
	return file
}

// declared is an action that takes a request of a type and answers with an M0.
func declared(t *testing.T, file *descriptorpb.FileDescriptorProto, request string, writes *sallyportv1.Writes) (protoreflect.FileDescriptor, *declare.Declaration) {
	t.Helper()
	options := &descriptorpb.MethodOptions{}
	proto.SetExtension(options, sallyportv1.E_Action, &sallyportv1.Action{
		Authenticate: &sallyportv1.Authenticate{Schemes: []string{"session"}}, Authorize: &sallyportv1.Authorize{Anyone: new("a test")},
		Writes: writes,
	})
	file.Service = []*descriptorpb.ServiceDescriptorProto{{Name: new("S"), Method: []*descriptorpb.MethodDescriptorProto{
		{Name: new("Do"), InputType: new("." + request), OutputType: new(".random.M0"), Options: options},
	}}}
	made, err := protodesc.NewFile(file, protoregistry.GlobalFiles)
	if err != nil {
		t.Fatal(err)
	}
	reader, err := declare.NewReader(declare.Config{})
	if err != nil {
		t.Fatal(err)
	}
	declarations, refusals := reader.Service(made.Services().Get(0), declare.Given{})
	if len(refusals) > 0 {
		t.Fatal(refusals)
	}
	return made, declarations[0]
}

var words = []string{"a", "b", "c", "x", ""}

// filling fills messages at random.
type filling struct {
	random     *rand.Rand
	extensions []protoreflect.ExtensionType
	packed     []*anypb.Any
	words      []string
}

// fill sets some fields of a message, and unknown ones.
func (f filling) fill(message protoreflect.Message, depth int) {
	random := f.random
	switch message.Descriptor().FullName() {
	case "google.protobuf.Any":
		proto.Merge(message.Interface(), f.packed[random.IntN(len(f.packed))])
		return
	case "google.protobuf.FieldMask":
		return
	}
	if random.IntN(4) == 0 {
		message.SetUnknown(protowire.AppendVarint(protowire.AppendTag(nil, 99, protowire.VarintType), random.Uint64()))
	}
	for i := range message.Descriptor().Fields().Len() {
		f.field(message, message.Descriptor().Fields().Get(i), depth)
	}
	for _, extension := range f.extensions {
		if field := extension.TypeDescriptor(); field.ContainingMessage() == message.Descriptor() && random.IntN(12) == 0 {
			f.field(message, field, depth)
		}
	}
}

func (f filling) field(message protoreflect.Message, field protoreflect.FieldDescriptor, depth int) {
	random, within := f.random, declare.MessageIn(field)
	switch {
	case random.IntN(2) == 0 || within != nil && depth == 0:
		return
	case within != nil && within.FullName() == "google.protobuf.Any" && random.IntN(3) > 0:
		return
	}
	value := func() protoreflect.Value {
		if field.Kind() == protoreflect.BoolKind {
			return protoreflect.ValueOfBool(random.IntN(2) == 0)
		}
		return protoreflect.ValueOfString(f.words[random.IntN(len(f.words))])
	}
	switch {
	case field.IsMap():
		for range random.IntN(3) {
			f.fill(message.Mutable(field).Map().Mutable(value().MapKey()).Message(), depth-1)
		}
	case field.IsList() && field.Message() != nil:
		for range random.IntN(3) {
			f.fill(message.Mutable(field).List().AppendMutable().Message(), depth-1)
		}
	case field.IsList():
		for range random.IntN(3) {
			message.Mutable(field).List().Append(value())
		}
	case field.Message() != nil:
		f.fill(message.Mutable(field).Message(), depth-1)
	default:
		message.Set(field, value())
	}
}
