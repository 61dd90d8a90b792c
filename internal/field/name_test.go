package field

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	fieldsv1 "github.com/sallyport-rpc/sallyport/gen/test/fields/v1"
	namesv1 "github.com/sallyport-rpc/sallyport/gen/test/names/v1"
	"github.com/sallyport-rpc/sallyport/internal/declare"
)

// namingOf returns what the requests of test.names.v1 may name.
func namingOf(tb testing.TB) *Naming {
	tb.Helper()
	reader, err := declare.NewReader(declare.Config{Files: protoregistry.GlobalFiles})
	if err != nil {
		tb.Fatal(err)
	}
	declarations, refusals := reader.Service(namesv1.File_test_names_v1_names_proto.Services().Get(0), declare.Given{})
	if len(refusals) > 0 {
		tb.Fatal(refusals)
	}
	of := declarations[0]
	return NewRules(append(of.Fields, of.Details...)).Naming(of.Method.Input(), of.Names)
}

// What came of a check, in a word.
func outcome(err error) string {
	named, refused := errors.AsType[*NamedError](err)
	switch {
	case err == nil:
		return "ok"
	case errors.Is(err, ErrNames):
		return "unknown"
	case refused && named.Undecided == nil:
		return "refused"
	default:
		return "fault: " + err.Error()
	}
}

// Each of these is sent as order_by, in a list and in a mask, by a caller with no role.
func TestNames(t *testing.T) {
	t.Parallel()
	naming := namingOf(t)
	deep := func(names int) string { return strings.Repeat("manager.", names-1) + "name" }
	for text, want := range map[string]struct{ order, list, mask string }{
		"":                             {"ok", "unknown", "unknown"},
		"name":                         {"ok", "ok", "ok"},
		"name desc":                    {"ok", "ok", "unknown"},
		"  name   desc ":               {"ok", "ok", "unknown"},
		"name asc, id":                 {"ok", "unknown", "unknown"},
		"name,name":                    {"ok", "unknown", "unknown"},
		"name,":                        {"unknown", "unknown", "unknown"},
		",name":                        {"unknown", "unknown", "unknown"},
		"name,,id":                     {"unknown", "unknown", "unknown"},
		" ":                            {"unknown", "unknown", "unknown"},
		"name DESC":                    {"unknown", "unknown", "unknown"},
		"name desc desc":               {"unknown", "unknown", "unknown"},
		"desc":                         {"unknown", "unknown", "unknown"},
		"-name":                        {"unknown", "unknown", "unknown"},
		"name\tdesc":                   {"unknown", "unknown", "unknown"},
		"name\u00a0desc":               {"unknown", "unknown", "unknown"},
		"name\x00":                     {"unknown", "unknown", "unknown"},
		"Name":                         {"unknown", "unknown", "unknown"},
		"ghost":                        {"unknown", "unknown", "unknown"},
		"*":                            {"unknown", "unknown", "ok"},
		"email":                        {"refused", "refused", "ok"},
		"email desc":                   {"refused", "refused", "unknown"},
		"EMAIL":                        {"unknown", "unknown", "unknown"},
		"ema\u0131l":                   {"unknown", "unknown", "unknown"},
		"name, email":                  {"refused", "unknown", "unknown"},
		"name,name,email,email":        {"refused", "unknown", "unknown"},
		"email, ghost":                 {"refused", "unknown", "unknown"},
		"email;ghost":                  {"unknown", "unknown", "unknown"},
		"email.x":                      {"unknown", "unknown", "unknown"},
		"nickname":                     {"refused", "refused", "ok"},
		"phone":                        {"refused", "refused", "refused"},
		"desk":                         {"ok", "ok", "ok"},
		"reached":                      {"unknown", "unknown", "unknown"},
		"pay":                          {"refused", "refused", "refused"},
		"pay.currency":                 {"refused", "refused", "refused"},
		"address":                      {"refused", "refused", "ok"},
		"address.":                     {"unknown", "unknown", "unknown"},
		".address":                     {"unknown", "unknown", "unknown"},
		"address..city":                {"unknown", "unknown", "unknown"},
		"address. city":                {"unknown", "unknown", "unknown"},
		"address.city":                 {"ok", "ok", "ok"},
		"address.street":               {"refused", "refused", "refused"},
		"homes":                        {"refused", "refused", "ok"},
		"homes.city":                   {"ok", "ok", "ok"},
		"homes.street":                 {"refused", "refused", "refused"},
		"homes.0.street":               {"unknown", "unknown", "unknown"},
		"places":                       {"refused", "refused", "ok"},
		"places.noon":                  {"refused", "refused", "ok"},
		"places.noon.city":             {"refused", "refused", "ok"},
		"places.noon.street":           {"refused", "refused", "refused"},
		"places.street":                {"refused", "refused", "ok"},
		"places..street":               {"unknown", "unknown", "unknown"},
		"places.*.street":              {"unknown", "unknown", "unknown"},
		"places.`a`.street":            {"unknown", "unknown", "unknown"},
		"labels":                       {"ok", "ok", "ok"},
		"labels.team":                  {"ok", "ok", "ok"},
		"labels.team.x":                {"unknown", "unknown", "unknown"},
		"manager":                      {"refused", "refused", "ok"},
		"manager.name":                 {"ok", "ok", "ok"},
		"manager.email":                {"refused", "refused", "ok"},
		"manager.manager.address.city": {"ok", "ok", "ok"},
		"more":                         {"refused", "refused", "ok"},
		"more.value":                   {"refused", "refused", "ok"},
		"more.email":                   {"unknown", "unknown", "unknown"},
		"[test.ext]":                   {"unknown", "unknown", "unknown"},
		"test.names.v1.Person.name":    {"unknown", "unknown", "unknown"},
		"'; drop table people; --":     {"unknown", "unknown", "unknown"},
		deep(32):                       {"ok", "ok", "ok"},
		deep(33):                       {"unknown", "unknown", "unknown"},
		strings.Repeat("a", 1_000_000): {"unknown", "unknown", "unknown"},
		strings.Repeat(",", 1_000_000): {"unknown", "unknown", "unknown"},
		strings.Repeat(".", 1_000_000): {"unknown", "unknown", "unknown"},
		"name" + strings.Repeat(" ", 1_000_000) + "desc": {"ok", "ok", "unknown"},
		strings.Repeat("name,", 999) + "name":            {"ok", "unknown", "unknown"},
		strings.Repeat("name,", 1_000) + "name":          {"unknown", "unknown", "unknown"},
	} {
		for form, test := range map[string]struct {
			request *namesv1.ListRequest
			want    string
		}{
			"order":      {&namesv1.ListRequest{OrderBy: text}, want.order},
			"list":       {&namesv1.ListRequest{GroupBy: []string{text}}, want.list},
			"mask":       {&namesv1.ListRequest{ReadMask: &fieldmaskpb.FieldMask{Paths: []string{text}}}, want.mask},
			"in a page":  {&namesv1.ListRequest{Page: &namesv1.Page{SortBy: text}}, want.order},
			"in a map":   {&namesv1.ListRequest{Pages: map[string]*namesv1.Page{"": {SortBy: text}}}, want.order},
			"in a list":  {&namesv1.ListRequest{MorePages: []*namesv1.Page{{}, {SortBy: text}}}, want.order},
			"after good": {&namesv1.ListRequest{OrderBy: "name", GroupBy: []string{"id", text}}, want.list},
			"harmless":   {&namesv1.ListRequest{Filter: text}, "ok"},
		} {
			before := proto.CloneOf(test.request)
			err := naming.Check(t.Context(), Reader{Principal: person("ann"), Now: time.Now()}, test.request)
			if got := outcome(err); got != test.want {
				t.Errorf("%.40q as %s: %s, want %s: %v", text, form, got, test.want, err)
			}
			if err != nil && len(err.Error()) > 400 {
				t.Errorf("%.40q as %s: an error of %d bytes", text, form, len(err.Error()))
			}
			if named, ok := errors.AsType[*NamedError](err); ok && (named.In == "" || !strings.HasPrefix(named.Public(), string(named.In)+" may not name ") || strings.Contains(named.Public(), "test.names")) {
				t.Errorf("%.40q as %s: the caller is told %q", text, form, named.Public())
			}
			if !proto.Equal(before, test.request) {
				t.Errorf("%.40q as %s: the request was changed", text, form)
			}
		}
		// Who may read all may name all that there is, but what no one can decide about.
		want := strings.ReplaceAll(want.order, "refused", "ok")
		switch text {
		case "more", "more.value", "manager":
			want = "refused"
		case "email, ghost":
			want = "unknown"
		}
		if got := outcome(naming.Check(t.Context(), Reader{Principal: person("ann", "auditor")}, &namesv1.ListRequest{OrderBy: text})); got != want {
			t.Errorf("%.40q of an auditor: %s, want %s", text, got, want)
		}
	}
}

// What a caller without a principal may name is what everyone may read.
func TestNamesOfNoOne(t *testing.T) {
	t.Parallel()
	naming := namingOf(t)
	for text, want := range map[string]string{"name": "ok", "email": "refused", "nickname": "refused", "address": "refused", "address.city": "ok"} {
		for _, request := range []*namesv1.ListRequest{{OrderBy: text}, {ReadMask: &fieldmaskpb.FieldMask{Paths: []string{text}}}} {
			want := want
			if request.GetOrderBy() == "" && text == "address" {
				want = "ok"
			}
			if got := outcome(naming.Check(t.Context(), Reader{}, request)); got != want {
				t.Errorf("%s: %s, want %s", text, got, want)
			}
		}
	}
}

// A message that holds names is not let by where it is packed.
func TestNamesThatArePacked(t *testing.T) {
	t.Parallel()
	naming := namingOf(t)
	pack := func(message proto.Message) *anypb.Any {
		packed, err := anypb.New(message)
		if err != nil {
			t.Fatal(err)
		}
		return packed
	}
	for name, test := range map[string]struct {
		packed *anypb.Any
		want   string
	}{
		"nothing":                {nil, "ok"},
		"a type without names":   {pack(&fieldsv1.PlainResponse{}), "ok"},
		"names":                  {pack(&namesv1.Page{SortBy: "email"}), "refused"},
		"none of them":           {pack(&namesv1.Page{}), "refused"},
		"names, packed again":    {pack(&fieldsv1.User{More: pack(&namesv1.ListRequest{})}), "refused"},
		"what is not known here": {&anypb.Any{TypeUrl: "x/acme.v1.Ghost", Value: []byte{1}}, "ok"},
	} {
		err := naming.Check(t.Context(), Reader{Principal: person("ann", "auditor")}, &namesv1.ListRequest{More: test.packed})
		if got := outcome(err); got != test.want {
			t.Errorf("%s: %s, want %s", name, got, test.want)
		}
		if named, ok := errors.AsType[*NamedError](err); ok && named.Public() != "Any may not hold names of fields" {
			t.Errorf("%s: the caller is told %q", name, named.Public())
		}
	}
}

// The caller is told what they wrote, cut short, and operators which field it is.
func TestNamedError(t *testing.T) {
	t.Parallel()
	naming := namingOf(t)
	path := strings.Repeat("manager.", 31) + "email"
	err := naming.Check(t.Context(), Reader{Principal: person("ann")}, &namesv1.ListRequest{OrderBy: "name, " + path})
	named, ok := errors.AsType[*NamedError](err)
	if !ok {
		t.Fatal(err)
	}
	if got, want := named.Public(), "order_by may not name "+path[:maxShown]+"…"; got != want {
		t.Errorf("the caller is told %q, want %q", got, want)
	}
	if got, want := err.Error(), "order_by names test.names.v1.Person.email, which its caller may not read"; got != want {
		t.Errorf("operators are told %q, want %q", got, want)
	}
	undecided := &NamedError{In: "order_by", Path: "email", Field: "a.b", Undecided: errors.New("why")}
	if got := fmt.Sprint(undecided); !strings.HasSuffix(got, ": why") || strings.Contains(undecided.Public(), "why") || !errors.Is(undecided, undecided.Undecided) {
		t.Errorf("operators are told %q, and the caller %q", got, undecided.Public())
	}
}

// Requests without such fields have no naming, also where they hold what no descriptor says
// and no field anywhere holds names.
func TestNoNaming(t *testing.T) {
	t.Parallel()
	naming := namingOf(t)
	holds := (&namesv1.Person{}).ProtoReflect().Descriptor() // has an Any
	if naming.rules.Naming((&namesv1.Address{}).ProtoReflect().Descriptor(), nil) != nil {
		t.Error("a message without names has a naming")
	}
	if rulesOf(t).Naming(holds, nil) != nil || (*Rules)(nil).Naming(holds, nil) != nil {
		t.Error("where no field holds names there is a naming")
	}
	if naming.rules.Naming(holds, nil) == nil {
		t.Error("an Any of a request can hold names, and has no naming")
	}
	// Marks that nothing was read of name nothing.
	unread := (*Rules)(nil).Naming((&namesv1.Page{}).ProtoReflect().Descriptor(), nil)
	if unread == nil {
		t.Fatal("a mark that was not read has no naming")
	}
	for text, want := range map[string]string{"": "ok", "name": "refused", "email": "refused"} {
		if got := outcome(unread.Check(t.Context(), Reader{Principal: person("ann", "auditor")}, &namesv1.Page{SortBy: text})); got != want {
			t.Errorf("%q where the mark was not read: %s, want %s", text, got, want)
		}
	}
}

func BenchmarkNames(b *testing.B) {
	naming := namingOf(b)
	request := &namesv1.ListRequest{OrderBy: "name desc, address.city", ReadMask: &fieldmaskpb.FieldMask{Paths: []string{"id", "email"}}}
	reader := Reader{Principal: person("ann"), Now: time.Now()}
	b.ReportAllocs()
	for b.Loop() {
		if err := naming.Check(b.Context(), reader, request); err != nil {
			b.Fatal(err)
		}
	}
}
