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
	// Every name of up to five, or four, of these letters that protobuf takes.
	var all []string
	for letters, length := range map[string]int{"aB1_": 5, "azAZ1_": 4} {
		names := []string{""}
		for range length {
			for _, name := range names {
				for _, letter := range letters {
					if next := name + string(letter); next[0] != '1' {
						names = append(names, next)
					}
				}
			}
			names = unique(names)
		}
		all = append(all, names[1:]...)
	}
	names := unique(all)
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
// where a `?` follows, and a resource where a `!` does.
func serviceFile(pkg, goPackage string, rpcs ...string) string {
	var text strings.Builder
	fmt.Fprintf(&text, "syntax = \"proto3\";\npackage %s;\noption go_package = %q;\nimport \"sallyport/v1/action.proto\";\nmessage M { string id = 1; }\nmessage R { string owner_id = 1; }\n", pkg, goPackage)
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
			name, loads := strings.CutSuffix(name, "!")
			if loads {
				authorize = `allow: {cel: "resource.owner_id == principal.id"}} resource: {type: "` + pkg + `.R" key: "request.id"`
			}
			fmt.Fprintf(&text, "  rpc %s(M) returns (M) { option (sallyport.v1.action) = {authenticate: {schemes: \"x\"} authorize: {%s}}; }\n", name, authorize)
		}
		text.WriteString("}\n")
	}
	return text.String()
}

// roleNames is a catalogue with a role of the given value.
func roleNames(value string) string {
	return "enum Role {\n  option (sallyport.v1.roles) = true;\n  ROLE_UNSPECIFIED = 0;\n  ROLE_" + value + " = 1 [(sallyport.v1.role) = {name: \"x\"}];\n}\n"
}

func TestGoNames(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		of   sources
		want []string // rule, subject and, of some, the fix
	}{
		{"methods", sources{"a.proto": serviceFile("a", "example.com/a", "S.GetUser", "S.get_user")}, []string{"go-name-collision /a.S/get_user: rename /a.S/get_user or /a.S/GetUser"}},
		{"methods that are not the same", sources{"a.proto": serviceFile("a", "example.com/a", "S.GetUser", "S.get_users")}, nil},
		{"one method of two services", sources{"a.proto": serviceFile("a", "example.com/a", "S.GetUser", "T.get_user")}, nil},
		{"procedures", sources{"a.proto": serviceFile("a", "example.com/a", "User.AdminDelete", "UserAdmin.Delete")}, []string{"go-name-collision /a.UserAdmin/Delete"}},
		{"procedures that are not the same", sources{"a.proto": serviceFile("a", "example.com/a", "User.AdminDrop", "UserAdmin.Delete")}, nil},
		{"a client and what makes one", sources{"a.proto": serviceFile("a", "example.com/a", "Order.Get", "NewOrder.Get")}, []string{"go-name-collision a.NewOrder"}},
		{"checks and a function that registers", sources{"a.proto": serviceFile("a", "example.com/a", "RegisterA.Get?", "AChecks.Get")}, []string{"go-name-collision a.AChecks"}},
		{"no checks, and a function that registers", sources{"a.proto": serviceFile("a", "example.com/a", "RegisterA.Get", "AChecks.Get")}, nil},
		{"loaders and a function that registers", sources{"a.proto": serviceFile("a", "example.com/a", "RegisterA.Get!", "ALoaders.Get")}, []string{"go-name-collision a.ALoaders"}},
		{"no loaders, and a function that registers", sources{"a.proto": serviceFile("a", "example.com/a", "RegisterA.Get", "ALoaders.Get")}, nil},
		{"one service of two proto packages", sources{
			"a.proto": serviceFile("a", "example.com/a", "S.Get"), "b.proto": serviceFile("b", "example.com/a", "S.Get", "S.Put"),
		}, []string{"go-name-collision b.S: give package b a go_package of its own"}},
		{"handlers and a function that registers", sources{"a.proto": serviceFile("a", "example.com/a", "RegisterA.Get", "AHandler.Get")}, []string{"go-name-collision a.AHandler: rename a.AHandler or a.RegisterA"}},
		{"a role and a service's name", sources{"a.proto": serviceFile("a", "example.com/a", "RoleAdmin.Get") + roleNames("ADMIN_NAME")}, []string{"go-name-collision a.RoleAdmin: rename a.RoleAdmin or a.ROLE_ADMIN_NAME"}},
		{"a role and another one", sources{"a.proto": serviceFile("a", "example.com/a", "RoleAdmin.Get") + roleNames("ADMIN")}, nil},
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
				text := fmt.Sprintf("%s %s: %s", refusal.Rule, refusal.Subject, refusal.Fix)
				for _, want := range test.want {
					if strings.HasPrefix(text, want+": ") {
						text = want // its fix is looked at elsewhere
					}
				}
				got = append(got, text)
				if refusal.At == nil {
					t.Errorf("%s is of nothing", refusal)
				}
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
