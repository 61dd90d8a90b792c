package declare_test

import (
	"strings"
	"testing"

	sallyportv1 "github.com/sallyport-rpc/sallyport/gen/sallyport/v1"
	"github.com/sallyport-rpc/sallyport/internal/declare"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoregistry"
)

// The access service needs no declaration in its .proto. Any other service of its package
// does, and so does one of its name elsewhere.
func TestServiceOfTheProgram(t *testing.T) {
	t.Parallel()
	reader, err := declare.NewReader(declare.Config{Files: protoregistry.GlobalFiles})
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct{ pkg, service, refused string }{
		"as it is":        {"sallyport.v1", "AccessService", ""},
		"another service": {"sallyport.v1", "OtherService", "action-missing"},
		"another package": {"other.v1", "AccessService", "action-missing"},
	} {
		file := protodesc.ToFileDescriptorProto(sallyportv1.File_sallyport_v1_access_proto)
		file.Package, file.Service[0].Name = &test.pkg, &test.service
		for _, method := range file.GetService()[0].GetMethod() {
			method.InputType, method.OutputType = new(strings.Replace(method.GetInputType(), "sallyport.v1", test.pkg, 1)), new(strings.Replace(method.GetOutputType(), "sallyport.v1", test.pkg, 1))
		}
		for _, message := range file.GetMessageType() {
			for _, field := range message.GetField() {
				if field.TypeName != nil {
					field.TypeName = new(strings.Replace(field.GetTypeName(), "sallyport.v1", test.pkg, 1))
				}
			}
		}
		described, err := protodesc.NewFile(file, protoregistry.GlobalFiles)
		if err != nil {
			t.Fatal(err)
		}
		declarations, refusals := reader.File(described, declare.Given{})
		if test.refused == "" {
			if len(declarations) > 0 || len(refusals) > 0 {
				t.Errorf("%s: %v %v", name, declarations, refusals)
			}
			continue
		}
		if len(refusals) != 2 || string(refusals[0].Rule) != test.refused {
			t.Errorf("%s: refused %v, want %s", name, refusals, test.refused)
		}
	}
	// What is declared from outside is read.
	given := declare.Given{Source: "a test", Actions: map[string]*sallyportv1.Action{"/sallyport.v1.AccessService/ListActions": {}}}
	if _, refusals := reader.File(sallyportv1.File_sallyport_v1_access_proto, given); len(refusals) != 2 {
		t.Errorf("half a declaration is refused for %v", refusals)
	}
}
