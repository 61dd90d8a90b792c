package field

import (
	"errors"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	"github.com/sallyport-rpc/sallyport/authn"
	sallyportv1 "github.com/sallyport-rpc/sallyport/gen/sallyport/v1"
	fieldsv1 "github.com/sallyport-rpc/sallyport/gen/test/fields/v1"
	writesv1 "github.com/sallyport-rpc/sallyport/gen/test/writes/v1"
	"github.com/sallyport-rpc/sallyport/internal/condition"
	"github.com/sallyport-rpc/sallyport/internal/declare"
)

const writeSchemaText = `syntax = "proto2";
package write.v1;
import "google/protobuf/any.proto";
import "google/protobuf/field_mask.proto";
import "sallyport/v1/action.proto";
message Secret {
  optional string word = 1 [(sallyport.v1.field).write.allow = {any_role: "auditor"}];
}
message Held {
  optional google.protobuf.Any any = 1;
  extensions 100 to 200;
}
message Key { optional string id = 1 [(sallyport.v1.field).write.allow = {any_role: "auditor"}]; }
message Host {
  optional Key key = 1;
  oneof shown {
    string plain = 2;
    Secret secret = 3;
    string pinned = 4 [(sallyport.v1.field).write.allow = {any_role: "auditor"}];
  }
  oneof other {
    string text = 5;
    Secret kept = 6;
  }
  oneof given {
    string left = 8 [(sallyport.v1.field).write.allow = {any_role: "auditor"}];
    string right = 9;
  }
  optional Lead lead = 10;
  extensions 100 to 200;
}
message Lead {
  oneof shown {
    string text = 1;
    Secret secret = 2;
  }
}
extend Host {
  optional string guarded = 100 [(sallyport.v1.field).write.allow = {any_role: "auditor"}];
  optional Held held = 101;
  repeated Held many = 102;
  optional string open = 103;
}
extend Held {
  optional string sealed = 100 [(sallyport.v1.field).write.allow = {any_role: "auditor"}];
  optional string unsealed = 101;
}
message Request { optional Host host = 1; optional google.protobuf.FieldMask mask = 2; }`

// What a request writes that does not name it, and what could write past every name.
func TestWriteBesideNames(t *testing.T) {
	t.Parallel()
	file := compiled(t, writeSchemaText)
	extension := func(name protoreflect.Name) protoreflect.ExtensionType {
		return dynamicpb.NewExtensionType(file.Extensions().ByName(name))
	}
	part := pack(&writesv1.Part{Text: "x"})
	held := func() *dynamicpb.Message {
		made := dynamicpb.NewMessage(file.Messages().ByName("Held"))
		wire, err := proto.Marshal(part)
		if err != nil {
			t.Fatal(err)
		}
		if err := proto.Unmarshal(wire, made.Mutable(made.Descriptor().Fields().Get(0)).Message().Interface()); err != nil {
			t.Fatal(err)
		}
		return made
	}
	sealed := func(name protoreflect.Name) *dynamicpb.Message {
		made := dynamicpb.NewMessage(file.Messages().ByName("Held"))
		made.Set(extension(name).TypeDescriptor(), protoreflect.ValueOfString("s"))
		return made
	}
	sets := func(name protoreflect.Name, value protoreflect.Value) func(protoreflect.Message) {
		return func(host protoreflect.Message) { host.Set(extension(name).TypeDescriptor(), value) }
	}
	request := file.Messages().ByName("Request")
	host, mask := request.Fields().ByName("host"), request.Fields().ByName("mask")
	key := file.Messages().ByName("Host").Fields().ByName("key")
	about := &declare.Resource{
		Type: host.Message(), Carries: true, Carried: condition.Path{host}, Key: condition.Path{host, key, key.Message().Fields().Get(0)},
	}
	var rules []*declare.FieldRule
	for _, name := range []protoreflect.FullName{"Secret.word", "Key.id", "Host.pinned", "Host.left"} {
		rule := *ruleForAuditors(t)
		rule.Field = file.Messages().ByName(name.Parent().Name()).Fields().ByName(name.Name())
		rule.Write, rule.Read = rule.Read, nil
		rule.Option = &sallyportv1.Field{Write: &sallyportv1.Write{Allow: rule.Option.GetRead().GetAllow()}}
		rules = append(rules, &rule)
	}
	for name, test := range map[string]struct {
		host    string
		change  func(protoreflect.Message)
		mask    []string // nil for what is set
		refused string   // a field, or "mask"
		left    string   // of the host
		role    string
	}{
		"a oneof's other":                          {host: `plain: "p"`, refused: "Host.pinned"},
		"a oneof's other, named":                   {host: `plain: "p"`, mask: []string{"plain"}, refused: "Host.pinned"},
		"a message below a oneof's other":          {host: `text: "p"`, refused: "Secret.word"},
		"a message below a oneof's other, named":   {host: `text: "p"`, mask: []string{"text"}, refused: "Secret.word"},
		"a message of a oneof, another part of it": {host: `kept: {}`, left: `kept: {}`},
		"a message of a oneof, not named":          {host: `kept: {}`, mask: []string{"key"}, refused: "Key.id"},
		"a oneof that is not named":                {host: `text: "t"`, mask: []string{"right"}, refused: "Host.left"},
		"an extension that is guarded":             {change: sets("guarded", protoreflect.ValueOfString("g")), refused: "guarded"},
		"an extension that is open":                {change: sets("open", protoreflect.ValueOfString("o")), left: "same"},
		"an extension that packs what is guarded":  {change: func(host protoreflect.Message) { sets("held", protoreflect.ValueOfMessage(held()))(host) }, refused: "held"},
		"an extension that packs, in a list": {change: func(host protoreflect.Message) {
			host.Mutable(extension("many").TypeDescriptor()).List().Append(protoreflect.ValueOfMessage(held()))
		}, refused: "many"},
		"an extension of an extension, that is guarded":     {change: sets("held", protoreflect.ValueOfMessage(sealed("sealed"))), refused: "held"},
		"an extension of an extension, that is open":        {change: sets("held", protoreflect.ValueOfMessage(sealed("unsealed"))), left: "same"},
		"a key below the object":                            {host: `key: {id: "k"}`, left: `key: {id: "k"}`},
		"a key below the object, outside of a mask":         {host: `key: {id: "k"}`, mask: []string{}, left: `key: {id: "k"}`},
		"a oneof that leads to it, in a message of its own": {host: `lead: {text: "t"}`, mask: []string{}, left: `lead: {}`},
		"a member by another's name":                        {host: `left: "a"`, mask: []string{"right"}, left: ``, role: "auditor"},
		"a member by its own name":                          {host: `left: "a"`, mask: []string{"left"}, left: "same", role: "auditor"},
		"a oneof that leads to it, of no mask":              {host: `text: "t"`, mask: []string{}, left: ``},
		"a member that is whole, and another's name":        {host: `kept: {word: "w"}`, mask: []string{"kept", "text"}, left: `kept: {word: "w"}`, role: "auditor"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			declared := &declare.Writing{}
			sent := dynamicpb.NewMessage(request)
			if err := prototext.Unmarshal([]byte(test.host), sent.Mutable(host).Message().Interface()); err != nil {
				t.Fatal(err)
			}
			if test.change != nil {
				test.change(sent.Mutable(host).Message())
			}
			if test.mask != nil {
				declared.Masks = []declare.Mask{{Field: mask, Of: host}}
				wire, err := proto.Marshal(&fieldmaskpb.FieldMask{Paths: test.mask})
				if err != nil {
					t.Fatal(err)
				}
				if err := proto.Unmarshal(wire, sent.Mutable(mask).Message().Interface()); err != nil {
					t.Fatal(err)
				}
			}
			before := proto.Clone(sent.Get(host).Message().Interface())
			writing := NewRules(rules).Writing(request, declared, about)
			err := writing.Write(t.Context(), Writer{Principal: person("a", test.role)}, sent)
			if test.refused != "" {
				refused, ok := errors.AsType[*RefusedError](err)
				if !ok || string(refused.Field) != "write.v1."+test.refused {
					t.Errorf("got %v, want %s refused", err, test.refused)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			want := before
			if test.left != "same" {
				want = dynamicpb.NewMessage(host.Message())
				if err := prototext.Unmarshal([]byte(test.left), want); err != nil {
					t.Fatal(err)
				}
			}
			if got := sent.Get(host).Message().Interface(); !proto.Equal(want, got) {
				t.Errorf("%v is left, want %v", got, want)
			}
		})
	}
}

// What takes the place of a message takes the place of what the caller may not read of it,
// also below it.
func TestReplaceUnread(t *testing.T) {
	t.Parallel()
	user := (&fieldsv1.User{}).ProtoReflect().Descriptor()
	own := &declare.Resource{Type: user, Carries: true, Key: condition.Path{user.Fields().ByName("id")}}
	for name, test := range map[string]struct {
		rules   *Rules
		request proto.Message
		about   *declare.Resource
		writer  Writer
		refused protoreflect.FullName
	}{
		"a field":                {rulesOf(t), &fieldsv1.Salary{}, nil, Writer{Principal: person("a")}, "test.fields.v1.Salary.amount"},
		"a field, by who may":    {rulesOf(t), &fieldsv1.Salary{}, nil, Writer{Principal: person("a", "auditor")}, ""},
		"a field without a rule": {&Rules{}, &fieldsv1.Salary{}, nil, Writer{Principal: person("a", "auditor")}, "test.fields.v1.Salary.amount"},
		"a field below":          {rulesOf(t), &fieldsv1.User{Id: "a"}, own, Writer{Principal: person("a"), Stored: &fieldsv1.User{Id: "a"}}, "test.fields.v1.Salary.amount"},
		"no message":             {rulesOf(t), (*fieldsv1.Salary)(nil), nil, Writer{Principal: person("a")}, ""},
	} {
		writing := test.rules.Writing(test.request.ProtoReflect().Descriptor(), &declare.Writing{Replaces: true}, test.about)
		err := writing.Write(t.Context(), test.writer, test.request)
		refused, ok := errors.AsType[*RefusedError](err)
		if ok && (refused.Field != test.refused || !refused.Unread) || !ok && (err != nil || test.refused != "") {
			t.Errorf("%s: got %v, want %q refused", name, err, test.refused)
		}
	}
}

func TestRefusedError(t *testing.T) {
	t.Parallel()
	why := errors.New("a fault")
	for text, of := range map[string]*RefusedError{
		"a.b may not be written":                         {Field: "a.b"},
		"a.b may not be replaced by who may not read it": {Field: "a.b", Unread: true},
		"whether a.b may be written: a fault":            {Field: "a.b", Undecided: why},
	} {
		if of.Error() != text || errors.Is(of, why) != (of.Undecided != nil) {
			t.Errorf("got %q, and the reason %v, want %q", of, errors.Unwrap(of), text)
		}
	}
}

// A mask of any text is read or refused, and what it names is what its texts say.
func FuzzMask(f *testing.F) {
	for _, paths := range []string{"title", "*", "part.seal", "part,owner_id", "part.part.part", "id.x", "", "ownerId", ".", "pinned,listed", "*,part.text"} {
		f.Add(paths, true)
	}
	note := (&writesv1.Note{}).ProtoReflect().Descriptor()
	request := (&writesv1.UpdateRequest{}).ProtoReflect().Descriptor()
	writing := NewRules(nil).Writing(request, &declare.Writing{Masks: []declare.Mask{{Field: request.Fields().ByName("update_mask"), Of: request.Fields().ByName("note")}}}, nil)
	no := func(*authn.Principal, *tree, any) bool { return false }
	says := writeReference{
		writes: map[protoreflect.FullName]writeSays{
			"test.writes.v1.Note.owner_id": no, "test.writes.v1.Note.stage": no, "test.writes.v1.Note.pinned": no, "test.writes.v1.Part.seal": no,
		},
		masks: map[protoreflect.FullName]string{"test.writes.v1.UpdateRequest.note": "update_mask"}, about: "-", key: "-",
		reached: map[protoreflect.FullName]bool{},
	}
	f.Fuzz(func(t *testing.T, paths string, set bool) {
		sent := &writesv1.UpdateRequest{UpdateMask: &fieldmaskpb.FieldMask{Paths: strings.Split(paths, ",")}}
		if set {
			sent.Note = &writesv1.Note{Id: "n", OwnerId: "ann", Stage: new("s"), Part: &writesv1.Part{Seal: new("s"), Text: "t"}, Shown: &writesv1.Note_Listed{Listed: "l"}}
		}
		list := sent.GetUpdateMask().ProtoReflect()
		if _, err := readMask(list.Get(list.Descriptor().Fields().ByName("paths")).List(), note); errors.Is(err, ErrMask) {
			for _, path := range sent.GetUpdateMask().GetPaths() {
				if len(path) > 200 || strings.Count(path, ".") >= maxDeep || len(sent.GetUpdateMask().GetPaths()) > maxPaths {
					return // more than the bounds
				}
			}
		}
		if difference := says.agree(t, writing, person("a"), nil, sent); difference != "" {
			t.Errorf("%q: %s", paths, difference)
		}
	})
}
