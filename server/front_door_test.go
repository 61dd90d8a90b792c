package server_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"connectrpc.com/connect/v2"
	"connectrpc.com/connect/v2/connecthttp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/action/actiongen"
	"github.com/sallyport-rpc/sallyport/action/event"
	"github.com/sallyport-rpc/sallyport/authn"
	"github.com/sallyport-rpc/sallyport/gen/demo/v1/demov1client"
	sallyportv1 "github.com/sallyport-rpc/sallyport/gen/sallyport/v1"
	"github.com/sallyport-rpc/sallyport/internal/declare/declaretest"
	"github.com/sallyport-rpc/sallyport/server"
)

// atOnce is well below any timeout of a server's.
const atOnce = 5 * time.Second

// TestStrangersAreAnsweredAtOnce sends nothing but a header, with a body to come. The
// answer does not wait for it.
func TestStrangersAreAnsweredAtOnce(t *testing.T) {
	t.Parallel()
	for name, fields := range map[string]string{
		"small body":            "Content-Type: application/json\r\nContent-Length: 2\r\n",
		"large body":            "Content-Type: application/json\r\nContent-Length: 3000000\r\n",
		"body past the limit":   "Content-Type: application/json\r\nContent-Length: 3000000000\r\n",
		"body in chunks":        "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n",
		"body on demand":        "Content-Type: application/json\r\nContent-Length: 2\r\nExpect: 100-continue\r\n",
		"unknown session":       "Content-Type: application/json\r\nContent-Length: 2\r\nAuthorization: Basic YTpi\r\n",
		"compressed":            "Content-Type: application/json\r\nContent-Length: 200\r\nContent-Encoding: gzip\r\n",
		"gRPC-Web":              "Content-Type: application/grpc-web+proto\r\nContent-Length: 200\r\n",
		"binary and a deadline": "Content-Type: application/proto\r\nContent-Length: 200\r\nConnect-Timeout-Ms: 60000\r\n",
	} {
		t.Run("HTTP1 "+name, func(t *testing.T) {
			t.Parallel()
			served := serve(t, &directory{}, server.WithFrontDoor())
			conn := served.dial(t)
			began := time.Now()
			fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: x\r\n%s\r\n", listUsers, fields)
			response, err := http.ReadResponse(bufio.NewReader(conn), nil)
			if err != nil {
				t.Fatal(err)
			}
			defer response.Body.Close()
			served.expectStranger(t, response, began)
			if !response.Close {
				t.Error("the connection is to be used again, with a body to come on it")
			}
		})
		t.Run("HTTP2 "+name, func(t *testing.T) {
			t.Parallel()
			served := serve(t, &directory{}, server.WithFrontDoor())
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			body, pending := io.Pipe()
			defer pending.Close()
			request, err := http.NewRequestWithContext(ctx, http.MethodPost, served.url+listUsers, body)
			if err != nil {
				t.Fatal(err)
			}
			for field := range strings.SplitSeq(strings.TrimSpace(fields), "\r\n") {
				if name, value, _ := strings.Cut(field, ": "); name != "Content-Length" && name != "Transfer-Encoding" && name != "Expect" {
					request.Header.Set(name, value)
				}
			}
			began := time.Now()
			response, err := served.client(t, 2).Do(request)
			if err != nil {
				t.Fatal(err)
			}
			defer response.Body.Close()
			served.expectStranger(t, response, began)
		})
	}
}

// expectStranger fails the test where a response says anything but that its caller is
// a stranger, or came late.
func (s *served) expectStranger(t *testing.T, response *http.Response, began time.Time) {
	t.Helper()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	took := time.Since(began)
	said := string(answer)
	if status := response.Header.Get("Grpc-Status"); status != "" { // of gRPC-Web, without a message
		said = "grpc-status " + status
	}
	if !strings.Contains(said, `"unauthenticated"`) && !strings.Contains(strings.ToLower(said), "grpc-status: 16") && said != "grpc-status 16" {
		t.Errorf("status %d: %q", response.StatusCode, said)
	}
	if took > atOnce {
		t.Errorf("it took %v", took)
	}
	decisions := s.take()
	if len(decisions) != 1 || decisions[0].Stage != event.StageAuthenticate || decisions[0].Outcome != event.Deny {
		t.Errorf("decided %+v", decisions)
	}
	if got := s.handled.Load(); got != 0 {
		t.Errorf("the handler ran %d times", got)
	}
}

// The caller after a stranger on a connection that several callers share is let in.
func TestStrangersDoNotSpoilAConnection(t *testing.T) {
	t.Parallel()
	served := serve(t, &directory{}, server.WithFrontDoor())
	client := served.client(t, 2)
	for range 20 {
		if status, answer := served.send(t, client, listUsers, strings.NewReader("{}"), "Authorization", "Basic YTpi"); status != http.StatusUnauthorized {
			t.Fatalf("a stranger: status %d: %s", status, answer)
		}
		if status, answer := served.send(t, client, listUsers, strings.NewReader("{}")); status != http.StatusOK {
			t.Fatalf("a known caller: status %d: %s", status, answer)
		}
	}
	// On HTTP/1 a stranger's connection ends with the answer, and the next one is new.
	client = served.client(t, 1)
	for range 20 {
		if status, _ := served.send(t, client, listUsers, strings.NewReader("{}"), "Authorization", "Basic YTpi"); status != http.StatusUnauthorized {
			t.Fatalf("a stranger on HTTP/1: status %d", status)
		}
		if status, _ := served.send(t, client, listUsers, strings.NewReader("{}")); status != http.StatusOK {
			t.Fatalf("a known caller on HTTP/1: status %d", status)
		}
	}
}

// TestFrontDoorMessages sends messages that are wrong in every way there is, with a
// credential and without.
func TestFrontDoorMessages(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		path, body string
		headers    []string
		known      int // what a known caller is answered; a stranger is one
		anonymous  bool
	}{
		"not JSON":               {path: getUser, body: "{", known: 400},
		"no message":             {path: getUser, body: "", known: 400},
		"a rule broken":          {path: getUser, body: `{"userId":"x"}`, known: 400},
		"too large":              {path: getUser, body: strings.Repeat(" ", 2000) + "{}", known: 429},
		"not gzip":               {path: getUser, body: "{}", headers: []string{"Content-Encoding", "gzip"}, known: 400},
		"not proto":              {path: getUser, body: "\xff", headers: []string{"Content-Type", "application/proto"}, known: 400},
		"sound":                  {path: listUsers, body: "{}", known: 200},
		"anonymous, not JSON":    {path: signIn, body: "{", known: 400, anonymous: true},
		"anonymous, rule broken": {path: signIn, body: "{}", known: 400, anonymous: true},
		"anonymous":              {path: signIn, body: `{"email":"a@example.com","password":"x"}`, known: 200, anonymous: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			served := serve(t, &directory{}, server.WithFrontDoor(), server.WithMaxMessageBytes(1000))
			for _, major := range []int{1, 2} {
				client := served.client(t, major)
				for _, credential := range []string{"Bearer admin", "Basic YTpi"} {
					want, stage := test.known, event.StageDecode
					if credential != "Bearer admin" && !test.anonymous {
						want, stage = http.StatusUnauthorized, event.StageAuthenticate
					}
					before := served.handled.Load()
					status, answer := served.send(t, client, test.path, strings.NewReader(test.body), append(test.headers, "Authorization", credential)...)
					if status != want {
						t.Errorf("%s on HTTP/%d: status %d, want %d: %s", credential, major, status, want, answer)
					}
					if ran := served.handled.Load() > before; ran != (want == http.StatusOK) {
						t.Errorf("%s on HTTP/%d: the handler ran: %t", credential, major, ran)
					}
					decisions := served.take()
					if len(decisions) != 1 || stage == event.StageAuthenticate && decisions[0].Stage != stage {
						t.Errorf("%s on HTTP/%d: decided %+v", credential, major, decisions)
					}
				}
			}
		})
	}
}

const signIn = demov1client.AccountServiceSignInProcedure

// A countingAuthenticator counts how often it is asked. Once revoked it lets no caller in.
type countingAuthenticator struct {
	asked   atomic.Int64
	revoked atomic.Bool
	// revokes is set where the first answer is the last one that lets a caller in.
	revokes bool
}

func (c *countingAuthenticator) Authenticate(ctx context.Context, call *connect.CallInfo) (*authn.Principal, error) {
	c.asked.Add(1)
	if c.revoked.Load() {
		return nil, authn.InvalidCredential("revoked")
	}
	c.revoked.Store(c.revokes)
	return byRole(ctx, call)
}

// signedIn describes a method for the one who is called the-admin.
func signedIn(name string, shape connect.StreamType) *descriptorpb.MethodDescriptorProto {
	described := method(name, "google.protobuf.StringValue", shape)
	declaration := proto.GetExtension(described.GetOptions(), sallyportv1.E_Action).(*sallyportv1.Action)
	declaration.Authenticate = &sallyportv1.Authenticate{Schemes: []string{"session"}}
	declaration.Authorize = &sallyportv1.Authorize{Allow: []*sallyportv1.Grant{{Cel: new("principal.id == 'the-admin'")}}}
	proto.SetExtension(described.GetOptions(), sallyportv1.E_Action, declaration)
	return described
}

// asked is a service of one unary action, for those who signed in.
type asked interface {
	Ask(ctx context.Context, call *action.Call[text]) (*text, error)
}

// parrot answers what it is asked.
type parrot struct{}

func (parrot) Ask(_ context.Context, call *action.Call[text]) (*text, error) {
	return call.Message(), nil
}

// A call that comes through the front door is authenticated there, and again by its gate
// when its message is there: what the front door found out may be old by then.
func TestFrontDoorAnswerIsNotReused(t *testing.T) {
	t.Parallel()
	authenticator, records := &countingAuthenticator{}, &records{}
	registry, err := action.NewRegistry(authn.Schemes{"session": authenticator}, action.WithRecorder(records))
	if err != nil {
		t.Fatal(err)
	}
	if err := declaretest.Register(t, registry, actiongen.Service[asked]{
		Descriptor: describe(t, "AskService", signedIn("Ask", connect.StreamTypeUnary)),
		Methods:    []actiongen.Method[asked]{actiongen.Unary("Ask", asked.Ask)},
	}, asked(parrot{})); err != nil {
		t.Fatal(err)
	}
	served := start(t, registry, server.WithFrontDoor())
	for i, test := range []struct {
		body, credential string
		revokes          bool
		want             int
		asked            int64
	}{
		{`"x"`, "Bearer admin", false, http.StatusOK, 2},
		{`"x`, "Bearer admin", false, http.StatusBadRequest, 1},
		{`"x"`, "Bearer member", false, http.StatusForbidden, 2},
		{`"x"`, "Basic YTpi", false, http.StatusUnauthorized, 1},
		{`"x"`, "Bearer admin", true, http.StatusUnauthorized, 2},
	} {
		authenticator.revokes = test.revokes
		status, answer := served.send(t, served.client(t, 1), "/described.v1.AskService/Ask", strings.NewReader(test.body), "Authorization", test.credential)
		if status != test.want {
			t.Errorf("%d: status %d, want %d: %s", i, status, test.want, answer)
		}
		if got := authenticator.asked.Swap(0); got != test.asked {
			t.Errorf("%d: asked %d times", i, got)
		}
		if got := records.take(); len(got) != 1 {
			t.Errorf("%d: decided %+v", i, got)
		}
	}
}

// watchers is a service of one stream, for those who signed in.
type watchers interface {
	Watch(ctx context.Context, call *action.Call[text], stream *action.ServerStream[text]) error
}

// forever is a stream that ends when it is ended.
type forever struct{}

func (forever) Watch(ctx context.Context, call *action.Call[text], stream *action.ServerStream[text]) error {
	if err := stream.Send(call.Message()); err != nil {
		return err
	}
	<-ctx.Done()
	return ctx.Err()
}

// When a live stream is looked at again, the authenticator is asked again: what it
// answered before is about the time when the stream began.
func TestFrontDoorIsAskedAgain(t *testing.T) {
	t.Parallel()
	authenticator, records := &countingAuthenticator{}, &records{}
	registry, err := action.NewRegistry(authn.Schemes{"session": authenticator}, action.WithRecorder(records), action.WithRecheck(time.Second))
	if err != nil {
		t.Fatal(err)
	}
	if err := declaretest.Register(t, registry, actiongen.Service[watchers]{
		Descriptor: describe(t, "WatchService", signedIn("Watch", connect.StreamTypeServer)),
		Methods:    []actiongen.Method[watchers]{actiongen.ServerStreaming("Watch", watchers.Watch)},
	}, watchers(forever{})); err != nil {
		t.Fatal(err)
	}
	served := start(t, registry, server.WithFrontDoor())
	ctx, info := connect.NewClientContext(t.Context())
	info.RequestHeader().Set("Authorization", "Bearer admin")
	stream, err := connect.NewClient(connecthttp.NewTransport(served.client(t, 2), served.url)).CallClientStream(ctx, connect.Spec{Procedure: "/described.v1.WatchService/Watch", StreamType: connect.StreamTypeServer})
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Close()
	if err := errors.Join(stream.Send(&text{Value: "a"}), stream.CloseSend(), stream.Receive(new(text))); err != nil {
		t.Fatal(err)
	}
	opened := authenticator.asked.Load()
	if opened < 2 { // on a busy machine it has been looked at again meanwhile
		t.Errorf("asked %d times as it opened", opened)
	}
	authenticator.revoked.Store(true)
	if err := stream.Receive(new(text)); connect.CodeOf(err) != connect.CodeUnauthenticated {
		t.Errorf("it ended as %v", err)
	}
	if got := authenticator.asked.Load(); got <= opened {
		t.Errorf("asked %d times in all", got)
	}
	if got := records.take(); len(got) != 2 || got[0].Outcome != event.Allow || got[1].Stage != event.StageAuthenticate {
		t.Errorf("decided %+v", got)
	}
}
