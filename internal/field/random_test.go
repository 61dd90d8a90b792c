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

	"github.com/sallyport-rpc/sallyport/authn"
	sallyportv1 "github.com/sallyport-rpc/sallyport/gen/sallyport/v1"
	"github.com/sallyport-rpc/sallyport/internal/declare"
)

// Random messages of random schemas with random rules are cleared as the reference clears
// them. SALLYPORT_TEST_FIELD_PAIRS says how many, `make fields` a million.
func TestRandomAgreesWithReference(t *testing.T) {
	t.Parallel()
	pairs := 4_000
	if text := os.Getenv("SALLYPORT_TEST_FIELD_PAIRS"); text != "" {
		var err error
		if pairs, err = strconv.Atoi(text); err != nil {
			t.Fatal(err)
		}
	}
	each := 500
	if pairs >= 100_000 {
		each = 4_000 // to compile the rules of a schema takes longer than to clear a message
	}
	random := rand.New(rand.NewPCG(1, 2))
	for range max(1, pairs/each) {
		schema := newSchema(t, random)
		for range each {
			message := dynamicpb.NewMessage(schema.root)
			fill(random, message, 4)
			schema.says.agree(t, schema.rules, principals[random.IntN(len(principals))], message)
		}
	}
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
	const types = 4
	says := reference{}
	file := &descriptorpb.FileDescriptorProto{
		Name: new("random.proto"), Package: new("random"), Syntax: new("proto3"), Dependency: []string{"sallyport/v1/action.proto"},
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
			if random.IntN(5) == 0 {
				form := forms[random.IntN(len(forms))]
				field.Options = &descriptorpb.FieldOptions{}
				proto.SetExtension(field.GetOptions(), sallyportv1.E_Field, &sallyportv1.Field{Read: &sallyportv1.Read{Allow: form.grants}})
				says[protoreflect.FullName(fmt.Sprintf("random.M%d.%s", i, name))] = form.says
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
		add("maybe", text, 0, func(field *descriptorpb.FieldDescriptorProto) {
			oneof(1)(field)
			field.Proto3Optional = new(true)
		})
		add("named", part, 0, func(field *descriptorpb.FieldDescriptorProto) {
			repeated(field)
			field.TypeName = new(fmt.Sprintf(".random.M%d.NamedEntry", i))
		})
		message.OneofDecl = []*descriptorpb.OneofDescriptorProto{{Name: new("either")}, {Name: new("_maybe")}}
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
	options := &descriptorpb.MethodOptions{}
	proto.SetExtension(options, sallyportv1.E_Action, &sallyportv1.Action{
		Authenticate: &sallyportv1.Authenticate{Schemes: []string{"session"}}, Authorize: &sallyportv1.Authorize{Anyone: new("a test")},
	})
	file.Service = []*descriptorpb.ServiceDescriptorProto{{Name: new("S"), Method: []*descriptorpb.MethodDescriptorProto{
		{Name: new("Get"), InputType: new(".random.M0"), OutputType: new(".random.M0"), Options: options},
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
	return schema{made.Messages().Get(0), NewRules(declarations[0].Fields), says}
}

var words = []string{"a", "b", "c", "x", ""}

// fill sets some fields of a message, and unknown ones.
func fill(random *rand.Rand, message protoreflect.Message, depth int) {
	if random.IntN(4) == 0 {
		message.SetUnknown(protowire.AppendVarint(protowire.AppendTag(nil, 99, protowire.VarintType), random.Uint64()))
	}
	for i := range message.Descriptor().Fields().Len() {
		field := message.Descriptor().Fields().Get(i)
		if random.IntN(2) == 0 || declare.MessageIn(field) != nil && depth == 0 {
			continue
		}
		value := func() protoreflect.Value {
			if field.Kind() == protoreflect.BoolKind {
				return protoreflect.ValueOfBool(random.IntN(2) == 0)
			}
			return protoreflect.ValueOfString(words[random.IntN(len(words))])
		}
		switch {
		case field.IsMap():
			for range random.IntN(3) {
				fill(random, message.Mutable(field).Map().Mutable(value().MapKey()).Message(), depth-1)
			}
		case field.IsList() && field.Message() != nil:
			for range random.IntN(3) {
				fill(random, message.Mutable(field).List().AppendMutable().Message(), depth-1)
			}
		case field.IsList():
			for range random.IntN(3) {
				message.Mutable(field).List().Append(value())
			}
		case field.Message() != nil:
			fill(random, message.Mutable(field).Message(), depth-1)
		default:
			message.Set(field, value())
		}
	}
}
