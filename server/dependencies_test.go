package server_test

import (
	"os/exec"
	"strings"
	"testing"
)

// TestDependencies holds that a program that imports this package alone does not compile
// google.golang.org/grpc, and that one that imports grpcserver does.
func TestDependencies(t *testing.T) {
	t.Parallel()
	goCommand, err := exec.LookPath("go")
	if err != nil {
		t.Skip("the go command is not there")
	}
	for pkg, want := range map[string]bool{"server": false, "server/grpcserver": true} {
		list := exec.CommandContext(t.Context(), goCommand, "list", "-deps", "github.com/sallyport-rpc/sallyport/"+pkg)
		out, err := list.Output()
		if err != nil {
			t.Fatal(err)
		}
		found := false
		for dependency := range strings.FieldsSeq(string(out)) {
			found = found || dependency == "google.golang.org/grpc" || strings.HasPrefix(dependency, "google.golang.org/grpc/")
		}
		if found != want {
			t.Errorf("%s reaches google.golang.org/grpc: %t", pkg, found)
		}
	}
}
