package server_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"connectrpc.com/connect/v2"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/action/event"
	"github.com/sallyport-rpc/sallyport/authn"
	testv1 "github.com/sallyport-rpc/sallyport/gen/test/v1"
	"github.com/sallyport-rpc/sallyport/gen/test/v1/testv1action"
	"github.com/sallyport-rpc/sallyport/server"
)

// limitedService serves actions that let an address call three times, a principal twice
// and all callers five times.
type limitedService struct {
	testv1action.LimitServiceHandler

	ran atomic.Int64
}

func (s *limitedService) LimitedPublic(context.Context, *action.AnonymousCall[testv1.Request]) (*testv1.Response, error) {
	s.ran.Add(1)
	return &testv1.Response{}, nil
}

func (s *limitedService) LimitedRead(context.Context, *action.Call[testv1.Request]) (*testv1.Response, error) {
	s.ran.Add(1)
	return &testv1.Response{}, nil
}

// byToken takes "Authorization: SCHEME ID-anything", so that a principal has many
// credentials.
type byToken string

func (b byToken) Authenticate(_ context.Context, call *connect.CallInfo) (*authn.Principal, error) {
	token, ok := strings.CutPrefix(call.RequestHeader().Get("Authorization"), string(b)+" ")
	if !ok {
		return nil, authn.ErrNoCredential
	}
	id, _, ok := strings.Cut(token, "-")
	if !ok {
		return nil, authn.ErrInvalidCredential
	}
	return authn.NewPrincipal(id, authn.Details{Unscoped: true}), nil
}

// An attempt is a call from an address that a proxy reports.
type attempt struct {
	from, authorization string
	get                 bool
	status              int
}

const (
	ok      = http.StatusOK
	limited = http.StatusTooManyRequests
)

// Who calls is told apart by what callers cannot choose. Each row is the calls that one
// server gets in a row, and what each is answered.
func TestLimits(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		untrusted bool // the server does not trust the proxy
		frontDoor bool
		method    string
		calls     []attempt
	}{
		"one address": {method: "LimitedPublic", calls: []attempt{
			{from: "192.0.2.1", status: ok}, {from: "192.0.2.1", status: ok}, {from: "192.0.2.1", status: ok}, {from: "192.0.2.1", status: limited},
			{from: "192.0.2.2", status: ok},
		}},
		"a header of a stranger": {untrusted: true, method: "LimitedPublic", calls: []attempt{
			{from: "192.0.2.1", status: ok}, {from: "192.0.2.2", status: ok}, {from: "192.0.2.3", status: ok}, {from: "192.0.2.4", status: limited},
		}},
		"a header that the client began": {method: "LimitedPublic", calls: []attempt{
			{from: "198.51.100.1, 192.0.2.1", status: ok}, {from: "198.51.100.2, 192.0.2.1", status: ok}, {from: "198.51.100.3, 192.0.2.1", status: ok},
			{from: "198.51.100.4, 192.0.2.1", status: limited},
		}},
		"addresses of one IPv6 /64": {method: "LimitedPublic", calls: []attempt{
			{from: "2001:db8::1", status: ok}, {from: "2001:db8::2", status: ok}, {from: "2001:db8:0:0:ffff::3", status: ok},
			{from: "2001:db8:0:0:1234:5678:9abc:def0", status: limited}, {from: "2001:db8:0:1::1", status: ok},
		}},
		"mapped IPv4": {method: "LimitedPublic", calls: []attempt{
			{from: "192.0.2.1", status: ok}, {from: "::ffff:192.0.2.1", status: ok}, {from: "192.0.2.1:4711", status: ok}, {from: "::ffff:c000:201", status: limited},
		}},
		"all callers": {method: "LimitedPublic", calls: []attempt{
			{from: "192.0.2.1", status: ok}, {from: "192.0.2.2", status: ok}, {from: "192.0.2.3", status: ok}, {from: "192.0.2.4", status: ok}, {from: "192.0.2.5", status: ok},
			{from: "192.0.2.6", status: limited},
		}},
		// One address is stopped before it can use up what all callers share.
		"a stranger beside others": {method: "LimitedPublic", calls: []attempt{
			{from: "192.0.2.1", status: ok}, {from: "192.0.2.1", status: ok}, {from: "192.0.2.1", status: ok},
			{from: "192.0.2.1", status: limited}, {from: "192.0.2.1", status: limited}, {from: "192.0.2.1", status: limited}, {from: "192.0.2.1", status: limited},
			{from: "192.0.2.2", status: ok}, {from: "192.0.2.3", status: ok},
		}},
		"a principal with three credentials": {method: "LimitedRead", calls: []attempt{
			{from: "192.0.2.1", authorization: "session alice-1", status: ok}, {from: "192.0.2.2", authorization: "bearer alice-2", status: ok},
			{from: "192.0.2.3", authorization: "session alice-3", status: limited}, {from: "192.0.2.3", authorization: "session bob-1", status: 403}, // he may not, and counts apart
		}},
		"GET and POST": {method: "LimitedRead", calls: []attempt{
			{from: "192.0.2.1", authorization: "session alice-1", status: ok}, {from: "192.0.2.1", authorization: "session alice-1", get: true, status: ok},
			{from: "192.0.2.1", authorization: "session alice-1", get: true, status: limited},
		}},
		"refused calls": {method: "LimitedRead", calls: []attempt{
			{from: "192.0.2.1", status: 401}, {from: "192.0.2.1", status: 401}, {from: "192.0.2.1", get: true, status: 401},
			{from: "192.0.2.1", authorization: "session alice-1", status: limited}, {from: "192.0.2.2", authorization: "session alice-1", status: ok},
		}},
		"refused at the front door": {frontDoor: true, method: "LimitedRead", calls: []attempt{
			{from: "192.0.2.1", status: 401}, {from: "192.0.2.1", authorization: "session alice-1", status: ok}, {from: "192.0.2.1", status: 401},
			{from: "192.0.2.1", authorization: "session alice-1", status: limited}, {from: "192.0.2.2", authorization: "session alice-1", status: ok},
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			records, service := &records{}, &limitedService{}
			registry, err := action.NewRegistry(authn.Schemes{"session": byToken("session"), "bearer": byToken("bearer")}, action.WithRecorder(records))
			if err != nil {
				t.Fatal(err)
			}
			if err := testv1action.RegisterLimitService(registry, service); err != nil {
				t.Fatal(err)
			}
			var options []server.Option
			if !test.untrusted {
				options = append(options, server.WithTrustedProxies(netip.MustParsePrefix("127.0.0.1/32")))
			}
			if test.frontDoor {
				options = append(options, server.WithFrontDoor())
			}
			served := start(t, registry, options...)
			client := served.client(t, 1)
			var admitted, refused int
			for i, call := range test.calls {
				status, header := served.attempt(t, client, "/test.v1.LimitService/"+test.method, call)
				if status != call.status {
					t.Errorf("call %d: status %d, want %d", i, status, call.status)
				}
				if (header.Get("Retry-After") != "") != (call.status == limited) {
					t.Errorf("call %d: Retry-After %q", i, header.Get("Retry-After"))
				}
				if call.status == ok {
					admitted++
				} else {
					refused++
				}
			}
			if int(service.ran.Load()) != admitted {
				t.Errorf("handlers ran %d times, want %d", service.ran.Load(), admitted)
			}
			denials := 0
			for _, decision := range records.take() {
				if decision.Outcome == event.Deny {
					denials++
				}
			}
			if denials != refused {
				t.Errorf("%d denials were recorded, want %d", denials, refused)
			}
		})
	}
}

// attempt makes a call.
func (s *served) attempt(t *testing.T, client *http.Client, path string, call attempt) (int, http.Header) {
	t.Helper()
	method, target, body := http.MethodPost, s.url+path, `{"owner":"alice"}`
	if call.get {
		method, target = http.MethodGet, fmt.Sprintf("%s?connect=v1&encoding=json&base64=1&message=%s", target, url.QueryEscape(base64.URLEncoding.EncodeToString([]byte(body))))
		body = ""
	}
	request, err := http.NewRequestWithContext(t.Context(), method, target, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if !call.get {
		request.Header.Set("Content-Type", "application/json")
	}
	request.Header.Set("X-Forwarded-For", call.from)
	if call.authorization != "" {
		request.Header.Set("Authorization", call.authorization)
	}
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	_, _ = io.Copy(io.Discard, response.Body)
	return response.StatusCode, response.Header
}
