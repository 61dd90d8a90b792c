package main

import (
	"context"
	"log/slog"
	"net"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"connectrpc.com/connect/v2"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/authn"
	"github.com/sallyport-rpc/sallyport/gen/demo/v1/demov1action"
	"github.com/sallyport-rpc/sallyport/server"
	"github.com/sallyport-rpc/sallyport/server/reflection"
)

func TestMatrix(t *testing.T) {
	t.Parallel()
	notes := map[string]string{"acme/notes/v1/notes.proto": declared}
	tests := []struct {
		name      string
		files     map[string]string
		arguments []string // DIR stands for the folder
		code      int
		out, errs string // what is printed, among other things; "" is nothing at all
	}{
		{"text", notes, []string{"DIR"}, exitDone, "Read    token             allow[0]: principal.id == request.id", ""},
		{"markdown", notes, []string{"DIR", "-o", "markdown"}, exitDone, "| `Read` | token |", ""},
		{"html", notes, []string{"DIR", "-o", "html"}, exitDone, `<code class="method">Read</code>`, ""},
		{"csv", notes, []string{"DIR", "-o", "csv"}, exitDone, "\n/acme.notes.v1.NoteService/Read,unary,", ""},
		{"json", notes, []string{"DIR", "-o", "json"}, exitDone, `"cel": "principal.id == request.id"`, ""},
		{"another output", notes, []string{"DIR", "-o", "xml"}, exitMisused, "", `there is no output "xml": write text, markdown, html, csv or json`},
		{"two folders", notes, []string{"DIR", "DIR"}, exitMisused, "", "name one folder, file or server"},
		{"a header for a folder", notes, []string{"DIR", "-H", "Authorization: secret"}, exitMisused, "", "--header is for a running server"},
		{"a folder that is not there", nil, []string{"DIR/nope"}, exitFailed, "", "name a folder of .proto files, a descriptor set, or a folder of a git revision such as main:proto"},
		{"no action", map[string]string{"a.proto": `syntax = "proto3"; package a; message A {}`}, []string{"DIR"}, exitFailed, "", "declares no action"},
		{
			"refused", map[string]string{"acme/notes/v1/notes.proto": undeclared}, []string{"DIR"}, exitFailed, "",
			"is refused, so that there is no contract to look at:\nacme/notes/v1/notes.proto:8:3: /acme.notes.v1.NoteService/Read: nothing says who may call it [action-missing]",
		},
		{
			"declared outside", map[string]string{"proto/mail.proto": vendor, "mail.txtpb": vendorDeclared},
			[]string{"DIR/proto", "--declarations", "DIR/mail.txtpb", "-o", "csv"}, exitDone, "outside the .proto", "",
		},
		{
			"users", map[string]string{"proto/notes.proto": declared, "users.json": `[{"id": "ada"}]`},
			[]string{"DIR/proto", "--users", "DIR/users.json", "-o", "csv"}, exitDone, "procedure,ada\n/acme.notes.v1.NoteService/Read,depends\n", "",
		},
		{
			"users as a page", map[string]string{"proto/notes.proto": declared, "users.json": `[]`},
			[]string{"DIR/proto", "--users", "DIR/users.json", "-o", "html"}, exitMisused, "", "a table of users is printed as text, markdown, csv or json",
		},
		{
			"users that are none", map[string]string{"proto/notes.proto": declared, "users.json": `{}`},
			[]string{"DIR/proto", "--users", "DIR/users.json"}, exitFailed, "", "DIR/users.json: ",
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			dir := folderOf(t, test.files)
			arguments := []string{"matrix"}
			for _, argument := range test.arguments {
				arguments = append(arguments, strings.Replace(argument, "DIR", dir, 1))
			}
			got := sallyport(t, arguments...)
			got.errs = strings.ReplaceAll(got.errs, dir, "DIR")
			if got.code != test.code || !strings.Contains(got.out, test.out) || !strings.Contains(got.errs, test.errs) ||
				(test.out == "") != (got.out == "") || (test.errs == "") != (got.errs == "") {
				t.Errorf("got %d\n%s%swant %d\n%s%s", got.code, got.out, got.errs, test.code, test.out, test.errs)
			}
		})
	}
}

// TestMatrixOfRevision prints what was declared in a git revision, and not what is there
// now.
func TestMatrixOfRevision(t *testing.T) { //nolint:paralleltest // it changes the folder
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("there is no git")
	}
	t.Chdir(folderOf(t, map[string]string{"proto/acme/notes/v1/notes.proto": declared, "proto/README": "no schema"}))
	git := func(arguments ...string) {
		t.Helper()
		command := exec.CommandContext(t.Context(), "git", append([]string{"-c", "user.name=Ada", "-c", "user.email=ada@example.com"}, arguments...)...)
		if output, err := command.CombinedOutput(); err != nil {
			t.Fatalf("git %v: %v\n%s", arguments, err, output)
		}
	}
	git("init", "-q", "-b", "main")
	git("add", ".")
	git("commit", "-q", "-m", "Declare")
	if err := os.WriteFile("proto/acme/notes/v1/notes.proto", []byte(strings.Replace(declared, "request.id", "request.id && 'x' in principal.scopes", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	now, before := sallyport(t, "matrix", "proto"), sallyport(t, "matrix", "main:proto")
	if now.code != exitDone || before.code != exitDone || !strings.Contains(now.out, "principal.scopes") || strings.Contains(before.out, "principal.scopes") {
		t.Errorf("now: %+v\nbefore: %+v", now, before)
	}
	for _, wrong := range []string{"nope:proto", "main:nope", "--output=x:proto"} {
		if got := sallyport(t, "matrix", "--", wrong); got.code == exitDone || got.errs == "" {
			t.Errorf("%s: %+v", wrong, got)
		}
	}
}

// byRole takes "Authorization: ROLE".
type byRole struct{}

func (byRole) Authenticate(_ context.Context, call *connect.CallInfo) (*authn.Principal, error) {
	role := call.RequestHeader().Get("Authorization")
	if role == "" {
		return nil, authn.ErrNoCredential
	}
	return authn.NewPrincipal("someone", authn.Details{Unscoped: true, Roles: []string{role}, AuthenticatedAt: time.Now()}), nil
}

func (byRole) ReportsAuthenticationTime() bool { return true }

// reflectionDeclared is how the served reflection is declared.
const reflectionDeclared = `authenticate: {schemes: ["session"]} authorize: {anyone: "a caller sees what it may call"} stream: {authorize: OPEN}`

// serveReflection serves the demo's accounts, what else is registered, and reflection.
func serveReflection(t *testing.T, register func(*action.Registry) error, options ...reflection.Option) (url string, registry *action.Registry) {
	t.Helper()
	registry, err := action.NewRegistry(authn.Schemes{"session": byRole{}, "bearer": byRole{}, "apikey": byRole{}})
	if err != nil {
		t.Fatal(err)
	}
	if err := demov1action.RegisterAccountService(registry, struct {
		demov1action.AccountServiceHandler
	}{}); err != nil {
		t.Fatal(err)
	}
	if err := register(registry); err != nil {
		t.Fatal(err)
	}
	if err := reflection.Register(registry, reflectionDeclared, options...); err != nil {
		t.Fatal(err)
	}
	srv, err := server.New(registry, server.WithLogger(slog.New(slog.DiscardHandler)))
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	ctx, cancel := context.WithCancel(context.Background())
	go func() { served <- srv.Serve(ctx, listener) }()
	t.Cleanup(func() {
		cancel()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	return "http://" + listener.Addr().String(), registry
}

// TestMatrixOfServer reads a running server's contract: all of it, or nothing.
func TestMatrixOfServer(t *testing.T) {
	t.Parallel()
	both := func(registry *action.Registry) error {
		return demov1action.RegisterOrganisationService(registry, struct {
			demov1action.OrganisationServiceHandler
		}{})
	}
	url, registry := serveReflection(t, both)
	dir := folderOf(t, map[string]string{
		"credential": "Authorization: admin\n",
		"reflection.txtpb": `actions {key: "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo" value {` + reflectionDeclared + `}}
			actions {key: "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo" value {` + reflectionDeclared + `}}`,
		"other.txtpb": strings.ReplaceAll(`actions {key: "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo" value {`+reflectionDeclared+`}}
			actions {key: "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo" value {`+reflectionDeclared+`}}`, "a caller", "this caller"),
	})
	stripped, _ := serveReflection(t, both, reflection.WithoutOptions())
	// The claims are defined in a file that no file of this server's services imports.
	lacking, _ := serveReflection(t, func(*action.Registry) error { return nil })
	silent := httptest.NewServer(nil)
	defer silent.Close()
	outside := []string{"--declarations", filepath.Join(dir, "reflection.txtpb")}
	credential := []string{"-H", "@" + filepath.Join(dir, "credential")}
	for name, test := range map[string]struct {
		arguments []string
		code      int
		want      string
	}{
		"all":                  {append(append([]string{url, "-o", "json"}, outside...), credential...), exitDone, registry.Fingerprint()},
		"no credential":        {append([]string{url}, outside...), exitFailed, "pass a credential with --header"},
		"a part":               {append([]string{url, "-H", "Authorization: member"}, outside...), exitFailed, "shows this caller only a part of its contract"},
		"without its options":  {append(append([]string{stripped}, outside...), credential...), exitFailed, "shows this caller only a part of its contract"},
		"a file is not shown":  {append(append([]string{lacking}, outside...), credential...), exitFailed, "what it shows is not all that it serves"},
		"undeclared":           {append([]string{url}, credential...), exitFailed, "nothing says who may call it"},
		"declared otherwise":   {append([]string{url, "--declarations", filepath.Join(dir, "other.txtpb")}, credential...), exitFailed, "what it shows is not all that it serves"},
		"another server":       {[]string{silent.URL}, exitFailed, "read its contract by reflection"},
		"a header without one": {[]string{url, "-H", "secret"}, exitMisused, `a header is written as "Name: value"`},
		"imports":              {[]string{url, "-I", dir}, exitMisused, "leave out --import"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := sallyport(t, append([]string{"matrix"}, test.arguments...)...)
			if got.code != test.code || !strings.Contains(got.out+got.errs, test.want) || test.code != exitDone && got.out != "" {
				t.Errorf("got %d, want %d and %q:\n%s%s", got.code, test.code, test.want, got.out, got.errs)
			}
		})
	}
}
