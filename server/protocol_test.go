package server_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"testing"

	"connectrpc.com/connect/v2"
	"connectrpc.com/connect/v2/connecthttp"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/sallyport-rpc/sallyport/action/event"
	demov1 "github.com/sallyport-rpc/sallyport/gen/demo/v1"
	"github.com/sallyport-rpc/sallyport/gen/demo/v1/demov1client"
)

// A way calls ListUsers. It returns the name of the user that came back, or the
// code of the error.
type way func(client *http.Client, base, credential string, request *demov1.ListUsersRequest) (string, connect.Code, error)

func generated(options ...connecthttp.Option) way {
	return func(client *http.Client, base, credential string, request *demov1.ListUsersRequest) (string, connect.Code, error) {
		ctx, info := connect.NewClientContext(context.Background())
		if credential != "" {
			info.RequestHeader().Set("Authorization", credential)
		}
		transport := connecthttp.NewTransport(client, base, options...)
		response, err := demov1client.NewAccountServiceClient(connect.NewClient(transport)).ListUsers(ctx, request)
		if err != nil {
			return "", connect.CodeOf(err), nil
		}
		return response.GetUsers()[0].GetName(), 0, nil
	}
}

func plainHTTP(client *http.Client, request *http.Request, credential string) (string, connect.Code, error) {
	if credential != "" {
		request.Header.Set("Authorization", credential)
	}
	response, err := client.Do(request)
	if err != nil {
		return "", 0, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return "", 0, err
	}
	if response.StatusCode != http.StatusOK {
		var answer struct {
			Code connect.Code `json:"code"`
		}
		if err := json.Unmarshal(body, &answer); err != nil {
			return "", 0, fmt.Errorf("HTTP status %d with %q: %w", response.StatusCode, body, err)
		}
		return "", answer.Code, nil
	}
	var answer demov1.ListUsersResponse
	if err := protojson.Unmarshal(body, &answer); err != nil {
		return "", 0, err
	}
	return answer.GetUsers()[0].GetName(), 0, nil
}

func curlPost(client *http.Client, base, credential string, message *demov1.ListUsersRequest) (string, connect.Code, error) {
	body, err := protojson.Marshal(message)
	if err != nil {
		return "", 0, err
	}
	request, err := http.NewRequest(http.MethodPost, base+demov1client.AccountServiceListUsersProcedure, bytes.NewReader(body))
	if err != nil {
		return "", 0, err
	}
	request.Header.Set("Content-Type", "application/json")
	return plainHTTP(client, request, credential)
}

func curlGet(client *http.Client, base, credential string, message *demov1.ListUsersRequest) (string, connect.Code, error) {
	body, err := protojson.Marshal(message)
	if err != nil {
		return "", 0, err
	}
	query := url.Values{"encoding": {"json"}, "message": {string(body)}}
	request, err := http.NewRequest(http.MethodGet, base+demov1client.AccountServiceListUsersProcedure+"?"+query.Encode(), nil)
	if err != nil {
		return "", 0, err
	}
	return plainHTTP(client, request, credential)
}

// Every way in comes to the same gate, and so to the same decision.
func TestWaysIn(t *testing.T) {
	t.Parallel()
	ways := map[string]way{
		"POST with JSON":         curlPost,
		"Connect GET by hand":    curlGet,
		"Connect":                generated(),
		"Connect with JSON":      generated(connecthttp.WithProtoJSON()),
		"Connect with gzip":      generated(connecthttp.WithSendGzip()),
		"Connect GET":            generated(connecthttp.WithHTTPGet()),
		"Connect GET with JSON":  generated(connecthttp.WithHTTPGet(), connecthttp.WithProtoJSON()),
		"gRPC":                   generated(connecthttp.WithGRPC()),
		"gRPC with JSON":         generated(connecthttp.WithGRPC(), connecthttp.WithProtoJSON()),
		"gRPC with gzip":         generated(connecthttp.WithGRPC(), connecthttp.WithSendGzip()),
		"gRPC-Web":               generated(connecthttp.WithGRPCWeb()),
		"gRPC-Web with JSON":     generated(connecthttp.WithGRPCWeb(), connecthttp.WithProtoJSON()),
		"gRPC-Web with gzip":     generated(connecthttp.WithGRPCWeb(), connecthttp.WithSendGzip()),
		"Connect GET and gzip":   generated(connecthttp.WithHTTPGet(), connecthttp.WithSendGzip()),
		"Connect, compress none": generated(connecthttp.WithCompressors()),
	}
	calls := []struct {
		name       string
		credential string
		request    *demov1.ListUsersRequest
		want       event.Decision
	}{
		{"allowed", "Bearer admin", &demov1.ListUsersRequest{PageSize: 10},
			event.Decision{Outcome: event.Allow, Stage: event.StageHandle, PrincipalID: "the-admin", Scheme: "session", Grant: "allow[0]"}},
		{"invalid", "Bearer admin", &demov1.ListUsersRequest{PageSize: 101},
			event.Decision{Stage: event.StageValidate, Code: connect.CodeInvalidArgument}},
		{"no credential", "", &demov1.ListUsersRequest{PageSize: 10},
			event.Decision{Stage: event.StageAuthenticate, Code: connect.CodeUnauthenticated}},
		{"wrong credential", "Basic admin", &demov1.ListUsersRequest{PageSize: 10},
			event.Decision{Stage: event.StageAuthenticate, Code: connect.CodeUnauthenticated}},
		{"wrong role", "Bearer member", &demov1.ListUsersRequest{PageSize: 10},
			event.Decision{Stage: event.StageAuthorize, Code: connect.CodePermissionDenied, PrincipalID: "the-member", Scheme: "session"}},
	}
	const name = "Ada"
	for _, encrypted := range []bool{false, true} {
		for _, major := range []int{1, 2} {
			t.Run(fmt.Sprintf("tls=%t/HTTP-%d", encrypted, major), func(t *testing.T) {
				t.Parallel()
				begin := serve
				if encrypted {
					begin = serveTLS
				}
				served := begin(t, &directory{name: name})
				client := served.client(t, major)
				for way, call := range ways {
					for _, test := range calls {
						before := served.handled.Load()
						got, code, err := call(client, served.url, test.credential, test.request)
						if err != nil {
							t.Fatalf("%s, %s: %v", way, test.name, err)
						}
						var wantHandled int64
						var wantName string
						if test.want.Outcome == event.Allow {
							wantHandled, wantName = 1, name
						}
						if code != test.want.Code || got != wantName {
							t.Errorf("%s, %s: got %q with code %v, want %q with code %v", way, test.name, got, code, wantName, test.want.Code)
						}
						if handled := served.handled.Load() - before; handled != wantHandled {
							t.Errorf("%s, %s: the handler ran %d times, want %d", way, test.name, handled, wantHandled)
						}
						decisions := served.take()
						if len(decisions) != 1 {
							t.Fatalf("%s, %s: %d decisions recorded, want 1", way, test.name, len(decisions))
						}
						decided := decisions[0]
						decided = event.Decision{
							Procedure: decided.Procedure, Outcome: decided.Outcome, Stage: decided.Stage, Code: decided.Code,
							PrincipalID: decided.PrincipalID, Scheme: decided.Scheme, Grant: decided.Grant,
						}
						want := test.want
						want.Procedure = demov1client.AccountServiceListUsersProcedure
						if diff := cmp.Diff(want, decided); diff != "" {
							t.Errorf("%s, %s: decision (-want +got):\n%s", way, test.name, diff)
						}
					}
				}
				if err := served.stop(); err != nil {
					t.Error(err)
				}
			})
		}
	}
}

// A server with a certificate speaks no cleartext, in either version of HTTP.
func TestNoCleartextBesideTLS(t *testing.T) {
	t.Parallel()
	served := serveTLS(t, &directory{})
	for _, major := range []int{1, 2} {
		plain := *served
		plain.roots = nil
		_, _, err := curlPost(plain.client(t, major), "http://"+served.address, "Bearer admin", &demov1.ListUsersRequest{})
		if err == nil {
			t.Errorf("HTTP/%d: a call came through", major)
		}
	}
	if got := served.handled.Load(); got != 0 {
		t.Errorf("the handler ran %d times", got)
	}
}

// What a gate let through for one caller is not for a cache.
func TestGetIsNotCached(t *testing.T) {
	t.Parallel()
	served := serve(t, &directory{})
	for _, credential := range []string{"Bearer admin", "Bearer member", ""} {
		request, err := http.NewRequest(http.MethodGet,
			served.url+demov1client.AccountServiceListUsersProcedure+"?encoding=json&message=%7B%7D", nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Authorization", credential)
		response, err := served.client(t, 1).Do(request)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if got := response.Header.Get("Cache-Control"); got != "no-store" {
			t.Errorf("%q: Cache-Control is %q with status %d", credential, got, response.StatusCode)
		}
	}
}
