package declare

import (
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/known/durationpb"

	sallyportv1 "github.com/sallyport-rpc/sallyport/gen/sallyport/v1"
)

// A declaration of any bytes is read or refused, never both and never
// neither; and what is read says who may call.
func FuzzAction(f *testing.F) {
	for _, seed := range []*sallyportv1.Action{
		{},
		{
			Authenticate: &sallyportv1.Authenticate{Schemes: []string{"session", "bearer"}, MaxAge: durationpb.New(60e9)},
			Authorize:    &sallyportv1.Authorize{Allow: []*sallyportv1.Grant{{AnyRole: []string{"admin"}, AllScopes: []string{"a"}}, {Cel: new(`principal.id == "x"`)}, {Check: new("is_owner")}}},
		},
		{Authenticate: &sallyportv1.Authenticate{Anonymous: new("x")}, Authorize: &sallyportv1.Authorize{Anyone: new("y"), Conceal: true}},
		{Stream: &sallyportv1.Stream{Authorize: sallyportv1.Stream_OPEN, Recheck: durationpb.New(60e9)}},
	} {
		wire, err := proto.Marshal(seed)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(wire)
	}
	compiled := compile(f, guarded)
	reader := newReader(f, nil)
	f.Fuzz(func(t *testing.T, wire []byte) {
		action := &sallyportv1.Action{}
		if err := (proto.UnmarshalOptions{AllowPartial: true}).Unmarshal(wire, action); err != nil {
			t.Skip("no message")
		}
		schema := compiled.overWire(t, protoregistry.GlobalTypes, func(file *descriptorpb.FileDescriptorProto) {
			proto.SetExtension(file.GetService()[0].GetMethod()[0].GetOptions(), sallyportv1.E_Action, action)
		})
		service := schema.file(t, "test/v1/files.proto").Services().Get(0)
		declarations, refusals := reader.Service(service, Given{})
		if (len(declarations) == 1) == (len(refusals) > 0) {
			t.Fatalf("%v: %d declarations and %d refusals", action, len(declarations), len(refusals))
		}
		for _, refusal := range refusals {
			if refusal.Rule == "" || refusal.Fix == "" || refusal.Problem == "" {
				t.Errorf("%v: %+v", action, refusal)
			}
		}
		if len(refusals) > 0 {
			return
		}
		read := declarations[0]
		if read.Who() == "" || read.Anyone == (len(read.Grants) > 0) || read.Anonymous() && !read.Anyone || Fingerprint(service, declarations) == "" {
			t.Errorf("%v: %+v", action, read)
		}
		for _, grant := range read.Grants {
			if len(grant.Conditions) == 0 {
				t.Errorf("%v: a grant of nothing", action)
			}
		}
		// A reader remembers what it has read, and these are many.
		clear(reader.catalogues)
		clear(reader.visibles)
	})
}
