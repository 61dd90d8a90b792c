// Package calls makes guarded calls without a transport: what stands between a
// transport and a handler, and nothing else. Its kinds have a budget of memory, and
// bench/instructions counts their instructions.
package calls

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"connectrpc.com/connect/v2"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/action/actionserver"
	"github.com/sallyport-rpc/sallyport/action/event"
	"github.com/sallyport-rpc/sallyport/authn"
	testv1 "github.com/sallyport-rpc/sallyport/gen/test/v1"
	"github.com/sallyport-rpc/sallyport/gen/test/v1/testv1action"
)

// A Kind is one kind of call.
type Kind string

// The kinds.
const (
	// Unary is a unary call whose grant is a role and whose request has no rules.
	Unary Kind = "unary"
	// Validated is a unary call whose grant compares the principal with the request,
	// which has rules.
	Validated Kind = "unary-validated"
	// Denied is a call of Validated's kind that is denied, whose denial is logged as text.
	Denied Kind = "unary-denied"
	// Open is a message of a bidi stream that was authorized as it opened, with its
	// response.
	Open Kind = "bidi-open"
	// Every is a message of a bidi stream that is authorized at every message, with its
	// response.
	Every Kind = "bidi-every"
)

// Kinds are all kinds.
func Kinds() []Kind { return []Kind{Unary, Validated, Denied, Open, Every} }

const (
	// id is the caller's, and what the requests name but for those that are denied.
	id      = "0198e9c6-5f5c-7d3a-9b1e-3c1f2a4b5c6d"
	otherID = "0198e9c6-5f5c-7d3a-9b1e-3c1f2a4b5c6e"
)

// New returns a function that makes a number of calls of one kind, or exchanges that many
// messages. It fails where one of them does not come out as it should.
func New(kind Kind) (func(count int) error, error) {
	logger := slog.New(slog.DiscardHandler)
	if kind == Denied {
		logger = slog.New(slog.NewTextHandler(io.Discard, nil)) //nolint:sloglint // formatting is measured
	}
	server, err := newServer(logger)
	if err != nil {
		return nil, err
	}
	procedure, ok := map[Kind]string{
		Unary:     "/test.v1.PlainService/Poke",
		Validated: "/test.v1.UnaryService/Own",
		Denied:    "/test.v1.UnaryService/Own",
		Open:      "/test.v1.StreamService/ChatOpen",
		Every:     "/test.v1.StreamService/ChatEvery",
	}[kind]
	if !ok {
		return nil, errors.New("there is no kind " + string(kind))
	}
	ctx := actionserver.WithStreamControl(context.Background(), &actionserver.StreamControl{
		InterruptReceive: func() {}, IdleTimeout: time.Hour, MaxMessages: 1 << 40, MaxBytes: 1 << 40,
	})
	info := &connect.CallInfo{}
	return func(count int) error {
		wire := &wire{owner: id}
		if kind == Denied {
			wire.owner = otherID
		}
		if kind == Open || kind == Every {
			wire.left = count
			err := server.Call(ctx, procedure, info, wire)
			return errors.Join(err, wire.answered(count))
		}
		for range count {
			wire.left = 1
			err := server.Call(ctx, procedure, info, wire)
			if kind == Denied && connect.CodeOf(err) != connect.CodePermissionDenied {
				return fmt.Errorf("a call was not denied: %w", err)
			}
			if kind != Denied && err != nil {
				return err
			}
		}
		if kind == Denied {
			count = 0
		}
		return wire.answered(count)
	}, nil
}

// A wire brings requests and takes responses.
type wire struct {
	owner string // whom the requests name
	left  int
	sent  int
}

func (w *wire) Receive(message any) error {
	if w.left--; w.left < 0 {
		return io.EOF
	}
	if request, ok := message.(*testv1.Request); ok {
		request.Owner = w.owner
	}
	return nil
}

func (*wire) SendHeaders() error { return nil }

func (w *wire) Send(any) error {
	w.sent++
	return nil
}

func (w *wire) answered(count int) error {
	if w.sent != count {
		return fmt.Errorf("%d messages were answered, not %d", w.sent, count)
	}
	return nil
}

func newServer(logger *slog.Logger) (*connect.Server, error) {
	registry, err := action.NewRegistry(authn.Schemes{"session": known{}, "bearer": known{}, "apikey": known{}},
		action.WithRecorder(event.LogRecorder(logger)))
	if err != nil {
		return nil, err
	}
	handler := answering{}
	err = errors.Join(
		testv1action.RegisterPlainService(registry, handler),
		testv1action.RegisterUnaryService(registry, handler, handler),
		testv1action.RegisterStreamService(registry, handler),
	)
	if err != nil {
		return nil, err
	}
	methods, err := registry.Methods()
	if err != nil {
		return nil, err
	}
	server := connect.NewServer()
	server.Register(methods...)
	return server, nil
}

var caller = authn.NewPrincipal(id, authn.Details{Unscoped: true, Roles: []string{"owner"}})

// known finds one caller in memory.
type known struct{}

func (known) Authenticate(context.Context, *connect.CallInfo) (*authn.Principal, error) {
	return caller, nil
}
func (known) ReportsAuthenticationTime() bool { return true }

// answering answers at once. Methods that are not called are not there.
type answering struct {
	testv1action.PlainServiceHandler
	testv1action.UnaryServiceHandler
	testv1action.StreamServiceHandler
}

func (answering) CheckedIsOpen(context.Context, *authn.Principal, *testv1.Request) (bool, error) {
	return true, nil
}

func (answering) Poke(context.Context, *action.Call[testv1.PokeRequest]) (*testv1.PokeResponse, error) {
	return &testv1.PokeResponse{}, nil
}

func (answering) Own(context.Context, *action.Call[testv1.Request]) (*testv1.Response, error) {
	return &testv1.Response{}, nil
}

func (answering) ChatOpen(_ context.Context, stream *action.BidiStream[testv1.Request, testv1.Response]) error {
	return chat(stream)
}

func (answering) ChatEvery(_ context.Context, stream *action.BidiStream[testv1.Request, testv1.Response]) error {
	return chat(stream)
}

func chat(stream *action.BidiStream[testv1.Request, testv1.Response]) error {
	response := &testv1.Response{}
	for {
		if _, err := stream.Receive(); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		if err := stream.Send(response); err != nil {
			return err
		}
	}
}
