package bench

import (
	"context"
	"io"
	"log/slog"

	"buf.build/go/protovalidate"
	"connectrpc.com/connect/v2"
	"connectrpc.com/connect/v2/connectinprocess"
	"connectrpc.com/validate"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/action/actiongen"
	"github.com/sallyport-rpc/sallyport/action/event"
	"github.com/sallyport-rpc/sallyport/authn"
	"github.com/sallyport-rpc/sallyport/bench/many"
	demov1 "github.com/sallyport-rpc/sallyport/gen/demo/v1"
)

// A way is one way of serving the method that is measured.
type way struct {
	name   string
	server func() *connect.Server
}

// validated is the row that a gate is compared with.
const validated = "unguarded, validated"

// ways serve DeleteUser to its owner.
var ways = []way{
	{"unguarded", unguardedServer},
	{validated, validatedServer},
	{"sallyport", guardedServer},
	{"sallyport, allows recorded", recordedServer},
	{"sallyport, principal made anew", anewServer},
	{"checks by hand in the handler", handServer},
	{"interceptors: connectrpc.com/validate, authentication, authorization", interceptedServer},
}

// callTable calls as a transport does: nothing is copied or encoded.
func callTable() table {
	t := table{title: "guarded unary call, admin or owner, asked by the owner", base: validated}
	for _, way := range ways {
		t.rows = append(t.rows, called(way.name, way.server(), deleteUser, receive))
	}
	return t
}

// called is the row that calls a procedure.
func called(name string, server *connect.Server, procedure string, receive func(any)) row {
	info := &connect.CallInfo{}
	info.RequestHeader().Set("Authorization", token)
	return row{name: name, op: func() error {
		stream := stream{receive: receive}
		if err := server.Call(context.Background(), procedure, info, &stream); err != nil {
			return failed(name, err)
		}
		if !stream.answered {
			return failed(name, errWrong)
		}
		return nil
	}}
}

// stream brings one request and takes one response.
type stream struct {
	receive  func(message any)
	answered bool
}

func (s *stream) SendHeaders() error { return nil }

func (s *stream) Receive(message any) error {
	s.receive(message)
	return nil
}

func (s *stream) Send(any) error {
	s.answered = true
	return nil
}

// receive fills in the request.
func receive(message any) { message.(*demov1.DeleteUserRequest).UserId = owner }

// inProcessTable calls as a client in the same process does: request and response
// are copied.
func inProcessTable() table {
	t := table{title: "the same through a client in process", base: validated}
	ctx, info := connect.NewClientContext(context.Background())
	info.RequestHeader().Set("Authorization", token)
	spec := connect.Spec{Procedure: deleteUser}
	for _, way := range ways {
		client := connect.NewClient(connectinprocess.New(way.server()))
		t.rows = append(t.rows, row{name: way.name, op: func() error {
			return client.CallUnary(ctx, spec, deletion, &demov1.DeleteUserResponse{})
		}})
	}
	return t
}

// ruleFreeTable has a request without validation rules, and so nothing but the gate.
func ruleFreeTable() table {
	file := many.NewFile("bench.touch")
	file.Method("Touch", many.EmptyMessage, many.EmptyMessage, many.AnyRole("admin"))
	file.EnumType = append(file.EnumType, many.Catalogue([]string{"admin"}))
	registry := newRegistry(byAdmin.principal())
	service := file.Build()
	must(0, actiongen.Register(registry, actiongen.Service[answering]{
		Descriptor:  service,
		Fingerprint: many.Fingerprints(service)[0],
		Methods:     []actiongen.Method[answering]{actiongen.Unary("Touch", answering.touched)},
	}, answering{}))
	const procedure = "/bench.touch.Service/Touch"
	unguarded := serverOf(connect.Method{Spec: connect.Spec{Procedure: procedure}, Handler: func(_ context.Context, _ connect.Spec, stream connect.ServerStream) error {
		request := new(emptypb.Empty)
		if err := stream.Receive(request); err != nil {
			return err
		}
		return stream.Send(&emptypb.Empty{})
	}})
	receive := func(any) {}
	return table{
		title: "guarded unary call, any_role, of a request without validation rules",
		rows: []row{
			called("unguarded", unguarded, procedure, receive),
			called("sallyport", serverOf(must(registry.Methods())...), procedure, receive),
		},
		base: "unguarded",
	}
}

// answering has nothing to do.
type answering struct{}

func (answering) touched(context.Context, *action.Call[emptypb.Empty]) (*emptypb.Empty, error) {
	return &emptypb.Empty{}, nil
}

func serverOf(methods ...connect.Method) *connect.Server {
	server := connect.NewServer()
	server.Register(methods...)
	return server
}

// handler serves DeleteUser as connect's own generated code would.
func handler(deleteUser func(context.Context, *demov1.DeleteUserRequest) (*demov1.DeleteUserResponse, error)) connect.ServerFunc {
	return func(ctx context.Context, _ connect.Spec, stream connect.ServerStream) error {
		request := new(demov1.DeleteUserRequest)
		if err := stream.Receive(request); err != nil {
			return err
		}
		response, err := deleteUser(ctx, request)
		if err != nil {
			return err
		}
		return stream.Send(response)
	}
}

// deleteIt is all there is to do.
func deleteIt(context.Context, *demov1.DeleteUserRequest) (*demov1.DeleteUserResponse, error) {
	return &demov1.DeleteUserResponse{}, nil
}

func method(handler connect.ServerFunc) connect.Method {
	return connect.Method{Spec: connect.Spec{Procedure: deleteUser}, Handler: handler}
}

func guardedServer() *connect.Server {
	return serverOf(must(accountRegistry(byOwner.principal()).Methods())...)
}

// anewServer makes the caller's principal at every call.
func anewServer() *connect.Server {
	registry := must(action.NewRegistry(authn.Schemes{"session": anew{sessions[*asker]{token: &byOwner}}}))
	return serverOf(must(guardAccounts(registry).Methods())...)
}

// recordedServer logs what it allows as well, as text.
func recordedServer() *connect.Server {
	log := slog.New(slog.NewTextHandler(io.Discard, &slog.HandlerOptions{Level: slog.LevelDebug})) //nolint:sloglint // formatting is measured
	return serverOf(must(accountRegistry(byOwner.principal(), action.WithRecorder(event.LogRecorder(log))).Methods())...)
}

func unguardedServer() *connect.Server { return serverOf(method(handler(deleteIt))) }

func validatedServer() *connect.Server {
	validator := must(protovalidate.New())
	return serverOf(method(handler(func(ctx context.Context, request *demov1.DeleteUserRequest) (*demov1.DeleteUserResponse, error) {
		if err := validator.Validate(request); err != nil {
			return nil, connect.NewError(connect.CodeInvalidArgument, err.Error())
		}
		return deleteIt(ctx, request)
	})))
}

// handServer does in the handler what the gate does before it.
func handServer() *connect.Server {
	validator := must(protovalidate.New())
	users := sessions[*asker]{token: &byOwner}
	return serverOf(method(handler(func(ctx context.Context, request *demov1.DeleteUserRequest) (*demov1.DeleteUserResponse, error) {
		if err := validator.Validate(request); err != nil {
			return nil, connect.NewError(connect.CodeInvalidArgument, err.Error())
		}
		call, _ := connect.CallInfoForServerContext(ctx)
		user, err := users.find(call)
		if err != nil {
			return nil, connect.NewError(connect.CodeUnauthenticated, "sign in first")
		}
		if !user.mayDelete(request) {
			return nil, connect.NewError(connect.CodePermissionDenied, "not allowed")
		}
		return deleteIt(ctx, request)
	})))
}

// interceptedServer does it in interceptors, which every method of a server shares.
func interceptedServer() *connect.Server {
	users := sessions[*asker]{token: &byOwner}
	server := connect.NewServer(authenticating(users), validate.NewServerInterceptor(), authorizing(map[string]policy{
		deleteUser: func(user *asker, message any) bool {
			request, ok := message.(*demov1.DeleteUserRequest)
			return ok && user.mayDelete(request)
		},
	}))
	server.Register(method(handler(deleteIt)))
	return server
}
