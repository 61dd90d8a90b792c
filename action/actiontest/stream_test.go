package actiontest_test

import (
	"errors"
	"io"
	"strings"
	"sync"
	"testing"

	"connectrpc.com/connect/v2"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"

	"github.com/sallyport-rpc/sallyport/action/actiontest"
	"github.com/sallyport-rpc/sallyport/authn"
	testv1 "github.com/sallyport-rpc/sallyport/gen/test/v1"
)

// receive receives until a stream ends, and returns the owners and the end.
func receive(from func() (*testv1.Request, error)) (string, error) {
	var owners []string
	for {
		request, err := from()
		if err != nil {
			return strings.Join(owners, " "), err
		}
		owners = append(owners, request.GetOwner())
		request.Owner = "changed" // which is the handler's to do
	}
}

func script() actiontest.Script[testv1.Request] {
	return actiontest.Requests(&testv1.Request{Owner: "ann"}, &testv1.Request{}, &testv1.Request{Owner: "ben"})
}

// Every stream of requests gives the handler what the script says, valid or not, and then
// the end that the script says, again and again.
func TestScript(t *testing.T) {
	t.Parallel()
	denied := connect.NewError(connect.CodePermissionDenied, "not any more")
	ann := authn.NewPrincipal("ann", authn.Details{Unscoped: true, Scheme: "session"})
	for name, open := range map[string]func(*testing.T, actiontest.Script[testv1.Request]) func() (*testv1.Request, error){
		"client stream": func(t *testing.T, script actiontest.Script[testv1.Request]) func() (*testv1.Request, error) {
			t.Helper()
			stream := actiontest.NewClientStream(t, ann, script)
			if got := stream.Principal(); got != ann || got.Scheme() != "session" {
				t.Errorf("the principal is %v", got)
			}
			return stream.Receive
		},
		"anonymous client stream": func(t *testing.T, script actiontest.Script[testv1.Request]) func() (*testv1.Request, error) {
			t.Helper()
			return actiontest.NewAnonymousClientStream(t, script).Receive
		},
		"bidi stream": func(t *testing.T, script actiontest.Script[testv1.Request]) func() (*testv1.Request, error) {
			t.Helper()
			stream, _ := actiontest.NewBidiStream[testv1.Request, testv1.Response](t, ann, script)
			if got := stream.Principal(); got != ann || got.Scheme() != "session" {
				t.Errorf("the principal is %v", got)
			}
			return stream.Receive
		},
		"anonymous bidi stream": func(t *testing.T, script actiontest.Script[testv1.Request]) func() (*testv1.Request, error) {
			t.Helper()
			stream, _ := actiontest.NewAnonymousBidiStream[testv1.Request, testv1.Response](t, script)
			return stream.Receive
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			shared := script() // which a stream does not change
			for range 2 {
				from := open(t, shared)
				if owners, err := receive(from); owners != "ann  ben" || err != io.EOF { //nolint:errorlint // io.EOF itself is what is promised
					t.Errorf("got %q, %v", owners, err)
				}
				if _, err := from(); !errors.Is(err, io.EOF) {
					t.Errorf("again: got %v", err)
				}
			}
			from := open(t, shared.EndWith(denied))
			if owners, err := receive(from); owners != "ann  ben" || err != error(denied) { //nolint:errorlint // that very error
				t.Errorf("got %q, %v", owners, err)
			}
			if _, err := from(); connect.CodeOf(err) != connect.CodePermissionDenied {
				t.Errorf("again: got %v", err)
			}
			if owners, err := receive(open(t, actiontest.Script[testv1.Request]{})); owners != "" || !errors.Is(err, io.EOF) {
				t.Errorf("the zero script: got %q, %v", owners, err)
			}
		})
	}
}

// A stream of responses.
type sender interface {
	Send(response *testv1.Response) error
	SendHeaders() error
}

// What a handler sends is recorded as it was when it was sent.
func TestResponses(t *testing.T) {
	t.Parallel()
	ann := authn.NewPrincipal("ann", authn.Details{Unscoped: true})
	for name, open := range map[string]func(*testing.T) (sender, *actiontest.Responses[testv1.Response]){
		"server stream": func(t *testing.T) (sender, *actiontest.Responses[testv1.Response]) {
			t.Helper()
			return actiontest.NewServerStream[testv1.Response](t)
		},
		"bidi stream": func(t *testing.T) (sender, *actiontest.Responses[testv1.Response]) {
			t.Helper()
			return actiontest.NewBidiStream[testv1.Request, testv1.Response](t, ann, script())
		},
		"anonymous bidi stream": func(t *testing.T) (sender, *actiontest.Responses[testv1.Response]) {
			t.Helper()
			return actiontest.NewAnonymousBidiStream[testv1.Request, testv1.Response](t, script())
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			stream, sent := open(t)
			if sent.SentHeaders() || len(sent.All()) != 0 {
				t.Error("something was sent already")
			}
			if err := stream.SendHeaders(); err != nil || !sent.SentHeaders() || len(sent.All()) != 0 {
				t.Errorf("SendHeaders: %v, %v", err, sent.All())
			}
			response := &testv1.Response{Caller: "first"}
			if err := stream.Send(response); err != nil {
				t.Fatal(err)
			}
			response.Caller = "second"
			if err := stream.Send(response); err != nil {
				t.Fatal(err)
			}
			response.Caller = "changed"
			sent.All()[0].Caller = "changed"
			want := []*testv1.Response{{Caller: "first"}, {Caller: "second"}}
			if diff := cmp.Diff(want, sent.All(), protocmp.Transform()); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}

			stream, sent = open(t)
			sent.FailAfter(1, nil)
			if err := stream.Send(response); err != nil || !sent.SentHeaders() {
				t.Errorf("the first: %v", err)
			}
			for range 2 {
				if err := stream.Send(response); connect.CodeOf(err) != connect.CodeCanceled {
					t.Errorf("a later one: %v", err)
				}
			}
			if got := len(sent.All()); got != 1 {
				t.Errorf("%d were sent", got)
			}

			stream, sent = open(t)
			sent.FailAfter(0, connect.NewError(connect.CodeUnauthenticated, "signed out"))
			if err := stream.Send(response); connect.CodeOf(err) != connect.CodeUnauthenticated || len(sent.All()) != 0 {
				t.Errorf("with a code: %v", err)
			}
		})
	}
}

// Once the gate has ended a stream, as a script says, nothing is sent on it.
func TestNothingIsSentAfterTheEnd(t *testing.T) {
	t.Parallel()
	end := connect.NewError(connect.CodeUnauthenticated, "signed out")
	stream, sent := actiontest.NewBidiStream[testv1.Request, testv1.Response](t, authn.NewPrincipal("ann", authn.Details{Unscoped: true}), script().EndWith(end))
	if err := stream.Send(&testv1.Response{}); err != nil {
		t.Fatal(err)
	}
	if _, err := receive(stream.Receive); connect.CodeOf(err) != connect.CodeUnauthenticated {
		t.Errorf("received %v", err)
	}
	if err := stream.Send(&testv1.Response{}); connect.CodeOf(err) != connect.CodeUnauthenticated || len(sent.All()) != 1 {
		t.Errorf("sent %d, %v", len(sent.All()), err)
	}
}

// A handler may receive and send at the same time, and the test may look meanwhile.
func TestBothWaysAtOnce(t *testing.T) {
	t.Parallel()
	const many = 100
	requests := make([]*testv1.Request, many)
	for i := range requests {
		requests[i] = &testv1.Request{}
	}
	stream, sent := actiontest.NewAnonymousBidiStream[testv1.Request, testv1.Response](t, actiontest.Requests(requests...))
	var running sync.WaitGroup
	running.Go(func() {
		if _, err := receive(stream.Receive); !errors.Is(err, io.EOF) {
			t.Error(err)
		}
	})
	running.Go(func() {
		for range many {
			if err := stream.Send(&testv1.Response{}); err != nil {
				t.Error(err)
			}
		}
	})
	for range many {
		sent.All()
	}
	running.Wait()
	if got := len(sent.All()); got != many {
		t.Errorf("%d were sent", got)
	}
}
