package field

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	"github.com/sallyport-rpc/sallyport/authn"
	sallyportv1 "github.com/sallyport-rpc/sallyport/gen/sallyport/v1"
	fieldsv1 "github.com/sallyport-rpc/sallyport/gen/test/fields/v1"
	writesv1 "github.com/sallyport-rpc/sallyport/gen/test/writes/v1"
	"github.com/sallyport-rpc/sallyport/internal/condition"
	"github.com/sallyport-rpc/sallyport/internal/declare"
)

// Random requests of random schemas with random rules write what the reference says.
// SALLYPORT_TEST_FIELD_PAIRS says how many, `make fields` a million.
func TestRandomWritesAgreeWithReference(t *testing.T) {
	t.Parallel()
	pairs, each := randomPairs(t, 4_000)
	random := rand.New(rand.NewPCG(3, 4))
	for range max(1, pairs/each) {
		schema := newWriteSchema(t, random, []int{4, 15}[random.IntN(2)], writeForms)
		for range each {
			question := schema.ask(random)
			before := proto.Clone(question.request)
			if difference := question.says.agree(t, question.writing, question.principal, question.stored, question.request); difference != "" {
				t.Fatalf("%s, of %v with %+v stored\n%v\nleft\n%v\n%s", question.principal.ID(), question.shape, question.stored, before, question.request, difference)
			}
		}
	}
}

// The comparison finds each fault of a reference. Nothing runs beside it, and the race detector
// takes ten times as long: `make differential` runs it without.
func TestWriteComparisonFindsFaults(t *testing.T) {
	t.Parallel()
	if raceDetector {
		t.Skip("runs without the race detector, by make differential")
	}
	unseen := []fault{
		faultMates, faultDisplaced, faultAbove, faultBelow, faultStar, faultOutside, faultAbsent, faultStored, faultKey, faultUnknown,
		faultPart, faultMateValue, faultUnread, faultBlank, faultEmpty, faultPath, faultList, faultAny, faultExtension,
	}
	random := rand.New(rand.NewPCG(5, 6))
	for i := range 200 {
		// What a fault says of one field is hidden by what is said of others: then few have
		// rules, all of one form that the rarest faults need, and there are few words.
		aimed := i > 1
		fields, suiting := 4, writeForms
		if aimed {
			form := []int{10, 9, 1, 4}[i%4]
			fields, suiting = 3, writeForms[form:form+1]
		}
		schema := newWriteSchema(t, random, fields, suiting)
		if aimed {
			schema.words = []string{"a", "b"}
		}
		for range 300 {
			question := schema.ask(random)
			if aimed {
				question.principal = principals[1] // who may write most, of what is stored too
				if question.stored != nil {
					stored := question.stored.ProtoReflect()
					stored.Set(stored.Descriptor().Fields().ByName("id"), protoreflect.ValueOfString("b"))
				}
			}
			before := proto.Clone(question.request)
			if difference := question.says.agree(t, question.writing, question.principal, question.stored, before); difference != "" {
				t.Fatalf("%s, of %v: %v\n%s", question.principal.ID(), question.shape, question.request, difference) // it would be found with every fault
			}
			unseen = slices.DeleteFunc(unseen, func(fault fault) bool {
				wrong := question.says
				wrong.fault = fault
				return wrong.agree(t, question.writing, question.principal, question.stored, proto.Clone(question.request)) != ""
			})
		}
		if len(unseen) == 0 {
			t.Logf("found all after %d schemas", i+1)
			return
		}
	}
	t.Errorf("nothing finds: %q", unseen)
}

// A writeForm is a rule that suits fields of some names, with what it says.
type writeForm struct {
	fields string
	grants []*sallyportv1.Grant
	says   writeSays
}

var writeForms = []writeForm{
	{"id flag words one many left right maybe named", []*sallyportv1.Grant{{AnyRole: []string{"auditor"}}}, byAuditor},
	{"left right named", []*sallyportv1.Grant{{Cel: new("resource.id == principal.id")}}, byOwner},
	{"left right named", []*sallyportv1.Grant{{AnyRole: []string{"admin"}}, {Cel: new("resource.flag && resource.id == principal.id")}}, func(p *authn.Principal, stored *tree, _ any) bool {
		return p.Has("admin") || stored != nil && isFlagged(p, stored) && isOwner(p, stored)
	}},
	{"id left maybe", []*sallyportv1.Grant{{AnyRole: []string{"auditor"}, Cel: new("value == 'a'")}}, func(p *authn.Principal, _ *tree, value any) bool { return isAuditor(p, nil) && value == "a" }},
	{"id left maybe", []*sallyportv1.Grant{{Cel: new("resource.id == principal.id && value in ['a', 'x']")}}, func(p *authn.Principal, stored *tree, value any) bool {
		return byOwner(p, stored, nil) && (value == "a" || value == "x")
	}},
	{"id left maybe", []*sallyportv1.Grant{{AnyRole: []string{"auditor"}, Cel: new("value == principal.id || value == 'c'")}}, func(p *authn.Principal, _ *tree, value any) bool {
		return isAuditor(p, nil) && (value == p.ID() || value == "c")
	}},
	{"flag", []*sallyportv1.Grant{{AnyRole: []string{"auditor"}, Cel: new("value")}}, func(p *authn.Principal, _ *tree, value any) bool { return isAuditor(p, nil) && value == "true" }},
	{"words", []*sallyportv1.Grant{{AnyRole: []string{"auditor"}, Cel: new("principal.id in value")}}, func(p *authn.Principal, _ *tree, value any) bool {
		words, _ := value.([]any)
		return isAuditor(p, nil) && slices.Contains(words, any(p.ID()))
	}},
	{"one right", []*sallyportv1.Grant{{AnyRole: []string{"auditor"}, Cel: new("value.id == principal.id")}}, func(p *authn.Principal, _ *tree, value any) bool {
		one, ok := value.(*tree)
		return isAuditor(p, nil) && ok && isOwner(p, one)
	}},
	// What is there may mostly be written, so that what is taken for a value, and is none, shows.
	{"one right", []*sallyportv1.Grant{{AnyRole: []string{"auditor"}, Cel: new("!(has(value.id) && value.id == 'q')")}}, func(p *authn.Principal, _ *tree, value any) bool {
		one, ok := value.(*tree)
		return isAuditor(p, nil) && ok && one.fields["id"] != "q"
	}},
	{"left maybe", []*sallyportv1.Grant{{AnyRole: []string{"auditor"}, Cel: new("value != 'q'")}}, func(p *authn.Principal, _ *tree, value any) bool {
		return isAuditor(p, nil) && value != nil && value != "q"
	}},
	{"many", []*sallyportv1.Grant{{AnyRole: []string{"auditor"}, Cel: new("value.exists(m, m.flag)")}}, func(p *authn.Principal, _ *tree, value any) bool {
		many, _ := value.([]any)
		return isAuditor(p, nil) && slices.ContainsFunc(many, func(of any) bool { return isFlagged(p, of.(*tree)) })
	}},
}

func byAuditor(p *authn.Principal, _ *tree, _ any) bool { return isAuditor(p, nil) }
func byOwner(p *authn.Principal, stored *tree, _ any) bool {
	return stored != nil && isOwner(p, stored)
}

type writeSchema struct {
	file       protoreflect.FileDescriptor
	rules      *Rules
	says       writeReference
	extensions []protoreflect.ExtensionType
	writings   map[string]*Writing // that were made
	words      []string            // of requests
}

const (
	textKind    = descriptorpb.FieldDescriptorProto_TYPE_STRING
	messageKind = descriptorpb.FieldDescriptorProto_TYPE_MESSAGE
	maskType    = ".google.protobuf.FieldMask"
	anyType     = ".google.protobuf.Any"
)

func fieldOf(name string, number int32, kind descriptorpb.FieldDescriptorProto_Type, of string) *descriptorpb.FieldDescriptorProto {
	field := &descriptorpb.FieldDescriptorProto{Name: &name, Number: &number, Type: kind.Enum(), Label: descriptorpb.FieldDescriptorProto_LABEL_OPTIONAL.Enum()}
	if of != "" {
		field.TypeName = &of
	}
	return field
}

// newWriteSchema makes random types whose fields say now and then who may write or read
// them, and requests that hold them. Of so many fields, one says who may write it,
// by one of the forms.
func newWriteSchema(t *testing.T, random *rand.Rand, fields int, of []writeForm) writeSchema {
	t.Helper()
	says := writeReference{writes: map[protoreflect.FullName]writeSays{}, reads: reference{}, packs: map[string]bool{}, reached: map[protoreflect.FullName]bool{}}
	syntax := []string{"proto2", "proto3"}[random.IntN(2)]
	file := newTypes(random, syntax, func(name protoreflect.FullName, field *descriptorpb.FieldDescriptorProto) *sallyportv1.Field {
		option := &sallyportv1.Field{}
		suits := slices.DeleteFunc(slices.Clone(of), func(form writeForm) bool {
			return !slices.Contains(strings.Fields(form.fields), field.GetName())
		})
		if len(suits) > 0 && random.IntN(fields) == 0 {
			form := suits[random.IntN(len(suits))]
			option.Write, says.writes[name] = &sallyportv1.Write{Allow: form.grants}, form.says
		}
		if random.IntN(fields+2) == 0 {
			form := forms[random.IntN(len(forms))]
			option.Read, says.reads[name] = &sallyportv1.Read{Allow: form.grants}, form.says
		}
		if option.GetWrite() == nil && option.GetRead() == nil {
			return nil
		}
		return option
	})
	file.Dependency = append(file.Dependency, "google/protobuf/any.proto", "google/protobuf/field_mask.proto")
	for _, message := range file.GetMessageType() {
		message.Field = append(message.Field, fieldOf("any", 20, messageKind, anyType))
	}
	notes := fieldOf("notes", 1, messageKind, ".random.M0")
	notes.Label = descriptorpb.FieldDescriptorProto_LABEL_REPEATED.Enum()
	mask := fieldOf("mask", 2, messageKind, maskType)
	message := func(name string, fields ...*descriptorpb.FieldDescriptorProto) {
		file.MessageType = append(file.MessageType, &descriptorpb.DescriptorProto{Name: &name, Field: fields})
	}
	message("Nothing")
	message("Request", fieldOf("note", 1, messageKind, ".random.M0"), mask, fieldOf("other", 3, messageKind, ".random.M1"))
	message("Wrapper", fieldOf("inner", 1, messageKind, ".random.Request"), fieldOf("beside", 2, messageKind, ".random.M2"))
	message("Batch", notes, mask)
	message("Holder", fieldOf("any", 1, messageKind, anyType), fieldOf("text", 2, textKind, ""))
	if syntax == "proto2" {
		file.MessageType[0].ExtensionRange = []*descriptorpb.DescriptorProto_ExtensionRange{{Start: new(int32(100)), End: new(int32(200))}}
		for i, extension := range []*descriptorpb.FieldDescriptorProto{
			fieldOf("x_text", 100, textKind, ""), fieldOf("x_message", 101, messageKind, ".random.M3"),
			fieldOf("x_any", 102, messageKind, anyType), fieldOf("x_holder", 103, messageKind, ".random.Holder"),
		} {
			extension.Extendee = new(".random.M0")
			if i%2 == 1 {
				extension.Label = descriptorpb.FieldDescriptorProto_LABEL_REPEATED.Enum()
			}
			file.Extension = append(file.Extension, extension)
		}
	}
	made, declaration := declared(t, file, "random.Nothing", nil)
	var extensions []protoreflect.ExtensionType
	for i := range made.Extensions().Len() {
		extensions = append(extensions, dynamicpb.NewExtensionType(made.Extensions().Get(i)))
	}
	for _, packed := range guardedPacks() {
		says.packs[asPacked(packed)] = true
	}
	return writeSchema{made, NewRules(declaration.Details), says, extensions, map[string]*Writing{}, words}
}

func asPacked(of *anypb.Any) string { return packed(treeOf(of.ProtoReflect())) }

func pack(message proto.Message) *anypb.Any {
	packed, err := anypb.New(message)
	if err != nil {
		panic(err)
	}
	return packed
}

// guardedPacks hold what only some may write.
func guardedPacks() []*anypb.Any {
	part := pack(&writesv1.Part{Text: "x"})
	return []*anypb.Any{part, pack(&fieldsv1.User{More: part}), pack(pack(pack(part))), pack(&fieldsv1.User{Contacts: map[string]*fieldsv1.User{"a": {Manager: &fieldsv1.User{More: part}}}})}
}

var packs = append([]*anypb.Any{
	{}, pack(&fieldsv1.PlainResponse{Word: "w"}), pack(&fieldsv1.User{More: pack(&fieldsv1.PlainResponse{})}), {TypeUrl: "x/acme.v1.Ghost", Value: []byte{1}},
}, guardedPacks()...)

// A question is a request, who sends it, and what is known of it.
type question struct {
	shape           string
	principal       *authn.Principal
	stored, request proto.Message
	writing         *Writing
	says            writeReference
}

// ask makes a random request of a random action.
func (s writeSchema) ask(random *rand.Rand) question {
	shapes := []struct {
		request, mask, of, about string
		masks                    bool // whether they are declared
		replaces                 bool
	}{
		{"Request", "mask", "note", "note", true, false}, {"Request", "mask", "note", "note", false, false}, {"Request", "mask", "note", "note", false, true},
		{"Wrapper", "inner.mask", "inner.note", "inner.note", true, false}, {"Wrapper", "inner.mask", "inner.note", "inner.note", false, true},
		{"Batch", "mask", "notes", "-", true, false}, {"M0", "", "", "", false, false}, {"M0", "", "", "", false, true},
	}
	shape := shapes[random.IntN(len(shapes))]
	message := s.file.Messages().ByName(protoreflect.Name(shape.request))
	lead := func(path string) (found condition.Path) {
		at := message
		for name := range strings.SplitSeq(path, ".") {
			if name != "" {
				found = append(found, at.Fields().ByName(protoreflect.Name(name)))
				at = found[len(found)-1].Message()
			}
		}
		return found
	}
	declared := &declare.Writing{EmptyAll: random.IntN(2) == 0, Replaces: shape.replaces}
	says := s.says
	says.emptyAll, says.replaces, says.about, says.key = declared.EmptyAll, shape.replaces, "-", "-"
	if shape.masks {
		of, mask := lead(shape.of), lead(shape.mask)
		declared.Masks = []declare.Mask{{Field: mask[len(mask)-1], Of: of[len(of)-1]}}
		says.masks = map[protoreflect.FullName]string{of[len(of)-1].FullName(): string(mask[len(mask)-1].Name())}
	}
	var about *declare.Resource
	var stored proto.Message
	fills := filling{random, s.extensions, packs, s.words}
	if shape.about != "-" && random.IntN(4) > 0 {
		key := []string{"id", "id", "one.id"}[random.IntN(3)]
		says.about, says.key = shape.about, under(shape.about, key)
		about = &declare.Resource{Type: s.file.Messages().ByName("M0"), Carries: true, Carried: lead(shape.about), Key: lead(says.key)}
		if random.IntN(4) > 0 {
			object := dynamicpb.NewMessage(about.Type)
			fills.fill(object, 2)
			stored = object
		}
	}
	request := dynamicpb.NewMessage(message)
	fills.fill(request, 4)
	if shape.mask != "" && random.IntN(6) > 0 {
		var holder protoreflect.Message = request
		path := lead(shape.mask)
		for _, field := range path[:len(path)-1] {
			holder = holder.Mutable(field).Message()
		}
		mask := &fieldmaskpb.FieldMask{}
		for range random.IntN(4) {
			mask.Paths = append(mask.Paths, randomPath(random, s.file.Messages().ByName("M0")))
		}
		wire, _ := proto.Marshal(mask)
		_ = proto.Unmarshal(wire, holder.Mutable(path[len(path)-1]).Message().Interface())
	}
	known := fmt.Sprint(shape, declared.EmptyAll, says.key)
	writing, ok := s.writings[known]
	if !ok {
		writing = s.rules.Writing(message, declared, about)
		s.writings[known] = writing
	}
	return question{
		fmt.Sprintf("%+v", shape), principals[random.IntN(len(principals))], stored, request,
		writing, says,
	}
}

// randomPath is a path of a mask, which leads to nothing now and then.
func randomPath(random *rand.Rand, of protoreflect.MessageDescriptor) string {
	switch random.IntN(60) {
	case 0:
		return "ghost"
	case 1:
		return "id.x"
	case 2:
		return "many.id"
	case 3:
		return ""
	case 4, 5, 6:
		return "*"
	case 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18:
		return "right." + []string{"id", "flag", "maybe"}[random.IntN(3)] // displaces the other member of a oneof
	}
	var names []string
	for {
		field := of.Fields().Get(random.IntN(of.Fields().Len()))
		names = append(names, string(field.Name()))
		if field.Message() == nil || field.IsList() || field.IsMap() || len(names) == 4 || random.IntN(3) == 0 {
			return strings.Join(names, ".")
		}
		of = field.Message()
	}
}
