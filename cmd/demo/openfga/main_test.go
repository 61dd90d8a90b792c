package main

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"connectrpc.com/connect/v2"
	"connectrpc.com/connect/v2/connecthttp"

	demov1 "github.com/sallyport-rpc/sallyport/gen/demo/v1"
	"github.com/sallyport-rpc/sallyport/gen/demo/v1/demov1client"
)

// program is the demo as a process of its own.
func program(t *testing.T, arguments ...string) *exec.Cmd {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	t.Cleanup(cancel)
	command := exec.CommandContext(ctx, os.Args[0], append([]string{"-addr", "127.0.0.1:0", "-db", ":memory:"}, arguments...)...)
	command.Env = append(os.Environ(), asProgram+"=1", "TMPDIR="+t.TempDir())
	return command
}

// The demo asks OpenFGA, which it has filled with what its example documents say.
func TestDemo(t *testing.T) {
	t.Parallel()
	command := program(t, "-openfga", "memory")
	output, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(output)
	var welcome []string
	for len(welcome) < 2 && lines.Scan() {
		welcome = append(welcome, lines.Text())
	}
	go func() { _, _ = io.Copy(io.Discard, output) }()
	if len(welcome) < 2 || welcome[1] != "Which users documents are shared with is asked of OpenFGA: memory." {
		t.Fatalf("it printed %q", welcome)
	}
	url, _, _ := strings.Cut(strings.TrimPrefix(welcome[0], "Serving "), ",")
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	client := func(token string) *connect.Client {
		return connect.NewClient(connecthttp.NewTransport(&http.Client{Transport: transport}, url), func(next connect.ClientFunc) connect.ClientFunc {
			return func(ctx context.Context, spec connect.Spec) (connect.ClientStream, error) {
				if call, ok := connect.CallInfoForClientContext(ctx); ok && token != "" {
					call.RequestHeader().Set("Authorization", "Bearer "+token)
				}
				return next(ctx, spec)
			}
		})
	}
	documentsOf := func(email string) demov1client.DocumentServiceClient {
		signedIn, err := demov1client.NewAccountServiceClient(client("")).SignIn(t.Context(), &demov1.SignInRequest{Email: email, Password: "correct horse battery staple"})
		if err != nil {
			t.Fatal(err)
		}
		return demov1client.NewDocumentServiceClient(client(signedIn.GetSessionToken()))
	}
	admin, auditor := documentsOf("admin@example.com"), documentsOf("auditor@example.com")
	seen := func() *demov1.ListDocumentsResponse {
		listed, err := admin.ListDocuments(t.Context(), &demov1.ListDocumentsRequest{})
		if err != nil {
			t.Fatal(err)
		}
		return listed
	}
	listed := seen()
	if len(listed.GetDocuments()) != 1 || listed.GetTotalSize() != 1 || listed.GetDocuments()[0].GetTitle() != "Findings of the year" {
		t.Fatalf("the admin sees %v", listed)
	}
	if _, err := auditor.ShareDocument(t.Context(), &demov1.ShareDocumentRequest{DocumentId: listed.GetDocuments()[0].GetId(), State: demov1.Document_STATE_DRAFT}); err != nil {
		t.Fatal(err)
	}
	if listed := seen(); listed.GetTotalSize() != 0 || len(listed.GetDocuments()) != 0 {
		t.Errorf("once it is shared no longer, the admin sees %v", listed)
	}
	if err := command.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := command.Wait(); err != nil {
		t.Errorf("it ended with %v", err)
	}
}

// A demo that cannot ask OpenFGA does not serve.
func TestDemoWithoutOpenFGA(t *testing.T) {
	t.Parallel()
	output, err := program(t, "-openfga", "grpc://127.0.0.1:1").CombinedOutput()
	failure, failed := errors.AsType[*exec.ExitError](err)
	if text := string(output); !failed || failure.ExitCode() != 1 || strings.Count(text, "\n") != 1 || !strings.HasPrefix(text, "demo: -openfga: no store and model") {
		t.Errorf("it printed %s: %v", output, err)
	}
}
