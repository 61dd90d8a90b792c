package field

import (
	"slices"
	"testing"

	"github.com/bufbuild/protocompile"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/dynamicpb"

	fieldsv1 "github.com/sallyport-rpc/sallyport/gen/test/fields/v1"
	"github.com/sallyport-rpc/sallyport/internal/declare"
)

const openSchema = `syntax = "proto2";
package open.v1;
import "sallyport/v1/action.proto";
message Secret {
  optional string word = 1 [(sallyport.v1.field).read.allow = {cel: "principal.id == 'a'"}];
}
message Plain { optional string word = 1; }
message Host {
  optional string id = 1;
  extensions 100 to 200;
}
extend Host {
  optional Secret secret = 100;
  repeated Secret secrets = 101;
  optional Plain plain = 102;
  optional string guarded = 103 [(sallyport.v1.field).read.allow = {cel: "principal.id == 'a'"}];
  optional string open = 104;
}`

func compiled(t *testing.T, source string) protoreflect.FileDescriptor {
	t.Helper()
	compiler := protocompile.Compiler{Resolver: protocompile.CompositeResolver{
		&protocompile.SourceResolver{Accessor: protocompile.SourceAccessorFromMap(map[string]string{"open.proto": source})},
		protocompile.ResolverFunc(func(path string) (protocompile.SearchResult, error) {
			file, err := protoregistry.GlobalFiles.FindFileByPath(path)
			return protocompile.SearchResult{Desc: file}, err
		}),
	}}
	files, err := compiler.Compile(t.Context(), "open.proto")
	if err != nil {
		t.Fatal(err)
	}
	return files[0]
}

// An extension that is guarded, or leads to a field that is, leaves for no one; the others
// of the message stay.
func TestExtensions(t *testing.T) {
	t.Parallel()
	file := compiled(t, openSchema)
	extension := func(name protoreflect.Name) protoreflect.ExtensionType {
		return dynamicpb.NewExtensionType(file.Extensions().ByName(name))
	}
	message := func(name protoreflect.Name) *dynamicpb.Message {
		made := dynamicpb.NewMessage(file.Messages().ByName(name))
		if word := made.Descriptor().Fields().ByNumber(1); word != nil {
			made.Set(word, protoreflect.ValueOfString("w"))
		}
		return made
	}
	host := message("Host")
	host.Set(extension("secret").TypeDescriptor(), protoreflect.ValueOfMessage(message("Secret")))
	secrets := host.Mutable(extension("secrets").TypeDescriptor()).List()
	secrets.Append(protoreflect.ValueOfMessage(message("Secret")))
	host.Set(extension("plain").TypeDescriptor(), protoreflect.ValueOfMessage(message("Plain")))
	host.Set(extension("guarded").TypeDescriptor(), protoreflect.ValueOfString("g"))
	host.Set(extension("open").TypeDescriptor(), protoreflect.ValueOfString("o"))
	want := message("Host")
	want.Set(extension("plain").TypeDescriptor(), protoreflect.ValueOfMessage(message("Plain")))
	want.Set(extension("open").TypeDescriptor(), protoreflect.ValueOfString("o"))

	got, cleared := NewRules(nil).Clear(t.Context(), Reader{Principal: person("a")}, host)
	if !proto.Equal(want, got) {
		t.Errorf("got %v, want %v", got, want)
	}
	slices.Sort(cleared.Names)
	if want := []string{"open.v1.guarded", "open.v1.secret", "open.v1.secrets"}; !slices.Equal(cleared.Names, want) {
		t.Errorf("cleared %q, want %q", cleared.Names, want)
	}
}

// A field of which two rules were read, of two descriptors of one name, is for no one. One
// rule that was read twice is one.
func TestTwoRulesOfAName(t *testing.T) {
	t.Parallel()
	rule := func() *declare.FieldRule {
		file := compiled(t, openSchema)
		rule := *ruleForAuditors(t)
		rule.Field = file.Messages().ByName("Secret").Fields().Get(0)
		return &rule
	}
	first, second := rule(), rule()
	secret := dynamicpb.NewMessage(first.Field.ContainingMessage())
	secret.Set(first.Field, protoreflect.ValueOfString("w"))
	for name, test := range map[string]struct {
		rules []*declare.FieldRule
		stays bool
	}{
		"one":         {[]*declare.FieldRule{first}, true},
		"one, twice":  {[]*declare.FieldRule{first, first}, true},
		"two":         {[]*declare.FieldRule{first, second}, false},
		"two, thrice": {[]*declare.FieldRule{first, second, first}, false},
	} {
		got, _ := NewRules(test.rules).Clear(t.Context(), Reader{Principal: person("a", "auditor")}, secret)
		if stays := got.ProtoReflect().Has(first.Field); stays != test.stays {
			t.Errorf("%s: an auditor reads it: %t, want %t", name, stays, test.stays)
		}
	}
}

func ruleForAuditors(t *testing.T) *declare.FieldRule {
	t.Helper()
	for _, rule := range declaredRules(t) {
		if rule.Field.FullName() == "test.fields.v1.Salary.amount" {
			return rule
		}
	}
	t.Fatal("there is no such rule")
	return nil
}

// What is packed and cannot be read is named by its type, and nothing of it may be
// answered.
func TestClearPacked(t *testing.T) {
	t.Parallel()
	rules, ctx, reader := rulesOf(t), t.Context(), Reader{Principal: person("a")}
	wire, err := proto.Marshal(&fieldsv1.User{Id: "b", Email: "b@x"})
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		of          protoreflect.FullName
		wire        []byte
		left        proto.Message
		changed, ok bool
		names       []string
	}{
		"guarded":   {"test.fields.v1.User", wire, &fieldsv1.User{Id: "b"}, true, true, []string{"test.fields.v1.User.email"}},
		"unguarded": {"test.fields.v1.PlainResponse", nil, nil, false, true, nil},
		"unknown":   {"acme.v1.Ghost", wire, nil, false, false, []string{"acme.v1.Ghost"}},
		"not sound": {"test.fields.v1.User", []byte{1}, nil, false, false, []string{"test.fields.v1.User"}},
	} {
		left, changed, ok, cleared := rules.ClearPacked(ctx, reader, test.of, test.wire)
		if changed != test.changed || ok != test.ok || !slices.Equal(cleared.Names, test.names) {
			t.Errorf("%s: changed %t, ok %t, cleared %q", name, changed, ok, cleared.Names)
		}
		if test.left != nil {
			if diff := cmp.Diff(test.left, left, protocmp.Transform()); diff != "" {
				t.Errorf("%s: -want +got\n%s", name, diff)
			}
		}
	}
	// Where nothing is guarded, what is not known hides nothing.
	if _, changed, ok, cleared := (&Rules{}).ClearPacked(ctx, reader, "acme.v1.Ghost", wire); changed || !ok || cleared.Names != nil {
		t.Errorf("without rules: changed %t, ok %t, cleared %q", changed, ok, cleared.Names)
	}
	if (*Rules)(nil).Guard() || (&Rules{}).Guard() || !rules.Guard() {
		t.Error("whether there are rules is wrong")
	}
}

func TestWith(t *testing.T) {
	t.Parallel()
	for _, first := range []bool{false, true} {
		for _, second := range []bool{false, true} {
			cleared := Cleared{More: first}
			if cleared.With(Cleared{More: second}); cleared.More != (first || second) {
				t.Errorf("%t and %t are %t", first, second, cleared.More)
			}
		}
	}
}

// A message within that is not set stays so, and one that is set stays there, empty as it
// may be.
func TestPresenceStays(t *testing.T) {
	t.Parallel()
	unknown := protowire.AppendVarint(protowire.AppendTag(nil, 99, protowire.VarintType), 1)
	from := &fieldsv1.User{Id: "a", Salary: &fieldsv1.Salary{}}
	from.GetSalary().ProtoReflect().SetUnknown(unknown)
	got, _ := clearFor(t, person("a"), from)
	user := got.(*fieldsv1.User)
	if user.GetSalary() == nil || user.GetManager() != nil || user.GetMore() != nil || len(user.GetSalary().ProtoReflect().GetUnknown()) > 0 {
		t.Errorf("got %v", user)
	}
	if got, cleared := clearFor(t, person("a"), (*fieldsv1.User)(nil)); got.ProtoReflect().IsValid() || cleared.Names != nil {
		t.Errorf("of no message %v is left, cleared %q", got, cleared.Names)
	}
}
