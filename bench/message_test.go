package bench

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"time"

	"buf.build/go/protovalidate"
	"connectrpc.com/connect/v2"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/action/actionserver"
	"github.com/sallyport-rpc/sallyport/action/event"
	benchv1 "github.com/sallyport-rpc/sallyport/gen/test/bench/v1"
	"github.com/sallyport-rpc/sallyport/gen/test/bench/v1/benchv1action"
)

const (
	writeNotes = "/test.bench.v1.NoteStreamService/WriteNotes"
	// messagesEach is how many messages a stream has.
	messagesEach = 1000
)

// messageTable has messages of a bidi stream with a response to each. Each message has
// validation rules, and each is checked, but where the row says that it is not.
func messageTable() table {
	byHand := "checks by hand of each message"
	t := table{title: "message of a bidi stream, admin or owner, EVERY_MESSAGE", base: byHand}
	validator := must(protovalidate.New())
	users := sessions[*asker]{token: &byOwner}
	for _, way := range []way{
		{"unguarded", func() *connect.Server { return noteServer(nil) }},
		{validated, func() *connect.Server {
			return noteServer(func(_ context.Context, request *benchv1.WriteNotesRequest) error { return validator.Validate(request) })
		}},
		{byHand, func() *connect.Server {
			return noteServer(func(ctx context.Context, request *benchv1.WriteNotesRequest) error {
				if err := validator.Validate(request); err != nil {
					return connect.NewError(connect.CodeInvalidArgument, err.Error())
				}
				call, _ := connect.CallInfoForServerContext(ctx)
				user, err := users.find(call)
				if err != nil {
					return connect.NewError(connect.CodeUnauthenticated, "sign in first")
				}
				if user.id != request.GetUserId() {
					return errNotAllowed
				}
				return nil
			})
		}},
		{"sallyport", func() *connect.Server {
			registry := newRegistry(byOwner.principal(), action.WithRecorder(event.LogRecorder(slog.New(slog.DiscardHandler))))
			must(0, benchv1action.RegisterNoteStreamService(registry, notes{}))
			return serverOf(must(registry.Methods())...)
		}},
	} {
		server := way.server()
		info := &connect.CallInfo{}
		info.RequestHeader().Set("Authorization", token)
		// What a server lends, so that receiving needs no goroutine of its own.
		ctx := actionserver.WithStreamControl(context.Background(), &actionserver.StreamControl{
			InterruptReceive: func() {}, IdleTimeout: time.Hour, MaxMessages: 1 << 40, MaxBytes: 1 << 40,
		})
		t.rows = append(t.rows, row{name: way.name, each: messagesEach, op: func() error {
			stream := noteStream{left: messagesEach}
			if err := server.Call(ctx, writeNotes, info, &stream); err != nil {
				return failed(way.name, err)
			}
			if stream.answered != messagesEach {
				return failed(way.name, errWrong)
			}
			return nil
		}})
	}
	return t
}

// A noteStream brings so many notes of the owner.
type noteStream struct{ left, answered int }

func (*noteStream) SendHeaders() error { return nil }

func (s *noteStream) Receive(message any) error {
	if s.left--; s.left < 0 {
		return io.EOF
	}
	if request, ok := message.(*benchv1.WriteNotesRequest); ok {
		request.UserId, request.Text = owner, "Ships on Thursday."
	}
	return nil
}

func (s *noteStream) Send(any) error {
	s.answered++
	return nil
}

// noteServer serves the stream without a gate, with a check of each message if there is
// one.
func noteServer(check func(context.Context, *benchv1.WriteNotesRequest) error) *connect.Server {
	return serverOf(connect.Method{
		Spec: connect.Spec{Procedure: writeNotes, StreamType: connect.StreamTypeBidi},
		Handler: func(ctx context.Context, _ connect.Spec, stream connect.ServerStream) error {
			for {
				request := new(benchv1.WriteNotesRequest)
				if err := stream.Receive(request); errors.Is(err, io.EOF) {
					return nil
				} else if err != nil {
					return err
				}
				if check != nil {
					if err := check(ctx, request); err != nil {
						return err
					}
				}
				if err := stream.Send(written); err != nil {
					return err
				}
			}
		},
	})
}

var written = &benchv1.WriteNotesResponse{NoteId: "n-1"}

// notes answers each note.
type notes struct {
	benchv1action.NoteStreamServiceHandler
}

func (notes) WriteNotes(_ context.Context, stream *action.BidiStream[benchv1.WriteNotesRequest, benchv1.WriteNotesResponse]) error {
	for {
		if _, err := stream.Receive(); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		if err := stream.Send(written); err != nil {
			return err
		}
	}
}
