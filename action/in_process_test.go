package action_test

import (
	"context"
	"errors"
	"io"
	"testing"
	"time"

	"connectrpc.com/connect/v2"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/action/actionserver"
	"github.com/sallyport-rpc/sallyport/authn"
	testv1 "github.com/sallyport-rpc/sallyport/gen/test/v1"
	"github.com/sallyport-rpc/sallyport/gen/test/v1/testv1action"
	"github.com/sallyport-rpc/sallyport/gen/test/v1/testv1client"
)

// countdown sends three messages, and where its caller is to stay, waits until it is
// ended.
type countdown struct {
	testv1action.StreamServiceHandler

	ended chan error
}

func (c *countdown) WatchOpen(ctx context.Context, call *action.Call[testv1.Request], out *action.ServerStream[testv1.Response]) error {
	defer func() { c.ended <- ctx.Err() }()
	for range 3 {
		if err := out.Send(&testv1.Response{}); err != nil {
			return err
		}
	}
	if call.Message().GetOwner() == "stay" {
		<-ctx.Done()
	}
	return nil
}

// A stream in the process carries all messages and its end, and ends its handler when
// the client closes it.
func TestInProcessStreams(t *testing.T) {
	t.Parallel()
	editor := authn.NewPrincipal("ada", authn.Details{Roles: []string{"editor"}, Unscoped: true})
	service := &countdown{ended: make(chan error, 1)}
	registry := must(action.NewRegistry(authn.Schemes{"session": freshnessReporter{knows(editor)}}))
	if err := testv1action.RegisterStreamService(registry, service); err != nil {
		t.Fatal(err)
	}
	client := testv1client.NewStreamServiceClient(connect.NewClient(must(registry.InProcess())))
	ended := func() error {
		select {
		case err := <-service.ended:
			return err
		case <-time.After(time.Minute):
			return errors.New("it goes on")
		}
	}

	stream := must(client.WatchOpen(t.Context(), &testv1.Request{Owner: "ada"}))
	for i := range 3 {
		if _, err := stream.Receive(); err != nil {
			t.Errorf("message %d: %v", i, err)
		}
	}
	if _, err := stream.Receive(); !errors.Is(err, io.EOF) {
		t.Errorf("the end: %v", err)
	}
	if err := ended(); err != nil {
		t.Errorf("the context of a handler that returned: %v", err)
	}

	stream = must(client.WatchOpen(t.Context(), &testv1.Request{Owner: "stay"}))
	if _, err := stream.Receive(); err != nil {
		t.Error(err)
	}
	stream.Close()
	if err := ended(); !errors.Is(err, context.Canceled) {
		t.Errorf("the handler of a closed stream: %v", err)
	}
}

// What serves a unary call within the process lends its handler no control of a stream, which
// a stream that it calls would take for its own.
func TestInProcessUnaryLendsNothing(t *testing.T) {
	t.Parallel()
	fixture := newFixture(t)
	var lent *actionserver.StreamControl
	fixture.handlers.unary = func(ctx context.Context, _ *call) (*testv1.Response, error) {
		lent = actionserver.StreamControlFrom(ctx)
		return &testv1.Response{}, nil
	}
	within := way{client: connect.NewClient(must(fixture.registry.InProcess()))}
	if got := fixture.ask(t.Context(), within, unary("Own"), as("session", "alice"), owned("alice")); got.err != nil || lent != nil {
		t.Errorf("got %v, lent %v", got.err, lent)
	}
}
