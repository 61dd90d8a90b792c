package bearer_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"connectrpc.com/connect/v2"
	"connectrpc.com/connect/v2/connecthttp"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/action/event"
	"github.com/sallyport-rpc/sallyport/authn"
	demov1 "github.com/sallyport-rpc/sallyport/gen/demo/v1"
	"github.com/sallyport-rpc/sallyport/gen/demo/v1/demov1action"
	"github.com/sallyport-rpc/sallyport/gen/demo/v1/demov1client"
)

// A wire is the demo's service over real connections, with an authenticator of ours
// for its bearer tokens.
type wire struct {
	*httptest.Server

	handled atomic.Int64
	mu      sync.Mutex
	denials []event.Decision
}

type handler struct {
	demov1action.AccountServiceHandler

	wire *wire
}

// ListUsers is for admins and auditors.
func (h handler) ListUsers(_ context.Context, call *action.Call[demov1.ListUsersRequest]) (*demov1.ListUsersResponse, error) {
	h.wire.handled.Add(1)
	return &demov1.ListUsersResponse{NextPageToken: call.Principal().ID()}, nil
}

// DeleteUser is for admins who have signed in lately.
func (h handler) DeleteUser(context.Context, *action.Call[demov1.DeleteUserRequest]) (*demov1.DeleteUserResponse, error) {
	h.wire.handled.Add(1)
	return &demov1.DeleteUserResponse{}, nil
}

// other is a scheme whose credential no caller brings.
type other struct{}

func (other) Authenticate(context.Context, *connect.CallInfo) (*authn.Principal, error) {
	return nil, authn.ErrNoCredential
}

func (other) ReportsAuthenticationTime() bool { return true }

func (w *wire) Enabled(_ context.Context, kind event.Kind, outcome event.Outcome) bool {
	return kind == event.Decided && outcome == event.Deny
}

func (w *wire) Record(_ context.Context, event *event.Event) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.denials = append(w.denials, event.Decision)
	return nil
}

// denied returns the denials recorded so far.
func (w *wire) denied() []event.Decision {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.denials
}

func newWire(t *testing.T, authenticator authn.Authenticator, options ...action.RegistryOption) *wire {
	t.Helper()
	w := new(wire)
	registry, err := action.NewRegistry(authn.Schemes{"session": other{}, "bearer": authenticator, "apikey": other{}}, append(options, action.WithRecorder(w))...)
	if err != nil {
		t.Fatal(err)
	}
	if err := demov1action.RegisterAccountService(registry, handler{wire: w}); err != nil {
		t.Fatal(err)
	}
	methods, err := registry.Methods()
	if err != nil {
		t.Fatal(err)
	}
	server := connect.NewServer()
	server.Register(methods...)
	mux := http.NewServeMux()
	connecthttp.Mount(mux, server)
	w.Server = httptest.NewUnstartedServer(mux)
	w.Config.Protocols = new(http.Protocols)
	w.Config.Protocols.SetHTTP1(true)
	w.Config.Protocols.SetUnencryptedHTTP2(true)
	w.Start()
	t.Cleanup(w.Close)
	return w
}

// An answer is what a caller sees.
type answer struct {
	status    int
	code      string // connect's, or ""
	who       string // the principal that the handler saw, or ""
	challenge string
	body      string
}

// call calls ListUsers as Connect with JSON, with the given Authorization headers.
func (w *wire) call(t *testing.T, authorization ...string) answer {
	t.Helper()
	return w.post(t, demov1client.AccountServiceListUsersProcedure, "{}", authorization...)
}

func (w *wire) post(t *testing.T, procedure, message string, authorization ...string) answer {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.URL+procedure, strings.NewReader(message))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header["Authorization"] = authorization
	response, err := w.Client().Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	var content struct {
		Code string `json:"code"`
		Who  string `json:"nextPageToken"`
	}
	_ = json.Unmarshal(body, &content)
	return answer{
		status: response.StatusCode, code: content.Code, who: content.Who,
		challenge: strings.Join(response.Header.Values("WWW-Authenticate"), "; "), body: string(body),
	}
}

// dial returns a client of the service over the given protocol.
func (w *wire) dial(t *testing.T, options ...connecthttp.Option) demov1client.AccountServiceClient {
	t.Helper()
	transport := &http.Transport{Protocols: new(http.Protocols)}
	transport.Protocols.SetUnencryptedHTTP2(true)
	t.Cleanup(transport.CloseIdleConnections)
	return demov1client.NewAccountServiceClient(connect.NewClient(
		connecthttp.NewTransport(&http.Client{Transport: transport}, w.URL, options...)))
}
