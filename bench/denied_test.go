package bench

import (
	"context"
	"crypto/rand"
	"io"
	"log/slog"
	"time"

	"buf.build/go/protovalidate"
	"connectrpc.com/connect/v2"
	"connectrpc.com/validate"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/action/event"
	demov1 "github.com/sallyport-rpc/sallyport/gen/demo/v1"
)

// deniedTable has calls that are denied and of which every denial is logged as text, with
// the same attributes: calls within the process are not thinned.
func deniedTable() table {
	log := slog.New(slog.NewTextHandler(io.Discard, nil)) //nolint:sloglint // formatting is measured
	t := table{title: "denied unary call, each denial logged", base: "checks by hand in the handler"}
	for _, way := range []way{
		{"sallyport", func() *connect.Server {
			return serverOf(must(accountRegistry(byOther.principal(), action.WithRecorder(event.LogRecorder(log))).Methods())...)
		}},
		{"checks by hand in the handler", func() *connect.Server { return deniedByHand(log) }},
		{"interceptors", func() *connect.Server { return deniedByInterceptors(log) }},
	} {
		server := way.server()
		info := &connect.CallInfo{}
		info.RequestHeader().Set("Authorization", token)
		t.rows = append(t.rows, row{name: way.name, op: func() error {
			stream := stream{receive: receive}
			err := server.Call(context.Background(), deleteUser, info, &stream)
			if connect.CodeOf(err) != connect.CodePermissionDenied || stream.answered {
				return failed(way.name, errWrong)
			}
			return nil
		}})
	}
	return t
}

// deny logs what Sallyport logs of a denial, and returns the error.
func deny(ctx context.Context, log *slog.Logger, user *asker, begun time.Time) error {
	log.LogAttrs(ctx, slog.LevelInfo, "decided",
		slog.String("call", rand.Text()), slog.String("procedure", deleteUser), slog.String("stage", "authorize"), slog.String("outcome", "deny"),
		slog.String("principal", user.id), slog.String("scheme", "session"), slog.Duration("duration", time.Since(begun)),
		slog.String("code", "permission_denied"), slog.String("reason", "no grant allows it"), slog.String("grants", "1: no admin; 2: not the owner"))
	return errNotAllowed
}

func deniedByHand(log *slog.Logger) *connect.Server {
	validator := must(protovalidate.New())
	users := sessions[*asker]{token: &byOther}
	return serverOf(method(handler(func(ctx context.Context, request *demov1.DeleteUserRequest) (*demov1.DeleteUserResponse, error) {
		begun := time.Now()
		if err := validator.Validate(request); err != nil {
			return nil, connect.NewError(connect.CodeInvalidArgument, err.Error())
		}
		call, _ := connect.CallInfoForServerContext(ctx)
		user, err := users.find(call)
		if err != nil {
			return nil, connect.NewError(connect.CodeUnauthenticated, "sign in first")
		}
		if !user.mayDelete(request) {
			return nil, deny(ctx, log, user, begun)
		}
		return deleteIt(ctx, request)
	})))
}

func deniedByInterceptors(log *slog.Logger) *connect.Server {
	logging := func(next connect.ServerFunc) connect.ServerFunc {
		return func(ctx context.Context, spec connect.Spec, stream connect.ServerStream) error {
			begun := time.Now()
			err := next(ctx, spec, stream)
			if user, known := ctx.Value(askerKey{}).(*asker); known && err != nil {
				return deny(ctx, log, user, begun)
			}
			return err
		}
	}
	server := connect.NewServer(authenticating(sessions[*asker]{token: &byOther}), logging, validate.NewServerInterceptor(), authorizing(map[string]policy{
		deleteUser: func(user *asker, message any) bool {
			request, ok := message.(*demov1.DeleteUserRequest)
			return ok && user.mayDelete(request)
		},
	}))
	server.Register(method(handler(deleteIt)))
	return server
}
