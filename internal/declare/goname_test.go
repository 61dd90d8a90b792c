package declare

import (
	"fmt"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/pluginpb"
)

// Names in Go are those that protoc-gen-go makes.
func TestGoCamelCase(t *testing.T) {
	t.Parallel()
	file := &descriptorpb.FileDescriptorProto{
		Name: new("a.proto"), Syntax: new("proto3"), Options: &descriptorpb.FileOptions{GoPackage: new("example.com/a")},
	}
	// Every name of up to five of these letters that protobuf takes.
	names := []string{""}
	for range 5 {
		for _, name := range names {
			for _, letter := range "aB1_" {
				if next := name + string(letter); next[0] != '1' {
					names = append(names, next)
				}
			}
		}
		names = unique(names)
	}
	names = names[1:]
	for _, name := range names {
		file.MessageType = append(file.MessageType, &descriptorpb.DescriptorProto{Name: new(name)})
	}
	plugin, err := protogen.Options{}.New(&pluginpb.CodeGeneratorRequest{FileToGenerate: []string{"a.proto"}, ProtoFile: []*descriptorpb.FileDescriptorProto{file}})
	if err != nil {
		t.Fatal(err)
	}
	for _, message := range plugin.Files[0].Messages {
		if got := GoCamelCase(string(message.Desc.Name())); got != message.GoIdent.GoName {
			t.Errorf("%s: %s, want %s", message.Desc.Name(), got, message.GoIdent.GoName)
		}
	}
}

func unique(names []string) []string {
	seen := map[string]bool{}
	var kept []string
	for _, name := range names {
		if !seen[name] {
			seen[name] = true
			kept = append(kept, name)
		}
	}
	return kept
}

// serviceFile is a file in which RPCs are declared, each as SERVICE.METHOD, with a check
// where a `?` follows.
func serviceFile(pkg, goPackage string, rpcs ...string) string {
	var text strings.Builder
	fmt.Fprintf(&text, "syntax = \"proto3\";\npackage %s;\noption go_package = %q;\nimport \"sallyport/v1/action.proto\";\nmessage M {}\n", pkg, goPackage)
	methods := map[string][]string{}
	var services []string
	for _, rpc := range rpcs {
		service, method, _ := strings.Cut(rpc, ".")
		if methods[service] == nil {
			services = append(services, service)
		}
		methods[service] = append(methods[service], method)
	}
	for _, service := range services {
		fmt.Fprintf(&text, "service %s {\n", service)
		for _, method := range methods[service] {
			authorize := `anyone: "x"`
			name, checked := strings.CutSuffix(method, "?")
			if checked {
				authorize = `allow: {check: "good"}`
			}
			fmt.Fprintf(&text, "  rpc %s(M) returns (M) { option (sallyport.v1.action) = {authenticate: {schemes: \"x\"} authorize: {%s}}; }\n", name, authorize)
		}
		text.WriteString("}\n")
	}
	return text.String()
}

func TestGoNames(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		of   sources
		want []string // rule and subject
	}{
		{"methods", sources{"a.proto": serviceFile("a", "example.com/a", "S.GetUser", "S.get_user")}, []string{"go-name-collision /a.S/get_user"}},
		{"methods that are not the same", sources{"a.proto": serviceFile("a", "example.com/a", "S.GetUser", "S.get_users")}, nil},
		{"one method of two services", sources{"a.proto": serviceFile("a", "example.com/a", "S.GetUser", "T.get_user")}, nil},
		{"procedures", sources{"a.proto": serviceFile("a", "example.com/a", "User.AdminDelete", "UserAdmin.Delete")}, []string{"go-name-collision /a.UserAdmin/Delete"}},
		{"procedures that are not the same", sources{"a.proto": serviceFile("a", "example.com/a", "User.AdminDrop", "UserAdmin.Delete")}, nil},
		{"a client and what makes one", sources{"a.proto": serviceFile("a", "example.com/a", "Order.Get", "NewOrder.Get")}, []string{"go-name-collision a.NewOrder"}},
		{"checks and a function that registers", sources{"a.proto": serviceFile("a", "example.com/a", "RegisterA.Get?", "AChecks.Get")}, []string{"go-name-collision a.AChecks"}},
		{"no checks, and a function that registers", sources{"a.proto": serviceFile("a", "example.com/a", "RegisterA.Get", "AChecks.Get")}, nil},
		{"one service of two proto packages", sources{
			"a.proto": serviceFile("a", "example.com/a", "S.Get"), "b.proto": serviceFile("b", "example.com/a", "S.Get", "S.Put"),
		}, []string{"go-name-collision b.S"}},
		{"one service of two Go packages", sources{"a.proto": serviceFile("a", "example.com/a", "S.Get"), "b.proto": serviceFile("b", "example.com/b", "S.Get")}, nil},
		{"an operating system", sources{"agent_windows.proto": serviceFile("a", "example.com/a", "S.Get")}, []string{"go-file-left-out agent_windows.proto"}},
		{"an architecture", sources{"v1/agent_arm64.proto": serviceFile("a", "example.com/a", "S.Get")}, []string{"go-file-left-out v1/agent_arm64.proto"}},
		{"both, and a test", sources{"agent_linux_amd64_test.proto": serviceFile("a", "example.com/a", "S.Get")}, []string{"go-file-left-out agent_linux_amd64_test.proto"}},
		{"an underscore first", sources{"_agent.proto": serviceFile("a", "example.com/a", "S.Get")}, []string{"go-file-left-out _agent.proto"}},
		{"an operating system alone", sources{"windows.proto": serviceFile("a", "example.com/a", "S.Get")}, nil},
		{"an operating system in a folder's name", sources{"agent_windows/v1/agent.proto": serviceFile("a", "example.com/a", "S.Get")}, nil},
		{"what only looks like one", sources{"agent_windowless.proto": serviceFile("a", "example.com/a", "S.Get")}, nil},
		{"a test", sources{"agent_test.proto": serviceFile("a", "example.com/a", "S.Get")}, nil},
		{"a file that nothing is generated for", sources{"agent_windows.proto": serviceFile("a", "example.com/a")}, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			schema := compile(t, test.of)
			var files []protoreflect.FileDescriptor
			for _, path := range []string{"a.proto", "b.proto"} {
				if _, ok := test.of[path]; ok {
					files = append(files, schema.file(t, path))
				}
			}
			for path := range test.of {
				if len(test.of) == 1 && len(files) == 0 {
					files = append(files, schema.file(t, path))
				}
			}
			refusals := newReader(t, schema.files).Lint(files, Given{})
			var got []string
			for _, refusal := range refusals {
				got = append(got, fmt.Sprintf("%s %s", refusal.Rule, refusal.Subject))
			}
			if diff := gocmp.Diff(test.want, got); diff != "" {
				t.Errorf("-want +got\n%s%s", diff, texts(refusals))
			}
		})
	}
}

// The file that a fix names is compiled everywhere.
func TestFixOfAFileThatIsLeftOut(t *testing.T) {
	t.Parallel()
	for base, want := range map[string]string{"agent_windows": "agentwindows", "a_b_linux_arm64": "ablinuxarm64", "_x": "x", "_x_js": "xjs"} {
		schema := compile(t, sources{"v1/" + base + ".proto": serviceFile("a", "example.com/a", "S.Get")})
		refusals := newReader(t, nil).Lint([]protoreflect.FileDescriptor{schema.file(t, "v1/"+base+".proto")}, Given{})
		if len(refusals) != 1 || !strings.HasSuffix(refusals[0].Fix, " v1/"+want+".proto") || !isBuilt(want) {
			t.Errorf("%s:\n%s", base, texts(refusals))
		}
	}
}
