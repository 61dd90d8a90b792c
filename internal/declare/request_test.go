package declare

import (
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/reflect/protoreflect"
)

func TestExtensionsOfRequests(t *testing.T) {
	t.Parallel()
	const (
		head = "syntax = \"proto2\";\npackage e;\nimport \"buf/validate/validate.proto\";\nimport \"sallyport/v1/action.proto\";\n" +
			"message Open { extensions 100 to 200; }\nmessage Closed {}\nmessage Outer { map<string, Open> by = 1; }\n"
		option = ` { option (sallyport.v1.action) = {authenticate: {schemes: "x"} authorize: {anyone: "x"}}; }`
		ruled  = "extend Open { optional string owner = 100 [(buf.validate.field).string.min_len = 3]; }\n"
	)
	service := func(request string) string {
		return "service S {\n  rpc Get(" + request + ") returns (Closed)" + option + "\n}\n"
	}
	refused := []string{"make owner a field of e.Open, or remove its rules (a.proto:8:15)"}
	tests := []struct {
		name string
		of   sources
		want []string // the fixes
	}{
		{"with a rule", sources{"a.proto": head + ruled + service("Open")}, refused},
		{"with a rule, at depth", sources{"a.proto": head + ruled + service("Outer")}, refused},
		{"within a message", sources{"a.proto": head + "message Scope { " + ruled + "}" + service("Open")}, []string{"make owner a field of e.Open, or remove its rules (a.proto:8:31)"}},
		{"within a message of a message", sources{"a.proto": head + "message Scope { message Inner { " + ruled + "} }" + service("Open")}, []string{"make owner a field of e.Open, or remove its rules (a.proto:8:47)"}},
		{"two, in the order of their names", sources{"a.proto": head + "extend Open { optional string second = 101 [(buf.validate.field).string.min_len = 3]; }\n" +
			"extend Open { optional string first = 102 [(buf.validate.field).string.min_len = 3]; }\n" + service("Open")},
			[]string{"make first a field of e.Open, or remove its rules (a.proto:9:15)", "make second a field of e.Open, or remove its rules (a.proto:8:15)"}},
		{"in a file that is not imported", sources{
			"a.proto": head + service("Open"),
			"b.proto": "syntax = \"proto2\";\npackage b;\nimport \"buf/validate/validate.proto\";\nimport \"a.proto\";\n" +
				"extend e.Open { optional int32 n = 101 [(buf.validate.field).int32.gt = 0]; }\n",
		}, []string{"make n a field of e.Open, or remove its rules (b.proto:5:17)"}},
		{"without a rule", sources{"a.proto": head + "extend Open { optional string owner = 100; }\n" + service("Open")}, nil},
		{"of another message", sources{"a.proto": head + ruled + service("Closed")}, nil},
		{"of a response", sources{"a.proto": head + ruled + "service S {\n  rpc Get(Closed) returns (Open)" + option + "\n}\n"}, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			for _, kind := range kinds {
				schema := kind(t, compile(t, test.of))
				var got []string
				for _, refusal := range newReader(t, schema.files).Lint([]protoreflect.FileDescriptor{schema.file(t, "a.proto")}, Given{}) {
					if refusal.Rule != RuleExtensionUnvalidated {
						t.Errorf("%v", refusal)
					}
					got = append(got, refusal.Fix)
				}
				if diff := gocmp.Diff(test.want, got); diff != "" {
					t.Errorf("-want +got\n%s", diff)
				}
			}
		})
	}
}
