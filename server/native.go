package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"time"

	"connectrpc.com/connect/v2"

	"github.com/sallyport-rpc/sallyport/action/actionserver"
	"github.com/sallyport-rpc/sallyport/action/event"
	"github.com/sallyport-rpc/sallyport/authn"
	"github.com/sallyport-rpc/sallyport/internal/option"
	"github.com/sallyport-rpc/sallyport/internal/recovered"
	"github.com/sallyport-rpc/sallyport/server/internal/port"
)

// WithGRPC serves the actions by gRPC on a further port too, through
// google.golang.org/grpc, which takes about half of the CPU that net/http's HTTP/2 takes
// for a call. Package grpcserver makes the listener:
//
//	server.WithGRPC(grpcserver.New(":9090"))
//
// All options of the server hold on that port as on its own, and a shutdown ends both.
// By default there is no such port; gRPC is served on the server's own port in any case.
func WithGRPC(listener port.Listener) Option {
	return option.Func[settings](func(s *settings) error {
		if listener == nil {
			return errors.New("server: the gRPC listener is nil")
		}
		if s.native != nil {
			return errors.New("server: WithGRPC is there twice: a server has one port for gRPC")
		}
		if listener.Listener() == nil {
			if _, _, err := net.SplitHostPort(listener.Address()); err != nil {
				return fmt.Errorf(`server: gRPC address %q is not HOST:PORT, such as "127.0.0.1:9090"`, listener.Address())
			}
		}
		s.native = listener
		return nil
	})
}

// A nativeHost is a server as the listener of its gRPC port sees it.
type nativeHost struct {
	*Server

	calls       context.Context //nolint:containedctx // what all calls of the port have in common
	connections *connections
}

// Limits implements [port.Host].
func (h nativeHost) Limits() port.Limits {
	limits, config := h.settings.limits, h.settings.tls
	if !h.settings.encrypted {
		config = nil
	}
	return port.Limits{
		TLS: config, MessageBytes: limits.messageBytes, HeaderBytes: limits.headerBytes, ConcurrentStreams: limits.concurrentStreams,
		HeaderTimeout: limits.header, ReadTimeout: limits.read, WriteTimeout: limits.write, IdleTimeout: limits.idle, PingTime: limits.ping,
	}
}

// Log implements [port.Host].
func (h nativeHost) Log() *slog.Logger { return slog.New(shortened{h.settings.log().Handler()}) }

// Admit implements [port.Host].
func (h nativeHost) Admit(conn net.Conn) (port.Place, bool) {
	place := &gathered{Conn: conn, gatherer: &gatherer{connections: h.connections}, native: true}
	if !h.connections.admit(place) {
		return nil, false
	}
	return place, true
}

// Idle implements [port.Place].
func (c *gathered) Idle(idle bool) {
	var since int64
	if idle {
		since = time.Now().UnixNano()
	}
	c.idleSince.Store(since)
}

// Leave implements [port.Place].
func (c *gathered) Leave() { c.gatherer.connections.closed(c) }

// Serve implements [port.Host].
func (h nativeHost) Serve(ctx context.Context, call port.Call) (failure *connect.Error) {
	procedure, metadata := h.procedures[call.Procedure()], call.Metadata()
	stream := &nativeStream{
		call: call, settings: h.settings, codecs: h.codecs, compressor: h.compressor, private: procedure.private(),
		unary: !procedure.streams(), single: !procedure.receives(),
	}
	stream.holding.Store(1)
	_, remote := call.Remote()
	stream.incoming.begin(h.settings, authn.Peer{
		Address: h.settings.origin(plainAddress(remote), metadata["x-forwarded-for"]), TLS: call.TLS(), Connection: call,
	}, procedure)
	defer stream.letGo()
	defer stream.incoming.turn.end()
	stream.context.begin(ctx, h.calls, &stream.incoming)
	ctx = &stream.context
	defer func() {
		if thrown := recover(); thrown != nil {
			h.settings.log().LogAttrs(ctx, slog.LevelError, "panic outside a gate",
				slog.String("panic", recovered.New("the server", thrown).Error()))
			failure = errInternal
			h.refusedNative(ctx, stream, "ended by a panic outside its gate", failure)
		}
	}()
	failure = h.refuse(call, stream, procedure)
	if failure == nil {
		procedure.serving.Add(1)
		defer procedure.serving.Add(-1)
		failure = h.dispatchNative(ctx, procedure, stream)
	}
	if stream.incoming.isShed() {
		h.registry.RecordShed(ctx, call.Procedure())
	}
	if !stream.incoming.reached {
		h.refusedNative(ctx, stream, refusedFor(stream, failure), failure)
	}
	return failure
}

// refuse returns what is wrong with a call before its procedure is asked, or nil.
func (h nativeHost) refuse(call port.Call, stream *nativeStream, procedure *procedure) *connect.Error {
	var host string
	if authority := call.Metadata()[":authority"]; len(authority) > 0 {
		host = authority[0]
	}
	if !h.settings.answersForHost(host) {
		return errMisdirected
	}
	if procedure == nil {
		return errUnknown
	}
	if err := stream.negotiate(); err != nil {
		return err
	}
	return stream.incoming.askForRoom(window)
}

// window is how much the transport of the gRPC port takes of a call before it is read.
const window = 64 << 10

// errMisdirected answers a call for a host that is not the server's.
var errMisdirected = connect.NewError(connect.CodePermissionDenied, "this server does not answer for the host that was asked for")

// dispatchNative takes a call through the interceptors to its gate.
func (h nativeHost) dispatchNative(ctx context.Context, procedure *procedure, stream *nativeStream) *connect.Error {
	if !procedure.streams() {
		growStack(false)
	} else {
		ctx = actionserver.WithStreamControl(ctx, h.nativeControl(stream.call))
	}
	stream.ctx = ctx
	info := &stream.info
	info.Spec, info.Protocol = procedure.spec, connect.ProtocolNameGRPC
	info.PeerAddr, _ = stream.call.Remote()
	stream.requestHeader()
	err := h.dispatch.Call(ctx, procedure.name, info, stream)
	failure := published(err)
	if stream.incoming.isToComeAgain() {
		info.ResponseHeader().Set("Retry-After", retryAfter)
	}
	stream.complete()
	return failure
}

// nativeControl returns what the gate needs to end a stream of the gRPC port.
func (h nativeHost) nativeControl(call port.Call) *actionserver.StreamControl {
	return &actionserver.StreamControl{
		InterruptReceive: call.Interrupt,
		InterruptSend:    call.Interrupt,
		OnShutdown:       h.settings.onShutdown,
		OpenTimeout:      h.settings.read,
		IdleTimeout:      h.settings.streamIdle,
		MaxMessages:      h.settings.streamMessages,
		MaxBytes:         h.settings.streamBytes,
	}
}

// published returns what a caller is told of an error, as connect's own transports do:
// all that a local *connect.Error says, and of any other a code alone.
func published(err error) *connect.Error {
	if err == nil {
		return nil
	}
	if authored, ok := errors.AsType[*connect.Error](err); ok && authored != nil {
		if authored.IsRemote() {
			return connect.NewError(connect.CodeInternal, "")
		}
		return authored
	}
	switch {
	case errors.Is(err, context.Canceled):
		return connect.NewError(connect.CodeCanceled, "")
	case errors.Is(err, context.DeadlineExceeded):
		return connect.NewError(connect.CodeDeadlineExceeded, "")
	default:
		return connect.NewError(connect.CodeUnknown, "")
	}
}

// refusedFor says why a call came to no gate.
func refusedFor(stream *nativeStream, failure *connect.Error) string {
	switch {
	case stream.incoming.intercepted:
		return "ended by an interceptor before the gate"
	case failure != errMisdirected:
		return "refused before the gate"
	}
	reason := "refused for its host"
	if authority := stream.call.Metadata()[":authority"]; len(authority) > 0 {
		reason += ", " + short(authority[0])
	}
	return reason
}

// refusedNative leaves an event of a call that came to no gate, or on which something
// outside its gate panicked.
func (h nativeHost) refusedNative(ctx context.Context, stream *nativeStream, reason string, failure *connect.Error) {
	refused := event.Event{Peer: &stream.incoming.peer}
	if ids := stream.call.Metadata()["x-request-id"]; len(ids) > 0 {
		refused.RequestID = ids[0]
	}
	refused.Procedure, refused.Reason = short(stream.call.Procedure()), reason
	if failure != nil {
		refused.Code = failure.Code()
	}
	h.registry.RecordRefused(ctx, refused)
}
