package field

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/known/anypb"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"

	"github.com/sallyport-rpc/sallyport/authn"
	fieldsv1 "github.com/sallyport-rpc/sallyport/gen/test/fields/v1"
	"github.com/sallyport-rpc/sallyport/internal/declare"
)

// rulesOf returns the rules of test.fields.v1.
func rulesOf(tb testing.TB) *Rules {
	tb.Helper()
	return NewRules(declaredRules(tb))
}

func declaredRules(tb testing.TB) []*declare.FieldRule {
	tb.Helper()
	reader, err := declare.NewReader(declare.Config{Files: protoregistry.GlobalFiles})
	if err != nil {
		tb.Fatal(err)
	}
	declarations, refusals := reader.Service(fieldsv1.File_test_fields_v1_fields_proto.Services().Get(0), declare.Given{})
	if len(refusals) > 0 {
		tb.Fatal(refusals)
	}
	return slices.Concat(declarations[0].Fields, declarations[0].Details)
}

// usersReference says what the rules of test.fields.v1 say.
var usersReference = reference{
	"test.fields.v1.User.email": func(p *authn.Principal, this *tree) bool { return isAuditor(p, this) || isOwner(p, this) },
	"test.fields.v1.User.phone": isOwner, "test.fields.v1.Salary.amount": isAuditor, "test.fields.v1.Missing.place": isAuditor,
}

func clearFor(t *testing.T, principal *authn.Principal, message proto.Message) (proto.Message, Cleared) {
	t.Helper()
	return rulesOf(t).Clear(t.Context(), Reader{Principal: principal}, message)
}

func TestClear(t *testing.T) {
	t.Parallel()
	packed := func(message proto.Message) *anypb.Any {
		made, err := anypb.New(message)
		if err != nil {
			t.Fatal(err)
		}
		return made
	}
	unknown := func(message *fieldsv1.User) *fieldsv1.User {
		message.ProtoReflect().SetUnknown(protowire.AppendVarint(protowire.AppendTag(nil, 99, protowire.VarintType), 1))
		return message
	}
	deep := packed(&fieldsv1.User{Id: "b"})
	for range maxPacked {
		deep = packed(deep)
	}
	ann := person("a")
	for name, test := range map[string]struct {
		principal *authn.Principal
		from, to  *fieldsv1.User
		names     []string
	}{
		"another":          {ann, &fieldsv1.User{Id: "b", Name: "Bo", Email: "b@x"}, &fieldsv1.User{Id: "b", Name: "Bo"}, []string{"User.email"}},
		"oneself":          {ann, &fieldsv1.User{Id: "a", Email: "a@x"}, &fieldsv1.User{Id: "a", Email: "a@x"}, nil},
		"an auditor":       {person("x", "auditor"), &fieldsv1.User{Id: "b", Email: "b@x"}, &fieldsv1.User{Id: "b", Email: "b@x"}, nil},
		"no one":           {nil, &fieldsv1.User{Id: "b", Email: "b@x"}, &fieldsv1.User{Id: "b"}, []string{"User.email"}},
		"nothing to clear": {ann, &fieldsv1.User{Id: "b"}, &fieldsv1.User{Id: "b"}, nil},
		"anyone":           {ann, &fieldsv1.User{Id: "b", Nickname: "bo"}, &fieldsv1.User{Id: "b", Nickname: "bo"}, nil},
		"nested":           {ann, &fieldsv1.User{Id: "a", Salary: &fieldsv1.Salary{Amount: 7, Currency: "SEK"}}, &fieldsv1.User{Id: "a", Salary: &fieldsv1.Salary{Currency: "SEK"}}, []string{"Salary.amount"}},
		"within itself":    {ann, &fieldsv1.User{Id: "a", Manager: &fieldsv1.User{Id: "b", Email: "b@x"}}, &fieldsv1.User{Id: "a", Manager: &fieldsv1.User{Id: "b"}}, []string{"User.email"}},
		"values of a map": {ann, &fieldsv1.User{Contacts: map[string]*fieldsv1.User{"me": {Id: "a", Email: "a@x"}, "her": {Id: "b", Email: "b@x"}}},
			&fieldsv1.User{Contacts: map[string]*fieldsv1.User{"me": {Id: "a", Email: "a@x"}, "her": {Id: "b"}}}, []string{"User.email"}},
		"a oneof":             {ann, &fieldsv1.User{Id: "b", Reached: &fieldsv1.User_Phone{Phone: "1"}}, &fieldsv1.User{Id: "b"}, []string{"User.phone"}},
		"a oneof's other":     {ann, &fieldsv1.User{Id: "b", Reached: &fieldsv1.User_Desk{Desk: "1"}}, &fieldsv1.User{Id: "b", Reached: &fieldsv1.User_Desk{Desk: "1"}}, nil},
		"unknown fields":      {person("x", "auditor"), unknown(&fieldsv1.User{Id: "b"}), &fieldsv1.User{Id: "b"}, nil},
		"unknown, deeper":     {ann, &fieldsv1.User{Manager: unknown(&fieldsv1.User{Id: "b"})}, &fieldsv1.User{Manager: &fieldsv1.User{Id: "b"}}, nil},
		"packed":              {ann, &fieldsv1.User{More: packed(&fieldsv1.User{Id: "b", Email: "b@x"})}, &fieldsv1.User{More: packed(&fieldsv1.User{Id: "b"})}, []string{"User.email"}},
		"packed twice":        {ann, &fieldsv1.User{More: packed(packed(&fieldsv1.User{Id: "b", Email: "b@x"}))}, &fieldsv1.User{More: packed(packed(&fieldsv1.User{Id: "b"}))}, []string{"User.email"}},
		"packed, unguarded":   {ann, &fieldsv1.User{More: packed(&fieldsv1.PlainResponse{Word: "w"})}, &fieldsv1.User{More: packed(&fieldsv1.PlainResponse{Word: "w"})}, nil},
		"packed, unknown":     {ann, &fieldsv1.User{More: &anypb.Any{TypeUrl: "x/acme.v1.Ghost", Value: []byte{1}}}, &fieldsv1.User{More: &anypb.Any{}}, []string{"google.protobuf.Any"}},
		"packed, not sound":   {ann, &fieldsv1.User{More: &anypb.Any{TypeUrl: "x/test.fields.v1.User", Value: []byte{1}}}, &fieldsv1.User{More: &anypb.Any{}}, []string{"google.protobuf.Any"}},
		"packed, a bare name": {ann, &fieldsv1.User{More: &anypb.Any{TypeUrl: "test.fields.v1.User", Value: []byte{0x1a, 1, 'x'}}}, &fieldsv1.User{More: &anypb.Any{TypeUrl: "test.fields.v1.User"}}, []string{"User.email"}},
		"an empty Any":        {ann, &fieldsv1.User{More: &anypb.Any{}}, &fieldsv1.User{More: &anypb.Any{}}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			before := proto.CloneOf(test.from)
			got, cleared := clearFor(t, test.principal, test.from)
			if diff := cmp.Diff(proto.Message(test.to), got, protocmp.Transform()); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
			var names []string
			for _, name := range test.names {
				if name != "google.protobuf.Any" {
					name = "test.fields.v1." + name
				}
				names = append(names, name)
			}
			if !slices.Equal(cleared.Names, names) || cleared.Undecided != nil {
				t.Errorf("cleared %q, %v, want %q", cleared.Names, cleared.Undecided, names)
			}
			if !proto.Equal(before, test.from) {
				t.Error("the message itself was changed")
			}
		})
	}
	if got, cleared := clearFor(t, ann, &fieldsv1.User{More: deep}); len(cleared.Names) != 1 {
		t.Errorf("too deep: %v, %v", got, cleared.Names)
	}
}

// Each element is decided by itself, and shares nothing with the message of the handler.
func TestElements(t *testing.T) {
	t.Parallel()
	shared := &fieldsv1.User{Id: "b", Email: "b@x"}
	from := &fieldsv1.UsersResponse{Users: []*fieldsv1.User{{Id: "a", Email: "a@x"}, shared, {Id: "a", Email: "a@y"}, shared}}
	got, _ := clearFor(t, person("a"), from)
	var emails []string
	for _, user := range got.(*fieldsv1.UsersResponse).GetUsers() {
		emails = append(emails, user.GetEmail())
		user.Name = "changed"
	}
	if want := []string{"a@x", "", "a@y", ""}; !slices.Equal(emails, want) {
		t.Errorf("got %q, want %q", emails, want)
	}
	if shared.GetName() != "" || shared.GetEmail() != "b@x" {
		t.Errorf("the handler's own was changed: %v", shared)
	}
}

// What is unguarded is sent as it is.
func TestUnguarded(t *testing.T) { //nolint:paralleltest // it counts allocations
	rules, plain := rulesOf(t), &fieldsv1.PlainResponse{Word: "w"}
	if got, _ := rules.Clear(t.Context(), Reader{}, plain); got != proto.Message(plain) || rules.Looks(plain.ProtoReflect().Descriptor()) {
		t.Error("it was copied")
	}
	if allocations := testing.AllocsPerRun(100, func() { rules.Clear(t.Context(), Reader{}, plain) }); allocations > 0 {
		t.Errorf("%v allocations", allocations)
	}
}

// A guarded field whose rule was not read is for no one, and so is one whose rule cannot
// be decided.
func TestUndecided(t *testing.T) {
	t.Parallel()
	got, cleared := (&Rules{}).Clear(t.Context(), Reader{Principal: person("a", "auditor")}, &fieldsv1.User{Id: "a", Email: "a@x", Nickname: "n"})
	if diff := cmp.Diff(proto.Message(&fieldsv1.User{Id: "a", Nickname: "n"}), got, protocmp.Transform()); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	if !slices.Equal(cleared.Names, []string{"test.fields.v1.User.email"}) {
		t.Errorf("cleared %q", cleared.Names)
	}
	var more Cleared
	more.add("a.b", errors.New("a fault"))
	for i := range maxNames + 1 {
		more.add(protoreflect.FullName(fmt.Sprintf("a.c%d", i)), nil)
	}
	cleared.With(more)
	if len(cleared.Names) != maxNames || !cleared.More || cleared.Undecided == nil {
		t.Errorf("got %+v", cleared)
	}
}

func FuzzClear(f *testing.F) {
	wire, err := proto.Marshal(&fieldsv1.User{Id: "a", Email: "a@x", Salary: &fieldsv1.Salary{Amount: 1}, Manager: &fieldsv1.User{Id: "b", Email: "b@x"}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(wire, "a", "auditor")
	f.Add([]byte{0x1a, 1, 'x', 0x98, 6, 1}, "b", "")
	rules := rulesOf(f)
	f.Fuzz(func(t *testing.T, wire []byte, id, role string) {
		user := &fieldsv1.User{}
		if proto.Unmarshal(wire, user) != nil || id == "" || hasAny(user) {
			return // what an Any holds is in no tree
		}
		usersReference.agree(t, rules, person(id, role), user)
	})
}

func hasAny(user *fieldsv1.User) bool {
	wire, err := proto.Marshal(user)
	return err != nil || user.GetMore() != nil || bytes.Contains(wire, []byte{10<<3 | 2})
}

func BenchmarkClear(b *testing.B) {
	const elements = 1_000
	users := &fieldsv1.UsersResponse{}
	for i := range elements {
		users.Users = append(users.Users, &fieldsv1.User{Id: fmt.Sprint("u", i), Name: "A Name", Email: "a@example.com", Nickname: "nick", Reached: &fieldsv1.User_Desk{Desk: "12"}})
	}
	rules, ctx := rulesOf(b), context.Background()
	for name, principal := range map[string]*authn.Principal{"stranger": person("x"), "auditor": person("x", "auditor")} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				rules.Clear(ctx, Reader{Principal: principal}, users)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/elements, "ns/element")
		})
	}
}
