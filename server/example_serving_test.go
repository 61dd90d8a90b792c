package server_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"time"

	"connectrpc.com/connect/v2"

	"github.com/alexedwards/scs/v2/memstore"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/action/event"
	"github.com/sallyport-rpc/sallyport/authn"
	"github.com/sallyport-rpc/sallyport/authn/session"
	demov1 "github.com/sallyport-rpc/sallyport/gen/demo/v1"
	"github.com/sallyport-rpc/sallyport/gen/demo/v1/demov1action"
	"github.com/sallyport-rpc/sallyport/gen/demo/v1/demov1client"
	"github.com/sallyport-rpc/sallyport/server"
)

// procedure is the action that the examples call.
const procedure = demov1client.AccountServiceListUsersProcedure

// report prints what came of each call.
func report(next connect.ServerFunc) connect.ServerFunc {
	return func(ctx context.Context, spec connect.Spec, stream connect.ServerStream) error {
		err := next(ctx, spec, stream)
		outcome := "ok"
		if err != nil {
			outcome = connect.CodeOf(err).String()
		}
		fmt.Println(spec.Procedure, outcome)
		return err
	}
}

func ExampleWithInterceptors() {
	interceptors := server.WithInterceptors(report)
	url, stop := serveExample(interceptors)
	defer stop()
	post(url+procedure, "Bearer admin")
	post(url+procedure, "Bearer member")
	post(url+procedure, "")
	// Output:
	// /demo.v1.AccountService/ListUsers ok
	// /demo.v1.AccountService/ListUsers permission_denied
	// /demo.v1.AccountService/ListUsers unauthenticated
}

// healthy answers probes.
func healthy(writer http.ResponseWriter, _ *http.Request) {
	_, _ = io.WriteString(writer, "ok\n")
}

func ExampleWithUnguardedHandler() {
	registry, err := newExampleRegistry()
	if err != nil {
		fmt.Println(err)
		return
	}
	srv, err := server.New(registry,
		server.WithUnguardedHandler("GET /healthz", "the load balancer asks without a credential", http.HandlerFunc(healthy)),
		server.WithUnguardedHandler("GET /assets/", "the files are public", http.FileServer(http.Dir("testdata"))),
	)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, page := range srv.Unguarded() {
		fmt.Printf("%s: %s\n", page.Pattern, page.Reason)
	}

	// What could be the path of an action is refused.
	_, err = server.New(registry, server.WithUnguardedHandler("/", "the front page is public", http.HandlerFunc(healthy)))
	fmt.Println(err)
	// Output:
	// GET /healthz: the load balancer asks without a credential
	// GET /assets/: the files are public
	// server: unguarded handler "/": it also matches /package.Service/Method, which could be an action: use a path that begins otherwise, such as /pages/
}

// from prints where a call comes from.
func from(next connect.ServerFunc) connect.ServerFunc {
	return func(ctx context.Context, spec connect.Spec, stream connect.ServerStream) error {
		if peer, ok := authn.PeerFrom(ctx); ok {
			fmt.Println(peer.Address, "counts as", peer.Network())
		}
		return next(ctx, spec, stream)
	}
}

func ExampleWithTrustedProxies() {
	proxies := []netip.Prefix{
		netip.MustParsePrefix("127.0.0.0/8"),  // the proxy on this machine
		netip.MustParsePrefix("10.20.0.0/16"), // the load balancers
	}
	trusted := server.WithTrustedProxies(proxies...)
	url, stop := serveExample(trusted, server.WithInterceptors(from))
	defer stop()
	// The client claims to be 192.0.2.1. A load balancer appends the address that it was
	// called from, and the proxy that of the load balancer.
	post(url+procedure, "Bearer admin", "X-Forwarded-For", "192.0.2.1, 203.0.113.7, 10.20.0.4")
	post(url+procedure, "Bearer admin", "X-Forwarded-For", "2001:db8:1:2:3:4:5:6")
	// Output:
	// 203.0.113.7 counts as 203.0.113.7/32
	// 2001:db8:1:2:3:4:5:6 counts as 2001:db8:1:2::/64
}

func ExampleWithCORS() {
	cors := server.WithCORS(server.CORS{
		Origins:        []string{"https://app.example.com", "http://localhost:5173"},
		RequestHeaders: []string{"Traceparent"},
	})
	url, stop := serveExample(cors)
	defer stop()
	for _, origin := range []string{"https://app.example.com", "https://evil.example"} {
		header := post(url+procedure, "Bearer admin", "Origin", origin)
		fmt.Printf("%s: %q\n", origin, header.Get("Access-Control-Allow-Origin"))
	}
	// Output:
	// https://app.example.com: "https://app.example.com"
	// https://evil.example: ""
}

func ExampleWithCORS_cookies() {
	lookup := func(context.Context, string) (authn.Details, error) { return authn.Details{}, nil } // yours
	app := "https://app.example.com"
	sessions, err := session.New(memstore.New(), lookup, session.WithTrustedOrigins(app))
	// …
	cors := server.WithCORS(server.CORS{Origins: []string{app}, Credentials: true})
	fmt.Println(sessions != nil, err, cors != nil)
	// Output: true <nil> true
}

func ExampleWithHosts() {
	hosts := server.WithHosts("127.0.0.1", "localhost")
	url, stop := serveExample(hosts)
	defer stop()
	for _, host := range []string{"localhost:8080", "rebound.evil.example"} {
		request, err := http.NewRequestWithContext(context.Background(), http.MethodPost, url+procedure, strings.NewReader("{}"))
		if err != nil {
			panic(err)
		}
		request.Host = host
		request.Header.Set("Content-Type", "application/json")
		request.Header.Set("Authorization", "Bearer admin")
		status, _ := send(request)
		fmt.Printf("%s: %s\n", host, status)
	}
	// Output:
	// localhost:8080: 200 OK
	// rebound.evil.example: 421 Misdirected Request
}

// serveExample serves the demo's actions, and returns the URL.
func serveExample(options ...server.Option) (url string, stop func()) {
	registry, err := newExampleRegistry()
	if err != nil {
		panic(err)
	}
	srv, err := server.New(registry, append(options, server.WithLogger(slog.New(slog.DiscardHandler)))...)
	if err != nil {
		panic(err)
	}
	served := httptest.NewServer(srv.Handler())
	return served.URL, served.Close
}

func newExampleRegistry() (*action.Registry, error) {
	registry, err := action.NewRegistry(authn.Schemes{"session": roles{}, "bearer": roles{}, "apikey": roles{}},
		action.WithRecorder(event.LogRecorder(slog.New(slog.DiscardHandler))))
	if err != nil {
		return nil, err
	}
	return registry, demov1action.RegisterAccountService(registry, users{})
}

// roles takes "Authorization: Bearer ROLE" for a caller with that role.
type roles struct{}

func (roles) Authenticate(_ context.Context, call *connect.CallInfo) (*authn.Principal, error) {
	role, ok := strings.CutPrefix(call.RequestHeader().Get("Authorization"), "Bearer ")
	if !ok {
		return nil, authn.ErrNoCredential
	}
	return authn.NewPrincipal("the-"+role, authn.Details{Unscoped: true, Roles: []string{role}, AuthenticatedAt: time.Now()}), nil
}

func (roles) ReportsAuthenticationTime() bool { return true }

// users implements the one action that the examples call.
type users struct {
	demov1action.AccountServiceHandler
}

func (users) ListUsers(context.Context, *action.Call[demov1.ListUsersRequest]) (*demov1.ListUsersResponse, error) {
	return &demov1.ListUsersResponse{}, nil
}

// post calls an action with an empty message and returns the header of the answer.
func post(url, credential string, headers ...string) http.Header {
	request, err := http.NewRequestWithContext(context.Background(), http.MethodPost, url, strings.NewReader("{}"))
	if err != nil {
		panic(err)
	}
	request.Header.Set("Content-Type", "application/json")
	if credential != "" {
		request.Header.Set("Authorization", credential)
	}
	for i := 0; i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	_, header := send(request)
	return header
}

// send sends a request and returns the status and the header of the response.
func send(request *http.Request) (status string, header http.Header) {
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Do(request)
	if err != nil {
		panic(err)
	}
	defer response.Body.Close()
	_, _ = io.Copy(io.Discard, response.Body)
	return response.Status, response.Header
}
