package reflection_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"connectrpc.com/connect/v2"
	"connectrpc.com/connect/v2/connecthttp"
	"github.com/google/go-cmp/cmp"
	reflectionv1 "google.golang.org/grpc/reflection/grpc_reflection_v1"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/action/event"
	"github.com/sallyport-rpc/sallyport/authn"
	demov1 "github.com/sallyport-rpc/sallyport/gen/demo/v1"
	"github.com/sallyport-rpc/sallyport/gen/demo/v1/demov1action"
	"github.com/sallyport-rpc/sallyport/server"
	"github.com/sallyport-rpc/sallyport/server/health"
	"github.com/sallyport-rpc/sallyport/server/reflection"
)

const (
	signedIn = `authenticate: {schemes: ["session"]} authorize: {anyone: "a caller sees what it may call"} stream: {authorize: OPEN}`
	public   = `authenticate: {anonymous: "a public schema"} authorize: {anyone: "a caller sees what it may call"} stream: {authorize: OPEN}`
	probes   = `authenticate: {anonymous: "probes"} authorize: {anyone: "harmless"} stream: {authorize: OPEN}`
)

type accounts struct {
	demov1action.AccountServiceHandler
}

func (accounts) ListUsers(context.Context, *action.Call[demov1.ListUsersRequest]) (*demov1.ListUsersResponse, error) {
	return &demov1.ListUsersResponse{Users: []*demov1.User{{Name: "Ada"}}}, nil
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

// events keeps the outcomes of what reflection was asked.
type events struct {
	mu       sync.Mutex
	outcomes []event.Outcome
}

func (*events) Enabled(_ context.Context, kind event.Kind, _ event.Outcome) bool {
	return kind == event.Decided || kind == event.Opened
}

func (e *events) Record(_ context.Context, event *event.Event) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.outcomes = append(e.outcomes, event.Outcome)
	return nil
}

type served struct {
	url, address string
	registry     *action.Registry
	events       *events
}

func serve(t *testing.T, declaration string, options ...reflection.Option) *served {
	t.Helper()
	events := &events{}
	registry, err := action.NewRegistry(authn.Schemes{"session": byRole{}, "bearer": byRole{}, "apikey": byRole{}}, action.WithRecorder(events))
	if err != nil {
		t.Fatal(err)
	}
	checks, err := health.New(registry)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(
		demov1action.RegisterAccountService(registry, accounts{}),
		checks.Register(registry, probes),
		reflection.Register(registry, declaration, options...),
	); err != nil {
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
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- srv.Serve(ctx, listener) }()
	t.Cleanup(func() {
		cancel()
		<-ended
	})
	return &served{url: "http://" + listener.Addr().String(), address: listener.Addr().String(), registry: registry, events: events}
}

// ask asks one question of reflection v1.
func (s *served) ask(t *testing.T, role string, question *reflectionv1.ServerReflectionRequest) (*reflectionv1.ServerReflectionResponse, *connect.CallInfo, error) {
	t.Helper()
	protocols := new(http.Protocols)
	protocols.SetUnencryptedHTTP2(true)
	transport := &http.Transport{Protocols: protocols}
	defer transport.CloseIdleConnections()
	client := connect.NewClient(connecthttp.NewTransport(&http.Client{Transport: transport}, s.url, connecthttp.WithGRPC()))
	ctx, info := connect.NewClientContext(t.Context())
	if role != "" {
		info.RequestHeader().Set("Authorization", role)
	}
	stream, err := client.CallClientStream(ctx, connect.Spec{
		Procedure:  "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
		StreamType: connect.StreamTypeBidi,
		Schema:     reflectionv1.File_grpc_reflection_v1_reflection_proto.Services().Get(0).Methods().Get(0),
	})
	if err != nil {
		return nil, info, err
	}
	defer stream.Close()
	response := &reflectionv1.ServerReflectionResponse{}
	// A stream that the server has refused meanwhile takes no message: Receive says why.
	if err := stream.Send(question); err != nil && !errors.Is(err, io.EOF) {
		t.Fatal(err)
	}
	if err := stream.CloseSend(); err != nil {
		t.Fatal(err)
	}
	err = stream.Receive(response)
	return response, info, err
}

// file returns the file of the demo as a caller sees it.
func (s *served) file(t *testing.T, role string) *descriptorpb.FileDescriptorProto {
	t.Helper()
	response, _, err := s.ask(t, role, &reflectionv1.ServerReflectionRequest{
		MessageRequest: &reflectionv1.ServerReflectionRequest_FileContainingSymbol{FileContainingSymbol: "demo.v1.AccountService"},
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, wire := range response.GetFileDescriptorResponse().GetFileDescriptorProto() {
		file := &descriptorpb.FileDescriptorProto{}
		if err := proto.Unmarshal(wire, file); err != nil {
			t.Fatal(err)
		}
		if file.GetName() == "demo/v1/account.proto" {
			return file
		}
	}
	t.Fatal("the demo's file was not sent")
	return nil
}

func methods(file *descriptorpb.FileDescriptorProto) []string {
	var names []string
	for _, service := range file.GetService() {
		for _, method := range service.GetMethod() {
			names = append(names, method.GetName())
		}
	}
	slices.Sort(names)
	return names
}

// TestList shows each caller the services with something to call.
func TestList(t *testing.T) {
	t.Parallel()
	const alpha, v1 = "grpc.reflection.v1alpha.ServerReflection", "grpc.reflection.v1.ServerReflection"
	for name, test := range map[string]struct {
		declaration, role string
		want              []string
		code              connect.Code
	}{
		"member":           {declaration: signedIn, role: "member", want: []string{"demo.v1.AccountService", "grpc.health.v1.Health", v1, alpha}},
		"anonymous":        {declaration: public, want: []string{"demo.v1.AccountService", "grpc.health.v1.Health", v1, alpha}},
		"not signed in":    {declaration: signedIn, code: connect.CodeUnauthenticated},
		"without a scope":  {declaration: `authenticate: {schemes: ["session"]} authorize: {allow: {cel: "'schema.read' in principal.scopes"}} stream: {authorize: OPEN}`, role: "admin", code: connect.CodePermissionDenied},
		"of other schemes": {declaration: `authenticate: {schemes: ["bearer"]} authorize: {anyone: "x"} stream: {authorize: OPEN}`, role: "admin", want: []string{"demo.v1.AccountService", "grpc.health.v1.Health", v1, alpha}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			served := serve(t, test.declaration)
			response, _, err := served.ask(t, test.role, &reflectionv1.ServerReflectionRequest{
				MessageRequest: &reflectionv1.ServerReflectionRequest_ListServices{},
			})
			wire, _ := errors.AsType[*connect.Error](err)
			if test.code != 0 {
				if wire == nil || wire.Code() != test.code {
					t.Fatalf("got %v, want %v", err, test.code)
				}
				if diff := cmp.Diff([]event.Outcome{event.Deny}, served.events.outcomes); diff != "" {
					t.Error(diff)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, service := range response.GetListServicesResponse().GetService() {
				got = append(got, service.GetName())
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestMethods leaves out the methods that scheme and roles rule out, and no others.
func TestMethods(t *testing.T) {
	t.Parallel()
	own := []string{"CreateApiKey", "DeleteUser", "GetUser", "ListApiKeys", "RevokeApiKey", "SignIn", "SignOut", "SignUp", "SyncProfiles", "UpdateProfile"}
	auditor := append(slices.Clone(own), "ListUsers", "WatchUsers")
	admin := append(slices.Clone(auditor), "GrantRole", "ImportUsers")
	slices.Sort(auditor)
	slices.Sort(admin)
	session := serve(t, signedIn)
	for role, want := range map[string][]string{"member": own, "auditor": auditor, "admin": admin} {
		if diff := cmp.Diff(want, methods(session.file(t, role))); diff != "" {
			t.Errorf("%s: %s", role, diff)
		}
	}
	anonymous := serve(t, public)
	if diff := cmp.Diff([]string{"SignIn", "SignUp"}, methods(anonymous.file(t, "admin"))); diff != "" {
		t.Errorf("anonymous: %s", diff)
	}
}

// TestHiddenSymbol answers not_found for what a caller does not see, and for what the
// program has and no action uses.
func TestHiddenSymbol(t *testing.T) {
	t.Parallel()
	served := serve(t, signedIn)
	find := func(role, symbol string) int32 {
		response, _, err := served.ask(t, role, &reflectionv1.ServerReflectionRequest{
			MessageRequest: &reflectionv1.ServerReflectionRequest_FileContainingSymbol{FileContainingSymbol: symbol},
		})
		if err != nil {
			t.Fatal(err)
		}
		return response.GetErrorResponse().GetErrorCode()
	}
	for _, test := range []struct {
		role, symbol string
		code         connect.Code
	}{
		{"admin", "demo.v1.AccountService.GrantRole", 0},
		{"member", "demo.v1.AccountService.GrantRole", connect.CodeNotFound},
		{"admin", "google.protobuf.Type", connect.CodeNotFound},
		{"admin", "no.such.Thing", connect.CodeNotFound},
	} {
		if got := find(test.role, test.symbol); got != int32(test.code) {
			t.Errorf("%s as %s: got %d, want %v", test.symbol, test.role, got, test.code)
		}
	}
}

// TestOptions shows the options, or leaves them and their import out.
func TestOptions(t *testing.T) {
	t.Parallel()
	const options = "sallyport/v1/action.proto"
	whole, stripped := serve(t, signedIn), serve(t, signedIn, reflection.WithoutOptions())
	shown, hidden := whole.file(t, "admin"), stripped.file(t, "admin")
	if diff := cmp.Diff(methods(shown), methods(hidden)); diff != "" {
		t.Error(diff)
	}
	text := func(file *descriptorpb.FileDescriptorProto) string {
		wire, err := proto.Marshal(file)
		if err != nil {
			t.Fatal(err)
		}
		return string(wire)
	}
	for _, secret := range []string{options, "principal.id == request.user_id"} {
		if !strings.Contains(text(shown), secret) {
			t.Errorf("%q is not shown where it should be", secret)
		}
		if strings.Contains(text(hidden), secret) {
			t.Errorf("%q is shown where options are left out", secret)
		}
	}
	if !slices.Contains(hidden.GetDependency(), "buf/validate/validate.proto") {
		t.Error("the rules of fields were left out as well")
	}
	for role, want := range map[string]string{"admin": "all", "member": "part"} {
		_, info, err := whole.ask(t, role, &reflectionv1.ServerReflectionRequest{MessageRequest: &reflectionv1.ServerReflectionRequest_ListServices{}})
		if err != nil {
			t.Fatal(err)
		}
		if got := info.ResponseHeader().Get(reflection.ShownHeader); got != want {
			t.Errorf("%s is shown %q, want %q", role, got, want)
		}
		if got := info.ResponseHeader().Get(reflection.ContractHeader); got != whole.registry.Fingerprint() {
			t.Errorf("the contract is said to be %q", got)
		}
	}
	if _, info, _ := stripped.ask(t, "admin", &reflectionv1.ServerReflectionRequest{MessageRequest: &reflectionv1.ServerReflectionRequest_ListServices{}}); info.ResponseHeader().Get(reflection.ShownHeader) != "part" {
		t.Error("a schema without its options is said to be whole")
	}
}

func TestRegisterNeedsDeclaration(t *testing.T) {
	t.Parallel()
	registry, err := action.NewRegistry(nil)
	if err != nil {
		t.Fatal(err)
	}
	err = reflection.Register(registry, "")
	if _, ok := errors.AsType[*action.RefusalError](err); !ok || !strings.Contains(err.Error(), "action-missing") {
		t.Errorf("got %v", err)
	}
	if err := registry.Seal(); err == nil {
		t.Error("a registry that refused something serves")
	}
	if err := reflection.Register(registry, public, nil); err == nil {
		t.Error("a nil option was taken")
	}
}

// TestTools runs grpcurl and buf as they come, without a schema.
func TestTools(t *testing.T) {
	t.Parallel()
	served := serve(t, signedIn, reflection.WithoutOptions())
	run := func(name string, arguments ...string) string {
		t.Helper()
		command := tool(t, name, arguments...)
		var output bytes.Buffer
		command.Stdout, command.Stderr = &output, &output
		command.Dir = t.TempDir() // with no .proto in reach
		_ = command.Run()
		return output.String()
	}
	for _, test := range []struct {
		name      string
		arguments []string
		want      string
	}{
		{"grpcurl", []string{"-plaintext", "-H", "Authorization: admin", served.address, "list"}, "demo.v1.AccountService\ngrpc.health.v1.Health\n"},
		{"grpcurl", []string{"-plaintext", "-H", "Authorization: admin", served.address, "list", "demo.v1.AccountService"}, "demo.v1.AccountService.GrantRole\n"},
		{"grpcurl", []string{"-plaintext", "-H", "Authorization: admin", served.address, "describe", "demo.v1.ListUsersRequest"}, "message ListUsersRequest"},
		{"grpcurl", []string{"-plaintext", "-H", "Authorization: admin", "-d", "{}", served.address, "demo.v1.AccountService/ListUsers"}, `"name": "Ada"`},
		{"grpcurl", []string{"-plaintext", "-H", "Authorization: member", "-d", "{}", served.address, "demo.v1.AccountService/ListUsers"}, `does not include a method named "ListUsers"`},
		{"grpcurl", []string{"-plaintext", served.address, "list"}, "Unauthenticated"},
		{"buf", []string{"curl", "--http2-prior-knowledge", "--protocol", "grpc", "--reflect-header", "Authorization: admin", "-H", "Authorization: admin", "-d", "{}", served.url + "/demo.v1.AccountService/ListUsers"}, `"name": "Ada"`},
		{"buf", []string{"curl", "--http2-prior-knowledge", "--reflect-header", "Authorization: admin", "--list-methods", served.url}, "demo.v1.AccountService/ListUsers"},
	} {
		if got := run(test.name, test.arguments...); !strings.Contains(got, test.want) {
			t.Errorf("%s %v: got\n%s\nwant %q", test.name, test.arguments, got, test.want)
		}
	}
}

// tool returns a command of the module tools, pinned there.
func tool(t *testing.T, name string, arguments ...string) *exec.Cmd {
	t.Helper()
	if testing.Short() {
		t.Skip("builds a tool")
	}
	modfile, err := filepath.Abs("../../tools/go.mod")
	if err != nil {
		t.Fatal(err)
	}
	path, err := exec.CommandContext(t.Context(), "go", "tool", "-modfile="+modfile, "-n", name).Output()
	if err != nil {
		t.Fatalf("build %s: %v", name, err)
	}
	return exec.CommandContext(t.Context(), strings.TrimSpace(string(path)), arguments...)
}

// The declaration names the roles of a package that it says it uses.
func TestUses(t *testing.T) {
	t.Parallel()
	const members = `authenticate: {schemes: ["session"]} authorize: {allow: {any_role: "member"}} stream: {authorize: OPEN}`
	served := serve(t, members, reflection.WithUses("demo.v1"))
	for role, want := range map[string]connect.Code{"member": 0, "admin": 0, "visitor": connect.CodePermissionDenied} {
		_, _, err := served.ask(t, role, &reflectionv1.ServerReflectionRequest{MessageRequest: &reflectionv1.ServerReflectionRequest_ListServices{}})
		if (err == nil) != (want == 0) || err != nil && connect.CodeOf(err) != want {
			t.Errorf("%s: got %v, want code %v", role, err, want)
		}
	}
	for rule, options := range map[string][]reflection.Option{"role-unknown": nil, "use-unknown": {reflection.WithUses("test.nothing.v1")}} {
		registry, err := action.NewRegistry(authn.Schemes{"session": byRole{}})
		if err != nil {
			t.Fatal(err)
		}
		if err := reflection.Register(registry, members, options...); err == nil || !strings.Contains(err.Error(), rule) {
			t.Errorf("got %v, want rule %s", err, rule)
		}
	}
	if err := reflection.Register(served.registry, members, reflection.WithUses("")); err == nil {
		t.Error("a package without a name is accepted")
	}
}
