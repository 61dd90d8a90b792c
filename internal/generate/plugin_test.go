package generate

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/pluginpb"

	"github.com/sallyport-rpc/sallyport/internal/declare"
)

// small is a file with one action.
const small = `syntax = "proto3";
package small.v1;
import "sallyport/v1/action.proto";
option go_package = "example.com/small/v1;smallv1";
message Message { string id = 1; }
// Service of one.
service Service {
  // Call it.
  rpc Call(Message) returns (Message) {
    option (sallyport.v1.action) = {
      authenticate: {schemes: "session"}
      authorize: {allow: {cel: "request.id != 'x'"}}
    };
  }
}
`

// What the plugin says of itself, whether it generates or refuses.
func TestResponse(t *testing.T) {
	t.Parallel()
	refused := strings.Replace(small, `schemes: "session"`, ``, 1)
	for name, text := range map[string]string{"generated": small, "refused": refused} {
		response := run(t, request(t, map[string]string{"small.proto": text}, ""))
		if got, want := response.GetSupportedFeatures(), uint64(pluginpb.CodeGeneratorResponse_FEATURE_PROTO3_OPTIONAL|pluginpb.CodeGeneratorResponse_FEATURE_SUPPORTS_EDITIONS); got != want {
			t.Errorf("%s: features %d, want %d", name, got, want)
		}
		if low, high := response.GetMinimumEdition(), response.GetMaximumEdition(); low != int32(descriptorpb.Edition_EDITION_PROTO2) || high != int32(descriptorpb.Edition_EDITION_2024) {
			t.Errorf("%s: editions %d to %d", name, low, high)
		}
		if isRefused := response.Error != nil; isRefused != (name == "refused") || isRefused == (len(response.GetFile()) > 0) {
			t.Errorf("%s: %d files, error %q", name, len(response.GetFile()), response.GetError())
		}
	}
}

// One fault in one file, and no file is generated.
func TestNothingIsGeneratedBesideARefusal(t *testing.T) {
	t.Parallel()
	bad := strings.NewReplacer("small.v1", "bad.v1", "example.com/small", "example.com/bad", `cel: "request.id != 'x'"`, ``).Replace(small)
	response := run(t, request(t, map[string]string{"a.proto": small, "b.proto": bad, "c.proto": strings.NewReplacer("bad.v1", "worse.v1", "example.com/bad", "example.com/worse").Replace(bad)}, ""))
	if len(response.GetFile()) > 0 {
		t.Errorf("%d files", len(response.GetFile()))
	}
	if !strings.HasPrefix(response.GetError(), "2 refusals, nothing was generated:\nb.proto:10:5: /bad.v1.Service/Call: ") {
		t.Error(response.GetError())
	}
}

// Only the files asked for are generated and refused; roles are found in the others.
func TestFilesThatAreNotAskedFor(t *testing.T) {
	t.Parallel()
	of := sources(t, "testdata/roles")
	of["v1/undeclared.proto"] = `syntax = "proto3"; package roles.v1; option go_package = "example.com/roles/v1;rolesv1"; message M {} service U { rpc C(M) returns (M); }`
	of["v1/service.proto"] = strings.Replace(of["v1/service.proto"], "\nimport ", "\nimport \"v1/roles.proto\"; import \"v1/undeclared.proto\";\nimport ", 1)
	asked := request(t, of, "paths=source_relative")
	asked.FileToGenerate = []string{"v1/service.proto"}
	made, err := files(run(t, asked))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"v1/rolesv1action/service.action.go", "v1/rolesv1client/service.client.go"}
	if diff := cmp.Diff(want, slices.Sorted(maps.Keys(made))); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

// The same request is answered the same.
func TestGeneratedTheSameTwice(t *testing.T) {
	t.Parallel()
	for _, folder := range []string{"testdata/actions", "testdata/refused", "testdata/outside"} {
		asked := request(t, sources(t, folder), "paths=source_relative")
		if folder == "testdata/outside" {
			asked = request(t, sources(t, folder), "declarations="+folder+"/declarations.txtpb")
		}
		first := run(t, asked)
		for range 5 {
			again := run(t, asked)
			if again.GetError() != first.GetError() || len(again.GetFile()) != len(first.GetFile()) {
				t.Fatalf("%s: another answer", folder)
			}
			for i, file := range again.GetFile() {
				if file.GetContent() != first.GetFile()[i].GetContent() {
					t.Errorf("%s: another content of %s", folder, file.GetName())
				}
			}
		}
	}
}

func TestParameter(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(folder, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	entry := func(procedure string) string {
		return `actions {key: "` + procedure + `" value {authenticate {schemes: "x"} authorize {anyone: "y"}}}`
	}
	undeclared := strings.NewReplacer("option (sallyport.v1.action) = {\n      authenticate: {schemes: \"session\"}\n      authorize: {allow: {cel: \"request.id != 'x'\"}}\n    };", "").Replace(small)
	tests := []struct {
		name, text, parameter string
		want                  string // what the error begins with, or "" where there is none
	}{
		{"none", small, "", ""},
		{"known to protogen", small, "paths=source_relative", ""},
		{"unknown", small, "future=1", `unknown option "future"; there is declarations=FILE`},
		{"package of a file", small, "Msmall.proto=example.com/other", ""},
		{"no file of declarations", small, "declarations=" + folder + "/ghost.txtpb", "1 refusal, nothing was generated:\n" + folder + "/ghost.txtpb: declarations: the file cannot be read: open "},
		{"a file that is none", small, "declarations=" + write("none.txtpb", `actions {`), "1 refusal, nothing was generated:\n" + folder + "/none.txtpb: "},
		{"a file of another sort", small, "declarations=" + write("small.yaml", ``), "1 refusal, nothing was generated:\n" + folder + "/small.yaml: "},
		{"an empty file", undeclared, "declarations=" + write("empty.txtpb", ``), "1 refusal, nothing was generated:\nsmall.proto:9:3: /small.v1.Service/Call: "},
		{"declared", undeclared, "declarations=" + write("good.txtpb", entry("/small.v1.Service/Call")), ""},
		{"declared in JSON", undeclared, "declarations=" + write("good.json", `{"actions": {"/small.v1.Service/Call": {"authenticate": {"anonymous": "x"}, "authorize": {"anyone": "y"}}}}`), ""},
		{"declared twice", small, "declarations=" + write("twice.txtpb", entry("/small.v1.Service/Call")), "1 refusal, nothing was generated:\nsmall.proto:10:5: /small.v1.Service/Call: "},
		{"declared for no method of a service", small, "declarations=" + write("method.txtpb", entry("/small.v1.Service/Ghost")), "1 refusal, nothing was generated:\n" + folder + "/method.txtpb: /small.v1.Service/Ghost: "},
		{"declared without a slash", small, "declarations=" + write("slash.txtpb", entry("other.v1.Service/Call")), "1 refusal, nothing was generated:\n" + folder + "/slash.txtpb: other.v1.Service/Call: "},
		{"declared without a method", small, "declarations=" + write("service.txtpb", entry("/other.v1.Service")), "1 refusal, nothing was generated:\n" + folder + "/service.txtpb: /other.v1.Service: "},
		{"declared for another run too", undeclared, "declarations=" + write("runs.txtpb", entry("/small.v1.Service/Call")+entry("/other.v1.Service/Call")), ""},
		{"declared for another run alone", undeclared, "declarations=" + write("other.txtpb", entry("/other.v1.Service/Call")), "1 refusal, nothing was generated:\nsmall.proto:9:3: /small.v1.Service/Call: "},
		{"the same procedure in one file twice", undeclared, "declarations=" + write("again.txtpb", entry("/small.v1.Service/Call")+"\n"+entry("/small.v1.Service/Call")), "1 refusal, nothing was generated:\n" + folder + "/again.txtpb:2:1: /small.v1.Service/Call: the file declares it twice"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var options Options
			asked := request(t, map[string]string{"small.proto": test.text}, test.parameter)
			plugin, err := protogen.Options{ParamFunc: options.Set, ImportRewriteFunc: RewriteImport}.New(asked)
			if err == nil {
				err = Run(plugin, options)
			}
			if (err == nil) != (test.want == "") || err != nil && !strings.HasPrefix(err.Error(), test.want) {
				t.Errorf("%v; want %q", err, test.want)
			}
		})
	}
}

// Code of another version than this runtime serves does not compile.
func TestStalePairing(t *testing.T) {
	t.Parallel()
	asked := request(t, map[string]string{"v1/small.proto": small}, "paths=source_relative")
	made, err := files(run(t, asked))
	if err != nil {
		t.Fatal(err)
	}
	messages, err := files(runGo(t, asked))
	if err != nil {
		t.Fatal(err)
	}
	const name = "v1/smallv1action/small.action.go"
	version := func(of string) string {
		return strings.NewReplacer(
			"EnforceVersion(1 - actiongen.MinVersion)", "EnforceVersion("+of+" - actiongen.MinVersion)",
			"EnforceVersion(actiongen.MaxVersion - 1)", "EnforceVersion(actiongen.MaxVersion - "+of+")",
		).Replace(made[name])
	}
	if declare.GeneratedVersion != 1 {
		t.Fatal("write this test for the versions that are served now")
	}
	built := newChecker(t)
	for _, of := range []string{"0", "1", "2"} {
		checker := built.another()
		checker.add("example.com/small", messages)
		checker.add("example.com/small", map[string]string{name: version(of)})
		err := checker.check()
		switch {
		case of == "1" && err != nil:
			t.Errorf("version 1: %v", err)
		case of != "1" && (err == nil || strings.Contains(err.Error(), "\n") || !strings.Contains(err.Error(), "constant -1")):
			t.Errorf("version %s, which is to fail for its version alone: %v", of, err)
		}
	}
}
