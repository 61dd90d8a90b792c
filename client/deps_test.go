package client_test

import (
	"os/exec"
	"strings"
	"testing"
)

// TestLinks lists what a program links that imports generated clients alone.
func TestLinks(t *testing.T) {
	t.Parallel()
	allowed := []string{
		"connectrpc.com/connect/v2",
		"google.golang.org/protobuf",
		// The messages carry the options of their .proto files.
		"buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate",
		"github.com/sallyport-rpc/sallyport/client",
		"github.com/sallyport-rpc/sallyport/gen/demo/v1",
		"github.com/sallyport-rpc/sallyport/gen/sallyport/v1",
		"github.com/sallyport-rpc/sallyport/internal/option",
	}
	output, err := exec.CommandContext(t.Context(), "go", "list", "-deps", "-f", "{{if not .Standard}}{{.ImportPath}}{{end}}",
		"github.com/sallyport-rpc/sallyport/gen/demo/v1/demov1client").Output()
	if err != nil {
		t.Fatal(err)
	}
	linked := strings.Fields(string(output))
	for _, path := range linked {
		if !within(path, allowed) {
			t.Errorf("a generated client links %s", path)
		}
	}
	if !within("connectrpc.com/connect/v2", linked) {
		t.Errorf("go list knows only %q", linked)
	}
}

func within(path string, folders []string) bool {
	for _, folder := range folders {
		if path == folder || strings.HasPrefix(path, folder+"/") {
			return true
		}
	}
	return false
}
