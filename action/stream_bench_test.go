package action_test

import (
	"context"
	"errors"
	"io"
	"slices"
	"sync"
	"testing"
	"time"

	"connectrpc.com/connect/v2"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/action/actiongen"
	"github.com/sallyport-rpc/sallyport/action/actionserver"
	"github.com/sallyport-rpc/sallyport/action/event"
	"github.com/sallyport-rpc/sallyport/authn"
	sallyportv1 "github.com/sallyport-rpc/sallyport/gen/sallyport/v1"
	testv1 "github.com/sallyport-rpc/sallyport/gen/test/v1"
	"github.com/sallyport-rpc/sallyport/gen/test/v1/testv1action"
	"github.com/sallyport-rpc/sallyport/gen/test/v1/testv1client"
	"github.com/sallyport-rpc/sallyport/internal/declare/declaretest"
)

// A repeating is a stream that brings so many messages, without a transport.
type repeating struct{ left int }

func (b *repeating) Receive(any) error {
	if b.left--; b.left < 0 {
		return io.EOF
	}
	return nil
}
func (*repeating) SendHeaders() error { return nil }
func (*repeating) Send(any) error     { return nil }

// streamHandlers answers what benchmarks of streams call.
type streamHandlers struct {
	testv1action.StreamServiceHandler

	// entered, if not nil, hears of every WatchOpen that begins, and left of the end of
	// each.
	entered, left func()
}

func (s streamHandlers) WatchOpen(ctx context.Context, _ *action.Call[testv1.Request], _ *action.ServerStream[testv1.Response]) error {
	s.entered()
	<-ctx.Done()
	s.left()
	return nil
}

// silent records nothing.
type silent struct{}

func (silent) Enabled(context.Context, event.Kind, event.Outcome) bool { return false }
func (silent) Record(context.Context, *event.Event) error              { return nil }

// streamServer serves the streams to whom an authenticator knows.
func streamServer(tb testing.TB, authenticator authn.Authenticator, handler streamHandlers) *connect.Server {
	tb.Helper()
	registry, err := action.NewRegistry(authn.Schemes{"session": authenticator}, action.WithRecorder(silent{}))
	if err != nil {
		tb.Fatal(err)
	}
	if err := testv1action.RegisterStreamService(registry, handler); err != nil {
		tb.Fatal(err)
	}
	methods, err := registry.Methods()
	if err != nil {
		tb.Fatal(err)
	}
	server := connect.NewServer()
	server.Register(methods...)
	return server
}

// unguardedServer serves the same without gates.
func unguardedServer(procedure string, handle connect.ServerFunc) *connect.Server {
	server := connect.NewServer()
	server.Register(connect.Method{Spec: connect.Spec{Procedure: procedure, StreamType: connect.StreamTypeBidi}, Handler: handle})
	return server
}

var editorOfBenchmarks = authn.NewPrincipal("u", authn.Details{Unscoped: true, Roles: []string{"editor"}})

// valid is a stream of good messages.
type valid struct{ repeating }

func (v *valid) Receive(message any) error {
	if request, ok := message.(*testv1.Request); ok {
		request.Owner = "u"
	}
	return v.repeating.Receive(message)
}

// A echoer has a bidi stream of messages that have no rules.
type echoer interface {
	Talk(ctx context.Context, stream *action.BidiStream[wrapperspb.StringValue, wrapperspb.StringValue]) error
}

type echoHandlers struct{}

func (echoHandlers) Talk(_ context.Context, stream *action.BidiStream[wrapperspb.StringValue, wrapperspb.StringValue]) error {
	response := &wrapperspb.StringValue{}
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

const talk = "/bench.v1.ParrotService/Talk"

// echoServer serves Talk to editors, who are looked at when the declaration says.
func echoServer(b *testing.B, timing sallyportv1.Stream_Timing) *connect.Server {
	b.Helper()
	catalogue, editor, declared := &descriptorpb.EnumOptions{}, &descriptorpb.EnumValueOptions{}, &descriptorpb.MethodOptions{}
	proto.SetExtension(catalogue, sallyportv1.E_Roles, true)
	proto.SetExtension(editor, sallyportv1.E_Role, &sallyportv1.Role{Name: "editor"})
	proto.SetExtension(declared, sallyportv1.E_Action, &sallyportv1.Action{
		Authenticate: &sallyportv1.Authenticate{Schemes: []string{"session"}},
		Authorize:    &sallyportv1.Authorize{Allow: []*sallyportv1.Grant{{AnyRole: []string{"editor"}}}},
		Stream:       &sallyportv1.Stream{Authorize: timing},
	})
	file, err := protodesc.NewFile(&descriptorpb.FileDescriptorProto{
		Name: new("bench/v1/echoer.proto"), Package: new("bench.v1"), Syntax: new("proto3"),
		Dependency: []string{"google/protobuf/wrappers.proto", "sallyport/v1/action.proto"},
		EnumType: []*descriptorpb.EnumDescriptorProto{{Name: new("Role"), Options: catalogue, Value: []*descriptorpb.EnumValueDescriptorProto{
			{Name: new("ROLE_UNSPECIFIED"), Number: new(int32(0))}, {Name: new("ROLE_EDITOR"), Number: new(int32(1)), Options: editor},
		}}},
		Service: []*descriptorpb.ServiceDescriptorProto{{Name: new("ParrotService"), Method: []*descriptorpb.MethodDescriptorProto{{
			Name: new("Talk"), InputType: new(".google.protobuf.StringValue"), OutputType: new(".google.protobuf.StringValue"),
			ClientStreaming: new(true), ServerStreaming: new(true), Options: declared,
		}}}},
	}, protoregistry.GlobalFiles)
	if err != nil {
		b.Fatal(err)
	}
	registry, err := action.NewRegistry(authn.Schemes{"session": knows(editorOfBenchmarks)}, action.WithRecorder(silent{}))
	if err != nil {
		b.Fatal(err)
	}
	if err := declaretest.Register(b, registry, actiongen.Service[echoer]{
		Descriptor: file.Services().Get(0), Methods: []actiongen.Method[echoer]{actiongen.BidiStreaming("Talk", echoer.Talk)},
	}, echoer(echoHandlers{})); err != nil {
		b.Fatal(err)
	}
	methods, err := registry.Methods()
	if err != nil {
		b.Fatal(err)
	}
	server := connect.NewServer()
	server.Register(methods...)
	return server
}

// BenchmarkStreamMessage is what one message of a bidi stream costs, with a response
// to it: an op is a message. The grant is a role, and the messages have no rules.
func BenchmarkStreamMessage(b *testing.B) {
	for _, bench := range []struct {
		name   string
		server *connect.Server
	}{
		{"unguarded", unguardedServer(talk, func(_ context.Context, _ connect.Spec, stream connect.ServerStream) error {
			response := &wrapperspb.StringValue{}
			for {
				if err := stream.Receive(new(wrapperspb.StringValue)); errors.Is(err, io.EOF) {
					return nil
				} else if err != nil {
					return err
				}
				if err := stream.Send(response); err != nil {
					return err
				}
			}
		})},
		{"open", echoServer(b, sallyportv1.Stream_OPEN)},
		{"every-message", echoServer(b, sallyportv1.Stream_EVERY_MESSAGE)},
	} {
		b.Run(bench.name, func(b *testing.B) {
			// What a server lends, so that receiving needs no goroutine of its own.
			ctx := actionserver.WithStreamControl(b.Context(), &actionserver.StreamControl{
				InterruptReceive: func() {}, IdleTimeout: time.Hour, MaxMessages: 1 << 40, MaxBytes: 1 << 40,
			})
			b.ReportAllocs()
			b.ResetTimer()
			if err := bench.server.Call(ctx, talk, nil, &repeating{b.N}); err != nil {
				b.Fatal(err)
			}
		})
	}
}

// revocable knows every caller until it is gone, and has a list of whom to notify.
type revocable struct {
	mu      sync.RWMutex
	gone    bool
	revoked []func(string)
}

func (f *revocable) Authenticate(context.Context, *connect.CallInfo) (*authn.Principal, error) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	if f.gone {
		return nil, authn.InvalidCredential("revoked")
	}
	return editorOfBenchmarks, nil
}

func (f *revocable) OnRevoke(revoked func(string)) { f.revoked = append(f.revoked, revoked) }

// BenchmarkStreamRevoked is how long it takes until the last but one in a hundred,
// and the last, of a thousand live streams has ended since their principal was
// revoked.
func BenchmarkStreamRevoked(b *testing.B) {
	const procedure, count = testv1client.StreamServiceWatchOpenProcedure, 1000
	for b.Loop() {
		var entered, left sync.WaitGroup
		var mu sync.Mutex
		var ended []time.Time
		authenticator := &revocable{}
		server := streamServer(b, authenticator, streamHandlers{entered: entered.Done, left: func() {
			mu.Lock()
			ended = append(ended, time.Now())
			mu.Unlock()
			left.Done()
		}})
		entered.Add(count)
		left.Add(count)
		for range count {
			go func() { _ = server.Call(b.Context(), procedure, nil, &valid{repeating{1}}) }()
		}
		entered.Wait()
		authenticator.mu.Lock()
		authenticator.gone = true
		authenticator.mu.Unlock()
		start := time.Now()
		for _, revoked := range authenticator.revoked {
			revoked("u")
		}
		left.Wait()
		slices.SortFunc(ended, time.Time.Compare)
		b.ReportMetric(float64(ended[count*99/100-1].Sub(start).Microseconds())/1000, "p99-ms")
		b.ReportMetric(float64(ended[count-1].Sub(start).Microseconds())/1000, "max-ms")
	}
}
